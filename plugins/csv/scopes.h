// Scopes: numbers for the parts of file names that stand in topics (NameTemplate::file_part). A key
// is looked up together with such a number. So the same key is two rows in two topics, and one row
// in one topic, even if it comes from two files. Value of one source; [source].
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "plugins/csv/name_template.h"

namespace btb::csv {

class Scopes {
 public:
  // The number for `file_name`; 0 if the topic has no part of the name. The same part always gets
  // the same number.
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
