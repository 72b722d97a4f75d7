#!/usr/bin/env python3
"""What a capture of the lab (or of btmon -w) holds of btbroker's protocol, as text.

Usage: decode.py CAPTURE [PSM...]     4097 (L2CAP) and 128 (LE) are looked for if none is named

One line for each L2CAP channel that is opened and closed, and for each frame of the protocol: seconds since the
beginning, bytes on the air so far in this direction, who speaks, and what the frame says. For all the rest there are
btmon -r and Wireshark.
"""
import pathlib
import struct
import sys

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests/end_to_end"))
from btb_client import Table  # noqa: E402
from schema import Schema  # noqa: E402

ACL, EVENT = 2, 4
SIGNALLING, LE_SIGNALLING = 1, 5
CONNECT, CONNECTED, DISCONNECT, LE_CONNECT, LE_CONNECTED = 2, 3, 6, 0x14, 0x15
DATA = 1


def records(path):
    """(seconds, to the host?, type, bytes) of each packet."""
    raw = path.read_bytes()
    assert raw[:8] == b"btsnoop\0", f"{path} is no capture"
    at, begin = 16, None
    while at + 24 <= len(raw):
        _, size, flags, _, stamp = struct.unpack(">IIIIQ", raw[at:at + 24])
        begin = stamp if begin is None else begin
        packet = raw[at + 24:at + 24 + size]
        yield (stamp - begin) / 1e6, bool(flags & 1), packet[0], packet[1:]
        at += 24 + size


def l2cap_frames(path):
    """(seconds, to the host?, handle, channel, payload), put together from their fragments."""
    open_frames = {}
    for seconds, to_host, kind, packet in records(path):
        if kind != ACL:
            continue
        handle, _ = struct.unpack("<HH", packet[:4])
        key = (handle & 0xFFF, to_host)
        if handle >> 12 & 3 == 1:
            open_frames[key] = open_frames.get(key, b"") + packet[4:]
        else:
            open_frames[key] = packet[4:]
        frame = open_frames[key]
        if len(frame) >= 4 and len(frame) >= 4 + struct.unpack("<H", frame[:2])[0]:
            del open_frames[key]
            size, channel = struct.unpack("<HH", frame[:4])
            yield seconds, to_host, key[0], channel, frame[4:4 + size]


class Direction:
    """One of the two streams of a channel."""

    def __init__(self, le):
        self.le, self.bytes, self.stream, self.sdu = le, 0, b"", b""

    def take(self, payload):
        self.bytes += len(payload) + 4
        if self.le:  # the first packet of a message begins with the message's length
            self.sdu += payload
            size = struct.unpack("<H", self.sdu[:2])[0]
            if len(self.sdu) - 2 < size:
                return
            payload, self.sdu = self.sdu[2:], b""
        self.stream += payload

    def frames(self):
        while len(self.stream) >= 8:
            size = struct.unpack("<I", self.stream[:4])[0]
            padded = size + -size % 8
            if size < 8 or len(self.stream) < padded:
                return
            frame, self.stream = self.stream[:size], self.stream[padded:]
            yield frame


class Reader:
    def __init__(self, schema, psms):
        self.schema, self.psms = schema, psms
        self.asked = {}     # (handle, identifier) -> (psm, source channel, who asked: to the host?)
        self.channels = {}  # (handle, channel, to the host?) -> Direction; the channel is the receiver's
        self.opened_at = 0

    def signal(self, seconds, to_host, handle, payload):
        while len(payload) >= 4:
            code, identifier, size = struct.unpack("<BBH", payload[:4])
            body, payload = payload[4:4 + size], payload[4 + size:]
            if code in (CONNECT, LE_CONNECT):
                psm, source = struct.unpack("<HH", body[:4])
                if psm in self.psms:
                    self.asked[handle, identifier] = psm, source, to_host
                    print(f"{seconds:9.4f}  {arrow(to_host)} L2CAP: connect to PSM {psm}" +
                          (f", MTU {struct.unpack('<H', body[4:6])[0]}" if code == LE_CONNECT else ""))
            if code in (CONNECTED, LE_CONNECTED) and (handle, identifier) in self.asked:
                psm, source, by = self.asked[handle, identifier]
                destination = struct.unpack("<H", body[:2])[0]
                result = struct.unpack("<H", body[4:6] if code == CONNECTED else body[8:10])[0]
                if result != 0:
                    continue
                le = code == LE_CONNECTED
                self.channels[handle, destination, by] = Direction(le)
                self.channels[handle, source, not by] = Direction(le)
                print(f"{seconds:9.4f}  {arrow(to_host)} L2CAP: connected")
            if code == DISCONNECT:
                destination = struct.unpack("<H", body[:2])[0]
                if (handle, destination, to_host) in self.channels:
                    print(f"{seconds:9.4f}  {arrow(to_host)} L2CAP: disconnect")

    def table(self, frame, kind):
        name = self.schema.table_of_kind(kind)
        table, said = Table(frame), []
        for field in self.schema.tables[name]:
            if table._place(field.slot) is None:
                continue
            size = self.schema.size(field.type)
            if field.type == "string":
                said.append(f'{field.name} "{table.text(field.slot)}"')
            elif size is not None:
                form = {1: "b" if size[1] else "B", 2: "H", 4: "I", 8: "q" if size[1] else "Q"}[size[0]]
                value = table.number(field.slot, form)
                said.append(f"{field.name} {self.schema.name_of(field.type, value) if field.type in self.schema.enums else value}")
            else:
                said.append(f"{field.name} [...]")
        return ", ".join(said)

    def frame(self, frame):
        kind = self.schema.name_of("Kind", frame[4])
        if frame[4] != DATA:
            return f"{kind}{{{self.table(frame, kind)}}}"
        _, _, flags, key_size, topic, total, seq, _ = struct.unpack("<IBBHIIQq", frame[:32])
        key = frame[32:32 + key_size].decode("utf-8", "replace")
        return f'data{{topic {topic}, seq {seq}, key "{key}", {total} bytes' + (f", flags {flags}" if flags else "") + "}"

    def read(self, path):
        for seconds, to_host, handle, channel, payload in l2cap_frames(path):
            if channel in (SIGNALLING, LE_SIGNALLING):
                self.signal(seconds, to_host, handle, payload)
            direction = self.channels.get((handle, channel, to_host))
            if direction is None:
                continue
            direction.take(payload)
            for frame in direction.frames():
                print(f"{seconds:9.4f}  {arrow(to_host)} {direction.bytes:6}  {self.frame(frame)}")


def arrow(to_host):
    return "<-" if to_host else "->"


def main():
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        sys.exit(__doc__)
    psms = {int(word) for word in sys.argv[2:]} or {4097, 128}
    Reader(Schema(ROOT / "schemas/frame.fbs"), psms).read(pathlib.Path(sys.argv[1]))


if __name__ == "__main__":
    main()
