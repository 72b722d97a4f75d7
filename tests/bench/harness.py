"""What the benchmarks share: starting brokers on a core of their own and stopping them again, running the load on another,
writing a table into docs/benchmarks.md. Standard library only. Ends nothing but what it started."""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import platform
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
START_SECONDS = 10


class BenchError(Exception):
    """A broker or the load did not do its part; the text says what was seen."""


def add_common_arguments(parser):
    parser.add_argument("--bin", type=lambda text: pathlib.Path(text).resolve(), default=ROOT / "build" / "bin",
                        help="where btbroker and bench/load lie (default: build/bin)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write every figure there")
    parser.add_argument("--markdown", type=pathlib.Path, metavar="FILE",
                        help="put the table into FILE, between its marks if it has them")
    parser.add_argument("--broker-core", type=int, default=None)
    parser.add_argument("--load-core", type=int, default=None)


def parse(parser):
    """The arguments, with the cores chosen: the broker's the first this process may use, the load's the last. Lifts the
    limit of open files, for all that is started later."""
    args = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    cores = sorted(os.sched_getaffinity(0))
    if args.broker_core is None:
        args.broker_core = cores[0]
    if args.load_core is None:
        args.load_core = cores[-1]
    if args.broker_core == args.load_core:
        say("only one core: broker and load share it, and the figures mean little")
    return args


def say(text):
    print(text, file=sys.stderr, flush=True)


def pinned(core):
    return lambda: os.sched_setaffinity(0, {core})


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Broker:
    """One broker process, listening at `endpoint` ("unix:PATH" or "tcp:127.0.0.1:PORT")."""

    def __init__(self, name, command, endpoint, core, directory, env=None):
        self.name, self.endpoint = name, endpoint
        self.log = directory / "broker.log"
        self.started_ns = time.monotonic_ns()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=directory,
                                            preexec_fn=pinned(core), env=env)
        self.pid = self.process.pid

    def wait_until_it_listens(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise BenchError(f"{self.name} ended at once: {self.tail()}")
            with contextlib.suppress(OSError):
                connect(self.endpoint).close()
                return
            time.sleep(0.01)
        raise BenchError(f"{self.name} does not listen: {self.tail()}")

    def tail(self):
        return self.log.read_text(errors="replace")[-500:].strip()

    def memory_kb(self):
        """VmRSS and VmHWM."""
        found = {}
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            word, _, rest = line.partition(":")
            if word in ("VmRSS", "VmHWM"):
                found[word] = int(rest.split()[0])
        return found["VmRSS"], found["VmHWM"]

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def connect(endpoint):
    scheme, _, rest = endpoint.partition(":")
    if scheme == "unix":
        found = socket.socket(socket.AF_UNIX)
        address = rest
    else:
        host, _, port = rest.rpartition(":")
        found, address = socket.socket(), (host, int(port))
    try:
        found.settimeout(2)
        found.connect(address)
    except OSError:
        found.close()
        raise
    return found


# Each peer: the kinds of socket it has, and a function that gives its command for one endpoint.

def floor_command(args, directory, endpoint, _topics):
    return [str(args.bin / "bench" / "floor"), endpoint]


def redis_command(_args, directory, endpoint, _topics):
    scheme, _, rest = endpoint.partition(":")
    place = f"unixsocket {rest}\nport 0\n" if scheme == "unix" else f"port {rest.rpartition(':')[2]}\nbind 127.0.0.1\n"
    config = directory / "redis.conf"
    config.write_text(place + 'save ""\nappendonly no\ndaemonize no\nprotected-mode no\nmaxclients 12000\n'
                      "client-output-buffer-limit pubsub 0 0 0\nloglevel warning\n"
                      f"dir {directory}\n")
    return [program("redis-server"), str(config)]


def nats_command(_args, directory, endpoint, _topics):
    config = directory / "nats.conf"
    config.write_text(f"listen: 127.0.0.1:{endpoint.rpartition(':')[2]}\nmax_connections: 20000\n"
                      "max_pending: 1GB\nwrite_deadline: \"60s\"\n")
    return [program("nats-server"), "-c", str(config)]


def mosquitto_command(_args, directory, endpoint, _topics):
    scheme, _, rest = endpoint.partition(":")
    place = f"listener 0 {rest}\n" if scheme == "unix" else f"listener {rest.rpartition(':')[2]} 127.0.0.1\n"
    config = directory / "mosquitto.conf"
    config.write_text(place + "allow_anonymous true\npersistence false\nmax_queued_messages 0\nset_tcp_nodelay true\n"
                      "log_type error\nlog_dest stderr\n" + ("user root\n" if os.getuid() == 0 else ""))
    return [program("mosquitto"), "-c", str(config)]


def btbroker_command(args, directory, endpoint, extra):
    config = directory / "broker.yaml"
    extra = extra or BENCH_TOPIC
    if "limits:" not in extra:
        extra += "limits: {sessions_per_peer: 16384}\n"  # all come from this machine
    config.write_text("broker:\n  name: bench\n  sys_interval: 0s\n  log_level: warning\n"
                      f"listen:\n  - endpoint: {endpoint}\n" + extra)
    return [str(args.bin / "btbroker"), str(config)]


BENCH_TOPIC = "topics:\n  - filter: bench\n    kind: events\n    keep: {count: 100000, bytes: 4194304}\n"

PEERS = {
    "floor": (("unix", "tcp"), floor_command),
    "redis": (("unix", "tcp"), redis_command),
    "nats": (("tcp",), nats_command),
    "mosquitto": (("unix", "tcp"), mosquitto_command),
    "btbroker": (("unix", "tcp"), btbroker_command),
}


def program(name):
    """Where a program lies; Debian puts servers where a user's PATH does not look."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin") or name


def missing_reason(args, peer):
    """Why a peer cannot be measured; None if it can."""
    own = {"floor": args.bin / "bench" / "floor", "btbroker": args.bin / "btbroker"}
    if peer in own:
        return None if own[peer].exists() else f"{own[peer]} is not built"
    names = {"redis": "redis-server", "nats": "nats-server", "mosquitto": "mosquitto"}
    return None if os.path.exists(program(names[peer])) else f"{names[peer]} is not installed"


@contextlib.contextmanager
def running(args, peer, kind, extra=None, env=None, under=()):
    """A fresh broker in a directory of its own, stopped and removed at the end. `under`: a command that starts it."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="btb-bench-"))
    endpoint = f"unix:{directory}/broker.sock" if kind == "unix" else f"tcp:127.0.0.1:{free_port()}"
    broker = None
    try:
        command = [*under, *PEERS[peer][1](args, directory, endpoint, extra)]
        broker = Broker(peer, command, endpoint, args.broker_core, directory, env)
        broker.directory = directory
        broker.wait_until_it_listens()
        yield broker
    finally:
        if broker:
            broker.stop()
        shutil.rmtree(directory, ignore_errors=True)


def load_command(args, mode, **options):
    command = [str(args.bin / "bench" / "load"), mode]
    for name, value in options.items():
        command += ["--" + name.replace("_", "-"), str(value)]
    return command


def window(subscribers, size):
    """How many messages may be outstanding in a closed loop."""
    return 64 if subscribers >= 1000 or size >= 4096 else 256


def run_load(args, mode, timeout_s=120, **options):
    """Runs the load to its end and returns its lines of JSON."""
    command = load_command(args, mode, **options)
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s,
                              preexec_fn=pinned(args.load_core), check=False)
    except subprocess.TimeoutExpired:
        raise BenchError(f"the load did not end within {timeout_s} s") from None
    if done.returncode != 0:
        raise BenchError(f"load: {done.stderr.strip()[-300:] or done.returncode}")
    return [json.loads(line) for line in done.stdout.splitlines()]


