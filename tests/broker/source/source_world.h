// SourceWorld: a Loop, a Router and Sources, and what they told. Real time, for the sources'
// threads are real; every wait is for a condition, with a deadline. Topics that begin with "s" hold
// state.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "broker/source/sources.h"
#include "tests/support/patience.h"

namespace btb::test {

class SourceWorld final : public SourceEvents {
 public:
  SourceWorld()
      : router(clock, 1, [this](std::string_view name, Publisher) { return options_of(name); }),
        sources(loop, router, clock, *this) {
    sources.stop_timeout_ms = static_cast<uint32_t>(patience_ms);
    loop.set_before_sleep([this] {
      most_in_a_turn = std::max(most_in_a_turn, messages() - before_turn);
      before_turn = messages();
      return sources.drain();
    });
  }
  ~SourceWorld() {
    sources.stop_all();
    loop.set_before_sleep(nullptr);
  }

  std::shared_ptr<const TopicOptions> options_of(std::string_view name) const {
    auto options = std::make_shared<TopicOptions>();
    if (name.starts_with('s')) {
      options->kind = wire::TopicKind::state;
      options->keys_max = keys_max;
      options->state_bytes_max = state_bytes_max;
    }
    return options;
  }

  // A source of one of the fixtures, or of the puppet with its option `act`.
  void add(const std::string& name, const std::string& plugin,
           std::vector<host::WrittenOption> written = {}) {
    const std::string path = std::string(BTB_FIXTURES) + "/" + plugin + ".so";
    auto library = host::PluginLibrary::load(path);
    REQUIRE_MESSAGE(library.ok(), path);
    std::vector<host::SettingFault> faults;
    auto settings = host::Settings::make((*library)->plugin(), written, faults);
    REQUIRE(settings != nullptr);
    SourceSpec spec;
    spec.name = name;
    spec.library = *library;
    spec.settings = std::move(settings);
    spec.restart_delay_ms = restart_delay_ms;
    spec.limits = limits;
    sources.add(std::move(spec));
  }
  void add_puppet(const std::string& name, const std::string& act) {
    add(name, "puppet", {{"act", {}, {host::WrittenValue::Shape::scalar, act, {}, {}}}});
  }

  Source& source(const std::string& name) {
    REQUIRE(sources.find(name) != nullptr);
    return *sources.find(name);
  }
  // Sources there are, those that are being stopped included.
  [[nodiscard]] size_t count() const {
    size_t sum = 0;
    sources.for_each([&](const Source&) { ++sum; });
    return sum;
  }
  [[nodiscard]] uint64_t messages() const {
    uint64_t sum = 0;
    sources.for_each([&](const Source& source) { sum += source.counters().messages; });
    return sum;
  }
  uint64_t last_seq(std::string_view topic) const {
    const Topic* found = router.find(topic);
    return found == nullptr ? 0 : found->log.last_seq();
  }
  wire::FrameView frame(std::string_view topic, uint64_t seq) {
    Cursor cursor{seq, 0, 0, 0, 0};
    std::array<LogRange, 1> range;
    bool skipped = false;
    REQUIRE(router.find(topic)->log.read(cursor, 0, 1, range, skipped) == 1);
    return wire::next_frame({range[0].data, range[0].size}).frame;
  }
  std::string newest(std::string_view topic) {
    return std::string(as_text(frame(topic, last_seq(topic)).payload()));
  }
  int64_t time_us(std::string_view topic, uint64_t seq) { return frame(topic, seq).data().time_us; }

  bool run_until(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    Timer timer(loop, [] {});
    timer.start(1, 1);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      sources.tick();
      loop.run_once(true);
    }
    return true;
  }
  bool told(std::string_view text) const {
    for (const std::string& line : lines) {
      if (line.find(text) != std::string::npos) return true;
    }
    return false;
  }

  void source_event(const std::string& source, btb_log_level, std::string_view text) override {
    lines.push_back(source + ": " + std::string(text));
  }

  SystemClock clock;
  ChannelLimits limits{1 << 20, 1 << 20, 100};
  int64_t restart_delay_ms = 5;
  uint64_t keys_max = 1'000;
  uint64_t state_bytes_max = 1 << 20;
  uint64_t most_in_a_turn = 0;
  uint64_t before_turn = 0;
  std::vector<std::string> lines;
  Loop loop;
  Router router;
  Sources sources;
};

}  // namespace btb::test
