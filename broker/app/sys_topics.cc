#include "broker/app/sys_topics.h"

#include <unistd.h>

#include <fstream>

#include "broker/app/describe.h"

namespace btb {

uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t pages_total = 0;
  uint64_t pages_resident = 0;
  statm >> pages_total >> pages_resident;
  return pages_resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

void SysTopics::row(std::string_view topic_name, const std::string& key, const std::string& json) {
  std::string& known = published_[std::string(topic_name) + '\n' + key];
  if (known == json) return;
  known = json;
  Topic* topic = router_.find_or_make(topic_name);
  if (topic == nullptr) return;
  Message message;
  message.key = as_bytes(key);
  message.payload = as_bytes(json);
  router_.publish(*topic, message);
}

void SysTopics::publish() {
  const auto figure = [this](const char* name, uint64_t value) {
    row("$SYS/broker", name, std::to_string(value));
  };
  row("$SYS/broker", "version", "\"" BTB_VERSION "\"");
  figure("started_us", static_cast<uint64_t>(started_us_));
  figure("sessions", sessions_.count());
  figure("sessions_accepted", sessions_.accepted());
  figure("topics", router_.topic_count());
  figure("resident_bytes", resident_bytes());
  for (const auto& [reason, count] : sessions_.ends()) {
    row("$SYS/ends", std::string(wire::name_of(reason)), std::to_string(count));
  }
  sources_.for_each([this](const Source& source) {
    row("$SYS/sources", source.spec().name,
        describe(source).dump(-1, ' ', false, Json::error_handler_t::replace));
  });
}

}  // namespace btb
