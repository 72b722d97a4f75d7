#include "tests/bench/figures.h"

#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "tests/bench/options.h"

namespace btb::bench {
namespace {

int64_t read_clock(clockid_t clock) {
  timespec at{};
  if (::clock_gettime(clock, &at) != 0) fail("cannot read a clock");
  return at.tv_sec * 1'000'000'000 + at.tv_nsec;
}

std::string proc_of(pid_t pid) {
  return "/proc/" + std::to_string(pid);
}

}  // namespace

int64_t now_ns() {
  return read_clock(CLOCK_MONOTONIC);
}

int64_t process_cpu_ns(pid_t pid) {
  if (pid == 0) return 0;
  clockid_t clock{};
  if (::clock_getcpuclockid(pid, &clock) != 0) fail("no process " + std::to_string(pid));
  return read_clock(clock);
}

int64_t schedstat_cpu_ns(pid_t pid) {
  if (pid == 0) return 0;
  int64_t sum = 0;
  std::error_code ignored;
  for (const auto& task : std::filesystem::directory_iterator(proc_of(pid) + "/task", ignored)) {
    int64_t ran_ns = 0;
    std::ifstream(task.path() / "schedstat") >> ran_ns;
    sum += ran_ns;
  }
  return sum;
}

Memory process_memory(pid_t pid) {
  Memory memory;
  std::ifstream status(proc_of(pid) + "/status");
  for (std::string word; status >> word;) {
    if (word == "VmRSS:") status >> memory.rss_kb;
    if (word == "VmHWM:") status >> memory.peak_kb;
  }
  return memory;
}

}  // namespace btb::bench
