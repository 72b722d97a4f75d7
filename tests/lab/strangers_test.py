"""What bad input gets: peers that break the protocol or vanish, and an air full of others."""
import json
import pathlib
import random
import re
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "end_to_end"))
from btb_client import HELLO, control_frame  # noqa: E402
from dbus import SystemBus  # noqa: E402
from lab import BIN, Lab, main, name_of, wait_for  # noqa: E402

LOCAL = "unix:/run/b.sock"
CONFIG = """
broker: {name: lab}
listen: ["unix:/run/b.sock", "l2cap:hci0/4097", "le:hci0/128", "rfcomm:hci0/3"]
topics: [{filter: "events/#", kind: events}]
limits: {handshake_timeout: 2s}
"""
OWN_UUID = bytes.fromhex("9f1c7b0e5d3a4e0b8a6c627462726f6b")[::-1]  # as it goes over the air
FLAGS = bytes.fromhex("020106")
FOREIGN_RECORD = """<?xml version="1.0" encoding="UTF-8"?>
<record>
  <attribute id="0x0001"><sequence><uuid value="9f1c7b0e-5d3a-4e0b-8a6c-627462726f6b"/><uuid value="0x1101"/></sequence></attribute>
  <attribute id="0x0004"><sequence>
    <sequence><uuid value="0x0100"/></sequence>
    <sequence><uuid value="0x0008"/></sequence>
  </sequence></attribute>
  <attribute id="0x0005"><sequence><uuid value="0x1002"/></sequence></attribute>
  <attribute id="0x0100"><text value="A serial port"/></attribute>
</record>
"""


def start_broker(lab, config=CONFIG, name="btbroker"):
    broker = lab.broker(config, name)
    wait_for("the broker to be announced", lambda: " advertising: " in broker.err())
    return broker


def ends(lab):
    return json.loads(lab.btctl("--json", "status", at=LOCAL)[1])["ends"]


def received_by_sessions(lab):
    return {one["name"]: one["received_bytes"] for one in json.loads(lab.btctl("--json", "sessions", at=LOCAL)[1])}


def connect(lab, kind, adapter):
    own, device = lab.address(adapter), lab.address(0)
    if kind == "rfcomm":
        made = socket.socket(socket.AF_BLUETOOTH, socket.SOCK_STREAM, socket.BTPROTO_RFCOMM)
        made.bind((own, 0))
        made.settimeout(30)
        made.connect((device, 3))
    else:
        made = socket.socket(socket.AF_BLUETOOTH, socket.SOCK_SEQPACKET, socket.BTPROTO_L2CAP)
        made.bind((own, 0))
        made.settimeout(30)
        made.connect((device, 4097))
    return made


def read_to_the_end(made):
    came = b""
    try:
        while part := made.recv(4096):
            came += part
    except OSError:
        pass
    return came


class Witness:
    """A subscriber that is to notice nothing."""

    def __init__(self, lab, adapter):
        self.sub = lab.btsub("events/#", at=f"l2cap:{lab.address(0)}/4097", adapter=adapter, options=["-v"], name="witness")
        self.count = 0
        wait_for("the witness", lambda: "subscribed;" in self.sub.err())

    def is_undisturbed(self):
        self.count += 1
        done = subprocess.run([BIN / "btpub", "-b", LOCAL, "events/a", "-m", f"m{self.count}"], stderr=subprocess.PIPE, text=True)
        assert done.returncode == 0, done.stderr
        wait_for("the witness to hear it", lambda: len(self.sub.messages()) == self.count)
        assert "lost" not in self.sub.err(), self.sub.err()


def random_bytes_end_their_own_session_with_a_reason():
    chance = random.Random(3)
    with Lab(adapters=3) as lab:
        start_broker(lab)
        witness = Witness(lab, 1)
        for turn in range(12):
            made = connect(lab, ("rfcomm", "l2cap")[turn % 2], 2)
            try:
                made.send(bytes(chance.randrange(256) for _ in range(chance.randrange(8, 600))))
                read_to_the_end(made)
            except OSError:
                pass  # ended while we were talking
            made.close()
        witness.is_undisturbed()
        named = {"frame_malformed", "frame_too_large", "frame_unverifiable", "frame_unexpected", "hello_expected"}
        wait_for("twelve ends with a name", lambda: sum(count for reason, count in ends(lab).items() if reason in named) == 12)


