#!/usr/bin/env python3
"""What bad input gets: a named reason where a person can see it, a counter, and everyone else undisturbed."""

import contextlib
import json
import os
import random
import resource
import struct
import subprocess
import threading

import btb_client
import harness
from btb_client import (BEGINNING, DATA, HELLO, OPEN, PING, SUBSCRIBE, WELCOME, Goodbye, control_frame, message_frames,
                        padded)
from harness import DEADLINE_S, EndToEnd, wait_for

FULL, HELLO_EXPECTED, HELLO_TIMEOUT, VERSION, OVERFLOW = 4, 5, 6, 7, 9
MALFORMED, TOO_LARGE, UNVERIFIABLE, UNEXPECTED = 10, 11, 12, 13
EPOCH_CHANGED = 65

CONFIG = """
broker: {name: clinic}
limits: {keep_alive: 1h}
listen: ["unix:broker.sock", "tcp:127.0.0.1:0"]
topics:
  - {filter: "ward/#", kind: state}
  - {filter: "strict", kind: events, overflow: disconnect, keep: {count: 100}}
  - {filter: "#", kind: events, keep: {bytes: 1MiB}}
"""


def head(size, kind, flags=0, key_size=0):
    return struct.pack("<IBBH", size, kind, flags, key_size)


def data_head(topic=1, total=0, flags=0, key_size=0, size=None, seq=1):
    return struct.pack("<IBBHIIQq", 32 + key_size + total if size is None else size, DATA, flags, key_size, topic, total,
                       seq, 0)


def damaged(frame, at, value):
    return frame[:at] + bytes([value]) + frame[at + 1:]


A_SUBSCRIBE = control_frame(SUBSCRIBE, (0, "I", 1), (1, "text", "ward/#"))
A_RESUME = control_frame(SUBSCRIBE, (0, "I", 1), (1, "text", "ward/#"), (6, "marks", [(1, 1)]))

BEFORE_WELCOME = {  # what is sent first -> why the session ends
    "a message first": (message_frames(1, 1, b"k", b"v"), HELLO_EXPECTED),
    "a subscribe first": (A_SUBSCRIBE, HELLO_EXPECTED),
    "a frame smaller than its head": (head(3, HELLO), MALFORMED),
    "a frame of an unknown kind": (head(16, 99) + bytes(8), MALFORMED),
    "a frame of kind 0": (bytes(64), MALFORMED),
    "an oversized table": (head(65537, HELLO) + bytes(100), TOO_LARGE),
    "a size of four gigabytes": (head(0xFFFFFFFF, HELLO) + bytes(100), TOO_LARGE),
    "a hello whose root points out of it": (damaged(control_frame(HELLO, (2, "text", "x")), 8, 0xF0), UNVERIFIABLE),
    "a hello without a table": (head(8, HELLO), UNVERIFIABLE),
    "a version from the future": (control_frame(HELLO, (0, "H", 2), (1, "H", 9)), VERSION),
    "another protocol": (b"GET / HTTP/1.1\r\nHost: clinic\r\n\r\n", MALFORMED),
}

AFTER_WELCOME = {
    "hello twice": (control_frame(HELLO, (2, "text", "again")), UNEXPECTED),
    "what only brokers send": (control_frame(WELCOME, (0, "H", 1)), UNEXPECTED),
    "a message too short for its key": (data_head(key_size=100, size=40) + bytes(8), MALFORMED),
    "a message for topic 0": (data_head(topic=0), MALFORMED),
    "a flag that does not exist": (data_head(flags=32), MALFORMED),
    "a deletion with a payload": (data_head(flags=1, total=8) + bytes(8), MALFORMED),
    "a total that is not the payload": (data_head(total=9, size=40) + bytes(8), MALFORMED),
    "parts of what is small": (data_head(total=20, flags=8, size=40) + bytes(8), MALFORMED),
    "a key larger than the limit": (padded(data_head(key_size=1025) + bytes(1025)), TOO_LARGE),
    "a part larger than the limit": (padded(data_head(total=5000) + bytes(5000)), TOO_LARGE),
    "a subscribe with a vtable elsewhere": (damaged(A_SUBSCRIBE, 25, 0x70), UNVERIFIABLE),
    "a filter that ends behind its frame": (damaged(A_SUBSCRIBE, 36, 0xFF), UNVERIFIABLE),
    "a filter without a zero behind it": (damaged(A_SUBSCRIBE, 46, 1), UNVERIFIABLE),
    "more positions than there are bytes": (damaged(A_RESUME, A_RESUME.index(b"\x01\0\0\0\x01\0\0\0") + 3, 0x7F),
                                            UNVERIFIABLE),
}


