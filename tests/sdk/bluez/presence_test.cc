// Presence against a bluetoothd of a few lines, at the other end of a socket.
#include "sdk/bluez/presence.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>

#include <algorithm>
#include <functional>
#include <vector>

using namespace btb;
using namespace btb::bluez;
using Lines = std::vector<std::string>;

namespace {

std::string last_of(const char* path) {
  const std::string text = path;
  return text.substr(text.rfind('/') + 1);
}

// Writes down what it is asked ("hci0 register"), and answers as it is told to.
class SmallBluez {
 public:
  enum class Answer : uint8_t { yes, no, none };

  SmallBluez() {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    sd_id128_t id{};
    id.bytes[0] = 1;
    REQUIRE(sd_bus_new(&bus_) >= 0);
    REQUIRE(sd_bus_set_fd(bus_, ends[0], ends[0]) >= 0);
    REQUIRE(sd_bus_set_server(bus_, 1, id) >= 0);
    REQUIRE(sd_bus_add_filter(bus_, nullptr, on_message, this) >= 0);
    REQUIRE(sd_bus_start(bus_) >= 0);
    client = std::move(*Bus::over(UniqueFd(ends[1])));
  }
  ~SmallBluez() { sd_bus_close_unref(bus_); }
  SmallBluez(const SmallBluez&) = delete;
  SmallBluez& operator=(const SmallBluez&) = delete;

  // Until nobody has anything to say.
  void settle() {
    for (int i = 0; i < 50; ++i) {
      while (sd_bus_process(bus_, nullptr) > 0) {
      }
      REQUIRE(client->process());
    }
  }
  Lines take() { return std::exchange(asked, {}); }
  // Answers what was left without.
  void answer_held() {
    for (sd_bus_message* call : std::exchange(held_, {})) {
      sd_bus_reply_method_return(call, nullptr);
      sd_bus_message_unref(call);
    }
    settle();
  }
  void remove(const std::string& adapter) {
    sd_bus_message* signal = nullptr;
    sd_bus_message_new_signal(bus_, &signal, "/", "org.freedesktop.DBus.ObjectManager",
                              "InterfacesRemoved");
    sd_bus_message_set_sender(signal, "org.bluez");
    sd_bus_message_append(signal, "oas", ("/org/bluez/" + adapter).c_str(), 2,
                          "org.bluez.LEAdvertisingManager1", "org.bluez.Adapter1");
    sd_bus_send(bus_, signal, nullptr);
    sd_bus_message_unref(signal);
    settle();
  }

  void change_discoverable(const std::string& adapter, bool on) {
    sd_bus_message* signal = nullptr;
    sd_bus_message_new_signal(bus_, &signal, ("/org/bluez/" + adapter).c_str(),
                              "org.freedesktop.DBus.Properties", "PropertiesChanged");
    sd_bus_message_set_sender(signal, "org.bluez");
    sd_bus_message_append(signal, "sa{sv}as", "org.bluez.Adapter1", 1, "Discoverable", "b",
                          on ? 1 : 0, 0);
    sd_bus_send(bus_, signal, nullptr);
    sd_bus_message_unref(signal);
    settle();
  }

  std::unique_ptr<Bus> client;
  Lines adapters{"hci0", "hci1"};
  Lines asked;
  bool paired = false;  // what devices say of themselves
  std::function<Answer(const std::string& asked)> answer = [](const std::string&) {
    return Answer::yes;
  };

 private:
  static int on_message(sd_bus_message* call, void* data, sd_bus_error*) {
    return static_cast<SmallBluez*>(data)->heard(call);
  }

  int heard(sd_bus_message* call) {
    uint8_t type = 0;
    sd_bus_message_get_type(call, &type);
    if (type != SD_BUS_MESSAGE_METHOD_CALL) return 0;
    const std::string member = sd_bus_message_get_member(call);
    if (member == "GetManagedObjects") return list(call);
    std::string what = last_of(sd_bus_message_get_path(call)) + " " + member;
    if (member == "Set") {
      const char *interface = nullptr, *name = nullptr;
      int value = 0;
      sd_bus_message_read(call, "ss", &interface, &name);
      sd_bus_message_read(call, "v", "b", &value);
      what += " " + std::string(name) + (value != 0 ? " on" : " off");
    }
    asked.push_back(what);
    if (member == "Get" && answer(what) == Answer::yes) {
      return sd_bus_reply_method_return(call, "v", "b", paired ? 1 : 0);
    }
    switch (answer(what)) {
      case Answer::yes:
        sd_bus_reply_method_return(call, nullptr);
        break;
      case Answer::no:
        sd_bus_reply_method_errorf(call, "org.bluez.Error.Failed", "no");
        break;
      case Answer::none:
        held_.push_back(sd_bus_message_ref(call));
        break;
    }
    return 1;
  }

