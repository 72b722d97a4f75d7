// Limits: the bounds that users, clients and operators meet, in one place. If the configuration can
// change a limit, its default is here. The comment of a limit says what happens at the limit: the
// reason that the client gets and the broker counts. "reject" refuses one request or message;
// "close" ends the session. A bound of one file that nobody outside can notice is in that file.
#pragma once

#include <cstddef>
#include <cstdint>

namespace btb::limits {

// --- the wire (docs/protocol.md) ---
inline constexpr uint32_t topic_name_bytes_max = 255;  // name_invalid
inline constexpr uint32_t topic_levels_max = 32;       // name_invalid
inline constexpr uint32_t key_bytes_max = 1024;        // reject: key_too_large
inline constexpr uint32_t part_bytes_max = 4096;       // payload bytes in one frame
// Payload bytes of one part of a larger message. With the heads of L2CAP and RFCOMM its frame fills
// the largest packet of BR/EDR (1021 bytes), so a frame that overtakes it waits for one packet.
inline constexpr uint32_t part_bytes = 976;
inline constexpr uint32_t control_frame_bytes_max = 65536;  // close: frame_too_large
inline constexpr uint32_t client_name_bytes_max = 64;
inline constexpr uint32_t flatbuffer_depth_max = 8;
inline constexpr uint32_t flatbuffer_tables_max = 4096;
inline constexpr uint32_t command_arguments_max = 16;  // close: frame_unverifiable

// --- what a broker keeps (defaults of `limits:` and `topics:` in its configuration) ---
inline constexpr uint32_t message_bytes_max = 16U << 20;  // reject: message_too_large
inline constexpr uint32_t topics_max = 200'000;           // reject: too_many_topics
// Topics that clients may make: all clients together, and one peer. The rest is for sources.
inline constexpr uint32_t client_topics_max = 100'000;          // reject: too_many_topics
inline constexpr uint32_t client_topics_per_peer_max = 10'000;  // reject: too_many_topics
inline constexpr uint32_t topic_numbers_max = (1U << 24) - 1;   // clients get half of them
inline constexpr uint32_t topic_unused_ms = 10'000;  // an unused, empty topic goes after this time
// Memory for logs, followers and topics. At the limit the oldest messages of event topics go, the
// largest topic first. A row that needs more is refused. reject: memory_full.
inline constexpr uint64_t memory_max = 512U << 20;
inline constexpr uint64_t memory_per_peer_max = 128U << 20;  // logs of topics that a peer made
// Shares of memory_max. Followers and filters get 1/4 of it, and those of one peer 1/2 of that
// quarter. When rows take 1/2 of it, only sources can make more rows.
inline constexpr uint32_t followers_share = 4;
inline constexpr uint32_t followers_per_peer_share = 2;
inline constexpr uint32_t client_rows_share = 2;
// Bytes of messages whose last part has not come, in all sessions. One peer gets half of it.
inline constexpr uint64_t unfinished_max = 128U << 20;  // reject: memory_full
// At that limit, messages that got no new part for this time are given up, at most this many at
// once.
inline constexpr uint32_t unfinished_stands_ms = 10'000;
inline constexpr uint32_t unfinished_cut_at_once = 1'000;
inline constexpr uint32_t sessions_max = 16'384;          // close: full
inline constexpr uint32_t sessions_per_peer_max = 4'096;  // of one user or host; close: full
inline constexpr uint32_t sessions_per_device_max = 4;    // of one Bluetooth device; close: full
inline constexpr uint32_t sessions_per_adapter_max = 7;   // close: full; a piconet has seven
// Extra places for commands of the operator, when all others are taken. At the limit the oldest
// goes.
inline constexpr uint32_t operator_places = 8;
inline constexpr uint32_t descriptors_reserved = 64;  // not for clients; close: full
inline constexpr uint32_t let_go_after_ms = 5'000;    // idle at a full adapter; close: let_go
inline constexpr uint32_t handshakes_max = 256;       // connected, not yet welcomed; close: full
inline constexpr uint32_t subscriptions_per_session_max = 1024;
inline constexpr uint32_t handshake_timeout_ms = 5'000;  // close: hello_timeout
inline constexpr uint32_t keep_alive_ms = 60'000;  // close: keep_alive_timeout after 1.5 times
inline constexpr uint32_t client_batch_ms_max = 10'000;  // then a client's open batch is ended
inline constexpr uint64_t topic_keep_bytes = 4U << 20;
inline constexpr uint64_t topic_keep_count = 100'000;
inline constexpr uint64_t state_bytes_max = 1U << 30;     // reject: topic_full
inline constexpr uint64_t state_keys_max = 4'000'000;     // reject: topic_full
inline constexpr uint32_t state_deletions_kept = 10'000;  // older ones: must_refetch

// --- how the broker works ---
inline constexpr uint32_t segment_bytes_max = 64U << 10;
inline constexpr uint32_t segment_bytes_min = 256;
inline constexpr uint32_t read_buffer_bytes = 64U << 10;    // one for all sessions
inline constexpr uint32_t flush_budget_bytes = 256U << 10;  // for one session in one turn
// One turn, for all sessions together that are behind by more than one turn. Each piece of a write
// costs its own bytes and catch_up_piece_bytes more.
inline constexpr uint32_t catch_up_budget_bytes = 512U << 10;
inline constexpr uint32_t catch_up_piece_bytes = 1024;
// Work for requests in one turn: of one session, and of all sessions. A topic, row or filter that
// is looked at counts as one, which takes about 0.1 us. The rest waits for the next turn.
inline constexpr uint32_t request_work_per_turn = 500;
inline constexpr uint32_t turn_work = 2'000;
inline constexpr uint32_t hint_work = 8'000;  // the time of one "did you mean", in the same unit
inline constexpr uint32_t hints_per_session_max = 8;  // then none is looked for
// While a session has more unsent bytes than this, its frames about topics that are gone wait.
inline constexpr uint32_t told_gone_bytes_max = 64U << 10;
inline constexpr uint32_t flush_ranges_max = 64;  // iovecs in one write
// Unsent control frames of one session. Close: control_overflow.
inline constexpr uint32_t session_control_bytes_max = 1U << 20;
inline constexpr uint32_t batch_open_ms_max = 60'000;       // then a source's open batch is ended
inline constexpr uint32_t source_mailbox_bytes = 4U << 20;  // publish answers "again"
inline constexpr uint32_t source_drain_budget_bytes = 1U << 20;  // from one source in one turn
inline constexpr uint32_t source_stop_timeout_ms = 5'000;        // then its thread is given up

// --- the broker's journal ---
// Lines of one event and cause in one window. More lines are only counted, and the line
// `log_repeated` says how many.
inline constexpr uint64_t log_repeats_shown = 5;
inline constexpr uint64_t log_repeat_window_ms = 10'000;
inline constexpr size_t log_repeat_kinds_max = 64;  // then all other causes of an event are one

static_assert(topic_name_bytes_max < 65536 && key_bytes_max < 65536);
static_assert(part_bytes <= part_bytes_max);
static_assert(segment_bytes_max >= 2 * (part_bytes_max + key_bytes_max + 64));
static_assert(read_buffer_bytes >= part_bytes_max + key_bytes_max + 64);

}  // namespace btb::limits
