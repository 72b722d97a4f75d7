// AppendMark: how far a growing file was read, in a form that finds the file again: device and
// inode, what its first bytes and the bytes before the mark were. If one of these disagrees it is
// another file, and is read from its beginning. Values; pure but for reading from a descriptor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace btb::csv {

struct AppendMark {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t offset = 0;  // everything before it was published
  uint64_t line = 1;    // of the byte at offset
  uint64_t head_hash = 0;
  uint64_t tail_hash = 0;
  bool operator==(const AppendMark&) const = default;

  // The mark for `offset` of the file behind `fd`; nothing if it cannot be read.
  static std::optional<AppendMark> make(int fd, uint64_t offset, uint64_t line);
  // Why the file behind `fd` is not the one this was made of, or not any more; null if it is.
  // Static text.
  [[nodiscard]] const char* disagreement(int fd) const;
};

// Marks of many files as a resume token, the newest first, as many as fit. And back: nothing of
// what is not one.
std::string write_marks(const std::vector<AppendMark>& marks);
std::vector<AppendMark> read_marks(std::string_view token);

}  // namespace btb::csv
