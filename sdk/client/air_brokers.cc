#include "sdk/client/air_brokers.h"

namespace btb::client {

std::vector<Endpoint> endpoints_of(const bluez::Found& found) {
  std::vector<Endpoint> all;
  const auto& said = found.announcement;
  if (!found.random_address && (found.classic || (said && said->classic))) {
    all.push_back({Endpoint::Scheme::l2cap, found.address, bluez::usual_l2cap_psm});
  }
  if (said && said->le_psm != 0) {
    all.push_back({Endpoint::Scheme::le, found.address, said->le_psm, found.random_address});
  }
  return all;
}

Result<Endpoint> find_broker_on_air(const std::string& adapter) {
  bluez::ScanOptions options;
  options.adapter = adapter;
  options.first_only = true;
  const auto heard = bluez::scan(options);
  if (!heard) return heard.error();
  size_t full = 0;
  for (const bluez::Found& found : *heard) {
    if (found.announcement && found.announcement->free_places == 0) {
      ++full;
      continue;
    }
    const auto endpoints = endpoints_of(found);
    if (!endpoints.empty()) return endpoints.front();
  }
  if (full != 0) {
    return Error{Errc::not_found, std::to_string(full) +
                                      (full == 1 ? " broker is" : " brokers are") +
                                      " in reach over Bluetooth, but full"};
  }
  return Error{Errc::not_found, "no broker in reach over Bluetooth"};
}

}  // namespace btb::client
