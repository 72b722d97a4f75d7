// All figures are gathered in `publish`; `row` publishes those that changed.
#include "broker/app/sys_topics.h"

#include <unistd.h>

#include <fstream>
#include <iterator>

#include "broker/app/describe.h"

namespace btb {

uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t pages_total = 0;
  uint64_t pages_resident = 0;
  statm >> pages_total >> pages_resident;
  return pages_resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

void SysTopics::publish(const BrokerCounters& counters) {
  const auto figure = [this](const char* name, uint64_t value) {
    row("$SYS/broker", name, std::to_string(value));
  };
  row("$SYS/broker", "version", "\"" BTB_VERSION "\"");
  figure("started_us", static_cast<uint64_t>(started_us_));
  figure("sessions", sessions_.count());
  figure("sessions_accepted", sessions_.accepted());
  figure("topics", router_.topic_count());
  figure("resident_bytes", resident_bytes());
  figure("out_of_descriptors", counters.out_of_descriptors);
  figure("log_lines_lost", counters.log_lines_lost);
  figure("log_lines_repeated", counters.log_lines_repeated);
  for (const auto& [reason, count] : sessions_.ends()) {
    row("$SYS/ends", std::string(wire::name_of(reason)), std::to_string(count));
  }
  for (const auto& [reason, count] : sessions_.goodbyes()) {
    row("$SYS/goodbyes", std::string(wire::name_of(reason)), std::to_string(count));
  }
  for (const auto& [why, count] : sessions_.admission().turned_away()) {
    row("$SYS/turned_away", std::string(name_of(why)), std::to_string(count));
  }
  for (const auto& [reason, count] : sessions_.refusals()) {
    row("$SYS/refusals", std::string(wire::name_of(reason)), std::to_string(count));
  }
  std::set<std::string> names;
  sources_.for_each([&](const Source& source) {
    names.insert(source.spec().name);
    // The texts of a plugin may not be UTF-8; wrong bytes become U+FFFD.
    row("$SYS/sources", source.spec().name,
        describe(source).dump(-1, ' ', false, Json::error_handler_t::replace));
  });
  delete_all_but("$SYS/sources", names);
}

void SysTopics::row(const std::string& topic_name, const std::string& key,
                    const std::string& json) {
  std::string& known = published_[topic_name][key];
  if (known == json) return;
  Topic* topic = router_.find_or_make(topic_name);
  if (topic == nullptr) return;
  Message message;
  message.key = as_bytes(key);
  message.payload = as_bytes(json);
  // If the row is refused, because memory is short, the next call publishes it.
  if (router_.publish(*topic, message).reason == wire::Reason::none) known = json;
}

void SysTopics::delete_all_but(const std::string& topic_name, const std::set<std::string>& keys) {
  Topic* topic = router_.find(topic_name);
  Rows& rows = published_[topic_name];
  for (auto row = rows.begin(); row != rows.end();) {
    Message message;
    message.key = as_bytes(row->first);
    message.deletion = true;
    const bool stays = keys.count(row->first) != 0;
    const bool refused =
        !stays && topic != nullptr && router_.publish(*topic, message).reason != wire::Reason::none;
    if (refused) row->second.clear();  // the next call deletes or publishes it
    row = stays || refused ? std::next(row) : rows.erase(row);
  }
}

}  // namespace btb
