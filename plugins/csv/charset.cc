#include "plugins/csv/charset.h"

#include <iconv.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <stdexcept>

#include "plugins/csv/text.h"

namespace btb::csv {

namespace {

// An iconv conversion from one encoding to UTF-8. Resource.
class Converter {
 public:
  explicit Converter(const std::string& from) : handle_(iconv_open("UTF-8", from.c_str())) {}
  ~Converter() {
    if (known()) iconv_close(handle_);
  }
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;

  [[nodiscard]] bool known() const { return handle_ != reinterpret_cast<iconv_t>(-1); }  // NOLINT

  // iconv(3) with a view: `in` and `out` move on. Returns 0, or errno.
  int convert(std::string_view& in, char*& out, size_t& out_left) {
    char* in_at = const_cast<char*>(in.data());  // iconv does not write there
    size_t in_left = in.size();
    const size_t result = iconv(handle_, &in_at, &in_left, &out, &out_left);
    const int error = result == static_cast<size_t>(-1) ? errno : 0;
    in.remove_prefix(in.size() - in_left);
    return error;
  }

 private:
  iconv_t handle_;
};

constexpr size_t mark_every_bytes = 4096;

size_t unit_bytes_of(std::string_view name) {
  if (name.find("16") != std::string_view::npos || name.find("ucs-2") != std::string_view::npos)
    return 2;
  if (name.find("32") != std::string_view::npos || name.find("ucs-4") != std::string_view::npos)
    return 4;
  return 1;
}

struct Mark {
  std::string_view bytes;
  const char* name;
};
constexpr std::array<Mark, 5> marks{{{{"\xEF\xBB\xBF", 3}, "utf-8"},
                                     {{"\xFF\xFE\0\0", 4}, "utf-32le"},
                                     {{"\0\0\xFE\xFF", 4}, "utf-32be"},
                                     {{"\xFF\xFE", 2}, "utf-16le"},
                                     {{"\xFE\xFF", 2}, "utf-16be"}}};

}  // namespace

Encoding::Encoding(std::string_view name) : name_(lower_case(name)) {
  if (name_.empty()) name_ = "auto";
  if (name_ == "utf8" || name_ == "ascii" || name_ == "us-ascii") name_ = "utf-8";
  if (name_ == "utf16") name_ = "utf-16";
  if (name_ == "auto" || name_ == "utf-8" || name_ == "utf-16") return;
  const auto odd = [](char c) {
    return std::string_view("/ \t\r\n").find(c) != std::string_view::npos;
  };
  if (std::any_of(name_.begin(), name_.end(), odd) || !Converter(name_).known()) {
    throw std::invalid_argument(
        "no encoding is called \"" + name_ +
        "\"; expected auto, utf-8, utf-16le, windows-1252, iso-8859-1, ...");
  }
}

Encoding::Found Encoding::find(std::string_view head) const {
  std::string fallback = name_;
  if (name_ == "auto") fallback = "utf-8";
  if (name_ == "utf-16") fallback = "utf-16le";
  for (const Mark& mark : marks) {
    if (!head.starts_with(mark.bytes)) continue;
    const bool wanted = name_ == "auto" || name_ == mark.name ||
                        (name_ == "utf-16" && std::string_view(mark.name).starts_with("utf-16"));
    // In an encoding of single bytes no text begins with these three bytes.
    const bool overruled = !wanted && mark.bytes.size() == 3 && unit_bytes_of(name_) == 1;
    if (wanted || overruled)
      return {mark.name, mark.bytes.size(), unit_bytes_of(mark.name), overruled};
  }
  return {fallback, 0, unit_bytes_of(fallback), false};
}

Text::Text(std::string_view bytes, const Encoding::Found& encoding, bool final)
    : bytes_(bytes), encoding_(encoding), converted_(encoding.name != "utf-8") {
  if (converted_) convert(final);
}

void Text::convert(bool final) {
  Converter converter(encoding_.name);
  if (!converter.known())
    throw std::runtime_error("iconv does not know " + encoding_.name + " any more");
  owned_.reserve(bytes_.size() + bytes_.size() / 8);
  std::array<char, mark_every_bytes * 4 + 16> out{};
  std::string_view rest = bytes_;
  while (!rest.empty()) {
    marks_.emplace_back(owned_.size(), bytes_.size() - rest.size());
    std::string_view piece = rest.substr(0, mark_every_bytes);
    const size_t piece_bytes = piece.size();
    char* out_at = out.data();
    size_t out_left = out.size();
    const int error = converter.convert(piece, out_at, out_left);
    owned_.append(out.data(), static_cast<size_t>(out_at - out.data()));
    rest.remove_prefix(piece_bytes - piece.size());
    const bool unfinished = error == EINVAL && rest.size() <= piece.size();  // at the very end
    if (unfinished && !final) return;
    const bool stuck = piece_bytes == piece.size();
    if (error == EILSEQ || unfinished || (stuck && error != 0)) {
      owned_ += '\xFF';
      rest.remove_prefix(std::min(rest.size(), encoding_.unit_bytes));
    }
  }
}

size_t Text::byte_offset(size_t utf8_offset) const {
  if (!converted_) return utf8_offset;
  const auto behind =
      std::upper_bound(marks_.begin(), marks_.end(), std::pair{utf8_offset, ~size_t{0}});
  if (behind == marks_.begin()) return 0;
  auto [utf8_at, byte_at] = *std::prev(behind);
  Converter converter(encoding_.name);
  std::string_view rest = bytes_.substr(byte_at);
  // Converts one character at a time from the last mark on. This may be slow: it is needed for few
  // rows, and a mark is at most mark_every_bytes away.
  while (utf8_at < utf8_offset && !rest.empty()) {
    std::array<char, 32> out{};
    size_t taken = 0;
    size_t made = 0;
    for (size_t size = encoding_.unit_bytes; made == 0 && size <= std::min<size_t>(rest.size(), 8);
         size += encoding_.unit_bytes) {
      std::string_view piece = rest.substr(0, size);
      char* out_at = out.data();
      size_t out_left = out.size();
      if (converter.convert(piece, out_at, out_left) == EILSEQ) break;
      made = static_cast<size_t>(out_at - out.data());
      taken = size - piece.size();
    }
    utf8_at += made == 0 ? 1 : made;
    rest.remove_prefix(made == 0 ? std::min(rest.size(), encoding_.unit_bytes) : taken);
  }
  return bytes_.size() - rest.size();
}

std::string_view Text::bytes_of(size_t utf8_offset, size_t utf8_size) const {
  const size_t begin = byte_offset(utf8_offset);
  return bytes_.substr(begin, byte_offset(utf8_offset + utf8_size) - begin);
}

namespace {

// `head` without holes: long runs of NUL bytes, which no text in any encoding has. They must not
// make a table look like a binary file.
std::string without_holes(std::string_view head) {
  static constexpr size_t hole_bytes_min = 4;
  std::string left;
  while (!head.empty()) {
    const size_t run = std::min(head.find_first_not_of('\0'), head.size());
    if (run < hole_bytes_min) left.append(run, '\0');
    head.remove_prefix(run);
    const size_t text = std::min(head.find('\0'), head.size());
    left += head.substr(0, text);
    head.remove_prefix(text);
  }
  return left;
}

}  // namespace

const char* likely_encoding(std::string_view bytes) {
  static constexpr std::string_view not_in_1252 = "\x81\x8D\x8F\x90\x9D";
  return bytes.find_first_of(not_in_1252) == std::string_view::npos ? "windows-1252" : "cp850";
}

const char* not_a_table(std::string_view head, const Encoding::Found& found) {
  using namespace std::string_view_literals;
  if (head.starts_with("\x1F\x8B"sv)) return "packed with gzip twice: unpack it once";
  if (head.starts_with("\x28\xB5\x2F\xFD"sv)) return "a zstd file: unpack it first";
  if (head.starts_with("PK\x03\x04"sv)) return "a zip file or an Excel workbook: save it as CSV";
  if (head.starts_with("\xD0\xCF\x11\xE0"sv)) return "an old Excel workbook: save it as CSV";
  if (head.starts_with("%PDF-"sv)) return "a PDF file";
  if (head.starts_with("SQLite format 3\0"sv)) return "an SQLite database";
  const std::string solid = without_holes(head);
  head = solid;
  if (found.unit_bytes != 1 || head.empty()) return nullptr;
  const auto odd = [](char c) {
    const auto byte = static_cast<uint8_t>(c);
    return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && byte != 0x1A) ||
           byte == 0x7F;
  };
  const auto odd_count = static_cast<size_t>(std::count_if(head.begin(), head.end(), odd));
  if (odd_count * 10 <= head.size() || odd_count < 2) return nullptr;
  const auto nul_count = static_cast<size_t>(std::count(head.begin(), head.end(), '\0'));
  if (nul_count * 3 >= head.size())
    return "binary, or UTF-16 without a mark: set encoding: utf-16le or utf-16be";
  return "a binary file";
}

}  // namespace btb::csv
