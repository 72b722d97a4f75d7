#include "sdk/client/roaming.h"

#include <algorithm>

#include "sdk/client/last_broker.h"

namespace btb::client {

namespace {

// Between two times of looking around: an eighth of the time it has been away.
constexpr uint64_t pause_min_ms = 200, pause_max_ms = 15'000;
// Of those that let go: half of the time they listen.
constexpr uint32_t news_listen_ms = 3'000, news_pause_ms = 3'000;
// Inquiry takes long and hears no advertisements meanwhile: every so many times.
constexpr uint32_t inquiry_every = 4;
constexpr uint32_t asking_ms = 10'000;  // at most, for service records

}  // namespace

Roaming::Roaming(Client& client, RoamingOptions options, const Clock& clock, Tell tell)
    : client_(client), options_(std::move(options)), clock_(clock), tell_(std::move(tell)) {}

Roaming::~Roaming() = default;

int Roaming::timeout_ms() const {
  if (finder_ != nullptr) return finder_->timeout_ms();
  if (wanted() == Wanted::nothing) return -1;
  const uint64_t now = clock_.mono_ms();
  return now >= next_ms_ ? 0 : static_cast<int>(next_ms_ - now);
}

// A connection that was lost is tried again before anybody looks around: often it was only a moment
// out of reach.
Roaming::Wanted Roaming::wanted() const {
  if (client_.state() != Client::State::waiting || gave_up_) return Wanted::nothing;
  if (client_.ending().reason == wire::Reason::let_go) return Wanted::news;
  const bool tried = client_.ways().empty() || client_.rounds_failed() != 0;
  const bool could = options_.searches || site_ != 0;
  return could && tried ? Wanted::broker : Wanted::nothing;
}

void Roaming::turn() {
  remember();
  const Wanted now_wanted = wanted();
  if (finder_ != nullptr && now_wanted != listening_for_) {
    finder_.reset();
    client_.hold_until(0);
  }
  if (finder_ != nullptr) return listen();
  if (now_wanted == Wanted::nothing || clock_.mono_ms() < next_ms_) return;
  begin(now_wanted);
}

void Roaming::begin(Wanted wanted) {
  const bool for_broker = wanted == Wanted::broker;
  const bool inquires = for_broker && looks_ % inquiry_every == 0;
  bluez::ScanOptions scan;
  scan.adapter = options_.adapter;
  scan.le_ms = for_broker ? options_.le_ms : news_listen_ms;
  scan.classic_ms = inquires ? options_.classic_ms : 0;
  if (for_broker && looks_ == 0) {
    tell_("looking for " + std::string(site_ == 0 ? "a broker" : "it") + " over Bluetooth");
  }
  if (for_broker && looks_++ == 0) since_ms_ = clock_.mono_ms();
  listening_for_ = wanted;
  auto finder = Finder::begin(scan, clock_);
  if (!finder) return nobody(finder.error().text);
  if (for_broker) client_.hold_until(clock_.mono_ms() + scan.le_ms + scan.classic_ms + asking_ms);
  finder_ = std::move(*finder);
  listen();
}

void Roaming::listen() {
  const bool goes_on = finder_->turn();
  if (listening_for_ == Wanted::news) return listen_for_news(goes_on);
  if (take_ways(!goes_on)) {
    finder_.reset();
    pause();
  } else if (!goes_on) {
    nobody(finder_->fault() ? finder_->fault()->text : "no broker in reach");
  }
}

// Who cannot listen asks.
void Roaming::listen_for_news(bool goes_on) {
  const auto brokers = finder_->brokers();
  const bool news = std::any_of(brokers.begin(), brokers.end(),
                                [this](const NearBroker& one) { return has_news(one); });
  const bool deaf = finder_->fault().has_value();
  if (goes_on && !news) return;
  finder_.reset();
  next_ms_ = clock_.mono_ms() + news_pause_ms;
  if (news || deaf) client_.try_now();
}

void Roaming::nobody(const std::string& why) {
  finder_.reset();
  const bool ever = client_.conversation().counters().sessions != 0;
  if (options_.gives_up && !ever) {
    gave_up_ = Error{Errc::not_found, "over Bluetooth: " + why};
    return;
  }
  pause();
}

// Between two looks the client may try the ways it knows.
void Roaming::pause() {
  client_.hold_until(0);
  const uint64_t now = clock_.mono_ms();
  next_ms_ = now + std::clamp((now - since_ms_) / 8, pause_min_ms, pause_max_ms);
}

// The one of before, once there was one.
bool Roaming::is_ours(const NearBroker& broker) const {
  return site_ == 0 || broker.site == site_;
}

bool Roaming::has_news(const NearBroker& broker) const {
  const auto here = [this](const HeardWay& heard) {
    return heard.way.endpoint.address == client_.way().endpoint.address;
  };
  const bool same =
      site_ != 0 ? broker.site == site_ : std::any_of(broker.ways.begin(), broker.ways.end(), here);
  return same && broker.epoch && *broker.epoch != client_.ending().announced_epoch;
}

// Gives the client what was heard, if that leads anywhere. At the end of looking around (`all`)
// brokers without a place are better than none: they say so themselves, unless they just did.
bool Roaming::take_ways(bool all) {
  const bool was_full = client_.ending().reason == wire::Reason::full;
  std::vector<Way> ways;
  for (const NearBroker& broker : finder_->brokers()) {
    if (!is_ours(broker)) continue;
    if (!broker.has_place() && (!all || was_full)) continue;
    for (const HeardWay& heard : broker.ways) ways.push_back(heard.way);
  }
  if (ways.empty()) return false;
  tell_("found a broker at " + to_string(ways.front().endpoint));
  client_.set_ways(std::move(ways));
  return true;
}

void Roaming::remember() {
  if (client_.state() != Client::State::open) return;
  const Session& session = client_.conversation().session();
  looks_ = 0;
  if (session.number == session_ && session.site == site_) return;
  session_ = session.number;
  site_ = session.site;
  if (options_.memory.empty() || !is_bluetooth(client_.way().endpoint)) return;
  const LastBroker broker{client_.way().endpoint, session.broker_name, session.site,
                          clock_.now_us()};
  // A memory that cannot be kept costs a little time, and nothing else.
  (void)write_last_broker(options_.memory, broker).ok();
}

}  // namespace btb::client
