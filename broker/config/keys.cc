// Parts: builders for keys of usual types; keys with rules of their own; the tables.
#include "broker/config/keys.h"

#include <charconv>
#include <limits>
#include <string_view>

#include "sdk/host/values.h"
#include "sdk/transport/endpoint.h"
#include "sdk/wire/topic_name.h"

namespace btb {
namespace {

constexpr int64_t second_ms = 1'000;
constexpr int64_t hour_ms = 3'600 * second_ms;
constexpr int64_t day_ms = 24 * hour_ms;
constexpr int64_t age_ms_max = 3'650 * day_ms;
constexpr uint64_t mib = 1U << 20;
constexpr uint64_t gib = 1U << 30;
constexpr uint64_t keep_bytes_max = 64 * gib;
constexpr size_t name_bytes_max = 64;
constexpr size_t path_bytes_max = 4096;
constexpr uint32_t mode_max = 0777;

const std::vector<std::string> log_levels{"debug", "info", "warning", "error"};
const std::vector<std::string> log_formats{"text", "json"};
const std::vector<std::string> admins{"owner", "anyone", "nobody"};
const std::vector<std::string> kinds{"events", "state"};
const std::vector<std::string> priorities{"alert", "normal", "bulk", "background"};
const std::vector<std::string> overflows{"skip_dead", "drop_oldest", "disconnect"};

// --- builders of keys ---

template <class T>
ConfigKey<T> text_key(const char* name, std::string T::*member, size_t bytes_max) {
  return {name,
          [=](ConfigReader& reader, const YamlNode& node, T& out) {
            reader.read_text(node, bytes_max, out.*member);
          },
          [=](const T& value) { return quoted_yaml(value.*member); }};
}

template <class T>
ConfigKey<T> word_key(const char* name, std::string T::*member,
                      const std::vector<std::string>& words) {
  return {name,
          [=, &words](ConfigReader& reader, const YamlNode& node, T& out) {
            if (const auto index = reader.read_choice(node, words)) out.*member = words[*index];
          },
          [=](const T& value) { return value.*member; }};
}

template <class T>
ConfigKey<T> flag_key(const char* name, bool T::*member) {
  return {name,
          [=](ConfigReader& reader, const YamlNode& node, T& out) {
            reader.read_flag(node, out.*member);
          },
          [=](const T& value) { return std::string(value.*member ? "true" : "false"); }};
}

template <class T, class Number>
ConfigKey<T> count_key(const char* name, Number T::*member, uint64_t low, uint64_t high) {
  return {name,
          [=](ConfigReader& reader, const YamlNode& node, T& out) {
            uint64_t value = 0;
            if (reader.read_count(node, low, high, value)) out.*member = static_cast<Number>(value);
          },
          [=](const T& value) { return std::to_string(value.*member); }};
}

template <class T, class Number>
ConfigKey<T> size_key(const char* name, Number T::*member, uint64_t low, uint64_t high) {
  return {name,
          [=](ConfigReader& reader, const YamlNode& node, T& out) {
            uint64_t value = 0;
            if (reader.read_size(node, low, high, value)) out.*member = static_cast<Number>(value);
          },
          [=](const T& value) { return host::show_size(static_cast<int64_t>(value.*member)); }};
}

template <class T, class Number>
ConfigKey<T> duration_key(const char* name, Number T::*member, int64_t low, int64_t high) {
  return {name,
          [=](ConfigReader& reader, const YamlNode& node, T& out) {
            int64_t value = 0;
            if (reader.read_duration(node, low, high, value)) {
              out.*member = static_cast<Number>(value);
            }
          },
          [=](const T& value) { return host::show_duration(value.*member); }};
}

// --- keys with rules of their own ---

// One directory or a list of them. Relative ones begin at the configuration's directory.
void read_plugin_path(ConfigReader& reader, const YamlNode& node, BrokerConfig& out) {
  const std::vector<YamlNode> single{node};
  const bool is_scalar = node.kind == YamlNode::Kind::scalar;
  if (!is_scalar && !reader.is_list(node, "`plugin_path`")) return;
  std::vector<std::string> directories;
  for (const YamlNode& item : is_scalar ? single : node.items) {
    std::string directory;
    reader.read_text(item, path_bytes_max, directory);
    if (!directory.empty()) directories.push_back(reader.resolved(directory));
  }
  if (!directories.empty()) out.plugin_path = directories;
}

std::string show_plugin_path(const BrokerConfig& value) {
  std::string out = "[";
  for (const std::string& directory : value.plugin_path) {
    out += (out.size() > 1 ? ", " : "") + quoted_yaml(directory);
  }
  return out + "]";
}

// The path of a unix socket may be relative to the configuration's directory. All endpoints are
// written in one form, so that they can be compared.
void read_endpoint(ConfigReader& reader, const YamlNode& node, ListenerConfig& out) {
  std::string text;
  if (!reader.read(node, "an endpoint", text)) return;
  Result<Endpoint> endpoint = parse_endpoint(text);
  const bool is_path = endpoint && endpoint->scheme == Endpoint::Scheme::unix_socket &&
                       !endpoint->address.starts_with('@');
  if (is_path) endpoint = parse_endpoint("unix:" + reader.resolved(endpoint->address));
  if (!endpoint) return reader.fault(node.place, endpoint.error().text);
  out.endpoint = to_string(*endpoint);
}

std::string show_mode(const ListenerConfig& value) {
  std::string digits = "0";
  for (const int shift : {6, 3, 0}) digits += static_cast<char>('0' + ((value.mode >> shift) & 7));
  return quoted_yaml(digits);
}

// Finds a mode that another program has turned into a decimal number. To many YAML programs, 0660
// without quotes is a number in octal, and they write it as 432. Read as octal, 432 would shut out
// the users that 0660 lets in. `meant` becomes the mode in octal.
bool is_octal_in_decimal(const std::string& text, std::string& meant) {
  uint32_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = fault == std::errc() && end == text.data() + text.size();
  if (!whole || text.starts_with('0') || number > mode_max) return false;
  ListenerConfig config;
  config.mode = number;
  meant = show_mode(config);
  constexpr uint32_t owner_bits = 0600;
  const bool usual =
      (number & owner_bits) == owner_bits && ((number & 0111) == 0 || number == mode_max);
  uint32_t as_octal = 0;
  std::from_chars(text.data(), text.data() + text.size(), as_octal, 8);
  return usual && (as_octal & owner_bits) != owner_bits;
}

void read_mode(ConfigReader& reader, const YamlNode& node, ListenerConfig& out) {
  const char* expected = "permissions in octal, like 0660";
  std::string text;
  if (!reader.read(node, expected, text)) return;
  if (std::string meant; is_octal_in_decimal(text, meant)) {
    return reader.fault(node.place, std::string("expected ") + expected + ", found `" + text +
                                        "`, which is " + meant + " as a decimal number: write " +
                                        meant + ", with the quotes");
  }
  if (text.starts_with("0o")) text.erase(1, 1);
  uint32_t mode = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '7' || mode > mode_max) return reader.mismatch(node, expected);
    mode = mode * 8 + static_cast<uint32_t>(digit - '0');
  }
  if (text.size() < 3 || mode > mode_max) return reader.mismatch(node, expected);
  out.mode = mode;
}

