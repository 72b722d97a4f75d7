"""A client of btbroker, written from docs/protocol.md alone, in nothing but Python's standard library.

It blocks, keeps what it is sent in memory, and is meant to be read:

    client = Client("unix:/run/btbroker/main.sock", "bedside")
    client.subscribe("ward/#")
    client.run_until(lambda: client.synced("ward/3A/medication"), 5)
    print(client.topic("ward/3A/medication").rows)
"""

import socket
import struct
import time
from collections import namedtuple

# Kind
DATA, HELLO, WELCOME, GOODBYE, PING, PONG = 1, 16, 17, 18, 19, 20
SUBSCRIBE, SUBSCRIBED, UNSUBSCRIBE, UNSUBSCRIBED, TOPIC = 21, 22, 23, 24, 25
SNAPSHOT_BEGIN, SNAPSHOT_END, POSITION, GAP, MUST_REFETCH = 26, 27, 28, 29, 30
OPEN, OPENED, ACK, REJECT, COMMAND, REPLY = 31, 32, 33, 34, 35, 36
# Flag, TopicKind, From, AckLevel
DELETION, PART_MORE, BATCH_MORE = 1, 8, 16
EVENTS, STATE = 0, 1
LATEST, BEGINNING, SEQ, LAST, TIME, RESUME = 0, 1, 2, 3, 4, 5
ACK_NONE, ACK_MEMORY = 0, 1
TOPIC_GONE = 67  # of Reason

KEY_BYTES_MAX, DATA_BYTES_MAX, CONTROL_BYTES_MAX = 1024, 32 + 1024 + 4096, 65536
MARKS_A_FRAME = 4000
HANG_S = 1800  # what does not come within this never comes; nothing takes so long by itself

Message = namedtuple("Message", "seq time_us key payload deletion")


class ProtocolError(Exception):
    """The other side does not keep to the protocol."""


class Goodbye(Exception):
    """The session is over. `reason` is a number of the enum Reason, None if the connection just ended."""

    def __init__(self, reason, text="", retry_after_ms=0):
        super().__init__(f"goodbye {reason}: {text}")
        self.reason, self.text, self.retry_after_ms = reason, text, retry_after_ms


class Refused(Exception):
    """A request was answered with a reason."""

    def __init__(self, reason, text=""):
        super().__init__(f"reason {reason}: {text}")
        self.reason = reason


# --- tables: the part of FlatBuffers that is needed ---


class Table:
    """Reads the table in a frame. Offsets count from the first byte of the frame."""

    def __init__(self, frame):
        self.frame = frame
        self.at = 8 + self._unpack("<I", 8)
        self.vtable = self.at - self._unpack("<i", self.at)
        self.slots = (self._unpack("<H", self.vtable) - 4) // 2

    def _unpack(self, form, at):
        if at < 8 or at + struct.calcsize(form) > len(self.frame):
            raise ProtocolError("an offset points out of its frame")
        return struct.unpack_from(form, self.frame, at)[0]

    def _place(self, slot):
        distance = self._unpack("<H", self.vtable + 4 + 2 * slot) if slot < self.slots else 0
        return self.at + distance if distance else None

    def number(self, slot, form, default=0):
        """form: B u8 or bool, H u16, I u32, Q u64, b i8, q i64."""
        place = self._place(slot)
        return default if place is None else self._unpack("<" + form, place)

    def text(self, slot):
        place = self._place(slot)
        if place is None:
            return ""
        place += self._unpack("<I", place)
        size = self._unpack("<I", place)
        if place + 4 + size > len(self.frame):
            raise ProtocolError("a string that ends behind its frame")
        return self.frame[place + 4:place + 4 + size].decode("utf-8", "replace")


