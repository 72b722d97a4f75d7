#include "sdk/cli/scan_command.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "sdk/cli/output.h"
#include "sdk/cli/table.h"
#include "sdk/cli/time_text.h"
#include "sdk/client/air_brokers.h"

namespace btb::cli {

namespace {

using Json = nlohmann::json;

constexpr int inquiry_ms = 11'000;  // a little more than the 10.24 s of a whole inquiry

Json describe(const bluez::Found& found) {
  Json endpoints = Json::array();
  for (const Endpoint& endpoint : client::endpoints_of(found)) {
    endpoints.push_back(to_string(endpoint));
  }
  Json json = {{"name", found.name}, {"address", found.address}, {"endpoints", endpoints}};
  if (found.rssi != 0) json["signal_dbm"] = found.rssi;
  if (found.announcement) {
    json["free_places"] = found.announcement->free_places;
    json["epoch"] = found.announcement->epoch;
    json["site"] = found.announcement->site;
  }
  return json;
}

}  // namespace

int scan_for_brokers(const Program& program, const ScanWords& words, bool json) {
  const auto time = parse_wait_ms(words.seconds);
  if (!time) return static_cast<int>(program.usage("--seconds: " + time.error().text));
  bluez::ScanOptions options;
  options.adapter = program.adapter();
  options.le_ms = static_cast<int>(*time);
  options.classic_ms = words.inquiry ? inquiry_ms : 0;
  const auto heard = bluez::scan(options);
  if (!heard) {
    program.error(heard.error().text);
    return static_cast<int>(Exit::error);
  }
  Json all = Json::array();
  for (const bluez::Found& found : *heard) all.push_back(describe(found));
  Output output(STDOUT_FILENO);
  if (json) {
    output.buffer() = all.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  } else if (all.empty()) {
    program.note(words.inquiry ? "no broker in reach"
                               : "no broker in reach; one that does not listen on LE is found with "
                                 "--inquiry only");
  } else {
    output.buffer() = table(all, {"name", "address", "signal_dbm", "free_places", "endpoints"},
                            program.verbose());
  }
  output.flush();
  return static_cast<int>(Exit::ok);
}

}  // namespace btb::cli
