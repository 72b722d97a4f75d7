// configs/broker.yaml is the manual of the configuration: it names every key, with its default.
#include <algorithm>
#include <fstream>
#include <sstream>

#include "broker/config/yaml.h"
#include "tests/broker/config/config_support.h"

using namespace btb;
using namespace btb::test;

namespace {

std::string text_of(const std::string& name) {
  std::ifstream file(std::string(BTB_CONFIGS) + "/" + name);
  REQUIRE(file);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

// True if a map at the end of `path` ("topics.keep.count"; lists are gone through) has the last key
// of it.
bool has_key(const YamlNode& node, const std::string& path) {
  if (node.kind == YamlNode::Kind::list) {
    for (const YamlNode& item : node.items) {
      if (has_key(item, path)) return true;
    }
    return false;
  }
  const size_t dot = path.find('.');
  const YamlNode* value = node.find(path.substr(0, dot));
  if (value == nullptr) return false;
  return dot == std::string::npos || has_key(*value, path.substr(dot + 1));
}

}  // namespace

TEST_CASE("the manual shows every key there is") {
  std::vector<YamlFault> faults;
  const auto root = parse_yaml(text_of("broker.yaml"), faults);
  REQUIRE(root);
  for (const std::string& name : config_key_names()) {
    CAPTURE(name);
    CHECK(has_key(*root, name));
  }
}

TEST_CASE("every value in the manual is the default in the program") {
  const auto config = good(text_of("broker.yaml"));
  BrokerConfig broker;
  broker.name = "here";                 // "" stands for the host's name
  broker.plugin_path = {BTB_FIXTURES};  // [] for the default path
  CHECK(config->broker == broker);
  CHECK(config->limits == LimitsConfig{});

  REQUIRE(config->listen.size() == 1);
  ListenerConfig listener;
  listener.endpoint = config->listen[0].endpoint;
  CHECK(config->listen[0] == listener);

  REQUIRE(config->sources.size() == 1);
  CHECK(config->sources[0].restart_delay_ms == SourceConfig{}.restart_delay_ms);
  CHECK(SourceConfig{}.enabled);  // the one key that differs in the manual, which says so

  REQUIRE(config->topics.size() == 2);
  CHECK(config->topics[0].options == TopicOptions{});
  TopicOptions state;
  state.kind = wire::TopicKind::state;
  state.overflow = Overflow::skip_dead;
  CHECK(config->topics[1].options == state);
}

TEST_CASE("the smallest configuration works, and is small") {
  const std::string text = text_of("minimal.yaml");
  CHECK(std::count(text.begin(), text.end(), '\n') <= 5);
  CHECK(good(text)->listen.size() == 1);
}
