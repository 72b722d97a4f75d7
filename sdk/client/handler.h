// Handler: the calls that a client of a broker gets. Derive from it, and override the functions
// that you need; each of them does nothing by default.
//
// Every function is called on the thread that uses the client, from inside Client::start, run_once,
// ready or close. (A bare Conversation calls it from receive, tick, end or close.) It may call back
// into the client (subscribe, publish, close, pause, ...). It must not destroy the client, and it
// must not throw.
//
// References and views (keys, payloads, texts) live until the function returns. A Topic lives
// longer: it stays at its address until the epoch ends. If on_connected says `epoch_changed`, the
// old Topics live until the calls of on_must_refetch that follow have returned.
//
// A text may hold any bytes that the broker sent. Escape it before it reaches a terminal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sdk/base/bytes.h"
#include "sdk/wire/words.h"

namespace btb::client {

// A topic as the broker announced it.
struct Topic {
  uint32_t number = 0;  // small, from 1: good as an index into a table of your own
  std::string name;
  wire::TopicKind kind = wire::TopicKind::events;
  wire::Priority priority = wire::Priority::normal;
  uint64_t first_seq = 0;  // oldest message when it was announced; last_seq + 1 if it was empty
  uint64_t last_seq = 0;   // newest message when it was announced; 0 if there never was one
  uint64_t position = 0;   // the broker sends the messages after this one
  std::string content;     // "json", "text"; empty: not known
  std::string schema;
  bool secret = false;
};

// One whole message. A message that came in parts has been put together.
struct Message {
  uint64_t seq = 0;
  int64_t time_us = 0;  // since 1970-01-01 UTC
  Bytes key;
  Bytes payload;
  bool deletion = false;    // the row with this key is gone; the payload is empty
  bool batch_more = false;  // another message of this batch follows; on_batch_end ends the batch
  bool snapshot = false;    // part of a whole snapshot, not a change
};

// What the broker said in its welcome.
struct Session {
  uint64_t number = 0;
  std::string broker_name;
  std::string agent;
  uint64_t epoch = 0;
  int64_t broker_time_us = 0;
  uint32_t keep_alive_ms = 0;
  uint32_t message_bytes_max = 0;
  uint32_t subscriptions_max = 0;
  bool admin = false;    // the broker takes commands on this connection
  uint16_t site = 0;     // see bluez::Announcement; 0: the broker is not announced over the air
  bool resumed = false;  // not the first session of this client
  // This is another run of the broker, so the content of every topic from before is void. This is
  // true also for a topic that the broker announces later or not at all. on_must_refetch follows
  // for each topic of which messages were received.
  bool epoch_changed = false;
};

// Why a session, or an attempt to get one, ended.
struct Ending {
  wire::Reason reason = wire::Reason::none;
  std::string text;             // for people; may be empty
  bool by_broker = false;       // the broker said goodbye; otherwise this side found the reason
  bool greeted = false;         // there had been a welcome
  uint32_t retry_after_ms = 0;  // the broker asks to wait this long; 0: it does not ask
  std::vector<std::string> elsewhere = {};  // with `full`: endpoints where the broker has places
  // With `let_go`: connect again when the broker announces another epoch than this one.
  uint8_t announced_epoch = 0;

  // How much this ending says about a broker. 3: the broker is full. 2: its adapter is full. 1: the
  // broker refused for another reason. 0: nothing.
  [[nodiscard]] int weight() const {
    if (reason == wire::Reason::full) return by_broker ? 3 : 2;
    return by_broker ? 1 : 0;
  }
};

// The messages between on_snapshot_begin and on_snapshot_end.
enum class SnapshotKind : uint8_t {
  whole,    // every row that exists now: they replace all rows that you hold
  changes,  // the rows that changed while the client was away, deletions included: apply them
};

class Handler {
 public:
  virtual ~Handler() = default;

  // --- the session ---
  virtual void on_connected(const Session& /*session*/) {}
  // The connection is gone, or an attempt failed. The client connects again by itself after
  // `retry_ms` milliseconds. Negative: it does not, and this is the last call. (A bare Conversation
  // always says -1.)
  virtual void on_disconnected(const Ending& /*ending*/, int64_t /*retry_ms*/) {}

