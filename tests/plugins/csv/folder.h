// Folder: a directory of a test's own, and the ways in which people put files there. And Csv: a CSV
// source on it.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/csv/csv_source.h"
#include "tests/support/fake_host.h"

namespace btb::test {

using List = std::vector<std::string>;
using Rows = std::map<std::pair<std::string, std::string>, std::string>;

class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "btb_csv_test.XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] const std::string& directory() const { return path_; }

  // As a careful program does it: beside, then renamed over.
  void replace(const std::string& name, std::string_view text) const {
    write("." + name + ".part", text);
    std::filesystem::rename(path("." + name + ".part"), path(name));
  }
  // As most do: the old content is cut away, the new one written.
  void write(const std::string& name, std::string_view text) const {
    std::ofstream file(path(name), std::ios::binary | std::ios::trunc);
    file << text;
    if (!file.flush()) throw std::runtime_error("write");
  }
  void append(const std::string& name, std::string_view text) const {
    std::ofstream file(path(name), std::ios::binary | std::ios::app);
    file << text;
  }
  void remove(const std::string& name) const { std::filesystem::remove(path(name)); }

 private:
  std::string path_;
};

// A source that reads `pattern` in the folder; `more` replaces its standard settings.
class Csv {
 public:
  Csv(const Folder& folder, const std::string& pattern, const TestSettings::Values& more = {},
      const std::string& token = {})
      : source_(std::make_unique<RunningSource<csv::CsvSource>>(
            host, settings(folder.path(pattern), more), token)) {}

  FakeHost host;

  bool has(const Rows& rows) {
    return host.wait_for([&] { return host.table() == rows; });
  }
  bool is_live() { return host.wait_for_state(BTB_STATE_LIVE); }
  bool told_letters(size_t count) {
    return host.wait_for([&] { return host.letters().size() >= count; });
  }
  // The batches that publish something.
  std::vector<FakeHost::Batch> changes() const {
    auto batches = host.batches();
    std::erase_if(batches, [](const FakeHost::Batch& batch) { return batch.messages.empty(); });
    return batches;
  }
  // How often it said that all there is was published.
  size_t completions() const {
    const auto batches = host.batches();
    return static_cast<size_t>(std::count_if(batches.begin(), batches.end(),
                                             [](const auto& batch) { return batch.complete; }));
  }
  bool is_unsure() {
    return host.wait_for([&] {
      const auto batches = host.batches();
      return std::any_of(batches.begin(), batches.end(),
                         [](const auto& batch) { return batch.unsure; });
    });
  }
  bool is_complete() {
    return host.wait_for([&] { return completions() == 1; });
  }
  void end() { source_->end(); }

 private:
  static TestSettings::Values settings(const std::string& path, const TestSettings::Values& more) {
    TestSettings::Values values{
        {"path", path}, {"topic", "t"}, {"key", List{"id"}}, {"settle", "60ms"}};
    for (const auto& value : more) {
      std::erase_if(values, [&](const auto& known) { return known.first == value.first; });
      values.push_back(value);
    }
    return values;
  }

  std::unique_ptr<RunningSource<csv::CsvSource>> source_;
};

}  // namespace btb::test
