#!/usr/bin/env python3
"""docs/protocol.md against schemas/frame.fbs and sdk/wire, so that the page cannot rot.

Usage: protocol_page_test.py ROOT EXAMPLES [--write]

EXAMPLES is the program protocol_examples. The dumps in the page must be exactly what it makes, with the explanations
that follow from the schema; sdk/wire must read from them what was meant; every field of every table and every value of
every enum must stand in the page with its numbers. --write puts fresh dumps into the page."""

import pathlib
import re
import subprocess
import sys

import frame_dump
from schema import Schema

BLOCK = re.compile(r"^```(frame|frame-by-hand) (\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def made_examples(program):
    lines = subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines()
    return {name: bytes.fromhex(digits) for name, digits in (line.split() for line in lines)}


def write(page, schema, examples):
    def fresh(block):
        if block[1] != "frame":
            return block[0]
        return f"```frame {block[2]}\n{frame_dump.dump(schema, examples[block[2]])}\n```"

    page.write_text(BLOCK.sub(fresh, page.read_text(encoding="utf-8")), encoding="utf-8")


def dump_faults(text, schema, examples):
    shown = {}
    for how, name, body in BLOCK.findall(text):
        try:
            shown[name] = frame_dump.bytes_of(body)
        except ValueError as fault:
            yield f"{name}: {fault}"
        if name in examples and how == "frame" and body.rstrip("\n") != frame_dump.dump(schema, examples[name]):
            yield f"{name}: the dump is not what protocol_examples makes (--write renews it)"
    for name in sorted(examples.keys() - shown.keys()):
        yield f"{name}: no dump"
    yield from reading_faults(shown)


def reading_faults(shown):
    lines = "".join(f"{name} {stream.hex()}\n" for name, stream in sorted(shown.items()))
    checked = subprocess.run([sys.argv[2], "--check"], input=lines, capture_output=True, text=True, check=False)
    yield from checked.stdout.splitlines()
    if checked.returncode not in (0, 1):
        yield f"protocol_examples --check ended with {checked.returncode}"


def sections(text):
    """Title (the first word in backquotes or the first word) -> the text below it, for headings of the third level."""
    parts = re.split(r"^### `?(\w+)`?[^\n]*\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def table_faults(text, schema):
    under = sections(text)
    for kind, number in schema.enums["Kind"].items():
        name = schema.table_of_kind(kind)
        if name not in schema.tables:
            continue
        section = under.get(kind, "")
        if not re.search(rf"kind {number}\b", section):
            yield f"{kind}: no section `### {kind}` that says \"kind {number}\""
        for field in schema.tables[name]:
            row = (f"| {field.slot} | {4 + 2 * field.slot} | {field.name} | {schema.page_type(field.type)} | "
                   f"{schema.default(field)} |")
            if row not in section:
                yield f"{kind}: no row `{row}`"


def enum_faults(text, schema):
    under = sections(text)
    for enum, values in schema.enums.items():
        for name, number in values.items():
            if (enum, number) != ("Kind", 0) and f"| {number} | {name} |" not in under.get(enum, ""):
                yield f"{enum}: no row `| {number} | {name} |` under `### {enum}`"


def main():
    root, program = pathlib.Path(sys.argv[1]), sys.argv[2]
    page = root / "docs" / "protocol.md"
    schema = Schema(root / "schemas" / "frame.fbs")
    examples = made_examples(program)
    if "--write" in sys.argv:
        write(page, schema, examples)
    text = page.read_text(encoding="utf-8")
    faults = [*dump_faults(text, schema, examples), *table_faults(text, schema), *enum_faults(text, schema)]
    for fault in faults:
        print(f"docs/protocol.md: {fault}")
    print(f"{len(examples)} examples, {len(schema.tables)} tables, {len(schema.enums)} enums: {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
