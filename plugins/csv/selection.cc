#include "plugins/csv/selection.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <string_view>
#include <unordered_set>

#include "plugins/csv/scratch_names.h"
#include "plugins/csv/text.h"

namespace btb::csv {

namespace {

constexpr std::string_view confirm_ending = ".confirm";

// The offset of the last part of a relative name.
size_t base_begin(std::string_view name) {
  return name.rfind('/') + 1;  // npos + 1 is 0
}

bool any_matches(const std::vector<std::string>& globs, std::string_view name,
                 Case letters = Case::matters) {
  return std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
    return glob_matches(glob, name, letters) ||
           glob_matches(glob, name.substr(base_begin(name)), letters);
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

Selection::Chosen Selection::choose(const std::vector<std::string>& names) const {
  std::unordered_set<std::string> markers;
  if (!config_.done_marker.empty()) {
    for (const std::string& name : names) markers.insert(marker_of(name));
  }
  Chosen chosen;
  for (const std::string& name : names) {
    if (markers.contains(name)) continue;
    const bool scratch = is_scratch_name(name.substr(base_begin(name))) && !is_asked_for(name);
    if (is_wanted(name, Case::matters)) {
      (scratch ? chosen.scratch : chosen.files).push_back(name);
    } else if (!scratch && is_wanted(name, Case::ignored)) {
      chosen.other_case.push_back(name);
    }
  }
  return chosen;
}

bool Selection::is_wanted(const std::string& name, Case letters) const {
  if (!glob_matches(config_.pattern, std::string_view(name).substr(base_begin(name)), letters))
    return false;
  if (!config_.include.empty() && !any_matches(config_.include, name, letters)) return false;
  return !any_matches(config_.exclude, name, letters) && !name.ends_with(confirm_ending);
}

// True if the path, or an include, names such leftovers itself: *.bak.
bool Selection::is_asked_for(const std::string& name) const {
  if (is_scratch_name(config_.pattern)) return true;
  std::vector<std::string> meant;
  std::copy_if(config_.include.begin(), config_.include.end(), std::back_inserter(meant),
               is_scratch_name);
  return any_matches(meant, name);
}

// Directories whose name begins with a dot are never read. Nor are finished_dir and error_dir:
// their files were put away.
bool Selection::descends_into(const std::string& directory) const {
  const std::string path =
      std::filesystem::path(config_.directory + "/" + directory).lexically_normal().string();
  if (path == config_.finished_dir || path == config_.error_dir) return false;
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
