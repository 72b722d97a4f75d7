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
