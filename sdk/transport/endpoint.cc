// The parts: one parser for each kind of endpoint, the hints for wrong texts, and the way back to
// text.
#include "sdk/transport/endpoint.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace btb {

namespace {

using Scheme = Endpoint::Scheme;

constexpr std::string_view forms =
    "unix:/path, unix:@name, tcp:HOST:PORT, l2cap:ADDR/PSM, le:ADDR/PSM or rfcomm:ADDR/CHANNEL";
constexpr size_t unix_path_bytes_max = 107;  // sun_path of Linux, without its final zero
constexpr size_t host_bytes_max = 253;       // of a DNS name, RFC 1035
constexpr uint32_t rfcomm_channel_max = 30;
constexpr uint32_t adapter_max = 255;

Result<Endpoint> wrong(std::string_view text, std::string_view why) {
  return Error{Errc::invalid, "endpoint \"" + std::string(text) + "\": " + std::string(why)};
}

std::optional<uint32_t> parse_number(std::string_view text, uint32_t max) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    text.remove_prefix(2);
    base = 16;
  }
  uint32_t value = 0;
  const char* end = text.data() + text.size();
  const auto [at, fault] = std::from_chars(text.data(), end, value, base);
  if (text.empty() || fault != std::errc{} || at != end || value > max) return std::nullopt;
  return value;
}

Result<Endpoint> parse_unix(std::string_view text, std::string_view path) {
  if (path.empty() || path == "@") return wrong(text, "a path (or @name) must follow \"unix:\"");
  if (path.find('\0') != std::string_view::npos) return wrong(text, "a zero byte in the path");
  if (path.size() > unix_path_bytes_max) {
    return wrong(text, "the path of a socket has at most 107 bytes");
  }
  return Endpoint{Scheme::unix_socket, std::string(path), 0};
}

Result<Endpoint> parse_tcp(std::string_view text, std::string_view rest) {
  std::string_view host;
  if (rest.starts_with('[')) {
    const size_t end = rest.find(']');
    if (end == std::string_view::npos) return wrong(text, "the \"]\" is missing");
    host = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    if (!rest.empty() && rest.front() != ':') return wrong(text, "\":PORT\" must follow the \"]\"");
  } else {
    if (std::count(rest.begin(), rest.end(), ':') > 1) {
      return wrong(text, "an IPv6 address stands in brackets: tcp:[::1]:4712");
    }
    host = rest.substr(0, rest.find(':'));
    rest.remove_prefix(host.size());
  }
  if (host.empty()) return wrong(text, "the host is missing; \"*\" listens on all addresses");
  if (host.size() > host_bytes_max || host.find('\0') != std::string_view::npos) {
    return wrong(text, "this is not the name of a host");
  }
  if (rest.empty() && host.find_first_not_of("0123456789") == std::string_view::npos) {
    return wrong(text, "the host is missing: tcp:127.0.0.1:" + std::string(host) +
                           ", or tcp:*:" + std::string(host) + " for all addresses");
  }
  if (rest.empty()) return Endpoint{Scheme::tcp, std::string(host), default_tcp_port};
  const auto port = parse_number(rest.substr(1), 65535);
  if (!port) return wrong(text, "the port is a number from 0 to 65535");
  return Endpoint{Scheme::tcp, std::string(host), static_cast<uint16_t>(*port)};
}

// "; did you mean ...?" for forms that other programs have; else nothing.
std::string meant_by(std::string_view text) {
  std::string meant;
  const size_t url = text.find("://");
  if (url != std::string_view::npos) {
    const std::string_view scheme = text.substr(0, url);
    const std::string_view rest = text.substr(url + 3);
    if (scheme == "tcp" || scheme == "mqtt" || scheme == "http") meant = "tcp:" + std::string(rest);
  } else if (text.starts_with('/') || text.starts_with("./") || text.ends_with(".sock")) {
    meant = "unix:" + std::string(text);
  } else if (text.find(':') != std::string_view::npos || text == "localhost") {
    const std::string_view port = text.substr(std::min(text.rfind(':'), text.size() - 1) + 1);
    if (text == "localhost" || parse_number(port, 65535)) meant = "tcp:" + std::string(text);
  }
  return !meant.empty() && parse_endpoint(meant) ? "; did you mean " + meant + "?" : "";
}

bool is_bluetooth_address(std::string_view text) {
  if (text.size() != 17) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool hex = std::string_view("0123456789abcdefABCDEF").find(text[i]) != std::string::npos;
    if (i % 3 == 2 ? text[i] != ':' : !hex) return false;
  }
  return true;
}

