#include "tests/bench/fanout.h"

#include <sys/epoll.h>
#include <sys/prctl.h>

#include <algorithm>
#include <utility>

#include "tests/bench/figures.h"
#include "tests/bench/options.h"

namespace btb::bench {
namespace {

constexpr int events_max = 1024;
constexpr uint32_t outlet_tag = UINT32_MAX;
constexpr int64_t second_ns = 1'000'000'000;
constexpr int64_t keep_alive_ns = 20 * second_ns;
constexpr int64_t stalled_ns = 10 * second_ns;

int64_t to_ns(double seconds) {
  return static_cast<int64_t>(seconds * 1e9);
}

Outlet make_outlet(Peer& peer, const FanoutSettings& settings) {
  Conversation conversation(settings.endpoint);
  peer.prepare_to_publish(conversation);
  return {peer, std::move(conversation), settings.payload_bytes, settings.window};
}

}  // namespace

FanoutLoad::FanoutLoad(Peer& peer, const FanoutSettings& settings)
    : settings_(settings),
      inlet_(peer),
      outlet_(make_outlet(peer, settings)),
      poll_(::epoll_create1(EPOLL_CLOEXEC)) {
  ::prctl(PR_SET_TIMERSLACK, 1UL);
  for (size_t i = 0; i < settings.subscribers; ++i) {
    Conversation conversation(settings.endpoint);
    peer.subscribe(conversation);
    inlet_.add(std::move(conversation));
    watch(inlet_.fd(i), EPOLLIN, static_cast<uint32_t>(i), EPOLL_CTL_ADD);
  }
  watch(outlet_.fd(), EPOLLIN | EPOLLOUT | EPOLLET, outlet_tag, EPOLL_CTL_ADD);
  keep_alive_due_ns_ = now_ns() + keep_alive_ns;
}

void FanoutLoad::watch(int fd, uint32_t interest, uint32_t tag, int operation) const {
  epoll_event event{};
  event.events = interest;
  event.data.u32 = tag;
  if (::epoll_ctl(poll_.get(), operation, fd, &event) != 0) fail("epoll_ctl failed");
}

void FanoutLoad::turn(int64_t wait_ns, Histogram* latency) {
  epoll_event events[events_max];
  if (settings_.spin) wait_ns = 0;
  const timespec wait{wait_ns / second_ns, wait_ns % second_ns};
  const int count = ::epoll_pwait2(poll_.get(), events, events_max, &wait, nullptr);
  for (int i = 0; i < count; ++i) {
    const uint32_t tag = events[i].data.u32;
    if (tag == outlet_tag) {
      outlet_.turn();
    } else {
      inlet_.read(tag, tag < quiet_ ? nullptr : latency);
    }
  }
}

void FanoutLoad::keep_alive_if_due(int64_t at_ns) {
  if (at_ns < keep_alive_due_ns_) return;
  keep_alive_due_ns_ = at_ns + keep_alive_ns;
  inlet_.keep_alive(stuck_);
  outlet_.keep_alive();
}

void FanoutLoad::refill() {
  if (!outlet_.idle()) return;
  const uint64_t outstanding = outlet_.published() - inlet_.least(stuck_);
  if (outstanding < settings_.window) outlet_.send_batch(settings_.window - outstanding);
}

void FanoutLoad::closed_loop_until(int64_t end_ns) {
  uint64_t last = inlet_.deliveries();
  progress_ns_ = now_ns();
  for (int64_t now = progress_ns_; now < end_ns; now = now_ns()) {
    refill();
    turn(std::min(end_ns - now, second_ns), nullptr);
    if (inlet_.deliveries() != last) progress_ns_ = now;
    last = inlet_.deliveries();
    if (now - progress_ns_ > stalled_ns) fail("nothing has arrived for 10 s");
    keep_alive_if_due(now);
  }
}

Throughput FanoutLoad::throughput(double warm_s, double measured_s) {
  closed_loop_until(now_ns() + to_ns(warm_s));
  const uint64_t deliveries = inlet_.deliveries();
  const int64_t cpu = process_cpu_ns(settings_.broker);
  const int64_t schedstat = schedstat_cpu_ns(settings_.broker);
  const int64_t own = process_cpu_ns(::getpid());
  const int64_t start = now_ns();
  closed_loop_until(start + to_ns(measured_s));
  Throughput result;
  result.seconds = static_cast<double>(now_ns() - start) / 1e9;
  result.deliveries = inlet_.deliveries() - deliveries;
  result.broker_cpu_ns = process_cpu_ns(settings_.broker) - cpu;
  result.broker_schedstat_ns = schedstat_cpu_ns(settings_.broker) - schedstat;
  result.load_cpu_ns = process_cpu_ns(::getpid()) - own;
  if (!drain(10)) fail("messages were lost: some subscribers did not get all that was published");
  return result;
}

Latency FanoutLoad::latency(double rate_hz, double seconds, size_t quiet, double patience_s) {
  Latency result;
  quiet_ = quiet;
  const uint64_t first = outlet_.published();
  const uint64_t missed = inlet_.missed();
  const int64_t interval = to_ns(1 / rate_hz);
  const int64_t start = now_ns() + interval;
  const auto wanted = static_cast<uint64_t>(seconds * rate_hz);
  for (int64_t sent = 0; static_cast<uint64_t>(sent) < wanted;) {
    const int64_t now = now_ns();
    keep_alive_if_due(now);
    for (; static_cast<uint64_t>(sent) < wanted && start + sent * interval <= now; ++sent) {
      outlet_.send_one(start + sent * interval);
    }
    turn(std::max<int64_t>(start + sent * interval - now_ns(), 0), &result.histogram);
  }
  const uint64_t published = outlet_.published();
  const size_t from = std::max(quiet_, stuck_);
  const int64_t deadline = now_ns() + to_ns(patience_s);
  while (inlet_.least(from) < published && now_ns() < deadline) turn(1'000'000, &result.histogram);
  const int64_t end = now_ns();
  for (size_t i = from; i < inlet_.size(); ++i) {
    for (uint64_t got = inlet_.received(i); got < published; ++got, ++result.undelivered) {
      result.histogram.record(end - start - static_cast<int64_t>(got - first) * interval);
    }
  }
  result.missed = inlet_.missed() - missed;
  quiet_ = 0;
  return result;
}

void FanoutLoad::stop_reading(size_t count) {
  const size_t until = std::max(count, stuck_);
  for (size_t i = 0; i < until; ++i) {
    const uint32_t interest = i < count ? 0U : static_cast<uint32_t>(EPOLLIN);
    watch(inlet_.fd(i), interest, static_cast<uint32_t>(i), EPOLL_CTL_MOD);
  }
  stuck_ = count;
}

bool FanoutLoad::drain(double seconds) {
  const int64_t deadline = now_ns() + to_ns(seconds);
  while (inlet_.least(stuck_) < outlet_.published()) {
    if (now_ns() > deadline) return false;
    turn(1'000'000, nullptr);
  }
  return true;
}

}  // namespace btb::bench
