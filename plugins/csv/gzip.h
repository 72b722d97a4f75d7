// Gunzip: unpacks a gzip file in pieces. It takes the memory of one piece. Several gzip members in
// one file make one text, as with gzip(1); NUL bytes behind the last member are padding. Resource;
// one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace btb::csv {

// True if `head` begins with the two bytes with which every gzip file begins.
bool is_gzip(std::string_view head);

class Gunzip {
 public:
  // Borrows `fd`. Reads the file from its first byte; the position of `fd` is neither used nor
  // changed. Throws std::bad_alloc.
  explicit Gunzip(int fd);
  ~Gunzip();
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

  enum class Status : uint8_t {
    ok,          // `size` bytes were written to `out`
    end,         // fewer: the text ends here
    incomplete,  // the file ends in the middle of a member
    damaged,     // the bytes are not gzip, or a checksum does not fit
    failed       // the file cannot be read; errno is set
  };
  // Unpacks the next bytes, up to `size`, to `out`. `made` is their number, with every status.
  Status read(char* out, size_t size, size_t& made);
  // After incomplete or damaged, for people: the fault, and at which byte of the file it is.
  [[nodiscard]] std::string fault() const;

 private:
  struct State;
  Status fill();
  Status next_member();

  int fd_;
  uint64_t offset_ = 0;  // of the next byte to read from the file
  uint64_t made_ = 0;
  std::string reason_;
  std::unique_ptr<State> state_;
};

}  // namespace btb::csv
