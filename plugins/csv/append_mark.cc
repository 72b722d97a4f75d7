#include "plugins/csv/append_mark.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "plugins/csv/file_reader.h"
#include "plugins/csv/hash.h"

namespace btb::csv {

namespace {

constexpr std::string_view token_mark = "a1";
constexpr size_t token_bytes_max = 4096;
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
  return AppendMark{info->device, info->inode, offset, line, *head, *tail};
}

const char* AppendMark::disagreement(int fd) const {
  const auto info = look_at(fd);
  if (!info || info->device != device || info->inode != inode) return "it is another file";
  if (info->size_bytes < offset) return "it became shorter";
  const auto now = make(fd, offset, line);
  if (!now || now->head_hash != head_hash) return "its beginning changed";
  return now->tail_hash == tail_hash ? nullptr : "what was read of it changed";
}

std::string write_marks(const std::vector<AppendMark>& marks) {
  std::string token(token_mark);
  std::array<char, 160> buffer{};
  const auto wide = [](uint64_t value) { return static_cast<unsigned long long>(value); };
  for (const AppendMark& mark : marks) {
    const int size = std::snprintf(buffer.data(), buffer.size(), " %llx.%llx.%llx.%llx.%llx.%llx",
                                   wide(mark.device), wide(mark.inode), wide(mark.offset),
                                   wide(mark.line), wide(mark.head_hash), wide(mark.tail_hash));
    if (token.size() + static_cast<size_t>(size) > token_bytes_max) break;
    token.append(buffer.data(), static_cast<size_t>(size));
  }
  return token;
}

std::vector<AppendMark> read_marks(std::string_view token) {
  std::vector<AppendMark> marks;
  if (!token.starts_with(token_mark)) return marks;
  const char* at = token.data() + token_mark.size();
  const char* const end = token.data() + token.size();
  while (at < end && *at == ' ') {
    AppendMark mark;
    for (uint64_t* number :
         {&mark.device, &mark.inode, &mark.offset, &mark.line, &mark.head_hash, &mark.tail_hash}) {
      const auto result = std::from_chars(at + 1, end, *number, 16);
      if (result.ec != std::errc()) return marks;
      at = result.ptr;
    }
    marks.push_back(mark);
  }
  return marks;
}

}  // namespace btb::csv
