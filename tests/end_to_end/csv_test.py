#!/usr/bin/env python3
"""From a CSV file to btsub: the shipped table, its changes, and what files in the wild do to it."""

import csv
import io
import os
import shutil

import harness
from harness import EndToEnd, wait_for

TYPES = {"bed": int, "dose_mg": int, "every_h": int}  # of configs/demo.yaml

ONE_SOURCE = """
listen: ["unix:broker.sock"]
sources:
  - name: stock
    plugin: csv
    options:
      path: ${{config_dir}}/stock*.csv
      removed_file: keep
      topic: stock
      key: [item]
      types: {{count: integer}}
      {more}
topics:
  - {{filter: stock, kind: {kind}, content: json}}
"""


def rows_of(text):
    """What a CSV text says, as (topic, payload): made with Python's own reader."""
    for row in csv.DictReader(io.StringIO(text)):
        payload = {name: None if value == "" else TYPES.get(name, str)(value) for name, value in row.items()}
        yield f"ward/{row['ward']}/medication", payload


def in_order(rows):
    return sorted(rows, key=repr)


class ShippedTable(EndToEnd):
    def setUp(self):
        super().setUp()
        shutil.copy(harness.paths.configs / "demo.yaml", self.folder / "broker.yaml")
        shutil.copytree(harness.paths.configs / "demo", self.folder / "demo")
        self.file = self.folder / "demo" / "medication.csv"
        self.text = self.file.read_text(encoding="utf-8")
        self.rows = list(rows_of(self.text))
        self.broker = self.start_broker()
        wait_for("the table to be read", lambda: self.broker.source("medication")["state"] == "live")

    def replace(self, text):
        """A whole new file, moved over the old one."""
        new = self.file.with_suffix(".new")
        new.write_text(text, encoding="utf-8")
        os.replace(new, self.file)

    def test_once_prints_exactly_the_rows_of_the_shipped_file(self):
        printed = self.once(self.broker, "ward/#")
        self.assertEqual(in_order((m["topic"], m["payload"]) for m in printed), in_order(self.rows))
        self.assertEqual({(m["op"], m["snapshot"]) for m in printed}, {("put", True)})
        self.assertEqual(len({(m["topic"], m["key"]) for m in printed}), len(self.rows), "a key for each row")

    def test_a_running_btsub_prints_exactly_what_a_renamed_file_changed(self):
        subscriber = self.subscriber(self.broker, "ward/#")
        before = subscriber.wait_for_messages(len(self.rows))
        keys = {(m["topic"], m["payload"]["bed"], m["payload"]["medicine"]): m["key"] for m in before}

        text = self.text.replace("metoprolol,50,12", "metoprolol,75,12")
        text = text.replace("3A,2,M. Lindqvist,amoxicillin,500,8,15:30,with water\n", "")
        text += "3C,1,N. Ito,ibuprofen,400,8,09:00,\n"
        self.assertEqual(len(text.splitlines()), len(self.text.splitlines()))
        self.replace(text)
        printed = subscriber.wait_for_messages(len(self.rows) + 3)[len(self.rows):]
        by_what = {(m["op"], m["topic"]): m for m in printed}
        self.assertEqual(set(by_what), {("put", "ward/3A/medication"), ("delete", "ward/3A/medication"),
                                        ("put", "ward/3C/medication")})
        self.assertFalse(any(m["snapshot"] for m in printed if m["topic"] != "ward/3C/medication"))
        changed, gone = by_what["put", "ward/3A/medication"], by_what["delete", "ward/3A/medication"]
        self.assertEqual(changed["payload"]["dose_mg"], 75)
        self.assertEqual(changed["key"], keys["ward/3A/medication", 3, "metoprolol"])
        self.assertEqual(gone["key"], keys["ward/3A/medication", 2, "amoxicillin"])
        self.assertEqual(by_what["put", "ward/3C/medication"]["payload"]["patient"], "N. Ito")

        self.replace(text)  # the same once more: nothing; then one more change shows that nothing came between
        self.replace(text.replace("ibuprofen,400", "ibuprofen,200"))
        last = subscriber.wait_for_messages(len(self.rows) + 4)[len(self.rows) + 3:]
        self.assertEqual([m["payload"]["dose_mg"] for m in last], [200])
        held = self.once(self.broker, "ward/#")
        expected = in_order(rows_of(text.replace("ibuprofen,400", "ibuprofen,200")))
        self.assertEqual(in_order((m["topic"], m["payload"]) for m in held), expected)

    def test_a_file_that_shrinks_to_nothing_deletes_nothing_and_says_so(self):
        subscriber = self.subscriber(self.broker, "ward/#")
        subscriber.wait_for_messages(len(self.rows))
        for shrunk in ("", self.text.splitlines(True)[0], "".join(self.text.splitlines(True)[:4])):
            with self.subTest(lines=shrunk.count("\n")):
                self.replace(shrunk)
                source = wait_for("the guard", lambda: [s for s in [self.broker.source("medication")]
                                                        if s["state"] == "guard"])[0]
                self.assertTrue(source["text"])
                self.broker.wait_for_log("source=medication", "guard")
                self.replace(self.text)
                wait_for("the end of the guard", lambda: self.broker.source("medication")["state"] == "live")
        self.replace(self.text.replace("metoprolol,50", "metoprolol,25"))
        printed = subscriber.wait_for_messages(len(self.rows) + 1)[len(self.rows):]
        self.assertEqual([(m["op"], m["payload"]["dose_mg"]) for m in printed], [("put", 25)])

    def test_a_row_that_cannot_be_read_goes_to_the_dead_letters_and_its_old_value_stays(self):
        subscriber = self.subscriber(self.broker, "ward/#", "$dead/#")
        subscriber.wait_for_messages(len(self.rows))
        self.replace(self.text.replace("metoprolol,50,12", "metoprolol,fifty,12"))
        letter = subscriber.wait_for_messages(len(self.rows) + 1)[-1]
        self.assertEqual(letter["topic"], "$dead/medication")
        self.assertEqual(letter["payload"]["line"], 5)
        self.assertEqual(letter["payload"]["byte_offset"], self.text.encode().index(b"3A,3,"))
        self.assertIn("fifty", letter["payload"]["raw"])
        self.assertTrue(letter["payload"]["reason"])
        held = self.once(self.broker, "ward/#")
        self.assertEqual(in_order((m["topic"], m["payload"]) for m in held), in_order(self.rows))


