#include "plugins/csv/name_template.h"

#include <algorithm>
#include <stdexcept>

#include "plugins/csv/text.h"

namespace btb::csv {

namespace {

constexpr size_t topic_bytes_max = 255;
constexpr size_t topic_levels_max = 32;

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

// The offset of the last part of a path.
size_t base_begin(std::string_view file_name) {
  return file_name.rfind('/') + 1;  // npos + 1 is 0
}

}  // namespace

NameTemplate::NameTemplate(std::string_view text) {
  std::string literal;
  const auto end_literal = [&] {
    if (!literal.empty()) parts_.push_back({Part::Kind::literal, literal});
    literal.clear();
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool doubled = i + 1 < text.size() && text[i + 1] == c;
    if ((c == '{' || c == '}') && doubled) {
      literal += c;
      ++i;
    } else if (c == '{') {
      const size_t close = text.find('}', i);
      if (close == std::string_view::npos) throw std::invalid_argument("a { without its }");
      end_literal();
      add_placeholder(text.substr(i + 1, close - i - 1));
      i = close;
    } else if (c == '}') {
      throw std::invalid_argument("a } without its {; a brace itself is written twice");
    } else {
      literal += c;
    }
  }
  end_literal();
  check();
}

void NameTemplate::add_placeholder(std::string_view name) {
  static constexpr std::string_view column = "column:";
  if (name == "stem") {
    parts_.push_back({Part::Kind::stem, ""});
  } else if (name == "file") {
    parts_.push_back({Part::Kind::file, ""});
  } else {
    if (name.starts_with(column)) name.remove_prefix(column.size());
    if (name.empty()) throw std::invalid_argument("{} names no column");
    parts_.push_back({Part::Kind::column, std::string(name)});
  }
}

// Checks the topic that results if each placeholder becomes "x".
void NameTemplate::check() const {
  std::string sample;
  for (const Part& part : parts_) sample += part.kind == Part::Kind::literal ? part.text : "x";
  if (sample.empty()) throw std::invalid_argument("empty");
  if (sample.front() == '$')
    throw std::invalid_argument("names that begin with $ belong to the broker");
  if (sample.find_first_of("+#") != std::string::npos) {
    throw std::invalid_argument("+ and # are for filters only");
  }
  if (has_control(sample) || first_bad_byte(sample) != std::string::npos) {
    throw std::invalid_argument("a character that no topic may have");
  }
  if (("/" + sample + "/").find("//") != std::string::npos)
    throw std::invalid_argument("an empty level");
  if (const char* fault = made_topic_fault(sample)) throw std::invalid_argument(fault);
}

bool NameTemplate::is_constant() const {
  return std::all_of(parts_.begin(), parts_.end(),
                     [](const Part& part) { return part.kind != Part::Kind::column; });
}

std::string_view NameTemplate::file_part(std::string_view file_name) const {
  const auto has = [&](Part::Kind kind) {
    return std::any_of(parts_.begin(), parts_.end(),
                       [kind](const Part& part) { return part.kind == kind; });
  };
  if (has(Part::Kind::file)) return file_name;
  return has(Part::Kind::stem) ? stem_of(file_name) : std::string_view();
}

std::string NameTemplate::filter(bool deep) const {
  std::string out;    // of the levels that are complete
  std::string level;  // the one at hand
  bool open = false;  // something of it is not known
  for (const Part& part : parts_) {
    if (part.kind != Part::Kind::literal) {
      if (deep && part.kind != Part::Kind::column) return out + "#";
      open = true;
      continue;
    }
    for (const char c : part.text) {
      if (c != '/') {
        level += c;
        continue;
      }
      out += (open ? "+" : level) + "/";
      level.clear();
      open = false;
    }
  }
  return out + (open ? "+" : level);
}

std::string NameTemplate::shown(std::string_view file_name) const {
  std::string text;
  for (const Part& part : parts_) {
    switch (part.kind) {
      case Part::Kind::literal:
        text += part.text;
        break;
      case Part::Kind::column:
        text += "{" + part.text + "}";
        break;
      case Part::Kind::stem:
        append_levels(text, stem_of(file_name));
        break;
      case Part::Kind::file:
        append_levels(text, file_name);
        break;
    }
  }
  return text;
}

std::string_view stem_of(std::string_view file_name) {
  static constexpr std::string_view packed = ".gz";
  if (lower_case(file_name).ends_with(packed) &&
      base_begin(file_name) + packed.size() < file_name.size())
    file_name.remove_suffix(packed.size());
  const size_t base = base_begin(file_name);
  const size_t dot = file_name.rfind('.');
  return dot == std::string_view::npos || dot <= base ? file_name : file_name.substr(0, dot);
}

const char* made_topic_fault(std::string_view name) {
  if (name.size() > topic_bytes_max) return "its topic is longer than 255 bytes";
  const auto slashes = static_cast<size_t>(std::count(name.begin(), name.end(), '/'));
  return slashes >= topic_levels_max ? "its topic has more than 32 levels" : nullptr;
}

}  // namespace btb::csv
