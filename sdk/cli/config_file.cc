#include "sdk/cli/config_file.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>

namespace btb::cli {

namespace {

constexpr std::array programs{"btsub", "btpub", "btctl"};

[[noreturn]] void fail(int line, const std::string& text) {
  throw CLI::ConversionError("client.yaml:" + std::to_string(line) + ": " + text, "config");
}

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \r") + 1 - begin);
}

// Takes a scalar off the front of `text`, which ends at one of `ends` if it is plain.
std::string take_scalar(std::string_view& text, std::string_view ends, int line) {
  text = trim(text);
  if (!text.starts_with('"') && !text.starts_with('\'')) {
    const size_t end = std::min(text.find_first_of(ends), text.size());
    const std::string_view value = trim(text.substr(0, end));
    if (value.starts_with('&') || value.starts_with('*') || value.starts_with('|') ||
        value.starts_with('>') || value.starts_with('!')) {
      fail(line, "\"" + std::string(value) + "\": only plain and quoted texts are understood here");
    }
    text.remove_prefix(end);
    return std::string(value);
  }
  const char quote = text.front();
  std::string value;
  for (size_t i = 1; i < text.size(); ++i) {
    const bool pair =
        quote == '\'' ? text.substr(i, 2) == "''" : text[i] == '\\' && i + 1 < text.size();
    if (pair) {
      const char next = text[++i];
      value += quote == '"' && next == 'n' ? '\n' : quote == '"' && next == 't' ? '\t' : next;
    } else if (text[i] == quote) {
      text.remove_prefix(i + 1);
      text = trim(text);
      return value;
    } else {
      value += text[i];
    }
  }
  fail(line, "the closing quote is missing");
}

// Without a comment, which begins at the start of a line or behind a space, outside quotes.
std::string_view without_comment(std::string_view text) {
  char quote = '\0';
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != '\0') {
      if (c == quote) quote = '\0';
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '#' && (i == 0 || text[i - 1] == ' ')) {
      return text.substr(0, i);
    }
  }
  return text;
}

// "[a, b]", or one scalar.
std::vector<std::string> take_values(std::string_view& text, std::string_view ends, int line) {
  text = trim(text);
  std::vector<std::string> values;
  if (!text.starts_with('[')) {
    values.push_back(take_scalar(text, ends, line));
    return values;
  }
  text.remove_prefix(1);
  while (!(text = trim(text)).starts_with(']')) {
    values.push_back(take_scalar(text, ",]", line));
    if (text.starts_with(',')) {
      text.remove_prefix(1);
    } else if (!text.starts_with(']')) {
      fail(line, "\",\" or \"]\" expected in the list");
    }
  }
  text = trim(text.substr(1));
  return values;
}

std::string take_key(std::string_view& text, int line) {
  const std::string key = take_scalar(text, ":{}[],", line);
  if (!text.starts_with(':')) fail(line, "\"" + key + "\": a \":\" must follow");
  text.remove_prefix(1);
  return key;
}

bool is_program(const std::string& key) {
  return std::find(programs.begin(), programs.end(), key) != programs.end();
}

}  // namespace

void ConfigFile::add(std::vector<CLI::ConfigItem>& found, const std::string& key,
                     std::vector<std::string> values, int line, bool own) const {
  const CLI::Option* option = app_.get_option_no_throw("--" + key);
  if (option == nullptr || key == "config" || key == "help") {
    if (own) fail(line, "\"" + key + "\" is not an option of " + program_);
    return;
  }
  const char* variable = std::getenv(option->get_envname().c_str());
  if (!option->get_envname().empty() && variable != nullptr) return;  // the nearer one counts
  CLI::ConfigItem item;
  item.name = key;
  item.inputs = std::move(values);
  found.push_back(std::move(item));
}

std::vector<CLI::ConfigItem> ConfigFile::from_config(std::istream& input) const {
  std::vector<CLI::ConfigItem> found;
  std::string section;   // of the indented lines
  std::string list_key;  // whose "- " lines follow
  std::vector<std::string> list;
  int list_line = 0;
  bool list_own = false;
  const auto end_list = [&] {
    if (!list_key.empty() && !list.empty()) add(found, list_key, list, list_line, list_own);
    list_key.clear();
    list.clear();
  };
  const auto wanted = [&](const std::string& of) { return of.empty() || of == program_; };
  std::string text;
  for (int line = 1; std::getline(input, text); ++line) {
    if (text.find('\t') != std::string::npos) fail(line, "a tab: YAML indents with spaces");
    std::string_view rest = without_comment(text);
    const bool indented = rest.starts_with(' ');
    rest = trim(rest);
    if (rest.empty() || rest == "---") continue;
    if (rest.starts_with("- ")) {
      if (list_key.empty()) fail(line, "an item of a list without a key before it");
      rest.remove_prefix(2);
      list.push_back(take_scalar(rest, "", line));
      continue;
    }
    end_list();
    if (!indented) section.clear();
    const std::string key = take_key(rest, line);
    rest = trim(rest);
    if (!indented && is_program(key)) {
      section = key;
      if (rest.empty()) continue;
      if (!rest.starts_with('{')) fail(line, "options of " + key + " expected: {format: json}");
      rest.remove_prefix(1);
      while (!(rest = trim(rest)).starts_with('}')) {
        const std::string name = take_key(rest, line);
        auto values = take_values(rest, ",}", line);
        if (key == program_) add(found, name, std::move(values), line, true);
        if (rest.starts_with(',')) {
          rest.remove_prefix(1);
        } else if (!rest.starts_with('}')) {
          fail(line, "\",\" or \"}\" expected");
        }
      }
      continue;
    }
    if (indented && section.empty()) fail(line, "indented, but under no program's name");
    if (rest.empty()) {
      list_key = wanted(section) ? key : "ignored";
      list_line = line;
      list_own = !section.empty() && wanted(section);
      continue;
    }
    auto values = take_values(rest, "", line);
    if (!rest.empty()) fail(line, "\"" + std::string(rest) + "\" behind the value");
    if (wanted(section)) add(found, key, std::move(values), line, !section.empty());
  }
  end_list();
  return found;
}

}  // namespace btb::cli
