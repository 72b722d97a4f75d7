#!/usr/bin/env python3
"""One subscriber of many stops reading: what do the others feel, and does the broker's memory stay flat? In one
conversation, phases in which all read and phases in which the first does not take turns, so that what else the machine
does meets both alike; the first subscriber is in no figure."""

import argparse
import statistics

import harness

# The log is filled before the first phase, so that memory has no other reason to grow.
TOPIC = "topics:\n  - filter: bench\n    kind: events\n    keep: {count: 100000, bytes: 1048576}\n"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    harness.add_common_arguments(parser)
    parser.add_argument("--subscribers", type=int, default=1000)
    parser.add_argument("--bytes", type=int, default=128)
    parser.add_argument("--rates", default="1000,200", help="messages per second; default: %(default)s")
    parser.add_argument("--phases", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=1.25, help="of each phase")
    parser.add_argument("--kind", default="unix", choices=("unix", "tcp"))
    parser.add_argument("--peer", default="btbroker", choices=("btbroker", "redis", "nats"))
    return harness.parse(parser)


def measure(args, rate):
    with harness.running(args, args.peer, args.kind, TOPIC) as broker:
        return harness.run_load(args, "stuck", timeout_s=60 + args.phases * (args.seconds + 40), peer=args.peer,
                                endpoint=broker.endpoint, subscribers=args.subscribers, bytes=args.bytes, window=64,
                                pid=broker.pid, rate=rate, phases=args.phases, latency_seconds=args.seconds)


def summary(phases):
    def p99(stuck):
        return statistics.median(each["latency"]["p99_us"] for each in phases if each["stuck"] == stuck)
    return {"p99_us": p99(False), "p99_stuck_us": p99(True), "rss_first_kb": phases[0]["memory"]["rss_kb"],
            "rss_last_kb": phases[-1]["memory"]["rss_kb"], "missed": sum(p["latency"]["missed"] for p in phases)}


def row_of(rate, stuck, phases):
    def median(figure):
        return statistics.median(each["latency"][figure] for each in phases)
    p99 = [each["latency"]["p99_us"] for each in phases]
    return (f"{rate:g}", "first does not read" if stuck else "all read", len(phases), f"{median('p50_us'):.0f}",
            f"{median('p99_us'):.0f}", f"{min(p99):.0f} to {max(p99):.0f}", f"{median('p999_us'):.0f}",
            f"{phases[-1]['memory']['rss_kb'] / 1024:.1f}")


def main():
    args = arguments()
    about = harness.circumstances()
    harness.quiet_or_warn(about)
    if reason := harness.missing_reason(args, args.peer):
        raise SystemExit(reason)
    rows, targets, figures, faults = [], [], [], []
    for rate in (float(each) for each in args.rates.split(",")):
        try:
            phases = measure(args, rate)
        except harness.BenchError as error:
            faults.append(f"{rate:g}/s: {error}")
            continue
        found = summary(phases)
        figures.append({"rate": rate, "phases": phases} | found)
        for stuck in (False, True):
            rows.append(row_of(rate, stuck, [phase for phase in phases if phase["stuck"] == stuck]))
        others = args.subscribers - 1
        targets.append(harness.target_line(f"{rate:g}/s, p99 of the other {others}, stuck against before",
                                           found["p99_stuck_us"] / found["p99_us"], 1.05, "x"))
        targets.append(harness.target_line(f"{rate:g}/s, memory at the end against the first phase",
                                           found["rss_last_kb"] / found["rss_first_kb"], 1.05, "x"))
    parts = [harness.circumstances_line(about), f"{args.peer}, {args.subscribers} subscribers over {args.kind}, "
             f"{args.bytes} bytes, phases of {args.seconds:g} s by turns; medians over the phases.", "",
             harness.table(("messages/s", "", "phases", "p50 us", "p99 us", "p99, least to most", "p99.9 us", "RSS MB"), rows),
              ""]
    parts += [harness.targets_block(targets)] if targets else []
    parts += [f"- {fault}" for fault in faults]
    harness.write_results(args, "stuck", {"about": about, "runs": figures, "targets": targets, "faults": faults},
                          "\n".join(parts))


if __name__ == "__main__":
    main()