  // --- subscriptions ---
  // `id` is the one that subscribe() returned; `topics` is the number of topics that match now.
  // Comes again after each reconnect.
  virtual void on_subscribed(uint32_t /*id*/, uint32_t /*topics*/) {}
  // Follows on_subscribed if no topic matches. The subscription stays, and brings the topics that
  // are made later. `hint` is for people ("did you mean ward/3A/beds?"); it may be empty.
  virtual void on_no_topic(uint32_t /*id*/, std::string_view /*hint*/) {}
  // The broker refused; the subscription is gone.
  virtual void on_subscription_refused(uint32_t /*id*/, wire::Reason /*reason*/,
                                       std::string_view /*text*/) {}
  virtual void on_unsubscribed(uint32_t /*id*/) {}
  // Everything that the broker had when the subscription was made (or resumed) has been delivered.
  // The messages from now on are live. Called once in each session.
  virtual void on_synced(uint32_t /*id*/) {}

  // --- messages ---
  // The broker announced a topic. Comes before the topic's first message in each session.
  virtual void on_topic(const Topic& /*topic*/) {}
  virtual void on_message(const Topic& /*topic*/, const Message& /*message*/) {}
  // The batch is complete. Called only for a batch that had a message with batch_more; any other
  // message is a batch of its own. An open batch goes on after a reconnect.
  virtual void on_batch_end(const Topic& /*topic*/) {}
  // State topics only. `count` is the number of rows at this moment: good for a progress bar, not
  // for counting. `kind` says what to do with the rows that you hold.
  virtual void on_snapshot_begin(const Topic& /*topic*/, SnapshotKind /*kind*/,
                                 uint64_t /*count*/) {}
  // The rows are complete up to the message `seq`.
  virtual void on_snapshot_end(const Topic& /*topic*/, uint64_t /*seq*/) {}
  // The messages `first` to `last` will not come. If the broker said so, an open batch ends with
  // this. Reason `none`: the broker did not say so, but the numbers of the messages showed it.
  virtual void on_gap(const Topic& /*topic*/, uint64_t /*first*/, uint64_t /*last*/,
                      wire::Reason /*reason*/) {}
  // The message `seq` was left out, because its payload is larger than this client's
  // message_bytes_max. The row that you hold for its key is out of date. The position moves as
  // with any message, so it does not come again.
  virtual void on_too_large(const Topic& /*topic*/, uint64_t /*seq*/, Bytes /*key*/,
                            uint32_t /*payload_bytes*/) {}
  // Nothing is missing up to `seq`, and no batch is open.
  virtual void on_position(const Topic& /*topic*/, uint64_t /*seq*/) {}
  // The content that you hold of the topic is void. If the topic still exists, a snapshot follows,
  // or the log from its oldest message. Reason `epoch_changed`: called once for each topic of the
  // old epoch, right after on_connected. If such a topic exists again, on_topic says so; its number
  // may have changed. Reason `topic_gone`: the topic does not exist any more under this number.
  virtual void on_must_refetch(const Topic& /*topic*/, wire::Reason /*reason*/) {}

  // --- publishing; `publisher` is the id that open() returned ---
  // publish() works from now on, until the connection ends. Comes again after each reconnect.
  virtual void on_opened(uint32_t /*publisher*/, wire::TopicKind /*kind*/) {}
  // The broker refused; the publisher is gone.
  virtual void on_open_refused(uint32_t /*publisher*/, wire::Reason /*reason*/,
                               std::string_view /*text*/) {}
  // All messages up to `published` (the number that publish() returned) are settled. The broker
  // took them, except the ones that on_reject named before.
  virtual void on_ack(uint32_t /*publisher*/, uint64_t /*published*/, uint64_t /*seq*/) {}
  // The broker did not take the message `published`.
  virtual void on_reject(uint32_t /*publisher*/, uint64_t /*published*/, wire::Reason /*reason*/,
                         std::string_view /*text*/) {}
  // The connection ended before the messages `first` to `last` were settled. The broker took them
  // or did not; nobody can say. If they must not be lost, publish them again after the next
  // on_opened. Counting begins again at 1. Not called for AckLevel::none.
  virtual void on_unsettled(uint32_t /*publisher*/, uint64_t /*first*/, uint64_t /*last*/) {}

  // --- commands ---
  // `command` is the id that command() returned. `body` is the whole answer, in JSON. Reason
  // `none`: the broker carried the command out.
  virtual void on_reply(uint32_t /*command*/, wire::Reason /*reason*/, std::string_view /*text*/,
                        std::string_view /*body*/) {}
};

}  // namespace btb::client
