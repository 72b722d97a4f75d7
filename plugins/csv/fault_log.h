// FaultLog: rows that could not be read. Tells the host of each (as on_error says), and of none
// twice: a row that was bad in the last version of a file and is still there is counted, not told
// again. Resource of one file; [source].
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>

#include "plugins/csv/options.h"
#include "plugins/csv/row_layout.h"
#include "sdk/plugin/source.h"

namespace btb::csv {

class FaultLog {
 public:
  FaultLog(const Config& config, std::string path) : config_(&config), path_(std::move(path)) {}

  // The file lies somewhere else now.
  void rename(std::string path) { path_ = std::move(path); }
  // A new version of the file begins.
  void begin();

  struct Place {
    uint64_t line = 0;
    uint64_t byte_offset = 0;
    std::string_view raw;  // as in the file
  };
  // Throws FileRefused with on_error: stop.
  void add(plugin::Host& host, const RowFault& fault, const Place& place);

  [[nodiscard]] uint64_t count() const { return count_; }  // since begin
  // How many, and where and what the first was: "2 of 5 rows cannot be read, the first: line 3: a
  // NUL byte". `rows` 0: of how many is not known. Empty if there were none.
  [[nodiscard]] std::string text(uint64_t rows) const;
  // Whether a tenth or more of `rows` rows are among them: an operator has to see it.
  [[nodiscard]] bool are_many(uint64_t rows) const { return count_ != 0 && count_ * 10 >= rows; }
  // Throws FileRefused if these are more than the configuration allows of `rows` rows.
  void check_limits(uint64_t rows) const;

 private:
  static constexpr size_t told_max = 1000;  // of one version of a file; more are counted

  const Config* config_;
  std::string path_;
  uint64_t count_ = 0;
  std::string first_;  // where and what the first one was
  std::unordered_set<uint64_t> now_, before_;
};

}  // namespace btb::csv
