// Flush: one gathered write for one session.
//
// Plans what the session's followers have before them, as pieces: control frames and ranges of the
// logs, in the order they go out. Hands them to the link in one write. Then, and only for the
// pieces that were taken, moves the cursors and the flags. A frame that was cut is completed from
// the session's own buffer before anything else goes out. Holds scratch memory only, so one serves
// all sessions; [loop] thread.
#pragma once

#include <sys/uio.h>

#include <array>
#include <vector>

#include "broker/routing/router.h"
#include "sdk/wire/control.h"

namespace btb {

class Session;

class Flush {
 public:
  // Returns when the session has nothing more to write, its budget is used up (then it goes on
  // catching up), the link is full (then the session is blocked), or the link is broken (then the
  // session ended). The result is what it cost, in bytes: those of its write, and some for each
  // piece.
  size_t run(Session& session);

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
    LogRange range;  // data; of the others only `after` counts, where the follower stands then
    uint32_t control_offset = 0;  // of the others: in control_
    uint32_t size = 0;
    uint64_t seq =
        0;  // snapshot_end, position: up to here. gap, announce: how many messages were missed
  };
  struct Planned {
    Follower* follower = nullptr;
    uint32_t pieces_end = 0;  // in pieces_, behind its last one
    bool at_end = false;      // nothing is left behind its pieces
  };
  // What became of planning one follower.
  enum class Outcome : uint8_t { planned, overflow };

  // False if the session ended over it.
  bool plan(Session& session);
  Outcome plan_follower(Follower& follower, size_t bytes_wanted, size_t& bytes);
  void plan_preamble(Follower& follower, const Cursor& cursor);
  void plan_empty_position(const Topic& topic);
  void plan_gap(Follower& follower, Cursor& cursor);
  size_t plan_data(Follower& follower, Cursor& cursor, size_t bytes_wanted);
  void plan_completion(Follower& follower, const Cursor& cursor);
  template <class Native>
  void plan_control(What what, Follower& follower, const Cursor& after, const Native& message,
                    uint64_t seq = 0);
  // The pieces as iovecs, behind what the session still has to send; returns how many bytes they
  // are.
  size_t gather(const Session& session);
  void end_with_a_frame(const Session& session);
  // Returns how many bytes were taken.
  size_t write(Session& session, size_t total);
  // Takes in that `bytes` of the pieces were written; returns how many pieces are settled.
  size_t commit(Session& session, size_t bytes);
  void commit_piece(Session& session, const Piece& piece);
  static void count_missed(Session& session, const Piece& piece);
  // Bytes of this follower are on their way: its priority does not wait.
  static void served(Session& session, const Follower& follower);
  static void grow_impatient(Session& session);
  void requeue(size_t settled);

  std::vector<Piece> pieces_;
  std::vector<Planned> planned_;
  ByteVector control_;
  std::array<LogRange, limits::flush_ranges_max> ranges_;
  std::vector<iovec> iovecs_;
};

}  // namespace btb
