// ServiceQuery: asks one device over BR/EDR which brokers it has (SDP). It works in the loop of its
// owner: poll fd() for events(), for up to timeout_ms(), then call turn(). Resource; one thread;
// never waits. Its link stays up for two seconds more, so that connecting right after it is quick.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sdk/base/clock.h"
#include "sdk/base/unique_fd.h"
#include "sdk/bluez/service_record.h"
#include "sdk/transport/endpoint.h"

namespace btb::client {

class ServiceQuery {
 public:
  // `adapter` as in Way. Errors: those of begin_connect. The clock outlives it.
  static Result<std::unique_ptr<ServiceQuery>> begin(const std::string& address,
                                                     const std::string& adapter,
                                                     const Clock& clock);

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] short events() const;
  [[nodiscard]] int timeout_ms() const;
  // False once it is over: the device answered or refused, or 8 s have passed.
  bool turn();

  // Empty if the device did not answer. Valid as long as the query.
  [[nodiscard]] const std::vector<bluez::ServiceRecord>& records() const { return records_; }
  // The number of broken records and broken answers.
  [[nodiscard]] size_t left_out() const { return left_out_; }

 private:
  ServiceQuery(UniqueFd fd, Endpoint endpoint, const Clock& clock);
  bool ask(Bytes continuation);
  bool take_answer();

  UniqueFd fd_;
  const Endpoint endpoint_;
  const Clock& clock_;
  uint64_t until_ms_;
  bool connected_ = false;
  uint16_t transaction_ = 0;
  ByteVector answer_;  // the pieces so far
  std::vector<bluez::ServiceRecord> records_;
  size_t left_out_ = 0;
};

}  // namespace btb::client
