"""The machine the lab runs in: a guest under qemu's software emulation with Debian's 6.12 kernel.

Its root is this machine's own, read-only, so it runs the programs that were just built here and
whatever Debian package is installed here; /run, /tmp and /var are its own and empty. It runs one
command and powers off. What the command says and how it ends comes back through a folder that both
see (/run/out in the guest).

The kernel is fetched with `apt-get download` and unpacked, never installed. Why 6.12 and not
Debian 12's own 6.1: that one falls over when several links open at once.
"""
import contextlib
import fcntl
import gzip
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ARCHITECTURE = "x86_64"
KERNEL_PACKAGE = "linux-image-6.12-amd64"
MODULES = ["virtio_pci", "9pnet_virtio", "9p", "overlay", "bluetooth", "hci_vhci", "rfcomm", "bnep", "cmac",
           "ecdh_generic", "algif_hash", "algif_skcipher"]
MEMORY_MB = 1024
BOOTS_MAX = 4
BOOT_TIMEOUT_S = 60
TOOLS = {"qemu-system-x86_64": "qemu-system-x86", "busybox": "busybox-static", "depmod": "kmod", "modprobe": "kmod",
         "bluetoothd": "bluez", "dbus-daemon": "dbus", "dpkg-deb": "dpkg", "xz": "xz-utils"}
SEARCHED = ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/libexec/bluetooth"]

INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /new
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
while read -r module; do /bin/busybox insmod /modules/$module || echo "no module $module"; done </modules/order
mount9p() { /bin/busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288,$3 "$1" "$2"; }
mount9p host /new ro,cache=loose
for own in run tmp var; do /bin/busybox mount -t tmpfs $own /new/$own; done
/bin/busybox mkdir -p /new/run/out /new/var/lib /new/var/log /new/run/lock
mount9p out /new/run/out rw,cache=none
for part in proc sys dev; do /bin/busybox mount --move /$part /new/$part; done
/bin/busybox mkdir -p /new/dev/pts
/bin/busybox mount -t devpts pts /new/dev/pts
exec /bin/busybox switch_root /new /bin/sh /run/out/guest.sh
"""

# The command's own input is closed: some of BlueZ's tools wait for ever on a console that is none.
GUEST = """#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/libexec/bluetooth HOME=/tmp LC_ALL=C.UTF-8
ip link set lo up 2>/dev/null || ifconfig lo up 2>/dev/null
cd /run/out
touch /run/out/started
sh /run/out/command.sh </dev/null >/run/out/output 2>&1
echo $? >/run/out/status.new
mv /run/out/status.new /run/out/status
sync
echo o >/proc/sysrq-trigger
sleep 60
"""


class Unavailable(Exception):
    """The lab cannot run here; the text says what is missing."""


def tool(name):
    for folder in [*SEARCHED, *os.environ.get("PATH", "").split(":")]:
        path = pathlib.Path(folder, name)
        if path.is_file() and os.access(path, os.X_OK):
            return str(path)
    raise Unavailable(f"there is no {name}: install the package {TOOLS[name]}")


def need_tools():
    if os.uname().machine != ARCHITECTURE:
        raise Unavailable(f"the guest is {ARCHITECTURE}, this machine is {os.uname().machine}")
    for name in TOOLS:
        tool(name)


def call(command, **more):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    except FileNotFoundError as missing:
        raise Unavailable(f"there is no {missing.filename}") from missing
    if done.returncode != 0:
        raise Unavailable(f"{' '.join(map(str, command))}: {done.stdout.strip()[-500:]}")
    return done.stdout


def fetch_kernel(cache):
    """The folder with the unpacked kernel package; fetched once."""
    kept = sorted(cache.glob("kernel-*"))
    if kept:
        return kept[-1]
    named = [line.split()[-1] for line in call(["apt-cache", "depends", KERNEL_PACKAGE]).splitlines()
             if "Depends: linux-image-" in line]
    if not named:
        raise Unavailable(f"apt knows no {KERNEL_PACKAGE}: run `apt-get update`, and have bookworm-security in its sources")
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        print(f"lab: fetching {named[0]} (about 100 MB, once)", flush=True)
        call(["apt-get", "download", named[0]], cwd=folder)
        package = next(pathlib.Path(folder).glob("*.deb"))
        unpacked = pathlib.Path(folder, "unpacked")
        call(["dpkg-deb", "-x", package, unpacked])
        final = cache / ("kernel-" + named[0].removeprefix("linux-image-"))
        unpacked.rename(final)
    return final


def modules_in_order(kernel, version):
    call([tool("depmod"), "-b", kernel, version])
    order = []
    for name in MODULES:
        shown = call([tool("modprobe"), "-d", kernel, "-S", version, "--show-depends", name])
        for line in shown.splitlines():
            words = line.split()
            if words[0] == "insmod" and words[1] not in order:
                order.append(words[1])
    return order


def cpio(entries):
    """A "newc" archive of (name, mode, bytes), as the kernel unpacks it."""
    out = bytearray()

    def add(name, mode, data):
        fields = [len(out) + 1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
        out.extend(b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0")
        out.extend(bytes(-len(out) % 4) + data)
        out.extend(bytes(-len(out) % 4))

    for name, mode, data in entries:
        add(name, mode, data)
    add("TRAILER!!!", 0, b"")
    return bytes(out)


def build_initramfs(kernel, target):
    version = next((kernel / "lib/modules").iterdir()).name
    entries = [(name, 0o040755, b"") for name in ("bin", "modules")]
    entries.append(("init", 0o100755, INIT.encode()))
    entries.append(("bin/busybox", 0o100755, pathlib.Path(tool("busybox")).read_bytes()))
    order = []
    for path in modules_in_order(kernel, version):
        data = call_bytes([tool("xz"), "-dc", path]) if path.endswith(".xz") else pathlib.Path(path).read_bytes()
        order.append(pathlib.Path(path).name.removesuffix(".xz"))
        entries.append(("modules/" + order[-1], 0o100644, data))
    entries.append(("modules/order", 0o100644, "".join(name + "\n" for name in order).encode()))
    target.write_bytes(gzip.compress(cpio(entries), 1))


def call_bytes(command):
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout


def prepare(cache):
    """Kernel and initramfs, made once and kept in `cache`."""
    need_tools()
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "lock", "w") as lock:  # several tests may begin at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        kernel = fetch_kernel(cache)
        initramfs = cache / "initramfs.gz"
        made_by = pathlib.Path(__file__).stat().st_mtime
        if not initramfs.exists() or initramfs.stat().st_mtime < made_by:
            build_initramfs(kernel, initramfs)
    return next((kernel / "boot").glob("vmlinuz-*")), initramfs


def run(cache, out, command, timeout_s, processors=1):
    """Boots, runs the shell text `command` in the guest and copies what it says. Its status, or None
    if the guest did not come to an end. Leaves output, console and whatever the command wrote in `out`.
    One processor: with two, qemu took half as much time again for the same tests."""
    for attempt in range(1, BOOTS_MAX + 1):
        status = boot(cache, out, command, timeout_s, processors)
        if status is not None or (out / "started").exists():
            return status
        # Nothing of ours has run yet. Two emulated processors can see each other's code half changed, which the kernel's
        # own patching of itself while it boots does not forgive: about one boot in thirty.
        print(f"lab: the guest did not come up (attempt {attempt} of {BOOTS_MAX})", flush=True)
    return None


def boot(cache, out, command, timeout_s, processors):
    kernel, initramfs = prepare(cache)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (out / "guest.sh").write_text(GUEST)
    (out / "command.sh").write_text(command)
    (out / "output").touch()
    arguments = [
        tool("qemu-system-x86_64"), "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", str(processors), "-m", str(MEMORY_MB),
        "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-kernel", kernel, "-initrd", initramfs,
        "-append", "console=ttyS0 quiet panic=-1 mitigations=off", "-serial", f"file:{out}/console",
        "-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap",
        "-virtfs", f"local,path={out},mount_tag=out,security_model=none,multidevs=remap",
        "-device", "virtio-rng-pci",
    ]
    began = time.time()
    guest = subprocess.Popen(list(map(str, arguments)), stdin=subprocess.DEVNULL)
    try:
        follow(guest, out, timeout_s)
    finally:
        if guest.poll() is None:
            guest.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                guest.wait(5)
        if guest.poll() is None:
            guest.kill()
            guest.wait()
    if (out / "started").exists():
        print(f"lab: the guest was up after {(out / 'started').stat().st_mtime - began:.1f} s", flush=True)
    status = out / "status"
    return int(status.read_text()) if status.exists() else None


def follow(guest, out, timeout_s):
    """Copies the output as it comes, until the guest ends or takes too long."""
    begin = time.monotonic()
    deadline = begin + timeout_s
    with open(out / "output", "rb") as output:
        while True:
            ended = guest.poll() is not None
            said = output.read()
            sys.stdout.buffer.write(said)
            sys.stdout.flush()
            if ended and not said:
                return
            now = time.monotonic()
            if now > deadline or (now > begin + BOOT_TIMEOUT_S and not (out / "started").exists()):
                print(f"lab: the guest took longer than {timeout_s} s, or {BOOT_TIMEOUT_S} to come up", flush=True)
                return
            time.sleep(0.05)


if __name__ == "__main__":
    try:
        prepare(pathlib.Path(sys.argv[1]).resolve())
    except Unavailable as missing:
        sys.exit(f"lab: {missing}")
