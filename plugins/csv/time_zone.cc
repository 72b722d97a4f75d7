// Its parts: the POSIX TZ rule, the zone file, and the look-up of a time in a zone.
#include "plugins/csv/time_zone.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace btb::csv {

namespace {

constexpr const char* standard_directory = "/usr/share/zoneinfo";
constexpr size_t name_bytes_max = 64;
constexpr size_t file_bytes_max = 1U << 20;
constexpr int64_t day_s = 86'400;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// True if `name` can be the name of a zone, and does not lead out of the directory.
bool is_name(std::string_view name) {
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-' || c == '+' || c == '/';
  });
  return plain && !name.empty() && name.size() <= name_bytes_max && name.front() != '/' &&
         name.back() != '/' && name.find("//") == std::string_view::npos &&
         !name.starts_with("right/");  // those count leap seconds, which Unix time does not
}

int64_t days_of(int year, unsigned month, unsigned day) {
  using namespace std::chrono;
  return sys_days(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day))
      .time_since_epoch()
      .count();
}

// The day of the change in this year, in days since 1970.
int64_t day_in(const ChangeDay& change, int year) {
  using namespace std::chrono;
  switch (change.kind) {
    case ChangeDay::Kind::julian: {
      const bool behind_february = change.day > 59 && std::chrono::year(year).is_leap();
      return days_of(year, 1, 1) + change.day - 1 + (behind_february ? 1 : 0);
    }
    case ChangeDay::Kind::day:
      return days_of(year, 1, 1) + change.day;
    case ChangeDay::Kind::month_week:
      break;
  }
  const auto month =
      std::chrono::year(year) / std::chrono::month(static_cast<unsigned>(change.month));
  const weekday wanted(static_cast<unsigned>(change.weekday));
  const sys_days found = change.week == 5
                             ? sys_days(month / wanted[last])
                             : sys_days(month / wanted[static_cast<unsigned>(change.week)]);
  return found.time_since_epoch().count();
}

int64_t second_in(const ChangeDay& change, int year) {
  return day_in(change, year) * day_s + change.second;
}

int year_of(int64_t unix_s) {
  using namespace std::chrono;
  const auto day = floor<days>(sys_seconds(seconds(unix_s)));
  return static_cast<int>(year_month_day(day).year());
}

}  // namespace

// --- the rule behind the table: "CET-1CEST,M3.5.0,M10.5.0/3" ---

class ZoneRule {
 public:
  explicit ZoneRule(std::string_view text) : rest_(text) {}

  std::optional<TimeZone::Rule> read() {
    TimeZone::Rule rule;
    int32_t west = 0;
    if (!take_name(rule.standard.abbreviation) || !take_time(west)) return std::nullopt;
    rule.standard.offset_s = -west;
    if (rest_.empty()) return rule;
    rule.changes = true;
    if (!take_name(rule.daylight.abbreviation)) return std::nullopt;
    rule.daylight.offset_s = rule.standard.offset_s + 3600;
    if (!rest_.empty() && rest_.front() != ',') {
      if (!take_time(west)) return std::nullopt;
      rule.daylight.offset_s = -west;
    }
    if (!take_change(rule.begin) || !take_change(rule.end) || !rest_.empty()) return std::nullopt;
    return rule;
  }

 private:
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool take_name(std::string& name) {
    const bool quoted = take('<');
    const size_t end = quoted ? rest_.find('>') : rest_.find_first_of("+-,0123456789");
    name = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end, rest_.size()));
    return name.size() >= 3 && name.size() <= 16 && (!quoted || take('>'));
  }

  bool take_number(int low, int high, int& value) {
    size_t count = 0;
    value = 0;
    while (count < rest_.size() && count < 3 && is_digit(rest_[count])) {
      value = value * 10 + (rest_[count++] - '0');
    }
    rest_.remove_prefix(count);
    return count > 0 && value >= low && value <= high;
  }

  // [+-]hh[:mm[:ss]], in seconds.
  bool take_time(int32_t& seconds) {
    const bool negative = take('-');
    if (!negative) take('+');
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (!take_number(0, 167, hour)) return false;
    if (take(':') && !take_number(0, 59, minute)) return false;
    if (take(':') && !take_number(0, 59, second)) return false;
    seconds = hour * 3600 + minute * 60 + second;
    if (negative) seconds = -seconds;
    return true;
  }

  bool take_change(ChangeDay& change) {
    if (!take(',')) return false;
    if (take('M')) {
      change.kind = ChangeDay::Kind::month_week;
      if (!take_number(1, 12, change.month) || !take('.') || !take_number(1, 5, change.week) ||
          !take('.') || !take_number(0, 6, change.weekday))
        return false;
    } else if (take('J')) {
      change.kind = ChangeDay::Kind::julian;
      if (!take_number(1, 365, change.day)) return false;
    } else if (!take_number(0, 365, change.day)) {
      return false;
    }
    return !take('/') || take_time(change.second);
  }

  std::string_view rest_;
};

