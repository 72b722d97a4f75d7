// Handler: what a client of a broker is told. Derive from it and override what you care about.
//
// All functions are called from inside Conversation::receive, Client::run_once or Client::ready, on
// the thread that called those, and never from anywhere else. They may call back into the client
// (subscribe, publish, close, pause, ...); they must not destroy it. They must not throw.
//
// References and views (Topic, keys, payloads, texts) live until the function returns, except that
// a Topic stays where it is until its epoch ends: until the calls of on_must_refetch have returned
// that follow on_connected with `epoch_changed`.
// Texts may hold any bytes the broker sent: escape them before they reach a terminal.
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
  uint64_t first_seq = 0;  // oldest kept at the announcement; last_seq + 1 if nothing was
  uint64_t last_seq = 0;   // newest at the announcement; 0 if there never was one
  uint64_t position = 0;   // what comes is newer than this
  std::string content;     // "json", "text", "" for not known
  std::string schema;
  bool secret = false;
};

// One message, whole: what came in parts has been put together.
struct Message {
  uint64_t seq = 0;
  int64_t time_us = 0;  // since 1970-01-01 UTC
  Bytes key;
  Bytes payload;
  bool deletion = false;    // the key is gone; the payload is empty
  bool batch_more = false;  // another message of this batch follows; its end is on_batch_end
  bool snapshot = false;    // part of a whole snapshot, not a change
};

// A session was agreed on.
struct Session {
  uint64_t number = 0;
  std::string broker_name;
  std::string agent;
  uint64_t epoch = 0;
  int64_t broker_time_us = 0;
  uint32_t keep_alive_ms = 0;
  uint32_t message_bytes_max = 0;
  uint32_t subscriptions_max = 0;
  bool admin = false;    // commands are taken
  uint16_t site = 0;     // see bluez::Announcement; 0: it is not announced
  bool resumed = false;  // not the first session of this client
  // Another run of the broker: what is held of all topics from before is void, also of those that
  // the broker does not announce again or that are made later. on_must_refetch follows for each.
  bool epoch_changed = false;
};

// Why a session, or the attempt at one, ended.
struct Ending {
  wire::Reason reason = wire::Reason::none;
  std::string text;             // for people; may be empty
  bool by_broker = false;       // the broker said goodbye; otherwise found out on this side
  bool greeted = false;         // there had been a welcome
  uint32_t retry_after_ms = 0;  // asked for by the broker; 0: at will
  std::vector<std::string> elsewhere = {};  // of full: endpoints where the broker has places
  uint8_t announced_epoch = 0;              // of let_go: come back when another one is announced

  // How much it tells of a broker: 3 that it is full, 2 that its adapter is, 1 that it refused for
  // another reason, 0 nothing.
  [[nodiscard]] int weight() const {
    if (reason == wire::Reason::full) return by_broker ? 3 : 2;
    return by_broker ? 1 : 0;
  }
};

// What follows on_snapshot_begin.
enum class SnapshotKind : uint8_t {
  whole,    // every living row: replaces whatever is held of the topic
  changes,  // what changed while the client was away, deletions included: to be applied to what is
            // held
};

class Handler {
 public:
  virtual ~Handler() = default;

  // --- the session ---
  virtual void on_connected(const Session& /*session*/) {}
  // The connection is gone. `retry_ms`: the client connects again by itself in so many
  // milliseconds; negative: it does not, and this is the last call. (From a bare Conversation
  // always negative.)
  virtual void on_disconnected(const Ending& /*ending*/, int64_t /*retry_ms*/) {}

  // --- subscriptions ---
  // `id` as subscribe() returned it. `topics` matched at this moment.
  virtual void on_subscribed(uint32_t /*id*/, uint32_t /*topics*/) {}
  // Behind that, if there were none: it is followed all the same, and what is made later comes.
  // `hint` is the broker's word for people ("did you mean ward/3A/beds?"); may be empty.
  virtual void on_no_topic(uint32_t /*id*/, std::string_view /*hint*/) {}
  // The broker refused; the subscription is gone.
  virtual void on_subscription_refused(uint32_t /*id*/, wire::Reason /*reason*/,
                                       std::string_view /*text*/) {}
  virtual void on_unsubscribed(uint32_t /*id*/) {}
  // All that the broker had for this subscription when it was made (or resumed) has been delivered:
  // what comes from now on is live. Once for each session.
  virtual void on_synced(uint32_t /*id*/) {}

  // --- messages ---
  virtual void on_topic(const Topic& /*topic*/) {}
  virtual void on_message(const Topic& /*topic*/, const Message& /*message*/) {}
  // The batch is complete. Only called for batches of more than one message: a message without
  // batch_more outside a batch is a batch of its own. An open batch goes on after a reconnect.
  virtual void on_batch_end(const Topic& /*topic*/) {}
  virtual void on_snapshot_begin(const Topic& /*topic*/, SnapshotKind /*kind*/,
                                 uint64_t /*count*/) {}
  virtual void on_snapshot_end(const Topic& /*topic*/, uint64_t /*seq*/) {}
  // The messages first..last will not come; a batch that is open ends with this. Reason `none`: the
  // broker did not say so, the numbers showed it.
  virtual void on_gap(const Topic& /*topic*/, uint64_t /*first*/, uint64_t /*last*/,
                      wire::Reason /*reason*/) {}
  // The message `seq` has more payload than this client's message_bytes_max and was left out; what
  // is held of its key is out of date. Like a message it counts for the position: it does not come
  // again.
  virtual void on_too_large(const Topic& /*topic*/, uint64_t /*seq*/, Bytes /*key*/,
                            uint32_t /*payload_bytes*/) {}
  // Up to `seq` nothing is missing, and no batch is open.
  virtual void on_position(const Topic& /*topic*/, uint64_t /*seq*/) {}
  // What is held of the topic is void; a snapshot or the log from its oldest message follows,
  // unless the topic is gone with its epoch. Reason epoch_changed: called once for each topic of
  // the old epoch, right after on_connected; that the topic is there again is said by on_topic,
  // with a number that may be another.
  virtual void on_must_refetch(const Topic& /*topic*/, wire::Reason /*reason*/) {}

  // --- publishing; `publisher` as open() returned it ---
  virtual void on_opened(uint32_t /*publisher*/, wire::TopicKind /*kind*/) {}
  virtual void on_open_refused(uint32_t /*publisher*/, wire::Reason /*reason*/,
                               std::string_view /*text*/) {}
  // All up to `published` (as publish() counted) are settled: taken, or rejected one by one before.
  virtual void on_ack(uint32_t /*publisher*/, uint64_t /*published*/, uint64_t /*seq*/) {}
  virtual void on_reject(uint32_t /*publisher*/, uint64_t /*published*/, wire::Reason /*reason*/,
                         std::string_view /*text*/) {}
  // The connection ended before these were settled: they may have been taken or not. Publish again
  // what must not be lost, once on_opened has come again; counting begins anew at 1.
  virtual void on_unsettled(uint32_t /*publisher*/, uint64_t /*first*/, uint64_t /*last*/) {}

  // --- commands ---
  // `body` is JSON, whole; `reason` none if the command was carried out.
  virtual void on_reply(uint32_t /*command*/, wire::Reason /*reason*/, std::string_view /*text*/,
                        std::string_view /*body*/) {}
};

}  // namespace btb::client
