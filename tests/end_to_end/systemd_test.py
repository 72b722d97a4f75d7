#!/usr/bin/env python3
"""What the broker tells systemd, by a socket that stands in for it; and the units that are shipped."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import unittest

import harness
from harness import DEADLINE_S, EndToEnd

CONFIG = """
broker: {name: clinic}
listen: ["unix:broker.sock"]
"""


class Systemd(EndToEnd):
    def setUp(self):
        super().setUp()
        self.told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.told.close)
        self.told.settimeout(DEADLINE_S)
        path = str(pathlib.Path(self.folder) / "notify")
        self.told.bind(path)
        for name, value in (("NOTIFY_SOCKET", path), ("WATCHDOG_USEC", "300000")):
            os.environ[name] = value
            self.addCleanup(os.environ.pop, name)

    def hear(self):
        return self.told.recv(4096).decode()

    def test_it_is_told_when_the_broker_is_ready_alive_and_stopping(self):
        broker = self.start_broker(CONFIG)
        self.assertEqual(self.hear(), "READY=1\nSTATUS=clinic: 1 listeners, 0 sources")
        self.assertEqual([self.hear() for _ in range(3)], ["WATCHDOG=1"] * 3)
        broker.process.send_signal(signal.SIGTERM)
        while (said := self.hear()) == "WATCHDOG=1":
            pass
        self.assertEqual(said, "STOPPING=1")
        self.assertEqual(broker.process.wait(DEADLINE_S), 0)

    def test_the_unit_holds_what_systemd_understands(self):
        if shutil.which("systemd-analyze") is None:
            self.skipTest("there is no systemd-analyze")
        unit = harness.paths.configs / "systemd" / "btbroker.service"
        text = unit.read_text(encoding="utf-8").replace("/usr/bin/btbroker", "/bin/true")
        copy = pathlib.Path(self.folder) / "btbroker.service"
        copy.write_text(text.replace("Documentation=man:btbroker(1)\n", ""), encoding="utf-8")
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True, check=False)
        own = [line for line in done.stderr.splitlines() if "btbroker.service" in line]
        self.assertEqual(own, [])


if __name__ == "__main__":
    harness.main("btbroker")
