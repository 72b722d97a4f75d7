// Reading a whole file, and finding out whether it is still the same file.
//
// A table is read into memory before it is looked at. It is only used if the file was the same
// after the read as before it: so the first half of one version is never seen with the second half
// of another. All functions may block for the time of a file operation; [any].
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace btb::csv {

// The facts that distinguish one version of a file from another. Value. Times are in nanoseconds
// since 1970.
struct Signature {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size_bytes = 0;
  int64_t modified_ns = 0;
  int64_t changed_ns = 0;  // no program can set it back, as it can modified_ns
  int64_t born_ns = 0;     // when the file was made; 0: the file system does not know it
  bool operator==(const Signature&) const = default;
  // True for the same file, perhaps under another name. Where a time of birth is not known, it may
  // also be a newer file that got the inode number of a deleted one: some file systems give a
  // number out again at once.
  [[nodiscard]] bool is_same_file(const Signature& other) const {
    const bool born_apart = born_ns != 0 && other.born_ns != 0 && born_ns != other.born_ns;
    return device == other.device && inode == other.inode && !born_apart;
  }
  // True if it is certainly the same file, perhaps with other content. Where a time of birth is not
  // known, only is_same_content shows that.
  [[nodiscard]] bool is_surely_same_file(const Signature& other) const {
    const bool births_known = born_ns != 0 && other.born_ns != 0;
    return births_known ? is_same_file(other) : is_same_content(other);
  }
  // True for the same file with the same size and modification time: nothing was written to it.
  [[nodiscard]] bool is_same_content(const Signature& other) const {
    return is_same_file(other) && size_bytes == other.size_bytes &&
           modified_ns == other.modified_ns;
  }
};

// The signature of the file behind `path` (links are followed) or `fd`. Nothing if there is no
// regular file or the system does not let us look; errno is only set in the second case.
std::optional<Signature> look_at(const std::string& path);
std::optional<Signature> look_at(int fd);

// True if no name leads to the open file any more.
bool is_deleted(int fd);

// True if there is nothing at all behind `path`, or the system does not let us look.
bool leads_nowhere(const std::string& path);

// For people: the system's text for a value of errno.
std::string system_text(int error);

// For people: `path` made absolute, because they do not know the broker's working directory. `path`
// itself if that fails.
std::string absolute_path(const std::string& path);

// The bytes of a file. Resource.
class FileBytes {
 public:
  FileBytes() = default;
  explicit FileBytes(size_t size) : bytes_(new char[size]), size_(size) {}
  [[nodiscard]] char* data() { return bytes_.get(); }
  [[nodiscard]] std::string_view view() const { return {bytes_.get(), size_}; }
  void shrink(size_t size) { size_ = size; }

 private:
  std::unique_ptr<char[]> bytes_;  // not zeroed: that would write a large memory twice
  size_t size_ = 0;
};

struct ReadFile {
  enum class Status : uint8_t {
    ok,
    gone,
    torn,
    too_large,
    incomplete,
    damaged,
    failed
  } status = Status::failed;
  std::string text;  // for people, if not ok
  FileBytes bytes;
  Signature signature;
};
// Reads a whole file. A file that is packed with gzip is unpacked in two passes: the first keeps
// nothing, and finds its size and whether it is complete. `bytes_max` holds for the file and for
// its unpacked text.
//   gone        there is no such file
//   torn        the file was written to during the read
//   too_large   more than `bytes_max`
//   incomplete  a packed file ends too early
//   damaged     a packed file cannot be unpacked
//   failed      the system does not let us read it, or it is no regular file
// Blocks for the time of the read. [source]
ReadFile read_whole(const std::string& path, uint64_t bytes_max);

// A descriptor for reading `path`, which the caller closes; -1 with errno if it cannot be opened.
// Does not wait for a writer if `path` is a FIFO.
int open_file(const std::string& path);

// Up to `size` bytes at `offset`; fewer at the end of the file. Nothing, with errno, if reading
// fails.
std::optional<std::string> read_at(int fd, uint64_t offset, size_t size);

// The offset of the first byte at or behind `offset` that is not NUL. Nothing if there is none, or
// reading fails. It does not read the parts of a sparse file that have no blocks.
std::optional<uint64_t> first_byte_not_nul(int fd, uint64_t offset);

// Owns a file descriptor, and closes it. Resource; -1: it holds none.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept;
  [[nodiscard]] int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void reset();

 private:
  int fd_;
};

}  // namespace btb::csv
