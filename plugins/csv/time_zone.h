// TimeZone: the rules of one named zone ("Europe/Berlin"), as the system's zone files hold them
// (RFC 8536, and POSIX TZ for the years behind their table).
//
// The C library knows one zone for a whole process; this one is a value that many threads may read.
// Immutable once made; [any] thread.
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
  // What clocks show from some instant on.
  struct Local {
    int32_t offset_s = 0;  // east of Greenwich is positive
    std::string abbreviation;
  };

  // Reads the zone's file: $TZDIR, else /usr/share/zoneinfo. Null if there is none of that name, or
  // it cannot be understood; then `fault` says why, for people.
  static std::shared_ptr<const TimeZone> load(std::string_view name, std::string& fault);
  // `file` is what such a file holds. Null if it cannot be understood.
  static std::shared_ptr<const TimeZone> parse(std::string_view file);

  // `unix_s`: seconds since 1970-01-01 UTC. The result lives as long as this.
  [[nodiscard]] const Local& at(int64_t unix_s) const;
  // The instant at which clocks show `local_s`, counted as if they showed UTC. One that comes twice
  // (clocks go back) is the first of both, unless `abbreviation` names the other. One that never
  // comes (clocks go forward) is taken as if they had not gone forward yet: 02:30 is 03:30.
  [[nodiscard]] int64_t to_unix(int64_t local_s, std::string_view abbreviation = {}) const;
  // True if clocks here ever had a time called so ("CEST").
  [[nodiscard]] bool knows(std::string_view abbreviation) const;

 private:
  struct Transition {
    int64_t at = 0;
    size_t local = 0;  // index of what holds from there on
  };
  // For all years behind the table.
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

// Zones by name, each read once. One thread.
class ZoneCache {
 public:
  // Null if there is none of that name.
  std::shared_ptr<const TimeZone> find(std::string_view name);

 private:
  std::map<std::string, std::shared_ptr<const TimeZone>, std::less<>> zones_;
};

}  // namespace btb::csv
