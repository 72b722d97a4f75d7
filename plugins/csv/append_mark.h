// AppendMark: how far a growing file was read. A mark recognizes its file by device, inode and time
// of birth, and by hashes of its first bytes and of the bytes before the mark. If one of these
// differs, it is another file, which is read from its beginning. likeness tells whether another
// file is a copy of the file of a mark.
//
// Values; pure except for reading from a descriptor. Descriptors are borrowed for the call. [any]
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
  uint64_t line = 1;    // the line of the byte at `offset`, from 1
  uint64_t head_hash = 0;
  uint64_t tail_hash = 0;
  uint64_t heading = 0;  // Heading::hash of the file; 0: none
  uint64_t born_ns = 0;  // as in Signature; 0: not known
  uint32_t name = 0;     // name_hash of the file's name; 0: not known
  bool operator==(const AppendMark&) const = default;

  // The mark for `offset` of the file behind `fd`. Nothing if the file cannot be read or is
  // shorter.
  static std::optional<AppendMark> make(int fd, uint64_t offset, uint64_t line);
  // Why the mark does not fit the file behind `fd`: it is another file, or its content changed.
  // Null if it fits. The text is static.
  [[nodiscard]] const char* disagreement(int fd) const;
  // True if `file` has the mark's device and inode, and its time of birth where that is known.
  [[nodiscard]] bool is_of(const Signature& file) const;
  // For a file with other content for which is_of is true: true if it may be a different file that
  // only got the same inode number, so that its columns may differ. False if the time of birth or
  // the name shows that it is the same file.
  [[nodiscard]] bool may_be_stranger(const Signature& file, std::string_view file_name) const;
  // Never 0.
  static uint32_t name_hash(std::string_view file_name);
  // True if the file behind `fd` has the mark's bytes in front of `offset`, as far as the two
  // hashes tell.
  [[nodiscard]] bool has_same_bytes(int fd) const;
  // The mark of content that is no longer in its file: the file was replaced or cut off. It fits no
  // inode, but a copy of the old content is recognized by it.
  [[nodiscard]] AppendMark as_past() const;
  [[nodiscard]] bool is_past() const { return inode == 0; }
};

// How a new file is related to an older one.
enum class Likeness : uint8_t {
  none,
  copy,   // it has everything that was read of the older file
  maybe,  // both begin alike, but so few bytes may be alike by accident
  part    // it is the beginning of the older file, too long to be alike by accident
};
// The new file behind `fd` has `size` bytes, and `head` is its head_of. `mark` is the mark of the
// older file. `other` is the older file's descriptor, or -1 if it is not open or was cut off.
Likeness likeness(int fd, uint64_t size, std::string_view head, const AppendMark& mark, int other);
// The first bytes of a file, as many as a mark has in its head_hash. Fewer if the file is shorter,
// empty if it cannot be read.
std::string head_of(int fd);

// What a run leaves to the next one: marks of files, the most important first, and the headers that
// these marks refer to.
struct AppendToken {
  std::vector<AppendMark> marks;
  std::map<uint64_t, Heading> headings;  // by their hash
};
// A resume token with as many marks and headers as fit into 4096 bytes.
std::string write_token(const AppendToken& token);
// The marks and headers of a resume token. Empty if `token` is no token of mode append; it stops at
// the first mark that cannot be read.
AppendToken read_token(std::string_view token);

}  // namespace btb::csv
