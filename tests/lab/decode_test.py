#!/usr/bin/env python3
"""docs/session-on-air.md holds what decode.py makes of docs/captures/session.btsnoop. Needs no guest.

Usage: decode_test.py [--write]
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
PAGE = ROOT / "docs/session-on-air.md"
BLOCK = re.compile(r"(?<=```capture session\n).*?(?=```)", re.DOTALL)


def main():
    decode = [sys.executable, "-B", ROOT / "tests/lab/decode.py", ROOT / "docs/captures/session.btsnoop"]
    made = subprocess.run(decode, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert made.count("welcome{") == 2 and "from resume" in made, "two sessions are expected in the capture:\n" + made
    page = PAGE.read_text(encoding="utf-8")
    if "--write" in sys.argv[1:]:
        PAGE.write_text(BLOCK.sub(lambda _: made, page), encoding="utf-8")
    elif BLOCK.search(page)[0] != made:
        sys.exit(f"{PAGE} is not what decode.py makes of the capture; --write renews it:\n{made}")


if __name__ == "__main__":
    main()
