"""What the end-to-end tests share: a broker on a configuration of their own, the clients as processes, and waiting.

Everything is waited for with a deadline; nothing sleeps for luck. Only processes started here are ended."""

import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from btb_client import HANG_S, Client, Goodbye

SKIPPED = 77  # ctest's SKIP_RETURN_CODE
DEADLINE_S = HANG_S  # for what takes milliseconds: only a test that hangs is ended by it

paths = None  # bin, plugins, fixtures, configs: set by main


def wait_for(what, condition, timeout=DEADLINE_S):
    """The first true value of `condition`, looked at every 20 ms. AssertionError once the time is over."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout} s in vain for {what}")
        time.sleep(0.02)


class Process:
    """A program whose output is read as it comes."""

    def __init__(self, arguments, folder, **options):
        self.arguments = [str(argument) for argument in arguments]
        self.lines, self.errors = [], []
        environment = {**os.environ, "XDG_RUNTIME_DIR": str(folder), "XDG_CONFIG_HOME": str(folder)}
        environment = {name: value for name, value in environment.items() if not name.startswith("BTB_")}
        environment["BTB_CONNECT_TIMEOUT"] = str(DEADLINE_S)  # not in the time of this machine, unless a test is about it
        self.process = subprocess.Popen(self.arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        stdin=subprocess.DEVNULL, env=environment, cwd=folder, **options)
        self.readers = [threading.Thread(target=self._read, args=pair, daemon=True)
                        for pair in ((self.process.stdout, self.lines), (self.process.stderr, self.errors))]
        for reader in self.readers:
            reader.start()

    @staticmethod
    def _read(stream, lines):
        for line in stream:
            lines.append(line.decode("utf-8", "backslashreplace").rstrip("\n"))

    def running(self):
        return self.process.poll() is None

    def wait(self, timeout=DEADLINE_S):
        """The exit code, with all output read."""
        status = self.process.wait(timeout)
        for reader in self.readers:
            reader.join(timeout)
        return status

    def end(self, number=signal.SIGTERM, timeout=DEADLINE_S):
        """Asks it to end, insists after a while; the exit code."""
        if self.running():
            self.process.send_signal(number)
        try:
            status = self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.wait()
            status = None
        self.process.stdout.close()
        self.process.stderr.close()
        return status


def patient(config):
    """The same configuration, where a client may take its time for its hello, unless the configuration says how long."""
    if "handshake_timeout" in config:
        return config
    if "limits: {" in config:
        return config.replace("limits: {", "limits: {handshake_timeout: 1h, ")
    return config.rstrip("\n") + "\nlimits: {handshake_timeout: 1h}\n"


class Broker(Process):
    """A btbroker on FOLDER/broker.yaml. `unix` and `tcp` are its endpoints, tcp only if it listens there."""

    def __init__(self, folder, config=None, **options):
        self.config = pathlib.Path(folder) / "broker.yaml"
        if config is not None:
            self.config.write_text(patient(config), encoding="utf-8")
        super().__init__([paths.bin / "btbroker", self.config], folder, **options)
        wait_for("the broker to start", lambda: self.logged("started name=") or not self.running())
        if not self.running():
            raise AssertionError("btbroker did not start:\n" + self.log())
        self.unix, self.tcp = self._endpoint("unix:"), self._endpoint("tcp:")

    def _endpoint(self, scheme):
        for line in self.errors:
            if "listening" in line and f"endpoint={scheme}" in line:
                return line.split("endpoint=")[1].split()[0]
        return None

    def log(self):
        return "\n".join(self.errors)

    def logged(self, *words):
        """The first line of the log that holds all of them."""
        return next((line for line in list(self.errors) if all(word in line for word in words)), None)

    def wait_for_log(self, *words):
        """The same, once it is there: what a program does can be seen before the line about it is read here."""
        return wait_for(f"a line of the log with {words}", lambda: self.logged(*words))

    def client(self, name, endpoint=None, **options):
        return Client(endpoint or self.unix, name, **options)

    def ctl(self, *arguments):
        """What btctl --json says: (exit code, JSON)."""
        done = subprocess.run([str(paths.bin / "btctl"), "-b", self.unix, "--json", *arguments], capture_output=True,
                              env={**os.environ, "BTB_CONNECT_TIMEOUT": str(DEADLINE_S)}, text=True, timeout=DEADLINE_S, check=False)
        return done.returncode, json.loads(done.stdout) if done.stdout.strip() else None

    def status(self):
        status, body = self.ctl("status")
        if status != 0:
            raise AssertionError(f"btctl status ended with {status}; the broker said:\n{self.log()}")
        return body

    def source(self, name):
        return next((source for source in self.ctl("sources")[1] if source["name"] == name), None)

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Subscriber(Process):
    """A running btsub -f json."""

    def __init__(self, broker, folder, *arguments):
        super().__init__([paths.bin / "btsub", "-b", broker.unix, "-f", "json", *arguments], folder)

    def messages(self):
        return [json.loads(line) for line in list(self.lines)]

    def wait_for_messages(self, count):
        wait_for(f"{count} messages of btsub (it has {len(self.lines)}; {self.errors})",
                 lambda: len(self.lines) >= count)
        return self.messages()


class EndToEnd(unittest.TestCase):
    """A test with a folder of its own, whose processes are ended whatever happens."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="btb-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.started = []
        self.addCleanup(self.end_processes)  # after the cleanups of the test itself: clients leave first

    def end_processes(self):
        statuses = [(process, process.end()) for process in reversed(self.started)]
        for process, status in statuses:
            if isinstance(process, Broker):
                self.assertEqual(status, 0, "the broker ends in good order")

    def run(self, result=None):
        before = len(result.failures) + len(result.errors) if result else 0
        super().run(result)
        if result and len(result.failures) + len(result.errors) > before:
            for process in getattr(self, "started", []):
                said = [line for line in process.errors if "name=btctl" not in line]
                print(f"--- {' '.join(process.arguments)} said:", *said[-40:], sep="\n", file=sys.stderr)

    def start_broker(self, config=None, folder=None, **options):
        broker = Broker(folder or self.folder, config, **options)
        self.started.append(broker)
        return broker

    def subscriber(self, broker, *arguments):
        subscriber = Subscriber(broker, self.folder, *arguments)
        self.started.append(subscriber)
        return subscriber

    def client(self, broker, name, endpoint=None, **options):
        client = broker.client(name, endpoint, **options)
        self.addCleanup(client.close)
        return client

    def once(self, broker, *filters):
        """What btsub --once prints."""
        subscriber = self.subscriber(broker, "--once", *filters)
        self.assertEqual(subscriber.wait(), 0, subscriber.errors)
        return subscriber.messages()

    def assert_ends(self, client, reason, timeout=DEADLINE_S):
        """The broker says goodbye to this client with this reason."""
        with self.assertRaises(Goodbye) as goodbye:
            client.run_until(lambda: False, timeout)
        self.assertEqual(goodbye.exception.reason, reason, str(goodbye.exception))


def main(*programs):
    """Runs the tests of the calling module. Ends with 77, and says why, if one of `programs` was not built."""
    global paths
    parser = argparse.ArgumentParser()
    for name in ("bin", "plugins", "fixtures", "configs"):
        parser.add_argument(f"--{name}", type=lambda text: pathlib.Path(text).resolve(), required=True)
    paths, rest = parser.parse_known_args()
    missing = [str(paths.bin / program) for program in programs if not (paths.bin / program).exists()]
    if missing:
        print("SKIPPED: not built:", *missing)
        sys.exit(SKIPPED)
    unittest.main(module="__main__", argv=[sys.argv[0], *rest], verbosity=2)
