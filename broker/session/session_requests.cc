// Session, second part: the requests of a client, and their answers.
#include <algorithm>
#include <utility>

#include "broker/routing/nearest_topic.h"
#include "broker/session/session.h"
#include "sdk/wire/topic_name.h"

namespace btb {

namespace {

constexpr uint16_t protocol = 1;
constexpr size_t goodbye_text_bytes_max = 256;
constexpr size_t reply_text_bytes_max = 1024;
constexpr uint32_t keep_alive_ms_min = 1'000;
constexpr uint64_t gone_work = 5;  // work of telling that a topic was freed

std::string clipped_utf8(const std::string& text, size_t bytes_max) {
  std::string out = text.substr(0, bytes_max);
  while (!out.empty() && !wire::is_utf8(out)) out.pop_back();
  return out;
}

}  // namespace

void Session::on_hello(fb::HelloT& hello) {
  if (hello.protocol_min > protocol || hello.protocol_max < protocol) {
    close(wire::Reason::version_unsupported,
          "this broker speaks protocol " + std::to_string(protocol) + ", the client " +
              std::to_string(hello.protocol_min) + " to " + std::to_string(hello.protocol_max));
    return;
  }
  name_ = clipped_utf8(hello.name, limits::client_name_bytes_max);
  agent_ = clipped_utf8(hello.agent, limits::client_name_bytes_max);
  keep_alive_ms_ = context_.limits.keep_alive_ms;
  if (hello.keep_alive_ms != 0) {
    keep_alive_ms_ = std::clamp(hello.keep_alive_ms, keep_alive_ms_min, keep_alive_ms_);
  }
  can_let_go_ = hello.can_let_go;
  if (!context_.events.said_hello(*this)) return;
  state_ = State::open;

  fb::WelcomeT welcome;
  welcome.protocol = protocol;
  welcome.broker_name = context_.broker_name;
  welcome.agent = "btbroker/" BTB_VERSION;
  welcome.session = id_;
  welcome.epoch = context_.router.epoch();
  welcome.time_us = context_.now_us;
  welcome.keep_alive_ms = keep_alive_ms_;
  welcome.message_bytes_max = context_.limits.message_bytes;
  welcome.part_bytes_max = limits::part_bytes_max;
  welcome.control_bytes_max = limits::control_frame_bytes_max;
  welcome.subscriptions_max = context_.limits.subscriptions_per_session;
  welcome.admin = traits_.admin;
  welcome.site = context_.site;
  send(welcome);
  context_.events.opened(*this);
}

wire::Reason Session::subscribe_fault(const fb::SubscribeT& subscribe, const char*& text) const {
  text = wire::topic_filter_fault(subscribe.filter);
  if (text != nullptr) return wire::Reason::name_invalid;
  if (*fb::EnumNameFrom(subscribe.from) == '\0') {
    text = "it begins nowhere this broker knows";
    return wire::Reason::not_allowed;
  }
  text = "";
  if (subscribe.id == 0 || has_subscription(subscribe.id)) return wire::Reason::id_in_use;
  if (subscription_count() >= context_.limits.subscriptions_per_session) {
    return wire::Reason::too_many_subscriptions;
  }
  return wire::Reason::none;
}

void Session::on_subscribe(fb::SubscribeT& subscribe) {
  std::vector<Mark> positions;
  positions.reserve(subscribe.positions.size());
  for (const fb::Mark& mark : subscribe.positions) positions.push_back({mark.topic(), mark.seq()});
  context_.router.charge(positions.size() / 8);
  const bool more = subscribe.more;
  if (pending_subscribe_ == nullptr || pending_subscribe_->id != subscribe.id) {
    if (pending_subscribe_ != nullptr) refuse_pending_subscribe();
    pending_subscribe_ = std::make_unique<fb::SubscribeT>(std::move(subscribe));
    pending_marks_ = {};
    pending_gone_.clear();
  }
  // More positions than there can be topics are useless: the surplus is dropped.
  if (pending_marks_.size() <= limits::topics_max + context_.router.topic_count()) {
    note_gone(positions);
    pending_marks_.add(std::move(positions));
  }
  if (more) return;
  const std::unique_ptr<fb::SubscribeT> whole = std::move(pending_subscribe_);
  Marks marks = std::exchange(pending_marks_, {});
  std::vector<uint32_t> gone = std::exchange(pending_gone_, {});
  const char* text = "";
  const wire::Reason reason = subscribe_fault(*whole, text);
  if (reason != wire::Reason::none) return answer_subscribe(whole->id, reason, text);
  SubscribeRequest request;
  request.id = whole->id;
  request.filter = whole->filter;
  request.from = whole->from;
  request.value = whole->value;
  request.no_snapshot = whole->no_snapshot;
  request.epoch = whole->epoch;
  request.positions = std::move(marks);
  errand_ = {context_.router.begin_subscribe(*this, std::move(request)), whole->id, true,
             whole->from == wire::From::resume ? "" : whole->filter, std::move(gone)};
}

// Notes the topics that were freed: what the client has of them is void. A new topic of the same
// name has another number.
void Session::note_gone(const std::vector<Mark>& positions) {
  const Router& router = context_.router;
  if (pending_subscribe_->from != wire::From::resume) return;
  if (pending_subscribe_->epoch != router.epoch()) return;
  const auto known = static_cast<ptrdiff_t>(pending_gone_.size());
  for (const Mark& mark : positions) {
    if (router.is_gone(mark.topic)) pending_gone_.push_back(mark.topic);
  }
  // Removes duplicates within this frame only: sorting all frames together would take too long.
  const auto fresh = pending_gone_.begin() + known;
  std::sort(fresh, pending_gone_.end());
  pending_gone_.erase(std::unique(fresh, pending_gone_.end()), pending_gone_.end());
}

// Tells the client which topics were freed. Stops if much is unsent: for a client that does not
// read, numbers take less memory than frames. True if all were told.
bool Session::tell_gone(uint64_t work_until) {
  while (!gone_.empty()) {
    if (outbox_.size() > limits::told_gone_bytes_max || context_.router.work() >= work_until)
      return false;
    context_.router.charge(gone_work);
    fb::MustRefetchT message;
    message.topic = gone_.back();
    message.reason = wire::Reason::topic_gone;
    send(message);
    gone_.pop_back();
    if (gone_.empty()) gone_.shrink_to_fit();
  }
  return true;
}

void Session::answer_subscribe(uint32_t id, wire::Reason reason, const std::string& text,
                               uint32_t topics) {
  fb::SubscribedT answer;
  answer.id = id;
  answer.reason = reason;
  answer.text = text;
  answer.topics = topics;
  count_refusal(reason);
  send(answer);
}

// True if no errand is left, and the client was told about all freed topics.
bool Session::go_on_with_errand(uint64_t work_until) {
  if (errand_.what != nullptr) {
    context_.router.go_on(*errand_.what, work_until);
    if (!errand_.what->done()) return false;
    answer_errand();
  }
  return tell_gone(work_until);
}

void Session::answer_errand() {
  PendingErrand done = std::exchange(errand_, {});
  if (done.subscribes) {
    behind_ = has_due();
    const wire::Reason reason = done.what->reason();
    const bool made = reason == wire::Reason::none;
    const bool nothing = made && done.what->topics() == 0 && !done.filter.empty();
    const std::string text = nothing ? hint_for(done.filter) : "";
    answer_subscribe(done.id, reason,
                     made ? text : "the broker has no memory for so many topics and filters",
                     done.what->topics());
    if (made) gone_ = std::move(done.gone);
  } else {
    answer_unsubscribe(done.id, wire::Reason::none);
  }
}

// A hint for people whose filter matches nothing. A session gets a few only, because each takes
// time.
std::string Session::hint_for(const std::string& filter) {
  if (hints_ == limits::hints_per_session_max) return {};
  ++hints_;
  context_.router.charge(limits::hint_work);
  const std::string near = nearest_topic(context_.router, filter);
  return near.empty() ? "" : "did you mean " + near + "?";
}

void Session::count_refusal(wire::Reason reason) {
  if (reason != wire::Reason::none) ++context_.refusals[reason];
}

// Another subscription began before the last frame of this one came.
void Session::refuse_pending_subscribe() {
  answer_subscribe(pending_subscribe_->id, wire::Reason::part_out_of_order,
                   "another subscription was asked for before this one was complete");
}

void Session::on_unsubscribe(fb::UnsubscribeT& unsubscribe) {
  errand_ = {context_.router.begin_unsubscribe(*this, unsubscribe.id), unsubscribe.id, false};
  if (errand_.what == nullptr) answer_unsubscribe(unsubscribe.id, wire::Reason::id_unknown);
}

void Session::answer_unsubscribe(uint32_t id, wire::Reason reason) {
  fb::UnsubscribedT answer;
  answer.id = id;
  answer.reason = reason;
  count_refusal(reason);
  send(answer);
}

wire::Reason Session::open_fault(const std::string& name, const char*& text) const {
  text = wire::topic_name_fault(name);
  if (text != nullptr) return wire::Reason::name_invalid;
  text = "";
  if (wire::is_reserved(name)) return wire::Reason::reserved_name;
  if (!publications_.allowed) {
    text = "clients of this listener do not publish";
    return wire::Reason::not_allowed;
  }
  if (!context_.router.options_of(name)->client_publish) {
    text = "clients do not publish to this topic";
    return wire::Reason::not_allowed;
  }
  return wire::Reason::none;
}

void Session::on_open(fb::OpenT& open) {
  fb::OpenedT answer;
  answer.id = open.id;
  const char* text = "";
  answer.reason = open_fault(open.name, text);
  answer.text = text;
  if (answer.reason != wire::Reason::none) {
    count_refusal(answer.reason);
    return send(answer);
  }

  // Asked before the topic is made, so that one session cannot fill the broker with topics.
  const Topic* known = context_.router.find(open.name);
  const bool opened = known != nullptr && publications_.has(*known);
  const bool full = !opened && publications_.size() >= context_.limits.subscriptions_per_session;
  Topic* topic = full ? nullptr : context_.router.find_or_make(open.name, account_);
  answer.ack = open.ack == wire::AckLevel::none ? open.ack : wire::AckLevel::memory;
  if (topic == nullptr) {
    answer.reason = wire::Reason::too_many_topics;
    answer.text = full ? "this session publishes to as many topics as it may"
                       : "clients, or this one's peer, have made as many topics as they may";
  } else {
    answer.number = topic->number;
    answer.kind = topic->options->kind;
    publications_.open(*topic, answer.ack);
  }
  count_refusal(answer.reason);
  send(answer);
}

void Session::on_command(fb::CommandT& command) {
  fb::ReplyT reply;
  reply.id = command.id;
  if (!traits_.admin) {
    reply.reason = wire::Reason::not_allowed;
    reply.text = "commands are taken from the broker's user and root, over its unix socket";
    count_refusal(reply.reason);
    return send(reply);
  }
  CommandResult result = context_.events.command(command.verb, command.arguments);
  if (state_ != State::open) return;  // the command ended this session
  reply.reason = result.reason;
  reply.text = clipped_utf8(result.text, reply_text_bytes_max);
  // A body larger than a frame goes out in several replies, cut between characters.
  constexpr size_t chunk = limits::control_frame_bytes_max / 2;
  std::string_view rest = result.body;
  do {
    reply.body = clipped_utf8(std::string(rest.substr(0, chunk)), chunk);
    rest.remove_prefix(reply.body.empty() ? rest.size() : reply.body.size());
    reply.more = !rest.empty();
    send(reply);
    reply.text.clear();
  } while (!rest.empty());
}

void Session::on_ping(fb::PingT& ping) {
  fb::PongT pong;
  pong.token = ping.token;
  send(pong);
}

// Nothing to do: reading any frame has set heard_ms_.
void Session::on_pong(fb::PongT& /*pong*/) {}

void Session::on_goodbye(fb::GoodbyeT& goodbye) {
  // A reason that this broker does not know counts as normal.
  const bool known = *fb::EnumNameReason(goodbye.reason) != '\0';
  const std::string text = clipped_utf8(goodbye.text, goodbye_text_bytes_max);
  end({known ? goodbye.reason : wire::Reason::normal, SessionEnd::By::client, text});
}

}  // namespace btb
