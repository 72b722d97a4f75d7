// The radio by itself, with hosts that are only lists of what they were told, and time in the
// test's hand.
#include <doctest/doctest.h>

#include <memory>
#include <vector>

#include "tests/lab/radio/controller.h"

using namespace btb::lab;
using btb::Bytes;
using btb::ByteVector;

namespace {

struct Host final : HostPort {
  struct Told {
    hci::Type type;
    ByteVector packet;
  };

  Host(Air& air, uint8_t number) : controller(air, {{number, 0, 0, 0, 0xBB, 0x02}}, *this) {}

  void to_host(hci::Type type, Bytes packet) override {
    told.push_back({type, {packet.begin(), packet.end()}});
  }

  void send(uint16_t opcode, const PacketWriter& parameters = {}) {
    controller.command(PacketWriter()
                           .u16(opcode)
                           .u8(static_cast<unsigned>(parameters.bytes().size()))
                           .raw(parameters.bytes())
                           .bytes());
  }
  void send_data(uint16_t handle, size_t bytes) {
    controller.data(
        PacketWriter().u16(handle).u16(static_cast<unsigned>(bytes)).zeros(bytes).bytes());
  }

  // The parameters of the events of this code; of LE ones with `subevent`.
  [[nodiscard]] std::vector<Bytes> events(uint8_t code, int subevent = -1) const {
    std::vector<Bytes> found;
    for (const Told& one : told) {
      if (one.type != hci::Type::event || std::to_integer<uint8_t>(one.packet[0]) != code) continue;
      const Bytes parameters = Bytes(one.packet).subspan(2);
      if (subevent < 0) {
        found.push_back(parameters);
      } else if (std::to_integer<int>(parameters[0]) == subevent) {
        found.push_back(parameters.subspan(1));
      }
    }
    return found;
  }
  [[nodiscard]] size_t data_bytes() const {
    size_t sum = 0;
    for (const Told& one : told) {
      if (one.type == hci::Type::acl) sum += one.packet.size() - 4;
    }
    return sum;
  }
  // Of the last connection that was told: its status and handle.
  [[nodiscard]] std::pair<uint8_t, uint16_t> connection() const {
    const auto all = events(hci::event::connection_complete);
    REQUIRE_FALSE(all.empty());
    PacketReader in(all.back());
    const uint8_t status = in.u8();
    return {status, in.u16()};
  }

  std::vector<Told> told;
  Controller controller;
};

struct World {
  explicit World(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      hosts.push_back(std::make_unique<Host>(air, static_cast<uint8_t>(i)));
      hosts.back()->send(hci::op::write_scan_enable, PacketWriter().u8(3));
      hosts.back()->send(hci::op::write_default_link_policy, PacketWriter().u16(5));
      hosts.back()->send(hci::op::le_write_default_data_length, PacketWriter().u16(251).u16(2120));
    }
  }
  void pass(Micros time) { air.advance(now += time); }
  Host& operator[](size_t index) { return *hosts[index]; }

  // `from` pages `to`, who takes it and wants to be the central, or not.
  void connect(size_t from, size_t to, bool central) {
    hosts[from]->send(hci::op::create_connection, PacketWriter()
                                                      .address(hosts[to]->controller.address())
                                                      .u16(0xCC18)
                                                      .u8(1)
                                                      .u8(0)
                                                      .u16(0)
                                                      .u8(1));
    pass(1'500'000);
    hosts[to]->send(hci::op::accept_connection,
                    PacketWriter().address(hosts[from]->controller.address()).u8(central ? 0 : 1));
    pass(100'000);
  }

  // `from` connects to `to` over LE as soon as it hears it.
  void initiate(size_t from, size_t to) {
    hosts[from]->send(hci::op::le_create_connection, PacketWriter()
                                                         .u16(96)
                                                         .u16(96)
                                                         .u8(0)
                                                         .u8(0)
                                                         .address(hosts[to]->controller.address())
                                                         .u8(0)
                                                         .u16(24)
                                                         .u16(40)
                                                         .u16(0)
                                                         .u16(42)
                                                         .zeros(4));
  }

  Air air{AirOptions{}};
  std::vector<std::unique_ptr<Host>> hosts;
  Micros now = 0;
};

}  // namespace