// --- a zone file ---

class ZoneFile {
 public:
  explicit ZoneFile(std::string_view bytes) : bytes_(bytes) {}

  std::shared_ptr<const TimeZone> read() {
    Header header;
    if (!read_header(header)) return nullptr;
    size_t number_bytes = 4;
    if (header.version >= '2') {  // the same data follow again, with larger numbers
      at_ += data_bytes(header, 4);
      if (!read_header(header)) return nullptr;
      number_bytes = 8;
    }
    if (at_ > bytes_.size() || bytes_.size() - at_ < data_bytes(header, number_bytes))
      return nullptr;
    auto zone = std::make_shared<TimeZone>();
    if (!read_data(header, number_bytes, *zone)) return nullptr;
    if (number_bytes == 8) read_rule(*zone);
    zone->note_offsets();
    return zone;
  }

 private:
  struct Header {
    char version = 0;
    size_t universal = 0, standard = 0, leaps = 0, transitions = 0, locals = 0, text_bytes = 0;
  };

  int64_t number_at(size_t at, size_t size) const {
    uint64_t value = 0;
    for (size_t i = 0; i < size; ++i) value = value << 8 | static_cast<uint8_t>(bytes_[at + i]);
    return size == 4 ? static_cast<int32_t>(static_cast<uint32_t>(value))
                     : static_cast<int64_t>(value);
  }

  bool read_header(Header& header) {
    constexpr size_t header_bytes = 44;
    if (at_ > bytes_.size() || bytes_.size() - at_ < header_bytes) return false;
    if (!bytes_.substr(at_).starts_with("TZif")) return false;
    header.version = bytes_[at_ + 4];
    for (size_t* count : {&header.universal, &header.standard, &header.leaps, &header.transitions,
                          &header.locals, &header.text_bytes}) {
      const size_t index = static_cast<size_t>(count - &header.universal);
      *count = static_cast<uint32_t>(number_at(at_ + 20 + index * 4, 4));
      if (*count > file_bytes_max) return false;
    }
    at_ += header_bytes;
    return header.locals > 0;
  }

  static size_t data_bytes(const Header& header, size_t number_bytes) {
    return header.transitions * (number_bytes + 1) + header.locals * 6 + header.text_bytes +
           header.leaps * (number_bytes + 4) + header.standard + header.universal;
  }

  bool read_data(const Header& header, size_t number_bytes, TimeZone& zone) {
    const size_t indexes = at_ + header.transitions * number_bytes;
    const size_t locals = indexes + header.transitions;
    const std::string_view text = bytes_.substr(locals + header.locals * 6, header.text_bytes);
    for (size_t i = 0; i < header.locals; ++i) {
      const size_t entry = locals + i * 6;
      const auto name = static_cast<uint8_t>(bytes_[entry + 5]);
      if (name >= text.size()) return false;
      const std::string_view rest = text.substr(name);
      zone.locals_.push_back({static_cast<int32_t>(number_at(entry, 4)),
                              std::string(rest.substr(0, rest.find('\0')))});
      if (std::abs(int64_t{zone.locals_.back().offset_s}) > 2 * day_s) return false;
    }
    for (size_t i = 0; i < header.transitions; ++i) {
      const TimeZone::Transition made{number_at(at_ + i * number_bytes, number_bytes),
                                      static_cast<uint8_t>(bytes_[indexes + i])};
      const bool sorted = zone.transitions_.empty() || zone.transitions_.back().at < made.at;
      if (made.local >= header.locals || !sorted) return false;
      zone.transitions_.push_back(made);
    }
    at_ += data_bytes(header, number_bytes);
    return true;
  }

  void read_rule(TimeZone& zone) {
    std::string_view rest = bytes_.substr(at_);
    if (!rest.starts_with('\n')) return;
    rest.remove_prefix(1);
    zone.rule_ = ZoneRule(rest.substr(0, rest.find('\n'))).read();
  }

