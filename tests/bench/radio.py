#!/usr/bin/env python3
"""What Bluetooth links carry, in the lab (docs/lab.md): our clients beside BlueZ's own l2test and rctest, on the same
emulated air, in one run. The time is that of the air, so the figures mean something although the machine is emulated."""

import argparse
import json
import pathlib
import subprocess
import sys

import harness

LAB = pathlib.Path(__file__).resolve().parent.parent / "lab"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    harness.add_common_arguments(parser)
    return harness.parse(parser)


def measure(args):
    build = pathlib.Path(args.bin).resolve().parent
    done = subprocess.run([sys.executable, "-B", LAB / "run.py", "--build", build, LAB / "speed.py"], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stdout[-3000:])
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def main():
    args = arguments()
    about = harness.circumstances()
    harness.quiet_or_warn(about)
    figures = {each["what"]: each for each in measure(args)}
    rows, targets = [], []
    for link in ("l2cap", "rfcomm", "le"):
        each = figures[link]
        rows.append((link, each["ours"], each["tool"], f"{each['ours'] / each['tool']:.2f}" if each["tool"] else "-"))
        if each["tool"]:
            targets.append(harness.target_line(f"{link} against BlueZ's tool", each["ours"] / each["tool"], 0.95, "x",
                                               at_least=True))
    targets.append(harness.target_line("l2cap against 2178 kbit/s", figures["l2cap"]["ours"] / 2178, 0.9, "x", at_least=True))
    seven = figures["seven"]
    share = max(seven["each"]) / min(seven["each"])
    targets.append(harness.target_line("seven together against one", seven["sum"] / figures["l2cap"]["ours"], 0.9, "x",
                                       at_least=True))
    targets.append(harness.target_line("seven: the largest share against the smallest", share, 1.1, "x"))
    targets.append(harness.target_line("an alert behind a file of 10 MB, p99", figures["alert behind a file"]["p99_ms"], 50, "ms"))
    waits = [("welcome", "connect to welcome, the link being up, median", 300),
             ("found", "btsub finds a broker by its advertisement, median", 1000),
             ("back over l2cap", "back over L2CAP after range returns, median", 2000),
             ("back over le", "back over LE after range returns, median", 2000)]
    for what, words, most in waits:
        targets.append(harness.target_line(words, figures[what]["median_ms"], most, "ms"))
    alerts = [(words, *(figures[what][key] for key in ("count", "p50_ms", "p99_ms", "max_ms")))
              for what, words in (("alert behind a file", "a file of 10 MB"), ("alert behind messages", "messages of 4000 bytes"))]
    waited = [(words.removesuffix(", median"), *(figures[what][key] for key in ("count", "median_ms", "max_ms")))
              for what, words, _ in waits]
    parts = [harness.circumstances_line(about), "", harness.table(("link", "btsub kbit/s", "l2test, rctest kbit/s", "ratio"),
                                                                  rows), "",
             f"Seven at once over L2CAP, kbit/s: {', '.join(str(rate) for rate in seven['each'])}; together {seven['sum']}.", "",
             harness.table(("an alert while the same link is full of", "times", "p50 ms", "p99 ms", "max ms"), alerts), "",
             harness.table(("wait", "times", "median ms", "max ms"), waited), "", harness.targets_block(targets)]
    harness.write_results(args, "radio", {"about": about, "figures": figures, "targets": targets}, "\n".join(parts))


if __name__ == "__main__":
    main()
