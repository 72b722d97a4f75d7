"""A program that shares nothing with ours but docs/protocol.md, on BlueZ's own library (peer/), finds the broker and reads it."""
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from lab import BIN, LOCAL, Lab, NotHere, main, wait_for  # noqa: E402

PEER = pathlib.Path(os.environ.get("LAB_RADIO", "/nonexistent")).with_name("libbluetooth_peer")
LARGE = "x" * 20_000  # travels in parts


def btpub(topic, *words):
    subprocess.run([BIN / "btpub", "-b", LOCAL, topic, *words], check=True)


def start_peer(lab, kind, count):
    if not PEER.exists():
        raise NotHere("it was built without libbluetooth: install libbluetooth-dev and build again")
    return lab.start(kind, [PEER, lab.address(1), kind, "state/#", str(count)])


def begin(lab):
    broker = lab.announced_broker(name="ward")
    wait_for("the service record", lambda: "service_record" in broker.err())
    btpub("state/a", "-k", "k1", "-m", "first")
    btpub("state/a", "-k", "k2", "-m", LARGE)
    btpub("state/b", "-k", "k3", "-m", "other")
    return broker


def reads_what_is_there_and_what_changes(kind):
    with Lab(adapters=2) as lab:
        broker = begin(lab)
        peer = start_peer(lab, kind, 5)
        wait_for("both topics", lambda: peer.out().count("complete state/") == 2 or peer.process.poll() is not None)
        btpub("state/a", "-k", "k1", "-m", "second")
        btpub("state/a", "-k", "k2", "--delete")
        assert peer.wait() == 0, peer.err()
        said = peer.out().splitlines()
        assert f"heard {lab.address(0)}" in said, said
        record = next(line for line in said if line.startswith("record "))
        assert record.startswith(f"record {lab.address(0)} name=ward channel=3 psm=4097 version=1 site="), record
        assert "welcome ward" in said and "topic state/a state" in said and "topic state/b state" in said, said
        of_a = [line for line in said if line.split()[1] == "state/a"]
        assert of_a == ["topic state/a state", "message state/a k1 first", f"message state/a k2 {LARGE}", "complete state/a 2",
                        "message state/a k1 second", "deleted state/a k2 "], of_a
        assert "message state/b k3 other" in said and "complete state/b 1" in said, said
        wait_for("its goodbye at the broker",
                 lambda: re.search(f"session_ended.*reason=normal.*name=stranger.*peer=.{kind}", broker.err()))


def a_strangers_program_reads_over_rfcomm():
    reads_what_is_there_and_what_changes("rfcomm")


def a_strangers_program_reads_over_l2cap():
    reads_what_is_there_and_what_changes("l2cap")


if __name__ == "__main__":
    main([a_strangers_program_reads_over_rfcomm, a_strangers_program_reads_over_l2cap])
