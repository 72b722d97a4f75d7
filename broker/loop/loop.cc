#include "broker/loop/loop.h"

#include "sdk/base/assert.h"

namespace btb {

namespace {

void check(int status) {
  BTB_ASSERT(status == 0);
}

}  // namespace

Loop::Loop() {
  check(uv_loop_init(&loop_));
  check(uv_prepare_init(&loop_, &prepare_));
  check(uv_idle_init(&loop_, &idle_));
  prepare_.data = this;
  check(uv_prepare_start(&prepare_, &Loop::on_prepare));
}

Loop::~Loop() {
  uv_close(reinterpret_cast<uv_handle_t*>(&prepare_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&idle_), nullptr);
  uv_run(&loop_, UV_RUN_DEFAULT);  // runs the close callbacks that are left
  check(uv_loop_close(&loop_));
}

void Loop::run() {
  uv_run(&loop_, UV_RUN_DEFAULT);
}

void Loop::run_once(bool wait) {
  uv_run(&loop_, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
}

void Loop::stop() {
  uv_stop(&loop_);
}

void Loop::on_prepare(uv_prepare_t* handle) {
  auto* loop = static_cast<Loop*>(handle->data);
  const bool again = loop->before_sleep_ && loop->before_sleep_();
  const bool active = uv_is_active(reinterpret_cast<uv_handle_t*>(&loop->idle_)) != 0;
  if (again == active) return;
  if (again) {
    uv_idle_start(&loop->idle_, [](uv_idle_t*) {});
  } else {
    uv_idle_stop(&loop->idle_);
  }
}

Poll::Poll(Loop& loop, int fd, Events& events) : handle_(new uv_poll_t), events_(events) {
  check(uv_poll_init(loop.raw(), handle_.get(), fd));
  handle_->data = this;
}

void Poll::want(bool readable, bool writable) {
  const int wanted = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);
  if (wanted == wanted_) return;
  wanted_ = wanted;
  if (wanted == 0) {
    uv_poll_stop(handle_.get());
  } else {
    check(uv_poll_start(handle_.get(), wanted, &Poll::on_poll));
  }
}

// An error on the descriptor is reported as readable: the reads that follow say what it is, once
// they have taken what came before it. libuv stops the handle on an error, so it is started again.
void Poll::on_poll(uv_poll_t* handle, int status, int events) {
  auto* poll = static_cast<Poll*>(handle->data);
  if (poll == nullptr) return;
  if (status < 0) check(uv_poll_start(handle, poll->wanted_, &Poll::on_poll));
  if (status < 0 || (events & UV_READABLE) != 0) poll->events_.on_readable();
  poll = static_cast<Poll*>(handle->data);  // null if the owner closed the handle just now
  if (poll != nullptr && status == 0 && (events & UV_WRITABLE) != 0) poll->events_.on_writable();
}

Timer::Timer(Loop& loop, std::function<void()> fired)
    : handle_(new uv_timer_t), fired_(std::move(fired)) {
  check(uv_timer_init(loop.raw(), handle_.get()));
  handle_->data = this;
}

void Timer::start(uint64_t delay_ms, uint64_t repeat_ms) {
  uv_update_time(handle_->loop);
  check(uv_timer_start(
      handle_.get(),
      [](uv_timer_t* handle) {
        if (auto* timer = static_cast<Timer*>(handle->data)) timer->fired_();
      },
      delay_ms, repeat_ms));
}

void Timer::stop() {
  uv_timer_stop(handle_.get());
}

Wakeup::Wakeup(Loop& loop, std::function<void()> woken)
    : handle_(new uv_async_t), woken_(std::move(woken)) {
  check(uv_async_init(loop.raw(), handle_.get(), [](uv_async_t* handle) {
    if (auto* wakeup = static_cast<Wakeup*>(handle->data)) wakeup->woken_();
  }));
  handle_->data = this;
}

void Wakeup::signal() {
  uv_async_send(handle_.get());
}

Signal::Signal(Loop& loop, int number, std::function<void()> received)
    : handle_(new uv_signal_t), received_(std::move(received)) {
  check(uv_signal_init(loop.raw(), handle_.get()));
  handle_->data = this;
  check(uv_signal_start(
      handle_.get(),
      [](uv_signal_t* handle, int) {
        if (auto* signal = static_cast<Signal*>(handle->data)) signal->received_();
      },
      number));
}

}  // namespace btb
