#include "plugins/csv/time_format.h"

#include <algorithm>
#include <array>
#include <utility>

namespace btb::csv {

namespace {

constexpr std::string_view codes = "YymdebBhaAHIpMSfzZsFDTR%";
constexpr const char* codes_told =
    "%Y %y %m %d %e %b %B %a %A %H %I %p %M %S %f %z %Z %s %F %D %T %R and %%, or is one of the "
    "words unix, unix_ms, unix_us, unix_ns";
// All codes of a format; %F, %D, %T and %R are expanded. Nothing if a code is unknown; `unknown`
// then names it.
std::optional<std::string> codes_of(std::string_view format, std::string& unknown) {
  std::string found;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') continue;
    size_t at = i + 1;
    if (at < format.size() && format[at] == '-') ++at;
    const bool known = at < format.size() && codes.find(format[at]) != std::string_view::npos;
    if (!known) {
      size_t end = std::min(at + 1, format.size());
      while (end < format.size() && (static_cast<uint8_t>(format[end]) & 0xC0) == 0x80) ++end;
      unknown = format.substr(i, end - i);
      return std::nullopt;
    }
    const std::string_view longer = expansion_of(format[at]);
    found += longer.empty() ? std::string(1, format[at]) : *codes_of(longer, unknown);
    i = at;
  }
  return found;
}

}  // namespace

std::string_view expansion_of(char code) {
  switch (code) {
    case 'F':
      return "%Y-%m-%d";
    case 'D':
      return "%m/%d/%y";
    case 'T':
      return "%H:%M:%S";
    case 'R':
      return "%H:%M";
    default:
      return {};
  }
}

std::optional<size_t> unix_digits_of(std::string_view format) {
  static constexpr std::array<std::pair<std::string_view, size_t>, 4> words{
      {{"unix", 0}, {"unix_ms", 3}, {"unix_us", 6}, {"unix_ns", 9}}};
  const auto* found = std::find_if(words.begin(), words.end(),
                                   [&](const auto& word) { return word.first == format; });
  return found == words.end() ? std::nullopt : std::optional(found->second);
}

std::string time_format_fault(std::string_view format, TimeUse use) {
  if (format.empty()) return "an empty format";
  if (unix_digits_of(format)) return {};
  std::string unknown;
  const auto found = codes_of(format, unknown);
  const std::string shown = "\"" + std::string(format) + "\"";
  if (!found) {
    if (unknown == "%") return shown + " ends inside of a code; a percent sign itself is %%";
    return "no code is called " + unknown + ": a format knows " + codes_told;
  }
  const auto has = [&](std::string_view any_of) {
    return found->find_first_of(any_of) != std::string::npos;
  };
  if (has("I") != has("p")) return shown + " has only one of %I and %p, which belong together";
  if (has("H") && has("I")) return shown + " has both %H and %I";
  if (has("s")) return {};
  const char* lacks = nullptr;
  if (use == TimeUse::time_of_day) {
    if (!has("HI")) lacks = "an hour: %H, or %I and %p";
  } else if (!has("Yy")) {
    lacks = "a year: %Y or %y";
  } else if (!has("mbBh")) {
    lacks = "a month: %m or %b";
  } else if (!has("de")) {
    lacks = "a day: %d";
  }
  return lacks == nullptr ? std::string()
                          : shown + " lacks " + lacks + "; a format knows " + codes_told;
}

}  // namespace btb::csv
