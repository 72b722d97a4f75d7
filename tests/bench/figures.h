// Figures: time, and what a process has used of it and of memory, read from outside. Functions;
// [any].
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace btb::bench {

// CLOCK_MONOTONIC, the clock of Python's time.monotonic_ns.
int64_t now_ns();

// Processor time of all threads of a process, those that ended included, exact to the nanosecond
// (the process's CPU clock, clock_getcpuclockid(3)). 0 for pid 0.
int64_t process_cpu_ns(pid_t pid);

// The same from /proc/PID/task/*/schedstat: threads that live now, up to the last tick. To hold the
// first against.
int64_t schedstat_cpu_ns(pid_t pid);

struct Memory {
  int64_t rss_kb = 0;   // VmRSS
  int64_t peak_kb = 0;  // VmHWM
};
Memory process_memory(pid_t pid);

}  // namespace btb::bench
