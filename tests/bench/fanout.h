// FanoutLoad: one publisher and many subscribers in one thread, against one broker. Drives it as
// fast as a window of outstanding messages allows, or at a fixed rate. Resource; one thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "sdk/base/unique_fd.h"
#include "tests/bench/inlet.h"
#include "tests/bench/outlet.h"

namespace btb::bench {

struct FanoutSettings {
  std::string endpoint;
  size_t subscribers = 1;
  size_t payload_bytes = 128;
  size_t window = 256;  // messages published and not yet received by all
  pid_t broker = 0;     // whose processor time is measured; 0: none's
  bool spin = false;    // never sleep: takes the load's own waking-up out of the latencies
};

struct Throughput {
  double seconds = 0;
  uint64_t deliveries = 0;
  int64_t broker_cpu_ns = 0;
  int64_t broker_schedstat_ns = 0;
  int64_t load_cpu_ns = 0;
};

struct Latency {
  Histogram histogram;
  uint64_t undelivered =
      0;  // deliveries that had not come when the time was over, recorded with their age then
  uint64_t missed = 0;  // deliveries the broker said it left out
};

class FanoutLoad {
 public:
  FanoutLoad(Peer& peer, const FanoutSettings& settings);

  // Closed loop for `warm_s` unmeasured and `measured_s` measured seconds; then waits for what is
  // outstanding.
  Throughput throughput(double warm_s, double measured_s);
  // Open loop: one message every 1/`rate_hz` s, each dated when it should have been sent, however
  // late it goes out. The first `quiet` subscribers are not in the figures. Waits at most
  // `patience_s` for the last messages.
  Latency latency(double rate_hz, double seconds, size_t quiet, double patience_s);

  // The first `count` subscribers stop reading, and all others go on; 0: all read.
  void stop_reading(size_t count);
  // Waits until every reading subscriber has everything; false if that takes longer than `seconds`.
  bool drain(double seconds);

  [[nodiscard]] const Inlet& inlet() const { return inlet_; }

 private:
  void turn(int64_t wait_ns, Histogram* latency);
  void closed_loop_until(int64_t end_ns);
  void refill();
  void watch(int fd, uint32_t interest, uint32_t tag, int operation) const;
  void keep_alive_if_due(int64_t at_ns);

  FanoutSettings settings_;
  Inlet inlet_;
  Outlet outlet_;
  UniqueFd poll_;
  size_t stuck_ = 0;  // the first so many do not read
  size_t quiet_ = 0;
  int64_t keep_alive_due_ns_ = 0;
  int64_t progress_ns_ = 0;
};

}  // namespace btb::bench
