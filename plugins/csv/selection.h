// Selection: which of the names in a directory are files of the source, as path, include, exclude
// and done_marker say. Pure; borrows the configuration, which outlives it. [any]
//
// With ** in the path a name is relative to the directory, "2026/stock.csv". Globs are held against
// its last part; those of include and exclude also against the whole.
#pragma once

#include <string>
#include <vector>

#include "plugins/csv/options.h"
#include "plugins/csv/text.h"

namespace btb::csv {

class Selection {
 public:
  explicit Selection(const Config& config) : config_(config) {}

  // What became of the names in a directory, each list in their order.
  struct Chosen {
    std::vector<std::string> files;       // the source's: neither markers nor confirmations
    std::vector<std::string> scratch;     // would fit, and are what an editor or a download leaves
    std::vector<std::string> other_case;  // would fit if capital and small letters were the same
  };
  // Why those of the last kind are passed over, and what to do. For people.
  static constexpr const char* other_case_text =
      "it would fit if capital and small letters were the same; name both in `path`, as in "
      "*.[cC][sS][vV]";
  // Looks at each name a fixed number of times.
  [[nodiscard]] Chosen choose(const std::vector<std::string>& names) const;
  [[nodiscard]] std::vector<std::string> files_of(const std::vector<std::string>& names) const {
    return choose(names).files;
  }
  // With ** in the path: false for a directory, by its relative name, that is passed over.
  [[nodiscard]] bool descends_into(const std::string& directory) const;
  // The name of the file beside `name` that says that it is complete. REQUIRES: done_marker is set.
  [[nodiscard]] std::string marker_of(const std::string& name) const;

 private:
  [[nodiscard]] bool is_wanted(const std::string& name, Case letters) const;
  [[nodiscard]] bool is_asked_for(const std::string& name) const;
  const Config& config_;
};

// What an operator makes beside a file to confirm a change that the guard holds.
std::string confirmation_of(const std::string& name);

}  // namespace btb::csv
