#!/usr/bin/env python3
"""Fan-out: one publisher, many subscribers. btbroker against redis, nats-server, mosquitto and the floor (a bare process
that only reads and writes), all driven by the same load. Prints the table of docs/benchmarks.md and which goals are
reached; a goal that is not reached is no error."""

import argparse
import statistics
import time

import harness

SUBSCRIBERS, BYTES = (7, 100, 1000), (16, 128, 4096)
QUICK = [(7, 16), (7, 128), (100, 128)]
BROKERS = ("redis", "nats", "mosquitto")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    harness.add_common_arguments(parser)
    parser.add_argument("--quick", action="store_true", help="three cells, one round")
    parser.add_argument("--cells", help="SUBSCRIBERSxBYTES,... (default: 7,100,1000 x 16,128,4096)")
    parser.add_argument("--peers", default=",".join(harness.PEERS), help="default: %(default)s")
    parser.add_argument("--kinds", default="unix,tcp", help="kinds of sockets")
    parser.add_argument("--rounds", type=int, default=None, help="default: 3")
    parser.add_argument("--seconds", type=float, default=0.8, help="of each measurement of throughput")
    parser.add_argument("--latency-seconds", type=float, default=2.0, help="of each measurement at --rate")
    parser.add_argument("--rate", type=float, default=1000, help="messages per second for the latencies")
    parser.add_argument("--minutes", type=float, default=14, help="begin no cell after so long")
    parser.add_argument("--spin", action="store_true", help="the load never sleeps: only the broker wakes up")
    args = harness.parse(parser)
    if args.cells:
        args.cells = [tuple(int(part) for part in cell.split("x")) for cell in args.cells.split(",")]
    else:
        args.cells = QUICK if args.quick else [(s, b) for s in SUBSCRIBERS for b in BYTES]
    args.rounds = args.rounds or (1 if args.quick else 3)
    args.peers = args.peers.split(",")
    args.kinds = args.kinds.split(",")
    return args


def measure(args, peer, kind, subscribers, size):
    with harness.running(args, peer, kind) as broker:
        [found] = harness.run_load(args, "fanout", peer=peer, endpoint=broker.endpoint, subscribers=subscribers,
                                   bytes=size, window=harness.window(subscribers, size), pid=broker.pid, seconds=args.seconds,
                                   latency_seconds=args.latency_seconds, rate=args.rate, spin=int(args.spin))
    return found


def measure_all(args, present):
    """{(subscribers, bytes, peer, kind): [one result a round]}, and the faults. Rounds are outermost, so that what the
    machine does in between meets all peers alike."""
    runs = [(s, b, peer, kind) for s, b in args.cells for peer in present
            for kind in harness.PEERS[peer][0] if kind in args.kinds]
    results, faults = {}, []
    started = time.monotonic()
    for turn in range(args.rounds):
        for run in runs:
            if time.monotonic() - started > args.minutes * 60:
                faults.append(f"after {args.minutes:g} minutes round {turn + 1} of {args.rounds} was cut short")
                return results, faults
            subscribers, size, peer, kind = run
            try:
                found = measure(args, peer, kind, subscribers, size)
            except harness.BenchError as error:
                faults.append(f"{subscribers} x {size}, {peer} {kind}: {error}")
                continue
            results.setdefault(run, []).append(found)
            harness.say(f"round {turn + 1}: {subscribers} x {size}, {peer} {kind}: "
                        f"{found['throughput']['cpu_ns']:.0f} ns, p99 {found['latency']['p99_us']:.0f} us")
    return results, faults


def medians(results):
    """One flat figure set for each cell."""
    def middle(found, part, name):
        return statistics.median(each[part][name] for each in found)
    return {run: {"rate": middle(found, "throughput", "deliveries_per_s"),
                  "cpu_ns": middle(found, "throughput", "cpu_ns"),
                  "schedstat_ns": middle(found, "throughput", "schedstat_ns"),
                  "load_busy": middle(found, "throughput", "load_busy"),
                  "busy": middle(found, "throughput", "busy"),
                  "p50_us": middle(found, "latency", "p50_us"), "p99_us": middle(found, "latency", "p99_us"),
                  "p999_us": middle(found, "latency", "p999_us"), "max_us": middle(found, "latency", "max_us"),
                  "undelivered": max(each["latency"]["undelivered"] for each in found),
                  "missed": max(each["latency"]["missed"] for each in found),
                  "peak_kb": middle(found, "memory", "peak_kb"), "rounds": len(found)}
            for run, found in results.items()}


