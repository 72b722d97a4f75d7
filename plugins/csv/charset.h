// Charset: the bytes of a file as UTF-8, and the way back from a position in the UTF-8 to the
// position in the file. One thread for each object.
//
// Text that is UTF-8 already is not copied. A byte sequence that means nothing in its encoding
// becomes the byte FF, which is never valid UTF-8: its row fails, the rows beside it do not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace btb::csv {

// The encoding that an operator named. Value.
class Encoding {
 public:
  // A name that iconv knows, in any case, or "auto" or "utf-16". "auto" takes the encoding from the
  // byte order mark, and UTF-8 without a mark. "utf-16" takes the byte order from the mark, and
  // little-endian without one. Throws std::invalid_argument with a text for people if iconv does
  // not know `name`.
  explicit Encoding(std::string_view name = "auto");

  [[nodiscard]] const std::string& name() const { return name_; }
  struct Found {
    std::string name;        // "utf-8", "utf-16le", ...
    size_t mark_bytes = 0;   // length of the byte order mark in front of the text
    size_t unit_bytes = 1;   // a character begins at a multiple of this
    bool overruled = false;  // the mark contradicts the operator's name, and is believed
  };
  // The encoding of a file that begins with `head`; head_bytes of it are enough.
  [[nodiscard]] Found find(std::string_view head) const;
  static constexpr size_t head_bytes = 4;

 private:
  std::string name_;
};

// The text of a piece of a file. Resource: it may own the UTF-8. It borrows `bytes`, which must
// live as long as the Text.
class Text {
 public:
  Text() = default;
  // `bytes` begin behind the mark, at a whole character. `final`: they reach to the end of the
  // file. Otherwise an unfinished character at their end is left out of the UTF-8. Throws
  // std::runtime_error if iconv has lost the encoding.
  Text(std::string_view bytes, const Encoding::Found& encoding, bool final);
  Text(Text&&) = default;
  Text& operator=(Text&&) = default;

  [[nodiscard]] std::string_view utf8() const {
    return converted_ ? std::string_view(owned_) : bytes_;
  }
  // The offset in `bytes` of the character that lies at `utf8_offset`.
  [[nodiscard]] size_t byte_offset(size_t utf8_offset) const;
  // The bytes that became this piece of the UTF-8. A view of `bytes`.
  [[nodiscard]] std::string_view bytes_of(size_t utf8_offset, size_t utf8_size) const;

 private:
  void convert(bool final);

  std::string_view bytes_;
  Encoding::Found encoding_;
  bool converted_ = false;
  std::string owned_;
  // Pairs of offsets that belong together: one in the UTF-8, one in the bytes.
  std::vector<std::pair<size_t, size_t>> marks_;
};

// The most likely encoding of text that is not UTF-8: "windows-1252", or "cp850" (of DOS) if a byte
// means nothing in windows-1252. The text is static.
const char* likely_encoding(std::string_view bytes);

// Why a file with these first bytes cannot be a table ("a PDF file"); null if it may be one.
// `found` is the result of Encoding::find for it. The text is static.
const char* not_a_table(std::string_view head, const Encoding::Found& found);

}  // namespace btb::csv
