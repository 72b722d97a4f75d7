// EventLoop: waits for what a command-line client waits for at once: its broker, a signal to end,
// the reader of its output going away, its input, and a time. Resource; the main thread; one in a
// process, because it takes SIGINT and SIGTERM.
#pragma once

#include <csignal>

#include "sdk/base/clock.h"
#include "sdk/base/unique_fd.h"
#include "sdk/client/client.h"
#include "sdk/client/roaming.h"

namespace btb::cli {

class EventLoop {
 public:
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  struct Wake {
    int signal = 0;              // SIGINT or SIGTERM
    bool output_closed = false;  // nobody reads standard output any more; said once
    bool input = false;          // standard input can be read, or has ended
  };

  // Lets the client work until something it waits for comes, or `timeout_ms` passes (negative: no
  // limit).
  Wake turn(client::Client& client, int timeout_ms, bool watch_input,
            client::Roaming* roaming = nullptr);
  // Waits for `events` of `fd` for up to `timeout_ms`. The signal that came meanwhile, else 0.
  int wait(int fd, short events, int timeout_ms);

 private:
  int take_signal();

  UniqueFd signals_;
  bool output_gone_ = false;
  sigset_t before_{};
};

}  // namespace btb::cli
