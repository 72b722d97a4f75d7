#include "sdk/host/declared_topics.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "sdk/plugin/source.h"

using namespace btb;
using namespace btb::host;

namespace {

class Declaring final : public plugin::Source {
 public:
  static std::vector<plugin::Option> options() {
    return {plugin::text_option("topic", "The topic").standard("rows")};
  }
  static std::vector<plugin::DeclaredTopics> topics(const plugin::Settings& settings) {
    if (settings.text("topic") == "throw") throw std::runtime_error("no");
    return {{settings.text("topic") + "/+", BTB_KIND_STATE},
            {"log", BTB_KIND_EVENTS},
            {"a/#/b", BTB_KIND_STATE},
            {"", BTB_KIND_STATE},
            {"odd", 7}};
  }
  explicit Declaring(const plugin::Settings&) {}
  void run(plugin::Host&, std::string_view) override {}
};

class Silent final : public plugin::Source {
 public:
  static std::vector<plugin::Option> options() { return Declaring::options(); }
  explicit Silent(const plugin::Settings&) {}
  void run(plugin::Host&, std::string_view) override {}
};

template <class T>
struct Made {
  plugin::Plugin<T> plugin{"made", "1", "for a test"};
  const uint32_t major = BTB_ABI_MAJOR;
  btb_plugin raw = *plugin.entry(&major, 1);

  std::vector<DeclaredTopics> declared(const std::string& topic) const {
    WrittenOption option;
    option.name = "topic";
    option.value.scalar = topic;
    std::vector<SettingFault> faults;
    const std::vector<WrittenOption> options{option};
    const auto settings = Settings::make(raw, options, faults);
    REQUIRE(settings != nullptr);
    return declared_topics(raw, *settings);
  }
};

}  // namespace

TEST_CASE("a source declares its topics from its settings; what is no filter or kind is left out") {
  const Made<Declaring> made;
  CHECK(made.declared("ward") == std::vector<DeclaredTopics>{{"ward/+", wire::TopicKind::state},
                                                             {"log", wire::TopicKind::events}});
}

TEST_CASE("of a source that throws, or says nothing, no topic is known") {
  CHECK(Made<Declaring>().declared("throw").empty());
  CHECK(Made<Silent>().declared("ward").empty());
}

TEST_CASE("a plugin of ABI 1.0 is not asked for what it does not have") {
  Made<Declaring> made;
  made.raw.size = sizeof(btb_plugin) - sizeof made.raw.get_extension;
  CHECK(made.declared("ward").empty());
}
