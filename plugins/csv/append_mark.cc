#include "plugins/csv/append_mark.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <set>

#include "plugins/csv/hash.h"

namespace btb::csv {

namespace {

constexpr std::string_view token_mark = "a2";
constexpr std::string_view first_token_mark = "a1";  // tokens of version 0.1 have no headers
constexpr size_t token_bytes_max = 4096;
constexpr size_t heading_bytes_max = 1024;  // all headers of a token together
constexpr uint64_t copy_bytes_min = 1024;   // so many equal bytes are no accident
constexpr uint64_t head_bytes_max = 1024;
constexpr uint64_t tail_bytes_max = 256;

std::optional<uint64_t> hash_at(int fd, uint64_t offset, uint64_t size) {
  const auto bytes = read_at(fd, offset, size);
  if (!bytes || bytes->size() != size) return std::nullopt;
  return hash_of(*bytes);
}

}  // namespace

std::optional<AppendMark> AppendMark::make(int fd, uint64_t offset, uint64_t line) {
  const auto info = look_at(fd);
  const uint64_t tail_bytes = std::min(offset, tail_bytes_max);
  const auto head = hash_at(fd, 0, std::min(offset, head_bytes_max));
  const auto tail = hash_at(fd, offset - tail_bytes, tail_bytes);
  if (!info || !head || !tail) return std::nullopt;
  AppendMark mark{info->device, info->inode, offset, line, *head, *tail};
  mark.born_ns = static_cast<uint64_t>(info->born_ns);
  return mark;
}

const char* AppendMark::disagreement(int fd) const {
  const auto info = look_at(fd);
  if (!info || !is_of(*info)) return "it is another file";
  if (info->size_bytes < offset) return "it became shorter";
  const auto now = make(fd, offset, line);
  if (!now || now->head_hash != head_hash) return "its beginning changed";
  return now->tail_hash == tail_hash ? nullptr : "what was read of it changed";
}

bool AppendMark::is_of(const Signature& file) const {
  Signature mine;
  mine.device = device;
  mine.inode = inode;
  mine.born_ns = static_cast<int64_t>(born_ns);
  return mine.is_same_file(file);
}

// A mark of version 0.1 has no name.
bool AppendMark::may_be_stranger(const Signature& file, std::string_view file_name) const {
  const bool births_known = born_ns != 0 && file.born_ns != 0;
  return !births_known && name != 0 && name != name_hash(file_name);
}

uint32_t AppendMark::name_hash(std::string_view file_name) {
  return std::max<uint32_t>(static_cast<uint32_t>(hash_of(file_name)), 1);
}

bool AppendMark::has_same_bytes(int fd) const {
  const auto now = make(fd, offset, line);
  return now && now->head_hash == head_hash && now->tail_hash == tail_hash;
}

AppendMark AppendMark::as_past() const {
  AppendMark past = *this;
  past.device = past.inode = past.born_ns = 0;
  return past;
}

std::string head_of(int fd) {
  return read_at(fd, 0, head_bytes_max).value_or(std::string());
}

Likeness likeness(int fd, uint64_t size, std::string_view head, const AppendMark& mark, int other) {
  if (size == 0 || mark.offset == 0) return Likeness::none;
  if (size >= mark.offset) {
    const bool same_head = hash_of(head.substr(0, mark.offset)) == mark.head_hash;
    if (!same_head || !mark.has_same_bytes(fd)) return Likeness::none;
    if (mark.offset >= copy_bytes_min || mark.is_past()) return Likeness::copy;
    return other < 0 ? Likeness::none : Likeness::maybe;
  }
  if (other < 0) {  // there is only the hash to compare with
    const bool same = size >= copy_bytes_min && hash_of(head) == mark.head_hash;
    return same ? Likeness::part : Likeness::none;
  }
  const uint64_t tail_bytes = std::min(size, tail_bytes_max);
  const bool same =
      head == head_of(other).substr(0, head.size()) &&
      hash_at(fd, size - tail_bytes, tail_bytes) == hash_at(other, size - tail_bytes, tail_bytes);
  if (!same) return Likeness::none;
  return size >= copy_bytes_min ? Likeness::part : Likeness::maybe;
}

// --- the token ---

namespace {

// Writes every character that would end a part of the token as %XX.
std::string escaped(std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte > 0x20 && byte < 0x7F && c != '%' && c != '.' && c != ',') {
      out += c;
    } else {
      out += {'%', digits[byte >> 4], digits[byte & 15]};
    }
  }
  return out;
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    unsigned byte = 0;
    if (text[at] == '%' && at + 2 < text.size() &&
        std::from_chars(text.data() + at + 1, text.data() + at + 3, byte, 16).ec == std::errc()) {
      out += static_cast<char>(byte);
      at += 2;
    } else {
      out += text[at];
    }
  }
  return out;
}

