#include "sdk/host/values.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <limits>
#include <utility>

#include "sdk/base/nearest_word.h"

namespace btb::host {
namespace {

struct Unit {
  std::string_view name;
  int64_t factor;
};

constexpr std::array<Unit, 5> duration_units{
    {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
constexpr std::array<Unit, 8> size_units{{{"", 1},
                                          {"B", 1},
                                          {"kB", 1'000},
                                          {"MB", 1'000'000},
                                          {"GB", 1'000'000'000},
                                          {"KiB", 1LL << 10},
                                          {"MiB", 1LL << 20},
                                          {"GiB", 1LL << 30}}};

Error invalid(std::string text) {
  return {Errc::invalid, std::move(text)};
}

// A number and its unit: "30s" is 30 and "s".
struct Quantity {
  int64_t count = 0;
  std::string_view unit;
};

Result<Quantity> split_quantity(std::string_view text, const char* examples) {
  Quantity quantity;
  const auto [rest, error] =
      std::from_chars(text.data(), text.data() + text.size(), quantity.count);
  if (error == std::errc::result_out_of_range) return invalid("is too large");
  if (error != std::errc() || quantity.count < 0) {
    return invalid(std::string("is not of the form ") + examples);
  }
  quantity.unit = text.substr(static_cast<size_t>(rest - text.data()));
  while (quantity.unit.starts_with(' ')) quantity.unit.remove_prefix(1);
  return quantity;
}

Result<int64_t> scaled(int64_t count, int64_t factor) {
  if (count > std::numeric_limits<int64_t>::max() / factor) return invalid("is too large");
  return count * factor;
}

char folded(char letter) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
}

}  // namespace

Result<int64_t> parse_duration_ms(std::string_view text) {
  constexpr const char* examples = "500ms, 30s, 5m, 2h or 7d";
  if (text == "0") return int64_t{0};
  const Result<Quantity> quantity = split_quantity(text, examples);
  if (!quantity) return quantity.error();
  for (const Unit& unit : duration_units) {
    if (unit.name == quantity->unit) return scaled(quantity->count, unit.factor);
  }
  if (quantity->unit.empty()) {
    return invalid("has no unit: " + std::string(text) + "s, or " + std::string(text) + "ms?");
  }
  return invalid(std::string("is not of the form ") + examples);
}

Result<int64_t> parse_size_bytes(std::string_view text) {
  constexpr const char* examples = "512, 64KiB, 1MiB, 2GiB, 10kB or 1MB";
  const Result<Quantity> quantity = split_quantity(text, examples);
  if (!quantity) return quantity.error();
  for (const Unit& unit : size_units) {
    if (unit.name == quantity->unit) return scaled(quantity->count, unit.factor);
  }
  std::string fault = std::string("is not of the form ") + examples;
  for (const Unit& unit : size_units) {
    const bool same_letter = !unit.name.empty() && !quantity->unit.empty() &&
                             folded(unit.name.front()) == folded(quantity->unit.front());
    if (same_letter && unit.name.ends_with("iB")) {
      fault += "; did you mean " + std::to_string(quantity->count) + std::string(unit.name) + "?";
    }
  }
  return invalid(std::move(fault));
}

Result<bool> parse_flag(std::string_view text) {
  std::string word(text);
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  if (word == "true" || word == "yes" || word == "on") return true;
  if (word == "false" || word == "no" || word == "off") return false;
  return invalid("is neither true nor false");
}

std::string show_duration(int64_t ms) {
  if (ms == 0) return "0";
  for (size_t i = duration_units.size(); i-- > 0;) {
    const Unit& unit = duration_units[i];
    if (ms % unit.factor == 0) return std::to_string(ms / unit.factor) + std::string(unit.name);
  }
  return std::to_string(ms) + "ms";
}

std::string show_size(int64_t bytes) {
  if (bytes == 0) return "0";
  for (const std::string_view name : {"GiB", "MiB", "KiB"}) {
    const auto* unit = std::find_if(size_units.begin(), size_units.end(),
                                    [&](const Unit& candidate) { return candidate.name == name; });
    if (bytes % unit->factor == 0) {
      return std::to_string(bytes / unit->factor) + std::string(name);
    }
  }
  return std::to_string(bytes);
}

std::string did_you_mean(std::string_view word, std::span<const std::string> candidates) {
  const std::string nearest = nearest_word(word, candidates);
  return nearest.empty() ? std::string() : "; did you mean `" + nearest + "`?";
}

}  // namespace btb::host
