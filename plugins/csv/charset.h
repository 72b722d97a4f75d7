// Charset: the bytes of a file as UTF-8, and the way back from a place in the UTF-8 to the place in
// the file.
//
// What is UTF-8 already is not copied. A byte sequence that means nothing in its encoding becomes
// the byte FF, which is never UTF-8: the row it stands in fails, its neighbours do not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace btb::csv {

// Values. The name iconv knows an encoding by, "utf-8" if nothing has to be done.
class Encoding {
 public:
  // "auto": as the byte order mark says, else UTF-8; "utf-16": likewise, else little-endian. Throws
  // std::invalid_argument with a text for people if nobody knows `name`.
  explicit Encoding(std::string_view name = "auto");

  [[nodiscard]] const std::string& name() const { return name_; }
  // The encoding of a file that begins with `head`, and how many bytes of mark to pass over.
  struct Found {
    std::string name;  // "utf-8", "utf-16le", ...
    size_t mark_bytes = 0;
    size_t unit_bytes = 1;   // a character begins at a multiple of this
    bool overruled = false;  // the mark says something else than the name that was given
  };
  [[nodiscard]] Found find(std::string_view head) const;
  static constexpr size_t head_bytes = 4;

 private:
  std::string name_;
};

// The text of a piece of a file. Resource: may own the UTF-8; borrows `bytes`, which must live as
// long.
class Text {
 public:
  Text() = default;
  // `bytes` begin behind the mark, at a whole character. `final`: nothing comes behind them;
  // otherwise an unfinished character at the end is left alone.
  Text(std::string_view bytes, const Encoding::Found& encoding, bool final);
  Text(Text&&) = default;
  Text& operator=(Text&&) = default;

  [[nodiscard]] std::string_view utf8() const {
    return converted_ ? std::string_view(owned_) : bytes_;
  }
  // Offset in `bytes` of the character that lies at `utf8_offset`; the bytes that became a piece of
  // the UTF-8.
  [[nodiscard]] size_t byte_offset(size_t utf8_offset) const;
  [[nodiscard]] std::string_view bytes_of(size_t utf8_offset, size_t utf8_size) const;

 private:
  void convert(bool final);

  std::string_view bytes_;
  Encoding::Found encoding_;
  bool converted_ = false;
  std::string owned_;
  std::vector<std::pair<size_t, size_t>>
      marks_;  // offsets that belong together: in the UTF-8, in the bytes
};

// The encoding of single bytes in which text that is not UTF-8 was most likely written: that of
// Windows, or, where bytes mean nothing in it, that of DOS. Static text.
const char* likely_encoding(std::string_view bytes);

// Why these first bytes of a file are no table at all ("a gzip file"), null if they may be one.
// `found` is what Encoding::find said of them. The text is static.
const char* not_a_table(std::string_view head, const Encoding::Found& found);

}  // namespace btb::csv
