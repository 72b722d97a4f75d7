#!/usr/bin/env python3
"""A stranger's hand at every door: whatever is tried there, sources, the operator and those who are inside go on, and the
log says what was tried, by whom."""

import json
import os
import re
import resource
import socket
import subprocess

import harness
from btb_client import BEGINNING, GOODBYE, Goodbye, Refused, control_frame
from harness import DEADLINE_S, EndToEnd, Process, wait_for

FULL = 4
KICKED, OVERFLOW, TOO_MANY_TOPICS = 3, 9, 35
DESCRIPTORS = 256
REPEATS_SHOWN = 5  # log_repeats_shown of sdk/base/limits.h


def listen(*endpoints, more=""):
    return f"listen: [{', '.join(json.dumps(endpoint) for endpoint in endpoints)}]\n{more}"


BOTH = ("unix:b.sock", "tcp:127.0.0.1:0")


def has_bluetooth():
    try:
        socket.socket(31, socket.SOCK_SEQPACKET, 0).close()  # AF_BLUETOOTH
    except OSError:
        return False
    return True


def few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS // 2, DESCRIPTORS))


def fields(line):
    """The fields of a line of the log, quotes taken off."""
    found = re.findall(r' (\w+)=("(?:[^"\\]|\\.)*"|[^" ]\S*)', line)
    return {name: json.loads(value) if value.startswith('"') else value.rstrip(":") for name, value in found}


class Doors(EndToEnd):
    def strangers(self, count):
        """As many clients as get in over TCP, up to `count`, and what the first that did not was told."""
        inside = []
        for number in range(count):
            try:
                inside.append(self.client(self.broker, f"stranger {number}", self.broker.tcp))
            except Goodbye as goodbye:
                self.assertEqual(goodbye.reason, FULL, str(goodbye))
                return inside, goodbye.text
        return inside, None

    def run_program(self, *arguments, **options):
        return subprocess.run([str(argument) for argument in arguments], capture_output=True, text=True,
                              timeout=DEADLINE_S, check=False, cwd=self.folder, **options)

    def check(self):
        return self.run_program(harness.paths.bin / "btbroker", "--check", self.folder / "broker.yaml")


