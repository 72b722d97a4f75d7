#!/usr/bin/env python3
"""Where a broker's processor time goes in one cell of the fan-out: the profile that says why a goal is not reached. Needs
perf (Debian: linux-perf). Say --peer floor to see what nobody can avoid."""

import argparse
import json
import shutil
import subprocess

import harness

START_S, RECORD_S = 1.0, 3.0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    harness.add_common_arguments(parser)
    parser.add_argument("--cell", default="7x16", help="SUBSCRIBERSxBYTES; default: %(default)s")
    parser.add_argument("--kind", default="unix", choices=("unix", "tcp"))
    parser.add_argument("--peer", default="btbroker", choices=tuple(harness.PEERS))
    parser.add_argument("--lines", type=int, default=30)
    args = harness.parse(parser)
    args.subscribers, args.bytes = (int(part) for part in args.cell.split("x"))
    return args


def record(args, broker, file):
    """Profiles the broker while the load runs; returns the load's throughput."""
    load = subprocess.Popen(
        harness.load_command(args, "fanout", peer=args.peer, endpoint=broker.endpoint, subscribers=args.subscribers,
                             bytes=args.bytes, window=harness.window(args.subscribers, args.bytes), pid=broker.pid,
                             warm=START_S, seconds=RECORD_S, latency_seconds=0),
        stdout=subprocess.PIPE, text=True, preexec_fn=harness.pinned(args.load_core))
    perf = subprocess.run(["perf", "record", "-q", "-e", "cpu-clock", "-o", str(file), "-p", str(broker.pid), "--",
                           "sleep", str(START_S + RECORD_S - 0.5)], capture_output=True, text=True, check=False)
    text, _ = load.communicate(timeout=60)
    if perf.returncode != 0 or not file.exists():
        raise SystemExit(f"perf: {perf.stderr.strip()}")
    return json.loads(text)["throughput"]


def report(file, lines):
    done = subprocess.run(["perf", "report", "-i", str(file), "--stdio", "--no-children", "--percent-limit", "0.3"],
                          capture_output=True, text=True, check=False)
    found = [line.rstrip() for line in done.stdout.splitlines() if line.strip() and not line.startswith("#")]
    return "\n".join(found[:lines])


def main():
    args = arguments()
    for reason in (harness.missing_reason(args, args.peer), None if shutil.which("perf") else "perf is not installed"):
        if reason:
            raise SystemExit(reason)
    about = harness.circumstances()
    with harness.running(args, args.peer, args.kind) as broker:
        file = broker.directory / "perf.data"
        throughput = record(args, broker, file)
        top = report(file, args.lines)
    figures = (f"{args.peer}, {args.subscribers} x {args.bytes} over {args.kind}: "
               f"{throughput['cpu_ns']:.1f} ns of processor time per delivery, busy {throughput['busy']:.0%}")
    harness.write_results(args, "hot_spots", {"about": about, "throughput": throughput, "top": top.splitlines()},
                          "\n".join([harness.circumstances_line(about), figures, "", "```", top, "```"]))


if __name__ == "__main__":
    main()