  std::string_view bytes_;
  size_t at_ = 0;
};

std::shared_ptr<const TimeZone> TimeZone::parse(std::string_view file) {
  return ZoneFile(file).read();
}

std::shared_ptr<const TimeZone> TimeZone::load(std::string_view name, std::string& fault) {
  const char* chosen = std::getenv("TZDIR");
  const std::string directory = chosen != nullptr && *chosen != '\0' ? chosen : standard_directory;
  const std::string shown = "\"" + std::string(name) + "\"";
  if (!is_name(name)) {
    fault =
        "expected UTC, an offset such as +01:00, or a zone such as Europe/Berlin, found " + shown;
    return nullptr;
  }
  std::ifstream file(directory + "/" + std::string(name), std::ios::binary);
  std::string bytes;
  if (file) bytes.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  if (bytes.empty()) {
    const bool installed = std::ifstream(directory + "/Europe/Berlin").good();
    fault = installed
                ? "there is no zone " + shown +
                      "; expected UTC, an offset such as +01:00, or a zone such as Europe/Berlin"
                : "the zone " + shown +
                      " needs the zone files of the system, and there are none in " + directory +
                      " (package tzdata)";
    return nullptr;
  }
  auto zone = bytes.size() > file_bytes_max ? nullptr : parse(bytes);
  if (zone == nullptr)
    fault = "the file of the zone " + shown + " in " + directory + " cannot be read";
  return zone;
}

void TimeZone::note_offsets() {
  for (const Local& local : locals_) offsets_.push_back(local.offset_s);
  if (rule_) {
    offsets_.push_back(rule_->standard.offset_s);
    if (rule_->changes) offsets_.push_back(rule_->daylight.offset_s);
  }
  std::sort(offsets_.begin(), offsets_.end(), std::greater<>());
  offsets_.erase(std::unique(offsets_.begin(), offsets_.end()), offsets_.end());
}

const TimeZone::Local& TimeZone::at(int64_t unix_s) const {
  const bool behind = transitions_.empty() || unix_s >= transitions_.back().at;
  if (!behind || !rule_) {
    const auto next =
        std::upper_bound(transitions_.begin(), transitions_.end(), unix_s,
                         [](int64_t value, const Transition& entry) { return value < entry.at; });
    return next == transitions_.begin() ? locals_.front() : locals_[std::prev(next)->local];
  }
  if (!rule_->changes) return rule_->standard;
  const int year = year_of(unix_s + rule_->standard.offset_s);
  const int64_t begin = second_in(rule_->begin, year) - rule_->standard.offset_s;
  const int64_t end = second_in(rule_->end, year) - rule_->daylight.offset_s;
  const bool daylight = begin < end ? begin <= unix_s && unix_s < end  // north of the equator
                                    : !(end <= unix_s && unix_s < begin);
  return daylight ? rule_->daylight : rule_->standard;
}

int64_t TimeZone::to_unix(int64_t local_s, std::string_view abbreviation) const {
  std::optional<int64_t> first;
  for (const int32_t offset : offsets_) {  // the largest offset is the earliest instant
    const int64_t unix_s = local_s - offset;
    const Local& local = at(unix_s);
    if (local.offset_s != offset) continue;
    if (local.abbreviation == abbreviation) return unix_s;
    if (!first) first = unix_s;
  }
  if (first) return *first;
  // Clocks went forward over local_s: find the offset before the change and the one after it. Each
  // leads to an instant at which the other one holds.
  for (const int32_t offset : offsets_) {
    const int32_t other = at(local_s - offset).offset_s;
    if (at(local_s - other).offset_s == offset) return local_s - std::min(offset, other);
  }
  return local_s - offsets_.back();
}

bool TimeZone::knows(std::string_view abbreviation) const {
  const auto is_it = [&](const Local& local) { return local.abbreviation == abbreviation; };
  return std::any_of(locals_.begin(), locals_.end(), is_it) ||
         (rule_ && (is_it(rule_->standard) || (rule_->changes && is_it(rule_->daylight))));
}

// Names without a zone are not kept: a file could have any number of them.
std::shared_ptr<const TimeZone> ZoneCache::find(std::string_view name) {
  const auto known = zones_.find(name);
  if (known != zones_.end()) return known->second;
  std::string ignored;
  auto zone = TimeZone::load(name, ignored);
  if (zone != nullptr) zones_.emplace(name, zone);
  return zone;
}

}  // namespace btb::csv
