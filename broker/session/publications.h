// Publications: the publishing side of one session. For each topic that the session opened, it
// keeps how far its messages are published or refused, puts the parts of a large message together,
// and collects acknowledgements. Resource, part of a Session; [loop] thread.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/routing/router.h"
#include "broker/session/outbox.h"
#include "sdk/wire/control.h"

namespace btb {

// How many requests and messages were refused, by reason.
using Refusals = std::map<wire::Reason, uint64_t>;

class Publications;

// Messages of all sessions whose parts have not all come.
struct Unfinished {
  struct Begun {
    Publications* by = nullptr;
    uint32_t index = 0;     // of the topic, in by->open_
    uint64_t moved_ms = 0;  // when its latest part came
  };
  uint64_t bytes = 0;
  uint64_t bytes_max = limits::unfinished_max;
  std::list<Begun> begun;  // messages that take memory; the one that has waited longest is first
};

class Publications {
 public:
  // The references must outlive it. Acknowledgements and rejects go into `outbox`. After a call of
  // this session the caller wakes the subscriber; if another session causes a reject, this class
  // wakes `subscriber` itself.
  Publications(Refusals& refusals, Unfinished& unfinished, AccountPtr account, Outbox& outbox,
               Subscriber& subscriber)
      : refusals_(refusals),
        unfinished_(unfinished),
        account_(std::move(account)),
        outbox_(outbox),
        subscriber_(subscriber) {}
  Publications(const Publications&) = delete;
  Publications& operator=(const Publications&) = delete;

  bool allowed = true;  // whether the listener lets its clients publish; a reload may change it

  // From now on the session may publish to the topic. Opening it again changes the level.
  void open(Topic& topic, wire::AckLevel ack);
  [[nodiscard]] size_t size() const { return open_.size(); }
  [[nodiscard]] bool has(const Topic& topic) { return find(topic.number) != nullptr; }

  // Takes a data frame of the client: a whole message or a part of one. Publishes a complete
  // message; puts a reject into the outbox if it refuses one. All unfinished messages of this
  // session together may have `message_bytes_max`. `now_us` becomes the time of a message that has
  // none, or one in the future. `now_ms`, of a monotonic clock, is for messages in parts: if memory
  // is short, unfinished messages that got no part for limits::unfinished_stands_ms are cut, in any
  // session.
  void take(const wire::FrameView& frame, Router& router, int64_t now_us,
            uint32_t message_bytes_max, uint64_t now_ms);

  // Puts the acknowledgements that are due into the outbox.
  void append_acks();
  [[nodiscard]] bool acks_due() const { return !acks_due_.empty(); }

  // The session is over: ends its open batches, drops its unfinished messages, and closes its
  // topics.
  void close(Router& router);

 private:
  struct Publication {
    Topic* topic = nullptr;
    wire::AckLevel ack = wire::AckLevel::none;
    bool ack_due = false;
    bool batch_open = false;
    uint64_t published = 0;  // the client's number of the last message published or refused
    uint64_t seq = 0;        // the number in the log of the last message published
    // A message whose parts are coming in.
    bool in_parts = false;
    bool partial_refused = false;
    uint32_t partial_total = 0;  // bytes, as its first part says; 0 if it is refused
    uint64_t partial_seq = 0;    // the client's number of it
    std::optional<std::list<Unfinished::Begun>::iterator> begun;  // while it takes memory
    ByteVector partial_key;
    ByteVector partial;
  };

  // The index of a topic in open_.
  struct Place {
    uint32_t topic = 0;
    uint32_t index = 0;
  };

  [[nodiscard]] std::vector<Place>::iterator place_of(uint32_t topic);
  Publication* find(uint32_t topic);
  void take_part(Publication& to, const wire::FrameView& frame, Router& router, int64_t now_us,
                 uint32_t message_bytes_max, uint64_t now_ms);
  void publish(Publication& to, uint64_t published, const Message& message, Router& router);
  [[nodiscard]] wire::Reason objection(const Publication& to, size_t bytes, size_t bytes_max) const;
  // Whether so many more unfinished bytes fit into the limit of all sessions and that of this peer.
  [[nodiscard]] bool has_room(size_t bytes) const;
  bool make_room(size_t bytes, uint64_t now_ms, Router& router);
  void begin(Publication& to, uint64_t now_ms);
  void moved(Publication& to, uint64_t now_ms);
  void cut(uint32_t index, Router& router);
  void count_unfinished(Publication& to, uint32_t total);
  void settle(Publication& to, uint64_t published, uint64_t seq);
  // Refuses a message before it reaches its topic.
  void refuse(Publication& to, const wire::DataHead& head, wire::Reason reason, Router& router);
  static void end_batch(Publication& to, const wire::DataHead& head, Router& router);
  void append_reject(uint32_t topic, uint64_t published, wire::Reason reason,
                     std::string text = {});
  void drop_partial(Publication& to);

  Refusals& refusals_;
  Unfinished& unfinished_;
  AccountPtr account_;
  Outbox& outbox_;
  Subscriber& subscriber_;
  std::vector<Publication> open_;   // in the order they were opened
  std::vector<Place> by_number_;    // the same topics, sorted by number
  std::vector<uint32_t> acks_due_;  // indices in open_ with ack_due
  size_t last_ = 0;                 // index in open_ that was found last
  size_t partial_bytes_ = 0;        // of all unfinished messages here, as large as they will be
};

}  // namespace btb
