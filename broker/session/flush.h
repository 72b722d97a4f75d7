// Flush: one gathered write for one subscriber.
//
// 1. Plan: for each due follower, the pieces to send: control frames and ranges of the log.
// 2. Write: the link gets the outbox and all pieces, in one write.
// 3. Commit: cursors and flags move, and only for the pieces that the link took. If a frame was
//    cut, its rest goes into the outbox, and the outbox goes out before anything else.
//
// It knows no session: the owner acts on the result. It holds scratch memory only, so one Flush
// serves all sessions. Resource, owned by Sessions; [loop] thread.
#pragma once

#include <sys/uio.h>

#include <array>
#include <vector>

#include "broker/link/link.h"
#include "broker/routing/router.h"
#include "broker/session/outbox.h"
#include "sdk/wire/control.h"

namespace btb {

// For each priority: for how many flushes in a row it was due and none of its bytes were sent.
using PriorityWaits = std::array<uint8_t, Subscriber::priorities>;

// One subscriber, its outbox and link, and how much may go out now. All borrowed for the call.
struct FlushTarget {
  Subscriber& subscriber;
  Outbox& outbox;
  Link& link;
  PriorityWaits& waits;
  size_t budget_bytes = 0;
};

struct FlushResult {
  enum class Status : uint8_t {
    written,   // the link took all that was planned, or a part; or there was nothing to write
    overflow,  // a follower fell behind its log, and the topic ends such sessions; nothing written
    broken,    // the link is broken; see `error`
  };
  Status status = Status::written;
  int error = 0;         // errno, with `broken`
  bool full = false;     // the link took less than was planned, and takes no more now
  bool carried = false;  // pieces of topics were planned, and something was written
  size_t bytes = 0;      // how many were written
  size_t cost = 0;       // bytes written, and limits::catch_up_piece_bytes for each piece
  uint64_t missed = 0;   // messages that the client was told it missed
};

class Flush {
 public:
  // Followers that have more to send stay on the due lists of the subscriber.
  FlushResult run(const FlushTarget& target);

 private:
  enum class What : uint8_t {
    announce,
    refetch,
    snapshot_begin,
    gap,
    data,
    snapshot_end,
    position
  };
  struct Piece {
    What what = What::data;
    Follower* follower = nullptr;
    // The bytes of a piece of data. For control frames only `after`, the cursor behind the piece.
    LogRange range;
    uint32_t control_offset = 0;  // where the bytes of control frames begin in control_
    uint32_t size = 0;
    // snapshot_end, position: the number they name. gap, announce: how many messages were missed.
    uint64_t seq = 0;
  };
  struct Planned {
    Follower* follower = nullptr;
    uint32_t pieces_end = 0;  // index in pieces_, behind its last piece
    bool at_end = false;      // its pieces reach the end of the log
  };
  // The result of planning one follower.
  enum class Outcome : uint8_t { planned, overflow };

  // False at an overflow.
  bool plan(const FlushTarget& target);
  Outcome plan_follower(Follower& follower, size_t bytes_wanted, size_t& bytes);
  void plan_preamble(Follower& follower, const Cursor& cursor);
  void plan_empty_position(const Topic& topic);
  void plan_gap(Follower& follower, Cursor& cursor);
  size_t plan_data(Follower& follower, Cursor& cursor, size_t bytes_wanted);
  void plan_completion(Follower& follower, const Cursor& cursor);
  template <class Native>
  void plan_control(What what, Follower& follower, const Cursor& after, const Native& message,
                    uint64_t seq = 0);
  // Fills iovecs_ with the unsent bytes of the outbox and all pieces; returns how many bytes they
  // are.
  size_t gather(const Outbox& outbox);
  void end_with_a_frame(const FlushTarget& target);
  FlushResult write(const FlushTarget& target, size_t total);
  // The link took `bytes` of the pieces: moves cursors and flags. Returns how many pieces are done.
  size_t commit(const FlushTarget& target, size_t bytes, uint64_t& missed);
  static void count_missed(const Piece& piece, uint64_t& missed);
  static void commit_piece(const FlushTarget& target, const Piece& piece, uint64_t& missed);
  // Bytes of this follower were sent, so its priority has not waited.
  static void served(const FlushTarget& target, const Follower& follower);
  static void count_waits(const FlushTarget& target);
  // Makes planned followers due again that have more to send. `settled`: the result of commit.
  void requeue(size_t settled);

  std::vector<Piece> pieces_;
  std::vector<Planned> planned_;
  ByteVector control_;
  std::array<LogRange, limits::flush_ranges_max> ranges_;
  std::vector<iovec> iovecs_;
};

}  // namespace btb
