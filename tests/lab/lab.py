"""The lab, as its tests see it. They run in the guest (machine.py), with the programs that were just built.

    with Lab(adapters=3) as lab:
        broker = lab.broker("listen: [unix:/run/b.sock, l2cap:*/4097] ...")
        sub = lab.btsub("ward/#", at="l2cap:" + lab.address(0) + "/4097", adapter=1)
        lab.apart(0, 1)

Adapter 0 is the broker's. What every program says is kept in /run/out, and in a folder for each case the
captures of what each adapter did (btsnoop, for `btmon -r` or Wireshark) and the configurations.
"""
import fcntl
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback

OUT = pathlib.Path(os.environ.get("LAB_OUT", "/run/out"))
# Adapters of this machine, instead of emulated ones: hci0,hci1. Then there is no radio to be told anything.
REAL = [name for name in os.environ.get("LAB_ADAPTERS", "").split(",") if name]
BIN = pathlib.Path(os.environ.get("LAB_BIN", "/nonexistent"))
PLUGINS = pathlib.Path(os.environ.get("LAB_PLUGINS", "/nonexistent"))
RADIO = os.environ.get("LAB_RADIO", "/nonexistent")
# With the settings that are shipped.
BLUETOOTHD = ["bluetoothd", "-n", "-f", pathlib.Path(__file__).parents[2] / "configs/systemd/bluetooth.conf"]
LOCAL = "unix:/run/b.sock"  # of a broker, for programs of its own machine
SKIPPED = 77  # to ctest
NO_COMMANDS = "btctl: the broker takes no commands on this connection"  # of a session over the air
# All times of a test are the guest's (machine.py). Nothing waits so long when all is well.
PATIENCE_S = 60
RNDRESEEDCRNG = 0x5207  # linux/random.h
CASE_S = 3600

case_folder = OUT  # of the case that runs


def needs_emulation(why):
    """For cases that tell the air, or this machine, what real adapters are not to be told."""
    if REAL:
        raise NotHere(why)


def name_of(number):
    return REAL[number] if REAL else f"hci{number}"


class Stopwatch:
    """Time that passed, and how much of it the guest's processor was busy: who was late because the guest is slow was
    busy all the time, and who waited for something that did not come was not."""

    def __init__(self):
        self.begun, self.idle_before = time.monotonic(), self.idle()

    @staticmethod
    def idle():
        return float(pathlib.Path("/proc/uptime").read_text().split()[1])

    def seconds(self):
        return time.monotonic() - self.begun

    def __str__(self):
        passed = self.seconds()
        if REAL:
            return f"{passed:.1f} s"
        return f"{passed:.1f} s, {max(0, passed - (self.idle() - self.idle_before)):.1f} of them computing"


def wait_for(what, check, timeout=PATIENCE_S):
    """Until `check()` is true, and what it returned then."""
    watch = Stopwatch()
    while True:
        got = check()
        if got:
            return got
        if watch.seconds() > timeout:
            raise AssertionError(f"not within {timeout} s: {what} (waited {watch})")
        time.sleep(0.05)


# What a program of ours says when it is wrong: the sanitizers' words, and those of BTB_ASSERT.
FAULTS = ("AddressSanitizer", "runtime error:", ": bug: ")


