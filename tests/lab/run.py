"""Runs one file of lab tests in the guest: run.py --build DIR TEST.py [CASE...]

Ends with the tests' own status; 77 (skipped) where there can be no guest, after saying why.
"""
import argparse
import os
import pathlib
import random
import shlex
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import machine  # noqa: E402
import userland  # noqa: E402

SKIPPED = 77


def run_with_real_adapters(asked, build, out):
    out.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "LAB_ADAPTERS": asked.adapters, "LAB_OUT": str(out), "LAB_BIN": str(build / "bin"),
                   "LAB_PLUGINS": str(build / "plugins"), "HOME": str(out), "XDG_STATE_HOME": str(out / "state")}
    command = [sys.executable, "-B", asked.test.resolve(), *asked.cases]
    return subprocess.run(list(map(str, command)), env=environment, check=False).returncode


def wanted(build):
    """The files of this machine that the tests use, which a guest does not have by itself."""
    here = pathlib.Path(__file__).resolve().parent
    root = here.parents[1]
    found = [path for folder in ("bin", "plugins") for path in (build / folder).glob("*")]
    found += [build / "tests/lab/radio", build / "tests/lab/libbluetooth_peer", *here.glob("*.py"), *here.with_name("end_to_end").glob("*.py")]
    found += [*(root / "configs").rglob("*"), *(root / "schemas").glob("*.fbs")]
    return [path for path in found if path.is_file()]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True, help="the preset's folder, build/dev")
    parser.add_argument("--cache", type=pathlib.Path, help="where the kernel is kept; build/lab")
    parser.add_argument("--adapters", help="real ones of this machine (hci0,hci1), and no guest")
    parser.add_argument("test", type=pathlib.Path)
    parser.add_argument("cases", nargs="*")
    asked = parser.parse_args()
    build = asked.build.resolve()
    cache = (asked.cache or build.parent / "lab").resolve()
    out = cache / "runs" / asked.test.stem
    if asked.adapters:
        sys.exit(run_with_real_adapters(asked, build, out))
    os.environ.setdefault("LAB_SEED", str(random.randrange(1 << 32)))
    handed_on = [f"export {name}={shlex.quote(value)}" for name, value in os.environ.items() if name.startswith("LAB_")]
    command = "\n".join([
        *handed_on,
        f"export LAB_BIN={shlex.quote(str(build / 'bin'))} LAB_PLUGINS={shlex.quote(str(build / 'plugins'))}",
        f"export LAB_RADIO={shlex.quote(str(build / 'tests/lab/radio'))}",
        "export ASAN_OPTIONS=detect_leaks=0",
        f"{userland.python()} -B " + " ".join(shlex.quote(str(word)) for word in [asked.test.resolve(), *asked.cases]),
    ])
    try:
        status = machine.run(cache, build, out, command, wanted(build))
    except machine.Unavailable as missing:
        print(f"lab: SKIPPED, NOTHING WAS TESTED: {missing}", flush=True)
        sys.exit(SKIPPED)
    if status != 0:
        print(f"lab: logs and captures are in {out}; LAB_SEED={os.environ['LAB_SEED']} repeats it", flush=True)
    if status is None:
        print("lab: the guest ended without a result; its console says:", flush=True)
        print((out / "console").read_text(errors="replace")[-3000:])
    sys.exit(1 if status is None else status)


if __name__ == "__main__":
    main()
