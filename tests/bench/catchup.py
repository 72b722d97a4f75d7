#!/usr/bin/env python3
"""Catching up: a topic keeps a long log; a new subscriber reads it from the beginning. How many messages a second?"""

import argparse
import statistics

import harness


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    harness.add_common_arguments(parser)
    parser.add_argument("--messages", type=int, default=2_000_000)
    parser.add_argument("--bytes", type=int, default=100)
    parser.add_argument("--times", type=int, default=5)
    return harness.parse(parser)


def topic(args):
    room = args.messages * (args.bytes + 64)
    return f"topics:\n  - filter: bench\n    kind: events\n    keep: {{count: {args.messages}, bytes: {room}}}\n"


def main():
    args = arguments()
    about = harness.circumstances()
    harness.quiet_or_warn(about)
    if reason := harness.missing_reason(args, "btbroker"):
        raise SystemExit(reason)
    rows, targets, figures = [], [], {}
    for kind in ("unix", "tcp"):
        with harness.running(args, "btbroker", kind, topic(args)) as broker:
            found = harness.run_load(args, "catchup", timeout_s=300, endpoint=broker.endpoint, pid=broker.pid,
                                     messages=args.messages, bytes=args.bytes, times=args.times)
            rss_kb = broker.memory_kb()[0]
        figures[kind] = found
        rate, cpu = (statistics.median(each[name] for each in found) for name in ("messages_per_s", "cpu_ns"))
        missed = sum(each["missed"] for each in found)
        rows.append((kind, f"{rate / 1e6:.2f} M", f"{cpu:.0f}", f"{rss_kb / 1024:.0f}", missed))
        targets.append(harness.target_line(f"catching up, {kind}", rate / 1e6, 2, "M messages/s", at_least=True))
    parts = [harness.circumstances_line(about), f"{args.messages} messages of {args.bytes} bytes, to one subscriber; "
             f"median of {args.times} times.", "",
             harness.table(("btbroker", "messages/s", "CPU ns per message", "RSS MB", "missed"), rows), "",
             harness.targets_block(targets)]
    harness.write_results(args, "catchup", {"about": about, "runs": figures, "targets": targets}, "\n".join(parts))


if __name__ == "__main__":
    main()
