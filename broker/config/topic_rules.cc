// The options of the broker's own topics; the list of rules; finding the rule of a topic.
#include "broker/config/topic_rules.h"

#include <algorithm>

#include "broker/config/topic_kinds.h"
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

// The options of a rule if its topic is a state topic. The bound of the bytes of events becomes the
// bound of the bytes of rows.
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
    if (!source.enabled) continue;
    for (const host::DeclaredTopics& topics : source.topics)
      declared_.push_back({source.name, topics});
  }
}

// Of several declarations that are equally narrow, the first one counts.
bool TopicRules::is_declared_state(std::string_view name, std::string_view source) const {
  const Declared* found = nullptr;
  bool found_own = false;
  for (const Declared& declared : declared_) {
    const std::string& filter = declared.topics.filter;
    const bool own = !source.empty() && declared.source == source;
    const bool for_all = filter[0] != '+' && filter[0] != '#';
    if ((!own && (!for_all || found_own)) || !wire::filter_matches(filter, name)) continue;
    const bool narrower = found != nullptr && covers(found->topics.filter, filter) &&
                          !covers(filter, found->topics.filter);
    if (found == nullptr || (own && !found_own) || narrower) found = &declared;
    found_own = found_own || own;
  }
  return found != nullptr && found->topics.kind == wire::TopicKind::state;
}

std::shared_ptr<const TopicOptions> TopicRules::options_of(std::string_view name,
                                                           std::string_view source) const {
  const auto found = std::find_if(rules_.begin(), rules_.end(), [&](const Rule& rule) {
    return wire::filter_matches(rule.filter, name);
  });
  const Rule& rule = found == rules_.end() ? rules_.back() : *found;
  return rule.as_state != nullptr && is_declared_state(name, source) ? rule.as_state : rule.options;
}

}  // namespace btb
