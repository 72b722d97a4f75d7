#include "tests/lab/peer/talk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

void fail(const char* format, ...) {
  va_list words;
  va_start(words, format);
  fputs("libbluetooth_peer: ", stderr);
  vfprintf(stderr, format, words);
  fputc('\n', stderr);
  va_end(words);
  exit(1);
}

static size_t padded(size_t size) {
  return (size + 7) / 8 * 8;
}

uint64_t number_at(const uint8_t* at, unsigned width) {
  uint64_t number = 0;
  for (unsigned i = 0; i < width; ++i) number |= (uint64_t)at[i] << (8 * i);
  return number;
}

static void read_until(struct stream* from, size_t wanted) {
  while (from->filled < wanted) {
    /* A message of L2CAP is read whole or its rest is lost: there is always room for the largest
     * one. */
    const ssize_t got =
        recv(from->fd, from->bytes + from->filled, sizeof from->bytes - from->filled, 0);
    if (got < 0) fail("receiving: %m");
    if (got == 0) fail("the broker closed the connection");
    from->filled += (size_t)got;
  }
}

const uint8_t* next_frame(struct stream* from, size_t* size) {
  from->filled -= from->taken;
  memmove(from->bytes, from->bytes + from->taken, from->filled);
  from->taken = 0;
  read_until(from, HEAD_BYTES);
  *size = number_at(from->bytes, 4);
  const size_t least = from->bytes[4] == KIND_DATA ? DATA_HEAD_BYTES : HEAD_BYTES;
  if (*size < least || *size > FRAME_BYTES_MAX) fail("a frame of %zu bytes", *size);
  read_until(from, padded(*size));
  from->taken = padded(*size);
  return from->bytes;
}

/* --- tables: the page's section "Reading" --- */

/* Whether `width` bytes at this place are in the frame. */
static void check(size_t size, size_t place, size_t width) {
  if (place > size || width > size - place) fail("a broken table");
}

/* The place of a field, 0 if it is absent. */
static size_t place_of(const uint8_t* frame, size_t size, unsigned slot, size_t width) {
  check(size, 8, 4);
  const size_t table = 8 + number_at(frame + 8, 4);
  check(size, table, 4);
  const int64_t vtable = (int64_t)table - (int32_t)number_at(frame + table, 4);
  if (vtable < 0) fail("a broken table");
  check(size, (size_t)vtable, 4);
  const size_t entry = 4 + 2 * (size_t)slot;
  if (entry + 2 > number_at(frame + vtable, 2)) return 0;
  check(size, (size_t)vtable + entry, 2);
  const size_t offset = number_at(frame + vtable + entry, 2);
  if (offset == 0) return 0;
  check(size, table + offset, width);
  return table + offset;
}

uint64_t table_number(const uint8_t* frame, size_t size, unsigned slot, unsigned width,
                      uint64_t missing) {
  const size_t place = place_of(frame, size, slot, width);
  return place == 0 ? missing : number_at(frame + place, width);
}

char* table_text(const uint8_t* frame, size_t size, unsigned slot) {
  const size_t place = place_of(frame, size, slot, 4);
  if (place == 0) return strdup("");
  const size_t text = place + number_at(frame + place, 4);
  check(size, text, 4);
  const size_t length = number_at(frame + text, 4);
  check(size, text + 4, length);
  return strndup((const char*)frame + text + 4, length);
}

/* --- and "Writing" --- */

static void put(uint8_t* at, uint64_t number, unsigned width) {
  for (unsigned i = 0; i < width; ++i) at[i] = (uint8_t)(number >> (8 * i));
}

static size_t aligned(size_t place, size_t to) {
  return (place + to - 1) / to * to;
}

void send_table(int fd, uint8_t kind, const struct field* fields, size_t count) {
  uint8_t frame[1024] = {0};
  size_t places[8];
  unsigned slots = 0;
  for (size_t i = 0; i < count; ++i) {
    if (fields[i].slot >= slots) slots = fields[i].slot + 1;
  }
  const size_t vtable = 12;
  const size_t table = aligned(vtable + 4 + 2 * (size_t)slots, 8);
  put(frame + 8, table - 8, 4);
  put(frame + vtable, 4 + 2 * (size_t)slots, 2);
  put(frame + table, table - vtable, 4);
  size_t end = table + 4;
  for (size_t i = 0; i < count; ++i) {
    const unsigned width = fields[i].text != NULL ? 4 : fields[i].width;
    places[i] = aligned(end, width);
    end = places[i] + width;
    put(frame + vtable + 4 + 2 * (size_t)fields[i].slot, places[i] - table, 2);
    if (fields[i].text == NULL) put(frame + places[i], fields[i].number, width);
  }
  put(frame + vtable + 2, end - table, 2);
  for (size_t i = 0; i < count; ++i) {
    if (fields[i].text == NULL) continue;
    const size_t length = strlen(fields[i].text), text = aligned(end, 4);
    end = text + 4 + length + 1;
    if (padded(end) > sizeof frame) fail("a text of %zu bytes is too long", length);
    put(frame + places[i], text - places[i], 4);
    put(frame + text, length, 4);
    memcpy(frame + text + 4, fields[i].text, length);
  }
  put(frame, end, 4);
  frame[4] = kind;
  if (send(fd, frame, padded(end), MSG_NOSIGNAL) != (ssize_t)padded(end)) fail("sending: %m");
}
