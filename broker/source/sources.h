// Sources: all configured sources, by name. Starts, stops, replaces and drains them. Resource;
// [loop] thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/source/source.h"

namespace btb {

class Sources {
 public:
  Sources(Loop& loop, Router& router, const Clock& clock, SourceEvents& events)
      : loop_(loop), router_(router), clock_(clock), events_(events) {}
  // REQUIRES: stop_all.
  ~Sources() = default;
  Sources(const Sources&) = delete;
  Sources& operator=(const Sources&) = delete;

  uint32_t stop_timeout_ms = limits::source_stop_timeout_ms;

  // Starts a source. One of the same name is stopped first; the new one begins when it has ended,
  // and goes on where that one was.
  void add(SourceSpec spec);
  // Stops a source, forgets it, and deletes the rows of the topics where it alone published.
  void remove(const std::string& name);
  [[nodiscard]] Source* find(const std::string& name) const;
  void for_each(const std::function<void(const Source&)>& visit) const;
  // Of the source, there or gone, that publishes under this number; empty if none does. Borrowed.
  [[nodiscard]] std::string_view name_of(Publisher publisher) const;
  [[nodiscard]] uint64_t abandoned() const { return abandoned_; }

  // Once a turn: publishes what the sources have; true if there is more.
  bool drain();
  // Once a second or so.
  void tick();
  // Stops all and waits until they have ended, at most stop_timeout_ms; then gives up the rest.
  // Blocks.
  void stop_all();

 private:
  // A source that was asked to stop, and what comes after it.
  struct Stopping {
    std::unique_ptr<Source> source;
    uint64_t deadline_ms = 0;
    std::unique_ptr<SourceSpec> next;
    bool withdraw = false;  // its rows, once it has ended
  };
  void stop(const std::string& name, bool withdraw);
  void start(SourceSpec spec);
  void finish_stopping();

  Loop& loop_;
  Router& router_;
  const Clock& clock_;
  SourceEvents& events_;
  std::map<std::string, std::unique_ptr<Source>> running_;
  std::vector<Stopping> stopping_;
  std::map<std::string, Publisher> publishers_;  // of every name there ever was
  uint64_t abandoned_ = 0;
};

}  // namespace btb