TEST_CASE("data arrives under the receiver's own handle, and the sender hears that it is across") {
  World world(3);
  world.connect(1, 0, true);
  world.connect(2, 0, true);
  const auto [status, handle] = world[2].connection();
  REQUIRE(status == hci::status::ok);
  world[2].send_data(handle, 100);
  world.pass(100'000);
  CHECK(world[0].data_bytes() == 100);
  CHECK(world[1].data_bytes() == 0);
  CHECK(world[2].events(hci::event::completed_packets).size() == 1);
  PacketReader in(world[0].told.back().packet);
  CHECK((in.u16() & 0x0FFF) == world[0].connection().second);
}

TEST_CASE("a link at 3 Mbit/s carries 2178 kbit/s, at 2 Mbit/s 1448") {
  for (const auto& [edr, bytes, kbit] : {std::tuple{3U, 1021U, 2178.1}, {2U, 679U, 1448.5}}) {
    World world(2);
    world.air.options.edr = edr;
    world.connect(1, 0, true);
    const Micros begin = world.now;
    size_t sent = 0;
    while (world.now - begin < 10'000'000) {
      while (sent - world[1].events(hci::event::completed_packets).size() < 8) {
        world[1].send_data(world[1].connection().second, bytes);
        ++sent;
      }
      world.pass(3'000);
    }
    CHECK(static_cast<double>(world[0].data_bytes()) * 8 / 10'000 ==
          doctest::Approx(kbit).epsilon(0.01));
  }
}

TEST_CASE("the links of one piconet share its time evenly") {
  World world(4);
  for (size_t i = 1; i < 4; ++i) world.connect(i, 0, true);
  for (size_t i = 1; i < 4; ++i) {
    for (int k = 0; k < 400; ++k) world[i].send_data(world[i].connection().second, 1021);
  }
  world.pass(2'000'000);
  const double all = static_cast<double>(world[0].data_bytes());
  CHECK(all * 8 / 2'000 == doctest::Approx(2178).epsilon(0.02));
  for (size_t i = 1; i < 4; ++i) {
    const auto own = static_cast<double>(world[i].events(hci::event::completed_packets).size());
    CHECK(own * 1021 / all == doctest::Approx(1.0 / 3).epsilon(0.02));
  }
}

TEST_CASE("where time is not kept, everything is across at once") {
  World world(2);
  world.air.options.keeps_time = false;
  world.connect(1, 0, true);
  const uint16_t handle = world[1].connection().second;
  for (int i = 0; i < 8; ++i) world[1].send_data(handle, 1021);
  world.pass(1);
  CHECK(world[0].data_bytes() == size_t{8} * 1021);
}

TEST_CASE("what each adapter did is counted") {
  World world(3);
  world.connect(1, 0, true);
  const uint16_t handle = world[1].connection().second;
  world.air.settle();
  const Usage before = world[1].controller.usage;
  for (int i = 0; i < 8; ++i) world[1].send_data(handle, 1021);
  world.pass(1'000'000);
  world.air.settle();
  const Usage& sender = world[1].controller.usage;
  const Usage& receiver = world[0].controller.usage;
  CHECK(sender.packets_sent - before.packets_sent == 8);
  CHECK(sender.bytes_sent - before.bytes_sent == 8 * 1021);
  CHECK(receiver.bytes_received == sender.bytes_sent);
  // Eight packets of five slots, and a second in which it is polled for nothing but now and then.
  CHECK(sender.sending - before.sending == 8 * 3'125);
  CHECK(receiver.receiving >= sender.sending - before.sending);
  CHECK(sender.listening - before.listening > 10'000);
  CHECK(sender.listening - before.listening < 200'000);
  CHECK(world[2].controller.usage.bytes_received == 0);
}

TEST_CASE("the time in which an adapter listens is counted") {
  World world(1);
  const auto listens = [&](Micros in) {
    world.air.settle();
    const Micros before = world[0].controller.usage.listening;
    world.pass(in);
    world.air.settle();
    return world[0].controller.usage.listening - before;
  };
  CHECK(listens(12'800'000) == 2 * 112'500);  // windows of 11.25 ms, for pages and for inquiries
  world[0].send(hci::op::write_scan_enable, PacketWriter().u8(0));
  CHECK(listens(1'000'000) == 0);
  // A quarter of its time; also while that goes on, and behind a reset no more.
  world[0].send(hci::op::le_set_scan_parameters, PacketWriter().u8(0).u16(64).u16(16).u8(0).u8(0));
  world[0].send(hci::op::le_set_scan_enable, PacketWriter().u8(1).u8(1));
  CHECK(listens(1'000'000) == 250'000);
  world[0].send(hci::op::reset, PacketWriter());
  CHECK(listens(1'000'000) == 0);
  // It asks for two units of 1.28 s, and pages somebody who is not there for as long as it may.
  world[0].send(hci::op::inquiry, PacketWriter().u24(0x9E8B33).u8(2).u8(0));
  CHECK(listens(4'000'000) == 2'560'000);
  world[0].send(
      hci::op::create_connection,
      PacketWriter().address(Address{{9, 9, 9, 9, 9, 9}}).u16(0).u8(0).u8(0).u16(0).u8(0));
  CHECK(listens(8'000'000) == 5'120'000);
}

TEST_CASE("a link has the policy that its host wrote, and the default before") {
  World world(2);
  const auto policy = [&](uint16_t handle) {
    world[1].send(hci::op::read_link_policy, PacketWriter().u16(handle));
    PacketReader in(world[1].events(hci::event::command_complete).back());
    in.u8();
    in.u16();
    in.u8();
    in.u16();
    return in.u16();
  };
  world.connect(1, 0, true);
  const uint16_t handle = world[1].connection().second;
  CHECK(policy(handle) == 5);
  world[1].send(hci::op::write_link_policy, PacketWriter().u16(handle).u16(1));
  CHECK(policy(handle) == 1);
  CHECK(world[1].events(hci::event::mode_change).empty());
  world[1].send(
      hci::op::sniff_mode,
      PacketWriter().u16(handle).u16(800).u16(800).u16(4).u16(1));  // not allowed any more
  world.pass(100'000);
  CHECK(world[1].events(hci::event::mode_change).empty());
}

TEST_CASE("an eighth device gets no place in a piconet") {
  World world(9);
  for (size_t i = 1; i < 8; ++i) {
    world.connect(i, 0, true);
    CHECK(world[i].connection().first == hci::status::ok);
  }
  world.connect(8, 0, true);
  CHECK(world[8].connection().first == hci::status::limited_resources);
}

TEST_CASE("a device that is pulled out leaves nothing behind that would happen to it") {
  World world(3);
  world.connect(1, 0, true);
  const uint16_t handle = world[1].connection().second;
  const auto& other = world[2].controller.address();
  world[1].send(hci::op::remote_name_request, PacketWriter().address(other).zeros(4));
  world[1].send(hci::op::sniff_mode, PacketWriter().u16(handle).u16(800).u16(800).u16(4).u16(1));
  world[1].send(hci::op::disconnect, PacketWriter().u16(handle).u8(hci::status::ended_by_user));
  world.hosts.erase(world.hosts.begin() + 1);
  world.pass(25'000'000);
  CHECK(world[0].events(hci::event::disconnection_complete).size() == 1);
}

TEST_CASE("who accepts may become the central, and both are told") {
  World world(2);
  world.connect(1, 0, true);
  CHECK(world[0].events(hci::event::role_change).size() == 1);
  PacketReader in(world[1].events(hci::event::role_change).at(0).subspan(7));
  CHECK(in.u8() == 1);
  World other(2);
  other.connect(1, 0, false);
  CHECK(other[0].events(hci::event::role_change).empty());
}

TEST_CASE("a device that is away is not found, and one that goes is lost after its time") {
  World world(2);
  world.air.between(world[0].controller, world[1].controller).apart = true;
  world.connect(1, 0, true);
  CHECK(world[1].events(hci::event::connection_complete).empty());
  world.pass(6'000'000);
  CHECK(world[1].connection().first == hci::status::page_timeout);

  world.air.between(world[0].controller, world[1].controller).apart = false;
  world.connect(1, 0, true);
  REQUIRE(world[1].connection().first == hci::status::ok);
  const auto go = [&](bool away) {
    world.air.between(world[0].controller, world[1].controller).apart = away;
    world.air.reach_changed(world[0].controller.address(), world[1].controller.address());
  };
  go(true);
  world[1].send_data(world[1].connection().second, 10);
  world.pass(19'000'000);
  go(false);
  world.pass(100'000);
  CHECK(world[0].data_bytes() == 10);  // back in time
  go(true);
  world.pass(19'900'000);
  CHECK(world[0].events(hci::event::disconnection_complete).empty());
  world.pass(200'000);
  for (size_t i = 0; i < 2; ++i) {
    const auto lost = world[i].events(hci::event::disconnection_complete);
    REQUIRE(lost.size() == 1);
    CHECK(std::to_integer<int>(lost[0][3]) == hci::status::connection_timeout);
  }
}

TEST_CASE("lost packets are sent again and cost time, not data") {
  World world(2);
  world.connect(1, 0, true);
  world.air.between(world[0].controller, world[1].controller).loss = 0.5;
  for (int i = 0; i < 200; ++i) world[1].send_data(world[1].connection().second, 1021);
  world.pass(200 * 3'750);
  CHECK(world[0].data_bytes() < 130 * 1021);
  world.pass(3'000'000);
  CHECK(world[0].data_bytes() == 200 * 1021);
  CHECK(world[1].controller.usage.lost > 100);
}

TEST_CASE("in sniff mode data waits for the next anchor") {
  World world(2);
  world.connect(1, 0, true);
  const uint16_t handle = world[1].connection().second;
  world[1].send(hci::op::sniff_mode, PacketWriter().u16(handle).u16(800).u16(800).u16(4).u16(1));
  world.pass(20'000);
  CHECK(world[0].events(hci::event::mode_change).size() == 1);
  world.pass(100'000);
  world[1].send_data(handle, 10);
  world.pass(300'000);
  CHECK(world[0].data_bytes() == 0);
  world.pass(200'000);
  CHECK(world[0].data_bytes() == 10);
}

TEST_CASE("a scanner hears who advertises, with how strong it is, and connects to it") {
  World world(2);
  world.air.between(world[0].controller, world[1].controller).rssi = -71;
  world[0].send(hci::op::le_set_advertising_parameters,
                PacketWriter().u16(160).u16(160).u8(0).u8(0).u8(0).zeros(6).u8(7).u8(0));
  world[0].send(hci::op::le_set_advertising_data, PacketWriter().u8(3).u24(0xABCDEF).zeros(28));
  world[0].send(hci::op::le_set_advertising_enable, PacketWriter().u8(1));
  world[1].send(hci::op::le_set_scan_parameters, PacketWriter().u8(0).u16(96).u16(96).u8(0).u8(0));
  world[1].send(hci::op::le_set_scan_enable, PacketWriter().u8(1).u8(1));
  world.pass(1'000'000);
  const auto reports = world[1].events(hci::event::le_meta, hci::le_event::advertising_report);
  REQUIRE(reports.size() == 1);  // the same one once
  CHECK(static_cast<int8_t>(reports[0].back()) == -71);

  world.initiate(1, 0);
  world.pass(300'000);
  const auto made = world[1].events(hci::event::le_meta, hci::le_event::connection_complete);
  REQUIRE(made.size() == 1);
  PacketReader in(made[0]);
  CHECK(in.u8() == hci::status::ok);
  const uint16_t handle = in.u16();
  CHECK_FALSE(world[0].controller.advertises());
  world[1].send_data(handle, 251);
  world.pass(49'000);
  world.pass(2'000);
  CHECK(world[0].data_bytes() == 251);  // at an anchor
}

// What an LE link carries of full packets of 251 bytes, in kbit/s.
double le_kbit(World& world) {
  world[0].send(hci::op::le_set_advertising_parameters,
                PacketWriter().u16(32).u16(32).u8(0).u8(0).u8(0).zeros(6).u8(7).u8(0));
  world[0].send(hci::op::le_set_advertising_enable, PacketWriter().u8(1));
  world.initiate(1, 0);
  world.pass(1'000'000);
  PacketReader in(world[1].events(hci::event::le_meta, hci::le_event::connection_complete).at(0));
  in.u8();
  const uint16_t handle = in.u16();
  for (int i = 0; i < 2'000; ++i) world[1].send_data(handle, 251);
  world.pass(2'000'000);
  return static_cast<double>(world[0].data_bytes()) * 8 / 2'000;
}

TEST_CASE("an LE link at 2 Mbit/s carries about 1.4 Mbit/s of full packets") {
  World world(2);
  CHECK(le_kbit(world) == doctest::Approx(1430).epsilon(0.03));
}

TEST_CASE("an LE link on which nobody asked for longer packets carries a quarter of it") {
  World world(2);
  for (size_t i = 0; i < 2; ++i) {
    world[i].send(hci::op::le_write_default_data_length, PacketWriter().u16(27).u16(328));
  }
  // Nine packets of 27 bytes in 152 us and one of 8 in 76 us, as many empty answers in 44 us, and
  // 150 us behind each of all these.
  CHECK(le_kbit(world) == doctest::Approx(251 * 8 / 4.884).epsilon(0.03));
}

TEST_CASE("two hosts pair by just saying yes, and a command nobody knows is refused and counted") {
  World world(2);
  for (size_t i = 0; i < 2; ++i) {
    world[i].send(hci::op::write_simple_pairing_mode, PacketWriter().u8(1));
  }
  world.connect(1, 0, true);
  const auto& first = world[0].controller.address();
  const auto& second = world[1].controller.address();
  world[1].send(hci::op::authentication_requested,
                PacketWriter().u16(world[1].connection().second));
  CHECK(world[1].events(hci::event::link_key_request).size() == 1);
  world[1].send(hci::op::link_key_negative_reply, PacketWriter().address(first));
  world[1].send(hci::op::io_capability_reply, PacketWriter().address(first).u8(3).u8(0).u8(0));
  world[0].send(hci::op::io_capability_reply, PacketWriter().address(second).u8(3).u8(0).u8(0));
  world[0].send(hci::op::user_confirmation_reply, PacketWriter().address(second));
  CHECK(world[1].events(hci::event::authentication_complete).empty());
  world[1].send(hci::op::user_confirmation_reply, PacketWriter().address(first));
  const auto done = world[1].events(hci::event::authentication_complete);
  REQUIRE(done.size() == 1);
  CHECK(std::to_integer<int>(done[0][0]) == hci::status::ok);
  CHECK(world[0].events(hci::event::link_key_notification).size() == 1);

  world[0].send(0xFC01);
  CHECK(world[0].controller.unknown().at(0xFC01) == 1);
}
