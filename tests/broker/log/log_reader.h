// LogReader: reads a TopicLog the way a session does, also with writes that are cut anywhere, and
// takes the frames apart. For tests.
#pragma once

#include <array>
#include <random>
#include <string>
#include <vector>

#include "broker/log/topic_log.h"

namespace btb {

struct ReadMessage {
  uint64_t seq = 0;
  std::string key, payload;
  bool deletion = false;
  bool batch_more = false;
  bool operator==(const ReadMessage&) const = default;
};

class LogReader {
 public:
  explicit LogReader(const TopicLog& log, Cursor from, uint64_t deletions_known = 0)
      : cursor(from), deletions_from(deletions_known), log_(&log) {}

  Cursor cursor;
  uint64_t deletions_from;
  bool skipped = false;

  // Reads up to about `bytes_wanted`, in at most `ranges_max` ranges, of which only the first `cut`
  // bytes are "written".
  void read(size_t bytes_wanted, size_t ranges_max = 16, size_t cut = SIZE_MAX) {
    std::vector<LogRange> ranges(ranges_max);
    Cursor moved = cursor;
    bool skipped_here = false;
    const size_t count = log_->read(moved, deletions_from, bytes_wanted, ranges, skipped_here);
    skipped = skipped || skipped_here;
    for (size_t i = 0; i < count; ++i) {
      const LogRange& range = ranges[i];
      if (cut >= range.size) {
        cut -= range.size;
        take({range.data, range.size});
        cursor = range.after;
        continue;
      }
      if (cut == 0) return;
      Bytes rest;
      take({range.data, cut});
      cursor = log_->advance(range, static_cast<uint32_t>(cut), rest);
      take(rest);  // a session finishes a frame it began
      return;
    }
    cursor = moved;
  }

  void read_all() {
    while (!log_->at_end(cursor)) {
      const Cursor before = cursor;
      read(SIZE_MAX);
      if (before.next_seq == cursor.next_seq && before.part_bytes == cursor.part_bytes) break;
    }
  }

  // Whole messages read since the last call.
  std::vector<ReadMessage> take_messages() {
    std::vector<ReadMessage> out;
    size_t at = 0;
    while (at < stream_.size()) {
      const wire::NextFrame next = wire::next_frame(Bytes(stream_).subspan(at));
      if (next.status != wire::NextFrame::Status::frame) break;
      at += next.consumed;
      const wire::DataHead& head = next.frame.data();
      if (partial_.seq != head.seq)
        partial_ = {head.seq, std::string(as_text(next.frame.key())), "", false, false};
      partial_.payload += as_text(next.frame.payload());
      partial_.deletion = head.deletion();
      partial_.batch_more = head.batch_more();
      if (head.part_more()) continue;
      out.push_back(partial_);
      partial_ = {};
    }
    stream_.erase(stream_.begin(), stream_.begin() + static_cast<ptrdiff_t>(at));
    return out;
  }

 private:
  void take(Bytes bytes) { append(stream_, bytes); }

  const TopicLog* log_;
  ByteVector stream_;
  ReadMessage partial_;
};

inline Message put(std::string_view key, std::string_view payload, int64_t time_us = 1) {
  Message message;
  message.key = as_bytes(key);
  message.payload = as_bytes(payload);
  message.time_us = time_us;
  return message;
}

// A payload no two parts of which are the same.
inline std::string parts_text(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) {
    text[i] = static_cast<char>(i * 31 + size + i / limits::part_bytes);
  }
  return text;
}

inline Message deletion(std::string_view key, int64_t time_us = 1) {
  Message message;
  message.key = as_bytes(key);
  message.deletion = true;
  message.time_us = time_us;
  return message;
}

}  // namespace btb
