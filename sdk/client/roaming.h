// Roaming: keeps a Client at its broker where that takes listening to the air: finds a broker that
// was not named, finds it again where it went, and, for a client that let go of its place, hears
// when there is something new for it. Remembers the broker for the next time.
//
// It lives in the loop of the client: after the client's turn call turn(), and poll fd() (-1: not
// listening) for events() for up to timeout_ms() as well. Listening costs power, so it is done only
// without a connection, and less often the longer nothing is heard. Resource; one thread; never
// waits. Borrows the client and the clock.
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
  bool searches = false;  // finds a broker that was not named, too
  // Once a whole look hears nobody but those who were tried, or after four looks at whoever says
  // that he is a broker; as long as there never was a session.
  bool gives_up = false;
  std::string adapter = {};      // to listen with; empty: all
  std::string memory = {};       // file for the broker that worked last; empty: none
  uint32_t le_ms = 3'000;        // of looking around
  uint32_t classic_ms = 11'000;  // behind it, if nobody was heard; a whole inquiry takes 10.24 s
};

class Roaming {
 public:
  // For people: "looking for a broker over Bluetooth".
  using Tell = std::function<void(const std::string& text)>;
  // Errors: those of Finder::begin, which it is by default.
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
  // Why it gave up, if it did. `not_found`: nobody is in reach. `refused`: somebody is, and the
  // client's most_telling_ending() says what became of it.
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
  uint64_t next_ms_ = 0;   // not before
  uint64_t since_ms_ = 0;  // when it began to look
  uint32_t looks_ = 0;     // since the last session
  // Of the last session, as it was remembered.
  uint64_t session_ = 0;
  uint16_t site_ = 0;
  Endpoint endpoint_;
  bool on_air_ = false;
  std::set<std::string> tried_;  // endpoints that were found here and tried, since the last session
  uint64_t collects_until_ms_ = 0;
  bool heard_all_ = false;  // the ways of the last look are of all that a whole one heard
  std::vector<std::pair<Endpoint, uint16_t>> heard_;  // where the ways of the last look lead
  std::vector<Way> ways_;                             // those, until nobody listens any more
  bool stopping_ = false;                             // to listen
  bool deaf_ = false;                                 // the last look failed
  bool announces_ = false;                            // the broker was heard over LE
  bool inquires_ = false;                             // in this look
  std::optional<Error> gave_up_;
};

}  // namespace btb::client
