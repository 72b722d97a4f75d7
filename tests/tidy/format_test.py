#!/usr/bin/env python3
"""Whether clang-format 14 would leave the C and C++ files as they are. Ends with 77 (skipped) where it is not installed.

Usage: format_test.py [ROOT]."""

import re
import shutil
import subprocess
import sys

import tree as trees

SKIPPED = 77
VERSION = "14"


def find_tool():
    for name in ("clang-format-" + VERSION, "clang-format"):
        path = shutil.which(name)
        if path:
            said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
            if re.search(rf"version {VERSION}\.", said):
                return path
    return None


def check(root, tool):
    tree = trees.Tree(root)
    files = tree.code()
    if not files:
        return []
    done = subprocess.run([tool, "--dry-run", "--ferror-limit=1", *files], cwd=tree.root, capture_output=True, text=True)
    found = re.findall(r"^(\S+?):(\d+):\d+: warning: code should be clang-formatted", done.stderr, re.MULTILINE)
    if done.returncode != 0 and not found:
        return [f"clang-format failed: {done.stderr.strip()}"]
    lines = {}
    for file, line in found:
        lines.setdefault(file, line)
    return [f"{file}:{line}: not formatted; clang-format-{VERSION} -i {file}" for file, line in lines.items()]


if __name__ == "__main__":
    the_tool = find_tool()
    if the_tool is None:
        print(f"format: SKIPPED, clang-format-{VERSION} is not installed; ./run tidy installs it")
        sys.exit(SKIPPED)
    sys.exit(trees.report("format", check(trees.root_from_arguments(), the_tool)))
