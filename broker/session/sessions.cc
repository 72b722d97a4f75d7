// Sessions: taking in and refusing, the flush and the rest of a turn, ends, reloads.
#include "broker/session/sessions.h"

#include <algorithm>
#include <utility>

namespace btb {

namespace {

constexpr uint32_t full_retry_after_ms = 5'000;

}  // namespace

Sessions::Sessions(Loop& loop, Router& router, const Clock& clock, SessionsOwner& owner,
                   std::string broker_name)
    : router_(router),
      clock_(clock),
      owner_(owner),
      broker_name_(std::move(broker_name)),
      read_buffer_(limits::read_buffer_bytes + limits::control_frame_bytes_max +
                   wire::frame_alignment),
      context_{.loop = loop,
               .router = router,
               .clock = clock,
               .events = *this,
               .limits = limits,
               .flush = flush_,
               .refusals = refusals_,
               .unfinished = unfinished_,
               .read_buffer = read_buffer_,
               .broker_name = broker_name_,
               .site = site},
      admission_(router, clock, *this) {
  context_.read_clock();
}

// The sessions go first: they refer to the other members.
Sessions::~Sessions() {
  all_.clear();
}

// An account lives as long as a session of this origin, or a topic that such a session made.
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

void Sessions::adopt(std::unique_ptr<Stream> stream, SessionTraits traits) {
  ++accepted_;
  const uint64_t id = next_id_++;
  Guest guest{traits.origin,  traits.adapter,     std::string(traits.device()),
              traits.classic, traits.is_operator, stream->fd()};
  AccountPtr account = account_of(traits.origin);
  all_.emplace(id, std::make_unique<Session>(context_, id, std::move(stream), std::move(traits),
                                             std::move(account)));
  admission_.arrived(id, std::move(guest));
}

uint64_t Sessions::idle_ms(uint64_t id) const {
  return all_.at(id)->idle_ms(clock_.mono_ms());
}

// A client that is told, and does not close, holds a descriptor for a while. When such clients are
// many, or descriptors are few, the others are told as much as one write takes, and cut off.
void Sessions::refuse(uint64_t id, const Refusal& refusal) {
  Session& session = *all_.at(id);
  fb::GoodbyeT goodbye;
  goodbye.reason = wire::Reason::full;
  goodbye.text = refusal.text;
  goodbye.retry_after_ms = full_retry_after_ms;
  goodbye.elsewhere = refusal.elsewhere;
  session.close(goodbye);
  const bool scarce = refusal.why == NoPlace::descriptors;
  if (!scarce && all_.size() - admission_.count() <= admission_.limits.handshakes) return;
  session.cut_off();
  // Its descriptor, too: more may come in this turn. It follows nothing yet.
  if (scarce && session.leave_on(UINT64_MAX)) all_.erase(id);
}

void Sessions::let_go(uint64_t id, std::string_view text, uint8_t announced_epoch) {
  fb::GoodbyeT goodbye;
  goodbye.reason = wire::Reason::let_go;
  goodbye.text = text;
  goodbye.announced_epoch = announced_epoch;
  all_.at(id)->close(goodbye);
}

bool Sessions::flush() {
  router_.mark();
  router_.take_flush_list(flushing_);
  for (Subscriber* subscriber : flushing_) {
    auto& session = *static_cast<Session*>(subscriber);
    if (session.behind()) {
      behind(session);
    } else {
      session.flush();
    }
  }
  flush_behind();
  context_.turn_until = router_.work() + limits.turn_work;
  let_leave();
  go_on_postponed();
  return router_.flush_wanted() || !postponed_.empty() || !catching_up_.empty() ||
         !leaving_.empty();
}

void Sessions::behind(Session& session) {
  if (session.in_flush_list || session.blocked) return;
  session.in_flush_list = true;
  catching_up_.push_back(session.id());
}

// Flushes each session once at most, and one session at least.
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

// After the flush, so that a session with many requests delays the messages of the others by one
// turn's share of work at most.
void Sessions::go_on_postponed() {
  if (postponed_.empty()) return;
  context_.read_clock();
  for (size_t left = postponed_.size(); left != 0 && router_.work() < context_.turn_until; --left) {
    const auto found = all_.find(postponed_.front());
    postponed_.pop_front();
    if (found != all_.end()) found->second->go_on();
  }
}

// Ended sessions are destroyed here, where no caller uses them. This takes half of the turn's work
// at most; the other half is for requests, so that many leaving sessions do not delay them.
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
  context_.read_clock();
  for (auto& [id, session] : all_) session->tick(context_.now_ms);
  admission_.tick();
}

void Sessions::ended(Session& session, const SessionEnd& end) {
  admission_.left(session.id());
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