class Hostile(EndToEnd):
    """A broker with a witness: somebody who must not notice anything."""

    def begin(self, config=CONFIG):
        self.broker = self.start_broker(config)
        self.publisher = self.client(self.broker, "publisher")
        self.witness = self.client(self.broker, "witness")
        self.witness.subscribe("witness")
        self.number = self.publisher.open("witness")
        self.all_is_well()

    def all_is_well(self):
        """A message gets through, none was missed, and these two sessions are still the ones they were."""
        count = self.publisher.publish(self.number, b"", b"still here")
        self.witness.run_until(lambda: self.witness.topic("witness")
                               and self.witness.topic("witness").position >= count, DEADLINE_S)
        self.publisher.run_until(lambda: self.publisher.acked.get(self.number, 0) >= count, DEADLINE_S)
        self.assertEqual([m.seq for m in self.witness.topic("witness").messages], list(range(1, count + 1)))
        self.assertEqual(self.witness.topic("witness").gaps, [])

    def ends(self, reason):
        return self.broker.status()["ends"].get(reason, 0)

    def wait_for_end(self, reason, count=1):
        wait_for(f"{count} sessions to end with {reason}", lambda: self.ends(reason) >= count)
        self.assertEqual(self.ends(reason), count)
        self.broker.wait_for_log("session_ended", f"reason={reason}")

    def raw(self, endpoint):
        """A connection that says nothing by itself."""
        made = btb_client.Client.__new__(btb_client.Client)
        made.socket, made.input, made.name, made.heard, made.spoke = btb_client.open_socket(endpoint), b"", "raw", 0, 0
        self.addCleanup(made.socket.close)
        return made