def control_frame(kind, *fields):
    """A frame with a table. Fields are (slot, form, value): a form of Table.number, or "text", "texts", "marks"."""
    fields = [field for field in fields if field[2] not in (None, "")]
    slots = 1 + max((slot for slot, _, _ in fields), default=-1)
    body = bytearray(4 + 4 + 2 * slots)  # root, vtable
    pad(body, 8)
    table = len(body)
    struct.pack_into("<I", body, 0, table)
    body += struct.pack("<i", table - 4)
    later = []
    for slot, form, value in fields:
        scalar = form if len(form) == 1 else "I"
        pad(body, struct.calcsize("<" + scalar))
        struct.pack_into("<H", body, 8 + 2 * slot, len(body) - table)
        if scalar != form:
            later.append((len(body), form, value))
        body += struct.pack("<" + scalar, value if scalar == form else 0)
    struct.pack_into("<HH", body, 4, 4 + 2 * slots, len(body) - table)
    for place, form, value in later:
        {"text": put_text, "texts": put_texts, "marks": put_marks}[form](body, place, value)
    return padded(struct.pack("<IBBH", 8 + len(body), kind, 0, 0) + bytes(body))


def pad(body, alignment):
    body.extend(bytes(-len(body) % alignment))


def padded(frame):
    return frame + bytes(-len(frame) % 8)


def point(body, place):
    struct.pack_into("<I", body, place, len(body) - place)


def put_text(body, place, text):
    raw = text if isinstance(text, bytes) else text.encode()
    pad(body, 4)
    point(body, place)
    body += struct.pack("<I", len(raw)) + raw + b"\0"


def put_texts(body, place, texts):
    pad(body, 4)
    point(body, place)
    first = len(body) + 4
    body += struct.pack("<I", len(texts)) + bytes(4 * len(texts))
    for i, text in enumerate(texts):
        put_text(body, first + 4 * i, text)


def put_marks(body, place, marks):
    while len(body) % 8 != 4:  # the elements lie at a multiple of 8, behind their number
        body.append(0)
    point(body, place)
    body += struct.pack("<I", len(marks))
    for topic, seq in marks:
        body += struct.pack("<IIQ", topic, 0, seq)


# --- messages ---


def message_frames(topic, seq, key, payload, deletion=False, batch_more=False, time_us=0, part_bytes_max=4096):
    frames = b""
    total = len(payload)
    flags = (DELETION if deletion else 0) | (BATCH_MORE if batch_more else 0)
    while True:
        part, payload = payload[:part_bytes_max], payload[part_bytes_max:]
        head = struct.pack("<IBBHIIQq", 32 + len(key) + len(part), DATA, flags | (PART_MORE if payload else 0),
                           len(key), topic, total, seq, time_us)
        frames += padded(head + key + part)
        key = b""
        if not payload:
            return frames


class Topic:
    """What is held of one topic: `rows` (key -> payload) of a state topic, `messages` of every one."""

    def __init__(self, name, kind):
        self.name, self.kind = name, kind
        self.rows, self.messages, self.gaps, self.refetched = {}, [], [], []
        self.position = 0  # the last seq that was applied
        self.snapshots = 0  # complete ones
        self.batch, self.parts = [], None
        self.batches = []  # the seqs of each batch that was applied

    def take(self, frame):
        """A data frame: whole, or a part. Applies what is complete."""
        size, _, flags, key_size, _, total, seq, time_us = struct.unpack_from("<IBBHIIQq", frame)
        if size < 32 + key_size or size - 32 - key_size > total:
            raise ProtocolError("a message that contradicts itself")
        key, payload = frame[32:32 + key_size], frame[32 + key_size:]
        if self.parts is not None and self.parts[0] == seq:
            key, payload = self.parts[1], self.parts[2] + payload
        self.parts = (seq, key, payload) if flags & PART_MORE else None
        if flags & PART_MORE or len(payload) != total:
            return
        self.batch.append(Message(seq, time_us, key, payload, bool(flags & DELETION)))
        if not flags & BATCH_MORE:
            self.apply_batch()

    def apply_batch(self):
        for message in self.batch:
            self.messages.append(message)
            if message.deletion:
                self.rows.pop(message.key, None)
            elif self.kind == STATE:
                self.rows[message.key] = message.payload
            self.position = max(self.position, message.seq)
        if self.batch:
            self.batches.append([message.seq for message in self.batch])
        self.batch = []

    def reached(self, seq):
        """position, snapshot_end: nothing is missing up to here, and no batch is open."""
        self.parts = None
        self.apply_batch()
        self.position = max(self.position, seq)

    def start_over(self, reason):
        self.rows, self.batch, self.parts, self.position = {}, [], None, 0
        self.refetched.append(reason)


