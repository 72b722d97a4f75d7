// The skin in C++: what it reads of a broker that knows more, and what it lets out.
#include "sdk/plugin/source.h"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

namespace btb::plugin {
namespace {

// What the host was told.
struct Told {
  std::vector<std::string> warnings, failures;
};

btb_host host_telling(Told& told) {
  btb_host host{};
  host.size = sizeof(btb_host);
  host.context = &told;
  host.source_name = "test";
  host.log = [](const btb_host* self, btb_log_level, const char* text) {
    static_cast<Told*>(self->context)->warnings.emplace_back(text);
  };
  host.fail = [](const btb_host* self, const char*, const char* text) {
    static_cast<Told*>(self->context)->failures.emplace_back(text);
  };
  return host;
}

class Uninterruptible final : public Source {
 public:
  static std::vector<Option> options() { return {}; }
  explicit Uninterruptible(const Settings&) {}
  void run(Host&, std::string_view) override {}
  void interrupt() override { throw std::runtime_error("no query to cancel"); }
};

class Undeclared final : public Source {
 public:
  static std::vector<Option> options() { throw std::runtime_error("no list of options"); }
  explicit Undeclared(const Settings&) {}
  void run(Host&, std::string_view) override {}
};

const btb_plugin& described(const btb_plugin* plugin) {
  REQUIRE(plugin != nullptr);
  return *plugin;
}

constexpr uint32_t major = BTB_ABI_MAJOR;

TEST_CASE("settings are found by the size of the first, also in one that is larger than ours") {
  struct Larger {
    btb_setting setting;
    uint64_t appended;
  };
  const auto larger = [](const char* name, int64_t integer) {
    Larger made{};
    made.setting.size = sizeof(Larger);
    made.setting.name = name;
    made.setting.integer = integer;
    return made;
  };
  const std::array<Larger, 3> made{larger("a", 1), larger("b", 2), larger("c", 3)};
  const Settings settings(&made[0].setting, made.size());
  CHECK(settings.integer("a") == 1);
  CHECK(settings.integer("c") == 3);
  CHECK_FALSE(settings.has("d"));
  CHECK_FALSE(Settings(nullptr, 0).has("a"));
}

TEST_CASE("what interrupt throws does not cross the border, and becomes a warning") {
  Told told;
  const btb_host host = host_telling(told);
  const Plugin<Uninterruptible> plugin("test", "1", "For tests");
  const btb_source* source = described(plugin.entry(&major, 1)).create(&host, nullptr, 0);
  REQUIRE(source != nullptr);
  source->interrupt(source->self);
  CHECK(told.warnings == std::vector<std::string>{"interrupt failed: no query to cancel"});
  source->destroy(source->self);
}

TEST_CASE("what options throws does not cross the border, and validate and create tell it") {
  Told told;
  const btb_host host = host_telling(told);
  const Plugin<Undeclared> plugin("test", "1", "For tests");
  const btb_plugin& description = described(plugin.entry(&major, 1));
  std::string reported;
  description.validate(
      nullptr, 0,
      [](void* context, const char*, const char* text) {
        *static_cast<std::string*>(context) = text;
      },
      &reported);
  CHECK(reported == "no list of options");
  CHECK(description.create(&host, nullptr, 0) == nullptr);
  CHECK(told.failures == std::vector<std::string>{"no list of options"});
}

}  // namespace
}  // namespace btb::plugin
