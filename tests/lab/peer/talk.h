/* The protocol of docs/protocol.md, as far as a subscriber needs it, written from that page alone:
 * nothing of this project is included or linked. A stream of frames in, a few frames out. One
 * connection, one thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAME_BYTES_MAX = 65536, HEAD_BYTES = 8, DATA_HEAD_BYTES = 32 };

/* The numbers of the page's tables "Kind", "Flag" and "Reason". */
enum {
  KIND_DATA = 1,
  KIND_HELLO = 16,
  KIND_WELCOME = 17,
  KIND_GOODBYE = 18,
  KIND_PING = 19,
  KIND_PONG = 20,
  KIND_SUBSCRIBE = 21,
  KIND_SUBSCRIBED = 22,
  KIND_TOPIC = 25,
  KIND_SNAPSHOT_END = 27,
  KIND_POSITION = 28
};
enum { FLAG_DELETION = 1, FLAG_PART_MORE = 8, FLAG_BATCH_MORE = 16 };
enum { REASON_NORMAL = 1 };

/* Says why on standard error and ends the program with 1. */
_Noreturn void fail(const char* format, ...) __attribute__((format(printf, 1, 2)));

/* What came and is not a whole frame yet. L2CAP brings messages, cut anywhere; RFCOMM a stream:
 * both end up here. */
struct stream {
  int fd;
  size_t filled;
  size_t taken; /* of what was filled: the frame that was handed out last, with its padding */
  uint8_t bytes[2 * FRAME_BYTES_MAX];
};

/* The next frame, without padding; valid until the next call. Waits for it; fails when the
 * connection ends. */
const uint8_t* next_frame(struct stream* from, size_t* size);

uint64_t number_at(const uint8_t* at, unsigned width);
/* Of the table in a frame: the number in this slot, or `missing`. Fails if the table is broken. */
uint64_t table_number(const uint8_t* frame, size_t size, unsigned slot, unsigned width,
                      uint64_t missing);
/* The string in this slot, ended by a zero, to be freed; "" if it is absent. */
char* table_text(const uint8_t* frame, size_t size, unsigned slot);

/* One field of a table that is written: a number of `width` bytes, or a string where `text` is set.
 */
struct field {
  unsigned slot;
  unsigned width;
  uint64_t number;
  const char* text;
};
/* Sends a frame with one table of up to 8 fields, in one message. */
void send_table(int fd, uint8_t kind, const struct field* fields, size_t count);
