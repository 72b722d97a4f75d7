#include "plugins/csv/selection.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <unordered_set>

#include "plugins/csv/text.h"

namespace btb::csv {

namespace {

constexpr std::string_view confirm_ending = ".confirm";

// Where the last part of a relative name begins.
size_t base_begin(std::string_view name) {
  return name.rfind('/') + 1;  // npos + 1 is 0
}

bool any_matches(const std::vector<std::string>& globs, std::string_view name) {
  return std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
    return glob_matches(glob, name) || glob_matches(glob, name.substr(base_begin(name)));
  });
}

// "{file}.done" for stock.csv: "stock.csv.done".
std::string replaced(std::string text, std::string_view placeholder, std::string_view value) {
  for (size_t at = text.find(placeholder); at != std::string::npos;
       at = text.find(placeholder, at + value.size())) {
    text.replace(at, placeholder.size(), value);
  }
  return text;
}

}  // namespace

std::vector<std::string> Selection::files_of(const std::vector<std::string>& names) const {
  std::unordered_set<std::string> markers;
  if (!config_.done_marker.empty()) {
    for (const std::string& name : names) markers.insert(marker_of(name));
  }
  std::vector<std::string> files;
  std::copy_if(names.begin(), names.end(), std::back_inserter(files),
               [&](const std::string& name) { return is_wanted(name) && !markers.contains(name); });
  return files;
}

bool Selection::is_wanted(const std::string& name) const {
  if (!glob_matches(config_.pattern, std::string_view(name).substr(base_begin(name)))) return false;
  if (!config_.include.empty() && !any_matches(config_.include, name)) return false;
  return !any_matches(config_.exclude, name) && !name.ends_with(confirm_ending);
}

// As in a shell, what begins with a dot has to be asked for; and it cannot be.
bool Selection::descends_into(const std::string& directory) const {
  return directory[base_begin(directory)] != '.' && !any_matches(config_.exclude, directory);
}

std::string Selection::marker_of(const std::string& name) const {
  const size_t begin = base_begin(name);
  const std::string base = name.substr(begin);
  return name.substr(0, begin) +
         replaced(replaced(replaced(config_.done_marker, "{file}", base), "{name}", base), "{stem}",
                  stem_of(base));
}

std::string confirmation_of(const std::string& name) {
  return name + std::string(confirm_ending);
}

}  // namespace btb::csv
