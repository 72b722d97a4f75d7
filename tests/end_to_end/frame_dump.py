"""Frames as docs/protocol.md shows them: offsets, bytes, and what each of them is."""

import struct

BYTES_A_LINE = 12
REPEAT_MIN = 24  # equal bytes in a row are shown as "41 x 4096" from here on


class Dump:
    """Takes one frame apart with nothing but the schema."""

    def __init__(self, schema, frame):
        self.schema, self.frame, self.pieces = schema, frame, []
        size, kind, flags, key_size = struct.unpack_from("<IBBH", frame)
        self.kind = schema.name_of("Kind", kind)
        self.add(0, 4, f"size = {size}")
        self.add(4, 1, f"kind = {kind}, {self.kind}")
        self.add(5, 1, f"flags = {flags}" + self.flag_words(flags))
        self.add(6, 2, f"key_size = {key_size}")
        if self.kind == "data":
            self.data(size, key_size)
        else:
            self.table(schema.table_of_kind(self.kind))

    def flag_words(self, flags):
        if self.kind != "data" or flags == 0:
            return ""
        words = [name for name, bit in self.schema.enums["Flag"].items() if flags & bit and "priority" not in name]
        if flags & 6:
            words.append("priority " + self.schema.name_of("Priority", flags >> 1 & 3))
        return ": " + ", ".join(words)

    def add(self, at, size, text):
        self.pieces.append((at, size, text))

    def number(self, at, size, signed=False):
        return int.from_bytes(self.frame[at:at + size], "little", signed=signed)

    def data(self, size, key_size):
        for at, width, name in ((8, 4, "topic"), (12, 4, "total"), (16, 8, "seq"), (24, 8, "time_us")):
            self.add(at, width, f"{name} = {self.number(at, width)}")
        if key_size:
            self.add(32, key_size, "key: " + self.text(32, key_size))
        if size > 32 + key_size:
            at = 32 + key_size
            shown = self.text(at, size - at) if size - at < REPEAT_MIN else f"{size - at} bytes"
            self.add(at, size - at, "payload: " + shown)

    def text(self, at, size):
        return '"' + self.frame[at:at + size].decode() + '"'

    def table(self, name):
        fields = self.schema.tables[name]
        root = self.number(8, 4)
        at = 8 + root
        vtable = at - self.number(at, 4, True)
        self.add(8, 4, f"root = {root}: the table is at 8 + {root} = {at}")
        slots = (self.number(vtable, 2) - 4) // 2
        self.add(vtable, 2, f"vtable: {4 + 2 * slots} bytes long, that is {slots} slot" + ("s" if slots != 1 else ""))
        self.add(vtable + 2, 2, f"vtable: the table has {self.number(vtable + 2, 2)} bytes")
        self.add(at, 4, f"table: the vtable is at {at} - {at - vtable} = {vtable}")
        for slot in range(slots):
            field, where = fields[slot], self.number(vtable + 4 + 2 * slot, 2)
            if where == 0:
                self.add(vtable + 4 + 2 * slot, 2, f"slot {slot}, {field.name}: absent")
                continue
            self.add(vtable + 4 + 2 * slot, 2, f"slot {slot}, {field.name}: at {at} + {where} = {at + where}")
            self.field(field, at + where)

    def field(self, field, at):
        scalar = self.schema.size(field.type)
        if scalar is None:
            target = at + self.number(at, 4)
            self.add(at, 4, f"{field.name}: at {at} + {self.number(at, 4)} = {target}")
            return self.vector(field, target) if field.type != "string" else self.string(field.name, target)
        value = self.number(at, *scalar)
        word = f", {self.schema.name_of(field.type, value)}" if field.type in self.schema.enums else ""
        return self.add(at, scalar[0], f"{field.name} = {value}{word}")

    def string(self, name, at):
        size = self.number(at, 4)
        self.add(at, 4, f"{name}: {size} bytes")
        self.add(at + 4, size, self.text(at + 4, size))
        self.add(at + 4 + size, 1, "a zero behind the string")

    def vector(self, field, at):
        count = self.number(at, 4)
        self.add(at, 4, f"{field.name}: {count} element" + ("s" if count != 1 else ""))
        inner = field.type.strip("[]")
        for i in range(count):
            if inner == "string":
                where = at + 4 + 4 * i
                target = where + self.number(where, 4)
                self.add(where, 4, f"element {i}: at {where} + {target - where} = {target}")
                self.string(f"element {i}", target)
            elif inner in self.schema.structs:
                self.element(inner, i, at + 4)

    def element(self, name, index, at):
        fields = self.schema.structs[name]
        widths = [self.schema.size(field.type)[0] for field in fields]
        at += index * sum(widths)
        for field, width in zip(fields, widths):
            self.add(at, width, f"element {index}: {field.name} = {self.number(at, width)}")
            at += width

    def lines(self):
        reached = 0
        for at, size, text in sorted(self.pieces):
            if at > reached:
                yield from self.piece(reached, at - reached, "padding")
            yield from self.piece(at, size, text)
            reached = at + size
        if reached < len(self.frame):
            yield from self.piece(reached, len(self.frame) - reached, "padding")

    def piece(self, at, size, text):
        chunk = self.frame[at:at + size]
        if size >= REPEAT_MIN and len(set(chunk)) == 1:
            yield f"{at:4}  {f'{chunk[0]:02x} x {size}':{3 * BYTES_A_LINE}} {text}"
            return
        for first in range(0, size, BYTES_A_LINE):
            row = chunk[first:first + BYTES_A_LINE].hex(" ")
            yield f"{at + first:4}  {row:{3 * BYTES_A_LINE}} {text if first == 0 else ''}".rstrip()


def frames_of(stream):
    while stream:
        stride = (int.from_bytes(stream[:4], "little") + 7) // 8 * 8
        yield stream[:stride]
        stream = stream[stride:]


def dump(schema, stream):
    """The lines of one example. Offsets count from the first byte of each frame."""
    return "\n".join(line for frame in frames_of(stream) for line in Dump(schema, frame).lines())


def bytes_of(text):
    """The bytes in a dump; ValueError if its offsets are not where its bytes are."""
    stream, start = b"", 0
    for line in text.split("\n"):
        if not line.strip():
            continue
        offset, columns = int(line[:4]), line[6:6 + 3 * BYTES_A_LINE].strip()
        if offset == 0:
            start = len(stream)
        if offset != len(stream) - start:
            raise ValueError(f"the offset of the line `{line}` should be {len(stream) - start}")
        if " x " in columns:
            byte, count = columns.split(" x ")
            stream += bytes.fromhex(byte) * int(count)
        else:
            stream += bytes.fromhex(columns)
    return stream
