// AppendMark: how far a growing file was read, in a form that finds the file again: device, inode
// and birth, what its first bytes and the bytes before the mark were. If one of these disagrees it
// is another file, and is read from its beginning. And likeness: whether another file is a copy of
// it. Values; pure except for reading from a descriptor.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/csv/file_reader.h"
#include "plugins/csv/table_text.h"

namespace btb::csv {

struct AppendMark {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t offset = 0;  // everything before it was published
  uint64_t line = 1;    // of the byte at offset
  uint64_t head_hash = 0;
  uint64_t tail_hash = 0;
  uint64_t heading = 0;  // Heading::hash of the file; 0: none
  uint64_t born_ns = 0;  // as in Signature; 0: not known
  uint32_t name = 0;     // name_hash of where the file lay; 0: not known
  bool operator==(const AppendMark&) const = default;

  // The mark for `offset` of the file behind `fd`; nothing if it cannot be read.
  static std::optional<AppendMark> make(int fd, uint64_t offset, uint64_t line);
  // Why the file behind `fd` is not the one this was made of, or not any more; null if it is.
  // Static text.
  [[nodiscard]] const char* disagreement(int fd) const;
  // Device, inode and, where it is known, birth are those of `file`.
  [[nodiscard]] bool is_of(const Signature& file) const;
  // True if a file of which is_of is true and that has other content may be another one of another
  // form, whose columns this one does not tell: neither birth nor name show that it is not.
  [[nodiscard]] bool may_be_stranger(const Signature& file, std::string_view file_name) const;
  // Not 0.
  static uint32_t name_hash(std::string_view file_name);
  // True if what the file behind `fd` has up to `offset` is what was read of this one.
  [[nodiscard]] bool has_same_bytes(int fd) const;
  // Of a file that is gone or was cut off, and may be there as a copy: it is found by no inode.
  [[nodiscard]] AppendMark as_past() const;
  [[nodiscard]] bool is_past() const { return inode == 0; }
};

// How much of one file a new one is.
enum class Likeness : uint8_t {
  none,
  copy,   // all that was read of the other stands in it, too
  maybe,  // it is so short that two files may begin like that
  part    // it is a beginning of the other, long enough not to be one by accident
};
// The new file behind `fd` has `size` bytes; `head` is what head_of says of it. `other` is the
// descriptor of the file that `mark` is about; -1 if it is not open, or was cut off.
Likeness likeness(int fd, uint64_t size, std::string_view head, const AppendMark& mark, int other);
// The first bytes of a file, as many as marks tell it by; fewer if it has fewer.
std::string head_of(int fd);

// What a run leaves to the next: marks of files, the most important first, and the headers that
// they name.
struct AppendToken {
  std::vector<AppendMark> marks;
  std::map<uint64_t, Heading> headings;  // by their hash
};
// As many as fit into a resume token. And back: nothing of what is not one.
std::string write_token(const AppendToken& token);
AppendToken read_token(std::string_view token);

}  // namespace btb::csv