# --- the session ---


class Client:
    def __init__(self, endpoint, name, keep_alive_ms=0):
        self.endpoint, self.name, self.keep_alive_ms = endpoint, name, keep_alive_ms
        self.topics = {}  # by number
        self.announced = set()  # numbers, in this session
        self.subscriptions = {}  # id -> (filter, epoch); the epoch of its positions, None before the first answer
        self.answers = {}  # (kind of the answer, id) -> Table
        self.published = {}  # topic number -> count of messages
        self.acked, self.rejects = {}, []
        self.socket, self.epoch, self.next_id = None, 0, 1
        self.connect()

    def connect(self):
        """Also to come back: every subscription goes on where it was."""
        if self.socket is not None:
            self.socket.close()
        self.socket, self.input = open_socket(self.endpoint), b""
        self.heard = self.spoke = time.monotonic()
        self.send(control_frame(HELLO, (2, "text", self.name), (3, "text", "btb_client.py/1"),
                                (4, "I", self.keep_alive_ms)))
        kind, frame = self.next_frame(HANG_S)
        if kind != WELCOME:
            raise ProtocolError(f"frame of kind {kind} instead of welcome")
        welcome = Table(frame)
        self.session, self.keep_alive_ms = welcome.number(3, "Q"), welcome.number(6, "I")
        self.message_bytes_max, self.part_bytes_max = welcome.number(7, "I"), welcome.number(8, "I")
        self.admin = bool(welcome.number(11, "B"))
        self.published, self.acked, self.announced = {}, {}, set()
        marks = [(number, topic.position) for number, topic in self.topics.items()]
        if welcome.number(4, "Q") != self.epoch:
            self.topics, marks = {}, []  # its topics have other numbers, and what is held of them is void
        for topic in self.topics.values():
            topic.batch, topic.parts = [], None
        self.epoch = welcome.number(4, "Q")
        for sub, (pattern, epoch) in self.subscriptions.items():
            self._resume(sub, pattern, epoch, marks)

    def _resume(self, sub, pattern, epoch, marks):
        while True:
            now, marks = marks[:MARKS_A_FRAME], marks[MARKS_A_FRAME:]
            self.send(control_frame(SUBSCRIBE, (0, "I", sub), (1, "text", pattern), (2, "B", RESUME),
                                    (5, "Q", epoch), (6, "marks", now), (7, "B", 1 if marks else 0)))
            if not marks:
                break
        self.subscriptions[sub] = (pattern, self.epoch)

    # --- requests ---

    def subscribe(self, pattern, start=LATEST, value=0, no_snapshot=False):
        """Returns the id and the number of topics that match now."""
        sub, self.next_id = self.next_id, self.next_id + 1
        self.send(control_frame(SUBSCRIBE, (0, "I", sub), (1, "text", pattern), (2, "B", start), (3, "q", value),
                                (4, "B", int(no_snapshot))))
        answer = self.answer(SUBSCRIBED, sub, reason_slot=1, text_slot=2)
        self.subscriptions[sub] = (pattern, self.epoch)
        return sub, answer.number(3, "I")

    def unsubscribe(self, sub):
        self.send(control_frame(UNSUBSCRIBE, (0, "I", sub)))
        self.answer(UNSUBSCRIBED, sub, reason_slot=1)

    def _on_unsubscribed(self, sub):
        """What no other subscription matches is not kept up to date any more: it is forgotten."""
        self.subscriptions.pop(sub, None)
        patterns = [pattern for pattern, _ in self.subscriptions.values()]
        for number, topic in list(self.topics.items()):
            if not any(matches(pattern, topic.name) for pattern in patterns):
                del self.topics[number]

    def open(self, name, ack=ACK_MEMORY):
        """The number of a topic to publish to."""
        request, self.next_id = self.next_id, self.next_id + 1
        self.send(control_frame(OPEN, (0, "I", request), (1, "text", name), (2, "B", ack)))
        number = self.answer(OPENED, request, reason_slot=1, text_slot=2).number(3, "I")
        self.published.setdefault(number, 0)
        return number

    def publish(self, number, key, payload, **options):
        """Returns the publisher's own count, which acks and rejects speak of."""
        self.published[number] += 1
        self.send(message_frames(number, self.published[number], key, payload, part_bytes_max=self.part_bytes_max,
                                 **options))
        return self.published[number]

    def delete(self, number, key, **options):
        return self.publish(number, key, b"", deletion=True, **options)

    def command(self, verb, *arguments):
        """The body of the reply: JSON."""
        request, self.next_id = self.next_id, self.next_id + 1
        self.send(control_frame(COMMAND, (0, "I", request), (1, "text", verb), (2, "texts", list(arguments))))
        body = ""
        while True:
            reply = self.answer(REPLY, request, reason_slot=1, text_slot=2)
            body += reply.text(3)
            if not reply.number(4, "B"):
                return body

    def close(self):
        try:
            self.send(control_frame(GOODBYE, (0, "H", 1)))
        except OSError:
            pass
        self.socket.close()

    # --- the stream ---

    def send(self, frames):
        self.socket.settimeout(HANG_S)
        self.socket.sendall(frames)
        self.spoke = time.monotonic()

    def next_frame(self, timeout):
        """(kind, frame without padding), or None when nothing came in time."""
        deadline = time.monotonic() + timeout
        while True:
            if len(self.input) >= 8:
                size, kind = struct.unpack_from("<IB", self.input)
                if size < 8 or size > (DATA_BYTES_MAX if kind == DATA else CONTROL_BYTES_MAX):
                    raise ProtocolError(f"a frame of {size} bytes")
                stride = (size + 7) // 8 * 8
                if len(self.input) >= stride:
                    frame, self.input = self.input[:size], self.input[stride:]
                    return (kind, self._goodbye(frame) if kind == GOODBYE else frame)
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self.socket.settimeout(left)
            try:
                received = self.socket.recv(65536)
            except socket.timeout:
                return None
            except ConnectionResetError:
                raise Goodbye(None, "the connection broke") from None
            if not received:
                raise Goodbye(None, "the connection ended without a goodbye")
            self.heard = time.monotonic()
            self.input += received

    @staticmethod
    def _goodbye(frame):
        table = Table(frame)
        raise Goodbye(table.number(0, "H"), table.text(1), table.number(2, "I"))

    def run_once(self, timeout):
        """Handles at most one frame."""
        next_frame = self.next_frame(min(timeout, self._keep_alive()))
        if next_frame is not None:
            self._handle(*next_frame)

    def run_until(self, condition, timeout):
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name}: what was waited for did not come within {timeout} s")
            self.run_once(min(0.5, max(deadline - time.monotonic(), 0.001)))

    def run_for(self, seconds):
        """Takes in what comes; for showing that something does not."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.run_once(max(deadline - time.monotonic(), 0.001))

    def answer(self, kind, request, reason_slot, text_slot=None, timeout=HANG_S):
        self.run_until(lambda: (kind, request) in self.answers, timeout)
        table = self.answers[kind, request].pop(0)
        if not self.answers[kind, request]:
            del self.answers[kind, request]
        reason = table.number(reason_slot, "H")
        if reason:
            raise Refused(reason, table.text(text_slot) if text_slot else "")
        return table

    def _keep_alive(self):
        """Seconds until this is needed again."""
        now, agreed = time.monotonic(), self.keep_alive_ms / 1000
        if now - self.heard > agreed * 1.5:
            raise Goodbye(None, "the broker was silent for too long")
        if now - self.spoke > agreed * 0.75:
            self.send(control_frame(PING, (0, "Q", 1)))
        return max(self.spoke + agreed * 0.75 - time.monotonic(), 0.01)

    def _handle(self, kind, frame):
        if kind == DATA:
            self._topic(struct.unpack_from("<I", frame, 8)[0]).take(frame)
        elif kind == PING:
            self.send(control_frame(PONG, (0, "Q", Table(frame).number(0, "Q"))))
        elif kind in (SUBSCRIBED, UNSUBSCRIBED, OPENED, REPLY):
            table = Table(frame)
            self.answers.setdefault((kind, table.number(0, "I")), []).append(table)
            if kind == UNSUBSCRIBED and not table.number(1, "H"):
                self._on_unsubscribed(table.number(0, "I"))
        elif kind == TOPIC:
            self._on_topic(Table(frame))
        elif kind == MUST_REFETCH and Table(frame).number(1, "H") == TOPIC_GONE:
            self.topics.pop(Table(frame).number(0, "I"), None)
        elif kind in (SNAPSHOT_BEGIN, SNAPSHOT_END, POSITION, GAP, MUST_REFETCH):
            self._on_progress(kind, Table(frame))
        elif kind == ACK:
            table = Table(frame)
            self.acked[table.number(0, "I")] = table.number(1, "Q")
        elif kind == REJECT:
            table = Table(frame)
            self.rejects.append((table.number(0, "I"), table.number(1, "Q"), table.number(2, "H")))
        elif kind != PONG:
            raise ProtocolError(f"a broker does not send frames of kind {kind}")

    def _on_topic(self, table):
        number = table.number(0, "I")
        if number not in self.topics or number in self.announced:  # twice in a session: start empty
            self.topics[number] = Topic(table.text(1), table.number(2, "B"))
            self.topics[number].position = table.number(6, "Q")
        self.announced.add(number)
        self.topics[number].content = table.text(7)

    def _on_progress(self, kind, table):
        topic = self._topic(table.number(0, "I"))
        if kind in (SNAPSHOT_END, POSITION):
            topic.reached(table.number(1, "Q"))
            topic.snapshots += kind == SNAPSHOT_END
        elif kind == GAP:
            first, last = table.number(1, "Q"), table.number(2, "Q")
            topic.gaps.append((first, last, table.number(3, "H")))
            topic.reached(last)  # a batch that is open has lost a part: what is held of it is all there will be
        elif kind == MUST_REFETCH:
            topic.start_over(table.number(1, "H"))

    def _topic(self, number):
        if number not in self.topics:
            raise ProtocolError(f"topic {number} was not announced")
        return self.topics[number]

    # --- what is known ---

    def topic(self, name):
        """The topic of this name, None if it was not announced."""
        return next((topic for topic in self.topics.values() if topic.name == name), None)

    def synced(self, name):
        """Whether a whole snapshot of a state topic is there."""
        topic = self.topic(name)
        return topic is not None and topic.snapshots > 0


def matches(pattern, name):
    """Whether a filter matches a topic's name: + is one level, # at the end the rest; neither begins with a $."""
    levels, names = pattern.split("/"), name.split("/")
    if name.startswith("$") and levels[0] in ("+", "#"):
        return False
    if levels[-1] == "#":
        levels.pop()
        names = names[:len(levels)]
    return len(levels) == len(names) and all(level in ("+", part) for level, part in zip(levels, names))


def open_socket(endpoint):
    scheme, _, address = endpoint.partition(":")
    if scheme == "tcp":
        host, _, port = address.rpartition(":")
        made = socket.create_connection((host.strip("[]"), int(port)), HANG_S)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made
    if scheme == "rfcomm":  # rfcomm:00:1A:7D:DA:71:13/3
        device, _, channel = address.partition("/")
        made = socket.socket(socket.AF_BLUETOOTH, socket.SOCK_STREAM, socket.BTPROTO_RFCOMM)
        made.settimeout(HANG_S)
        made.connect((device, int(channel)))
        return made
    if scheme != "unix":
        raise ValueError(f"{endpoint}: only unix:, tcp: and rfcomm: here")
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.settimeout(HANG_S)
        made.connect("\0" + address[1:] if address.startswith("@") else address)
    except OSError:
        made.close()
        raise
    return made