def who_says_nothing_is_let_go_and_who_vanishes_in_mid_frame_is_lost():
    with Lab(adapters=4) as lab:
        start_broker(lab)
        witness = Witness(lab, 1)
        lab.radio("supervision 1000")
        silent = connect(lab, "rfcomm", 2)
        wait_for("the silent one to be let go", lambda: ends(lab).get("hello_timeout") == 1)
        assert b"hello" in read_to_the_end(silent)
        silent.close()
        vanishing = connect(lab, "l2cap", 3)
        frame = control_frame(HELLO, (2, "text", "x" * 40), (3, "text", "y"))
        half = control_frame(21, (0, "I", 1), (1, "text", "events/" + "z" * 200))[:100]
        vanishing.send(frame)
        vanishing.send(half)
        wait_for("the half frame", lambda: received_by_sessions(lab).get("x" * 40) == len(frame) + len(half))
        lab.apart(0, 3)
        wait_for("the loss", lambda: ends(lab).get("peer_failed", 0) + ends(lab).get("peer_closed", 0) == 1)
        vanishing.close()
        witness.is_undisturbed()


def an_adapter_that_is_pulled_out_while_others_connect_takes_only_its_own_with_it():
    with Lab(adapters=5) as lab:
        broker = start_broker(lab, CONFIG.replace('"l2cap:hci0/4097"', '"l2cap:hci0/4097", "l2cap:hci4/4097"'))
        lab.radio("supervision 1000")
        at_other = lab.btsub("events/#", at=f"l2cap:{lab.address(4)}/4097", adapter=1, options=["-v"], name="other")
        wait_for("the session at the other adapter", lambda: "subscribed;" in at_other.err())
        nothing_yet = lambda opened: True  # noqa: E731
        a_link = lambda opened: "ACL" in lab.links(0)  # noqa: E731
        a_session = lambda opened: broker.err().count("session_opened") > opened  # noqa: E731
        for turn, moment in enumerate([nothing_yet, a_link, a_session]):
            opened = broker.err().count("session_opened")
            wait_for("the links of before to end", lambda: "ACL" not in lab.links(0))
            subs = [lab.btsub("events/#", at=f"l2cap:{lab.address(0)}/4097", adapter=number, options=["-v", "--retry"])
                    for number in (2, 3)]
            wait_for("the moment", lambda: moment(opened))
            lab.radio("unplug 0")
            wait_for("it to be told", lambda: broker.err().count("adapter_gone") == turn + 1)
            had = {sub: sub.err().count(" to lab at ") for sub in subs}
            lab.radio("plug 0")
            for sub in subs:
                wait_for("the session after all", lambda: sub.err().count(" to lab at ") > had[sub])
                sub.stop()
        subprocess.run([BIN / "btpub", "-b", LOCAL, "events/a", "-m", "there"], check=True)
        wait_for("the other, undisturbed", lambda: [one["payload"] for one in at_other.messages()] == ["there"])
        assert "lost" not in at_other.err()
        status = json.loads(lab.btctl("--json", "status", at=LOCAL)[1])
        assert status["bluetooth"]["adapter_gone"] == 3, status