// As BlueZ writes addresses.
std::string in_capitals(std::string_view address) {
  std::string text(address);
  for (char& letter : text) {
    if (letter >= 'a' && letter <= 'f') letter = static_cast<char>(letter - 'a' + 'A');
  }
  return text;
}

// PSMs of BR/EDR have an odd low byte and an even high byte (Core specification, volume 3, part
// A, 4.2); those of LE have 8 bits (part A, 4.22).
const char* channel_fault(Scheme scheme, uint32_t number) {
  switch (scheme) {
    case Scheme::l2cap:
      return (number & 0x0101) == 1 ? nullptr : "the low byte of a PSM is odd, the high one even";
    case Scheme::le:
      return number >= 1 && number <= 255 ? nullptr : "a PSM of LE is a number from 1 to 255";
    case Scheme::rfcomm:
      return number >= 1 && number <= rfcomm_channel_max ? nullptr
                                                         : "a channel is a number from 1 to 30";
    case Scheme::unix_socket:
    case Scheme::tcp:
      break;
  }
  return "no channel is known here";
}

Result<Endpoint> parse_bluetooth(std::string_view text, Scheme scheme, std::string_view rest) {
  constexpr std::string_view random_suffix = "/random";
  const bool random = scheme == Scheme::le && rest.ends_with(random_suffix);
  if (random) rest.remove_suffix(random_suffix.size());
  const size_t slash = rest.find('/');
  const std::string_view address = rest.substr(0, slash);
  if (!is_adapter(address)) {
    return wrong(text,
                 "a Bluetooth address looks like 00:1A:7D:DA:71:13; for listening, hci0 is "
                 "an adapter and * all of them");
  }
  if (slash == std::string_view::npos) return wrong(text, "\"/\" and a number must follow");
  const auto number = parse_number(rest.substr(slash + 1), 65535);
  if (!number) return wrong(text, "a number must follow the \"/\"");
  if (const char* fault = channel_fault(scheme, *number)) return wrong(text, fault);
  Endpoint endpoint{scheme, std::string(address), static_cast<uint16_t>(*number), random};
  if (is_bluetooth_address(address)) endpoint.address = in_capitals(address);
  return endpoint;
}

}  // namespace

bool is_bluetooth(const Endpoint& endpoint) {
  return endpoint.scheme == Endpoint::Scheme::l2cap || endpoint.scheme == Endpoint::Scheme::le ||
         endpoint.scheme == Endpoint::Scheme::rfcomm;
}

bool is_adapter(std::string_view text) {
  return text == "*" || is_bluetooth_address(text) ||
         (text.starts_with("hci") && parse_number(text.substr(3), adapter_max));
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  const size_t colon = text.find(':');
  const std::string_view scheme = text.substr(0, colon);
  if (colon != std::string_view::npos) {
    const std::string_view rest = text.substr(colon + 1);
    const bool url = rest.starts_with("//") && scheme != "unix";  // a path may begin so
    if (url) return wrong(text, "expected " + std::string(forms) + meant_by(text));
    if (scheme == "unix") return parse_unix(text, rest);
    if (scheme == "tcp") return parse_tcp(text, rest);
    if (scheme == "l2cap") return parse_bluetooth(text, Scheme::l2cap, rest);
    if (scheme == "le") return parse_bluetooth(text, Scheme::le, rest);
    if (scheme == "rfcomm") return parse_bluetooth(text, Scheme::rfcomm, rest);
  }
  return wrong(text, "expected " + std::string(forms) + meant_by(text));
}

std::string to_string(const Endpoint& endpoint) {
  const std::string port = std::to_string(endpoint.port);
  switch (endpoint.scheme) {
    case Scheme::unix_socket:
      return "unix:" + endpoint.address;
    case Scheme::tcp:
      return endpoint.address.find(':') == std::string::npos
                 ? "tcp:" + endpoint.address + ":" + port
                 : "tcp:[" + endpoint.address + "]:" + port;
    case Scheme::l2cap:
      return "l2cap:" + endpoint.address + "/" + port;
    case Scheme::le:
      return "le:" + endpoint.address + "/" + port + (endpoint.random_address ? "/random" : "");
    case Scheme::rfcomm:
      return "rfcomm:" + endpoint.address + "/" + port;
  }
  return {};
}

}  // namespace btb
