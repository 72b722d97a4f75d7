// Roaming: listens to the air for a Client. It finds a broker that was not named. It finds a broker
// again that moved. For a client that let go of its place, it hears when the broker has something
// new. It remembers the broker in a file for the next time.
//
// It works in the client's loop. Poll fd() (-1: not listening) for events(), for up to timeout_ms()
// (-1: no limit), beside the client's own descriptor. Then call the client's ready() and turn().
// Listening costs power, so Roaming listens only without a connection, and less often the longer
// it hears nothing. Resource; the client's thread; never waits. Borrows the client and the clock.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sdk/client/client.h"
#include "sdk/client/search.h"

namespace btb::bluez {
struct ScanOptions;
}

namespace btb::client {

struct RoamingOptions {
  bool searches = false;  // also finds a broker that was not named
  // Gives up after one whole look that hears no broker, or only brokers that were tried, and after
  // four looks in any case. Never gives up after a first session.
  bool gives_up = false;
  std::string adapter = {};      // the adapter to listen with; empty: all
  std::string memory = {};       // file that names the last broker; empty: none
  uint32_t le_ms = 3'000;        // one look: time to listen on LE
  uint32_t classic_ms = 11'000;  // then time for an inquiry; a whole one takes 10.24 s
};

class Roaming {
 public:
  // Gets texts for people: "looking for a broker over Bluetooth".
  using Tell = std::function<void(const std::string& text)>;
  // Begins a search. Finder::begin by default; its errors are the same.
  using BeginSearch =
      std::function<Result<std::unique_ptr<Search>>(const bluez::ScanOptions&, const Clock&)>;

  Roaming(Client& client, RoamingOptions options, const Clock& clock, Tell tell,
          BeginSearch begin_search = begin_finder);
  ~Roaming();
  Roaming(const Roaming&) = delete;
  Roaming& operator=(const Roaming&) = delete;

  [[nodiscard]] int fd() const { return search_ == nullptr ? -1 : search_->fd(); }
  [[nodiscard]] short events() const { return search_ == nullptr ? short{0} : search_->events(); }
  [[nodiscard]] int timeout_ms() const;
  void turn();
  // Why it gave up, if it did. `not_found`: no broker is in reach. `refused`: a broker was found,
  // and the client's most_telling_ending() says why there is no session.
  [[nodiscard]] const std::optional<Error>& gave_up() const { return gave_up_; }

 private:
  static Result<std::unique_ptr<Search>> begin_finder(const bluez::ScanOptions& options,
                                                      const Clock& clock);

  enum class Wanted : uint8_t { nothing, broker, news };

  [[nodiscard]] Wanted wanted() const;
  void begin(Wanted wanted);
  void listen();
  void listen_for_news(bool goes_on);
  void stop_listening();
  void go();
  void nobody(const std::string& why);
  void pause();
  [[nodiscard]] bool ever() const;
  [[nodiscard]] bool may_give_up() const;
  void cannot_hear();
  [[nodiscard]] bool has_news(const NearBroker& broker) const;
  [[nodiscard]] bool found_ways(bool all);
  [[nodiscard]] bool tries_again(bool all, bool others) const;
  void remember();

  Client& client_;
  const RoamingOptions options_;
  const Clock& clock_;
  Tell tell_;
  BeginSearch begin_search_;
  Jitter jitter_;
  Wanted listening_for_ = Wanted::nothing;
  std::unique_ptr<Search> search_;
  uint64_t next_ms_ = 0;   // the next look begins then at the earliest
  uint64_t since_ms_ = 0;  // when the first look since the last session began
  uint32_t looks_ = 0;     // since the last session
  // The last session, and its broker.
  uint64_t session_ = 0;
  uint16_t site_ = 0;
  Endpoint endpoint_;
  bool on_air_ = false;
  std::set<std::string> tried_;  // endpoints that were found here and tried, since the last session
  uint64_t collects_until_ms_ = 0;  // until then this look waits for more brokers
  bool heard_all_ = false;          // the last look was whole, and the client took all its ways
  std::vector<std::pair<Endpoint, uint16_t>> heard_;  // the ways of the last look, and their sites
  std::vector<Way> ways_;                             // for the client, once the search has stopped
  bool stopping_ = false;                             // the search is being stopped
  bool deaf_ = false;                                 // the last look failed
  bool announces_ = false;                            // the broker was heard over LE
  bool inquires_ = false;                             // this look makes an inquiry
  std::optional<Error> gave_up_;
};

}  // namespace btb::client