class Crowd(Doors):
    def test_clients_that_take_all_descriptors_leave_some_for_sources_and_the_operator(self):
        (self.folder / "in").mkdir()
        self.broker = self.start_broker(listen(*BOTH, more=f"""
sources:
  - name: files
    plugin: {harness.paths.plugins / "csv.so"}
    options: {{path: "in/*.csv", topic: "rows/{{stem}}", key: [id], settle: 0ms, rescan: 100ms}}
topics: [{{filter: "rows/#", kind: state}}]
"""), preexec_fn=few_descriptors)
        status = self.broker.status()
        self.assertLess(status["descriptors_for_clients"], DESCRIPTORS)
        self.assertGreaterEqual(status["descriptors_for_clients"], DESCRIPTORS // 2, "the hard limit counts")
        witness = self.client(self.broker, "witness")
        witness.subscribe("rows/#")
        inside, text = self.strangers(DESCRIPTORS)
        self.assertGreater(len(inside), DESCRIPTORS // 4)
        self.assertIn("descriptors", text)
        for number in range(20):
            (self.folder / "in" / f"f{number}.csv").write_text(f"id,name\n1,row {number}\n")
        witness.run_until(lambda: all(witness.synced(f"rows/f{number}") for number in range(20)), DEADLINE_S)
        status = self.broker.status()
        self.assertGreaterEqual(status["turned_away"]["descriptors"], 1)
        self.assertEqual(status["out_of_descriptors"], 0, "accepting never failed")
        self.assertEqual(self.broker.ctl("kick", self.first_over_tcp())[0], 0)

    def first_over_tcp(self):
        return next(str(one["id"]) for one in self.broker.ctl("sessions")[1] if one["peer"].startswith("tcp"))

    def test_the_operator_gets_in_when_all_places_are_taken(self):
        self.broker = self.start_broker(listen(*BOTH, more="limits: {sessions: 5}\n"))
        inside, text = self.strangers(10)
        self.assertEqual((len(inside), text), (5, "no place for another session"))
        self.assertEqual(self.broker.status()["turned_away"], {"sessions": 1})
        self.assertEqual(self.broker.ctl("kick", self.first_over_tcp())[0], 0)
        self.assertEqual(len(self.strangers(10)[0]), 1)
        subscriber = self.client(self.broker, "a subscriber of the operator's")
        with self.assertRaises(Goodbye) as goodbye:
            subscriber.subscribe("#")
        self.assertEqual(goodbye.exception.reason, FULL)
        self.assertIn("kept for commands", goodbye.exception.text)

    def test_clients_that_make_all_topics_they_may_leave_some_for_sources(self):
        (self.folder / "in").mkdir()
        self.broker = self.start_broker(listen("unix:b.sock", more=f"""
sources:
  - name: files
    plugin: {harness.paths.plugins / "csv.so"}
    options: {{path: "in/*.csv", topic: "rows/{{stem}}", key: [id], settle: 0ms, rescan: 100ms}}
limits: {{topics: 1000, client_topics: 100, client_topics_per_peer: 100}}
"""))
        greedy = self.client(self.broker, "greedy")
        refusals = []
        for number in range(200):
            try:
                greedy.open(f"greedy/{number}")
            except Refused as refused:
                refusals.append(refused.reason)
        self.assertEqual(refusals, [TOO_MANY_TOPICS] * 100)
        (self.folder / "in" / "late.csv").write_text("id,name\n1,a row\n")
        witness = self.client(self.broker, "witness")
        witness.subscribe("rows/#")
        witness.run_until(lambda: witness.synced("rows/late"), DEADLINE_S)
        self.assertEqual(len(witness.topic("rows/late").rows), 1)

    def test_one_host_cannot_take_the_places_of_others(self):
        self.broker = self.start_broker(listen(*BOTH, more="limits: {sessions_per_peer: 3}\n"))
        inside, text = self.strangers(10)
        self.assertEqual(len(inside), 3)
        self.assertIn("this peer has as many sessions", text)
        self.client(self.broker, "over unix")
        self.assertEqual(self.broker.status()["turned_away"], {"sessions_per_peer": 1})


class Words(Doors):
    def test_a_goodbye_of_a_client_is_told_as_its_own_words(self):
        self.broker = self.start_broker(listen(*BOTH))
        for reason in (KICKED, FULL, OVERFLOW):
            client = self.client(self.broker, "forger", self.broker.tcp)
            client.send(control_frame(GOODBYE, (0, "H", reason), (1, "text", "x peer=unix uid 0")))
        wait_for("three ends", lambda: sum(self.broker.status()["goodbyes"].get(name, 0)
                                           for name in ("kicked", "full", "overflow")) == 3)
        ends = self.broker.status()["ends"]
        self.assertFalse({"kicked", "full", "overflow"} & set(ends), ends)
        told = fields(self.broker.logged("session_ended", "reason=kicked"))
        self.assertEqual((told["by"], told["said"]), ("client", "x peer=unix uid 0"))
        self.assertTrue(told["peer"].startswith("tcp 127.0.0.1:"))
        victim = self.client(self.broker, "victim", self.broker.tcp)
        number = next(str(one["id"]) for one in self.broker.ctl("sessions")[1] if one["name"] == "victim")
        self.assertEqual(self.broker.ctl("kick", number)[0], 0)
        self.assert_ends(victim, KICKED)
        self.assertEqual(self.broker.status()["ends"]["kicked"], 1)
        self.broker.wait_for_log("reason=kicked by=broker")

    NAMES = ["x peer=unix uid 0", 'x" peer="unix uid 0', "x\\", "a\nb", "\x1b[2Jred", "\u202ertl", "\u2028line", "=", "\x85"]

    def test_no_name_makes_a_second_field_or_line_in_the_log(self):
        for first in range(0, len(self.NAMES), REPEATS_SHOWN):  # a broker for as many as it shows of one peer
            folder = self.folder / str(first)
            folder.mkdir()
            self.broker = self.start_broker(listen(*BOTH), folder)
            names = self.NAMES[first:first + REPEATS_SHOWN]
            for name in names:
                self.client(self.broker, name, self.broker.tcp)
            opened = wait_for("all of them", lambda: self.opened(len(names)))
            for name, line in zip(names, opened):
                told = fields(line)
                self.assertEqual(told["name"], "".join("?" if c < " " or c in "\x85\u202e\u2028" else c for c in name))
                self.assertTrue(told["peer"].startswith("tcp 127.0.0.1:"), line)

    def opened(self, count):
        lines = [line for line in list(self.broker.errors) if " session_opened " in line]
        return lines if len(lines) == count else None

    def test_as_json_each_line_is_an_object_and_holds_the_name_as_it_was(self):
        self.broker = Process([harness.paths.bin / "btbroker", self.write(listen(
            "unix:b.sock", more="broker: {log_format: json}\n"))], self.folder)
        self.started.append(self.broker)
        wait_for("it to start", lambda: any('"started"' in line for line in self.broker.errors))
        for name in self.NAMES[-REPEATS_SHOWN:]:
            harness.Client(f"unix:{self.folder}/b.sock", name).close()
        for name in self.NAMES[-REPEATS_SHOWN:]:
            wait_for(f"{name!r}", lambda name=name: any(json.loads(line).get("name") == name
                                                        for line in list(self.broker.errors)))
        for line in self.broker.errors:
            self.assertFalse(re.search("[\x00-\x1f\x7f-\x9f\u202e\u2028]", line), line)

    def write(self, config):
        (self.folder / "broker.yaml").write_text(config, encoding="utf-8")
        return self.folder / "broker.yaml"

    def test_a_flood_of_connections_is_a_few_lines_of_the_log_and_none_is_uncounted(self):
        self.broker = self.start_broker(listen(*BOTH))
        count = 600
        for number in range(count):
            self.client(self.broker, f"again {number}", self.broker.tcp).close()
        wait_for("their ends", lambda: self.broker.status()["goodbyes"].get("normal", 0) >= count)
        self.assertEqual(self.broker.end(), 0)
        for event in ("session_opened", "session_ended"):
            lines = [line for line in self.broker.errors if f" {event} " in line and "tcp 127" in line]
            held = [fields(line) for line in self.broker.errors
                    if " log_repeated " in line and (f"of={event}" in line or f'of="{event}' in line)]
            told = sum(int(one["times"]) for one in held if one["origin"] == "ip 127.0.0.1")
            self.assertEqual(len(lines) + told, count, event)
            self.assertLess(len(lines), count // 4, event)


class Endpoints(Doors):
    def test_an_endpoint_whose_hardware_or_network_is_missing_waits_and_the_others_are_open(self):
        waiting = ["tcp:192.0.2.1:4712", f"unix:{self.folder}/late/c.sock"]
        if not has_bluetooth():
            waiting.append("le:*/128")
        self.broker = self.start_broker(listen("unix:b.sock", *waiting))
        told = self.broker.status()["waiting"]
        self.assertEqual(sorted(one["endpoint"] for one in told), sorted(waiting))
        self.assertTrue(all(one["why"] for one in told))
        for endpoint in waiting:
            self.broker.wait_for_log("not_listening", endpoint)
        (self.folder / "late").mkdir()
        wait_for("the folder to be seen", lambda: self.broker.logged(" listening ", "late/c.sock"))
        self.client(self.broker, "late", waiting[1])

    def test_a_reload_says_which_new_endpoints_are_open_and_which_wait(self):
        self.broker = self.start_broker(listen("unix:b.sock"))
        (self.folder / "broker.yaml").write_text(listen("unix:b.sock", "unix:second.sock", "tcp:192.0.2.1:4712"))
        status, body = self.broker.ctl("reload")
        self.assertEqual(status, 0)
        said = "\n".join(body["applied"])
        self.assertIn("second.sock: opened", said)
        self.assertIn("listen tcp:192.0.2.1:4712: not open yet (", said)

    def test_a_broker_without_any_endpoint_ends_and_says_why(self):
        (self.folder / "broker.yaml").write_text(listen("tcp:192.0.2.1:4712"))
        ended = self.run_program(harness.paths.bin / "btbroker", self.folder / "broker.yaml")
        self.assertEqual(ended.returncode, 1)
        self.assertIn("192.0.2.1", ended.stderr)

    def test_a_broker_that_has_only_bluetooth_waits_for_it(self):
        if has_bluetooth():
            self.skipTest("this machine has Bluetooth")
        (self.folder / "broker.yaml").write_text(listen("le:*/128", "l2cap:*/4097"))
        broker = Process([harness.paths.bin / "btbroker", self.folder / "broker.yaml"], self.folder)
        self.started.append(broker)
        wait_for("it to start", lambda: any(" started " in line for line in broker.errors))
        self.assertEqual(sum("not_listening" in line for line in broker.errors), 2)
        self.assertTrue(broker.running())
        self.assertEqual(broker.end(), 0)

    def test_commands_that_anybody_may_send_are_said_at_each_start(self):
        self.broker = self.start_broker("listen: [unix:b.sock, {endpoint: 'tcp:127.0.0.1:0', admin: anyone}]\n")
        self.broker.wait_for_log("config_warning", "admin: anyone", "tcp:127.0.0.1:0")
        self.assertIn("admin: anyone", self.broker.status()["warnings"][0])
        checked = self.check()
        self.assertEqual(checked.returncode, 0)
        self.assertIn("broker.yaml:1:23: warning: `admin: anyone`", checked.stderr)
        self.assertIn("no faults, 1 warning", checked.stdout)

    def test_a_socket_file_that_was_removed_is_made_again(self):
        self.broker = self.start_broker(listen("unix:b.sock"))
        witness = self.client(self.broker, "witness")
        (self.folder / "b.sock").unlink()
        wait_for("the file", (self.folder / "b.sock").exists)
        self.broker.wait_for_log("socket_file_gone")
        self.assertEqual(self.broker.ctl("status")[0], 0)
        witness.subscribe("#")
        self.assertEqual(len(self.broker.ctl("sessions")[1]), 2, "who was inside still is")


class Check(Doors):
    def test_what_is_missing_is_a_warning_because_it_may_come_later(self):
        (self.folder / "columns.csv").write_text("number,name\n1,x\n")
        csv = harness.paths.plugins / "csv.so"
        (self.folder / "broker.yaml").write_text(f"""listen: ["unix:absent/b.sock"]
sources:
  - name: no_file
    plugin: {csv}
    options:
      path: absent.csv
      key: [id]
      topic: a
  - name: no_column
    plugin: {csv}
    options:
      path: columns.csv
      topic: b
      key: [id]
  - name: no_folder
    plugin: {csv}
    options: {{path: "absent/*.csv", topic: c, key: [id]}}
""")
        checked = self.check()
        self.assertEqual(checked.returncode, 0, checked.stderr)
        for words in (":1:10: warning: there is no folder", ":6:13: warning: `path`: there is no file",
                      "it may come later", ":14:12: warning: ", 'no column "id", which `key` names', "number, name",
                      ":17:21: warning: `path`: there is no directory"):
            self.assertIn(words, checked.stderr)
        self.assertIn("no faults, 4 warnings", checked.stdout)

    def test_a_rule_of_another_kind_than_the_source_makes_is_a_warning_with_its_place(self):
        (self.folder / "s.csv").write_text("id,name\n1,a\n")
        (self.folder / "broker.yaml").write_text(f"""listen: ["unix:b.sock"]
sources:
  - name: s
    plugin: {harness.paths.plugins / "csv.so"}
    options: {{path: s.csv, topic: t/x, key: [id]}}
topics:
  - {{filter: t/#, kind: events}}
""")
        checked = self.check()
        self.assertEqual(checked.returncode, 0, checked.stderr)
        self.assertIn(":7:25: warning: this rule says `kind: events`, but the source s makes `t/x` as state", checked.stderr)

    def test_a_relative_path_of_a_source_begins_at_the_configuration(self):
        (self.folder / "s.csv").write_text("id,name\n1,a\n")
        self.broker = self.start_broker(listen("unix:b.sock", more=f"""
sources:
  - name: s
    plugin: {harness.paths.plugins / "csv.so"}
    options: {{path: s.csv, topic: t/x, key: [id], settle: 0ms}}
topics: [{{filter: "#", kind: state}}]
"""), preexec_fn=lambda: os.chdir("/"))
        wait_for("the row", lambda: self.broker.source("s")["messages"] == 1)

    def test_an_output_that_cannot_be_written_is_an_error(self):
        (self.folder / "broker.yaml").write_text(listen("unix:b.sock"))
        for arguments in (["--check", str(self.folder / "broker.yaml")], ["--help"], ["--man"], ["--completion", "fish"],
                          ["--version"]):
            with self.subTest(arguments[0]), open("/dev/full", "w", encoding="ascii") as full:
                ended = subprocess.run([str(harness.paths.bin / "btbroker"), *arguments], stdout=full,
                                       stderr=subprocess.PIPE, text=True, timeout=DEADLINE_S, check=False)
                self.assertEqual(ended.returncode, 1)
                self.assertIn("No space left", ended.stderr)


class ClosedStreams(Doors):
    def closing(self, *streams):
        def close():
            for fd in streams:
                os.close(fd)
        return close

    def test_a_broker_runs_without_any_of_the_standard_streams(self):
        (self.folder / "broker.yaml").write_text(listen("unix:b.sock"))
        for streams in ((0,), (1,), (2,), (0, 1, 2)):
            with self.subTest(streams=streams):
                made = subprocess.Popen([str(harness.paths.bin / "btbroker"), str(self.folder / "broker.yaml")],
                                        preexec_fn=self.closing(*streams))
                try:
                    wait_for("the socket", lambda: self.answers() or made.poll() is not None)
                    self.assertIsNone(made.poll())
                finally:
                    made.terminate()
                    self.assertEqual(made.wait(DEADLINE_S), 0)

    def answers(self):
        ended = self.run_program(harness.paths.bin / "btctl", "-b", f"unix:{self.folder}/b.sock", "status")
        return ended.returncode == 0

    def test_clients_without_an_output_end_with_an_error_and_write_nothing_into_the_connection(self):
        self.broker = self.start_broker(listen("unix:b.sock", more='topics: [{filter: "st/#", kind: state}]\n'))
        publisher = self.client(self.broker, "publisher")
        publisher.publish(publisher.open("st/x"), b"k", b"hello")
        for program in (["btsub", "-b", self.broker.unix, "--once", "st/x"], ["btctl", "-b", self.broker.unix, "status"]):
            with self.subTest(program=program[0]):
                ended = subprocess.run([str(harness.paths.bin / program[0]), *program[1:]], timeout=DEADLINE_S,
                                       stderr=subprocess.PIPE, preexec_fn=self.closing(0, 1), check=False)
                self.assertEqual(ended.returncode, 1, ended.stderr)
                self.assertIn(b"standard output", ended.stderr)
        self.assertFalse([reason for reason in self.broker.status()["ends"] if reason.startswith("frame_")])

    def test_btpub_needs_neither_an_output_nor_an_input_for_a_message_of_its_arguments(self):
        self.broker = self.start_broker(listen("unix:b.sock", more='topics: [{filter: "st/#", kind: state}]\n'))
        for number, streams in enumerate(((0,), (1,), (2,), (0, 1, 2))):
            with self.subTest(streams=streams):
                ended = subprocess.run([str(harness.paths.bin / "btpub"), "-b", self.broker.unix, "st/x", "-k", f"k{number}", "-m", "hello"],
                                       timeout=DEADLINE_S, preexec_fn=self.closing(*streams), check=False)
                self.assertEqual(ended.returncode, 0)
        reader = self.client(self.broker, "reader")
        reader.subscribe("st/x", start=BEGINNING)
        reader.run_until(lambda: reader.synced("st/x"), DEADLINE_S)
        self.assertEqual(len(reader.topic("st/x").messages), 4)
        self.assertFalse([reason for reason in self.broker.status()["ends"] if reason.startswith("frame_")])


if __name__ == "__main__":
    harness.main("btbroker", "btsub", "btpub", "btctl")