void read_admin(ConfigReader& reader, const YamlNode& node, ListenerConfig& out) {
  if (const auto index = reader.read_choice(node, admins)) {
    out.admin = static_cast<ListenerConfig::Admin>(*index);
  }
}

// The name of a source becomes a level of topics ("$dead/NAME") and an argument of commands.
void read_source_name(ConfigReader& reader, const YamlNode& node, SourceConfig& out) {
  std::string text;
  if (!reader.read(node, "a name", text)) return;
  const std::string_view allowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
  const bool fits = !text.empty() && text.size() <= name_bytes_max &&
                    text.find_first_not_of(allowed) == std::string::npos;
  if (!fits)
    return reader.mismatch(node, "a name of 1 to 64 letters, digits, \"_\", \"-\" and \".\"");
  out.name = text;
}

// Refuses an option without a value. It would reach the plugin as an empty text.
void refuse_nothing(ConfigReader& reader, const YamlNode& node) {
  if (node.kind == YamlNode::Kind::none) {
    reader.fault(
        node.place,
        "no value here: leave the option out for its default; \"\" is an empty text, and the "
        "words NULL, null and ~ need quotes");
  }
  for (const YamlNode& item : node.items) refuse_nothing(reader, item);
}

void read_options(ConfigReader& reader, const YamlNode& node, SourceConfig& out) {
  if (!reader.is_map(node, "`options`")) return;
  refuse_nothing(reader, node);
  for (size_t i = 0; i + 1 < node.items.size(); i += 2) {
    out.written.push_back(
        {node.items[i].text, node.items[i].place, written_value(node.items[i + 1])});
  }
}

void read_filter(ConfigReader& reader, const YamlNode& node, TopicRule& out) {
  std::string text;
  if (!reader.read(node, "a filter", text)) return;
  if (const char* fault = wire::topic_filter_fault(text)) {
    return reader.fault(node.place, "`" + text + "` is no filter: " + fault);
  }
  out.filter = text;
}

void read_kind(ConfigReader& reader, const YamlNode& node, TopicRule& out) {
  const auto index = reader.read_choice(node, kinds);
  if (!index) return;
  const bool is_state = kinds[*index] == "state";
  out.options.kind = is_state ? wire::TopicKind::state : wire::TopicKind::events;
  out.options.overflow = is_state ? Overflow::skip_dead : Overflow::drop_oldest;
}

