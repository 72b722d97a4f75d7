#!/usr/bin/env python3
"""A program in another language, written from docs/protocol.md alone, against a real broker, over unix and TCP."""

import json
import os
import pathlib
import re
import time
import unittest

import btb_client
import harness
from btb_client import (BEGINNING, EVENTS, LAST, OPEN, OPENED, SEQ, STATE, SUBSCRIBE, SUBSCRIBED, TIME, Goodbye, Refused,
                        control_frame, matches, message_frames)
from harness import DEADLINE_S, EndToEnd

CONFIG = """
broker: {name: clinic}
listen: ["unix:broker.sock", "tcp:127.0.0.1:0"]
topics:
  - {filter: "ward/#", kind: state, content: json}
  - {filter: "short/#", kind: events, keep: {count: 10}}
"""

FILTERS = {  # the examples of the page: filter -> what it matches, what it does not
    "ward/3A/medication": (["ward/3A/medication"], ["ward/3a/medication", "ward/3A"]),
    "ward/+/medication": (["ward/3A/medication", "ward/ü 1/medication"], ["ward/medication", "ward/3A/x/medication"]),
    "ward/#": (["ward", "ward/3A", "ward/3A/medication"], ["wards", "warden/3A"]),
    "+": (["ward"], ["ward/3A"]),
    "+/+": (["ward/3A"], ["ward"]),
}


