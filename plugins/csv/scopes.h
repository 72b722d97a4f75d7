// Scopes: a number for each part of a file's name that a topic has (NameTemplate::file_part), so
// that the same key means two rows in two topics, and one row in one topic whichever file it comes
// from. Value of one source; [source].
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "plugins/csv/name_template.h"

namespace btb::csv {

class Scopes {
 public:
  // 0 if the topic has nothing of the name. The same number for the same part as long as this
  // lives.
  uint32_t of(const NameTemplate& topic, std::string_view file_name) {
    const std::string_view part = topic.file_part(file_name);
    if (part.empty()) return 0;
    const auto at = numbers_.find(part);
    if (at != numbers_.end()) return at->second;
    const auto number = static_cast<uint32_t>(numbers_.size() + 1);
    numbers_.emplace(part, number);
    return number;
  }

 private:
  std::map<std::string, uint32_t, std::less<>> numbers_;
};

}  // namespace btb::csv
