#include "broker/app/topic_rules.h"

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

}  // namespace

TopicRules::TopicRules(const std::vector<TopicRule>& rules) {
  const auto add = [this](std::string filter, const TopicOptions& options) {
    rules_.push_back({std::move(filter), std::make_shared<const TopicOptions>(options)});
  };
  for (const TopicRule& rule : rules) add(rule.filter, rule.options);
  add("$SYS/#", sys_options());
  add("$dead/#", dead_options());
  add("#", TopicOptions());
}

std::shared_ptr<const TopicOptions> TopicRules::options_of(std::string_view name) const {
  for (const Rule& rule : rules_) {
    if (wire::filter_matches(rule.filter, name)) return rule.options;
  }
  return rules_.back().options;
}

}  // namespace btb
