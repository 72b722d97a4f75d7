#!/usr/bin/env python3
"""A new configuration while the broker runs: taken whole, or not at all, and those who are connected notice only what
concerns them."""

import signal
import socket
import subprocess

import harness
from btb_client import BEGINNING
from harness import DEADLINE_S, EndToEnd, wait_for

LISTENER_REMOVED = 17

CONFIG = """broker:
  name: clinic
  plugin_path: [{fixtures}]
listen: [{listen}]
sources:{sources}
topics:
  - {{filter: "table/#", kind: state}}
  - {{filter: "events/#", kind: events, keep: {{count: {keep}}}}}
"""

COUNTER = """
  - {{name: {name}, plugin: counter, options: {{topic: table/{name}, interval: {interval}}}}}"""


TABLE = """listen: ["unix:broker.sock"]
sources: {sources}
topics: [{{filter: stock, kind: state, content: json}}]
"""

STOCK = """
  - {{name: stock, plugin: csv, options: {{path: {path}, topic: stock, key: [item]}}}}"""


class Table(EndToEnd):
    """What becomes of the rows of a source that is started anew, or taken away."""

    def configure(self, *paths):
        text = TABLE.format(sources="".join(STOCK.format(path=self.folder / path) for path in paths) or "[]")
        (self.folder / "broker.yaml").write_text(harness.patient(text), encoding="utf-8")

    def write(self, name, items):
        (self.folder / name).write_text("item,count\n" + "".join(f"{item},1\n" for item in items), encoding="utf-8")

    def setUp(self):
        super().setUp()
        self.items = [f"item{i}" for i in range(20)]
        self.write("old.csv", self.items)
        self.configure("old.csv")
        self.broker = self.start_broker()
        wait_for("the table", lambda: self.broker.source("stock")["state"] == "live")
        self.table = self.subscriber(self.broker, "stock")
        self.table.wait_for_messages(20)

    def reload(self, *paths):
        self.configure(*paths)
        status, body = self.broker.ctl("reload")
        self.assertEqual(status, 0, body)

    def deleted(self, count):
        """The keys of the first `count` deletions that the subscriber saw."""
        seen = lambda: [m["key"] for m in self.table.messages() if m["op"] == "delete"]
        return wait_for(f"{count} deletions", lambda: len(seen()) >= count and seen())

    def test_a_row_that_is_gone_when_its_source_comes_back_is_deleted(self):
        self.write("new.csv", self.items[1:])
        self.reload("new.csv")
        self.assertEqual(self.deleted(1), ["item0"])
        held = self.once(self.broker, "stock")
        self.assertEqual(sorted(m["payload"]["item"] for m in held), sorted(self.items[1:]))

    def test_if_most_are_gone_they_stay_until_an_operator_confirms(self):
        self.write("new.csv", self.items[:5])
        self.reload("new.csv")
        wait_for("the guard", lambda: (self.broker.source("stock") or {}).get("state") == "guard")
        self.assertIn("15 of 20", self.broker.source("stock")["text"])
        self.assertEqual(len(self.once(self.broker, "stock")), 20)
        self.assertEqual(self.broker.ctl("resume", "stock")[0], 0)
        self.assertEqual(sorted(self.deleted(15)), sorted(self.items[5:]))
        self.assertEqual(len(self.once(self.broker, "stock")), 5)

    def test_the_rows_of_a_source_that_is_taken_away_go_with_it(self):
        self.reload()
        self.assertEqual(sorted(self.deleted(20)), sorted(self.items))


