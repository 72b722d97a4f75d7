// Air: what lies between the controllers. It knows who hears whom, carries the data of every link,
// keeps the time this takes, and counts it.
//
// Time. A controller has one transceiver, so it carries one packet at a time (paging, inquiry,
// scanning and advertising take none of it here); from this alone a piconet
// shares its time among its links, and one that lives in two piconets divides itself.
// BR/EDR: an exchange is a packet of the central and one of the peripheral, in slots of 625 us; the
// peripheral's answer takes a slot if it has nothing to say (volume 2, part B, 6.5, for the
// packets). LE: from the anchor of each connection interval on, packets follow each other with 150
// us between them, for as long as either side has more (volume 6, part B, 4.5). A link with nothing
// to carry is polled all the same; that is not played event by event, but taken off the time of the
// others, and counted.
//
// Resource; one thread. Controllers are borrowed and take themselves out before they go.
#pragma once

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "tests/lab/radio/agenda.h"
#include "tests/lab/radio/packet.h"

namespace btb::lab {

class Controller;

// Of an ACL packet, what is not yet across.
struct Fragment {
  bool first = false;  // of an L2CAP frame
  ByteVector data;
  size_t across = 0;
};

// One of the two sides of a link.
struct LinkEnd {
  Controller* controller = nullptr;
  uint16_t handle = 0;
  Address address;           // as the other side knows it
  uint8_t address_type = 0;  // LE: 0 public, 1 random
  std::deque<Fragment> out;
  uint16_t policy = 0;  // BR/EDR: what its host allows to be asked for (volume 4, part E, 7.2.10)
};

struct Link {
  enum class Kind : uint8_t { classic, le };

  uint64_t id = 0;
  Kind kind = Kind::classic;
  std::array<LinkEnd, 2> ends;  // the first one is who opened it
  size_t central = 0;           // which of the two
  Micros interval = 0;          // of an LE link; of a classic one in sniff mode, else 0
  Micros anchor = 0;
  size_t le_payload = 27;  // of a packet, until both sides agree on more
  Micros supervision = 0;  // out of reach for so long, it is lost
  Micros last_used = 0;
  Micros settled = 0;       // until then, its idle polls are in the usage of both
  double poll_share = 0;    // of the time, that they take
  bool event_open = false;  // LE: the connection event goes on
  bool busy = false;        // an exchange is under way
  Agenda::Id loss = 0;      // when it will be lost, if nothing is heard until then

  [[nodiscard]] size_t end_of(const Controller& controller) const {
    return ends[0].controller == &controller ? 0 : 1;
  }
  [[nodiscard]] bool has_data() const { return !ends[0].out.empty() || !ends[1].out.empty(); }
};

// How well two controllers hear each other.
struct Reach {
  bool apart = false;
  int8_t rssi = -50;  // dBm
  double loss = 0;    // of packets, each way
};

// What a controller did on the air. Times in us.
struct Usage {
  uint64_t packets_sent = 0;
  uint64_t packets_received = 0;
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  uint64_t lost = 0;  // packets that had to be sent again
  Micros sending = 0;
  Micros receiving = 0;
  Micros listening = 0;  // scanning, and polling or being polled for nothing
};

struct AirOptions {
  bool keeps_time = true;  // false: everything is across at once
  unsigned edr = 3;        // Mbit/s of BR/EDR payloads: 2 or 3
  unsigned le_phy = 2;     // Mbit/s of LE: 1 or 2
  Micros supervision = 0;  // instead of the 20 s of BR/EDR links; 0 leaves them
  uint32_t seed = 1;
};

class Air {
 public:
  explicit Air(AirOptions chosen) : options(chosen), random_(chosen.seed) {}
  Air(const Air&) = delete;
  Air& operator=(const Air&) = delete;

  AirOptions options;
  Agenda agenda;

  // Does all that is due until `now`. Time before the first call is 0.
  void advance(Micros now);
  [[nodiscard]] Micros now() const { return now_; }

  void add(Controller& controller);
  void remove(Controller& controller);
  // It no longer takes part in its links: to the other sides, it fell silent.
  void abandon_links(Controller& controller);
  [[nodiscard]] const std::vector<Controller*>& controllers() const { return controllers_; }
  [[nodiscard]] Controller* find(const Address& address) const;

  // The two in either order.
  Reach& between(const Address& a, const Address& b) { return reach_[std::minmax(a, b)]; }
  Reach& between(const Controller& a, const Controller& b);
  [[nodiscard]] bool hears(const Controller& a, const Controller& b);
  // After `apart` was changed.
  void reach_changed(const Address& a, const Address& b);

  // --- links ---
  Link& open(Link::Kind kind, LinkEnd opener, LinkEnd other, size_t central, Micros supervision);
  // The side that ends it hears `own`, the other one `others`.
  void close(Link& link, const Controller& ender, uint8_t own, uint8_t others);
  [[nodiscard]] Link* link(const Controller& controller, uint16_t handle);
  [[nodiscard]] Link* link_between(Link::Kind kind, const Controller& a, const Controller& b);
  [[nodiscard]] std::vector<Link*> links_of(const Controller& controller);
  [[nodiscard]] size_t count(Link::Kind kind, const Controller& controller);
  // Puts what the polls of idle links took until now into the usage of their ends.
  void settle();
  void carry(Link& link, size_t from, Fragment fragment);
  // The link's interval or role is another now.
  void retimed(Link& link);

  // A number from 0 to 1.
  double chance() { return std::uniform_real_distribution<double>(0, 1)(random_); }

 private:
  struct Burst {
    size_t bytes = 0;
    Micros time = 0;
  };

  [[nodiscard]] bool in_reach(const Link& link);
  [[nodiscard]] Micros ready_at(const Link& link) const;
  [[nodiscard]] Burst burst(const Link& link, size_t from) const;
  void kick(Controller& central);
  void serve(Controller& central);
  void exchange(Link& link);
  void finish(uint64_t id, std::array<Burst, 2> sent);
  void arrived(Link& link, size_t from, const Burst& sent);
  [[nodiscard]] double poll_share(const Link& link) const;
  void settle(Link& link);
  [[nodiscard]] double idle_share(const Controller& central);
  void watch_loss(Link& link);
  void lose(uint64_t id);
  void tell_closed(const LinkEnd& end, uint8_t reason);

  Micros now_ = 0;
  std::vector<Controller*> controllers_;
  std::map<uint64_t, std::unique_ptr<Link>> links_;
  std::map<std::pair<Address, Address>, Reach> reach_;
  uint64_t next_link_ = 1;
  uint16_t next_handle_ = 1;
  std::mt19937 random_;
};

}  // namespace btb::lab
