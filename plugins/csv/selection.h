// Selection: chooses the files of the source among the names in a directory, by the options path,
// include, exclude and done_marker. Pure; borrows the configuration, which outlives it. [any]
//
// With ** in the path a name is relative to the directory: "2026/stock.csv". Globs are compared
// with its last part; globs of include and exclude also with the whole name.
#pragma once

#include <string>
#include <vector>

#include "plugins/csv/options.h"
#include "plugins/csv/text.h"

namespace btb::csv {

class Selection {
 public:
  explicit Selection(const Config& config) : config_(config) {}

  // The names that fit, in the order in which they were given.
  struct Chosen {
    std::vector<std::string> files;       // files of the source, without markers and confirmations
    std::vector<std::string> scratch;     // passed over: they fit, and is_scratch_name is true
    std::vector<std::string> other_case;  // passed over: they fit if the case of letters is ignored
  };
  // Why other_case names are passed over, and what to do. For people.
  static constexpr const char* other_case_text =
      "it would fit if capital and small letters were the same; name both in `path`, as in "
      "*.[cC][sS][vV]";
  // Takes time in proportion to the number of names.
  [[nodiscard]] Chosen choose(const std::vector<std::string>& names) const;
  [[nodiscard]] std::vector<std::string> files_of(const std::vector<std::string>& names) const {
    return choose(names).files;
  }
  // With ** in the path: true if files in this directory are looked at. `directory` is relative.
  [[nodiscard]] bool descends_into(const std::string& directory) const;
  // The name of the marker: the file that shows that `name` is complete. REQUIRES: done_marker is
  // set.
  [[nodiscard]] std::string marker_of(const std::string& name) const;

 private:
  [[nodiscard]] bool is_wanted(const std::string& name, Case letters) const;
  [[nodiscard]] bool is_asked_for(const std::string& name) const;
  const Config& config_;
};

// The name of the file that an operator makes beside `name` to confirm a change:
// "stock.csv.confirm".
std::string confirmation_of(const std::string& name);

}  // namespace btb::csv
