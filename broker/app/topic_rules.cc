#include "broker/app/topic_rules.h"

#include <algorithm>

#include "sdk/wire/topic_name.h"

namespace btb {

namespace {

constexpr uint64_t dead_letters_kept = 1'000;

TopicOptions sys_options() {
  TopicOptions options;
  options.kind = wire::TopicKind::state;
  options.priority = wire::Priority::background;
  options.overflow = Overflow::skip_dead;
  options.content = "json";
  options.client_publish = false;
  return options;
}

TopicOptions dead_options() {
  TopicOptions options;
  options.priority = wire::Priority::background;
  options.content = "json";
  options.client_publish = false;
  options.keep_count = dead_letters_kept;
  return options;
}

// The same rule for a table: what bounds the bytes of events bounds those of rows.
TopicOptions as_state(TopicOptions options) {
  options.kind = wire::TopicKind::state;
  options.overflow = Overflow::skip_dead;
  if (options.keep_bytes != TopicOptions().keep_bytes) options.state_bytes_max = options.keep_bytes;
  return options;
}

}  // namespace

TopicRules::TopicRules(const Config& config) {
  const auto shared = [](const TopicOptions& options) {
    return std::make_shared<const TopicOptions>(options);
  };
  const auto add = [&](std::string filter, const TopicOptions& options, bool names_kind) {
    rules_.push_back(
        {std::move(filter), shared(options), names_kind ? nullptr : shared(as_state(options))});
  };
  for (const TopicRule& rule : config.topics) add(rule.filter, rule.options, rule.names_kind);
  add("$SYS/#", sys_options(), true);
  add("$dead/#", dead_options(), true);
  add("#", TopicOptions(), false);
  for (const SourceConfig& source : config.sources) {
    if (source.enabled)
      declared_.insert(declared_.end(), source.topics.begin(), source.topics.end());
  }
}

// Of several declarations the first counts.
bool TopicRules::is_declared_state(std::string_view name) const {
  const auto found = std::find_if(declared_.begin(), declared_.end(), [&](const auto& declared) {
    return wire::filter_matches(declared.filter, name);
  });
  return found != declared_.end() && found->kind == wire::TopicKind::state;
}

std::shared_ptr<const TopicOptions> TopicRules::options_of(std::string_view name) const {
  const auto found = std::find_if(rules_.begin(), rules_.end(), [&](const Rule& rule) {
    return wire::filter_matches(rule.filter, name);
  });
  const Rule& rule = found == rules_.end() ? rules_.back() : *found;
  return rule.as_state != nullptr && is_declared_state(name) ? rule.as_state : rule.options;
}

}  // namespace btb
