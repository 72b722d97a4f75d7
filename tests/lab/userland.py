"""What the lab's guest has in its root, which is all in its memory: programs of this machine, and what they need.

All of it is in memory because the guest's clock does not stand still while this machine fetches something for it: a
program that is read from the host's disk takes no instruction of the guest, and any time.
"""
import os
import pathlib
import re
import subprocess
import sys
import tarfile

# What a test can call, beside what was built here.
PROGRAMS = ["sh", "mount", "dmesg", "setpriv", "stdbuf", "dbus-daemon", "dbus-send", "bluetoothd", "btmon", "hciconfig",
            "hcitool", "sdptool", "l2test", "rctest"]
# What they read; not every machine has all of it.
FILES = ["/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/ld.so.cache", "/etc/machine-id", "/etc/bluetooth",
         "/etc/dbus-1", "/usr/share/dbus-1", "/usr/lib/locale/C.utf8", "/usr/libexec/coreutils/libstdbuf.so",
         "/usr/lib/x86_64-linux-gnu/coreutils/libstdbuf.so", "/bin", "/sbin", "/lib", "/lib64"]
NOT_OF_PYTHON = {"test", "tests", "idlelib", "lib2to3", "tkinter", "turtledemo", "ensurepip", "pydoc_data", "site-packages",
                 "dist-packages", "distutils"}
FOLDERS = ["run/out", "run/lock", "tmp", "var/lib", "var/log", "var/tmp", "out", "host"]
PACKAGE_OF = {"qemu-system-x86_64": "qemu-system-x86", "busybox": "busybox-static", "depmod": "kmod", "modprobe": "kmod",
              "bluetoothd": "bluez", "btmon": "bluez", "hciconfig": "bluez", "hcitool": "bluez", "sdptool": "bluez",
              "l2test": "bluez", "rctest": "bluez", "dbus-daemon": "dbus", "dbus-send": "dbus", "setpriv": "util-linux",
              "dpkg-deb": "dpkg", "xz": "xz-utils", "zstd": "zstd"}
SEARCHED = ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/libexec/bluetooth"]


class Unavailable(Exception):
    """The lab cannot run here; the text says what is missing."""


def tool(name):
    for folder in [*SEARCHED, *os.environ.get("PATH", "").split(":")]:
        path = pathlib.Path(folder, name)
        if path.is_file() and os.access(path, os.X_OK):
            return str(path)
    raise Unavailable(f"there is no {name}: install the package {PACKAGE_OF.get(name, name)}")


def python():
    """The one that runs the tests in the guest: the system's own, if there is one."""
    return "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else os.path.realpath(sys.executable)


def steps(path):
    """Every symbolic link on the way to a file, and the file's own path without links."""
    here = "/"
    parts = pathlib.PurePath(os.path.abspath(path)).parts[1:]
    for at, part in enumerate(parts):
        here = os.path.join(here, part)
        if os.path.islink(here):
            yield here
            yield from steps(os.path.join(os.path.dirname(here), os.readlink(here), *parts[at + 1:]))
            return
    yield here


def below(folder):
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in NOT_OF_PYTHON and not name.startswith("config-")]
        for name in files:
            yield os.path.join(here, name)


def libraries(programs):
    """Lines of ldd are "\tNAME => /PATH (0x...)" or "\t/PATH (0x...)"; a path may have spaces."""
    said = subprocess.run(["ldd", *programs], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    return set(re.findall(r"^\t(?:.* => )?(/.*) \(0x[0-9a-f]+\)$", said, re.MULTILINE))


def with_libraries(files):
    """All paths, links included, that make these files run; without what is not there or may not be read."""
    files = [path for path in files if os.access(path, os.R_OK)]
    dynamic = [path for path in files if os.access(path, os.X_OK) or path.endswith(".so")]
    return sorted({step for path in [*files, *libraries(dynamic)] for step in steps(path)})


def of_python():
    where = "import sysconfig; print(sysconfig.get_path('stdlib'))"
    stdlib = subprocess.run([python(), "-c", where], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    return [python(), *below(stdlib)]


def contents():
    """The paths of this machine that the guest's root has."""
    files = [tool(name) for name in PROGRAMS] + [tool("busybox")]
    for path in FILES:
        if os.path.isdir(path) and not os.path.islink(path):
            files += below(path)
        elif os.path.lexists(path):
            files.append(path)
    return with_libraries([*files, *of_python()])


def write(paths, guest_script, target):
    """The root as a tar file."""
    with tarfile.open(target, "w") as out:
        for name in FOLDERS:
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o1777 if name.endswith("tmp") else 0o755
            out.addfile(folder)
        for path in paths:
            if os.path.islink(path) or os.path.isfile(path):
                out.add(path, recursive=False)
        out.add(guest_script, "guest.sh")
