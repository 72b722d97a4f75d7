// Gunzip: the text of a gzip file, in pieces, in the memory of one piece. Several members behind
// one another are one text, as gzip(1) has it; NUL bytes behind the last are padding. Resource;
// [source].
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace btb::csv {

// True for the first two bytes of every gzip file.
bool is_gzip(std::string_view head);

class Gunzip {
 public:
  // Borrows the descriptor, and reads it from its first byte whatever its position is.
  explicit Gunzip(int fd);
  ~Gunzip();
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

  enum class Status : uint8_t {
    ok,          // `size` bytes were made
    end,         // fewer: it was the last of them
    incomplete,  // the file ends where more has to come
    damaged,     // it is no gzip there, or its checksum does not fit
    failed       // it cannot be read; errno says why
  };
  // Makes up to `size` bytes at `out`; `made` says how many.
  Status read(char* out, size_t size, size_t& made);
  // For people, of incomplete or damaged: what is wrong, and at which byte of the file.
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
