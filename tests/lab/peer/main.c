/* libbluetooth_peer: a stranger's program. It finds a broker and reads it, with BlueZ's own library
 * and docs/protocol.md, and with nothing else of this project. The lab runs it
 * (tests/lab/libbluetooth_test.py); it is built for the lab only.
 *
 *   libbluetooth_peer OWN-ADDRESS rfcomm|l2cap FILTER MESSAGES
 *
 * It prints what it finds, then a line for each message, and says goodbye after MESSAGES of them.
 * Ends with 0, or with 1 and a reason on standard error.
 *
 * Licence: this source is under the MIT licence, as the project is. libbluetooth is under the GPL,
 * version 2 or later, so the program that is linked from both is under the GPL as a whole. It is
 * not installed and not given to anybody; btbroker, its clients and its libraries are linked with
 * no part of it.
 */
#include <bluetooth/bluetooth.h>
#include <bluetooth/l2cap.h>
#include <bluetooth/rfcomm.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lab/peer/find.h"
#include "tests/lab/peer/talk.h"

enum { TOPICS_MAX = 64, SUBSCRIPTION = 1, ATTEMPTS_MAX = 5 };

/* What it knows of a topic: its name, the message whose parts are coming, and the lines of a batch
 * that goes on. */
struct topic {
  uint64_t number;
  char* name;
  uint64_t seq;
  char key[1025];
  uint8_t* payload;
  size_t payload_bytes;
  char* held;
};

static struct topic topics[TOPICS_MAX];
static size_t topic_count;
static unsigned long printed;

/* A socket that is connected, or -1 with the reason in errno. */
static int try_to_connect(const bdaddr_t* own, const struct found_broker* broker, bool rfcomm) {
  const int fd = rfcomm ? socket(AF_BLUETOOTH, SOCK_STREAM, BTPROTO_RFCOMM)
                        : socket(AF_BLUETOOTH, SOCK_SEQPACKET, BTPROTO_L2CAP);
  if (fd < 0) fail("socket: %m");
  int failed = 0;
  if (rfcomm) {
    struct sockaddr_rc here = {.rc_family = AF_BLUETOOTH, .rc_bdaddr = *own};
    struct sockaddr_rc there = {.rc_family = AF_BLUETOOTH,
                                .rc_bdaddr = broker->address,
                                .rc_channel = (uint8_t)broker->channel};
    failed = bind(fd, (struct sockaddr*)&here, sizeof here) != 0 ||
             connect(fd, (struct sockaddr*)&there, sizeof there) != 0;
  } else {
    struct sockaddr_l2 here = {.l2_family = AF_BLUETOOTH, .l2_bdaddr = *own};
    struct sockaddr_l2 there = {.l2_family = AF_BLUETOOTH,
                                .l2_bdaddr = broker->address,
                                .l2_psm = htobs((uint16_t)broker->psm)};
    failed = bind(fd, (struct sockaddr*)&here, sizeof here) != 0 ||
             connect(fd, (struct sockaddr*)&there, sizeof there) != 0;
  }
  if (!failed) return fd;
  const int why = errno;
  close(fd);
  errno = why;
  return -1;
}

/* A link that is just being encrypted is refused by the other kernel for some milliseconds. */
static int connect_to(const bdaddr_t* own, const struct found_broker* broker, bool rfcomm) {
  for (int attempt = 1;; ++attempt) {
    const int fd = try_to_connect(own, broker, rfcomm);
    if (fd >= 0) return fd;
    if (errno != ECONNREFUSED || attempt == ATTEMPTS_MAX) fail("connecting: %m");
    sleep(1);
  }
}

static struct topic* topic_of(uint64_t number) {
  for (size_t i = 0; i < topic_count; ++i) {
    if (topics[i].number == number) return &topics[i];
  }
  fail("a message of topic %llu, which was not announced", (unsigned long long)number);
}

static void add_topic(const uint8_t* frame, size_t size) {
  if (topic_count == TOPICS_MAX) fail("more than %d topics", TOPICS_MAX);
  struct topic* const added = &topics[topic_count++];
  added->number = table_number(frame, size, 0, 4, 0);
  added->name = table_text(frame, size, 1);
  printf("topic %s %s\n", added->name,
         table_number(frame, size, 2, 1, 0) == 1 ? "state" : "events");
}

static void drop_parts(struct topic* of) {
  free(of->payload);
  of->payload = NULL;
  of->payload_bytes = 0;
}

/* A batch is shown as a whole. */
static void show_held(struct topic* of) {
  if (of->held != NULL) fputs(of->held, stdout);
  free(of->held);
  of->held = NULL;
}

static void hold(struct topic* of, const char* verb) {
  char* line = NULL;
  if (asprintf(&line, "%s%s %s %s %.*s\n", of->held != NULL ? of->held : "", verb, of->name,
               of->key, (int)of->payload_bytes,
               of->payload != NULL ? (const char*)of->payload : "") < 0) {
    fail("no memory");
  }
  free(of->held);
  of->held = line;
  ++printed;
}

