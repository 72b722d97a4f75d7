// Several subscriptions that match one topic: the one made first says where it begins, and all of
// them are synced.
#include "tests/sdk/client/scripted.h"

using namespace btb;
using namespace btb::client;
using wire::From;
using wire::Reason;
using wire::TopicKind;

namespace {

// Two overlapping subscriptions, asked in this order.
struct Overlapping : Scripted {
  Overlapping(const Subscription& wide, const Subscription& narrow) {
    first = *conversation.subscribe(wide);
    second = *conversation.subscribe(narrow);
    connect();
    sent();
    recorder.take();
  }
  uint32_t first = 0, second = 0;
};

const Subscription wide_rows{.filter = "ward/#"};
const Subscription narrow_rows{.filter = "ward/4/+"};
const Subscription wide_changes{.filter = "ward/#", .no_snapshot = true};
const Subscription narrow_changes{.filter = "ward/4/+", .no_snapshot = true};

// How often "synced" was said.
size_t synced(const Lines& lines) {
  return static_cast<size_t>(std::count(lines.begin(), lines.end(), "synced"));
}

}  // namespace

TEST_CASE("overlapping subscriptions are synced, with rows to begin with or without") {
  for (const bool rows : {true, false}) {
    CAPTURE(rows);
    Overlapping s(rows ? wide_rows : wide_changes, rows ? narrow_rows : narrow_changes);
    s.subscribed(s.first, 2);
    s.subscribed(s.second, 1);
    const uint64_t position = rows ? 0 : 5;
    s.topic(1, "ward/4/beds", TopicKind::state, 5, position);
    if (rows) s.snapshot_begin(1);
    if (rows) s.data(1, 5, "k", "v");
    if (rows) s.snapshot_end(1, 5);
    s.topic(2, "ward/5", TopicKind::events, 1, 0);
    s.data(2, 1, "", "x");
    CHECK(synced(s.recorder.lines) == 2);
  }
}

TEST_CASE("no snapshot is waited for that the subscription made first did not ask for") {
  Overlapping s(wide_changes, narrow_rows);
  s.subscribed(s.first, 1);
  s.subscribed(s.second, 1);
  s.topic(1, "ward/4/beds", TopicKind::state, 5, 5);
  CHECK(s.recorder.take() ==
        Lines{"subscribed 1", "subscribed 1", "topic ward/4/beds", "synced", "synced"});
}

TEST_CASE("a subscription that was cut decides over a later one that resumes") {
  SUBCASE("it has no snapshot: none is waited for") {
    Overlapping s(wide_changes, narrow_changes);
    s.subscribed(s.first, 2);
    s.subscribed(s.second, 1);
    s.topic(1, "ward/4/beds", TopicKind::state, 5, 5);
    s.conversation.end(Reason::peer_failed, "");
    s.connect();
    s.recorder.take();
    s.subscribed(s.first, 1);
    s.subscribed(s.second, 1);
    s.topic(1, "ward/4/beds", TopicKind::state, 6, 6);
    CHECK(synced(s.recorder.lines) == 2);
  }
  SUBCASE("it begins at the oldest message: what comes again is dropped") {
    Overlapping s({.filter = "ward/#", .from = From::beginning},
                  {.filter = "ward/4/+", .from = From::beginning});
    s.subscribed(s.first, 2);
    s.subscribed(s.second, 1);
    s.topic(1, "ward/4/log", TopicKind::events, 2);
    s.data(1, 1, "", "a");
    s.data(1, 2, "", "b");
    s.conversation.end(Reason::peer_failed, "");
    s.connect();
    s.subscribed(s.first, 2);
    s.subscribed(s.second, 1);
    s.topic(1, "ward/4/log", TopicKind::events, 3);
    s.recorder.take();
    s.data(1, 1, "", "a");
    s.data(1, 2, "", "b");
    s.data(1, 3, "", "c");
    CHECK(s.recorder.take() == Lines{"ward/4/log 3 [] c", "synced"});
    CHECK(s.conversation.counters().duplicates == 2);
  }
}

TEST_CASE("a topic that is born later has the snapshot that the subscription made first asks for") {
  for (const From from : {From::latest, From::last}) {
    Overlapping s({.filter = "a/+", .from = from}, {.filter = "a/#", .no_snapshot = true});
    s.subscribed(s.first, 0);
    s.subscribed(s.second, 1);
    s.topic(1, "a/x", TopicKind::state, 5);
    s.snapshot_begin(1);
    s.data(1, 5, "k", "v");
    s.snapshot_end(1, 5);
    CHECK(s.recorder.take() == Lines{"subscribed 0", "synced", "subscribed 1", "topic a/x",
                                     "a/x begin whole", "a/x 5 snapshot [k] v", "a/x end 5",
                                     "synced"});
  }
}