class BadFrames(Hostile):
    NAMES = {HELLO_EXPECTED: "hello_expected", VERSION: "version_unsupported", MALFORMED: "frame_malformed",
             TOO_LARGE: "frame_too_large", UNVERIFIABLE: "frame_unverifiable", UNEXPECTED: "frame_unexpected"}

    def send_each(self, cases, connect):
        self.begin()
        counts = {}
        for scheme in ("unix", "tcp"):
            for name, (stream, reason) in cases.items():
                with self.subTest(name, scheme=scheme):
                    counts[reason] = counts.get(reason, 0) + 1
                    bad = connect(getattr(self.broker, scheme))
                    bad.send(stream)
                    with self.assertRaises(Goodbye) as goodbye:
                        while bad.next_frame(DEADLINE_S):
                            pass
                    self.assertEqual(goodbye.exception.reason, reason, str(goodbye.exception))
                    self.assertTrue(goodbye.exception.text, "words for a person")
        self.all_is_well()
        ends = self.broker.status()["ends"]
        self.assertEqual({self.NAMES[reason]: count for reason, count in counts.items()},
                         {name: ends[name] for name in ends if name in self.NAMES.values()})

    def test_nonsense_instead_of_hello_is_answered_with_its_reason(self):
        self.send_each(BEFORE_WELCOME, self.raw)

    def test_nonsense_in_a_session_ends_that_session_with_its_reason(self):
        self.send_each(AFTER_WELCOME, lambda endpoint: self.client(self.broker, "bad", endpoint))

    def test_a_megabyte_of_noise_is_answered_too(self):
        self.begin()
        noise = random.Random(7)
        for endpoint in (self.broker.unix, self.broker.tcp) * 10:
            bad = self.raw(endpoint)
            with contextlib.suppress(OSError):
                bad.send(noise.randbytes(1 << 20))
            with self.assertRaises(Goodbye):
                while bad.next_frame(DEADLINE_S):
                    pass
        self.all_is_well()
        ends = self.broker.status()["ends"]
        self.assertEqual(sum(ends.get(name, 0) for name in self.NAMES.values()), 20, ends)

    def test_a_frame_that_comes_in_single_bytes_is_a_frame_and_a_torn_one_is_nobodys_fault(self):
        self.begin()
        slow = self.raw(self.broker.tcp)
        for byte in control_frame(HELLO, (2, "text", "slow")):
            slow.send(bytes([byte]))
        self.assertEqual(slow.next_frame(DEADLINE_S)[0], WELCOME)
        slow.send(A_SUBSCRIBE[:20])
        slow.socket.close()
        self.wait_for_end("peer_closed")
        self.all_is_well()

    def test_what_comes_after_a_goodbye_counts_for_nothing(self):
        self.begin()
        leaving = self.client(self.broker, "leaving")
        number = leaving.open("witness")
        leaving.send(control_frame(18, (0, "H", 1)) + message_frames(number, 1, b"", b"too late") + b"\xff" * 64)
        wait_for("its end", lambda: self.broker.logged("session_ended", "reason=normal", "name=leaving"))
        self.all_is_well()
        self.assertNotIn(b"too late", [m.payload for m in self.witness.topic("witness").messages])

    def test_names_with_terminal_escapes_reach_no_terminal(self):
        self.begin()
        self.client(self.broker, b"\x1b[31mred\x07\xff\xfe")
        self.client(self.broker, "\x1b[31mred\x07")
        number = self.publisher.open("tricky")
        self.publisher.publish(number, b"\x1b]0;title\x07", b"\x1b[2Jcleared")
        self.all_is_well()
        self.assertFalse(any(byte in self.broker.log() for byte in "\x1b\x07"))
        once = ["btsub", "--once", "tricky"]
        for arguments in (["btctl", "sessions"], once, [*once, "-f", "table"], [*once, "-f", "json"]):
            shown = subprocess.run([str(harness.paths.bin / arguments[0]), "-b", self.broker.unix, *arguments[1:]],
                                   capture_output=True, timeout=DEADLINE_S, check=False)
            self.assertEqual(shown.returncode, 0, shown.stderr)
            self.assertTrue(shown.stdout)
            self.assertFalse(set(b"\x1b\x07") & set(shown.stdout + shown.stderr), (arguments, shown.stdout))


