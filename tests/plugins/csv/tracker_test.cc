#include "plugins/csv/tracker.h"

#include <doctest/doctest.h>

using btb::csv::FileTracker;
using btb::csv::Signature;
using btb::csv::TrackedFile;

namespace {

Signature version(uint64_t inode, uint64_t size) {
  return {1, inode, size, 0, 0};
}

}  // namespace

TEST_CASE("a file that is written to is taken when it was left alone for the settle time") {
  FileTracker tracker(500, false);
  tracker.observe("a", version(1, 10), 1000, 0);
  TrackedFile& file = tracker.files()["a"];
  CHECK(tracker.due_in(file, 1000) == 500);
  tracker.observe("a", version(1, 20), 1400, 0);
  CHECK(tracker.due_in(file, 1500) == 400);
  CHECK(tracker.due_in(file, 1900) == 0);
  file.taken = file.seen;
  CHECK(tracker.due_in(file, 5000) == FileTracker::never);
}

TEST_CASE("a file that came by rename is taken at once") {
  FileTracker tracker(500, false);
  tracker.observe("a", version(1, 10), 1000, 9000);
  TrackedFile& file = tracker.files()["a"];
  file.taken = file.seen;
  file.arrived = false;
  tracker.observe("a", version(2, 10), 2000, 0);
  CHECK(tracker.due_in(file, 2000) == 500);
  tracker.note("a", FileTracker::Event::arrived, 2000);
  CHECK(tracker.due_in(file, 2000) == 0);
}

TEST_CASE("a writer that pauses longer than the settle time is waited for until it closes") {
  FileTracker tracker(500, false);
  tracker.observe("a", version(1, 10), 1000, 0);
  tracker.note("a", FileTracker::Event::modified, 1000);
  const TrackedFile& file = tracker.files()["a"];
  CHECK(tracker.due_in(file, 2000) == 4000);
  tracker.note("a", FileTracker::Event::closed, 2000);
  CHECK(tracker.due_in(file, 2000) == 0);
  tracker.note("a", FileTracker::Event::modified, 2100);
  CHECK(tracker.due_in(file, 7100) == 0);  // one that never closes is not waited for for ever
}

TEST_CASE("a file that was torn is left alone for a while, however it came") {
  FileTracker tracker(0, true);
  tracker.observe("a", version(1, 10), 1000, 9000);
  TrackedFile& file = tracker.files()["a"];
  CHECK(tracker.due_in(file, 1000) == 0);
  FileTracker::postpone(file, 1000, 100);
  CHECK(tracker.due_in(file, 1000) == 100);
  tracker.note("a", FileTracker::Event::arrived, 1010);
  CHECK(tracker.due_in(file, 1040) == 60);
  CHECK(tracker.due_in(file, 1100) == 0);
}

TEST_CASE("files that were there for long need not settle") {
  FileTracker tracker(500, false);
  tracker.observe("a", version(1, 10), 1000, 9000);
  CHECK(tracker.due_in(tracker.files()["a"], 1000) == 0);
}