static void take_message(const uint8_t* frame, size_t size) {
  const uint8_t flags = frame[5];
  const size_t key_bytes = number_at(frame + 6, 2);
  if (DATA_HEAD_BYTES + key_bytes > size || key_bytes >= sizeof topics[0].key)
    fail("a key of %zu bytes", key_bytes);
  struct topic* const of = topic_of(number_at(frame + 8, 4));
  const size_t total = number_at(frame + 12, 4);
  const uint64_t seq = number_at(frame + 16, 8);
  if (of->payload == NULL || seq != of->seq) { /* not the next part of what is coming */
    drop_parts(of);
    of->seq = seq;
    of->payload = malloc(total + 1);
    if (of->payload == NULL) fail("no memory for %zu bytes", total);
    memcpy(of->key, frame + DATA_HEAD_BYTES, key_bytes);
    of->key[key_bytes] = '\0';
  }
  const size_t bytes = size - DATA_HEAD_BYTES - key_bytes;
  if (bytes > total - of->payload_bytes) fail("parts beyond %zu bytes", total);
  memcpy(of->payload + of->payload_bytes, frame + DATA_HEAD_BYTES + key_bytes, bytes);
  of->payload_bytes += bytes;
  if ((flags & FLAG_PART_MORE) != 0) return;
  if (of->payload_bytes != total) fail("%zu bytes of %zu", of->payload_bytes, total);
  hold(of, (flags & FLAG_DELETION) != 0 ? "deleted" : "message");
  drop_parts(of);
  if ((flags & FLAG_BATCH_MORE) == 0) show_held(of);
}

static void take(const uint8_t* frame, size_t size, int fd) {
  switch (frame[4]) {
    case KIND_DATA:
      take_message(frame, size);
      break;
    case KIND_TOPIC:
      add_topic(frame, size);
      break;
    case KIND_SUBSCRIBED:
      if (table_number(frame, size, 1, 2, 0) != 0)
        fail("the filter was refused: %s", table_text(frame, size, 2));
      break;
    case KIND_SNAPSHOT_END:
    case KIND_POSITION: {
      struct topic* const of = topic_of(table_number(frame, size, 0, 4, 0));
      drop_parts(of);
      show_held(of);
      if (frame[4] == KIND_SNAPSHOT_END) {
        printf("complete %s %llu\n", of->name,
               (unsigned long long)table_number(frame, size, 2, 8, 0));
      }
      break;
    }
    case KIND_PING: {
      const struct field token = {0, 8, table_number(frame, size, 0, 8, 0), NULL};
      send_table(fd, KIND_PONG, &token, 1);
      break;
    }
    case KIND_GOODBYE:
      fail("the broker said goodbye, reason %llu: %s",
           (unsigned long long)table_number(frame, size, 0, 2, 0), table_text(frame, size, 1));
    default:
      break; /* of no use here, or of a newer broker */
  }
}

int main(int argc, char** argv) {
  bdaddr_t own;
  if (argc != 5 || str2ba(argv[1], &own) != 0)
    fail("usage: libbluetooth_peer OWN-ADDRESS rfcomm|l2cap FILTER MESSAGES");
  const unsigned long wanted = strtoul(argv[4], NULL, 10);
  setvbuf(stdout, NULL, _IOLBF, 0);
  struct found_broker broker;
  if (!find_broker(&own, &broker)) fail("no broker answered");
  static struct stream stream;
  stream.fd = connect_to(&own, &broker, strcmp(argv[2], "rfcomm") == 0);
  const struct field hello[] = {{2, 0, 0, "stranger"}, {3, 0, 0, "libbluetooth_peer"}};
  send_table(stream.fd, KIND_HELLO, hello, 2);
  size_t size = 0;
  const uint8_t* frame = next_frame(&stream, &size);
  if (frame[4] != KIND_WELCOME) fail("no welcome, but kind %u", frame[4]);
  char* const name = table_text(frame, size, 1);
  printf("welcome %s\n", name);
  free(name);
  const struct field subscribe[] = {{0, 4, SUBSCRIPTION, NULL}, {1, 0, 0, argv[3]}};
  send_table(stream.fd, KIND_SUBSCRIBE, subscribe, 2);
  while (printed < wanted) {
    frame = next_frame(&stream, &size);
    take(frame, size, stream.fd);
  }
  const struct field reason = {0, 2, REASON_NORMAL, NULL};
  send_table(stream.fd, KIND_GOODBYE, &reason, 1);
  for (size_t i = 0; i < topic_count; ++i)
    show_held(&topics[i]), drop_parts(&topics[i]), free(topics[i].name);
  return 0;
}
