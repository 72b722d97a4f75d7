"""Reads schemas/frame.fbs, as far as that file uses the language: enums, structs and tables."""

import re

SCALARS = {  # size, signed
    "bool": (1, False), "byte": (1, True), "ubyte": (1, False), "ushort": (2, False), "uint16": (2, False),
    "uint32": (4, False), "uint64": (8, False), "int64": (8, True),
}
PAGE_NAMES = {"bool": "bool", "byte": "i8", "ubyte": "u8", "ushort": "u16", "uint16": "u16", "uint32": "u32",
              "uint64": "u64", "int64": "i64", "string": "string"}


class Field:
    def __init__(self, slot, name, type_name, default):
        self.slot, self.name, self.type, self.default = slot, name, type_name, default


class Schema:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            text = re.sub(r"//[^\n]*", "", file.read())
        self.enums, self.enum_types, self.structs, self.tables = {}, {}, {}, {}
        for name, base, flags, body in re.findall(r"enum (\w+) : (\w+) (\(bit_flags\) )?\{([^}]*)\}", text):
            self.enum_types[name] = base
            self.enums[name] = self._values(body, bool(flags))
        for kind, name, body in re.findall(r"(struct|table) (\w+) \{([^}]*)\}", text):
            fields = re.findall(r"(\w+): (\[?\w+\]?)(?: = (-?\w+))?;", body)
            made = [Field(slot, field, type_name, default) for slot, (field, type_name, default) in enumerate(fields)]
            (self.structs if kind == "struct" else self.tables)[name] = made

    @staticmethod
    def _values(body, flags):
        values, following = {}, 0
        for name, number in re.findall(r"(\w+)(?:\s*=\s*(\d+))?\s*(?:,|$)", body.strip()):
            following = int(number) if number else following
            values[name] = 1 << following if flags else following
            following += 1
        return values

    def size(self, type_name):
        """Bytes of a scalar and whether it is signed; None for what lies elsewhere."""
        return SCALARS.get(self.enum_types.get(type_name, type_name))

    def page_type(self, type_name):
        """A type as docs/protocol.md writes it."""
        if type_name in self.enum_types:
            return f"{PAGE_NAMES[self.enum_types[type_name]]} {type_name}"
        if type_name.startswith("["):
            inner = type_name.strip("[]")
            return f"vector of {PAGE_NAMES.get(inner, inner)}"
        return PAGE_NAMES[type_name]

    def default(self, field):
        """The default as the page writes it: a number, the name of an enum's value, or empty text and vectors."""
        if self.size(field.type) is None:
            return "empty"
        if field.type == "bool":
            return field.default or "false"
        if field.type in self.enums:
            return field.default or next(name for name, value in self.enums[field.type].items() if value == 0)
        return field.default or "0"

    def name_of(self, enum, number):
        return next((name for name, value in self.enums[enum].items() if value == number), "unknown")

    def table_of_kind(self, kind):
        """The table a frame of this kind carries: snapshot_begin -> SnapshotBegin."""
        return "".join(word.capitalize() for word in kind.split("_"))