bool is_state(const TopicOptions& options) {
  return options.kind == wire::TopicKind::state;
}

void read_overflow(ConfigReader& reader, const YamlNode& node, TopicRule& out) {
  const auto index = reader.read_choice(node, overflows);
  if (!index) return;
  const auto overflow = static_cast<Overflow>(*index);
  if ((overflow == Overflow::skip_dead) == is_state(out.options)) {
    out.options.overflow = overflow;
  } else if (is_state(out.options)) {
    reader.fault(node.place, "`overflow: " + overflows[*index] +
                                 "` is for events; a state topic can only skip_dead");
  } else {
    reader.fault(node.place,
                 "`overflow: skip_dead` is for state; an events topic can drop_oldest or disconnect"
                 " (is `kind: state` missing?)");
  }
}

const std::vector<std::pair<std::string, wire::Priority>>& priority_words() {
  static const std::vector<std::pair<std::string, wire::Priority>> words{
      {"alert", wire::Priority::alert},
      {"normal", wire::Priority::normal},
      {"bulk", wire::Priority::bulk},
      {"background", wire::Priority::background}};
  return words;
}

void read_priority(ConfigReader& reader, const YamlNode& node, TopicRule& out) {
  if (const auto index = reader.read_choice(node, priorities)) {
    out.options.priority = priority_words()[*index].second;
  }
}

std::string show_priority(const TopicRule& value) {
  for (const auto& [word, priority] : priority_words()) {
    if (priority == value.options.priority) return word;
  }
  return {};
}

void read_keep(ConfigReader& reader, const YamlNode& node, TopicRule& out) {
  if (reader.is_map(node, "`keep`")) reader.read_keys(node, "`keep`", keep_keys(), out.options);
}

std::string show_keep(const TopicRule& value) {
  std::string out = "{";
  for (const ConfigKey<TopicOptions>& key : keep_keys()) {
    if (key.name == "count" && !value.names_kind) continue;  // `count` would name the kind
    const std::string text = key.show(value.options);
    if (!text.empty()) out += (out.size() > 1 ? ", " : "") + key.name + ": " + text;
  }
  return out + "}";
}

// Turns a key of TopicOptions into a key of a rule.
ConfigKey<TopicRule> of_options(const ConfigKey<TopicOptions>& key) {
  return {key.name,
          [read = key.read](ConfigReader& reader, const YamlNode& node, TopicRule& out) {
            read(reader, node, out.options);
          },
          [show = key.show](const TopicRule& value) { return show(value.options); }};
}

// Turns a key into one that is a fault for the other kind of topics.
ConfigKey<TopicOptions> only_for(wire::TopicKind kind, const ConfigKey<TopicOptions>& key) {
  const std::string words = kind == wire::TopicKind::state
                                ? "is for state topics; this rule is for events"
                                : "is for events topics; this rule is for state";
  return {key.name,
          [=, read = key.read](ConfigReader& reader, const YamlNode& node, TopicOptions& out) {
            if (out.kind != kind)
              return reader.fault(node.place, "`keep: " + key.name + "` " + words);
            read(reader, node, out);
          },
          [=, show = key.show](const TopicOptions& value) {
            return value.kind == kind ? show(value) : std::string();
          }};
}

// Both kinds of topics have the key `bytes`. Each kind has a value of its own for it.
ConfigKey<TopicOptions> keep_bytes_key() {
  const auto events = size_key("bytes", &TopicOptions::keep_bytes, 1, keep_bytes_max);
  const auto state = size_key("bytes", &TopicOptions::state_bytes_max, 1, keep_bytes_max);
  return {
      "bytes",
      [=](ConfigReader& reader, const YamlNode& node, TopicOptions& out) {
        (is_state(out) ? state : events).read(reader, node, out);
      },
      [=](const TopicOptions& value) { return (is_state(value) ? state : events).show(value); }};
}

