"""Finding: one picture of all ways to a broker, and btsub without an address."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from lab import BIN, Lab, every_way, main, name_of, wait_for  # noqa: E402

SOMEBODY = """
import socket, sys, time
made = socket.socket(socket.AF_BLUETOOTH, socket.SOCK_SEQPACKET, socket.BTPROTO_L2CAP)
made.bind((sys.argv[1], 4097))
made.listen()
print("listening", flush=True)
there, _ = made.accept()
there.send(b"H" * 64)
time.sleep(60)
"""


def btsub_finds_a_broker_by_itself():
    with Lab(adapters=2) as lab:
        lab.announced_broker(local="unix:/run/elsewhere.sock")
        subprocess.run([BIN / "btpub", "-b", "unix:/run/elsewhere.sock", "state/a", "-k", "k", "-m", "there"], check=True)
        sub = lab.start("btsub", [BIN / "btsub", "--adapter", name_of(1), "-f", "json", "--once", "state/#"])
        assert sub.wait() == 0, sub.err()
        assert [message["payload"] for message in sub.messages()] == ["there"]
        assert f"found a broker at l2cap:{lab.address(0)}/4097" in sub.err()


def one_broker_is_one_in_the_picture_of_all_ways_to_it():
    with Lab(adapters=3) as lab:
        pathlib.Path("/run/btbroker").mkdir(exist_ok=True)
        local = "unix:/run/btbroker/here.sock"
        broker = lab.broker(every_way(local=local).replace("hci0", "*"))
        wait_for("it to be announced on all three", lambda: broker.err().count(" advertising: ") == 3)
        brokers = list({broker["site"]: broker for broker in lab.scan(2).values()}.values())
        assert len(brokers) == 1, brokers
        (one,) = brokers
        assert one["name"] == "lab" and local in one["endpoints"], one
        for address in (lab.address(0), lab.address(1)):
            assert f"l2cap:{address}/4097" in one["endpoints"] and f"le:{address}/128" in one["endpoints"], one
        assert one["free_places"] == 14, one
        # Without an address the one on this machine is used, and nobody listens to the air.
        sub = lab.start("btsub", [BIN / "btsub", "-v", "--once", "state/#"])
        assert sub.wait() == 0 and local in sub.err() and "found" not in sub.err(), sub.err()


def a_broker_that_only_answers_inquiries_is_found_by_its_service_record():
    with Lab(adapters=2) as lab:
        broker = lab.broker("""
broker: {name: "bed & breakfast"}
listen: ["unix:/run/b.sock", "l2cap:hci0/4101", "rfcomm:hci0/5"]
topics: [{filter: "state/#", kind: state}]
""")
        wait_for("the record", lambda: "service_record" in broker.err())
        assert lab.scan(1) == {}
        (found,) = lab.scan(1, "--inquiry").values()
        assert found["endpoints"] == [f"l2cap:{lab.address(0)}/4101", f"rfcomm:{lab.address(0)}/5"], found
        assert found["name"] == "bed _ breakfast", found
        sub = lab.start("btsub", [BIN / "btsub", "--adapter", name_of(1), "-v", "--once", "state/#"])
        assert sub.wait() == 0, sub.err()
        assert f"found a broker at l2cap:{lab.address(0)}/4101" in sub.err(), sub.err()


def the_broker_that_worked_last_is_tried_first_and_another_one_if_it_is_gone():
    with Lab(adapters=3) as lab:
        broker = lab.announced_broker()

        def once():
            sub = lab.start("btsub", [BIN / "btsub", "--adapter", name_of(2), "-v", "--once", "state/#"])
            assert sub.wait() == 0, sub.err()
            return sub.err()

        assert "found a broker" in once()
        again = once()
        assert "found a broker" not in again and f"connected to lab at l2cap:{lab.address(0)}" in again, again
        broker.stop()
        other = lab.announced_broker(adapter=1, name="other")
        instead = once()
        assert "cannot connect" in instead and f"connected to other at l2cap:{lab.address(1)}" in instead, instead
        # Where it was is somebody by now who is no broker, and hides none.
        other.stop()
        wait_for("its adapter to be hidden", lambda: "PSCAN" not in lab.hciconfig(1))
        lab.hciconfig(1, "piscan")
        somebody = lab.start("somebody", [sys.executable, "-c", SOMEBODY, lab.address(1)])
        wait_for("somebody to listen", lambda: somebody.out() == "listening\n")
        lab.announced_broker(name="the first")
        instead = once()
        assert "a frame of an unknown kind" in instead and f"connected to the first at l2cap:{lab.address(0)}" in instead, instead


def a_broker_that_moved_to_another_address_is_found_there():
    with Lab(adapters=3) as lab:
        broker = lab.announced_broker()
        sub = lab.btsub("state/#", at=f"l2cap:{lab.address(0)}/4097", adapter=2, options=["-v"])
        wait_for("a session", lambda: "subscribed;" in sub.err())
        lab.radio("supervision 1000")
        broker.stop()
        lab.radio("unplug 0")
        lab.announced_broker(adapter=1)
        wait_for("the session again", lambda: f"connected again to lab at l2cap:{lab.address(1)}" in sub.err())


def a_broker_on_this_machine_is_waited_for_whoever_else_is_on_the_air():
    with Lab(adapters=3) as lab:
        pathlib.Path("/run/btbroker").mkdir(exist_ok=True)
        local = 'broker: {name: here}\nlisten: ["unix:/run/btbroker/here.sock"]\n'
        broker = lab.broker(local, "here")
        wait_for("it to listen", lambda: "started" in broker.err())
        lab.announced_broker(name="elsewhere")
        sub = lab.start("btsub", [BIN / "btsub", "--adapter", name_of(2), "-v", "state/#"])
        wait_for("a session", lambda: "connected to here" in sub.err())
        broker.stop()
        wait_for("some attempts", lambda: sub.err().count("next attempt") > 4)
        assert "looking" not in sub.err() and "elsewhere" not in sub.err(), sub.err()
        lab.broker(local, "here")
        wait_for("it again", lambda: "connected again to here" in sub.err())


def a_full_broker_is_no_broker_that_was_not_found():
    with Lab(adapters=4) as lab:
        broker = lab.broker(every_way() + "limits: {sessions_per_adapter: 1, let_go_after: 1h}\n")
        wait_for("it to be announced", lambda: " advertising: " in broker.err())
        first = lab.btsub("state/#", at=f"l2cap:{lab.address(0)}/4097", adapter=1, options=["-v"])
        wait_for("a session", lambda: "subscribed;" in first.err())
        sub = lab.start("btsub", [BIN / "btsub", "--adapter", name_of(2), "-v", "state/#"])
        assert sub.wait() == 5 and "all 1 places of this adapter are taken" in sub.err(), sub.err()


if __name__ == "__main__":
    main([btsub_finds_a_broker_by_itself, one_broker_is_one_in_the_picture_of_all_ways_to_it,
          a_broker_that_only_answers_inquiries_is_found_by_its_service_record,
          the_broker_that_worked_last_is_tried_first_and_another_one_if_it_is_gone,
          a_broker_that_moved_to_another_address_is_found_there,
          a_broker_on_this_machine_is_waited_for_whoever_else_is_on_the_air, a_full_broker_is_no_broker_that_was_not_found])
