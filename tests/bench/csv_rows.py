#!/usr/bin/env python3
"""A large CSV file through the csv source: from the broker's start until all its rows are published, and from the close of
the file with one changed row until the message; the same of a small table, changed in place and by rename. (Not called csv.py: that would hide Python's own module of that name.)"""

import argparse
import pathlib
import tempfile
import time

import harness

ROW_BYTES = 100
SETTLE_MS = 500
SMALL_ROWS = 100
SMALL_CHANGES = 10  # of each kind


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    harness.add_common_arguments(parser)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--changes", type=int, default=3, help="rows changed, one after the other")
    return harness.parse(parser)


def row(number, dose):
    """ROW_BYTES bytes, line end included."""
    text = f"{number:08d},ward {number % 40:02d},bed {number % 900:03d},{dose:04d} mg,2026-11-22T08:00:00Z,"
    return text + "x" * (ROW_BYTES - 1 - len(text)) + "\n"


HEADER = "id,ward,bed,dose,due,note\n"


def write_file(path, rows):
    with open(path, "w", encoding="ascii") as file:
        file.write(HEADER)
        file.writelines(row(number, number % 1000) for number in range(rows))


def change_row(path, number, dose):
    """Writes one row anew where it stands; returns when the file was closed."""
    with open(path, "r+b") as file:
        file.seek(len(HEADER) + number * ROW_BYTES)
        file.write(row(number, dose).encode())
    return time.monotonic_ns()


def replace_with_changed_row(path, number, dose):
    """Writes the table anew beside it, with one row changed, and renames it over; returns when that was done."""
    beside = path.with_suffix(".new")
    beside.write_bytes(path.read_bytes())
    change_row(beside, number, dose)
    beside.rename(path)
    return time.monotonic_ns()


def config(path):
    return (f"sources:\n  - name: rows\n    plugin: csv\n    options:\n      path: {path}\n      mode: snapshot\n"
            f"      topic: rows\n      key: [id]\n      settle: {SETTLE_MS}ms\n"
            "topics:\n  - filter: rows\n    kind: state\n")


def measure(args, path):
    with harness.running(args, "btbroker", "unix", config(path)) as broker:
        [reached] = harness.run_load(args, "position", endpoint=broker.endpoint, topic="rows", seq=args.rows)
        figures = {"seconds": (reached["at_ns"] - broker.started_ns) / 1e9, "cpu_seconds": broker.cpu_seconds(),
                   "rss_kb": broker.memory_kb()[0], "peak_kb": broker.memory_kb()[1], "changes": []}
        with harness.HeldLoad(args, "watch", endpoint=broker.endpoint, topic="rows", quiet_ms=1500,
                              timeout=30 * args.changes) as watch:
            for change in range(args.changes):
                closed_ns = change_row(path, args.rows * (2 * change + 1) // (2 * args.changes), 7777)
                burst = watch.line()
                figures["changes"].append({"messages": burst["messages"],
                                           "seconds": (burst["first_ns"] - closed_ns) / 1e9})
    return figures


def measure_small(args, path):
    """Seconds from the close, and from the rename, of a small table to the message, of each change."""
    seconds = {"close": [], "rename": []}
    with harness.running(args, "btbroker", "unix", config(path)) as broker:
        harness.run_load(args, "position", endpoint=broker.endpoint, topic="rows", seq=SMALL_ROWS)
        with harness.HeldLoad(args, "watch", endpoint=broker.endpoint, topic="rows", quiet_ms=1000,
                              timeout=120) as watch:
            for change in range(SMALL_CHANGES):
                for kind, act in (("close", change_row), ("rename", replace_with_changed_row)):
                    done_ns = act(path, change, 8000 + change + 100 * (kind == "rename"))
                    seconds[kind].append((watch.line()["first_ns"] - done_ns) / 1e9)
    return seconds


def main():
    args = arguments()
    about = harness.circumstances()
    harness.quiet_or_warn(about)
    if reason := harness.missing_reason(args, "btbroker"):
        raise SystemExit(reason)
    with tempfile.TemporaryDirectory(prefix="btb-bench-") as directory:
        path = pathlib.Path(directory) / "rows.csv"
        write_file(path, args.rows)
        found = measure(args, path)
        small_path = pathlib.Path(directory) / "small.csv"
        write_file(small_path, SMALL_ROWS)
        small = found["small"] = measure_small(args, small_path)
    slowest = max(change["seconds"] for change in found["changes"])
    most = max(change["messages"] for change in found["changes"])
    rows = [(f"{args.rows} rows of {ROW_BYTES} bytes, start to all published", f"{found['seconds']:.2f} s"),
            ("processor time of that", f"{found['cpu_seconds']:.2f} s"),
            ("RSS, peak", f"{found['rss_kb'] / 1024:.0f} MB, {found['peak_kb'] / 1024:.0f} MB")]
    rows += [("a changed row, close to message", f"{change['seconds']:.2f} s, {change['messages']} message(s)")
             for change in found["changes"]]
    rows += [(f"a changed row of {SMALL_ROWS}, {kind} to message: median, slowest of {SMALL_CHANGES}",
              f"{sorted(times)[len(times) // 2] * 1000:.1f} ms, {max(times) * 1000:.1f} ms")
             for kind, times in small.items()]
    targets = [harness.target_line("loaded and published on one core", found["seconds"], 5, "s"),
               harness.target_line("a changed row, close to message", slowest, 2, "s"),
               harness.target_line(f"a changed row of {SMALL_ROWS}, close to message", max(small["close"]), 0.1, "s"),
               harness.target_line(f"a changed row of {SMALL_ROWS}, rename to message", max(small["rename"]), 0.1, "s"),
               harness.target_line("messages for one changed row", most, 1, "")]
    parts = [harness.circumstances_line(about), "", harness.table(("btbroker with the csv source", ""), rows), "",
             harness.targets_block(targets)]
    harness.write_results(args, "csv", {"about": about, "figures": found, "targets": targets}, "\n".join(parts))


if __name__ == "__main__":
    main()