  int list(sd_bus_message* call) {
    sd_bus_message* reply = nullptr;
    sd_bus_message_new_method_return(call, &reply);
    sd_bus_message_open_container(reply, 'a', "{oa{sa{sv}}}");
    for (const std::string& adapter : adapters) {
      const std::string address = "02:00:00:00:00:0" + adapter.substr(3);
      sd_bus_message_append(reply, "{oa{sa{sv}}}", ("/org/bluez/" + adapter).c_str(), 2,
                            "org.bluez.Adapter1", 3, "Address", "s", address.c_str(), "Powered",
                            "b", 1, "Discoverable", "b", 0, "org.bluez.LEAdvertisingManager1", 0);
    }
    sd_bus_message_close_container(reply);
    sd_bus_send(bus_, reply, nullptr);
    sd_bus_message_unref(reply);
    return 1;
  }

  sd_bus* bus_ = nullptr;
  std::vector<sd_bus_message*> held_;
};

struct World : Presence::Events {
  explicit World(const std::function<SmallBluez::Answer(const std::string&)>& answer = {}) {
    if (answer) bluez.answer = answer;
    PresenceOptions options;
    options.name = "b";
    options.announcement.le_psm = 128;
    presence = std::make_unique<Presence>(*bluez.client, options, *this);
    presence->start();
    bluez.settle();
  }
  void presence_event(bool, const std::string& what, const std::string& text) override {
    told.push_back(what + " " + text);
  }
  void tick(int times) {
    for (int i = 0; i < times; ++i) presence->tick();
    bluez.settle();
  }
  // How often this was asked since it was looked at last.
  auto asked(const std::string& what) {
    const Lines lines = bluez.take();
    return std::count(lines.begin(), lines.end(), what);
  }

  SmallBluez bluez;
  std::unique_ptr<Presence> presence;
  Lines told;
};

using Answer = SmallBluez::Answer;

}  // namespace

TEST_CASE("adapters are made discoverable, and then asked to advertise, one after the other") {
  World world;
  const Lines lines = world.bluez.take();
  const auto at = [&](const char* what) {
    return std::find(lines.begin(), lines.end(), what) - lines.begin();
  };
  CHECK(at("hci0 Set Discoverable on") < at("hci0 RegisterAdvertisement"));
  CHECK(at("hci0 RegisterAdvertisement") < at("hci1 RegisterAdvertisement"));
  CHECK(at("hci1 RegisterAdvertisement") < static_cast<std::ptrdiff_t>(lines.size()));
  CHECK(at("hci0 Set Pairable off") < static_cast<std::ptrdiff_t>(lines.size()));
  CHECK(std::count(world.told.begin(), world.told.end(), "advertising hci1") == 1);
  CHECK(world.presence->advertises("02:00:00:00:00:00"));
}

// bluetoothd forgets to answer a registration while Discoverable changes.
TEST_CASE("nobody is asked to advertise before it said that it is discoverable") {
  World world([](const std::string& what) {
    return what == "hci0 Set Discoverable on" ? Answer::none : Answer::yes;
  });
  CHECK(world.asked("hci0 RegisterAdvertisement") == 0);
  world.bluez.answer_held();
  CHECK(world.asked("hci0 RegisterAdvertisement") == 1);
}

TEST_CASE("adapters that refuse to advertise are asked again now and then, and it is told once") {
  World world([](const std::string& what) {
    return what.ends_with("RegisterAdvertisement") ? Answer::no : Answer::yes;
  });
  CHECK(world.asked("hci0 RegisterAdvertisement") == 1);
  world.tick(9);
  CHECK(world.bluez.take().empty());
  world.tick(1);
  CHECK(world.asked("hci1 RegisterAdvertisement") == 1);
  world.tick(30);
  const std::string refusal = "bluetooth_refused hci1: to advertise: org.bluez.Error.Failed: no";
  CHECK(std::count(world.told.begin(), world.told.end(), refusal) == 1);
  world.bluez.answer = [](const std::string&) { return Answer::yes; };
  world.tick(10);
  CHECK(std::count(world.told.begin(), world.told.end(), "advertising hci1") == 1);
}

