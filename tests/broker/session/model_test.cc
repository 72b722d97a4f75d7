// A model of what clients may see: random publishing, slow and cut reading, leaving and coming
// back. In the end every client's table is the topic's, and every record of events is whole or has
// its holes named.
#include <random>

#include "tests/broker/session/session_world.h"

namespace btb::test {
namespace {

using Table = std::map<std::string, std::string>;

// What one client holds of all topics; survives its connections.
class ModelClient {
 public:
  ModelClient(SessionWorld& world, int buffer_bytes) : world_(world), buffer_bytes_(buffer_bytes) {}

  void come() {
    client_ = &world_.connect({}, buffer_bytes_);
    client_->hello();
    std::vector<fb::Mark> marks;
    for (const auto& [number, topic] : topics_) marks.emplace_back(number, 0, topic.seq);
    if (was_here_) {
      client_->resume(1, "#", SessionWorld::epoch, std::move(marks));
    } else {
      client_->subscribe(1, "#", wire::From::beginning);
    }
    client_->on_message = [this](const ReceivedMessage& message) { on_message(message); };
    client_->on_control = [this](const wire::FrameView& frame) { on_control(frame); };
    was_here_ = true;
    announced_.clear();
  }

  void leave(bool politely) {
    if (politely) client_->goodbye();
    client_->pump();
    client_->close();
    client_ = nullptr;
    for (auto& [number, topic] : topics_) topic.batch.clear();
  }

  void read(size_t bytes_max) {
    client_->read_bytes_max = bytes_max;
    client_->pump();
    client_->take_lines();
    REQUIRE(client_->fault().empty());
  }

  [[nodiscard]] bool here() const { return client_ != nullptr; }
  [[nodiscard]] WireClient& client() { return *client_; }
  [[nodiscard]] Table table(uint32_t topic) { return topics_[topic].table; }
  [[nodiscard]] uint64_t seq(uint32_t topic) { return topics_[topic].seq; }
  [[nodiscard]] uint64_t missed() const { return missed_; }
  [[nodiscard]] uint64_t refetches() const { return refetches_; }

 private:
  struct Held {
    bool state = false;
    uint64_t seq = 0;        // the last message applied
    uint64_t heard_seq = 0;  // the last message received, perhaps of an open batch
    Table table;
    std::vector<ReceivedMessage> batch;
  };

  void on_message(const ReceivedMessage& message) {
    REQUIRE(announced_.contains(message.topic));
    Held& held = topics_[message.topic];
    if (held.state) {
      REQUIRE(message.seq > held.heard_seq);
    } else {
      REQUIRE(message.seq == held.heard_seq + 1);  // or a gap said why not
      REQUIRE(message.payload.substr(0, message.payload.find(' ')) == std::to_string(message.seq));
    }
    held.heard_seq = message.seq;
    held.batch.push_back(message);
    if (!message.batch_more) apply(held);
  }

  void apply(Held& held) {
    for (const ReceivedMessage& message : held.batch) {
      held.seq = message.seq;
      if (!held.state) continue;
      if (message.deletion) {
        held.table.erase(message.key);
      } else {
        held.table[message.key] = message.payload;
      }
    }
    held.batch.clear();
  }

  void on_control(const wire::FrameView& frame) {
    if (const auto topic = decoded<fb::TopicT>(frame)) {
      REQUIRE(announced_.insert({topic->number, true}).second);
      Held& held = topics_[topic->number];
      held.state = topic->kind == wire::TopicKind::state;
      held.heard_seq = held.seq;
      if (!held.state && held.seq == 0) held.heard_seq = topic->position;
      if (!held.state) REQUIRE(topic->position == held.heard_seq);
    } else if (const auto gap = decoded<fb::GapT>(frame)) {
      Held& held = topics_[gap->topic];
      REQUIRE(gap->first == held.heard_seq + 1);
      REQUIRE(gap->last >= gap->first);
      apply(held);
      held.heard_seq = held.seq = gap->last;
      missed_ += gap->last + 1 - gap->first;
    } else if (const auto position = decoded<fb::PositionT>(frame)) {
      settle(position->topic, position->seq);
    } else if (const auto end = decoded<fb::SnapshotEndT>(frame)) {
      settle(end->topic, end->seq);
    } else if (const auto refetch = decoded<fb::MustRefetchT>(frame)) {
      Held& held = topics_[refetch->topic];
      held = {held.state, 0, 0, {}, {}};
      ++refetches_;
    }
  }

