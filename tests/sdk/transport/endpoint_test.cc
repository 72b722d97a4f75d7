#include "sdk/transport/endpoint.h"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>

using btb::Endpoint;
using btb::parse_endpoint;
using Scheme = btb::Endpoint::Scheme;

TEST_CASE("an endpoint is read as it is written, and written as it was read") {
  constexpr std::array texts{"unix:/run/btbroker/main.sock",
                             "unix:@btbroker",
                             "unix:relative.sock",
                             "tcp:localhost:4712",
                             "tcp:[::1]:80",
                             "tcp:*:0",
                             "l2cap:00:1A:7D:DA:71:13/4097",
                             "le:00:1A:7D:DA:71:13/128",
                             "rfcomm:00:1A:7D:DA:71:13/30",
                             "l2cap:hci0/4097",
                             "rfcomm:*/3",
                             "le:C0:1A:7D:DA:71:13/128/random"};
  for (const char* text : texts) {
    CAPTURE(text);
    const auto endpoint = parse_endpoint(text);
    REQUIRE(endpoint.ok());
    CHECK(to_string(*endpoint) == text);
  }
}

TEST_CASE("a Bluetooth address is written as BlueZ writes it") {
  CHECK(to_string(*parse_endpoint("le:00:1a:7d:da:71:13/128")) == "le:00:1A:7D:DA:71:13/128");
  CHECK(to_string(*parse_endpoint("l2cap:hci0/4097")) == "l2cap:hci0/4097");
}

TEST_CASE("the parts of an endpoint are where its scheme puts them") {
  CHECK(*parse_endpoint("unix:/a:b") == Endpoint{Scheme::unix_socket, "/a:b", 0});
  CHECK(*parse_endpoint("tcp:host") == Endpoint{Scheme::tcp, "host", btb::default_tcp_port});
  CHECK(*parse_endpoint("tcp:[fe80::1]") == Endpoint{Scheme::tcp, "fe80::1", 4712});
  CHECK(*parse_endpoint("l2cap:00:1A:7D:DA:71:13/0x1001") ==
        Endpoint{Scheme::l2cap, "00:1A:7D:DA:71:13", 0x1001});
}

TEST_CASE("an endpoint in the form of another program comes with the one that was perhaps meant") {
  const std::array<std::pair<std::string_view, std::string_view>, 9> cases{{
      {"tcp://localhost:4712", "; did you mean tcp:localhost:4712?"},
      {"mqtt://broker:1883", "; did you mean tcp:broker:1883?"},
      {"localhost:4712", "; did you mean tcp:localhost:4712?"},
      {"[::1]:4712", "; did you mean tcp:[::1]:4712?"},
      {"localhost", "; did you mean tcp:localhost?"},
      {"/run/x.sock", "; did you mean unix:/run/x.sock?"},
      {"ward.sock", "; did you mean unix:ward.sock?"},
      {"nonsense", ""},
      {"no:number", ""},
  }};
  for (const auto& [text, meant] : cases) {
    CAPTURE(text);
    const std::string said = parse_endpoint(text).error().text;
    const size_t hint = said.find("; did you mean");
    CHECK((hint == std::string::npos ? "" : said.substr(hint)) == meant);
  }
  CHECK(parse_endpoint("unix:///run/x.sock"));  // a path may begin with more than one "/"
}

TEST_CASE("an endpoint that is none is told what is wrong with it") {
  struct Case {
    std::string_view text, said;
  };
  const std::array cases{
      Case{"", "expected unix:/path"},
      Case{"/run/x.sock", "expected unix:/path"},
      Case{"http:x", "expected unix:/path"},
      Case{"unix:", "a path"},
      Case{"unix:@", "a path"},
      Case{std::string_view("unix:/a\0b", 9), "zero byte"},
      Case{"tcp:", "host is missing"},
      Case{"tcp::4712", "host is missing"},
      Case{"tcp:4712", "host is missing: tcp:127.0.0.1:4712"},
      Case{"tcp:::1", "brackets"},
      Case{"tcp:[::1", "\"]\" is missing"},
      Case{"tcp:[::1]4712", "must follow"},
      Case{"tcp:h:", "0 to 65535"},
      Case{"tcp:h:65536", "0 to 65535"},
      Case{"tcp:h:-1", "0 to 65535"},
      Case{"tcp:h:47 ", "0 to 65535"},
      Case{"l2cap:00:1A:7D:DA:71/3", "Bluetooth address"},
      Case{"l2cap:00:1A:7D:DA:71:13", "must follow"},
      Case{"l2cap:00:1A:7D:DA:71:13/4096", "odd"},
      Case{"l2cap:00:1A:7D:DA:71:13/257", "even"},
      Case{"le:00:1A:7D:DA:71:13/256", "1 to 255"},
      Case{"rfcomm:00:1A:7D:DA:71:13/31", "1 to 30"},
      Case{"rfcomm:hci/3", "Bluetooth address"},
      Case{"rfcomm:hci256/3", "Bluetooth address"},
      Case{"l2cap:C0:1A:7D:DA:71:13/4097/random", "a number"},
      Case{"rfcomm:00:1A:7D:DA:71:13/x", "a number"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const auto endpoint = parse_endpoint(c.text);
    REQUIRE(!endpoint.ok());
    CHECK(endpoint.error().code == btb::Errc::invalid);
    CHECK(endpoint.error().text.find(c.said) != std::string::npos);
  }
  CHECK(parse_endpoint("unix:/" + std::string(106, 'x')).ok());
  CHECK(!parse_endpoint("unix:/" + std::string(107, 'x')).ok());
}