TEST_CASE("what is refused once is asked again") {
  bool busy = true;
  World world([&](const std::string& what) {
    return busy && what.ends_with("Discoverable on") ? Answer::no : Answer::yes;
  });
  world.bluez.take();
  busy = false;
  world.tick(10);
  CHECK(world.asked("hci0 Set Discoverable on") == 1);
}

TEST_CASE("a change is announced by registering anew, once the answer before is there") {
  World world;
  world.bluez.take();
  world.bluez.answer = [](const std::string& what) {
    return what.ends_with("RegisterAdvertisement") ? Answer::none : Answer::yes;
  };
  world.presence->set_free_places("02:00:00:00:00:00", 3);
  world.bluez.settle();
  CHECK(world.bluez.take() == Lines{"hci0 UnregisterAdvertisement", "hci0 RegisterAdvertisement"});
  world.presence->set_free_places("02:00:00:00:00:00", 2);
  world.presence->set_free_places("02:00:00:00:00:00", 1);
  world.bluez.settle();
  CHECK(world.bluez.take().empty());
  world.bluez.answer_held();
  CHECK(world.asked("hci0 RegisterAdvertisement") == 1);
  world.bluez.answer_held();
  CHECK(world.bluez.take().empty());
}

TEST_CASE("an adapter that is pulled out before it answered holds up no other") {
  World world([](const std::string& what) {
    return what == "hci0 RegisterAdvertisement" ? Answer::none : Answer::yes;
  });
  CHECK(world.asked("hci1 RegisterAdvertisement") == 0);
  world.bluez.remove("hci0");
  CHECK(world.asked("hci1 RegisterAdvertisement") == 1);
  CHECK(std::count(world.told.begin(), world.told.end(), "adapter_gone hci0") == 1);
  world.bluez.answer_held();  // of what is gone
  CHECK_FALSE(world.presence->advertises("02:00:00:00:00:00"));
  CHECK(world.presence->advertises("02:00:00:00:00:01"));
}

TEST_CASE("who leaves hides its adapters and does not show them again") {
  World world;
  world.bluez.change_discoverable("hci0", true);
  world.bluez.take();
  SUBCASE("somebody else's time-out is answered while it is there") {
    world.bluez.change_discoverable("hci0", false);
    CHECK(world.asked("hci0 Set Discoverable on") == 1);
  }
  SUBCASE("what comes of its own leaving is not") {
    world.presence->leave();
    world.bluez.change_discoverable("hci0", false);
    const Lines lines = world.bluez.take();
    CHECK(std::count(lines.begin(), lines.end(), "hci0 Set Discoverable off") == 1);
    CHECK(std::count(lines.begin(), lines.end(), "hci0 Set Discoverable on") == 0);
  }
}

TEST_CASE("the link of a stranger is ended, and told when it is") {
  World world;
  world.bluez.take();
  bool still = true;
  const auto drop = [&](const char* adapter = "02:00:00:00:00:00",
                        const char* device_address = "02:BB:00:00:00:07") {
    world.told.clear();
    world.presence->drop_link_of_stranger(adapter, device_address, [&] { return still; });
    world.bluez.settle();
    return world.bluez.take();
  };
  const std::string device = "dev_02_BB_00_00_00_07";
  CHECK(drop() == Lines{device + " Get", device + " Disconnect"});
  REQUIRE(world.told.size() == 1);
  CHECK(world.told[0].starts_with("link_dropped 02:BB:00:00:00:07 opened a link"));

  SUBCASE("unless it is used by then") {
    still = false;
    CHECK(drop() == Lines{device + " Get"});
    CHECK(world.told.empty());
  }
  SUBCASE("unless it has paired, which is told once") {
    world.bluez.paired = true;
    CHECK(drop() == Lines{device + " Get"});
    REQUIRE(world.told.size() == 1);
    CHECK(world.told[0].find("it has paired; `bluetoothctl disconnect`") != std::string::npos);
    drop("02:00:00:00:00:00", "02:BB:00:00:00:08");  // each device by itself
    CHECK(world.told.size() == 1);
    drop();
    CHECK(world.told.empty());
  }
  SUBCASE("and when bluetoothd refuses, that is told once") {
    world.bluez.answer = [](const std::string& what) {
      return what.ends_with("Disconnect") ? Answer::no : Answer::yes;
    };
    drop();
    REQUIRE(world.told.size() == 1);
    CHECK(
        world.told[0].starts_with("bluetooth_refused to end the link of 02:BB:00:00:00:07, which"));
    drop();
    CHECK(world.told.empty());
  }
  SUBCASE("and none of another adapter") {
    CHECK(drop("02:00:00:00:00:99").empty());
  }
}
