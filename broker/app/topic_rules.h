// TopicRules: what a topic of a given name is like: the configured rules in their order, then the
// broker's own for $SYS and $dead, then the defaults. Where a rule names no kind, sources decide.
// Topics share the options they have in common. Value type; [loop] thread.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "broker/app/config.h"

namespace btb {

class TopicRules {
 public:
  explicit TopicRules(const Config& config);

  // Lives as long as somebody holds it.
  [[nodiscard]] std::shared_ptr<const TopicOptions> options_of(std::string_view name) const;

 private:
  struct Rule {
    std::string filter;
    std::shared_ptr<const TopicOptions> options;
    std::shared_ptr<const TopicOptions> as_state;  // for topics declared so; null: kind is named
  };
  [[nodiscard]] bool is_declared_state(std::string_view name) const;
  std::vector<Rule> rules_;
  std::vector<host::DeclaredTopics> declared_;
};

}  // namespace btb
