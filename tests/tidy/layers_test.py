#!/usr/bin/env python3
"""Who includes whom: holds every #include of the tree against the table of rooms in docs/architecture.md.

Usage: layers_test.py [ROOT]. Prints FILE:LINE: what is wrong, and ends with 1 if anything is."""

import re
import sys

import tree as trees

TABLE_FILE = "docs/architecture.md"


class Room:
    def __init__(self, name, allowed, own):
        self.name, self.allowed, self.own = name, allowed, own


def read_table(text):
    """The rooms of the fenced ```layers block, by name; None if there is no such block."""
    block = re.search(r"^```layers\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    if not block:
        return None
    rooms = {}
    for line in filter(str.strip, block[1].split("\n")):
        left, _, own = line.partition("|")
        name, _, allowed = left.partition(":")
        rooms[name.strip()] = Room(name.strip(), allowed.split(), [o.strip("<>") for o in own.split()])
    return rooms


def room_of(file, rooms):
    """The room a file lies in: the longest name that is its folder, or above it."""
    return max((r for r in rooms if file.startswith(r + "/")), key=len, default=None)


def unit_of(file):
    """A header and its source are one unit."""
    return file.rpartition(".")[0]


def circle(edges):
    """The nodes of one circle in {node: nodes}, or None."""
    state, path = {}, []

    def visit(node):
        state[node] = "open"
        path.append(node)
        for other in sorted(edges.get(node, ())):
            if state.get(other) == "open":
                return path[path.index(other):] + [other]
            if other not in state:
                found = visit(other)
                if found:
                    return found
        path.pop()
        state[node] = "done"
        return None

    for start in sorted(edges):
        if start not in state:
            found = visit(start)
            if found:
                return found
    return None


def table_faults(rooms):
    faults = []
    for room in rooms.values():
        for other in room.allowed:
            if other not in rooms:
                faults.append(f"{TABLE_FILE}: {room.name} may include {other}, which is no room")
    found = circle({r.name: r.allowed for r in rooms.values()})
    if found:
        faults.append(f"{TABLE_FILE}: a circle of rooms: {' -> '.join(found)}")
    return faults


def quoted_fault(tree, rooms, file, name):
    """What is wrong with #include "name" in `file`, or None."""
    generated = re.fullmatch(r"(schemas/.*)_(?:generated|enums)\.h", name)
    if not (tree.exists(generated[1] + ".fbs") if generated else tree.exists(name)):
        return f'"{name}" is no file; includes begin at the root of the tree'
    if file.startswith("tests/"):
        return None
    if name.startswith("tests/"):
        return f'includes a test, "{name}"'
    here, there = room_of(file, rooms), room_of(name, rooms)
    if here is None:
        return f"lies in no room of {TABLE_FILE}"
    if there is None:
        return f'"{name}" lies in no room of {TABLE_FILE}'
    if here != there and there not in rooms[here].allowed:
        return f"{here} may not include {there} ({name})"
    return None


def angled_fault(rooms, file, name):
    """What is wrong with #include <name> in `file`, or None. Tests play the outside world and may use anything."""
    if file.startswith("tests/"):
        return None
    here = room_of(file, rooms)
    for room in rooms.values():
        for own in room.own:
            mine = name.startswith(own) if own.endswith("/") else name == own
            if mine and not any(name == o or (o.endswith("/") and name.startswith(o)) for o in getattr(rooms.get(here), "own", [])):
                return f"<{name}> belongs to {room.name}"
    if name.startswith(trees.ROOMS_BELOW) and "/" in name:
        return f"<{name}>: our own headers are included in quotes"
    return None


def check(root):
    tree = trees.Tree(root)
    rooms = read_table(tree.text(TABLE_FILE)) if tree.exists(TABLE_FILE) else None
    if not rooms:
        return [f"{TABLE_FILE}: no ```layers table"]
    faults, file_edges, unit_edges, room_edges = table_faults(rooms), {}, {}, {}
    for file in tree.code():
        if not file.startswith("tests/") and room_of(file, rooms) is None:
            faults.append(f"{file}: lies in no room of {TABLE_FILE}")
            continue
        for number, mark, name in tree.includes(file):
            fault = quoted_fault(tree, rooms, file, name) if mark == '"' else angled_fault(rooms, file, name)
            if fault:
                faults.append(f"{file}:{number}: {fault}")
            if mark == '"':
                file_edges.setdefault(file, set()).add(name)
                if not file.startswith("tests/") and unit_of(file) != unit_of(name):
                    unit_edges.setdefault(unit_of(file), set()).add(unit_of(name))
                here, there = room_of(file, rooms), room_of(name, rooms)
                if here and there and here != there:
                    room_edges.setdefault(here, set()).add(there)
    for what, edges in (("files", file_edges), ("headers with their sources", unit_edges), ("rooms", room_edges)):
        found = circle(edges)
        if found:
            faults.append(f"{found[0]}: a circle of {what}: {' -> '.join(found)}")
    return faults


if __name__ == "__main__":
    sys.exit(trees.report("layers", check(trees.root_from_arguments())))
