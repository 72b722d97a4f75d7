// Publications: what one session publishes. Keeps, for each topic it opened, how far its messages
// are settled, puts the parts of a message together, and collects what is to be acknowledged.
// Resource, part of a Session; [loop] thread.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/routing/router.h"
#include "sdk/wire/control.h"

namespace btb {

// How often something was refused, by reason.
using Refusals = std::map<wire::Reason, uint64_t>;

class Publications;

// Messages whose parts have not all come, of all sessions.
struct Unfinished {
  struct Begun {
    Publications* by = nullptr;
    uint32_t index = 0;     // which of its topics
    uint64_t moved_ms = 0;  // when its last part came
  };
  uint64_t bytes = 0;
  uint64_t bytes_max = limits::unfinished_max;
  std::list<Begun> begun;  // that takes bytes; the one that has stood still longest first
};

class Publications {
 public:
  // All of these outlive it. What is to be said to the client is appended to `out`; its
  // `subscriber` is woken where nothing of its own was the cause.
  Publications(Refusals& refusals, Unfinished& unfinished, AccountPtr account, ByteVector& out,
               Subscriber& subscriber)
      : refusals_(refusals),
        unfinished_(unfinished),
        account_(std::move(account)),
        out_(out),
        subscriber_(subscriber) {}
  Publications(const Publications&) = delete;
  Publications& operator=(const Publications&) = delete;

  bool allowed = true;  // by the rules of the listener, which a reload may change

  // The topic may now be published to. Opening it again changes the level.
  void open(Topic& topic, wire::AckLevel ack);
  [[nodiscard]] size_t size() const { return open_.size(); }
  [[nodiscard]] bool has(const Topic& topic) { return find(topic.number) != nullptr; }

  // A data frame of the session, whole or a part. Publishes what is complete; appends a reject
  // for what is not taken, be it that a reload took the right away. Messages in parts that
  // are not complete have `message_bytes_max` together. `now_us` is the time a message gets that
  // brings none, or one from the future; `now_ms` tells how long one in parts stands still: where
  // there is no room, those of any session that did for 10 s are cut.
  void take(const wire::FrameView& frame, Router& router, int64_t now_us,
            uint32_t message_bytes_max, uint64_t now_ms);

  // Says the acknowledgements that are due.
  void append_acks();
  [[nodiscard]] bool acks_due() const { return !acks_due_.empty(); }

  // The session is over: a batch that was begun ends here.
  void close(Router& router);

 private:
  struct Publication {
    Topic* topic = nullptr;
    wire::AckLevel ack = wire::AckLevel::none;
    bool ack_due = false;
    bool batch_open = false;
    uint64_t published = 0;  // the session's own number of the last settled message
    uint64_t seq = 0;        // the number it got
    // A message whose parts are coming in.
    bool in_parts = false;
    bool partial_refused = false;
    uint32_t partial_total = 0;  // as the first part says; 0 of a refused one
    uint64_t partial_seq = 0;    // the session's own number
    std::optional<std::list<Unfinished::Begun>::iterator> begun;  // while it takes bytes
    ByteVector partial_key;
    ByteVector partial;
  };

  // Where a topic stands in open_.
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
  // Whether all sessions, and those of this peer, may have so many more bytes unfinished.
  [[nodiscard]] bool has_room(size_t bytes) const;
  bool make_room(size_t bytes, uint64_t now_ms, Router& router);
  void begin(Publication& to, uint64_t now_ms);
  void moved(Publication& to, uint64_t now_ms);
  void cut(uint32_t index, Router& router);
  void count_unfinished(Publication& to, uint32_t total);
  void settle(Publication& to, uint64_t published, uint64_t seq);
  // For what does not even reach its topic.
  void refuse(Publication& to, const wire::DataHead& head, wire::Reason reason, Router& router);
  static void end_batch(Publication& to, const wire::DataHead& head, Router& router);
  void append_reject(uint32_t topic, uint64_t published, wire::Reason reason,
                     std::string text = {});
  void drop_partial(Publication& to);

  Refusals& refusals_;
  Unfinished& unfinished_;
  AccountPtr account_;
  ByteVector& out_;
  Subscriber& subscriber_;
  std::vector<Publication> open_;   // in the order they were opened
  std::vector<Place> by_number_;    // the same, sorted by topic
  std::vector<uint32_t> acks_due_;  // of open_, those with ack_due
  size_t last_ = 0;                 // where the last one was found
  size_t partial_bytes_ = 0;        // that messages begun will have, in all publications
};

}  // namespace btb