class Greedy(Hostile):
    def test_a_thousand_connections_that_say_nothing(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.begin(CONFIG.replace("1h}", "1h, handshakes: 100, handshake_timeout: 10s}"))
        silent = [self.raw(self.broker.unix if i % 2 else self.broker.tcp) for i in range(1000)]
        # Asked in a session that is there already: a new one would end one of the silent.
        wait_for("the broker to have seen them",
                 lambda: json.loads(self.publisher.command("status"))["sessions_accepted"] >= 1002)
        self.client(self.broker, "welcome though the silent ones are still there")
        self.all_is_well()
        reasons = []
        for connection in silent:
            with self.assertRaises(Goodbye) as goodbye:
                while connection.next_frame(DEADLINE_S):
                    pass
            reasons.append(goodbye.exception.reason)
            self.assertEqual(goodbye.exception.retry_after_ms > 0, goodbye.exception.reason == FULL)
        self.assertEqual(set(reasons), {FULL, HELLO_TIMEOUT})
        self.assertGreaterEqual(reasons.count(HELLO_TIMEOUT), 99)  # one gave its place to the welcome one
        ends = self.broker.status()["ends"]
        self.assertEqual((ends["full"], ends["hello_timeout"]), (reasons.count(FULL), reasons.count(HELLO_TIMEOUT)))
        self.client(self.broker, "a real one")
        self.all_is_well()
        wait_for("the silent ones to be gone", lambda: self.broker.status()["sessions"] == 5)

    def publish_many(self, number, count, payload):
        for _ in range(count):
            last = self.publisher.publish(number, b"row", payload)
            if last % 100 == 0:
                self.publisher.run_until(lambda wanted=last: self.publisher.acked.get(number, 0) >= wanted, DEADLINE_S)
                self.witness.run_once(0)

    def test_who_never_reads_costs_no_memory_and_delays_nobody(self):
        self.begin()
        for i in range(20):
            stuck = self.client(self.broker, f"stuck {i}", self.broker.tcp if i % 2 else self.broker.unix)
            stuck.subscribe("#", start=BEGINNING)
        numbers = [self.publisher.open("flow"), self.publisher.open("ward/flow")]
        for number in numbers:
            self.publish_many(number, 2000, b"x" * 4000)
        before = self.broker.resident_bytes()
        for number in numbers:
            self.publish_many(number, 4000, b"x" * 4000)  # 32 MB, to 20 that do not read
            self.all_is_well()
        grown = self.broker.resident_bytes() - before
        self.assertLess(grown, 8 << 20)
        behind = [s for s in self.broker.ctl("sessions")[1] if s["name"].startswith("stuck")]
        self.assertEqual(len(behind), 20)
        self.assertTrue(all(s["behind_bytes"] > 0 for s in behind))

    def test_who_falls_behind_a_strict_topic_is_ended_with_overflow(self):
        self.begin()
        stuck = self.client(self.broker, "stuck")
        stuck.subscribe("strict", start=BEGINNING)
        number = self.publisher.open("strict")
        self.publish_many(number, 3000, b"x" * 4000)
        self.assert_ends(stuck, OVERFLOW)
        self.wait_for_end("overflow")
        self.all_is_well()

    def test_who_asks_without_reading_the_answers_is_ended(self):
        self.begin()
        asking = self.client(self.broker, "asking")
        with contextlib.suppress(OSError):
            for _ in range(200):
                asking.send(control_frame(PING, (0, "Q", 1)) * 1000)
        self.wait_for_end("control_overflow")
        self.all_is_well()

    def test_rows_replaced_while_they_are_sent_converge(self):
        self.begin()
        number = self.publisher.open("ward/scans")
        self.publisher.publish(number, b"a", b"0" * 1_000_000)
        slow = self.client(self.broker, "slow")
        slow.subscribe("ward/#")
        pipe = subprocess.Popen([str(harness.paths.bin / "btsub"), "-b", self.broker.unix, "-f", "raw", "ward/#"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(pipe.stderr.close)
        self.addCleanup(pipe.stdout.close)
        self.addCleanup(pipe.wait)
        self.addCleanup(pipe.kill)

        def is_stuck():
            last = self.publisher.publish(number, b"b", b"0" * 1_000_000)
            self.publisher.run_until(lambda: self.publisher.acked.get(number, 0) >= last, DEADLINE_S)
            return any(s["name"] == "btsub" and s["behind_bytes"] > 0 for s in self.broker.ctl("sessions")[1])

        wait_for("btsub to be stuck", is_stuck)
        for i in range(1, 6):
            self.publisher.publish(number, b"a", b"%d" % i * 1_000_000)
            last = self.publisher.publish(number, b"b", b"%d" % i * 1_000_000)
        self.publisher.run_until(lambda: self.publisher.acked.get(number, 0) >= last, DEADLINE_S)
        slow.run_until(lambda: slow.synced("ward/scans"), DEADLINE_S)
        self.assertEqual(slow.topic("ward/scans").rows, {b"a": b"5" * 1_000_000, b"b": b"5" * 1_000_000})
        received = bytearray()

        def read_all():
            for piece in iter(lambda: pipe.stdout.read1(65536), b""):
                received.extend(piece)

        reader = threading.Thread(target=read_all, daemon=True)
        reader.start()
        wait_for("btsub to print the newest rows", lambda: received.count(b"5") == 2_000_000)
        self.assertFalse(self.broker.logged("session_ended", "name=btsub"), "in one session")
        pipe.kill()
        reader.join(DEADLINE_S)


class BadPlugins(Hostile):
    SOURCES = """
broker: {{plugin_path: [{fixtures}]}}
limits: {{source_stop_timeout: 500ms}}
listen: ["unix:broker.sock"]
topics: [{{filter: flood, keep: {{bytes: 1MiB}}}}]
sources:
"""

    def begin_with(self, *plugins):
        sources = "".join(f"  - {{name: {name}, plugin: {name}, restart_delay: 50ms}}\n" for name in plugins)
        self.begin(self.SOURCES.format(fixtures=harness.paths.fixtures) + sources)

    def reaches(self, source, **wanted):
        def found():
            now = self.broker.source(source)
            return all(check(now[name]) if callable(check) else now[name] == check for name, check in wanted.items())
        wait_for(f"{source} to be {wanted} (it is {self.broker.source(source)})", found)

    def test_sources_that_fail_are_started_again_and_say_why(self):
        self.begin_with("throws_in_create", "throws_in_run", "silent_failure")
        self.reaches("throws_in_create", restarts=lambda count: count >= 3)
        self.reaches("throws_in_run", restarts=lambda count: count >= 3)
        self.reaches("silent_failure", restarts=lambda count: count >= 3)
        self.broker.wait_for_log("source=throws_in_create", "no database today")
        self.broker.wait_for_log("source=throws_in_run", "the file is gone")
        self.broker.wait_for_log("source=silent_failure", "failed without a word")
        self.all_is_well()

    def test_a_flood_is_held_back_and_others_get_through(self):
        self.begin_with("floods", "counter")
        self.reaches("floods", messages=lambda count: count > 10_000)
        before = self.broker.resident_bytes()
        self.all_is_well()
        self.reaches("counter", messages=lambda count: count > 10)
        self.reaches("floods", messages=lambda count: count > 200_000)
        self.assertLess(self.broker.resident_bytes() - before, 32 << 20)
        self.broker.ctl("pause", "floods")
        self.reaches("floods", state="paused")
        self.all_is_well()

    def test_rubbish_is_not_taken_and_the_good_between_it_is(self):
        self.begin_with("publishes_rubbish")
        self.reaches("publishes_rubbish", messages=lambda count: count >= 10)
        names = [topic["name"] for topic in self.broker.ctl("topics")[1]]
        self.assertEqual([name for name in names if not name.startswith("$")], ["rubbish", "witness"])
        rows = self.client(self.broker, "reader")
        rows.subscribe("rubbish", start=BEGINNING)
        rows.run_until(lambda: rows.topic("rubbish") and len(rows.topic("rubbish").messages) > 4, DEADLINE_S)
        self.assertEqual({m.payload for m in rows.topic("rubbish").messages}, {b"1", b"2"})
        self.all_is_well()

    def test_sources_that_do_not_stop_are_given_up(self):
        self.begin_with("hangs_in_start", "never_stops", "counter")
        self.reaches("never_stops", messages=1)
        self.reaches("counter", messages=lambda count: count >= 1)
        self.all_is_well()
        self.broker.config.write_text(self.SOURCES.format(fixtures=harness.paths.fixtures)
                                      + "  - {name: counter, plugin: counter, restart_delay: 50ms}\n", encoding="utf-8")
        self.assertEqual(self.broker.ctl("reload")[0], 0)
        wait_for("both to be given up", lambda: self.broker.status()["sources_abandoned"] == 2)
        self.assertEqual([source["name"] for source in self.broker.ctl("sources")[1]], ["counter"])
        for name in ("hangs_in_start", "never_stops"):
            self.broker.wait_for_log(f"source={name}", "did not stop")
        self.all_is_well()
        self.assertEqual(self.broker.end(), 0, "the broker itself still ends")

    def test_a_broker_with_sources_that_do_not_stop_ends_all_the_same(self):
        self.begin_with("hangs_in_start", "never_stops", "floods")
        self.assertEqual(self.broker.end(), 0)

    def test_the_check_of_a_plugin_takes_options_as_words_and_says_so_where_one_is_missing(self):
        def check(*options):
            done = subprocess.run([str(harness.paths.bin / "btctl"), "plugin", "check",
                                   str(harness.paths.plugins / "csv.so"), "--stop-timeout", "300", *options], capture_output=True, text=True,
                                  timeout=DEADLINE_S * 4, check=False)
            return done.returncode, done.stdout, done.stderr

        status, _, said = check()
        self.assertEqual(status, 1)
        self.assertIn("give options as NAME=VALUE", said)
        table = self.folder / "stock.csv"
        table.write_text("item,count\na,1\n", encoding="utf-8")
        status, printed, said = check(f"path={table}", "topic=stock", "-o", "key=[item]")
        self.assertEqual((status, said), (0, ""), printed)

    def test_what_is_no_plugin_is_named_by_the_check_of_the_configuration(self):
        (self.folder / "text.so").write_text("not a library")
        (self.folder / "empty.so").write_bytes(b"")
        expected = {"not_a_plugin": "btb_plugin_entry", "null_entry": "ABI", "wrong_abi": "ABI", "small_struct": "small",
                    "bad_declaration": "option", str(self.folder / "text.so"): "text.so",
                    str(self.folder / "empty.so"): "empty.so", "not_there": "not_there"}
        for plugin, word in expected.items():
            with self.subTest(plugin):
                config = self.folder / "broker.yaml"
                config.write_text(self.SOURCES.format(fixtures=harness.paths.fixtures)
                                  + f"  - {{name: it, plugin: {plugin}}}\n", encoding="utf-8")
                checked = subprocess.run([str(harness.paths.bin / "btbroker"), "--check", str(config)],
                                         capture_output=True, text=True, timeout=DEADLINE_S, check=False)
                self.assertEqual(checked.returncode, 2)
                self.assertIn(word, checked.stderr)
                self.assertIn("broker.yaml:7:", checked.stderr)


class Restarts(Hostile):
    def test_subscribers_of_a_broker_that_was_killed_start_over(self):
        self.begin()
        number = self.publisher.open("ward/3A")
        self.publisher.publish(number, b"a", b"1")
        self.publisher.publish(number, b"b", b"2")
        self.publisher.publish(self.publisher.open("ward/gone"), b"c", b"3")
        printed = self.subscriber(self.broker, "ward/#")
        printed.wait_for_messages(3)
        client = self.client(self.broker, "stays")
        client.subscribe("ward/#")
        client.run_until(lambda: client.synced("ward/3A"), DEADLINE_S)

        self.broker.process.kill()
        self.broker.wait()
        self.started.remove(self.broker)
        self.broker.end()
        self.begin()
        number = self.publisher.open("ward/3A")
        self.publisher.publish(number, b"b", b"22")
        printed.wait_for_messages(6)
        wait_for("btsub to be back", lambda: self.broker.logged("session_opened", "name=btsub"))
        self.publisher.publish(number, b"c", b"3")
        last = printed.wait_for_messages(7)[3:]
        self.assertEqual([(m["topic"], m["op"]) for m in last[:2]], [("ward/3A", "refetch"), ("ward/gone", "refetch")])
        self.assertEqual([(m["key"], m["payload"]) for m in last[2:]], [("b", 22), ("c", 3)])
        self.assertTrue(printed.running())

        with self.assertRaises(Goodbye):
            client.run_until(lambda: False, DEADLINE_S)
        client.connect()
        client.run_until(lambda: client.topic("ward/3A") and client.topic("ward/3A").rows.keys() == {b"b", b"c"},
                         DEADLINE_S)
        self.assertEqual(client.topic("ward/3A").refetched, [EPOCH_CHANGED])

    def test_a_broker_that_stops_says_goodbye_and_when_to_come_back(self):
        self.begin()
        client = self.client(self.broker, "waits")
        self.assertEqual(self.broker.end(), 0)
        with self.assertRaises(Goodbye) as goodbye:
            client.run_until(lambda: False, DEADLINE_S)
        self.assertEqual((goodbye.exception.reason, goodbye.exception.retry_after_ms), (2, 1000))
        self.assertFalse((self.folder / "broker.sock").exists())


if __name__ == "__main__":
    os.environ["ASAN_OPTIONS"] = ":".join([os.environ.get("ASAN_OPTIONS", ""), "quarantine_size_mb=1"]).strip(":")
    harness.main("btbroker", "btsub", "btctl")