ConfigKey<TopicOptions> keep_age_key() {
  return {"age",
          [](ConfigReader& reader, const YamlNode& node, TopicOptions& out) {
            int64_t ms = 0;
            if (reader.read_duration(node, 0, age_ms_max, ms)) out.keep_age_us = ms * 1'000;
          },
          [](const TopicOptions& value) { return host::show_duration(value.keep_age_us / 1'000); }};
}

}  // namespace

ConfigKeys<BrokerConfig> broker_keys() {
  return {text_key("name", &BrokerConfig::name, name_bytes_max),
          word_key("log_level", &BrokerConfig::log_level, log_levels),
          word_key("log_format", &BrokerConfig::log_format, log_formats),
          {"plugin_path", &read_plugin_path, &show_plugin_path},
          duration_key("sys_interval", &BrokerConfig::sys_interval_ms, 0, day_ms)};
}

ConfigKeys<LimitsConfig> limits_keys() {
  using L = LimitsConfig;
  return {
      count_key("sessions", &L::sessions, 1, 1'000'000),
      count_key("sessions_per_peer", &L::sessions_per_peer, 1, 1'000'000),
      count_key("sessions_per_device", &L::sessions_per_device, 1, 1'000),
      count_key("sessions_per_adapter", &L::sessions_per_adapter, 1, 1'000),
      count_key("descriptors_reserved", &L::descriptors_reserved, 16, 1'000'000),
      duration_key("let_go_after", &L::let_go_after_ms, 1'000, day_ms),
      count_key("handshakes", &L::handshakes, 1, 100'000),
      count_key("subscriptions_per_session", &L::subscriptions_per_session, 1, 1'000'000),
      count_key("topics", &L::topics, 1, limits::topic_numbers_max),
      count_key("client_topics", &L::client_topics, 0, limits::topic_numbers_max),
      count_key("client_topics_per_peer", &L::client_topics_per_peer, 0, limits::topic_numbers_max),
      size_key("memory", &L::memory, mib, keep_bytes_max),
      size_key("memory_per_peer", &L::memory_per_peer, mib, keep_bytes_max),
      size_key("unfinished_messages", &L::unfinished_messages, mib, keep_bytes_max),
      size_key("message_bytes", &L::message_bytes, 1'024, gib),
      duration_key("handshake_timeout", &L::handshake_timeout_ms, 100, hour_ms),
      duration_key("keep_alive", &L::keep_alive_ms, second_ms, day_ms),
      size_key("flush_budget", &L::flush_budget_bytes, 4'096, 64 * mib),
      duration_key("client_batch", &L::client_batch_ms, 100, hour_ms),
      size_key("source_mailbox", &L::source_mailbox_bytes, 64U << 10, gib),
      duration_key("source_stop_timeout", &L::source_stop_timeout_ms, 100, hour_ms),
      count_key("dead_letters_per_minute", &L::dead_letters_per_minute, 0, 1'000'000)};
}

ConfigKeys<ListenerConfig> listener_keys() {
  return {{"endpoint", &read_endpoint,
           [](const ListenerConfig& value) { return quoted_yaml(value.endpoint); }},
          {"mode", &read_mode, &show_mode},
          {"admin", &read_admin,
           [](const ListenerConfig& value) { return admins[static_cast<size_t>(value.admin)]; }},
          flag_key("publish", &ListenerConfig::client_publish)};
}

ConfigKeys<SourceConfig> source_keys() {
  return {{"name", &read_source_name, [](const SourceConfig& value) { return value.name; }},
          text_key("plugin", &SourceConfig::plugin, path_bytes_max),
          flag_key("enabled", &SourceConfig::enabled),
          duration_key("restart_delay", &SourceConfig::restart_delay_ms, 10, hour_ms),
          {"options", &read_options, [](const SourceConfig&) { return std::string(); }}};
}

ConfigKeys<TopicRule> topic_keys() {
  return {
      {"kind", &read_kind,
       [](const TopicRule& value) {
         return value.names_kind ? kinds[is_state(value.options) ? 1 : 0] : std::string();
       }},
      {"filter", &read_filter, [](const TopicRule& value) { return quoted_yaml(value.filter); }},
      {"priority", &read_priority, &show_priority},
      {"overflow", &read_overflow,
       [](const TopicRule& value) {
         return value.names_kind ? overflows[static_cast<size_t>(value.options.overflow)]
                                 : std::string();
       }},
      of_options(text_key("content", &TopicOptions::content, name_bytes_max)),
      of_options(flag_key("publish", &TopicOptions::client_publish)),
      of_options(flag_key("secret", &TopicOptions::secret)),
      {"keep", &read_keep, &show_keep}};
}

ConfigKeys<TopicOptions> keep_keys() {
  using wire::TopicKind;
  constexpr uint64_t any = std::numeric_limits<int64_t>::max();
  return {only_for(TopicKind::events, count_key("count", &TopicOptions::keep_count, 0, any)),
          keep_bytes_key(), keep_age_key(),
          only_for(TopicKind::state, count_key("keys", &TopicOptions::keys_max, 1, any)),
          only_for(TopicKind::state,
                   count_key("deletions", &TopicOptions::deletions_kept, 0, 100'000'000))};
}

host::WrittenValue written_value(const YamlNode& node) {
  using Shape = host::WrittenValue::Shape;
  host::WrittenValue value;
  value.place = node.place;
  value.scalar = node.text;
  if (node.kind == YamlNode::Kind::list) value.shape = Shape::list;
  if (node.kind == YamlNode::Kind::map) value.shape = Shape::map;
  for (const YamlNode& item : node.items) value.items.push_back(written_value(item));
  return value;
}

}  // namespace btb
