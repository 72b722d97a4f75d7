// Loop: libuv, wrapped once. This is the only room of the broker that includes <uv.h>.
//
// A turn of the loop: events come in, then, before it sleeps, every prepare hook runs; that is
// where sessions flush. A hook that returns true has more to do, and the loop takes another turn
// without sleeping. All of it on the loop thread, but for Wakeup::signal. Handles are closed by
// their owners' destructors and freed by the loop, as libuv asks.
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>

namespace btb {

class Loop {
 public:
  Loop();
  // REQUIRES: every Poll, Timer, Wakeup and Signal of this loop is gone.
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs turns until stop is called.
  void run();
  // One turn; waits for events if `wait`. For tests.
  void run_once(bool wait);
  void stop();

  // The hook that runs before the loop sleeps; true: take another turn at once.
  void set_before_sleep(std::function<bool()> hook) { before_sleep_ = std::move(hook); }

  uv_loop_t* raw() { return &loop_; }

 private:
  static void on_prepare(uv_prepare_t* handle);

  uv_loop_t loop_{};
  uv_prepare_t prepare_{};
  uv_idle_t idle_{};  // active while a hook wants another turn
  std::function<bool()> before_sleep_;
};

// Frees a libuv handle in its close callback, which is when libuv lets go of it.
template <class Handle>
struct CloseHandle {
  void operator()(Handle* handle) const noexcept {
    handle->data = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(handle),
             [](uv_handle_t* closed) { delete reinterpret_cast<Handle*>(closed); });
  }
};
template <class Handle>
using HandlePtr = std::unique_ptr<Handle, CloseHandle<Handle>>;

// Tells when a descriptor can be read or written. The descriptor must stay open as long as this
// lives. Resource.
class Poll {
 public:
  // Who is told. Either may destroy the Poll.
  class Events {
   public:
    virtual void on_readable() = 0;
    virtual void on_writable() = 0;

   protected:
    ~Events() = default;
  };

  Poll(Loop& loop, int fd, Events& events);
  Poll(const Poll&) = delete;
  Poll& operator=(const Poll&) = delete;

  // Level-triggered. Asking for nothing stops it.
  void want(bool readable, bool writable);

 private:
  static void on_poll(uv_poll_t* handle, int status, int events);
  HandlePtr<uv_poll_t> handle_;
  Events& events_;
  int wanted_ = 0;
};

class Timer {
 public:
  Timer(Loop& loop, std::function<void()> fired);
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Fires once after `delay_ms`, then every `repeat_ms` unless that is 0. Starting again replaces.
  void start(uint64_t delay_ms, uint64_t repeat_ms);
  void stop();

 private:
  HandlePtr<uv_timer_t> handle_;
  std::function<void()> fired_;
};

// Calls a function on the loop thread after signal was called on any thread; several signals may
// become one call.
class Wakeup {
 public:
  Wakeup(Loop& loop, std::function<void()> woken);
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;
  // [any], as long as this lives.
  void signal();

 private:
  HandlePtr<uv_async_t> handle_;
  std::function<void()> woken_;
};

// A UNIX signal as an event.
class Signal {
 public:
  Signal(Loop& loop, int number, std::function<void()> received);
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

 private:
  HandlePtr<uv_signal_t> handle_;
  std::function<void()> received_;
};

}  // namespace btb
