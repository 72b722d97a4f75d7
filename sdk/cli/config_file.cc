// ConfigFile: taking scalars and lists off a line, then Reader, which turns lines into options of
// CLI11, then the class itself.
#include "sdk/cli/config_file.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>

#include "sdk/base/nearest_word.h"
#include "sdk/cli/printable.h"

namespace btb::cli {

namespace {

constexpr std::array programs{"btsub", "btpub", "btctl"};

// The options of all three programs. All of them may stand at the top of the file, whichever
// program reads it.
constexpr std::array options_of_all{
    "ack",     "adapter", "broker",   "color",         "colour",  "connect-timeout",
    "count",   "delete",  "exclude",  "file",          "format",  "from",
    "inquiry", "json",    "key",      "key-separator", "latency", "lines",
    "message", "name",    "new",      "once",          "quiet",   "rate",
    "retry",   "seconds", "template", "timeout",       "topic",   "verbose"};

// A fault in a line. ConfigFile::from_config adds the file.
struct LineFault {
  int line = 0;
  std::string text;
};

[[noreturn]] void fail(int line, std::string text) {
  throw LineFault{line, std::move(text)};
}

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \r") + 1 - begin);
}

// Removes a scalar from the front of `text`. A plain scalar ends at one of the letters in `ends`.
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

// The text without its comment. A comment begins at "#" at the start of a line or after a space,
// outside quotes.
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

// Removes "[a, b]" or one scalar from the front of `text`.
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
  std::string key = take_scalar(text, ":{}[],", line);
  if (!text.starts_with(':')) fail(line, "\"" + key + "\": a \":\" must follow");
  text.remove_prefix(1);
  return key;
}

template <class Words>
bool holds(const Words& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

void check_text(std::string_view text, int line) {
  for (std::string_view rest = text; !rest.empty();) {
    const size_t bytes = utf8_bytes(rest);
    if (bytes == 0) fail(line, "a byte that is not UTF-8");
    rest.remove_prefix(bytes);
  }
  if (text.find('\t') != std::string::npos) fail(line, "a tab: YAML indents with spaces");
}

// Reads a file line by line. Throws LineFault.
class Reader {
 public:
  Reader(const std::string& program, const CLI::App& app) : program_(program), app_(app) {}

  void take(std::string_view text) {
    ++line_;
    check_text(text, line_);
    std::string_view rest = without_comment(text);
    const bool indented = rest.starts_with(' ');
    rest = trim(rest);
    if (rest.empty() || rest == "---") return;
    if (rest.starts_with("- ")) return take_item(rest.substr(2));
    end_list();
    if (!indented) section_.clear();
    if (indented && section_.empty()) fail(line_, "indented, but under no program's name");
    const std::string key = take_key(rest, line_);
    note(section_, key);
    rest = trim(rest);
    if (!indented && holds(programs, key)) return begin_section(key, rest);
    check_known(section_, key);
    if (rest.empty()) {
      list_key_ = key;
      return;
    }
    auto values = take_values(rest, "", line_);
    if (!rest.empty()) fail(line_, "\"" + std::string(rest) + "\" behind the value");
    add(section_, key, std::move(values));
  }

  std::vector<CLI::ConfigItem> end() {
    end_list();
    return std::move(found_);
  }

 private:
  void take_item(std::string_view rest) {
    if (list_key_.empty()) fail(line_, "an item of a list without a key before it");
    list_.push_back(take_scalar(rest, "", line_));
  }

  void end_list() {
    if (!list_key_.empty() && !list_.empty()) add(section_, list_key_, std::move(list_));
    list_key_.clear();
    list_.clear();
  }

  // "btsub:" and lines below it, or "btsub: {format: json}".
  void begin_section(const std::string& name, std::string_view rest) {
    section_ = name;
    if (rest.empty()) return;
    if (!rest.starts_with('{')) fail(line_, "options of " + name + " expected: {format: json}");
    rest.remove_prefix(1);
    while (!(rest = trim(rest)).starts_with('}')) {
      const std::string key = take_key(rest, line_);
      note(name, key);
      check_known(name, key);
      add(name, key, take_values(rest, ",}", line_));
      if (rest.starts_with(',')) {
        rest.remove_prefix(1);
      } else if (!rest.starts_with('}')) {
        fail(line_, "\",\" or \"}\" expected");
      }
    }
  }

  void note(const std::string& section, const std::string& key) {
    const auto [place, fresh] = seen_.emplace(std::pair(section, key), line_);
    if (!fresh)
      fail(line_, "\"" + key + "\" stands in line " + std::to_string(place->second) + " already");
  }

  // The option of this program with this name; null if it has none.
  [[nodiscard]] const CLI::Option* option(const std::string& key) const {
    return key == "config" || key == "help" ? nullptr : app_.get_option_no_throw("--" + key);
  }

  // Fails if the key is unknown. Keys below the name of another program are not checked.
  void check_known(const std::string& section, const std::string& key) const {
    if ((!section.empty() && section != program_) || option(key) != nullptr) return;
    std::vector<std::string> known;
    if (section.empty()) {
      if (holds(options_of_all, key)) return;
      known.assign(options_of_all.begin(), options_of_all.end());
      known.insert(known.end(), programs.begin(), programs.end());
    } else {
      for (const CLI::Option* one : app_.get_options()) {
        for (const std::string& name : one->get_lnames()) known.push_back(name);
      }
    }
    const std::string nearest = nearest_word(key, known);
    fail(line_, "\"" + key + "\" is not an option" + (section.empty() ? "" : " of " + program_) +
                    (nearest.empty() ? "" : "; did you mean " + nearest + "?"));
  }

  void add(const std::string& section, const std::string& key, std::vector<std::string> values) {
    if (!section.empty() && section != program_) return;
    const CLI::Option* known = option(key);
    if (known == nullptr) return;
    const char* variable = std::getenv(known->get_envname().c_str());
    if (!known->get_envname().empty() && variable != nullptr) return;  // it wins
    CLI::ConfigItem item;
    item.name = key;
    item.inputs = std::move(values);
    found_.push_back(std::move(item));
  }

  const std::string& program_;
  const CLI::App& app_;
  int line_ = 0;
  std::string section_;   // the program that the indented lines belong to
  std::string list_key_;  // the key whose "- " lines follow
  std::vector<std::string> list_;
  std::map<std::pair<std::string, std::string>, int> seen_;  // section and key: line
  std::vector<CLI::ConfigItem> found_;
};

}  // namespace

std::string ConfigFile::path() const {
  const CLI::Option* option = app_.get_config_ptr();
  const auto paths =
      option == nullptr ? std::vector<std::string>{} : option->as<std::vector<std::string>>();
  if (paths.empty() || paths.front().empty()) return "client.yaml";
  std::error_code fault;
  const auto absolute = std::filesystem::absolute(paths.front(), fault);
  return fault ? paths.front() : absolute.string();
}

std::vector<CLI::ConfigItem> ConfigFile::from_config(std::istream& input) const {
  Reader reader(program_, app_);
  std::string text;
  try {
    while (std::getline(input, text)) reader.take(text);
    return reader.end();
  } catch (const LineFault& fault) {
    throw CLI::Error("ConfigFile", path() + ":" + std::to_string(fault.line) + ": " + fault.text);
  }
}

}  // namespace btb::cli
