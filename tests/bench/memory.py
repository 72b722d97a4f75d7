#!/usr/bin/env python3
"""What btbroker holds: idle, with many idle sessions, with many topics of one small message each. Resident memory as the
kernel counts it (VmRSS), without what the kernel itself holds for sockets."""

import argparse
import time

import harness


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    harness.add_common_arguments(parser)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--topics", type=int, default=100_000)
    parser.add_argument("--bytes", type=int, default=16, help="of the message in each topic")
    return harness.parse(parser)


def settled_kb(broker):
    """VmRSS once it has stood still for half a second; at most 5 s."""
    last, since = broker.memory_kb()[0], time.monotonic()
    deadline = since + 5
    while time.monotonic() < deadline and time.monotonic() - since < 0.5:
        time.sleep(0.05)
        now = broker.memory_kb()[0]
        if now != last:
            last, since = now, time.monotonic()
    return last


def growth(args, mode, **options):
    """VmRSS before and with what `mode` makes, and its peak, in KiB."""
    with harness.running(args, "btbroker", "unix") as broker:
        before = settled_kb(broker)
        with harness.HeldLoad(args, mode, endpoint=broker.endpoint, **options):
            return before, settled_kb(broker), broker.memory_kb()[1]


def main():
    args = arguments()
    about = harness.circumstances()
    if reason := harness.missing_reason(args, "btbroker"):
        raise SystemExit(reason)
    idle, with_sessions, peak_sessions = growth(args, "sessions", count=args.sessions)
    before, with_topics, peak_topics = growth(args, "topics", count=args.topics, bytes=args.bytes)
    session_bytes = (with_sessions - idle) * 1024 / args.sessions
    topic_bytes = (with_topics - before) * 1024 / args.topics
    rows = [("idle", f"{idle / 1024:.1f}", "", ""),
            (f"{args.sessions} idle sessions", f"{with_sessions / 1024:.1f}", f"{peak_sessions / 1024:.1f}",
             f"{session_bytes:.0f}"),
            (f"{args.topics} topics, a message of {args.bytes} bytes each", f"{with_topics / 1024:.1f}",
             f"{peak_topics / 1024:.1f}", f"{topic_bytes:.0f}")]
    targets = [harness.target_line("idle broker", idle / 1024, 10, "MB"),
               harness.target_line("an idle session", session_bytes, 4096, "bytes"),
               harness.target_line("a topic with one small message", topic_bytes, 1024, "bytes")]
    parts = [harness.circumstances_line(about), "",
             harness.table(("btbroker", "RSS MB", "peak MB", "bytes each"), rows), "", harness.targets_block(targets)]
    harness.write_results(args, "memory", {"about": about, "idle_kb": idle, "session_bytes": session_bytes,
                                           "topic_bytes": topic_bytes, "targets": targets}, "\n".join(parts))


if __name__ == "__main__":
    main()
