// The parts of Roaming: whether to listen and for what (wanted, turn), one look (begin to go), the
// pauses between looks, and the choice of ways from the brokers that were heard.
#include "sdk/client/roaming.h"

#include <algorithm>

#include "sdk/client/finder.h"
#include "sdk/client/last_broker.h"

namespace btb::client {

namespace {

// The pause between two looks is an eighth of the time since the first look, within these bounds.
constexpr uint64_t pause_min_ms = 200, pause_max_ms = 15'000;
// After this time without a broker the pause is long.
constexpr uint64_t long_away_ms = 3'600'000, long_pause_ms = 60'000;
// A client that let go of its place listens half of the time.
constexpr uint32_t news_listen_ms = 3'000, news_pause_ms = 3'000;
constexpr uint32_t news_spread_ms = 500;  // spreads the clients that heard the news at once
constexpr uint32_t page_every = 4, page_every_if_never_heard = 2;
constexpr int long_wait_ms = 1'000;
constexpr uint64_t next_look_ms = 1'000;  // by then it has begun
constexpr uint32_t asks_every_ms = 30'000;
constexpr uint32_t bluetoothd_ms_max = 10'000;  // to begin and to end a look
// One look in this many makes an inquiry. It takes long, and hears no advertisements meanwhile.
constexpr uint32_t inquiry_every = 4;
// A way that has just failed is tried again only after this time, so that others may be heard.
constexpr uint64_t others_first_ms = 1'000;
// A client that may give up does so after this many looks.
constexpr uint32_t looks_max = 4;
constexpr size_t tried_max = 256;

}  // namespace

Roaming::Roaming(Client& client, RoamingOptions options, const Clock& clock, Tell tell,
                 BeginSearch begin_search)
    : client_(client),
      options_(std::move(options)),
      clock_(clock),
      tell_(std::move(tell)),
      begin_search_(std::move(begin_search)),
      jitter_(jitter_seed(clock, this)) {}

Roaming::~Roaming() = default;

Result<std::unique_ptr<Search>> Roaming::begin_finder(const bluez::ScanOptions& options,
                                                      const Clock& clock) {
  auto finder = Finder::begin(options, clock);
  if (!finder) return finder.error();
  return std::unique_ptr<Search>(std::move(*finder));
}

int Roaming::timeout_ms() const {
  const uint64_t now = clock_.mono_ms();
  if (search_ != nullptr) {
    const int wait = search_->timeout_ms();
    if (now >= collects_until_ms_) return wait;
    return std::min(wait, static_cast<int>(collects_until_ms_ - now));
  }
  if (wanted() == Wanted::nothing) return -1;
  return now >= next_ms_ ? 0 : static_cast<int>(next_ms_ - now);
}

// After a connection was lost, the client tries all its ways before Roaming looks around: often the
// broker was out of reach only for a moment. After a session Roaming looks only for that broker,
// and only if it is on the air. For a broker on this machine the client just waits.
Roaming::Wanted Roaming::wanted() const {
  if (client_.state() != Client::State::waiting || gave_up_) return Wanted::nothing;
  if (client_.ending().reason == wire::Reason::let_go) return Wanted::news;
  const bool tried =
      client_.ways().empty() || (client_.rounds_failed() != 0 && !client_.in_round());
  // Sessions that were short, one after the other, make the pauses long.
  const bool waits_long = ever() && client_.timeout_ms() > long_wait_ms;
  const bool could = ever() ? on_air_ && site_ != 0 : options_.searches;
  return could && (tried || waits_long) ? Wanted::broker : Wanted::nothing;
}

bool Roaming::ever() const {
  return client_.conversation().counters().sessions != 0;
}

bool Roaming::may_give_up() const {
  return options_.gives_up && !ever();
}

void Roaming::turn() {
  remember();
  const Wanted now_wanted = wanted();
  if (search_ != nullptr && now_wanted != listening_for_) {
    search_.reset();
    stopping_ = false;
    client_.hold_until(0);
  }
  if (search_ != nullptr) return listen();
  if (now_wanted == Wanted::nothing || clock_.mono_ms() < next_ms_) return;
  const bool enough = heard_all_ || looks_ >= looks_max;
  if (now_wanted == Wanted::broker && may_give_up() && !tried_.empty() && enough) {
    gave_up_ = Error{Errc::refused, "over Bluetooth: nobody who was heard lets us in"};
    return;
  }
  begin(now_wanted);
}

void Roaming::begin(Wanted wanted) {
  const bool for_broker = wanted == Wanted::broker;
  // After a session an inquiry is rarer: the broker advertises, or the client pages its old
  // address.
  const uint32_t last = ever() ? 2 * inquiry_every - 1 : 0;
  inquires_ = for_broker &&
              (looks_ % (ever() ? 2 * inquiry_every : inquiry_every) == last || may_give_up());
  bluez::ScanOptions scan;
  scan.adapter = options_.adapter;
  scan.le_ms = for_broker ? options_.le_ms : news_listen_ms;
  scan.classic_ms = inquires_ ? options_.classic_ms : 0;
  if (for_broker && looks_ == 0) {
    tell_("looking for " + std::string(ever() ? "it" : "a broker") + " over Bluetooth");
  } else if (for_broker && may_give_up()) {
    tell_("looking for another broker over Bluetooth");
  }
  if (for_broker && looks_++ == 0) since_ms_ = clock_.mono_ms();
  collects_until_ms_ = 0;
  if (!tried_.empty()) {
    collects_until_ms_ = clock_.mono_ms() + (ever() ? others_first_ms : options_.le_ms);
  }
  listening_for_ = wanted;
  auto search = begin_search_(scan, clock_);
  deaf_ = !search;
  if (!search) return for_broker ? nobody(search.error().text) : cannot_hear();
  if (for_broker) {
    client_.hold_until(clock_.mono_ms() + scan.le_ms + scan.classic_ms + Finder::asking_ms_max +
                       bluetoothd_ms_max);
  }
  search_ = std::move(*search);
  listen();
}

void Roaming::listen() {
  const bool goes_on = search_->turn();
  if (stopping_) {
    if (!goes_on) go();
  } else if (listening_for_ == Wanted::news) {
    listen_for_news(goes_on);
  } else if (found_ways(!goes_on)) {
    stop_listening();
  } else if (!goes_on) {
    deaf_ = search_->fault().has_value();
    const char* nobody_heard = tried_.empty() ? "no broker in reach" : "nobody else in reach";
    nobody(search_->fault() ? search_->fault()->text : nobody_heard);
  }
}

void Roaming::listen_for_news(bool goes_on) {
  const auto brokers = search_->brokers();
  const bool news = std::any_of(brokers.begin(), brokers.end(),
                                [this](const NearBroker& one) { return has_news(one); });
  const bool deaf = search_->fault().has_value();
  if (news) return stop_listening();
  if (goes_on) return;
  search_.reset();
  next_ms_ = clock_.mono_ms() + news_pause_ms;
  if (deaf) cannot_hear();
}

// Before the client connects: a device that is heard while it is connected is removed by bluetoothd
// 5.66 half a minute later, with its links.
void Roaming::stop_listening() {
  stopping_ = true;
  search_->stop();
  if (!search_->turn()) go();
}

void Roaming::go() {
  search_.reset();
  stopping_ = false;
  if (listening_for_ == Wanted::news) {
    next_ms_ = clock_.mono_ms() + news_pause_ms;
    return client_.try_within(jitter_.below(news_spread_ms));
  }
  pause();
  const size_t found = ways_.size();
  client_.set_ways(std::move(ways_));
  heard_all_ = heard_all_ && client_.ways().size() == found;  // it takes so many at most
  // One that comes back may have failed for being at the edge of reach: it waits once for others.
  if (ever() || tried_.size() > tried_max) tried_.clear();
  for (const Way& way : client_.ways()) tried_.insert(to_string(way.endpoint));
}

// A client that cannot listen connects now and then, to ask.
void Roaming::cannot_hear() {
  next_ms_ = clock_.mono_ms() + asks_every_ms;
  client_.try_within(asks_every_ms);
}

void Roaming::nobody(const std::string& why) {
  search_.reset();
  if (may_give_up()) {
    // A broker that answered, but is full for example, counts as found.
    const bool found = !tried_.empty() || client_.most_telling_ending().weight() != 0;
    gave_up_ = Error{found ? Errc::refused : Errc::not_found, "over Bluetooth: " + why};
    return;
  }
  if (ever()) tried_.clear();
  pause();
}

// Between two looks the client may try the ways it knows. Before the first session it does so each
// time. After it, only now and then: paging in vain takes five seconds in which nothing is heard.
void Roaming::pause() {
  const uint64_t now = clock_.mono_ms();
  const uint64_t away_ms = now - since_ms_;
  const uint64_t wait_ms =
      away_ms < long_away_ms ? std::clamp(away_ms / 8, pause_min_ms, pause_max_ms) : long_pause_ms;
  next_ms_ = now + jitter_.of(static_cast<uint32_t>(wait_ms));
  const uint32_t every = announces_ ? page_every : page_every_if_never_heard;
  const bool pages = !ever() || deaf_ || looks_ % every == 0;
  client_.hold_until(pages ? 0 : next_ms_ + next_look_ms);
}

bool Roaming::has_news(const NearBroker& broker) const {
  const auto here = [this](const HeardWay& heard) {
    return heard.way.endpoint.address == client_.way().endpoint.address;
  };
  const bool same =
      site_ != 0 ? broker.site == site_ : std::any_of(broker.ways.begin(), broker.ways.end(), here);
  return same && std::any_of(broker.epochs.begin(), broker.epochs.end(), [this](uint8_t epoch) {
           return epoch != client_.ending().announced_epoch;
         });
}

// Takes the ways to the brokers heard so far. True if there is one to try. At the end of the look
// (`all`) a broker without a place is better than none, unless a broker has just said "full".
//
// Any device may claim to be a broker, and be heard first. So after an attempt failed, the look
// collects brokers for a while. New ways come first, and then the ways that failed before. If there
// are only ways that failed, it waits for the end of an inquiry, which finds brokers silent on LE.
bool Roaming::found_ways(bool all) {
  const bool collects = !all && clock_.mono_ms() < collects_until_ms_;
  if (collects && !ever()) return false;
  const bool was_full = client_.ending().reason == wire::Reason::full;
  std::vector<Way> ways, again;
  std::vector<std::pair<Endpoint, uint16_t>> sites;
  for (const NearBroker& broker : search_->brokers()) {
    if (ever() && broker.site != site_) continue;
    if (ever() && !broker.epochs.empty()) announces_ = true;
    if (!broker.has_place() && (!all || was_full)) continue;
    for (const HeardWay& heard : broker.ways) {
      (tried_.contains(to_string(heard.way.endpoint)) ? again : ways).push_back(heard.way);
      sites.emplace_back(heard.way.endpoint, broker.site);
    }
  }
  if (tries_again(all, !ways.empty())) ways.insert(ways.end(), again.begin(), again.end());
  if (ways.empty()) return false;
  heard_all_ = all && !search_->fault();
  heard_ = std::move(sites);
  tell_("found a broker at " + to_string(ways.front().endpoint));
  ways_ = std::move(ways);
  return true;
}

// Whether ways that failed before are tried again. `others`: there are new ways as well.
bool Roaming::tries_again(bool all, bool others) const {
  if (ever()) return all || clock_.mono_ms() >= collects_until_ms_;
  return !may_give_up() && (all || others || !inquires_);
}

// The client has a session: remembers its broker, and forgets the ways to other brokers.
void Roaming::remember() {
  if (client_.state() != Client::State::open) return;
  const Session& session = client_.conversation().session();
  const Endpoint& endpoint = client_.way().endpoint;
  looks_ = 0;
  tried_.clear();
  if (session.number == session_ && session.site == site_ && endpoint == endpoint_) return;
  session_ = session.number;
  site_ = session.site;
  endpoint_ = endpoint;
  on_air_ = is_bluetooth(endpoint) || client_.way().heard;
  if (options_.searches) {
    client_.keep_ways([this](const Way& way) {
      return std::any_of(heard_.begin(), heard_.end(), [&](const auto& one) {
        return one.first == way.endpoint && one.second == site_ && site_ != 0;
      });
    });
  }
  if (options_.memory.empty() || !on_air_) return;
  const LastBroker broker{endpoint_, session.broker_name, session.site, clock_.now_us()};
  // A memory that cannot be kept costs a little time, and nothing else.
  (void)write_last_broker(options_.memory, broker).ok();
}

}  // namespace btb::client