def false_ones_in_a_scan():
    """How many it tells of; 0 if it does not see the broker."""
    done = subprocess.run([BIN / "btctl", "--adapter", name_of(1), "scan", "--seconds", "5"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    told = re.search(r"(\d+) devices under our UUID announce no broker", done.stderr)
    return int(told[1]) if told and done.returncode == 0 and "lab" in done.stdout else 0


def three_hundred_foreign_advertisements_hide_no_broker():
    chance = random.Random(4)
    with Lab(adapters=2) as lab:
        start_broker(lab)
        for number in range(300):
            if number == 150:  # says all that a broker says, and is none: nobody takes a connection there
                data = FLAGS + bytes([17, 7]) + OWN_UUID + bytes([9, 0xFF, 0xFF, 0xFF]) + bytes([0x10, 128, 1, 2, 3, 7])
            elif number % 10 == 0:  # claims our UUID, and has something else behind it
                data = FLAGS + bytes([17, 7]) + OWN_UUID + bytes([7, 0xFF, 0xFF, 0xFF]) + bytes(chance.randrange(16) for _ in range(4))
            else:
                data = FLAGS + bytes([3, 3]) + bytes([number & 0xFF, 0xFE]) + bytes([9, 9]) + b"dev%05d" % number
            lab.radio("stranger " + data.hex())
        # Not everybody is heard in five seconds.
        wait_for("most of the false ones, and the broker among them", lambda: 20 <= false_ones_in_a_scan() <= 29)
        lab.apart(0, 1)  # so the false one is heard first
        sub = lab.start("btsub", [BIN / "btsub", "--adapter", name_of(1), "-v", "events/#"])
        wait_for("the false one to be tried", lambda: "found a broker at le:C0:" in sub.err())
        lab.together(0, 1)
        wait_for("it to be found among them", lambda: "connected to lab" in sub.err())


def a_name_cannot_command_a_terminal():
    with Lab(adapters=2) as lab:
        start_broker(lab, CONFIG.replace("name: lab", r'name: "lab\e[2J\u009b\u202eab"'))
        for options in ([], ["--json"]):
            said = wait_for("it to be heard by its name", lambda: scan_says(options, b"lab"))
            assert not {"\x1b", "\x9b", "\u202e"} & set(said.decode()), said
            written_out = b"lab\\u001b[2J\\u009b\\u202eab" if options else b"lab\\x1b[2J\\u009b\\u202eab"
            assert written_out in said, said


def scan_says(options, words):
    done = subprocess.run([BIN / "btctl", *options, "--adapter", name_of(1), "scan"], stdout=subprocess.PIPE)
    return done.stdout if words in done.stdout else None


def a_record_of_another_service_under_our_uuid_is_left_out_and_told():
    with Lab(adapters=2) as lab:
        subprocess.run(["hciconfig", name_of(0), "piscan"], check=True)
        with SystemBus() as bus:  # the record is there for as long as it is
            bus.register_profile("9f1c7b0e-5d3a-4e0b-8a6c-627462726f6b", FOREIGN_RECORD)
            record = subprocess.run(["sdptool", "-i", name_of(1), "browse", "--xml", lab.address(0)], stdout=subprocess.PIPE,
                                    text=True).stdout
            assert "A serial port" in record, record
            done = subprocess.run([BIN / "btctl", "--json", "--adapter", name_of(1), "scan", "--inquiry"], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
            assert json.loads(done.stdout) == [], done.stdout
            assert "1 service records under our UUID are not a broker's" in done.stderr, done.stderr
            sub = lab.start("btsub", [BIN / "btsub", "--adapter", name_of(1), "-v", "events/#"])
            assert sub.wait() == 4 and "no broker found" in sub.err(), sub.err()


def two_brokers_of_one_name_are_two():
    with Lab(adapters=3) as lab:
        first = start_broker(lab, name="one")
        other = CONFIG.replace("hci0", "hci1").replace("/run/b.sock", "/run/c.sock")
        second = start_broker(lab, other, name="other")
        done = subprocess.run([BIN / "btctl", "--json", "--adapter", name_of(2), "scan"], stdout=subprocess.PIPE, text=True)
        brokers = json.loads(done.stdout)
        assert [broker["name"] for broker in brokers] == ["lab", "lab"], brokers
        assert len({broker["site"] for broker in brokers}) == 2, brokers
        # bluetoothd takes one record for our UUID: who comes second says so, and goes on.
        wait_for("it to be told", lambda: "bluetooth_refused" in second.err())
        # Who was with one of them comes back to that one, and to no other of its name.
        sub = lab.start("btsub", [BIN / "btsub", "-b", f"le:{lab.address(0)}/128", "--adapter", name_of(2), "-v", "events/#"])
        wait_for("a session", lambda: "connected to lab" in sub.err())
        first.stop()
        wait_for("the loss", lambda: "connection lost" in sub.err())
        wait_for("it to have looked", lambda: "looking for it over Bluetooth" in sub.err())
        attempts = sub.err().count("next attempt")
        wait_for("it to have looked, and tried, again and again", lambda: sub.err().count("next attempt") > attempts + 2)
        assert "connected again" not in sub.err(), sub.err()
        start_broker(lab, name="one")
        wait_for("the same again", lambda: f"connected again to lab at le:{lab.address(0)}/128" in sub.err()
                 or f"connected again to lab at l2cap:{lab.address(0)}/4097" in sub.err())


if __name__ == "__main__":
    main([random_bytes_end_their_own_session_with_a_reason,
          who_says_nothing_is_let_go_and_who_vanishes_in_mid_frame_is_lost,
          an_adapter_that_is_pulled_out_while_others_connect_takes_only_its_own_with_it,
          three_hundred_foreign_advertisements_hide_no_broker,
          a_name_cannot_command_a_terminal, a_record_of_another_service_under_our_uuid_is_left_out_and_told, two_brokers_of_one_name_are_two])