def best_of(cells, subscribers, size, figure, kinds):
    """The lowest value of any other broker in this cell, over the kinds of sockets named."""
    values = [cells[run][figure] for peer in BROKERS for kind in kinds
              if (run := (subscribers, size, peer, kind)) in cells]
    return min(values, default=None)


def ratio(value, of):
    return f"{value / of:.2f}" if of else "-"


def rows(args, cells):
    for subscribers, size in args.cells:
        for peer in args.peers:
            for kind in args.kinds:
                figures = cells.get((subscribers, size, peer, kind))
                if not figures:
                    continue
                floor = cells.get((subscribers, size, "floor", kind))
                best = best_of(cells, subscribers, size, "cpu_ns", args.kinds)
                late = "*" if figures["undelivered"] or figures["missed"] else ""
                yield (f"{subscribers} x {size}", f"{peer} {kind}", f"{figures['rate'] / 1e6:.2f} M",
                       f"{figures['cpu_ns']:.0f}", ratio(figures["cpu_ns"], floor and floor["cpu_ns"]),
                       ratio(figures["cpu_ns"], best) if peer == "btbroker" else "",
                       f"{figures['p50_us']:.0f}", f"{figures['p99_us']:.0f}{late}", f"{figures['p999_us']:.0f}{late}",
                       f"{figures['peak_kb'] / 1024:.1f}")


def goals(args, cells):
    for subscribers, size in args.cells:
        for kind in args.kinds:
            own = cells.get((subscribers, size, "btbroker", kind))
            if not own:
                continue
            cell = f"{subscribers} x {size} {kind}"
            if floor := cells.get((subscribers, size, "floor", kind)):
                limit = 2.0 if (subscribers, size) == (7, 16) else 1.5
                yield harness.target_line(f"{cell}, CPU against the floor", own["cpu_ns"] / floor["cpu_ns"], limit, "x")
            best = best_of(cells, subscribers, size, "cpu_ns", args.kinds)
            if best and kind == "unix" and size <= 128:
                yield harness.target_line(f"{cell}, CPU against the best peer", own["cpu_ns"] / best, 0.25, "x")
            best = best_of(cells, subscribers, size, "p99_us", args.kinds if kind == "unix" else (kind,))
            if best:
                yield harness.target_line(f"{cell}, p99 against the best peer", own["p99_us"] / best, 1.0, "x")


def odd_clocks(cells):
    """Cells in which the two ways to read the broker's processor time differ."""
    for run, figures in cells.items():
        if abs(figures["schedstat_ns"] / figures["cpu_ns"] - 1) > 0.02:
            yield (f"{run[0]} x {run[1]}, {run[2]} {run[3]}: CPU by schedstat {figures['schedstat_ns']:.1f} ns, "
                   f"by the process's clock {figures['cpu_ns']:.1f} ns")


def main():
    args = arguments()
    about = harness.circumstances()
    harness.quiet_or_warn(about)
    missing = {peer: reason for peer in args.peers if (reason := harness.missing_reason(args, peer))}
    for peer, reason in missing.items():
        harness.say(f"missing: {peer}: {reason}")
    present = [peer for peer in args.peers if peer not in missing]
    with harness.Steal() as steal:
        results, faults = measure_all(args, present)
    about["stolen"] = steal.share
    cells = medians(results)
    targets = list(goals(args, cells))
    faults += list(odd_clocks(cells))
    versions = {peer: version for peer in present if (version := harness.version_of(peer, args))}

    parts = [harness.circumstances_line(about),
             f"The hypervisor took {about['stolen']:.1%} of the time for others.",
             "Versions: " + ", ".join(f"{peer} {version}" for peer, version in versions.items()) + "; "
             f"medians of {args.rounds} rounds, {args.seconds:g} s and {args.latency_seconds:g} s each.",
             "",
             harness.table(("subscribers x bytes", "broker", "deliveries/s", "CPU ns per delivery", "x floor",
                            "x best peer", f"p50 us at {args.rate:g}/s", "p99 us", "p99.9 us", "peak MB"),
                           rows(args, cells)),
             "", "`*`: not everything had arrived 2 s after the last message was due, or messages were left out.", ""]
    if targets:
        parts += [harness.targets_block(targets), ""]
    parts += [f"- missing: {peer}: {reason}" for peer, reason in missing.items()]
    parts += [f"- {fault}" for fault in faults]
    harness.write_results(args, "fanout", {
        "about": about, "versions": versions, "missing": missing, "faults": faults,
        "cells": [dict(zip(("subscribers", "bytes", "peer", "kind"), run)) | figures | {"each": results[run]}
                  for run, figures in cells.items()],
        "targets": targets}, "\n".join(parts).rstrip())


if __name__ == "__main__":
    main()
