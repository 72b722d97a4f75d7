// EventLoop: a command-line client waits here for several things at once: its broker, a signal, the
// end of the program that reads its output, its input, and a time. Resource; the main thread. A
// process can have only one, because it takes SIGINT and SIGTERM while it lives.
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
    bool output_closed = false;  // nobody reads standard output any more; true only once
    bool input = false;          // standard input can be read, or has ended
  };

  // Waits until something happens, at most `timeout_ms` (negative: no limit), and lets the client
  // and `roaming` do their work. Standard input is watched only with `watch_input`. `roaming` may
  // be null.
  Wake turn(client::Client& client, int timeout_ms, bool watch_input,
            client::Roaming* roaming = nullptr);
  // Waits for `events` (of poll(2)) of `fd`, at most `timeout_ms` (negative: no limit). Returns the
  // signal that came in this time, or 0.
  int wait(int fd, short events, int timeout_ms);

 private:
  int take_signal();

  UniqueFd signals_;
  bool output_gone_ = false;
  sigset_t before_{};  // the signal mask to go back to
};

}  // namespace btb::cli
