// SysTopics: the broker's own figures as ordinary state topics: $SYS/broker (a row a figure),
// $SYS/ends (a row a reason why sessions ended), $SYS/sources (a row a source). A row is published
// only when it changed. Resource; [loop] thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "broker/routing/router.h"
#include "broker/session/sessions.h"
#include "broker/source/sources.h"

namespace btb {

class SysTopics {
 public:
  SysTopics(Router& router, const Sessions& sessions, const Sources& sources, int64_t started_us)
      : router_(router), sessions_(sessions), sources_(sources), started_us_(started_us) {}
  SysTopics(const SysTopics&) = delete;
  SysTopics& operator=(const SysTopics&) = delete;

  void publish();

 private:
  void row(std::string_view topic, const std::string& key, const std::string& json);

  Router& router_;
  const Sessions& sessions_;
  const Sources& sources_;
  const int64_t started_us_;
  std::map<std::string, std::string> published_;  // by topic and key
};

// Bytes of memory that are resident now; 0 if the system does not say. [any]
uint64_t resident_bytes();

}  // namespace btb
