// TopicRules: what a topic of a given name is like: the configured rules in their order, then the
// broker's own for $SYS and $dead, then the defaults. Where a rule names no kind, sources decide:
// each for the topics it makes; and for topics that others make, too, where what it declared names
// their first level. `#` and `+/beds` may be anybody's. Of several declarations the narrowest
// counts. Topics share the options they have in common. Value type; [loop] thread.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "broker/app/config.h"

namespace btb {

class TopicRules {
 public:
  explicit TopicRules(const Config& config);

  // `source` is the name of the one that makes the topic; empty for anybody else. Lives as long as
  // somebody holds it.
  [[nodiscard]] std::shared_ptr<const TopicOptions> options_of(std::string_view name,
                                                               std::string_view source = {}) const;

 private:
  struct Rule {
    std::string filter;
    std::shared_ptr<const TopicOptions> options;
    std::shared_ptr<const TopicOptions> as_state;  // for topics declared so; null: kind is named
  };
  struct Declared {
    std::string source;
    host::DeclaredTopics topics;
  };
  [[nodiscard]] bool is_declared_state(std::string_view name, std::string_view source) const;
  std::vector<Rule> rules_;
  std::vector<Declared> declared_;
};

}  // namespace btb
