// Loop: libuv, wrapped once. This is the only room of the broker that includes <uv.h>.
//
// A turn of the loop: events come in; then, before the loop sleeps, it calls the one hook that
// `set_before_sleep` gave it. There the sources are drained and the sessions are flushed. If the
// hook returns true, it has more to do, and the loop takes another turn without sleeping.
//
// Everything runs on the loop's thread, except for Wakeup::signal. Poll, Timer, Wakeup and Signal
// are resources: their destructors close the handle, the loop frees it later, and no callback comes
// after the destructor. A failure of libuv is a bug, and ends the program.
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
  // One turn. Waits for events if `wait` is true. For tests.
  void run_once(bool wait);
  // Makes `run` return after this turn.
  void stop();

  // The hook runs once a turn, before the loop sleeps. It returns true to take another turn at
  // once.
  void set_before_sleep(std::function<bool()> hook) { before_sleep_ = std::move(hook); }

  uv_loop_t* raw() { return &loop_; }

 private:
  static void on_prepare(uv_prepare_t* handle);

  uv_loop_t loop_{};
  uv_prepare_t prepare_{};
  uv_idle_t idle_{};  // active while the hook wants another turn
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

// Tells when a descriptor can be read or written. The descriptor is borrowed, and must stay open as
// long as the Poll lives. Resource.
class Poll {
 public:
  // The receiver of the events. Both functions may destroy the Poll. An error on the descriptor
  // comes as on_readable; the next read returns it.
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

  // Chooses the events; none at first. They come again in each turn as long as they are true.
  void want(bool readable, bool writable);

 private:
  static void on_poll(uv_poll_t* handle, int status, int events);
  HandlePtr<uv_poll_t> handle_;
  Events& events_;
  int wanted_ = 0;
};

// Calls a function after a time, once or repeatedly. Resource.
class Timer {
 public:
  Timer(Loop& loop, std::function<void()> fired);
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Fires once after `delay_ms`, then every `repeat_ms` unless that is 0. A second start replaces
  // the first one.
  void start(uint64_t delay_ms, uint64_t repeat_ms);
  void stop();

 private:
  HandlePtr<uv_timer_t> handle_;
  std::function<void()> fired_;
};

// Calls a function on the loop thread after `signal` was called on any thread. Several signals may
// become one call. Resource.
class Wakeup {
 public:
  Wakeup(Loop& loop, std::function<void()> woken);
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;
  // [any] The caller makes sure that the Wakeup is not destroyed meanwhile.
  void signal();

 private:
  HandlePtr<uv_async_t> handle_;
  std::function<void()> woken_;
};

// Calls a function on the loop thread when the process gets a UNIX signal. Resource.
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
