#include "broker/session/sessions.h"

#include <algorithm>
#include <utility>

namespace btb {

namespace {

constexpr size_t piconet_max = 7;
// Of let_go_after: who lets go ahead of need may do so in vain.
constexpr uint64_t ahead_factor = 12;
constexpr uint64_t first_pause_ms = 60'000, longest_pause_ms = 10 * 60'000;
// A link ends some seconds after its last session.
constexpr uint64_t link_end_ms = 10'000;

// After somebody let go so many times in vain.
uint64_t pause_ms(uint32_t in_vain) {
  return std::min(longest_pause_ms, first_pause_ms << std::min(in_vain - 1, 10U));
}

bool stays(const Session& session) {
  return session.state() == Session::State::hello_expected ||
         session.state() == Session::State::open;
}

}  // namespace

std::string_view name_of(SessionEnd::By by) {
  switch (by) {
    case SessionEnd::By::broker:
      return "broker";
    case SessionEnd::By::client:
      return "client";
    case SessionEnd::By::connection:
      return "connection";
  }
  return "unknown";
}

Sessions::Sessions(Loop& loop, Router& router, const Clock& clock, SessionsOwner& owner,
                   std::string broker_name)
    : loop_(loop),
      router_(router),
      clock_(clock),
      owner_(owner),
      broker_name_(std::move(broker_name)),
      now_ms_(clock.mono_ms()),
      now_us_(clock.now_us()),
      announced_epoch_(static_cast<uint8_t>(router.epoch())),
      read_buffer_(limits::read_buffer_bytes + limits::control_frame_bytes_max +
                   wire::frame_alignment) {}

// The sessions first: they hold on to all else here.
Sessions::~Sessions() {
  all_.clear();
}

// It lives as long as a session of this origin, or a topic that one made.
AccountPtr Sessions::account_of(const std::string& origin) {
  if (accounts_.size() >= accounts_swept_at_) {
    std::erase_if(accounts_, [](const auto& entry) { return entry.second.expired(); });
    accounts_swept_at_ = std::max<size_t>(64, 2 * accounts_.size());
  }
  std::weak_ptr<Account>& known = accounts_[origin];
  AccountPtr account = known.lock();
  if (account == nullptr) known = account = std::make_shared<Account>();
  return account;
}

Session& Sessions::add(UniqueFd fd, SessionTraits traits) {
  ++accepted_;
  ++open_;
  ++origins_[traits.origin];
  const uint64_t id = next_id_++;
  auto made = std::make_unique<Session>(*this, id, std::move(fd), std::move(traits));
  Session& session = *made;
  all_.emplace(id, std::move(made));
  handshakes_.emplace(id, &session);
  return session;
}

uint64_t Sessions::can_wait_ms(const Session& session, std::string_view adapter) const {
  if (session.traits().adapter != adapter) return 0;
  const uint64_t idle_ms = session.idle_ms(clock_.mono_ms());
  return idle_ms < limits.let_go_after_ms ? 0 : idle_ms;
}

size_t Sessions::idle_on(std::string_view adapter) const {
  return static_cast<size_t>(std::count_if(all_.begin(), all_.end(), [&](const auto& entry) {
    return can_wait_ms(*entry.second, adapter) != 0;
  }));
}

void Sessions::ask_to_let_go(Session& session, std::string_view text) {
  away_.add(session, router_);
  fb::GoodbyeT goodbye;
  goodbye.reason = wire::Reason::let_go;
  goodbye.text = text;
  goodbye.announced_epoch = announced_epoch_;
  session.close(goodbye);
}

bool Sessions::free_place(std::string_view adapter) {
  Session* idlest = nullptr;
  uint64_t longest_ms = 0;
  for (const auto& [id, session] : all_) {
    const uint64_t idle_ms = can_wait_ms(*session, adapter);
    if (idle_ms > longest_ms) idlest = session.get();
    longest_ms = std::max(longest_ms, idle_ms);
  }
  if (idlest == nullptr) return false;
  ask_to_let_go(*idlest, "another client needs the place");
  return true;
}

void Sessions::keep_place_open(std::string_view adapter, size_t links) {
  if (links < piconet_max) return;
  // By device, since a link is free only when nobody on it stays. 0: somebody does.
  std::map<std::string_view, uint64_t> idle_ms;
  for (const auto& [id, session] : all_) {
    const SessionTraits& traits = session->traits();
    if (traits.adapter != adapter || !traits.classic || !stays(*session)) continue;
    const uint64_t this_ms = can_wait_ms(*session, adapter);
    const auto [device, first] = idle_ms.try_emplace(traits.device(), this_ms);
    device->second = std::min(device->second, this_ms);
  }
  const uint64_t now_ms = clock_.mono_ms();
  AskedAhead& last = asked_ahead_[std::string(adapter)];
  if (!last.device.empty()) {
    const uint64_t since_ms = now_ms - last.at_ms;
    if (since_ms < link_end_ms) return;
    if (!std::exchange(last.settled, true)) {
      last.in_vain = idle_ms.contains(last.device) ? last.in_vain + 1 : 0;
    }
    if (last.in_vain != 0 && since_ms < pause_ms(last.in_vain)) return;
  }
  const auto idlest =
      std::max_element(idle_ms.begin(), idle_ms.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  if (idlest == idle_ms.end()) return;
  if (idlest->second < ahead_factor * uint64_t{limits.let_go_after_ms}) return;
  last = {std::string(idlest->first), now_ms, last.in_vain, false};
  for (const auto& [id, session] : all_) {
    const SessionTraits& traits = session->traits();
    const bool leaves =
        traits.adapter == adapter && traits.classic && traits.device() == last.device;
    if (leaves) ask_to_let_go(*session, "a place is kept open for other clients");
  }
}

size_t Sessions::count_on(std::string_view adapter) const {
  return static_cast<size_t>(std::count_if(all_.begin(), all_.end(), [&](const auto& entry) {
    return entry.second->traits().adapter == adapter && stays(*entry.second);
  }));
}

bool Sessions::has(std::string_view adapter, std::string_view device) const {
  return std::any_of(all_.begin(), all_.end(), [&](const auto& entry) {
    const SessionTraits& traits = entry.second->traits();
    return traits.adapter == adapter && traits.device() == device && stays(*entry.second);
  });
}

bool Sessions::flush() {
  router_.mark();
  router_.take_flush_list(flushing_);
  for (Subscriber* subscriber : flushing_) {
    auto& session = *static_cast<Session*>(subscriber);
    if (session.behind()) {
      catch_up(session);
    } else {
      session.flush();
    }
  }
  flush_behind();
  turn_until_ = router_.work() + limits.turn_work;
  let_leave();
  go_on_postponed();
  return router_.flush_wanted() || !postponed_.empty() || !catching_up_.empty() ||
         !leaving_.empty();
}

void Sessions::catch_up(Session& session) {
  if (session.in_flush_list || session.blocked) return;
  session.in_flush_list = true;
  catching_up_.push_back(session.id());
}

// Each once at most, and at least one of them.
void Sessions::flush_behind() {
  size_t cost = 0;
  for (size_t left = catching_up_.size(); left != 0 && cost < limits.catch_up_budget_bytes;
       --left) {
    const auto found = all_.find(catching_up_.front());
    catching_up_.pop_front();
    if (found == all_.end()) continue;
    found->second->in_flush_list = false;
    cost += found->second->flush();
  }
}

// Behind the flush, so that whoever asks for much delays what the others are sent by no more than
// one helping.
void Sessions::go_on_postponed() {
  if (postponed_.empty()) return;
  now_ms_ = clock_.mono_ms();
  now_us_ = clock_.now_us();
  for (size_t left = postponed_.size(); left != 0 && router_.work() < turn_until_; --left) {
    const auto found = all_.find(postponed_.front());
    postponed_.pop_front();
    if (found != all_.end()) found->second->go_on();
  }
}

// A session that ended is gone only here, where nobody holds it. Half of the turn is for those that
// ask: many that leave do not keep them waiting.
void Sessions::let_leave() {
  const uint64_t work_until = router_.work() + limits.turn_work / 2;
  while (!leaving_.empty()) {
    const auto found = all_.find(leaving_.front());
    if (found != all_.end()) {
      if (!found->second->leave_on(work_until)) return;
      if (found->second->state() == Session::State::ended) {
        all_.erase(found);
      } else {
        router_.wake(*found->second);  // it has a goodbye to say
      }
    }
    leaving_.pop_front();
  }
}

void Sessions::tick() {
  now_ms_ = clock_.mono_ms();
  now_us_ = clock_.now_us();
  for (auto& [id, session] : all_) session->tick(now_ms_);
  if (away_.take_news(router_)) ++announced_epoch_;
}

void Sessions::ended(Session& session, const SessionEnd& end) {
  --open_;
  const auto origin = origins_.find(session.traits().origin);
  if (--origin->second == 0) origins_.erase(origin);
  std::erase(reserved_, &session);
  const bool by_client = end.by == SessionEnd::By::client;
  ++ends_[by_client ? wire::Reason::normal : end.reason];
  if (by_client) ++goodbyes_[end.reason];
  owner_.session_ended(session, end);
}

bool Sessions::kick(uint64_t id, std::string_view text) {
  const auto found = all_.find(id);
  if (found == all_.end()) return false;
  found->second->close(wire::Reason::kicked, text);
  return true;
}

void Sessions::close_listener(const std::string& listener) {
  for (auto& [id, session] : all_) {
    if (session->traits().listener == listener) {
      session->close(wire::Reason::listener_removed, "the broker no longer listens here");
    }
  }
}

void Sessions::allow_publishing(const std::string& listener, bool allowed) {
  for (auto& [id, session] : all_) {
    if (session->traits().listener == listener) session->allow_publishing(allowed);
  }
}

void Sessions::close_all(wire::Reason reason, std::string_view text, uint32_t retry_after_ms) {
  for (auto& [id, session] : all_) session->close(reason, text, retry_after_ms);
}

void Sessions::for_each(const std::function<void(const Session&)>& visit) const {
  std::vector<const Session*> in_order;
  in_order.reserve(all_.size());
  for (const auto& [id, session] : all_) in_order.push_back(session.get());
  std::sort(in_order.begin(), in_order.end(),
            [](const Session* a, const Session* b) { return a->id() < b->id(); });
  for (const Session* session : in_order) visit(*session);
}

}  // namespace btb
