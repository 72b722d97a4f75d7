"""The machine the lab runs in: a guest under qemu's software emulation with Debian's 6.12 kernel, in time of its own.

Its clock counts the instructions it executes, and jumps over the time in which it has nothing to do: how fast this
machine is, and what else it does, changes how long a test takes and nothing else. It boots once; the state in which
it is then is saved, and each file of tests goes on from there. docs/decisions/0009-virtual-time.md says why.

It runs one command and powers off. What the command says and how it ends comes back (guest.sh), and what it leaves in
/run/out is copied to a folder here.
"""
import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import kernel as kernels
import qemu
import userland
from userland import Unavailable, tool

ARCHITECTURE = "x86_64"
TOOLS = ["qemu-system-x86_64", "busybox", "depmod", "modprobe", "bluetoothd", "dbus-daemon", "dpkg-deb", "xz"]
HERE = pathlib.Path(__file__).parent


def need_tools():
    if os.uname().machine != ARCHITECTURE:
        raise Unavailable(f"the guest is {ARCHITECTURE}, this machine is {os.uname().machine}")
    for name in TOOLS:
        tool(name)


def digest(lines, paths):
    """Of what a saved state depends on: whatever differs in it makes the state useless."""
    of_files = [f"{path} {at.st_size} {at.st_mtime_ns}" for path in paths for at in [os.lstat(path)]]
    return hashlib.sha256("\n".join([*lines, *of_files]).encode()).hexdigest()[:16]


def kept_state(cache, name, mark, make):
    """The file with the state of this name; `make(folder)` makes it anew if there is none with this mark."""
    state = cache / f"{name}-{qemu.SHIFT}-{mark}"
    if not state.exists():
        began = time.monotonic()
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            with make(pathlib.Path(folder)) as guest:
                guest.save(pathlib.Path(folder, "state"))
            for old in cache.glob(f"{name}-{qemu.SHIFT}-*"):
                old.unlink()
            pathlib.Path(folder, "state").rename(state)
        print(f"lab: {name} in {time.monotonic() - began:.0f} s", flush=True)
    return state


@contextlib.contextmanager
def booted_guest(kernel, paths, initramfs, folder):
    initramfs.write_bytes(kernels.initramfs(kernel))
    userland.write(paths, HERE / "guest.sh", folder / "userland.tar")
    with qemu.Guest(kernels.image(kernel), initramfs, folder) as guest:
        guest.wait_until_ready()
        yield guest


@contextlib.contextmanager
def loaded_guest(kernel, initramfs, state, paths, folder):
    (folder / "wanted").write_text("".join(path[1:] + "\n" for path in paths))
    with qemu.Guest(kernels.image(kernel), initramfs, folder, qemu.from_state(state)) as guest:
        guest.go_on("load")
        guest.wait_until_ready()
        yield guest


def prepare(cache, build=None, wanted=()):
    """(kernel, initramfs, saved state of a guest that has booted and, if a build is named, has the files `wanted`).
    They are made once and kept in `cache`."""
    need_tools()
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "lock", "w") as lock:  # several tests may begin at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        kernel = kernels.fetch(cache)
        own = userland.contents()
        by = [subprocess.check_output([tool("qemu-system-x86_64"), "--version"], text=True), str(kernel), *qemu.MACHINE,
              *((HERE / name).read_text() for name in ("guest.sh", "kernel.py", "machine.py", "qemu.py", "userland.py"))]
        initramfs = cache / "initramfs"
        mark = digest(by, own)
        state = kept_state(cache, "booted", mark, lambda folder: booted_guest(kernel, own, initramfs, folder))
        if build is not None:
            more = sorted(set(userland.with_libraries(list(map(str, wanted)))) - set(own))
            state = kept_state(cache, f"loaded-{build.name}", digest([mark], more),
                               lambda folder: loaded_guest(kernel, initramfs, state, more, folder))
    return kernels.image(kernel), initramfs, state


def run(cache, build, out, command, wanted):
    """Runs the shell text `command` in a guest that has the files `wanted` and their libraries, at the paths they have
    here, and copies what it says. Its status, or None if the guest did not come to an end. Leaves in `out` what the
    command left in /run/out, the output and the console."""
    kernel, initramfs, state = prepare(cache, build, wanted)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (out / "output").touch()
    with qemu.Guest(kernel, initramfs, out, qemu.from_state(state)) as guest:
        try:
            guest.go_on(f"go {time.time():.0f}\n{command}\nend")
        except RuntimeError:
            state.unlink(missing_ok=True)
            print(f"lab: the saved state {state.name} could not be read; it will be made anew", flush=True)
            raise
        ended = follow(guest, out)
    if ended is None:
        return None
    status, passed, idle = ended
    print(f"lab: {passed:.0f} s of the guest's time, {passed - idle:.0f} of them computing, took {guest.processor_s:.0f} s of a "
          "processor", flush=True)
    return status


def follow(guest, out):
    """Copies the output as it comes, until the guest ends: the status, and how long it took, by its clock, and was idle."""
    begun, ended = None, None
    with open(out / "output", "rb") as output:
        while True:
            over = guest.has_ended()
            for word, *values in guest.lines():
                if word == "begun":
                    begun = list(map(float, values))
                elif word == "ended":
                    ended = int(values[0]), float(values[1]) - begun[0], float(values[2]) - begun[1]
            said = output.read()
            sys.stdout.buffer.write(said)
            sys.stdout.flush()
            if over and not said:
                return ended
            if guest.is_silent():
                print(f"lab: the guest gave no sign of life for {qemu.SILENT_S} s", flush=True)
                return None


if __name__ == "__main__":
    try:
        prepare(pathlib.Path(sys.argv[1]).resolve())
    except Unavailable as missing:
        sys.exit(f"lab: {missing}")
