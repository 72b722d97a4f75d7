// SysTopics: publishes the broker's own figures as ordinary state topics.
//
//   $SYS/broker       one row for each figure
//   $SYS/ends         one row for each reason why sessions ended
//   $SYS/goodbyes     one row for each reason that clients gave in their goodbye
//   $SYS/turned_away  one row for each limit that left no place for a session
//   $SYS/refusals     one row for each reason why requests were refused
//   $SYS/sources      one row for each source
//
// A row is published only if it changed. The row of a source that is gone is deleted. Resource;
// [loop] thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "broker/routing/router.h"
#include "broker/session/sessions.h"
#include "broker/source/sources.h"

namespace btb {

// Figures that only the application knows, counted since the broker was started.
struct BrokerCounters {
  uint64_t out_of_descriptors = 0;  // see Endpoints::out_of_descriptors
  uint64_t log_lines_lost = 0;      // lines of the journal; see EventLog::lost
  uint64_t log_lines_repeated = 0;  // lines of the journal; see SessionLog::held
};

class SysTopics {
 public:
  SysTopics(Router& router, const Sessions& sessions, const Sources& sources, int64_t started_us)
      : router_(router), sessions_(sessions), sources_(sources), started_us_(started_us) {}
  SysTopics(const SysTopics&) = delete;
  SysTopics& operator=(const SysTopics&) = delete;

  // Call it once in every sys_interval. A row that is refused, because memory is short, is
  // published by the next call.
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

// The resident memory of this process, in bytes; 0 if the system does not tell it. [any]
uint64_t resident_bytes();

}  // namespace btb
