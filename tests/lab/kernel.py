"""The kernel of the lab's guest: Debian's, fetched with `apt-get download` and unpacked, never installed; and the
initramfs that brings it up to its own root.

It is 6.12 at least. Debian 12's own 6.1 falls over when several links open at once; its security updates have a 6.12. Where
the system's apt knows of no security updates, a list of them is fetched beside it. The system's own lists stay as they are.
"""
import os
import pathlib
import re
import subprocess
import tempfile

from userland import Unavailable, tool

# The first one that apt knows and that is new enough.
PACKAGES = ["linux-image-6.12-amd64", "linux-image-amd64"]
OLDEST = (6, 12)
MODULES = ["virtio_pci", "9pnet_virtio", "9p", "bluetooth", "hci_vhci", "rfcomm", "bnep", "cmac", "ecdh_generic",
           "algif_hash", "algif_skcipher"]
UNPACKED_BY = {".xz": "xz", ".zst": "zstd", ".gz": "gzip"}

# Up to a root in memory, which is unpacked from the folder that host and guest share.
INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /new /shared
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
while read -r module; do /bin/busybox insmod /modules/$module || echo "no module $module"; done </modules/order
/bin/busybox mount -t tmpfs -o size=80%,mode=755 root /new
/bin/busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288,ro,cache=none out /shared
/bin/busybox tar -x -C /new -f /shared/userland.tar
/bin/busybox umount /shared
for part in proc sys dev; do /bin/busybox mkdir -p /new/$part; /bin/busybox mount --move /$part /new/$part; done
/bin/busybox mkdir -p /new/dev/pts
/bin/busybox mount -t devpts pts /new/dev/pts
exec /bin/busybox switch_root /new /bin/sh /guest.sh
"""


def call(command, **more):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env={**os.environ, "LC_ALL": "C", "LANGUAGE": ""}, **more)
    except FileNotFoundError as missing:
        raise Unavailable(f"there is no {missing.filename}") from missing
    if done.returncode != 0:
        raise Unavailable(f"{' '.join(map(str, command))}: {done.stdout.strip()[-500:]}")
    return done.stdout


def package(options=()):
    """The name of the package with the kernel itself, as apt with these options knows it."""
    for name in PACKAGES:
        try:
            said = call(["apt-cache", *options, "depends", name])
        except Unavailable:
            continue
        for found in re.findall(r"Depends: (linux-image-(\d+)\.(\d+)\S*)", said):
            if (int(found[1]), int(found[2])) >= OLDEST:
                return found[0]
    raise Unavailable(f"apt knows no {' or '.join(PACKAGES)} of version {'.'.join(map(str, OLDEST))} or newer: run `apt-get "
                      "update`, and have the security updates in its sources")


def security_updates(cache):
    """apt's options for a list of Debian's security updates alone, which lies in `cache`. It is fetched from the mirror that
    the system's packages come from."""
    targets = call(["apt-get", "indextargets", "--format", "$(CREATED_BY) $(ORIGIN) $(CODENAME) $(REPO_URI)"])
    found = re.search(r"^Packages Debian (\w+) (\S+/debian)/?$", targets, re.MULTILINE)
    if not found:
        raise Unavailable("apt's sources name no mirror of Debian")
    folder = cache / "security"
    (folder / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    (folder / "sources.list").write_text(f"deb {found[2]}-security {found[1]}-security main\n")
    options = ["-o", f"Dir::Etc::sourcelist={folder}/sources.list", "-o", "Dir::Etc::sourceparts=-",
               "-o", f"Dir::State::lists={folder}/lists", "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache="]
    call(["apt-get", *options, "update"])
    return options


def fetch(cache):
    """The folder with the unpacked kernel; fetched once."""
    kept = sorted(cache.glob("kernel-*"))
    if kept:
        return kept[-1]
    options = []
    try:
        name = package()
    except Unavailable as unknown:
        try:
            options = security_updates(cache)
            name = package(options)
        except Unavailable:
            raise unknown from None
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        print(f"lab: fetching {name} (about 100 MB, once)", flush=True)
        call(["apt-get", *options, "download", name], cwd=folder)
        unpacked = pathlib.Path(folder, "unpacked")
        call([tool("dpkg-deb"), "-x", next(pathlib.Path(folder).glob("*.deb")), unpacked])
        final = cache / ("kernel-" + name.removeprefix("linux-image-"))
        unpacked.rename(final)
    return final


def image(kernel):
    return next((kernel / "boot").glob("vmlinuz-*"))


def modules_in_order(kernel):
    folder = next(path for path in (kernel / "lib/modules", kernel / "usr/lib/modules") if path.is_dir())
    version = next(folder.iterdir()).name
    base = folder.parents[1]
    call([tool("depmod"), "-b", base, version])
    order = []
    for name in MODULES:
        shown = call([tool("modprobe"), "-d", base, "-S", version, "--show-depends", name])
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


def initramfs(kernel):
    """Its bytes: busybox, INIT and the modules."""
    entries = [(name, 0o040755, b"") for name in ("bin", "modules")]
    entries.append(("init", 0o100755, INIT.encode()))
    entries.append(("bin/busybox", 0o100755, pathlib.Path(tool("busybox")).read_bytes()))
    order = []
    for path in modules_in_order(kernel):
        name, ending = os.path.splitext(os.path.basename(path))
        if ending in UNPACKED_BY:
            data = subprocess.run([tool(UNPACKED_BY[ending]), "-dc", path], stdout=subprocess.PIPE, check=True).stdout
        else:
            name, data = os.path.basename(path), pathlib.Path(path).read_bytes()
        order.append(name)
        entries.append(("modules/" + name, 0o100644, data))
    entries.append(("modules/order", 0o100644, "".join(name + "\n" for name in order).encode()))
    return cpio(entries)
