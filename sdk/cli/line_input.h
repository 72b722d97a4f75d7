// LineInput: the lines of a descriptor, one after the other. Of a line that is too long it keeps
// the length and not the bytes, so it never holds more than the longest line that is taken and one
// read. Resource; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace btb::cli {

class LineInput {
 public:
  struct Line {
    uint64_t number = 0;  // from 1
    uint64_t bytes = 0;   // without its end
    std::string_view
        text;  // without its end; empty if it is too long. Until take_line or read_some
    bool too_long = false;
  };

  // `fd` is borrowed.
  LineInput(int fd, size_t line_bytes_max) : fd_(fd), line_bytes_max_(line_bytes_max) {}

  void set_line_bytes_max(size_t bytes) { line_bytes_max_ = bytes; }

  // Reads what is there, once.
  void read_some();
  // The next line, if it is complete; the last one needs no end. An end is LF or CRLF.
  [[nodiscard]] std::optional<Line> line() const;
  // REQUIRES: line() has one.
  void take_line();

  // All was read, or reading failed.
  [[nodiscard]] bool ended() const { return ended_; }
  // errno if reading failed; else 0.
  [[nodiscard]] int fault() const { return fault_; }
  // Whether anything was read that is not taken yet; it begins line number line_number().
  [[nodiscard]] bool has_rest() const { return dropped_bytes_ != 0 || taken_ < pending_.size(); }
  [[nodiscard]] uint64_t line_number() const { return line_number_; }

 private:
  void find_end(size_t from);

  int fd_;
  size_t line_bytes_max_;
  std::string pending_;
  size_t taken_ = 0;                // of pending_: the next line begins there
  size_t end_ = std::string::npos;  // where it ends; npos: its end has not come
  uint64_t dropped_bytes_ = 0;      // of the next line, which is too long
  uint64_t line_number_ = 1;
  bool ended_ = false;
  int fault_ = 0;
};

}  // namespace btb::cli
