// Reading a file whole, and telling whether it is still the same one.
//
// A table is read into memory before anything of it is looked at, and only believed if the file was
// the same behind the read as before it: nobody ever sees the first half of one version with the
// second half of another.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace btb::csv {

// What tells one version of a file from another. Times in nanoseconds since 1970.
struct Signature {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size_bytes = 0;
  int64_t modified_ns = 0;
  int64_t changed_ns = 0;  // also when the content got its old modification time back
  int64_t born_ns = 0;     // when the file was made; 0: not every file system knows it
  bool operator==(const Signature&) const = default;
  // True for the same file, perhaps under another name. Where a birth is not known, also for one
  // that was made when the other was gone, and got its number: some file systems give that at once.
  [[nodiscard]] bool is_same_file(const Signature& other) const {
    const bool born_apart = born_ns != 0 && other.born_ns != 0 && born_ns != other.born_ns;
    return device == other.device && inode == other.inode && !born_apart;
  }
  // True if it is the same file for certain, whatever was written to it since. Where a birth is not
  // known only the same content shows that.
  [[nodiscard]] bool is_surely_same_file(const Signature& other) const {
    const bool births_known = born_ns != 0 && other.born_ns != 0;
    return births_known ? is_same_file(other) : is_same_content(other);
  }
  // True for the same file that nobody wrote to since.
  [[nodiscard]] bool is_same_content(const Signature& other) const {
    return is_same_file(other) && size_bytes == other.size_bytes &&
           modified_ns == other.modified_ns;
  }
};

// The file behind `path`, links followed; nothing if there is none that is a regular file.
std::optional<Signature> look_at(const std::string& path);
std::optional<Signature> look_at(int fd);

// True if no name leads to the file any more.
bool is_deleted(int fd);

// True if there is nothing at all behind `path`, or nobody may see it.
bool leads_nowhere(const std::string& path);

// For people: what the system says of errno's value.
std::string system_text(int error);

// For people: a relative path tells little about a broker that runs somewhere.
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
  std::unique_ptr<char[]> bytes_;  // not zeroed: a large file is written to once, not twice
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
// Unpacks what is packed with gzip, after a first pass that takes no memory has shown how much it
// is, and that it is whole; `bytes_max` is for the text, too. torn: somebody wrote to it meanwhile.
// incomplete, damaged: of a packed file. Blocks for the time of the read. [source]
ReadFile read_whole(const std::string& path, uint64_t bytes_max);

// A descriptor for reading a regular file, or -1 with errno. Never waits for a FIFO.
int open_file(const std::string& path);

// Up to `size` bytes at `offset`; fewer at the end of the file. Nothing if reading fails.
std::optional<std::string> read_at(int fd, uint64_t offset, size_t size);

// Where the first byte lies, from `offset` on, that is not NUL; nothing if there is none, or
// reading fails. Passes over holes without reading them.
std::optional<uint64_t> first_byte_not_nul(int fd, uint64_t offset);

// Closes what it holds.
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
