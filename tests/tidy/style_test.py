#!/usr/bin/env python3
"""The style that matters, as far as a program can see it. docs/hacking.md lists what is looked at.

Usage: style_test.py [ROOT]. Prints FILE:LINE: what is wrong, and ends with 1 if anything is."""

import pathlib
import re
import sys

import tree as trees

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500
LEFTOVERS = re.compile(r"\b(" + "|".join(("FIX" + "ME", "TO" + "DO", "XX" + "X", "HA" + "CK")) + r")\b")
MACHINE_PATHS = re.compile(r"(?<![\w.$~{}])/(" + "|".join(("wor" + "k", "roo" + "t", "hom" + "e")) + r")/\w")
# Enums of libraries, whose values we need not all know.
FOREIGN_SCOPES = ("std", "YAML", "CLI", "spdlog", "nlohmann", "flatbuffers")


def header_faults(tree):
    for file in tree.code():
        if not file.endswith(trees.HEADER_ENDINGS):
            continue
        text = tree.text(file)
        if not text.startswith(("//", "/*")):
            yield f"{file}:1: a header opens with what it is: a comment"
        guard = re.search(r"^#ifndef (\w+)\n#define \1\b", text, re.MULTILINE)
        if not guard and not re.search(r"^#pragma once$", text, re.MULTILINE):
            yield f"{file}:1: no #pragma once and no include guard"


def length_faults(tree):
    for file in tree.code():
        lines = tree.text(file).count("\n")
        if lines > FILE_LINES_MAX:
            yield f"{file}: {lines} lines, {FILE_LINES_MAX} at most: look for the seam"
        for line, name, size in functions(tree.text(file)):
            if size > FUNCTION_LINES_MAX:
                yield f"{file}:{line}: {name} has {size} lines, {FUNCTION_LINES_MAX} at most: look for the seam"


def functions(text):
    """(line, name, lines of the body) of the functions in C++ code, as far as braces tell."""
    code = trees.bare(text)
    at, out = 0, []
    while (opening := code.find("{", at)) != -1:
        head = re.split(r"[;{}]", code[:opening])[-1]
        if is_scope(head):
            at = opening + 1
            continue
        end = closing = trees.closing(code, opening)
        if "(" in head:
            name = re.search(r"([~\w:]+)\s*\(", head)
            size = code.count("\n", opening, closing) + 1
            out.append((trees.line_of(code, opening), name[1] if name else "a function", size))
        at = end + 1
    return out


def is_scope(head):
    """Whether what stands before a brace opens a namespace or a type, whose inside is looked at."""
    head = re.sub(r"template\s*<[^{]*?>\s*(?=(class|struct|union)\b)", "", head.strip())
    return bool(re.match(r'(inline\s+)?namespace\b|extern\s+"', head)) or bool(
        re.match(r"(typedef\s+)?(class|struct|union)\b[^()=]*(\([^()]*\)[^()=]*)?$", head)
    )


def leftover_faults(tree):
    for file in tree.text_files():
        for number, line in enumerate(tree.text(file).split("\n"), 1):
            if found := LEFTOVERS.search(line):
                yield f"{file}:{number}: {found[1]}: do it, or write down why not"
            if found := MACHINE_PATHS.search(line):
                yield f"{file}:{number}: {found[0]} is a path of one machine"


def switch_faults(tree):
    for file in tree.code():
        code = trees.bare(tree.text(file))
        for switch in re.finditer(r"\bswitch\s*\(", code):
            opening = code.find("{", switch.end())
            body = code[opening: trees.closing(code, opening) + 1]
            scopes = re.findall(r"\bcase\s+(?:::)?(\w+)::", body)
            if scopes and scopes[0] not in FOREIGN_SCOPES and re.search(r"\bdefault\s*:", body):
                line = trees.line_of(code, switch.start())
                yield f"{file}:{line}: a switch over our enum names every value, without default"


def assert_faults(tree):
    for file in tree.code():
        code = trees.bare(tree.text(file))
        for found in re.finditer(r"(?<![\w.:>])assert\s*\(", code):
            yield f"{file}:{trees.line_of(code, found.start())}: BTB_ASSERT stays on in release, assert does not"


def build_lists(tree, file):
    """The text of the build files (CMakeLists.txt, *.cmake) in the file's folder and those above it."""
    places = pathlib.PurePosixPath(file).parents
    lists = [f for f in tree.files() if f.endswith(("CMakeLists.txt", ".cmake"))]
    near = [f for f in lists if pathlib.PurePosixPath(f).parent in places]
    return "\n".join(re.sub(r"#[^\n]*", "", tree.text(f)) for f in near)


def is_named(path, text):
    """Whether the build lists `text` name a source: itself, by btb_fuzz(NAME, or by its stem in a list for ${x}.cc."""
    if re.search(rf"(?<![\w-]){re.escape(path.name)}(?![\w.])", text):
        return True
    if path.stem.endswith("_fuzz"):
        return bool(re.search(rf"btb_fuzz\(\s*{path.stem[:-5]}\b", text))
    return f"}}{path.suffix}" in text and bool(re.search(rf"\b{path.stem}\b", text))


def registration_faults(tree):
    for file in tree.code():
        path = pathlib.PurePosixPath(file)
        if path.suffix not in (".cc", ".c", ".cpp"):
            continue
        text = build_lists(tree, file)
        if not is_named(path, text):
            yield f"{file}: no CMakeLists.txt beside or above it names it, so it is never built"


def option_faults(tree):
    declared = re.compile(r'\b(?:text|flag|integer|number|duration|size|choice|list|map)_option\(\s*"(\w+)"')
    for file in tree.code():
        plugin = re.match(r"(plugins/\w+)/", file)
        if not plugin:
            continue
        readme = plugin[1] + "/README.md"
        text = tree.text(readme) if tree.exists(readme) else ""
        for option in declared.findall(trees.without_comments(tree.text(file))):
            if f"`{option}`" not in text:
                yield f"{readme}: says nothing of the option `{option}` ({file})"


CHECKS = (
    header_faults,
    length_faults,
    leftover_faults,
    switch_faults,
    assert_faults,
    registration_faults,
    option_faults,
)


def check(root):
    tree = trees.Tree(root)
    return [fault for one in CHECKS for fault in one(tree)]


if __name__ == "__main__":
    sys.exit(trees.report("style", check(trees.root_from_arguments())))