class WithoutARule(EndToEnd):
    def test_a_table_is_rows_and_a_row_that_goes_is_deleted_at_the_subscriber(self):
        file = self.folder / "stock.csv"
        file.write_text("item,count\nsoap,1\nsalt,2\nrice,3\n", encoding="utf-8")
        self.broker = self.start_broker("""
listen: ["unix:broker.sock"]
sources:
  - {name: stock, plugin: csv, options: {path: stock.csv, topic: stock, key: [item]}}
""")
        subscriber = self.subscriber(self.broker, "stock")
        subscriber.wait_for_messages(3)
        new = self.folder / "stock.new"
        new.write_text("item,count\nsoap,1\nrice,3\n", encoding="utf-8")
        os.replace(new, file)
        gone = subscriber.wait_for_messages(4)[3]
        self.assertEqual((gone["op"], gone["key"]), ("delete", "salt"))
        self.assertEqual(len(self.once(self.broker, "stock")), 2)


class Writers(EndToEnd):
    """Programs that do not rename."""

    def begin(self, kind, more, text):
        self.file = self.folder / "stock.csv"
        self.file.write_text(text, encoding="utf-8")
        self.broker = self.start_broker(ONE_SOURCE.format(kind=kind, more=more))
        wait_for("the file to be read", lambda: self.broker.source("stock")["state"] == "live")

    def complains(self):
        source = self.broker.source("stock")
        return source["state"] in ("degraded", "guard") or "cannot be read" in source["text"]

    def test_a_half_written_line_of_a_growing_file_is_not_published(self):
        self.begin("events", "mode: append\n      settle: 50ms\n      rescan: 50ms", "item,count\nsoap,1\n")
        subscriber = self.subscriber(self.broker, "--from", "beginning", "stock")
        subscriber.wait_for_messages(1)
        clock = self.folder / "stock-clock.csv"  # its lines show that what was written before them was looked at
        clock.write_text("item,count\ntick,0\n", encoding="utf-8")
        expected = [("soap", 1), ("tick", 0)]
        with open(self.file, "ab", buffering=0) as file:
            for tick, (piece, whole) in enumerate([(b"wat", []), (b"er,", []), (b"1", []), (b"2", []),
                                                   (b"\nsalt,3\npepp", [("water", 12), ("salt", 3)]),
                                                   (b"er,4\n", [("pepper", 4)])], 1):
                file.write(piece)
                expected += whole
                printed = subscriber.wait_for_messages(len(expected))
                with open(clock, "a", encoding="utf-8") as ticks:
                    ticks.write(f"tick,{tick}\n")
                expected.append(("tick", tick))
                printed = subscriber.wait_for_messages(len(expected))
                self.assertEqual([(m["payload"]["item"], m["payload"]["count"]) for m in printed], expected)

    def test_a_file_that_is_being_written_in_place_is_taken_when_it_is_left_alone(self):
        self.begin("state", "settle: 2s", "item,count\nsoap,1\nsalt,2\n")
        subscriber = self.subscriber(self.broker, "stock")
        subscriber.wait_for_messages(2)
        with open(self.file, "wb", buffering=0) as file:
            for piece in (b"item,co", b"unt\nsoap,", b"7", b"7\nsa", b"lt,2\n"):
                file.write(piece)
                os.fsync(file.fileno())
        printed = subscriber.wait_for_messages(3)
        self.assertEqual([(m["op"], m["payload"]) for m in printed[2:]], [("put", {"item": "soap", "count": 77})])

    def test_files_that_are_no_table_are_refused_and_what_is_published_stays(self):
        self.begin("state", "settle: 50ms", "item,count\nsoap,1\nsalt,2\n")
        strange = {"binary": os.urandom(100_000), "no such columns": b"a,b\n1,2\n",
                   "one endless line": b"item,count\n" + b"x" * (3 << 20),
                   "ragged": b"item,count\nsoap\nsoap,1,2,3\nsalt,2,2\n",
                   "an open quote": b'item,count\n"soap,1\nsalt,2\n'}
        for name, content in strange.items():
            with self.subTest(name):
                (self.folder / "new").write_bytes(content)
                os.replace(self.folder / "new", self.file)
                wait_for("the source to say so", self.complains)
                held = self.once(self.broker, "stock")
                self.assertEqual({m["payload"]["item"]: m["payload"]["count"] for m in held}, {"soap": 1, "salt": 2})
                (self.folder / "new").write_text("item,count\nsoap,1\nsalt,2\n", encoding="utf-8")
                os.replace(self.folder / "new", self.file)
                wait_for("the source to be well again", lambda: not self.complains())


if __name__ == "__main__":
    harness.main("btbroker", "btsub", "btctl")
