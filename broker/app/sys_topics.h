// SysTopics: the broker's own figures as ordinary state topics: $SYS/broker (a row a figure),
// $SYS/ends (a row a reason why sessions ended), $SYS/goodbyes (a row a reason that clients gave),
// $SYS/turned_away (a row a limit that left no place for a session), $SYS/refusals (a row a reason
// why requests were refused), $SYS/sources (a row a source). A row is published only when it
// changed, and deleted when what it tells of is gone. Resource; [loop] thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "broker/routing/router.h"
#include "broker/session/sessions.h"
#include "broker/source/sources.h"

namespace btb {

// What only the application counts, since the broker was started.
struct BrokerCounters {
  uint64_t out_of_descriptors = 0;  // times that no connection could be accepted for want of them
  uint64_t log_lines_lost = 0;
  uint64_t log_lines_repeated = 0;  // counted instead of written
};

class SysTopics {
 public:
  SysTopics(Router& router, const Sessions& sessions, const Sources& sources, int64_t started_us)
      : router_(router), sessions_(sessions), sources_(sources), started_us_(started_us) {}
  SysTopics(const SysTopics&) = delete;
  SysTopics& operator=(const SysTopics&) = delete;

  void publish(const BrokerCounters& counters);

 private:
  using Rows = std::map<std::string, std::string>;  // JSON by key

  void row(const std::string& topic, const std::string& key, const std::string& json);
  void delete_all_but(const std::string& topic, const std::set<std::string>& keys);

  Router& router_;
  const Sessions& sessions_;
  const Sources& sources_;
  const int64_t started_us_;
  std::map<std::string, Rows> published_;  // by topic
};

// Bytes of memory that are resident now; 0 if the system does not say. [any]
uint64_t resident_bytes();

}  // namespace btb
