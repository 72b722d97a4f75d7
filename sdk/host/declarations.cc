// Checks of declarations (type_fault ... options_fault), reading values (read_scalar, read_list,
// read_map), then the functions of the header.
#include "sdk/host/declarations.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <set>
#include <string_view>
#include <utility>

#include "sdk/host/values.h"

namespace btb::host {
namespace {

// The sizes of the structs in ABI 1.0. Later minor versions only append.
constexpr size_t plugin_size_min = offsetof(btb_plugin, create) + sizeof(btb_plugin::create);
constexpr size_t option_size_min = offsetof(btb_option, integer_max) + sizeof(int64_t);
constexpr size_t source_size_min =
    offsetof(btb_source, get_extension) + sizeof(btb_source::get_extension);
constexpr size_t name_bytes_max = 64;

// Lower-case letters, digits, "_" and "-", a letter first. Such names need no quotes in YAML or on
// a command line.
bool is_plain_name(const char* name) {
  const std::string_view text = name == nullptr ? "" : name;
  if (text.empty() || text.size() > name_bytes_max || text.front() < 'a' || text.front() > 'z') {
    return false;
  }
  return std::all_of(text.begin(), text.end(), [](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || letter == '_' ||
           letter == '-';
  });
}

std::string type_fault(const btb_option& option) {
  if (option.type < BTB_OPTION_TEXT || option.type > BTB_OPTION_PATH) {
    return "has the unknown type " + std::to_string(option.type);
  }
  if (option.help == nullptr || *option.help == '\0') return "has no help text";
  if (option.integer_min > option.integer_max) return "has a range that ends before it begins";
  if (option.type != BTB_OPTION_CHOICE) {
    return option.choices == nullptr ? "" : "has choices, but is not a choice";
  }
  if (option.choices == nullptr || *option.choices == '\0') return "is a choice without choices";
  const std::vector<std::string> words = choices_of(option);
  if (std::find(words.begin(), words.end(), "") != words.end()) return "has an empty choice";
  return {};
}

std::string default_fault(const btb_option& option) {
  if (option.default_value == nullptr) return {};
  if ((option.flags & BTB_OPTION_REQUIRED) != 0) return "is required and has a default";
  OptionValue value;
  SettingFault fault;
  if (read_default(option, value, fault)) return {};
  return "has a default that breaks its own declaration: " + fault.text;
}

std::string options_fault(const btb_plugin& plugin) {
  if (plugin.option_count > options_max) {
    return "declares " + std::to_string(plugin.option_count) + " options, more than " +
           std::to_string(options_max);
  }
  if (plugin.option_count > 0 && plugin.options == nullptr)
    return "declares options but has no list";
  std::set<std::string_view> names;
  for (size_t i = 0; i < plugin.option_count; ++i) {
    const btb_option* option = plugin.options[i];
    const std::string number = "option " + std::to_string(i + 1);
    if (option == nullptr) return number + " is missing";
    if (option->size < option_size_min) return number + " is too small for ABI 1";
    if (!is_plain_name(option->name)) return number + " has no usable name (a-z, 0-9, _ and -)";
    const std::string who = "option `" + std::string(option->name) + "` ";
    if (!names.insert(option->name).second) return who + "is declared twice";
    if (std::string fault = type_fault(*option); !fault.empty()) return who + fault;
    if (std::string fault = default_fault(*option); !fault.empty()) return who + fault;
  }
  return {};
}

std::string quoted(const btb_option& option, const std::string& text) {
  if ((option.flags & BTB_OPTION_SECRET) != 0) return "the value";
  if (text.empty()) return "nothing";
  constexpr size_t shown_bytes_max = 60;
  return "`" + (text.size() > shown_bytes_max ? text.substr(0, shown_bytes_max) + "..." : text) +
         "`";
}

std::string shown_bound(const btb_option& option, int64_t bound) {
  if (option.type == BTB_OPTION_DURATION) return show_duration(bound);
  if (option.type == BTB_OPTION_SIZE) return show_size(bound);
  return std::to_string(bound);
}

std::string range_fault(const btb_option& option, int64_t value) {
  if (option.integer_min == 0 && option.integer_max == 0) return {};
  if (value >= option.integer_min && value <= option.integer_max) return {};
  return "is outside of " + shown_bound(option, option.integer_min) + " to " +
         shown_bound(option, option.integer_max);
}

Result<int64_t> parse_integer(const std::string& text) {
  size_t used = 0;
  try {
    const bool digits = !text.empty() && (std::isdigit(static_cast<unsigned char>(text[0])) != 0 ||
                                          text[0] == '-' || text[0] == '+');
    const int64_t value = digits ? std::stoll(text, &used) : 0;
    if (digits && used == text.size()) return value;
  } catch (const std::exception&) {
    return Error{Errc::invalid, "is not an integer of 64 bits"};
  }
  return Error{Errc::invalid, "is not an integer"};
}

Result<double> parse_number(const std::string& text) {
  double value = 0;
  const char* begin = text.data() + (text.starts_with('+') ? 1 : 0);
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(begin, end, value);
  const bool finite = value - value == 0;
  if (error == std::errc() && rest == end && finite) return value;
  return Error{Errc::invalid, "is not a number"};
}

// Reads one scalar; the error continues "`VALUE` ".
Result<void> read_scalar(const btb_option& option, const std::string& text, OptionValue& value) {
  const auto take = [&](Result<int64_t> read) -> Result<void> {
    if (!read) return read.error();
    value.integer = *read;
    if (std::string fault = range_fault(option, value.integer); !fault.empty()) {
      return Error{Errc::limit, std::move(fault)};
    }
    return {};
  };
  if (option.type == BTB_OPTION_INTEGER) return take(parse_integer(text));
  if (option.type == BTB_OPTION_DURATION) return take(parse_duration_ms(text));
  if (option.type == BTB_OPTION_SIZE) return take(parse_size_bytes(text));
  if (option.type == BTB_OPTION_FLAG) {
    const Result<bool> flag = parse_flag(text);
    if (!flag) return flag.error();
    value.integer = *flag ? 1 : 0;
  } else if (option.type == BTB_OPTION_NUMBER) {
    const Result<double> number = parse_number(text);
    if (!number) return number.error();
    value.number = *number;
  } else {
    value.text = text;
  }
  if (option.type == BTB_OPTION_CHOICE) {
    const std::vector<std::string> words = choices_of(option);
    if (std::find(words.begin(), words.end(), text) == words.end()) {
      return Error{Errc::invalid, "is none of them" + did_you_mean(text, words)};
    }
  }
  return {};
}

const char* name_of(WrittenValue::Shape shape) {
  switch (shape) {
    case WrittenValue::Shape::scalar:
      return "a single value";
    case WrittenValue::Shape::list:
      return "a list";
    case WrittenValue::Shape::map:
      return "a map";
  }
  return "";
}

bool fail(SettingFault& fault, const btb_option& option, const WrittenValue& at,
          std::string found) {
  fault.option = option.name;
  fault.text = "expected " + expected(option) + ", found " + std::move(found);
  fault.place = at.place;
  return false;
}

bool add_item(const btb_option& option, const WrittenValue& item, OptionValue& value,
              SettingFault& fault) {
  if (item.shape != WrittenValue::Shape::scalar) {
    return fail(fault, option, item, std::string(name_of(item.shape)) + " inside of it");
  }
  if (item.scalar.size() > option_text_bytes_max || value.items.size() >= option_items_max) {
    return fail(fault, option, item, "more than a value can hold");
  }
  value.items.push_back(item.scalar);
  return true;
}

bool read_list(const btb_option& option, const WrittenValue& written, OptionValue& value,
               SettingFault& fault) {
  if (written.shape == WrittenValue::Shape::map) return fail(fault, option, written, "a map");
  if (written.shape == WrittenValue::Shape::scalar) {
    if (written.scalar.empty()) return true;
    return add_item(option, written, value, fault);
  }
  return std::all_of(written.items.begin(), written.items.end(), [&](const WrittenValue& item) {
    return add_item(option, item, value, fault);
  });
}

bool read_map(const btb_option& option, const WrittenValue& written, OptionValue& value,
              SettingFault& fault) {
  if (written.shape != WrittenValue::Shape::map) {
    if (written.shape == WrittenValue::Shape::scalar && written.scalar.empty()) return true;
    return fail(
        fault, option, written,
        written.shape == WrittenValue::Shape::list ? "a list" : quoted(option, written.scalar));
  }
  for (size_t i = 0; i + 1 < written.items.size(); i += 2) {
    const WrittenValue& key = written.items[i];
    const WrittenValue& entry = written.items[i + 1];
    const std::vector<WrittenValue> single{entry};
    for (const WrittenValue& one :
         entry.shape == WrittenValue::Shape::list ? entry.items : single) {
      if (!add_item(option, key, value, fault) || !add_item(option, one, value, fault))
        return false;
    }
  }
  return true;
}

}  // namespace

std::vector<std::string> choices_of(const btb_option& option) {
  std::vector<std::string> words;
  if (option.choices == nullptr) return words;
  std::string_view rest = option.choices;
  for (size_t bar = rest.find('|'); bar != std::string_view::npos; bar = rest.find('|')) {
    words.emplace_back(rest.substr(0, bar));
    rest.remove_prefix(bar + 1);
  }
  words.emplace_back(rest);
  return words;
}

std::string expected(const btb_option& option) {
  switch (option.type) {
    case BTB_OPTION_FLAG:
      return "true or false";
    case BTB_OPTION_INTEGER:
      return "an integer";
    case BTB_OPTION_NUMBER:
      return "a number";
    case BTB_OPTION_DURATION:
      return "a duration";
    case BTB_OPTION_SIZE:
      return "a size";
    case BTB_OPTION_LIST:
      return "a list";
    case BTB_OPTION_MAP:
      return "a map";
    case BTB_OPTION_CHOICE: {
      std::string text = "one of ";
      for (const std::string& word : choices_of(option)) {
        text += (text.size() > 7 ? ", " : "") + word;
      }
      return text;
    }
    case BTB_OPTION_PATH:
      return "a path";
    default:
      return "a text";
  }
}

bool read_value(const btb_option& option, const WrittenValue& written, OptionValue& value,
                SettingFault& fault) {
  if (option.type == BTB_OPTION_LIST) return read_list(option, written, value, fault);
  if (option.type == BTB_OPTION_MAP) return read_map(option, written, value, fault);
  if (written.shape != WrittenValue::Shape::scalar) {
    return fail(fault, option, written, name_of(written.shape));
  }
  if (written.scalar.size() > option_text_bytes_max) {
    return fail(fault, option, written, std::to_string(written.scalar.size()) + " bytes");
  }
  const Result<void> read = read_scalar(option, written.scalar, value);
  if (read) return true;
  return fail(fault, option, written,
              quoted(option, written.scalar) + ", which " + read.error().text);
}

bool read_default(const btb_option& option, OptionValue& value, SettingFault& fault) {
  WrittenValue written;
  written.scalar = option.default_value;
  if (option.type == BTB_OPTION_LIST || option.type == BTB_OPTION_MAP) {
    Result<WrittenValue> parsed = parse_written(option.default_value);
    if (!parsed) {
      fault = {option.name, parsed.error().text, {}};
      return false;
    }
    written = std::move(*parsed);
  }
  return read_value(option, written, value, fault);
}

std::string plugin_fault(const btb_plugin& plugin) {
  if (plugin.size < plugin_size_min) {
    return "its description has " + std::to_string(plugin.size) + " bytes; plugin ABI 1 has " +
           std::to_string(plugin_size_min);
  }
  if (plugin.abi_major != BTB_ABI_MAJOR) {
    return "speaks plugin ABI " + std::to_string(plugin.abi_major) + ", this broker speaks " +
           std::to_string(BTB_ABI_MAJOR);
  }
  if (!is_plain_name(plugin.name)) return "has no usable name (a-z, 0-9, _ and -)";
  if (plugin.version == nullptr || *plugin.version == '\0') return "has no version";
  if (plugin.description == nullptr || *plugin.description == '\0') return "has no description";
  if (plugin.create == nullptr) return "has no create function";
  return options_fault(plugin);
}

std::string source_fault(const btb_source& source) {
  if (source.size < source_size_min) return "create gave a source that is too small for ABI 1";
  if (source.run == nullptr || source.destroy == nullptr) {
    return "create gave a source without run or destroy";
  }
  return {};
}

}  // namespace btb::host
