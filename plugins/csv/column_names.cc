#include "plugins/csv/column_names.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

#include "plugins/csv/text.h"

namespace btb::csv {

namespace {

constexpr size_t guess_bytes_max = 64;

// The code point of a valid UTF-8 sequence.
uint32_t character_of(std::string_view sequence) {
  const auto byte = [&](size_t i) {
    return static_cast<uint32_t>(static_cast<uint8_t>(sequence[i]));
  };
  switch (sequence.size()) {
    case 2:
      return (byte(0) & 0x1F) << 6 | (byte(1) & 0x3F);
    case 3:
      return (byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
    case 4:
      return (byte(0) & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 |
             (byte(3) & 0x3F);
    default:
      return byte(0);
  }
}

bool is_joiner(uint32_t c) {
  return c == 0x200C || c == 0x200D;
}

// True if a character has no width or is a mark of direction.
bool is_invisible(uint32_t c) {
  return c == 0xAD || c == 0x61C || c == 0x180E || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF;
}

void note(std::string& found, uint32_t c) {
  std::array<char, 12> code{};
  std::snprintf(code.data(), code.size(), "U+%04X", static_cast<unsigned>(c));
  if (found.find(code.data()) != std::string::npos) return;
  found += (found.empty() ? "" : ", ") + std::string(code.data());
}

// The number of edits that turn `a` into `b`; most + 1 if it is more than `most`.
size_t distance(std::string_view a, std::string_view b, size_t most) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t corner = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = corner + (a[i - 1] == b[j - 1] ? 0 : 1);
      corner = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return std::min(row[b.size()], most + 1);
}

}  // namespace

std::string clean_name(std::string_view name, std::string& found) {
  std::string out;
  size_t visible = 0;  // bytes of `out` up to the last character that is no space
  while (!name.empty()) {
    const size_t size = std::max<size_t>(sequence_bytes(name), 1);
    const std::string_view sequence = name.substr(0, size);
    const uint32_t c = character_of(sequence);
    const bool space = space_bytes(name) != 0;
    name.remove_prefix(size);
    if (space) {
      if (size > 1) note(found, c);
      if (!out.empty()) out += ' ';
    } else if (is_invisible(c) && !(is_joiner(c) && !out.empty())) {
      note(found, c);
    } else {
      out += sequence;
      if (!is_joiner(c)) visible = out.size();
    }
  }
  out.resize(visible);
  return out;
}

std::string clean_name(std::string_view name) {
  std::string ignored;
  return clean_name(name, ignored);
}

void clean_names(std::vector<std::string>& names, std::vector<std::string>& remarks) {
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string number = std::to_string(i + 1);
    std::string& name = names[i];
    std::string found;
    name = clean_name(name, found);
    if (!found.empty()) {
      remarks.push_back("the name of column " + number + ", \"" + name +
                        "\", has characters that nobody sees (" + found +
                        "); it is read without them");
    }
    if (name.empty()) {
      name = "column_" + number;
      remarks.push_back("column " + number + " has no name and is called " + name);
    }
    const auto before = names.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find(names.begin(), before, name) == before) continue;
    remarks.push_back("column " + number + " has the same name as another, \"" + name +
                      "\", and is called " + name + "_" + number);
    name += "_" + number;
  }
}

std::string nearest_name(std::string_view name, const std::vector<std::string>& names) {
  if (name.empty() || name.size() > guess_bytes_max) return {};
  const std::string wanted = lower_case(name);
  const std::string* best = nullptr;
  size_t best_distance = (name.size() + 1) / 3 + 1;  // a third of the letters may differ
  for (const std::string& candidate : names) {
    if (candidate.size() > guess_bytes_max) continue;
    const size_t edits = distance(wanted, lower_case(candidate), best_distance);
    if (edits >= best_distance) continue;
    best = &candidate;
    best_distance = edits;
  }
  return best == nullptr ? std::string() : "; did you mean \"" + *best + "\"?";
}

}  // namespace btb::csv
