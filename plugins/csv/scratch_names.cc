#include "plugins/csv/scratch_names.h"

#include <algorithm>
#include <array>
#include <string>

#include "plugins/csv/text.h"

namespace btb::csv {

namespace {

// In lower case; README.md has the same list.
constexpr std::array<std::string_view, 19> endings{
    "~",     ".bak",  ".backup",  ".swp",      ".swo",        ".swx",      ".tmp",
    ".temp", ".part", ".partial", ".filepart", ".crdownload", ".download", ".opdownload",
    ".lock", ".lck",  ".rej",     ".orig",     ".kate-swp"};
constexpr std::array<std::string_view, 2> beginnings{"~$", ".~lock."};
constexpr std::array<std::string_view, 2> names{"thumbs.db", "desktop.ini"};

}  // namespace

bool is_scratch_name(std::string_view name) {
  const std::string small = lower_case(name);
  const bool ends = std::any_of(endings.begin(), endings.end(),
                                [&](std::string_view ending) { return small.ends_with(ending); });
  const bool begins =
      std::any_of(beginnings.begin(), beginnings.end(),
                  [&](std::string_view beginning) { return small.starts_with(beginning); });
  const bool between_hashes = small.size() > 2 && small.front() == '#' && small.back() == '#';
  return ends || begins || between_hashes ||
         std::find(names.begin(), names.end(), small) != names.end();
}

}  // namespace btb::csv
