// Trials: what many lives of a source, and many loads of its library, leave behind.
#include <malloc.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "sdk/host/check_source.h"
#include "sdk/host/check_subject.h"

namespace btb::host {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool memory_is_measurable = false;  // the sanitizer's allocator keeps what is freed
#else
constexpr bool memory_is_measurable = true;
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
  if (memory_is_measurable) {
    const struct mallinfo2 heap = ::mallinfo2();
    now.heap_bytes = heap.uordblks + heap.hblkhd;
  }
  size_t total_pages = 0, resident_pages = 0;
  std::ifstream("/proc/self/statm") >> total_pages >> resident_pages;
  now.resident_bytes = resident_pages * 4096;
  return now;
}

// Threads of a source that has ended may need a moment to be gone.
void wait_for_threads(size_t threads) {
  constexpr int tries = 200;
  for (int i = 0; i < tries && entries_in("/proc/self/task") > threads; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

// What `after` has more than `before`, `cycles` lives later; empty if nothing that counts.
std::string growth(const Usage& before, const Usage& after, size_t cycles) {
  constexpr size_t heap_noise_bytes = 4096;  // of the C library's own caches
  constexpr size_t heap_per_cycle_bytes = 16;
  std::string text;
  const auto say = [&](size_t more, const char* what) {
    text += (text.empty() ? "" : ", ") + std::to_string(more) + " " + what;
  };
  if (after.descriptors > before.descriptors)
    say(after.descriptors - before.descriptors, "descriptors");
  if (after.threads > before.threads) say(after.threads - before.threads, "threads");
  if (after.heap_bytes > before.heap_bytes + heap_noise_bytes + heap_per_cycle_bytes * cycles) {
    say(after.heap_bytes - before.heap_bytes, "bytes of heap");
  }
  return text.empty() ? text : "leaks " + text + " in " + std::to_string(cycles);
}

// One short life: until the first batch, or a moment.
Verdict short_life(const TrialContext& context, const Subject& subject) {
  constexpr uint32_t moment_ms = 20;
  const auto host = std::make_shared<CheckHost>();
  CheckSource source(subject.library, subject.settings, host);
  host->wait_until([](const CheckHost::Record& record) { return record.batches > 0; }, moment_ms);
  bool hung = false;
  const std::string fault = source.end(context.times.stop_ms, hung);
  return judge(*host, fault, hung);
}

}  // namespace

Verdict try_leaks(const TrialContext& context) {
  constexpr int warm_up = 10, cycles = 50;
  ::mallopt(M_ARENA_MAX, 1);  // mallinfo2 counts the first arena only
  const Subject subject = open_subject(context);
  if (subject.settings == nullptr) return Verdict::failed(subject.fault);
  context.phase("many short lives");
  const size_t threads = usage().threads;
  Usage before;
  for (int i = 0; i < warm_up + cycles; ++i) {
    if (i == warm_up) {
      wait_for_threads(threads);
      before = usage();
    }
    Verdict verdict = short_life(context, subject);
    if (verdict.outcome != CheckFinding::Outcome::passed) return verdict;
  }
  wait_for_threads(threads);
  const std::string leak = growth(before, usage(), cycles);
  if (!leak.empty()) return Verdict::failed(leak + " lives of a source");
  return Verdict::passed(std::to_string(cycles) + " lives" +
                         (memory_is_measurable ? "" : "; memory not measured in this build"));
}

Verdict try_load_cycles(const TrialContext& context) {
  constexpr size_t resident_noise_bytes = 1U << 20;
  constexpr uint32_t warm_up = 20;
  context.phase("load cycles");
  Usage before;
  for (uint32_t i = 0; i < warm_up + context.times.load_cycles; ++i) {
    if (i == warm_up) before = usage();
    const Result<Library> library = PluginLibrary::load(context.path);
    if (!library)
      return Verdict::failed("in cycle " + std::to_string(i) + ": " + library.error().text);
  }
  const Usage after = usage();
  const std::string cycles = std::to_string(context.times.load_cycles) + " load cycles";
  const std::string leak = growth(before, after, context.times.load_cycles);
  if (!leak.empty()) return Verdict::failed(leak + " load cycles");
  if (memory_is_measurable && after.resident_bytes > before.resident_bytes + resident_noise_bytes) {
    return Verdict::failed("grows by " + show_size(after.resident_bytes - before.resident_bytes) +
                           " in " + cycles);
  }
  const bool stays = PluginLibrary::is_loaded(context.path);
  return Verdict::passed(cycles + (stays ? "; it stays in memory after it is unloaded" : ""));
}

}  // namespace btb::host
