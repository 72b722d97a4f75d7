// Bluetooth: all that the application does about Bluetooth besides listening. It announces the
// broker, tells admission about the adapters, and ends links that no session uses. Without a
// Bluetooth listener it does nothing. Resource; [loop] thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/admission/admission.h"
#include "broker/admission/unused_links.h"
#include "broker/app/endpoints.h"
#include "broker/discovery/discovery.h"
#include "broker/loop/loop.h"
#include "sdk/base/clock.h"

namespace btb {

class Bluetooth final : private Air, private UnusedLinks::Radio {
 public:
  // Receives events for the journal. `what` is the word of the event, `text` is for people. `good`:
  // this change is an improvement.
  using Tell = std::function<void(bool good, const std::string& what, const std::string& text)>;

  // All of these outlive it. Sets `admission.air` to itself, and to null in the destructor.
  Bluetooth(Loop& loop, const Clock& clock, Admission& admission, const Endpoints& endpoints,
            Tell tell);
  ~Bluetooth();
  Bluetooth(const Bluetooth&) = delete;
  Bluetooth& operator=(const Bluetooth&) = delete;

  // Announces the endpoints that are open now, instead of what was announced before. `site`: the
  // number by which clients tell brokers apart; see bluez::site_of. False, and nothing is
  // announced, if no open endpoint is a Bluetooth one.
  bool announce(const std::string& broker_name, uint16_t site);
  // Ends the announcement.
  void stop() { discovery_.reset(); }
  // Call it once a second.
  void tick();
  // A session ended. `adapter` and `device` are addresses; `adapter` is empty if the session did
  // not come over Bluetooth. `classic`: it came over BR/EDR, not over LE.
  void session_ended(const std::string& adapter, const std::string& device, bool classic);
  enum class Enrol : uint8_t {
    done,
    no_listener,   // the broker does not listen on Bluetooth
    no_bluetoothd  // there is no bluetoothd, or it has no adapter that the broker listens on
  };
  // Lets devices pair during the next `seconds`. 0: ends this at once.
  [[nodiscard]] Enrol enrol(uint32_t seconds);
  // How often each event was told since the start, by its word.
  [[nodiscard]] const std::map<std::string, uint64_t>& events() const { return events_; }

 private:
  // Air
  [[nodiscard]] bool calls_back(const std::string& adapter) const override;
  [[nodiscard]] std::vector<Adapter> adapters() const override;
  // UnusedLinks::Radio
  void drop_link(const std::string& adapter, const std::string& device) override;
  void drop_link_of_stranger(const std::string& adapter, const std::string& device,
                             std::function<bool()> still) override;

  [[nodiscard]] bool listens_on_classic(const bluez::AdapterState& adapter) const;
  void look_at_classic_links();

  Loop& loop_;
  const Clock& clock_;
  Admission& admission_;
  const Endpoints& endpoints_;
  Tell tell_;
  std::map<std::string, uint64_t> events_;
  UnusedLinks unused_links_;
  uint32_t link_ticks_ = 0;               // counts ticks; links are looked at every few of them
  std::unique_ptr<Discovery> discovery_;  // null: no listener is a Bluetooth one
};

}  // namespace btb