class Reload(EndToEnd):
    def configure(self, listen='"unix:broker.sock"', sources=(("one", "10ms"), ("two", "10ms")), keep=100):
        text = CONFIG.format(fixtures=harness.paths.fixtures, listen=listen, keep=keep,
                             sources="".join(COUNTER.format(name=n, interval=i) for n, i in sources) or " []")
        text = harness.patient(text)
        (self.folder / "broker.yaml").write_text(text, encoding="utf-8")
        return text

    def setUp(self):
        super().setUp()
        self.configure()
        self.broker = self.start_broker()
        self.witness = self.client(self.broker, "witness")
        self.witness.subscribe("#")
        self.sees("table/one")

    def sees(self, topic):
        """Waits until the witness, who was there from the beginning, gets one more message of the topic."""
        seen = lambda: len(self.witness.topic(topic).messages) if self.witness.topic(topic) else 0
        before = seen()
        self.witness.run_until(lambda: seen() > before, DEADLINE_S)

    def reload(self):
        status, body = self.broker.ctl("reload")
        return status, body

    def states(self):
        return {source["name"]: source["state"] for source in self.broker.ctl("sources")[1]}

    def test_a_change_of_one_source_restarts_that_one_only(self):
        self.sees("table/two")
        self.configure(sources=(("one", "10ms"), ("two", "20ms")))
        since = {name: self.broker.source(name)["since_us"] for name in ("one", "two")}
        status, body = self.reload()
        self.assertEqual(status, 0)
        self.assertEqual(body["faults"], [])
        self.assertEqual(len(body["applied"]), 1, body)
        self.assertIn("source two: options changed", body["applied"][0])
        self.sees("table/two")
        self.sees("table/one")
        self.assertEqual(self.broker.source("one")["since_us"], since["one"], "one went on")
        self.assertNotEqual(self.broker.source("two")["since_us"], since["two"])
        self.broker.wait_for_log("reload_applied", "source two")
        self.assertEqual(self.witness.topic("table/one").gaps, [])

    def test_sources_come_and_go(self):
        self.configure(sources=(("two", "10ms"), ("three", "10ms")))
        self.broker.process.send_signal(signal.SIGHUP)
        wait_for("the reload", lambda: self.broker.logged("reload_applied", "source three: added"))
        wait_for("source one to end", lambda: set(self.states()) == {"two", "three"})
        self.sees("table/three")
        self.sees("table/two")
        self.configure(sources=())
        self.assertEqual(self.reload()[0], 0)
        wait_for("all sources to end", lambda: self.states() == {})
        self.assertEqual(self.broker.status()["sources"], 0)

    def test_a_file_with_faults_changes_nothing_and_names_each_of_them(self):
        good = self.configure(sources=(("two", "10ms"), ("three", "10ms")),
                              listen='"unix:broker.sock", "unix:second.sock"')
        bad = {"a word near a known one": (good.replace("interval:", "intervall:", 1), "interval"),
               "a tab": (good.replace("  name: clinic", "\tname: clinic"), "broker.yaml:2"),
               "a key twice": (good.replace("  name: clinic", "  name: clinic\n  name: again"), "name"),
               "an unknown section": (good + "sourcs: []\n", "sources"),
               "no such plugin": (good.replace("plugin: counter", "plugin: countr", 1), "countr"),
               "not YAML": (good + "]\n", "broker.yaml:"),
               "nothing": ("", "listen"),
               "binary": ("\0\1\2", "broker.yaml")}
        for name, (text, expected) in bad.items():
            with self.subTest(name):
                self.broker.config.write_text(text, encoding="utf-8")
                status, body = self.reload()
                self.assertEqual(status, 1)
                self.assertEqual(body["applied"], [])
                self.assertTrue(body["faults"])
                self.assertTrue(any(expected in fault for fault in body["faults"]), body["faults"])
                self.broker.wait_for_log("reload_refused")
                checked = subprocess.run([str(harness.paths.bin / "btbroker"), "--check", str(self.broker.config)],
                                         capture_output=True, text=True, timeout=DEADLINE_S, check=False)
                self.assertEqual(checked.returncode, 2, checked.stderr)
                self.assertIn(expected, checked.stderr)
                self.assertEqual(set(self.states()), {"one", "two"})
                self.assertEqual(len(self.broker.status()["listen"]), 1)
                self.sees("table/one")
        self.broker.config.unlink()
        self.assertEqual(self.reload()[0], 1)
        self.sees("table/one")
        self.broker.config.write_text(good, encoding="utf-8")
        self.assertEqual(self.reload()[0], 0, "once it is mended it is taken")
        self.sees("table/three")

    def test_listeners_come_and_go_with_their_sessions(self):
        self.configure(listen='"unix:broker.sock", "unix:second.sock"')
        self.assertEqual(self.reload()[0], 0)
        second = f"unix:{self.folder}/second.sock"
        guest = self.client(self.broker, "guest", second)
        guest.subscribe("table/one", start=BEGINNING)
        guest.run_until(lambda: guest.synced("table/one"), DEADLINE_S)
        self.configure()
        self.assertEqual(self.reload()[0], 0)
        self.assert_ends(guest, LISTENER_REMOVED)
        with self.assertRaises(OSError):
            self.client(self.broker, "late", second)
        self.assertFalse((self.folder / "second.sock").exists())
        self.sees("table/one")
        self.assertEqual(self.broker.status()["ends"]["listener_removed"], 1)

    def test_a_listener_that_cannot_be_opened_keeps_the_old_configuration(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.configure(listen=f'"unix:broker.sock", "unix:second.sock", "tcp:127.0.0.1:{port}"', sources=())
            status, body = self.reload()
            self.assertEqual(status, 1)
            self.assertTrue(any(str(port) in fault for fault in body["faults"]), body)
        self.assertEqual(set(self.states()), {"one", "two"})
        self.assertFalse((self.folder / "second.sock").exists(), "what was opened for it is closed again")
        self.sees("table/one")

    def test_rules_of_topics_take_effect_at_once_and_kinds_after_a_restart(self):
        publisher = self.client(self.broker, "publisher")
        number = publisher.open("events/steps")
        for _ in range(50):
            publisher.publish(number, b"", b"x" * 1000)
        publisher.run_until(lambda: publisher.acked.get(number) == 50, DEADLINE_S)
        text = self.configure(keep=5)
        text = text.replace('"table/#", kind: state', '"table/#", kind: events')
        self.broker.config.write_text(text, encoding="utf-8")
        status, body = self.reload()
        self.assertEqual(status, 0)
        self.assertTrue(any("table/one" in line for line in body["needs_restart"]), body)
        topics = {topic["name"]: topic for topic in self.broker.ctl("topics")[1]}
        self.assertEqual(topics["events/steps"]["first_seq"], 46)
        self.assertEqual(topics["table/one"]["kind"], "state")


if __name__ == "__main__":
    harness.main("btbroker", "btctl")