// Removes the text up to and with `end` from the front, and returns it without `end`.
std::string_view take_part(std::string_view& text, char end) {
  const size_t at = std::min(text.find(end), text.size());
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return part;
}

// " hDELIMITER.ENCODING.NAME,NAME,"
std::string write_heading(const Heading& heading) {
  std::string text =
      " h" + escaped({&heading.delimiter, 1}) + "." + escaped(heading.encoding) + ".";
  for (const std::string& name : heading.names) text += escaped(name) + ",";
  return text;
}

std::optional<Heading> read_heading(std::string_view text) {
  Heading heading;
  const std::string delimiter = unescaped(take_part(text, '.'));
  if (delimiter.size() != 1) return std::nullopt;
  heading.delimiter = delimiter[0];
  heading.encoding = unescaped(take_part(text, '.'));
  while (!text.empty()) heading.names.push_back(unescaped(take_part(text, ',')));
  return heading;
}

std::string write_mark(const AppendMark& mark) {
  std::array<char, 192> buffer{};  // nine numbers of up to 17 characters
  const auto wide = [](uint64_t value) { return static_cast<unsigned long long>(value); };
  const int size = std::snprintf(
      buffer.data(), buffer.size(), " %llx.%llx.%llx.%llx.%llx.%llx.%llx.%llx.%llx",
      wide(mark.device), wide(mark.inode), wide(mark.offset), wide(mark.line), wide(mark.head_hash),
      wide(mark.tail_hash), wide(mark.heading), wide(mark.born_ns), wide(mark.name));
  return {buffer.data(), static_cast<size_t>(size)};
}

// Marks of older versions have fewer numbers: they end before `heading`, or after it. Older
// versions ignore numbers that they do not know, so they can read today's marks.
std::optional<AppendMark> read_mark(std::string_view text) {
  AppendMark mark;
  uint64_t name = 0;
  for (uint64_t* number : {&mark.device, &mark.inode, &mark.offset, &mark.line, &mark.head_hash,
                           &mark.tail_hash, &mark.heading, &mark.born_ns, &name}) {
    const bool optional = number == &mark.heading || number == &mark.born_ns || number == &name;
    if (optional && text.empty()) break;
    const std::string_view part = take_part(text, '.');
    const auto result = std::from_chars(part.data(), part.data() + part.size(), *number, 16);
    if (result.ec != std::errc() || result.ptr != part.data() + part.size()) return std::nullopt;
  }
  mark.name = static_cast<uint32_t>(name);
  return mark;
}

}  // namespace

std::string write_token(const AppendToken& token) {
  std::string text(token_mark);
  std::set<uint64_t> written;
  for (const AppendMark& mark : token.marks) {
    const auto heading = token.headings.find(mark.heading);
    if (heading == token.headings.end() || !written.insert(mark.heading).second) continue;
    const std::string part = write_heading(heading->second);
    if (text.size() + part.size() <= heading_bytes_max) text += part;
  }
  for (const AppendMark& mark : token.marks) {
    const std::string part = write_mark(mark);
    if (text.size() + part.size() > token_bytes_max) break;
    text += part;
  }
  return text;
}

AppendToken read_token(std::string_view text) {
  AppendToken token;
  if (!text.starts_with(token_mark) && !text.starts_with(first_token_mark)) return token;
  take_part(text, ' ');
  while (!text.empty()) {
    const std::string_view part = take_part(text, ' ');
    if (part.starts_with('h')) {
      if (const auto heading = read_heading(part.substr(1)))
        token.headings[heading->hash()] = *heading;
      continue;
    }
    const auto mark = read_mark(part);
    if (!mark) break;
    token.marks.push_back(*mark);
  }
  return token;
}

}  // namespace btb::csv
