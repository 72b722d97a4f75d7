"""One qemu: how it is started, and what is said to it (QMP) and to the guest in it (lines, guest.sh)."""
import json
import os
import pathlib
import select
import shlex
import socket
import subprocess
import time

from userland import tool

MEMORY_MB = 1024
# An instruction takes 2^SHIFT ns of the guest's time, whatever it takes here; waiting takes nothing here.
SHIFT = os.environ.get("LAB_SHIFT", "1")
# `max`, without what is slow to emulate: copies by bytes, a fifth level of page tables. A program is at the same address each
# time (norandmaps), so what was translated of it serves again.
MACHINE = ["-accel", "tcg,thread=single,tb-size=256", "-icount", f"shift={SHIFT},sleep=off", "-cpu", "max,-erms,-la57", "-smp", "1",
           "-m", str(MEMORY_MB), "-rtc", "clock=vm", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
           "-append", "console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on norandmaps nokaslr"]
# Host time. A guest that is alive says so every five seconds of its own time. They take seconds here, minutes on a slow
# machine that does much else.
SILENT_S = 900


class Guest:
    """Starts it; `with` ends it."""

    def __init__(self, kernel, initramfs, out, more=()):
        self.host_end, guest_end = socket.socketpair()
        self.monitor, monitor_end = socket.socketpair()
        ends = [guest_end.fileno(), monitor_end.fileno()]
        share = "security_model=none,multidevs=remap"
        arguments = [
            tool("qemu-system-x86_64"), *MACHINE, "-kernel", kernel, "-initrd", initramfs,
            "-serial", f"file:{out}/console",
            "-chardev", f"socket,id=lines,fd={ends[0]}", "-serial", "chardev:lines", "-serial", f"file:{out}/output",
            "-chardev", f"socket,id=monitor,fd={ends[1]}", "-mon", "chardev=monitor,mode=control",
            "-virtfs", f"local,path={out},mount_tag=out,{share}",
            "-virtfs", f"local,path=/,mount_tag=host,readonly=on,{share}", *more]
        self.process = subprocess.Popen(list(map(str, arguments)), stdin=subprocess.DEVNULL, pass_fds=ends)
        guest_end.close()
        monitor_end.close()
        self.answers = self.monitor.makefile("r")
        self.said = b""
        self.heard_at = time.monotonic()
        self.processor_s = 0  # that it took here, once it has ended
        self.console = pathlib.Path(out, "console")
        self.qmp("qmp_capabilities")

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if not self.has_ended():
            self.process.kill()
        used = os.wait4(self.process.pid, 0)[2]
        self.processor_s = used.ru_utime + used.ru_stime
        self.answers.close()
        self.monitor.close()
        self.host_end.close()

    def qmp(self, command, **arguments):
        self.monitor.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        for line in self.answers:
            answer = json.loads(line)
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise RuntimeError(f"qemu: {command}: {answer['error']}")
        raise RuntimeError(f"qemu ended at {command}")

    def tell(self, line):
        self.host_end.sendall(line.encode() + b"\n")

    def lines(self, wait_s=0.1):
        """What the guest said since, as lists of words. Waits for something so long at most."""
        if self.host_end in select.select([self.host_end], [], [], wait_s)[0]:
            came = self.host_end.recv(4096)
            self.said += came
            if came:
                self.heard_at = time.monotonic()
        *whole, self.said = self.said.split(b"\n")
        return [line.decode(errors="replace").split() for line in whole if line.strip()]

    def is_silent(self):
        return time.monotonic() > self.heard_at + SILENT_S

    def has_ended(self):
        done = os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return done is not None

    def save(self, path):
        """Its state, as it is now; it does not go on."""
        self.qmp("stop")
        self.qmp("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
        self.qmp("migrate", uri=f"exec:cat >{shlex.quote(str(path))}")
        while (said := self.qmp("query-migrate"))["status"] != "completed":
            if said["status"] in ("failed", "cancelled"):
                raise RuntimeError(f"qemu: the state could not be saved: {said}")
            time.sleep(0.02)

    def go_on(self, line):
        """From a saved state."""
        while self.qmp("query-status")["status"] == "inmigrate":
            time.sleep(0.01)
        self.tell(line)
        self.qmp("cont")

    def wait_until_ready(self):
        while ["ready"] not in self.lines():
            if self.has_ended() or self.is_silent():
                raise RuntimeError(f"the guest did not come up; its console says: {self.console.read_text()[-3000:]}")


def from_state(path):
    return ["-S", "-incoming", f"exec:cat {shlex.quote(str(path))}"]
