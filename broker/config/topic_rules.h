// TopicRules: finds the options of a topic by its name. The first rule whose filter matches counts:
// first the configured rules in their order, then the broker's own rules for $SYS and $dead, then
// the defaults.
//
// A rule may leave the kind open. Then the declarations of the sources decide. A source's own
// declarations come first for the topics that it makes. The declarations of the other sources count
// only if their filter begins with a name, as `beds/#` does; `#` and `+/beds` could mean topics of
// anybody. If several declarations count, the one with the narrowest filter decides. Value type;
// [loop] thread.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "broker/config/config.h"

namespace btb {

class TopicRules {
 public:
  explicit TopicRules(const Config& config);

  // `source`: the name of the source that makes the topic; empty if a client or the broker makes
  // it. Never null. Topics with the same rule share one object.
  [[nodiscard]] std::shared_ptr<const TopicOptions> options_of(std::string_view name,
                                                               std::string_view source = {}) const;

 private:
  struct Rule {
    std::string filter;
    std::shared_ptr<const TopicOptions> options;
    // The options if sources declare the topic as state. Null: the rule names its kind.
    std::shared_ptr<const TopicOptions> as_state;
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
