// LineInput: the lines of a descriptor, one after the other. If a line is too long, only its length
// is kept and not its bytes. So memory is bounded by the longest line allowed and one read.
// Resource; one thread.
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
    // Without its end; empty if the line is too long. Valid until take_line or read_some.
    std::string_view text;
    bool too_long = false;
  };

  // `fd` is borrowed.
  LineInput(int fd, size_t line_bytes_max) : fd_(fd), line_bytes_max_(line_bytes_max) {}

  void set_line_bytes_max(size_t bytes) { line_bytes_max_ = bytes; }

  // Calls read(2) once. It blocks if the descriptor does.
  void read_some();
  // The next line, if it is complete. Lines end with LF or CRLF; the last one may end with the
  // input.
  [[nodiscard]] std::optional<Line> line() const;
  // Goes on to the line after it. REQUIRES: line() has one.
  void take_line();

  // All input was read, or reading failed.
  [[nodiscard]] bool ended() const { return ended_; }
  // errno if reading failed, otherwise 0.
  [[nodiscard]] int fault() const { return fault_; }
  // Whether bytes were read that are not taken yet. They begin line number line_number().
  [[nodiscard]] bool has_rest() const { return dropped_bytes_ != 0 || taken_ < pending_.size(); }
  [[nodiscard]] uint64_t line_number() const { return line_number_; }

 private:
  void find_end(size_t from);

  int fd_;
  size_t line_bytes_max_;
  std::string pending_;
  size_t taken_ = 0;                // where the next line begins in pending_
  size_t end_ = std::string::npos;  // where it ends in pending_; npos: its end has not come
  uint64_t dropped_bytes_ = 0;      // bytes of the next line that were not kept; it is too long
  uint64_t line_number_ = 1;
  bool ended_ = false;
  int fault_ = 0;
};

}  // namespace btb::cli
