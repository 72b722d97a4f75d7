// Finder: looks for brokers over Bluetooth. A broker that is heard over several adapters and kinds
// of links is one broker with several ways to it.
//
// An advertisement says enough to connect. Some brokers do not advertise and only answer an
// inquiry, so each device that answers an inquiry is asked for its service records. Search says how
// to use it in a loop. Resource; one thread; never waits.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "sdk/bluez/scan.h"
#include "sdk/client/search.h"
#include "sdk/client/service_query.h"

namespace btb::client {

// A device, and its service records. They are empty if it was not asked or did not answer.
struct HeardDevice {
  bluez::Found found;
  std::vector<bluez::ServiceRecord> records;
};

// Makes one broker of all devices with one site. Pure.
std::vector<NearBroker> brokers_of(const std::vector<HeardDevice>& devices);

class Finder final : public Search {
 public:
  // The longest time to ask for service records, all devices together.
  static constexpr uint32_t asking_ms_max = 10'000;

  // Errors: those of bluez::Scan. The clock outlives it.
  static Result<std::unique_ptr<Finder>> begin(const bluez::ScanOptions& options,
                                               const Clock& clock);

  [[nodiscard]] int fd() const override;
  [[nodiscard]] short events() const override;
  [[nodiscard]] int timeout_ms() const override;
  bool turn() override;
  void stop() override;
  [[nodiscard]] std::vector<NearBroker> brokers() const override;
  [[nodiscard]] const std::optional<Error>& fault() const override { return fault_; }
  // Broken service records under our UUID.
  [[nodiscard]] size_t records_left_out() const { return records_left_out_; }
  // As bluez::Scan::left_out, once the scan is over.
  [[nodiscard]] size_t devices_left_out() const { return devices_left_out_; }

 private:
  Finder(std::unique_ptr<bluez::Scan> scan, const Clock& clock)
      : scan_(std::move(scan)), clock_(clock) {}
  bool ask_next();

  std::unique_ptr<bluez::Scan> scan_;  // null once it is over: asking needs the radio
  const Clock& clock_;
  std::optional<Error> fault_;
  std::vector<HeardDevice> asked_;  // once the scan is over
  size_t asking_ = 0;               // index in asked_ of the device that is asked now
  size_t queries_ = 0;
  uint64_t asking_until_ms_ = 0;
  std::unique_ptr<ServiceQuery> query_;
  size_t records_left_out_ = 0;
  size_t devices_left_out_ = 0;
  bool stopped_ = false;
};

}  // namespace btb::client
