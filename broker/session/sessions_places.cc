// Who gets a place: the part of Sessions that takes connections in and turns them away.
#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "broker/session/sessions.h"

namespace btb {

namespace {

constexpr uint32_t full_retry_after_ms = 5'000;

const char* text_of(NoPlace why) {
  switch (why) {
    case NoPlace::sessions:
      return "no place for another session";
    case NoPlace::handshakes:
      return "too many connections that have not said hello";
    case NoPlace::peer:
      return "this peer has as many sessions as one may have";
    case NoPlace::device:
      return "this device has as many sessions as one may have";
    case NoPlace::descriptors:
      return "the broker has no more descriptors for clients";
    case NoPlace::adapter:
      return "all places of this adapter are taken";
    case NoPlace::reserved:
      return "this place is kept for commands, and there is no other";
  }
  return "";
}

}  // namespace

std::string_view name_of(NoPlace why) {
  switch (why) {
    case NoPlace::sessions:
      return "sessions";
    case NoPlace::handshakes:
      return "handshakes";
    case NoPlace::peer:
      return "sessions_per_peer";
    case NoPlace::device:
      return "sessions_per_device";
    case NoPlace::descriptors:
      return "descriptors";
    case NoPlace::adapter:
      return "sessions_per_adapter";
    case NoPlace::reserved:
      return "operator_places";
  }
  return "unknown";
}

std::optional<NoPlace> Sessions::lacks_place(const Session& newcomer, int fd) const {
  const SessionTraits& traits = newcomer.traits();
  const uint32_t same = traits.origin.empty() ? 0 : origins_.at(traits.origin);
  if (!traits.adapter.empty() && same > limits.sessions_per_device) return NoPlace::device;
  if (same > limits.sessions_per_peer) return NoPlace::peer;
  if (open_ - reserved_.size() > limits.sessions) return NoPlace::sessions;
  if (fd >= limits.descriptors) return NoPlace::descriptors;
  if (handshakes_.size() > limits.handshakes) return NoPlace::handshakes;
  return std::nullopt;
}

void Sessions::adopt(UniqueFd fd, SessionTraits traits) {
  const int number = fd.get();
  Session& newcomer = add(std::move(fd), std::move(traits));
  const std::optional<NoPlace> why = lacks_place(newcomer, number);
  if (!why) return;
  if (newcomer.traits().is_operator) return reserve_place(newcomer);
  const bool own_fault = why == NoPlace::peer || why == NoPlace::device;
  shed(own_fault ? newcomer : most_silent(newcomer), *why, text_of(*why));
}

// Of the peer that has most connections which have not said hello, the oldest of them, be it the
// newcomer: whoever floods keeps nobody else out.
Session& Sessions::most_silent(Session& newcomer) {
  struct Silent {
    size_t count = 0;
    Session* oldest = nullptr;
  };
  std::unordered_map<std::string_view, Silent> by_origin;
  for (const auto& [id, session] : handshakes_) {
    if (session->is_reserved()) continue;
    Silent& silent = by_origin[session->traits().origin];
    if (++silent.count == 1) silent.oldest = session;
  }
  Silent most;
  for (const auto& [origin, silent] : by_origin) {
    const bool as_many = silent.count == most.count;
    const bool more = silent.count > most.count;
    if (more || (as_many && silent.oldest->id() < most.oldest->id())) most = silent;
  }
  return most.oldest == nullptr ? newcomer : *most.oldest;
}

// The newest operators have these places: one that was forgotten in a terminal keeps nobody out.
void Sessions::reserve_place(Session& session) {
  session.reserve();
  reserved_.push_back(&session);
  if (reserved_.size() <= limits::operator_places) return;
  shed(*reserved_.front(), NoPlace::reserved, "another operator needs the place");
}

void Sessions::refuse_reserved(Session& session) {
  shed(session, NoPlace::reserved, text_of(NoPlace::reserved));
}

void Sessions::turn_away(UniqueFd fd, SessionTraits traits, std::string_view text,
                         std::vector<std::string> elsewhere) {
  shed(add(std::move(fd), std::move(traits)), NoPlace::adapter, text, std::move(elsewhere));
}

void Sessions::turn_away(uint64_t id, std::string_view text, std::vector<std::string> elsewhere) {
  const auto found = all_.find(id);
  if (found == all_.end()) return;
  shed(*found->second, NoPlace::adapter, text, std::move(elsewhere));
}

// Those that are told, but do not close, hold a descriptor for a while; when they are many, or
// descriptors are few, the rest is told what one write takes and cut off.
void Sessions::shed(Session& session, NoPlace why, std::string_view text,
                    std::vector<std::string> elsewhere) {
  ++turned_away_[why];
  fb::GoodbyeT goodbye;
  goodbye.reason = wire::Reason::full;
  goodbye.text = text;
  goodbye.retry_after_ms = full_retry_after_ms;
  goodbye.elsewhere = std::move(elsewhere);
  session.close(goodbye);
  const bool scarce = why == NoPlace::descriptors;
  if (!scarce && all_.size() - open_ <= limits.handshakes) return;
  session.cut_off();
  // Its descriptor, too: more may come in this turn. It follows nothing yet.
  if (scarce && session.leave_on(UINT64_MAX)) all_.erase(session.id());
}

}  // namespace btb