class Program:
    """One running program; its two outputs are files in /run/out."""

    count = 0

    def __init__(self, name, command, environment=None):
        Program.count += 1
        self.name = f"{Program.count:02}-{name}"
        self.command = list(map(str, command))
        self.out_path = OUT / (self.name + ".out")
        self.err_path = OUT / (self.name + ".err")
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                            env={**os.environ, **(environment or {})})

    def out(self):
        return self.out_path.read_text(errors="replace")

    def err(self):
        return self.err_path.read_text(errors="replace")

    def messages(self):
        """The JSON objects it printed so far, whole lines only."""
        text = self.out()
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def wait(self, timeout=PATIENCE_S):
        watch = Stopwatch()
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"not within {timeout} s: the end of {self.name} (waited {watch})") from None

    def send(self, number):
        self.process.send_signal(number)

    def stop(self, timeout=20, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode

    def kill(self):
        self.process.kill()
        self.process.wait()


class NotHere(Exception):
    """What a test needs and real adapters cannot give."""


class Elsewhere:
    """A program of this machine that is not ours to start and stop."""

    def __getattr__(self, name):
        raise NotHere("it starts and stops bluetoothd")


system_bus = None


def guest_bus():
    """D-Bus of the guest; it outlives a case, as on a machine it outlives whoever speaks on it."""
    global system_bus
    if system_bus is None or system_bus.process.poll() is not None:
        at = pathlib.Path("/run/dbus/system_bus_socket")
        at.parent.mkdir(exist_ok=True)
        at.unlink(missing_ok=True)
        system_bus = Program("dbus", ["dbus-daemon", "--system", "--nofork", "--nopidfile"])
        wait_for("dbus", at.exists)
    return system_bus


class Radio:
    """The console of the radio (radio/console.h)."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.lines = self.socket.makefile("r")

    def __call__(self, line):
        self.socket.sendall((line + "\n").encode())
        answer = self.lines.readline().strip()
        if not answer.startswith("ok"):
            raise AssertionError(f"radio: {line}: {answer}")
        return answer[3:]


def every_way(adapter=0, name="lab", local=LOCAL):
    """A broker's configuration: on this machine and over every transport."""
    return f"""
broker: {{name: {name}}}
listen: ["{local}", "l2cap:hci{adapter}/4097", "le:hci{adapter}/128", "rfcomm:hci{adapter}/3"]
topics: [{{filter: "state/#", kind: state}}]
"""


class Lab:
    def __init__(self, adapters, bluetoothd=True):
        self.adapters = adapters
        self.programs = []
        try:
            self.begin(bluetoothd)
        except BaseException:
            self.end()
            raise

    def begin_with_real_adapters(self):
        if self.adapters > len(REAL):
            raise NotHere(f"it needs {self.adapters} adapters")

        def radio(line):
            raise NotHere(f"it tells the air: {line}")

        self.radio = radio
        self.bluetoothd = Elsewhere()
        for number in range(self.adapters):
            assert self.is_powered(number), f"{REAL[number]} is not switched on"

    def begin(self, bluetoothd):
        shutil.rmtree(OUT / "state" if REAL else "/tmp/.local", ignore_errors=True)  # what worked last is of another lab
        if REAL:
            return self.begin_with_real_adapters()
        for old in ("/run/radio.sock", "/run/b.sock"):
            pathlib.Path(old).unlink(missing_ok=True)
        self.bus = guest_bus()
        self.radio_program = self.start("radio", [RADIO, "--captures", case_folder, str(self.adapters)])
        wait_for("the radio", lambda: self.radio_program.out() == "ready\n")
        self.radio = Radio("/run/radio.sock")
        self.bluetoothd = self.start("bluetoothd", BLUETOOTHD) if bluetoothd else None
        for number in range(self.adapters):
            self.power(number)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.end()
        if REAL:
            return
        kernel = subprocess.run(["dmesg"], stdout=subprocess.PIPE).stdout
        (OUT / "dmesg").write_bytes(kernel)
        for program in self.programs:
            said = program.err()
            if error is None and any(word in said for word in FAULTS):
                raise AssertionError(f"{program.name}: {said[-3000:]}")
        bad = [line for line in kernel.decode(errors="replace").splitlines()
               if "BUG:" in line or "Oops" in line or "Call Trace" in line]
        if bad and error is None:
            raise AssertionError("the guest's kernel: " + bad[0])

    def end(self):
        for program in reversed(self.programs):
            program.stop(5)

    def start(self, name, command, environment=None):
        program = Program(name, command, environment)
        self.programs.append(program)
        return program

    def name(self, number):
        return name_of(number)

    def address(self, number):
        if REAL:
            return re.search(r"BD Address: (\S+)", self.hciconfig(number))[1]
        return f"02:BB:00:00:00:{number:02X}"

    def power(self, number):
        """Waits until it is up; bluetoothd switches on what it finds, where it runs."""
        if self.bluetoothd is None:
            subprocess.run(["hciconfig", f"hci{number}", "up"], check=True)
        else:
            wait_for(f"hci{number} to be powered", lambda: self.is_powered(number))

    def is_powered(self, number):
        asked = ["dbus-send", "--system", "--print-reply=literal", "--dest=org.bluez", f"/org/bluez/{self.name(number)}",
                 "org.freedesktop.DBus.Properties.Get", "string:org.bluez.Adapter1", "string:Powered"]
        done = subprocess.run(asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return "boolean true" in done.stdout

    def switch(self, number, on):
        """As a person does with `bluetoothctl power`, which takes the adapter that it happens to hear of first."""
        subprocess.run(["dbus-send", "--system", "--print-reply", "--dest=org.bluez", f"/org/bluez/{self.name(number)}",
                        "org.freedesktop.DBus.Properties.Set", "string:org.bluez.Adapter1", "string:Powered",
                        f"variant:boolean:{str(on).lower()}"], stdout=subprocess.DEVNULL, check=True)

    def hciconfig(self, number, *words):
        return subprocess.run(["hciconfig", self.name(number), *words], stdout=subprocess.PIPE, text=True).stdout

    # --- the air ---

    def apart(self, a, b):
        self.radio(f"apart {a} {b}")

    def together(self, a, b):
        self.radio(f"together {a} {b}")

    def links(self, number):
        """What the kernel says of this adapter's links, a line each: "> ACL ADDRESS handle 1 state 1 lm CENTRAL"."""
        return subprocess.run(["hcitool", "-i", self.name(number), "con"], stdout=subprocess.PIPE, text=True, check=True).stdout

    def capture(self, number):
        """What passed between this adapter and its kernel so far."""
        self.radio("flush")
        return case_folder / f"adapter{number}.btsnoop"

    def usage(self):
        return json.loads(self.radio("usage"))

    # --- the product ---

    def broker(self, config, name="btbroker"):
        path = case_folder / (name + ".yaml")
        path.write_text(re.sub(r"hci(\d+)", lambda found: self.name(int(found[1])), config))
        program = self.start(name, [BIN / "btbroker", path])
        return program

    def btsub(self, *filters, at, adapter=None, options=(), name="btsub"):
        through = [] if adapter is None else ["--adapter", self.name(adapter)]
        return self.start(name, [BIN / "btsub", "-b", at, *through, "-f", "json", *options, *filters])

    def announced_broker(self, adapter=0, name="lab", local=LOCAL):
        """A broker with every way to it, once its advertisement is out."""
        broker = self.broker(every_way(adapter, name, local), name)
        wait_for("the broker to be announced", lambda: "advertising" in broker.err())
        return broker

    def scan(self, number, *options):
        """What `btctl scan` finds through this adapter, by each of its addresses."""
        done = subprocess.run([BIN / "btctl", "--json", "--adapter", self.name(number), "scan", *options],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 0, done.stderr
        return {address: broker for broker in json.loads(done.stdout) for address in broker["addresses"]}

    def btctl(self, *words, at):
        done = subprocess.run([BIN / "btctl", "-b", at, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True)
        return done.returncode, done.stdout


def mix_in(seed):
    """Each guest goes on from the same saved state, so all would draw the same random numbers."""
    with open("/dev/urandom", "wb", buffering=0) as numbers:
        numbers.write(seed.encode())
        fcntl.ioctl(numbers, RNDRESEEDCRNG)


def too_long(number, frame):
    raise AssertionError(f"this case has not ended after {CASE_S} s")


def main(cases):
    """Runs the functions in `cases`, says how each went. Ends with 1 if one failed, with 77 if one was not tested (in the
    guest) or all (on real adapters)."""
    global case_folder
    failed = passed = skipped = 0
    only = sys.argv[1:]
    unknown = set(only) - {case.__name__ for case in cases}
    if unknown:
        sys.exit(f"there is no case {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGALRM, too_long)
    if "LAB_SEED" in os.environ and not REAL:
        mix_in(os.environ["LAB_SEED"])
    for case in cases:
        if only and case.__name__ not in only:
            continue
        watch = Stopwatch()
        case_folder = OUT / case.__name__
        case_folder.mkdir(exist_ok=True)
        # Again, too, if what is stopped then hangs as well.
        signal.setitimer(signal.ITIMER_REAL, CASE_S, PATIENCE_S)
        try:
            case()
            passed += 1
            print(f"ok    {case.__name__} ({watch})", flush=True)
        except NotHere as what:
            skipped += 1
            print(f"SKIP  {case.__name__}: NOT TESTED: {what}", flush=True)
        except BaseException:
            failed += 1
            print(f"FAIL  {case.__name__} ({watch})\n{traceback.format_exc()}", flush=True)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    if skipped:
        print(f"lab: {passed} cases ran, {skipped} were NOT TESTED", flush=True)
    # In the guest everything can be had; on real adapters some of it is what there is.
    incomplete = skipped and (not REAL or not passed)
    sys.exit(1 if failed else SKIPPED if incomplete else 0)