class HeldLoad:
    """A load that says when it is ready and holds on until it is let go."""

    def __init__(self, args, mode, **options):
        self.process = subprocess.Popen(load_command(args, mode, **options), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        preexec_fn=pinned(args.load_core))
        self.line()

    def line(self):
        """Waits for the next line of JSON."""
        text = self.process.stdout.readline()
        if not text:
            raise BenchError(f"load: {self.process.stderr.read().strip()[-300:]}")
        return json.loads(text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


# Where and when: the lines under every table.

def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def commit():
    def git(*words):
        try:
            done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False)
        except FileNotFoundError:  # a measurement needs no git
            return ""
        return done.stdout.strip()
    text = git("rev-parse", "--short=12", "HEAD") or "unknown"
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/benchmarks.md")
    return text + (" with changes" if changed else "")


def version_of(peer, args):
    commands = {"redis": [program("redis-server"), "--version"], "nats": [program("nats-server"), "--version"],
                "mosquitto": [program("mosquitto"), "-h"], "btbroker": [str(args.bin / "btbroker"), "--version"]}
    if peer not in commands or missing_reason(args, peer):
        return None
    try:
        done = subprocess.run(commands[peer], capture_output=True, text=True, timeout=5, check=False,
                              stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = (done.stdout + done.stderr).replace("=", " ").split()
    return next((w.lstrip("v").rstrip(",") for w in words if w.lstrip("v")[:1].isdigit()), None)


class Steal:
    """The share of all processor time that the hypervisor gave to others while this was open."""

    def __enter__(self):
        self.before, self.share = self.read(), 0.0
        return self

    def __exit__(self, *_):
        spent = [now - then for now, then in zip(self.read(), self.before)]
        self.share = spent[7] / max(sum(spent), 1)

    @staticmethod
    def read():
        first = pathlib.Path("/proc/stat").read_text().splitlines()[0].split()
        return [int(field) for field in first[1:9]]


def circumstances():
    return {"date": datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"), "cpu": cpu_model(),
            "cores": os.cpu_count(), "kernel": platform.release(), "commit": commit(),
            "load_average": round(os.getloadavg()[0], 2)}


def circumstances_line(about):
    return (f"Measured {about['date']} at commit {about['commit']} on {about['cores']} cores of {about['cpu']}, Linux "
            f"{about['kernel']}; load average before: {about['load_average']}.")


def quiet_or_warn(about):
    if about["load_average"] > 0.5:
        say(f"load average {about['load_average']}: the machine is not quiet, the figures only show that the bench works")


def write_results(args, name, figures, markdown):
    """Prints the section, and writes what was asked for. In a file with the marks <!-- NAME --> and <!-- /NAME --> only
    what is between them is replaced."""
    print(markdown)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n")
    if not args.markdown:
        return
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    text = args.markdown.read_text() if args.markdown.exists() else ""
    if begin in text and end in text:
        head, _, rest = text.partition(begin)
        text = head + begin + markdown + "\n" + end + rest.partition(end)[2]
    else:
        text = text + begin + markdown + "\n" + end + "\n"
    args.markdown.write_text(text)


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def target_line(text, value, limit, unit, at_least=False):
    """One goal: its words, what was measured, and whether that is enough."""
    reached = value >= limit if at_least else value <= limit
    bound = "at least" if at_least else "at most"
    return {"goal": text, "value": value, "limit": limit, "reached": reached,
            "line": f"{'reached    ' if reached else 'NOT reached'}  {text}: {value:.4g} {unit} ({bound} {limit:.4g})"}


def targets_block(targets):
    return "```\n" + "\n".join(t["line"] for t in targets) + "\n```"