TEST_CASE("a subscription of changes that resumes is synced, though a topic is born without rows") {
  Overlapping s({.filter = "a/#", .no_snapshot = true}, {.filter = "other"});
  s.subscribed(s.first, 1);
  s.topic(1, "a/x", TopicKind::state, 5, 5);
  s.conversation.end(Reason::peer_failed, "");
  s.connect();
  s.recorder.take();
  s.subscribed(s.first, 1);
  s.topic(1, "a/x", TopicKind::state, 6, 5);
  s.topic(2, "a/born", TopicKind::state);
  s.data(2, 1, "k", "v");
  s.snapshot_begin(1);
  s.data(1, 6, "k", "v");
  CHECK(synced(s.recorder.lines) == 0);
  s.snapshot_end(1, 6);
  CHECK(synced(s.recorder.lines) == 1);
}

TEST_CASE(
    "what is subscribed again in a session begins with a whole snapshot, and is synced by it") {
  Scripted s;
  const uint32_t first = *s.conversation.subscribe({.filter = "t"});
  s.connect();
  s.subscribed(first, 1);
  s.topic(1, "t", TopicKind::state, 5);
  s.snapshot_begin(1);
  s.data(1, 5, "gone", "v");
  s.snapshot_end(1, 5);
  s.conversation.unsubscribe(first);
  uint32_t second = 0;
  bool at_once = false;  // before the broker has answered
  SUBCASE("after the answer") {}
  SUBCASE("before it") {
    at_once = true;
  }
  if (at_once) second = *s.conversation.subscribe({.filter = "#"});
  s.recorder.take();
  fb::UnsubscribedT unsubscribed;
  unsubscribed.id = first;
  s.say(unsubscribed);
  if (!at_once) second = *s.conversation.subscribe({.filter = "#"});
  s.subscribed(second, 1);
  s.topic(1, "t", TopicKind::state, 7);
  s.snapshot_begin(1);
  s.data(1, 7, "k", "v");
  s.snapshot_end(1, 7);
  CHECK(s.recorder.take() == Lines{"unsubscribed", "subscribed 1", "topic t", "t begin whole",
                                   "t 7 snapshot [k] v", "t end 7", "synced"});
}

TEST_CASE("an events topic that is subscribed again begins where the new subscription says") {
  Scripted s;
  const uint32_t first = *s.conversation.subscribe({.filter = "e"});
  s.connect();
  s.subscribed(first, 1);
  s.topic(1, "e", TopicKind::events, 3, 3);
  s.data(1, 4, "", "four");
  s.conversation.unsubscribe(first);
  fb::UnsubscribedT unsubscribed;
  unsubscribed.id = first;
  s.say(unsubscribed);
  CHECK(s.conversation.topic(1) == nullptr);
  const uint32_t second = *s.conversation.subscribe({.filter = "e", .from = From::beginning});
  s.recorder.take();
  s.subscribed(second, 1);
  s.topic(1, "e", TopicKind::events, 4);
  for (uint64_t seq = 1; seq <= 4; ++seq) s.data(1, seq, "", "x");
  CHECK(s.recorder.take() ==
        Lines{"subscribed 1", "topic e", "e 1 [] x", "e 2 [] x", "e 3 [] x", "e 4 [] x", "synced"});
}

TEST_CASE("a topic goes on while another subscription still matches it") {
  Overlapping s(wide_rows, narrow_rows);
  s.subscribed(s.first, 1);
  s.subscribed(s.second, 1);
  s.topic(1, "ward/4/beds", TopicKind::state, 5);
  s.snapshot_begin(1);
  s.data(1, 5, "k", "v");
  s.snapshot_end(1, 5);
  s.conversation.unsubscribe(s.first);
  fb::UnsubscribedT unsubscribed;
  unsubscribed.id = s.first;
  s.say(unsubscribed);
  s.recorder.take();
  s.data(1, 6, "k", "w");
  CHECK(s.recorder.take() == Lines{"ward/4/beds 6 [k] w"});
  CHECK(s.conversation.position(1) == 6);
}
