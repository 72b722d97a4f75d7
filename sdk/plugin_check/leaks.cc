// The trials for leaks: many lives of a source, and many loads of its library. Measuring the use of
// the process, comparing it, then the two trials.
#include "sdk/plugin_check/leaks.h"

#include <malloc.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "sdk/host/values.h"
#include "sdk/plugin_check/subject.h"
#include "sdk/plugin_check/trial_source.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
// Declared as in sanitizer/allocator_interface.h, because not every compiler has that header.
// NOLINTNEXTLINE(bugprone-reserved-identifier, readability-identifier-naming)
extern "C" size_t __sanitizer_get_current_allocated_bytes();
#endif

namespace btb::host {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool pages_are_given_back = false;  // the sanitizer's allocator keeps freed memory

size_t heap_bytes() {
  return __sanitizer_get_current_allocated_bytes();
}
#else
constexpr bool pages_are_given_back = true;

size_t heap_bytes() {
  const struct mallinfo2 heap = ::mallinfo2();
  return heap.uordblks + heap.hblkhd;
}
#endif

struct Usage {
  size_t descriptors = 0, threads = 0, heap_bytes = 0, resident_bytes = 0;
};

size_t entries_in(const char* directory) {
  std::error_code error;
  const std::filesystem::directory_iterator entries(directory, error);
  return error ? 0 : static_cast<size_t>(std::distance(begin(entries), end(entries)));
}

Usage usage() {
  Usage now;
  now.descriptors = entries_in("/proc/self/fd");
  now.threads = entries_in("/proc/self/task");
  now.heap_bytes = heap_bytes();
  size_t total_pages = 0, resident_pages = 0;
  std::ifstream("/proc/self/statm") >> total_pages >> resident_pages;
  now.resident_bytes = resident_pages * 4096;
  return now;
}

// The threads of a source that has ended may need a moment to disappear.
void wait_for_threads(size_t threads) {
  constexpr int tries = 200;
  for (int i = 0; i < tries && entries_in("/proc/self/task") > threads; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

// A trial has several equal parts. The use is measured before and after each. Caches grow only
// once. So memory that grows in every part is a leak, even a small one.
constexpr size_t parts = 3;
using Usages = std::array<Usage, parts + 1>;

bool heap_grows(const Usages& usages, size_t cycles) {
  constexpr size_t noise_bytes_in_cycle = 8;
  const size_t noise_bytes = noise_bytes_in_cycle * cycles / parts;
  for (size_t i = 0; i < parts; ++i) {
    if (usages[i + 1].heap_bytes <= usages[i].heap_bytes + noise_bytes) return false;
  }
  return true;
}

// The text about leaks after `cycles` lives or loads; empty if there are none.
std::string growth(const Usages& usages, size_t cycles) {
  const Usage& before = usages.front();
  const Usage& after = usages.back();
  std::string text;
  const auto say = [&](size_t more, const char* what) {
    text += (text.empty() ? "" : ", ") + std::to_string(more) + " " + what;
  };
  if (after.descriptors > before.descriptors)
    say(after.descriptors - before.descriptors, "descriptors");
  if (after.threads > before.threads) say(after.threads - before.threads, "threads");
  if (heap_grows(usages, cycles)) {
    say(after.heap_bytes - before.heap_bytes, "bytes of heap");
  }
  return text.empty() ? text : "leaks " + text + " in " + std::to_string(cycles);
}

// One short life of a source: until its first batch, at most for `moment_ms`.
Verdict short_life(const TrialContext& context, const Subject& subject) {
  constexpr uint32_t moment_ms = 20;
  const auto host = std::make_shared<TrialHost>();
  TrialSource source(subject.loaded, subject.settings, host);
  host->wait_until([](const TrialHost::Record& record) { return record.batches > 0; }, moment_ms);
  bool hung = false;
  const std::string fault = source.end(context.times.stop_ms, hung);
  return judge(*host, fault, hung);
}

}  // namespace

Verdict try_leaks(const TrialContext& context) {
  constexpr size_t warm_up = 10, lives = 90;
  ::mallopt(M_ARENA_MAX, 1);  // mallinfo2 counts the first arena only
  const Subject subject = open_subject(context);
  if (subject.settings == nullptr) return Verdict::failed(subject.fault);
  context.phase("many short lives");
  const size_t threads = usage().threads;
  Usages usages;
  size_t done = 0;
  for (size_t part = 0; part <= parts; ++part) {
    for (; done < warm_up + lives * part / parts; ++done) {
      Verdict verdict = short_life(context, subject);
      if (verdict.outcome != CheckFinding::Outcome::passed) return verdict;
    }
    wait_for_threads(threads);
    usages[part] = usage();
  }
  const std::string leak = growth(usages, lives);
  if (!leak.empty()) return Verdict::failed(leak + " lives of a source");
  return Verdict::passed(std::to_string(lives) + " lives");
}

Verdict try_load_cycles(const TrialContext& context) {
  constexpr size_t resident_noise_bytes = 1U << 20;
  constexpr size_t warm_up = 20;
  context.phase("load cycles");
  const size_t count = context.times.load_cycles;
  Usages usages;
  size_t done = 0;
  for (size_t part = 0; part <= parts; ++part) {
    for (; done < warm_up + count * part / parts; ++done) {
      const Result<Library> library = PluginLibrary::load(context.path);
      if (!library)
        return Verdict::failed("in cycle " + std::to_string(done) + ": " + library.error().text);
    }
    usages[part] = usage();
  }
  const std::string cycles = std::to_string(count) + " load cycles";
  const std::string leak = growth(usages, count);
  if (!leak.empty()) return Verdict::failed(leak + " load cycles");
  const size_t before = usages.front().resident_bytes, after = usages.back().resident_bytes;
  if (pages_are_given_back && after > before + resident_noise_bytes) {
    return Verdict::failed("grows by " + show_size(after - before) + " in " + cycles);
  }
  const bool stays = PluginLibrary::is_loaded(context.path);
  return Verdict::passed(cycles + (stays ? "; it stays in memory after it is unloaded" : ""));
}

}  // namespace btb::host
