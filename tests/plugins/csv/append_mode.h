// Mode: append alone, without a source around it, with a clock that is passed in. And what it
// published.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>

#include "plugins/csv/mode.h"
#include "tests/plugins/csv/folder.h"

namespace btb::test {

inline TestSettings::Values with(TestSettings::Values values, const TestSettings::Values& more) {
  values.insert(values.end(), more.begin(), more.end());
  return values;
}

inline List rows(const FakeHost& host) {
  List all;
  for (const auto& message : host.messages()) all.push_back(message.payload);
  return all;
}

// All that was published, whatever the order of files.
inline bool published(Csv& source, List wanted) {
  std::sort(wanted.begin(), wanted.end());
  return source.host.wait_for([&] {
    List all = rows(source.host);
    std::sort(all.begin(), all.end());
    return all == wanted;
  });
}

// Rows of a table with the one column n.
inline std::string n(const std::string& value) {
  return R"({"n":")" + value + "\"}";
}

inline List n(std::initializer_list<const char*> values) {
  List all;
  for (const char* value : values) all.push_back(n(std::string(value)));
  return all;
}

class Mode {
 public:
  explicit Mode(const TestSettings::Values& more = {}, const std::string& token = {})
      : settings_(csv::CsvSource::options(),
                  with({{"path", "unused"}, {"topic", "t"}, {"mode", "append"}}, more)),
        config_(csv::read_config(settings_.view())),
        face_(host.raw()),
        mode_(csv::make_append_mode(config_, face_, token)) {}

  FakeHost host;

  csv::Outcome take(const Folder& folder, const std::string& name, int64_t quiet_ms = 0) {
    csv::Visit visit;
    visit.quiet_ms = quiet_ms;
    csv::Signature now;
    return mode_->take(file(name), folder.path(name), visit, now);
  }
  void gone(const std::string& name) { mode_->remove({&file(name)}, false); }
  void tick(int64_t now_ms) { mode_->tick(now_ms); }
  csv::FileMode& mode() { return *mode_; }

 private:
  csv::TrackedFile& file(const std::string& name) {
    csv::TrackedFile& tracked = files_[name];
    if (tracked.id == 0) tracked.id = static_cast<uint16_t>(files_.size());
    tracked.name = name;
    return tracked;
  }

  TestSettings settings_;
  csv::Config config_;
  plugin::Host face_;
  std::unique_ptr<csv::FileMode> mode_;
  std::map<std::string, csv::TrackedFile> files_;
};

}  // namespace btb::test