TEST_CASE("a file that ends inside of a line waits for its close, and not for ever") {
  FileTracker tracker(500, false);
  tracker.observe("a", version(1, 10), 1000, 800);
  TrackedFile& file = tracker.files()["a"];
  CHECK(tracker.due_in(file, 1000) == 0);  // nobody read it yet
  CHECK_FALSE(tracker.is_whole(file, 1000));
  file.cut_off = true;
  CHECK(tracker.due_in(file, 1000) == 4200);
  CHECK(tracker.is_whole(file, 5200));
  tracker.note("a", FileTracker::Event::modified, 2000);
  CHECK(tracker.due_in(file, 2000) == 50'000);
  tracker.note("a", FileTracker::Event::closed, 3000);
  CHECK(tracker.is_whole(file, 3000));
  CHECK(tracker.due_in(file, 3000) == 0);
  tracker.observe("a", version(1, 20), 4000, 0);
  CHECK_FALSE(tracker.is_whole(file, 4000));  // the close was of another version
  tracker.observe("a", version(2, 20), 5000, 0);
  tracker.note("a", FileTracker::Event::arrived, 5000);
  CHECK(tracker.is_whole(file, 5000));
  CHECK(FileTracker(500, true).is_whole(file, 5000));  // a marker lies beside it
}

TEST_CASE("a file is believed to be gone only after the settle time") {
  FileTracker tracker(500, false);
  tracker.observe("a", version(1, 10), 1000, 9000);
  CHECK(tracker.gone_in(tracker.files()["a"], 1000) == FileTracker::never);
  tracker.observe("a", std::nullopt, 2000, 0);
  CHECK(tracker.gone_in(tracker.files()["a"], 2100) == 400);
  CHECK(tracker.due_in(tracker.files()["a"], 9000) == FileTracker::never);
}

TEST_CASE("every file has a number of its own") {
  FileTracker tracker(0, false);
  for (int i = 0; i < 1000; ++i) tracker.observe(std::to_string(i), version(1, 1), 0, 9000);
  const uint16_t first = tracker.files()["0"].id;
  CHECK(first != tracker.files()["999"].id);
  tracker.forget("0");
  tracker.observe("new", version(1, 1), 0, 9000);
  CHECK(tracker.files()["new"].id != 0);
  CHECK_FALSE(tracker.files().contains("0"));
}

TEST_CASE("a file that was closed is taken at once, and only when it settled if it was doubted") {
  FileTracker tracker(500, false);
  tracker.observe("a", version(1, 10), 1000, 0);
  TrackedFile& file = tracker.files()["a"];
  tracker.note("a", FileTracker::Event::modified, 1000);
  CHECK(tracker.due_in(file, 1000) == 5000);
  tracker.note("a", FileTracker::Event::closed, 1100);
  CHECK(tracker.due_in(file, 1100) == 0);
  CHECK(tracker.is_early(file, 1100));
  FileTracker::doubt(file);
  CHECK(tracker.due_in(file, 1100) == 500);
  CHECK_FALSE(tracker.is_early(file, 1600));
  tracker.observe("a", version(1, 20), 1700, 0);
  CHECK(tracker.due_in(file, 1700) == 500);  // this version was not closed yet
  tracker.note("a", FileTracker::Event::closed, 1700);
  CHECK(tracker.due_in(file, 1700) == 0);
  CHECK(FileTracker(500, false, false).due_in(file, 1700) == 500);
}

TEST_CASE(
    "a file that is written in steps has to settle from then on, and is not put off for ever") {
  FileTracker tracker(500, false);
  tracker.observe("a", version(1, 10), 1000, 0);
  TrackedFile& file = tracker.files()["a"];
  tracker.note("a", FileTracker::Event::closed, 1000);
  CHECK(tracker.is_early(file, 1000));
  file.taken = file.seen;
  FileTracker::note_early(file, 1000);
  uint64_t size = 10;
  int64_t now = 1000;
  for (; now <= 6000; now += 100) {
    tracker.observe("a", version(1, ++size), now, 0);
    tracker.note("a", FileTracker::Event::closed, now);
    if (tracker.due_in(file, now) == 0) break;
  }
  CHECK(now == 6000);
}

TEST_CASE("that a file was written in steps is forgotten with the file, and after a while") {
  FileTracker tracker(500, false);
  tracker.observe("a", version(1, 10), 1000, 0);
  TrackedFile& file = tracker.files()["a"];
  const auto close_version = [&](const Signature& signature, int64_t now) {
    tracker.observe("a", signature, now, 0);
    tracker.note("a", FileTracker::Event::closed, now);
    const bool at_once = tracker.is_early(file, now);
    file.taken = file.seen;
    if (at_once) FileTracker::note_early(file, now);
    return at_once;
  };
  CHECK(close_version(version(1, 10), 1000));
  CHECK_FALSE(close_version(version(1, 20), 1100));
  CHECK_FALSE(close_version(version(1, 30), 51'000));
  SUBCASE("another file has the name") {
    CHECK(close_version(version(2, 40), 51'050));
  }
  SUBCASE("a hundred times the settle time passed") {
    CHECK(close_version(version(1, 40), 51'100));
  }
}
