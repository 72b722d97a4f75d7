#include "sdk/cli/publisher.h"

#include <algorithm>

#include "sdk/base/limits.h"
#include "sdk/wire/words.h"

namespace btb::cli {

using wire::Reason;

namespace {

std::string counted(uint64_t number, const char* one, const char* many) {
  return std::to_string(number) + (number == 1 ? one : many);
}

}  // namespace

void Publisher::attach(client::Client& client, uint32_t id) {
  client_ = &client;
  id_ = id;
}

Exit Publisher::outcome() const {
  return rejects_ != 0 ? Exit::refused : left_out_ != 0 ? Exit::error : Exit::ok;
}

bool Publisher::settled() const {
  return waits_ ? settled_ >= published_ : client_->conversation().output().empty();
}

uint32_t Publisher::message_bytes_max() const {
  return client_->conversation().session().message_bytes_max;
}

std::string Publisher::fault_of(const client::Publication& publication) const {
  const auto too_large = [](size_t bytes, size_t most) {
    return " has " + std::to_string(bytes) + " bytes, more than " + std::to_string(most);
  };
  if (publication.key.size() > limits::key_bytes_max) {
    return "its key" + too_large(publication.key.size(), limits::key_bytes_max);
  }
  if (publication.payload.size() > message_bytes_max()) {
    return "it" + too_large(publication.payload.size(), message_bytes_max()) +
           ", the most that this broker takes";
  }
  return {};
}

bool Publisher::publish(const client::Publication& publication, uint64_t line) {
  const auto seq = client_->publish(id_, publication);
  if (!seq) return false;
  published_ = *seq;
  if (waits_) lines_.push_back(line);
  if (of_rows_ && publication.key.empty() && !told_of_no_key_) {
    told_of_no_key_ = true;
    program_.note("this topic holds rows; without a key (-k) each message replaces the last one");
  }
  return true;
}

void Publisher::leave_out(uint64_t line_number, std::string_view why) {
  program_.error("line " + std::to_string(line_number) + " is left out: " + std::string(why));
  ++left_out_;
}

void Publisher::fail(Exit exit, std::string_view text) {
  program_.error(text);
  failed_ = exit;
}

void Publisher::before_turn() {
  unsent_ = !client_->conversation().output().empty();
}

void Publisher::stop(std::string_view what) {
  stopping_ = true;
  if (!ever_open_) {
    program_.error(std::string(what) + " before the broker answered; nothing was published");
  } else if (waits_ && settled_ < published_) {
    program_.error(std::string(what) + ": " + tally(published_ - settled_));
  } else if (!waits_ && open_ && !settled()) {
    program_.error(std::string(what) + ": not all messages were sent");
  }
}

// "3 messages were confirmed; 2 were not: they may have been taken or not"
std::string Publisher::tally(uint64_t unsettled) const {
  return counted(settled_total_ - std::min(rejects_, settled_total_), " message was",
                 " messages were") +
         " confirmed, " + std::to_string(unsettled) + (unsettled == 1 ? " was" : " were") +
         " not: " + (unsettled == 1 ? "it" : "they") + " may have been taken or not";
}

void Publisher::settle(uint64_t published) {
  if (published <= settled_) return;
  settled_total_ += published - settled_;
  const uint64_t count = std::min<uint64_t>(published - settled_, lines_.size());
  lines_.erase(lines_.begin(), lines_.begin() + static_cast<ptrdiff_t>(count));
  settled_ = published;
}

// --- events from the broker ---

void Publisher::on_connected(const client::Session& session) {
  program_.detail("connected to " + session.broker_name);
}

void Publisher::on_opened(uint32_t, wire::TopicKind kind) {
  open_ = ever_open_ = true;
  of_rows_ = kind == wire::TopicKind::state;
  published_ = settled_ = 0;
  lines_.clear();
}

void Publisher::on_open_refused(uint32_t, Reason reason, std::string_view text) {
  refuse("the broker refused the topic", reason, text);
  failed_ = Exit::refused;
}

void Publisher::on_ack(uint32_t, uint64_t published, uint64_t) {
  settle(published);
}

void Publisher::on_reject(uint32_t, uint64_t published, Reason reason, std::string_view text) {
  const uint64_t index = published - settled_ - 1;
  const uint64_t line = published > settled_ && index < lines_.size() ? lines_[index] : 0;
  settle(published);
  ++rejects_;
  const std::string which =
      line != 0 ? "line " + std::to_string(line) : "message " + std::to_string(published);
  refuse(which + " was rejected", reason, text);
}

// A reject also settles all messages before it, without an ack. So the client may report messages
// that are settled here.
void Publisher::on_unsettled(uint32_t, uint64_t, uint64_t) {
  if (stopping_ || settled_ >= published_) return;
  fail(Exit::error, "the connection was lost: " + tally(published_ - settled_));
}

void Publisher::on_disconnected(const client::Ending& ending, int64_t retry_ms) {
  open_ = false;
  if (stopping_ || failed_ || (ending.reason == Reason::normal && !ending.by_broker)) return;
  if (!waits_ && published_ != 0 && unsent_) {
    return fail(Exit::error, "the connection was lost before all messages were sent");
  }
  if (retry_ms >= 0) {
    return program_.note(ending_text(ending, false) +
                         (retry_ms == 0 ? "; there is another way" : "; connecting again"));
  }
  fail(exit_of(ending), ending_text(ending, true));
}

void Publisher::refuse(const std::string& what, Reason reason, std::string_view text) const {
  program_.error(
      what + ": " + reason_text(reason, text) +
      (reason == Reason::delete_unsupported ? "; an events topic has no rows to delete" : ""));
}

}  // namespace btb::cli
