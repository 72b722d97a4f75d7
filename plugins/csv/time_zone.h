// TimeZone: the rules of one named zone ("Europe/Berlin"), from the system's zone files (RFC 8536,
// with a POSIX TZ rule for the years after their table).
//
// The C library has one zone for a whole process; this is a value that many threads may read. It
// does not change once it is made; [any].
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace btb::csv {

// A day on which clocks change, and the second of that day: "M3.5.0/2" of a POSIX TZ.
struct ChangeDay {
  enum class Kind : uint8_t { month_week, julian, day } kind = Kind::day;
  int month = 0, week = 0, weekday = 0;  // month_week; week 5 is the last, weekday 0 a Sunday
  int day = 0;                           // julian: 1 to 365, no 29 February; day: 0 to 365
  int32_t second = 7200;
};

class TimeZone {
 public:
  // The offset of clocks during some time, and its name: "CET", "CEST".
  struct Local {
    int32_t offset_s = 0;  // east of Greenwich is positive
    std::string abbreviation;
  };

  // Reads the zone's file in $TZDIR, or in /usr/share/zoneinfo if that is not set. Null if there is
  // no such file or it is not understood; then `fault` says why, for people. May block.
  static std::shared_ptr<const TimeZone> load(std::string_view name, std::string& fault);
  // `file` is the content of a zone file. Null if it is not understood.
  static std::shared_ptr<const TimeZone> parse(std::string_view file);

  // `unix_s`: seconds since 1970-01-01 UTC. The result lives as long as this.
  [[nodiscard]] const Local& at(int64_t unix_s) const;
  // The Unix time at which clocks show the local time `local_s`: seconds since 1970-01-01, as if
  // clocks showed UTC. A local time that comes twice (clocks go back) is the first one, unless
  // `abbreviation` names the second. A local time that never comes (clocks go forward) counts as if
  // clocks had not gone forward yet: 02:30 is 03:30.
  [[nodiscard]] int64_t to_unix(int64_t local_s, std::string_view abbreviation = {}) const;
  // True if the zone ever used this abbreviation ("CEST").
  [[nodiscard]] bool knows(std::string_view abbreviation) const;

 private:
  struct Transition {
    int64_t at = 0;
    size_t local = 0;  // index in locals_: valid from `at` on
  };
  // For all years after the table.
  struct Rule {
    Local standard, daylight;
    ChangeDay begin, end;
    bool changes = false;
  };
  friend class ZoneFile;
  friend class ZoneRule;
  void note_offsets();

  std::vector<Local> locals_;  // at least one
  std::vector<Transition> transitions_;
  std::optional<Rule> rule_;
  std::vector<int32_t> offsets_;  // each once, the largest first
};

// Zones by name; each file is read once. One thread.
class ZoneCache {
 public:
  // Null if there is no such zone; that is looked up again each time. May block to read the file.
  std::shared_ptr<const TimeZone> find(std::string_view name);

 private:
  std::map<std::string, std::shared_ptr<const TimeZone>, std::less<>> zones_;
};

}  // namespace btb::csv
