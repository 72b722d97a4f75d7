// Sources: all sources that run, by name. It starts, stops, replaces and drains them. A source that
// is asked to stop stays here until its thread has ended or was given up, and its rows are deleted.
// Resource; [loop] thread.
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
  // REQUIRES: stop_all was called.
  ~Sources() = default;
  Sources(const Sources&) = delete;
  Sources& operator=(const Sources&) = delete;

  // From the request to stop until a thread is given up.
  uint32_t stop_timeout_ms = limits::source_stop_timeout_ms;

  // Starts a source. If there is one of the same name, that one is stopped first. The new one
  // starts when the old one has ended. With the same plugin it goes on after the old one's last
  // batch.
  void add(SourceSpec spec);
  // Stops a source, and deletes the rows of the topics in which only this source published.
  void remove(const std::string& name);
  // Null if there is no such source, or if it is stopping. Valid until it is removed or replaced.
  [[nodiscard]] Source* find(const std::string& name) const;
  // Also visits the sources that are stopping.
  void for_each(const std::function<void(const Source&)>& visit) const;
  // The name of the source with this number, even if it is gone; empty if there never was one.
  // Valid as long as this object.
  [[nodiscard]] std::string_view name_of(Publisher publisher) const;
  // The number of threads that were given up since the start.
  [[nodiscard]] uint64_t abandoned() const { return abandoned_; }

  // Publishes the batches of all sources, each within its budget; true if there is more to do. Call
  // it once a turn.
  bool drain();
  // Call it about once a second.
  void tick();
  // Stops all sources. Blocks until they have ended; gives up threads that take longer than
  // stop_timeout_ms.
  void stop_all();

 private:
  // A source that was asked to stop.
  struct Stopping {
    std::unique_ptr<Source> source;
    uint64_t deadline_ms = 0;          // then its thread is given up
    std::unique_ptr<SourceSpec> next;  // started after it; null: none
    bool withdraw = false;             // its rows are deleted when it has ended
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
  std::map<std::string, Publisher> publishers_;  // the number of each name; kept for ever
  uint64_t abandoned_ = 0;
};

}  // namespace btb
