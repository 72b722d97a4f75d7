#include "broker/source/dead_letter.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sdk/base/base64.h"
#include "sdk/wire/topic_name.h"

namespace btb {

namespace {

// `text` without the last character if that was cut in two.
std::string_view whole_characters(std::string_view text) {
  for (size_t cut = 0; cut <= std::min<size_t>(3, text.size()); ++cut) {
    const std::string_view shorter = text.substr(0, text.size() - cut);
    if (wire::is_utf8(shorter)) return shorter;
  }
  return text;
}

// Bytes that are not UTF-8 are kept as they are: they show what is wrong with an encoding.
nlohmann::json text_or_bytes(std::string_view bytes) {
  if (wire::is_utf8(bytes)) return bytes;
  std::string text;
  append_base64(text, bytes);
  return {{"$base64", text}};
}

}  // namespace

std::string to_json(const DeadLetter& letter, std::string_view source_name) {
  const bool cut = letter.raw_bytes > letter.raw.size();
  nlohmann::json json = {
      {"source", source_name},
      {"reason", letter.reason},
      {"location", letter.location},
      {"line", letter.line},
      {"column", letter.column},
      {"byte_offset", letter.byte_offset},
      {"raw", text_or_bytes(cut ? whole_characters(letter.raw) : letter.raw)},
      {"raw_bytes", letter.raw_bytes},
  };
  if (!letter.key.empty()) json["key"] = text_or_bytes(letter.key);
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace btb
