// FaultLog: the rows of one file that could not be read. It counts them, and sends each to the host
// as a dead letter unless on_error is skip. A row that was already bad in the last version of the
// file is counted, but not sent again. Resource of one file; [source].
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
  // Borrows `config`. `path` is told in dead letters.
  FaultLog(const Config& config, std::string path) : config_(&config), path_(std::move(path)) {}

  // The file has another path now.
  void rename(std::string path) { path_ = std::move(path); }
  // A new version of the file begins.
  void begin();

  struct Place {
    uint64_t line = 0;
    uint64_t byte_offset = 0;
    std::string_view raw;  // as in the file
  };
  // Adds a row. Throws FileRefused if on_error is stop. Borrows nothing.
  void add(plugin::Host& host, const RowFault& fault, const Place& place);

  [[nodiscard]] uint64_t count() const { return count_; }  // since begin
  // For people: the count, and the place and fault of the first bad row: "2 of 5 rows cannot be
  // read, the first: line 3: a NUL byte". `rows`: all rows of the file; 0: not known. Empty if
  // there are no bad rows.
  [[nodiscard]] std::string text(uint64_t rows) const;
  // True if a tenth or more of `rows` rows are bad: an operator has to see it.
  [[nodiscard]] bool are_many(uint64_t rows) const { return count_ != 0 && count_ * 10 >= rows; }
  // Throws FileRefused if max_errors or max_error_ratio does not allow so many bad rows among
  // `rows` rows.
  void check_limits(uint64_t rows) const;

 private:
  static constexpr size_t told_max = 1000;  // dead letters of one version; more rows are counted

  const Config* config_;
  std::string path_;
  uint64_t count_ = 0;
  std::string first_;  // line and fault of the first bad row
  // Hashes of the bad rows and their faults: of this version, and of the one before.
  std::unordered_set<uint64_t> now_, before_;
};

}  // namespace btb::csv