  void settle(uint32_t number, uint64_t seq) {
    Held& held = topics_[number];
    REQUIRE(seq >= held.heard_seq);
    if (!held.state) REQUIRE(seq == held.heard_seq);
    apply(held);
    held.seq = held.heard_seq = seq;
  }

  template <class Native>
  static std::unique_ptr<Native> decoded(const wire::FrameView& frame) {
    return frame.kind == wire::ControlOf<Native>::kind ? wire::decode<Native>(frame) : nullptr;
  }

  SessionWorld& world_;
  int buffer_bytes_;
  WireClient* client_ = nullptr;
  bool was_here_ = false;
  std::map<uint32_t, Held> topics_;
  std::map<uint32_t, bool> announced_;
  uint64_t missed_ = 0, refetches_ = 0;
};

class Model {
 public:
  explicit Model(uint32_t seed) : random_(seed) {
    TopicOptions state = SessionWorld::state_options();
    state.deletions_kept = static_cast<uint32_t>(below(40));
    world_.options["s"] = state;
    TopicOptions events;
    events.keep_count = 20 + below(200);
    events.keep_bytes = 20'000 + below(200'000);
    events.priority = wire::Priority::bulk;
    world_.options["e"] = events;
    world_.sessions.limits.flush_budget_bytes = static_cast<uint32_t>(500 + below(60'000));
    for (int i = 0; i < 4; ++i) {
      clients_.push_back(
          std::make_unique<ModelClient>(world_, static_cast<int>(2'304 + below(8'000))));
    }
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      publish();
      for (const auto& client : clients_) move(*client);
      if (below(3) == 0) world_.loop.run_once(false);
      std::erase_if(world_.clients, [](const auto& client) { return client->fd() < 0; });
    }
    close_batches();
    for (const auto& client : clients_) {
      if (!client->here()) client->come();
    }
    for (const auto& client : clients_) client->client().read_bytes_max = 65'536;
    world_.settle();
  }

  void check() {
    const uint32_t state = world_.topic("s").number;
    const uint32_t events = world_.topic("e").number;
    for (const auto& client : clients_) {
      CHECK(client->client().fault().empty());
      CHECK(client->table(state) == table_);
      CHECK(client->seq(state) == world_.topic("s").log.last_seq());
      CHECK(client->seq(events) == world_.topic("e").log.last_seq());
      missed += client->missed();
      refetches += client->refetches();
    }
  }

  uint64_t missed = 0, refetches = 0;

 private:
  uint64_t below(uint64_t end) { return random_() % end; }
  std::string text(uint64_t number) {
    const size_t size = below(20) == 0 ? below(20'000) : below(300);
    return std::to_string(number) + " " + std::string(size, 'x');
  }

  void publish() {
    const uint64_t what = below(10);
    const bool more = below(4) == 0;
    const std::string key = "k" + std::to_string(below(30));
    if (what < 4) {
      world_.put("e", "", text(world_.topic("e").log.last_seq() + 1), more);
    } else if (what < 8) {
      const std::string payload = text(below(1'000));
      world_.put("s", key, payload, more);
      table_[key] = payload;
    } else if (what == 8) {
      world_.del("s", key);
      table_.erase(key);
    } else {
      close_batches();
    }
  }

  void close_batches() {
    for (const char* name : {"e", "s"}) world_.router.close_batch(world_.topic(name));
  }

  void move(ModelClient& client) {
    if (!client.here()) {
      if (below(30) == 0) client.come();
    } else if (below(120) == 0) {
      client.leave(below(2) == 0);
    } else if (below(4) == 0) {
      client.read(1 + below(below(2) == 0 ? 50 : 5'000));
    }
  }

  std::mt19937 random_;
  SessionWorld world_;
  std::vector<std::unique_ptr<ModelClient>> clients_;
  Table table_;
};

TEST_CASE("whatever happens, clients end up with the tables and the records of the broker") {
  uint64_t missed = 0;
  uint64_t refetches = 0;
  for (uint32_t seed = 1; seed <= 25; ++seed) {
    CAPTURE(seed);
    Model model(seed);
    model.run(1'500);
    model.check();
    missed += model.missed;
    refetches += model.refetches;
  }
  CHECK(missed > 0);  // else the model did not try hard enough
  CHECK(refetches > 0);
}

}  // namespace
}  // namespace btb::test