class Conversations:
    """The tests; the two classes below say over which kind of socket."""

    scheme = None

    def setUp(self):
        super().setUp()
        self.broker = self.start_broker(CONFIG)
        self.publisher = self.connect("publisher")

    def connect(self, name, **options):
        return self.client(self.broker, name, getattr(self.broker, self.scheme), **options)

    def publish(self, topic, *rows):
        """(key, payload) each; payload None deletes. Waits until all of them are in the log."""
        number = self.publisher.open(topic)
        for key, payload in rows:
            if payload is None:
                self.publisher.delete(number, key)
            else:
                last = self.publisher.publish(number, key, payload)
        last = self.publisher.published[number]
        self.publisher.run_until(lambda: self.publisher.acked.get(number, 0) >= last, DEADLINE_S)
        return number

    def subscribed(self, pattern, **options):
        client = self.connect("subscriber")
        client.subscribe(pattern, **options)
        return client

    def test_a_late_subscriber_gets_the_rows_as_they_are_then_the_changes(self):
        topic = "ward/3A/notes"
        self.publish(topic, (b"bed-1", b"old"), (b"bed-1", b"new"), (b"bed-2", b"2"), (b"bed-3", b"3"),
                     (b"bed-2", None))
        client = self.subscribed("ward/+/notes")
        client.run_until(lambda: client.synced(topic), DEADLINE_S)
        held = client.topic(topic)
        self.assertEqual((held.kind, held.content), (STATE, "json"))
        self.assertEqual(held.rows, {b"bed-1": b"new", b"bed-3": b"3"})
        self.assertEqual([m.key for m in held.messages], [b"bed-1", b"bed-3"], "a snapshot holds the living rows only")
        snapshot = len(held.messages)
        self.publish(topic, (b"bed-3", b"33"), (b"bed-1", None), (b"bed-4", b"4"))
        client.run_until(lambda: b"bed-4" in held.rows, DEADLINE_S)
        self.assertEqual(held.rows, {b"bed-3": b"33", b"bed-4": b"4"})
        deltas = [(m.key, m.payload, m.deletion) for m in held.messages[snapshot:]]
        self.assertEqual(deltas, [(b"bed-3", b"33", False), (b"bed-1", b"", True), (b"bed-4", b"4", False)])

    def test_a_topic_made_after_the_subscription_is_announced(self):
        client = self.subscribed("ward/#")
        self.publish("ward/new", (b"k", b"v"))
        client.run_until(lambda: client.topic("ward/new") and client.topic("ward/new").rows, DEADLINE_S)
        self.assertEqual(client.topic("ward/new").rows, {b"k": b"v"})

    def test_events_begin_where_the_subscription_says(self):
        before = time.time()
        self.publish("steps", *[(b"", str(i).encode()) for i in range(1, 7)])
        middle = self.subscribed("steps", start=BEGINNING)
        middle.run_until(lambda: middle.topic("steps") and len(middle.topic("steps").messages) == 6, DEADLINE_S)
        self.assertEqual(middle.topic("steps").kind, EVENTS)
        time_us = middle.topic("steps").messages[0].time_us
        self.assertTrue(before - 1 <= time_us / 1e6 <= time.time() + 1, (before, time_us, time.time()))
        clients = {"latest": (self.subscribed("steps"), []),
                   "seq": (self.subscribed("steps", start=SEQ, value=5), [5, 6]),
                   "last": (self.subscribed("steps", start=LAST, value=1), [6]),
                   "time": (self.subscribed("steps", start=TIME, value=time_us), [1, 2, 3, 4, 5, 6])}
        self.publish("steps", (b"", b"7"))
        for name, (client, expected) in clients.items():
            with self.subTest(start=name):
                client.run_until(lambda c=client: c.topic("steps") and c.topic("steps").position == 7, DEADLINE_S)
                self.assertEqual([m.seq for m in client.topic("steps").messages], expected + [7])
                self.assertEqual(client.topic("steps").gaps, [])

    def test_messages_the_topic_has_forgotten_are_told_as_a_gap(self):
        self.publish("short/steps", *[(b"", b"x")] * 30)
        client = self.subscribed("short/#", start=SEQ, value=5)
        client.run_until(lambda: client.topic("short/steps") and client.topic("short/steps").position == 30, DEADLINE_S)
        topic = client.topic("short/steps")
        self.assertEqual([m.seq for m in topic.messages], list(range(21, 31)))
        self.assertEqual(topic.gaps, [(5, 20, 64)])

    def test_who_comes_back_gets_exactly_what_was_missed(self):
        rows = {f"bed-{i}".encode(): b"0" for i in range(50)}
        self.publish("ward/3A", *rows.items())
        self.publish("steps", (b"", b"1"), (b"", b"2"))
        client = self.subscribed("#", start=BEGINNING)
        client.run_until(lambda: client.synced("ward/3A") and client.topic("steps").position == 2, DEADLINE_S)
        before = len(client.topic("ward/3A").messages)
        client.socket.close()  # no goodbye: a broken connection
        self.publish("ward/3A", (b"bed-1", b"1"), (b"bed-2", None), (b"bed-1", b"2"), (b"bed-99", b"9"))
        self.publish("ward/born", (b"a", b"b"))
        self.publish("steps", (b"", b"3"), (b"", b"4"))
        client.connect()
        client.run_until(lambda: client.topic("ward/3A").snapshots == 2 and client.topic("steps").position == 4
                         and client.synced("ward/born"), DEADLINE_S)
        rows[b"bed-1"], rows[b"bed-99"] = b"2", b"9"
        del rows[b"bed-2"]
        ward = client.topic("ward/3A")
        self.assertEqual(ward.rows, rows)
        self.assertEqual([m.key for m in ward.messages[before:]], [b"bed-2", b"bed-1", b"bed-99"])
        self.assertEqual(ward.refetched, [])
        self.assertEqual([m.payload for m in client.topic("steps").messages], [b"1", b"2", b"3", b"4"])

    def test_nothing_is_missing_and_nothing_comes_twice_over_twenty_broken_connections(self):
        client = self.subscribed("#", start=BEGINNING)
        number = self.publisher.open("steps")
        state = self.publisher.open("ward/3A")
        count = 0
        for turn in range(20):
            for _ in range(100):
                count += 1
                self.publisher.publish(number, b"", b"%d" % count + b"." * (count % 97) * 50)
                self.publisher.publish(state, b"%d" % (count % 17), b"%d" % count)
            wanted = count - 50
            client.run_until(lambda: client.topic("steps") and client.topic("steps").position >= wanted, DEADLINE_S)
            client.socket.close()
            client.connect()
        client.run_until(lambda: client.topic("steps").position == count
                         and client.topic("ward/3A").position == count, DEADLINE_S)
        steps = client.topic("steps")
        self.assertEqual([m.seq for m in steps.messages], list(range(1, count + 1)))
        self.assertEqual([int(m.payload.split(b".")[0]) for m in steps.messages], list(range(1, count + 1)))
        rows = {b"%d" % (i % 17): b"%d" % i for i in range(1, count + 1)}
        self.assertEqual(client.topic("ward/3A").rows, rows)

    def test_a_batch_is_applied_as_a_whole(self):
        client = self.subscribed("ward/#")
        number = self.publisher.open("ward/3A")
        self.publisher.publish(number, b"a", b"1", batch_more=True)
        self.publisher.publish(number, b"b", b"2", batch_more=True)
        client.run_until(lambda: client.topic("ward/3A") and len(client.topic("ward/3A").batch) == 2, DEADLINE_S)
        self.assertEqual(client.topic("ward/3A").rows, {}, "no half of a batch is shown")
        self.publisher.publish(number, b"c", b"3")
        client.run_until(lambda: client.topic("ward/3A").rows, DEADLINE_S)
        self.assertEqual(client.topic("ward/3A").batches, [[1, 2, 3]])

    def test_a_batch_whose_publisher_goes_away_is_closed_by_a_position(self):
        client = self.subscribed("ward/#")
        other = self.connect("goes away")
        number = other.open("ward/3A")
        other.publish(number, b"a", b"1", batch_more=True)
        client.run_until(lambda: client.topic("ward/3A") and client.topic("ward/3A").batch, DEADLINE_S)
        other.socket.close()
        client.run_until(lambda: client.topic("ward/3A").rows == {b"a": b"1"}, DEADLINE_S)

    def test_large_messages_travel_in_parts_both_ways(self):
        client = self.subscribed("#", start=BEGINNING)
        scan = os.urandom(1_000_003)
        self.publish("scans", (b"k" * 1024, scan), (b"", b"a" * 4096), (b"", b"a" * 4097), (b"", b""))
        client.run_until(lambda: client.topic("scans") and client.topic("scans").position == 4, DEADLINE_S)
        messages = client.topic("scans").messages
        self.assertEqual((messages[0].key, messages[0].payload), (b"k" * 1024, scan))
        self.assertEqual([len(m.payload) for m in messages], [1_000_003, 4096, 4097, 0])

    def test_messages_that_are_not_taken_are_rejected_one_by_one(self):
        number = self.publish("steps", (b"", b"1"))
        self.publisher.delete(number, b"k")
        self.publisher.publish(number, b"", b"3")
        self.publisher.send(message_frames(4711, 1, b"", b"x"))
        self.publisher.run_until(lambda: self.publisher.acked[number] == 3 and len(self.publisher.rejects) == 2,
                                 DEADLINE_S)
        self.assertEqual(self.publisher.rejects, [(number, 2, 40), (4711, 1, 36)])

    def test_a_message_begun_before_the_last_was_complete_replaces_it(self):
        number = self.publisher.open("steps")
        self.publisher.published[number] = 2
        half = message_frames(number, 1, b"", b"a" * 5000)[:4096 + 32]
        self.publisher.send(half + message_frames(number, 2, b"", b"whole"))
        self.publisher.run_until(lambda: self.publisher.acked.get(number) == 2 and self.publisher.rejects, DEADLINE_S)
        self.assertEqual(self.publisher.rejects, [(number, 1, 45)])
        client = self.subscribed("steps", start=BEGINNING)
        client.run_until(lambda: client.topic("steps") and client.topic("steps").messages, DEADLINE_S)
        self.assertEqual([m.payload for m in client.topic("steps").messages], [b"whole"])

    def test_requests_that_break_a_rule_are_refused_with_the_reason(self):
        client = self.connect("refused")
        first, _ = client.subscribe("a/b")
        for pattern in ("", "a//b", "/a", "a/", "a/#/b", "a+", "#a", b"\xff\xfe", "a\nb", "x" * 256,
                        "/".join("a" * 33)):
            with self.subTest(pattern=pattern), self.assertRaises(Refused) as refused:
                client.subscribe(pattern)
            self.assertEqual(refused.exception.reason, 33)
        client.next_id = first
        with self.assertRaises(Refused) as refused:
            client.subscribe("b")
        self.assertEqual(refused.exception.reason, 41)
        client.next_id = 1000
        for name, reason in (("a/+", 33), (b"a/\xff", 33), ("$SYS/mine", 46)):
            with self.subTest(name=name), self.assertRaises(Refused) as refused:
                client.open(name)
            self.assertEqual(refused.exception.reason, reason)
        with self.assertRaises(Refused) as refused:
            client.unsubscribe(999)
        self.assertEqual(refused.exception.reason, 42)

    def test_filters_match_what_the_page_says(self):
        for name in sorted({name for pair in FILTERS.values() for name in pair[0] + pair[1]}):
            self.publisher.open(name)
        for pattern, (wanted, unwanted) in FILTERS.items():
            self.assertEqual([name for name in wanted + unwanted if matches(pattern, name)], wanted)
            client = self.subscribed(pattern)
            client.run_until(lambda c=client, w=wanted: all(c.topic(name) for name in w), DEADLINE_S)
            client.subscribe("last/of/all")  # its answer comes behind all that the first brought
            names = {topic.name for topic in client.topics.values()}
            self.assertLessEqual(set(wanted), names)
            self.assertFalse(names & set(unwanted), pattern)

    def test_after_unsubscribed_nothing_comes(self):
        client = self.connect("subscriber")
        ward, _ = client.subscribe("ward/#")
        client.subscribe("steps")
        self.publish("ward/3A", (b"a", b"1"))
        client.run_until(lambda: client.topic("ward/3A") and client.topic("ward/3A").rows, DEADLINE_S)
        held = client.topic("ward/3A")
        client.unsubscribe(ward)
        self.publish("ward/3A", (b"a", b"2"))
        self.publish("steps", (b"", b"1"))
        client.run_until(lambda: client.topic("steps") and client.topic("steps").messages, DEADLINE_S)
        self.assertEqual(held.rows, {b"a": b"1"})
        self.assertIsNone(client.topic("ward/3A"))

    def test_a_row_deleted_between_unsubscribe_and_subscribe_is_gone(self):
        topic = "ward/3A"
        client = self.connect("subscriber")
        ward, _ = client.subscribe("ward/#")
        self.publish(topic, (b"goes", b"1"), (b"stays", b"1"))
        client.run_until(lambda: client.topic(topic) and len(client.topic(topic).rows) == 2, DEADLINE_S)
        client.unsubscribe(ward)
        self.publish(topic, (b"goes", None))
        client.subscribe(topic)
        client.run_until(lambda: client.synced(topic), DEADLINE_S)
        self.assertEqual(client.topic(topic).rows, {b"stays": b"1"})

    def test_what_another_subscription_matches_is_kept_after_unsubscribed(self):
        topic = "ward/3A"
        client = self.connect("subscriber")
        ward, _ = client.subscribe("ward/#")
        client.subscribe("ward/+")
        self.publish(topic, (b"a", b"1"), (b"b", b"1"))
        client.run_until(lambda: client.topic(topic) and len(client.topic(topic).rows) == 2, DEADLINE_S)
        client.unsubscribe(ward)
        self.publish(topic, (b"a", None))
        client.run_until(lambda: client.topic(topic).rows == {b"b": b"1"}, DEADLINE_S)

    def test_thousands_of_positions_go_in_several_frames(self):
        count = 0
        for i in range(5):
            publisher = self.connect(f"publisher {i}")
            requests = range(1000 * i + 1, 1000 * i + 1001)
            publisher.send(b"".join(control_frame(OPEN, (0, "I", n), (1, "text", f"many/{n}")) for n in requests))
            for request in requests:
                number = publisher.answer(OPENED, request, reason_slot=1).number(3, "I")
                publisher.send(message_frames(number, 1, b"", b"once"))
                count += 1
        client = self.subscribed("many/#", start=BEGINNING)
        client.run_until(lambda: len(client.topics) == count
                         and all(topic.position == 1 for topic in client.topics.values()), DEADLINE_S)
        client.socket.close()
        self.publish("many/4567", (b"", b"twice"))
        client.connect()
        client.answer(SUBSCRIBED, 1, reason_slot=1)
        client.run_until(lambda: client.topic("many/4567").position == 2, DEADLINE_S)
        self.publish("many/1", (b"", b"twice"))
        client.run_until(lambda: client.topic("many/1").position == 2, DEADLINE_S)
        self.assertEqual(sum(len(topic.messages) for topic in client.topics.values()), count + 2)

    def test_silence_ends_a_session_and_pings_keep_it(self):
        silent = self.connect("silent", keep_alive_ms=1000)
        self.assertEqual(silent.keep_alive_ms, 1000)
        with self.assertRaises(Goodbye) as goodbye:
            while silent.next_frame(DEADLINE_S):
                pass
        self.assertEqual(goodbye.exception.reason, 8)
        while not self.stays_by_pings():
            pass

    def stays_by_pings(self):
        """False if this process did not get to run for too long, which says nothing of the broker."""
        talking = self.connect("talking", keep_alive_ms=1000)
        begun = last = time.monotonic()
        longest = 0
        try:
            while time.monotonic() < begun + 4:
                talking.run_for(0.1)
                longest, last = max(longest, time.monotonic() - last), time.monotonic()
            talking.subscribe("#")
        except Goodbye as goodbye:
            longest = max(longest, time.monotonic() - last)
            if goodbye.reason != 8 or longest < 0.5:
                raise
            return False
        return True

    def test_commands_are_taken_from_the_owner_over_unix_sockets(self):
        client = self.connect("operator")
        self.assertEqual(client.admin, self.scheme == "unix")
        if client.admin:
            self.assertIn('"name":"clinic"', client.command("status"))
            with self.assertRaises(Refused) as refused:
                client.command("dance", "now")
            self.assertEqual(refused.exception.reason, 43)
        else:
            with self.assertRaises(Refused) as refused:
                client.command("status")
            self.assertEqual(refused.exception.reason, 32)

    @staticmethod
    def replies_of_the_page():
        """docs/protocol.md, and the members that it promises of each verb's reply."""
        page = (pathlib.Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
        rows = {}
        for row in page.splitlines():
            if row.startswith("| `"):
                for verb in re.findall(r"`(\w+)`", row.split("|")[1]):
                    rows.setdefault(verb, set(re.findall(r"`(\w+)`", row.split("|")[3])) - {"command_failed"})
        return page, rows

    def test_replies_are_the_json_that_the_page_promises(self):
        client = self.connect("operator")
        if not client.admin:
            return
        number = client.open("page/one")
        client.publish(number, b"", b"x")
        client.run_until(lambda: client.acked.get(number) == 1, DEADLINE_S)
        client.open("page/two")
        page, rows = self.replies_of_the_page()
        for verb, arguments in (("status", []), ("topics", ["page/#"]), ("sessions", [])):
            promised = rows[verb]
            body = json.loads(client.command(verb, *arguments))
            for entry in body if isinstance(body, list) else [body]:
                said = promised - ({"keys", "deletions", "dead_bytes"} if entry.get("kind") == "events" else set())
                self.assertEqual(set(entry), said, verb)
        status = json.loads(client.command("status"))
        members = {}  # of the table below the verbs
        for row in re.findall(r"^\| `(waiting|memory|sessions|sources)` \| (`.*?) \| (.*) \|$", page, re.MULTILINE):
            members.setdefault(row[0], set()).update(re.findall(r"`(\w+)`", row[1]))
        self.assertEqual(set(status["memory"]), members["memory"])
        for entry in status["waiting"]:
            self.assertEqual(set(entry), members["waiting"])
        self.assertEqual([topic["name"] for topic in json.loads(client.command("topics", "page/#"))],
                         ["page/one", "page/two"])
        for arguments in (["a//b"], ["a", "b"]):
            with self.assertRaises(Refused) as refused:
                client.command("topics", *arguments)
            self.assertEqual(refused.exception.reason, 44)

    def test_replies_of_sources_reload_and_kick_are_the_json_that_the_page_promises(self):
        other = self.folder / "other"
        other.mkdir()
        broker = self.start_broker(CONFIG + f"sources: [{{name: count, plugin: {harness.paths.fixtures / 'counter.so'}}}]\n",
                                   folder=other)
        operator, kicked = self.client(broker, "operator"), self.client(broker, "kicked")
        page, rows = self.replies_of_the_page()
        [source] = json.loads(operator.command("sources"))
        self.assertEqual(set(source), rows["sources"])
        states = re.search(r"^\| `sources` \| `state` \| (.*) \|$", page, re.MULTILINE).group(1)
        self.assertIn(f'"{source["state"]}"', states)
        self.assertEqual(set(json.loads(operator.command("pause", "count"))), rows["sources"])
        self.assertEqual(set(json.loads(operator.command("resume", "count"))), rows["sources"])
        self.assertEqual(set(json.loads(operator.command("reload"))), rows["reload"])
        self.assertEqual(json.loads(operator.command("kick", str(kicked.session))), {"kicked": kicked.session})

    def test_what_follows_hello_at_once_is_carried_out(self):
        endpoint = self.connect("maker").endpoint
        hasty = btb_client.open_socket(endpoint)
        self.addCleanup(hasty.close)
        hasty.sendall(control_frame(btb_client.HELLO, (2, "text", "hasty")) +
                      control_frame(SUBSCRIBE, (0, "I", 5), (1, "text", "page/#")))
        kinds, received = [], b""
        while len(kinds) < 2:
            received += hasty.recv(65536)
            while len(received) >= 8 and len(received) >= (int.from_bytes(received[:4], "little") + 7) // 8 * 8:
                kinds.append(received[4])
                received = received[(int.from_bytes(received[:4], "little") + 7) // 8 * 8:]
        self.assertEqual(kinds[:2], [btb_client.WELCOME, SUBSCRIBED])

    def test_a_message_cut_into_parts_that_would_fit_into_one_ends_the_session(self):
        client = self.connect("cutter")
        number = client.open("page/parts")
        frames = btb_client.message_frames(number, 1, b"k", b"0123456789", part_bytes_max=5)
        client.send(frames)
        with self.assertRaises(Goodbye) as goodbye:
            client.run_for(DEADLINE_S)
        self.assertEqual(goodbye.exception.reason, 10)

    def test_fields_of_a_newer_version_are_passed_over(self):
        client = self.connect("from the future")
        client.send(control_frame(SUBSCRIBE, (0, "I", 77), (1, "text", "a/b"), (30, "Q", 12345)))
        client.answer(SUBSCRIBED, 77, reason_slot=1)


class OverUnix(Conversations, EndToEnd):
    scheme = "unix"


class OverTcp(Conversations, EndToEnd):
    scheme = "tcp"


if __name__ == "__main__":
    unittest.TestCase.maxDiff = 2000
    harness.main("btbroker")
