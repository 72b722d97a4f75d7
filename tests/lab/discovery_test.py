"""Being found, and finding: the advertisement, the service record, `btctl scan`, btsub without an address."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from lab import BIN, BLUETOOTHD, Lab, main, name_of, needs_emulation, wait_for  # noqa: E402

LOCAL = "unix:/run/b.sock"
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


def config(adapter=0, name="lab", local=LOCAL):
    return f"""
broker: {{name: {name}}}
listen: ["{local}", "l2cap:hci{adapter}/4097", "le:hci{adapter}/128", "rfcomm:hci{adapter}/3"]
topics: [{{filter: "state/#", kind: state}}]
"""


def found_broker(lab, adapter=0, name="lab", local=LOCAL):
    broker = lab.broker(config(adapter, name, local), name)
    wait_for("the broker to be found", lambda: "advertising" in broker.err())
    return broker


def scan(adapter, *options):
    done = subprocess.run([BIN / "btctl", "--json", "--adapter", name_of(adapter), "scan", *options],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
    return {address: broker for broker in json.loads(done.stdout) for address in broker["addresses"]}


def a_scan_shows_who_is_there_with_signal_and_free_places():
    with Lab(adapters=4) as lab:
        found_broker(lab)
        lab.radio("range 0 2 -83")
        there = wait_for("it to be heard", lambda: scan(2).get(lab.address(0)))
        assert there["endpoints"] == [f"l2cap:{lab.address(0)}/4097", f"le:{lab.address(0)}/128"], there
        assert (there["signal_dbm"], there["free_places"]) == (-83, 7), there
        sub = lab.btsub("state/#", at=there["endpoints"][0], adapter=1, options=["-v"])
        wait_for("a session", lambda: "subscribed;" in sub.err())
        wait_for("one place less", lambda: scan(2).get(lab.address(0), there)["free_places"] == 6)
        lab.apart(0, 3)
        assert all("signal_dbm" not in broker for broker in scan(3).values())  # the last one is remembered


def btsub_finds_a_broker_by_itself():
    with Lab(adapters=2) as lab:
        found_broker(lab, local="unix:/run/elsewhere.sock")
        subprocess.run([BIN / "btpub", "-b", "unix:/run/elsewhere.sock", "state/a", "-k", "k", "-m", "there"], check=True)
        sub = lab.start("btsub", [BIN / "btsub", "--adapter", name_of(1), "-f", "json", "--once", "state/#"])
        assert sub.wait() == 0, sub.err()
        assert [message["payload"] for message in sub.messages()] == ["there"]
        assert f"found a broker at l2cap:{lab.address(0)}/4097" in sub.err()


def the_service_record_tells_channel_and_psm():
    with Lab(adapters=2) as lab:
        broker = found_broker(lab)
        wait_for("the record", lambda: "service_record" in broker.err())
        record = subprocess.run(["sdptool", "-i", name_of(1), "browse", "--xml", lab.address(0)], stdout=subprocess.PIPE,
                                text=True).stdout
        assert "9f1c7b0e-5d3a-4e0b-8a6c-627462726f6b" in record, record
        assert '"0x1001"' in record and '"0x03"' in record, record


def a_restarted_bluetoothd_is_told_and_asked_again():
    with Lab(adapters=3) as lab:
        broker = found_broker(lab)
        lab.bluetoothd.kill()
        wait_for("the loss to be told", lambda: "bluetoothd_gone" in broker.err())
        lab.bluetoothd = lab.start("bluetoothd", BLUETOOTHD)
        wait_for("advertising again", lambda: broker.err().count("advertising: hci0") == 2)
        wait_for("found again", lambda: lab.address(0) in scan(1))


def a_session_outlives_a_bluetoothd_that_is_killed_and_comes_back_after_one_that_ended():
    with Lab(adapters=2) as lab:
        broker = found_broker(lab)
        sub = lab.btsub("state/#", at=f"l2cap:{lab.address(0)}/4097", adapter=1, options=["-v", "--retry"])
        wait_for("a session", lambda: "subscribed;" in sub.err())

        def is_told(text):
            subprocess.run([BIN / "btpub", "-b", LOCAL, "state/a", "-k", "k", "-m", text], check=True)
            wait_for(f"{text} to arrive", lambda: text in [message["payload"] for message in sub.messages()])

        lab.bluetoothd.kill()
        wait_for("the loss to be told", lambda: "bluetoothd_gone" in broker.err())
        is_told("killed")
        lab.bluetoothd = lab.start("bluetoothd", BLUETOOTHD)
        wait_for("advertising again", lambda: broker.err().count("advertising: hci0") == 2)
        is_told("back")
        assert "connection lost" not in sub.err(), sub.err()
        lab.bluetoothd.stop()  # as systemd does: it switches the adapters off
        wait_for("the session to be cut", lambda: "connection lost" in sub.err())
        lab.bluetoothd = lab.start("bluetoothd", BLUETOOTHD)
        wait_for("the session again", lambda: "connected again" in sub.err())
        wait_for("advertising again", lambda: broker.err().count("advertising: hci0") == 3)
        is_told("again")


def a_broker_that_is_blocked_by_rfkill_says_so_and_is_found_when_it_no_longer_is():
    needs_emulation("it blocks adapters")
    with Lab(adapters=2) as lab:
        broker = found_broker(lab)
        sub = lab.btsub("state/#", at=f"l2cap:{lab.address(0)}/4097", adapter=1, options=["-v", "--retry"])
        wait_for("a session", lambda: "subscribed;" in sub.err())
        soft = next(pathlib.Path("/sys/class/bluetooth/hci0").glob("rfkill*")) / "soft"
        soft.write_text("1")
        wait_for("it to be told", lambda: "adapter_off" in broker.err())
        wait_for("the loss", lambda: "connection lost" in sub.err())
        soft.write_text("0")
        wait_for("advertising again", lambda: broker.err().count("advertising: hci0") == 2)
        wait_for("the session again", lambda: "connected again" in sub.err())


def nothing_of_it_needs_root():
    nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    with Lab(adapters=2) as lab:
        home = pathlib.Path("/run/of-nobody")
        home.mkdir(exist_ok=True)
        os.chown(home, 65534, 65534)
        for program in ("btbroker", "btsub"):  # where they were built, nobody may look
            shutil.copy(BIN / program, home)
        (home / "btbroker.yaml").write_text(config(local=f"unix:{home}/b.sock"))
        broker = lab.start("btbroker", [*nobody, home / "btbroker", home / "btbroker.yaml"])
        wait_for("it to be announced", lambda: "advertising" in broker.err() and "service_record" in broker.err())
        assert "refused" not in broker.err(), broker.err()
        sub = lab.start("btsub", [*nobody, home / "btsub", "--adapter", name_of(1), "-v", "state/#"], {"HOME": str(home)})
        wait_for("a session", lambda: f"connected to lab at l2cap:{lab.address(0)}" in sub.err())


def an_adapter_that_is_switched_off_and_on_says_the_truth_again():
    with Lab(adapters=3) as lab:
        broker = found_broker(lab)
        sub = lab.btsub("state/#", at=f"l2cap:{lab.address(0)}/4097", adapter=1, options=["-v", "--retry"])
        wait_for("a session", lambda: "subscribed;" in sub.err())
        subprocess.run(["bluetoothctl", "power", "off"], input="", text=True, stdout=subprocess.DEVNULL, timeout=60)
        wait_for("it to be told", lambda: "adapter_off" in broker.err())
        subprocess.run(["bluetoothctl", "power", "on"], input="", text=True, stdout=subprocess.DEVNULL, timeout=60)
        wait_for("advertising again", lambda: broker.err().count("advertising: hci0") == 2)
        assert "bluetooth_refused" not in broker.err(), broker.err()
        wait_for("the session again", lambda: "connected again" in sub.err())
        wait_for("the place it takes", lambda: scan(2).get(lab.address(0), {}).get("free_places") == 6)


def an_adapter_that_is_pulled_out_and_put_in_again_is_used_again():
    with Lab(adapters=2) as lab:
        lab.radio("unplug 0")
        broker = lab.broker(config())
        wait_for("it says what is missing", lambda: "no such Bluetooth adapter" in broker.err())
        lab.radio("plug 0")
        wait_for("it to listen", lambda: broker.err().count("listening endpoint=") == 4)
        sub = lab.btsub("state/#", at=f"l2cap:{lab.address(0)}/4097", adapter=1, options=["-v", "--retry"])
        wait_for("a session", lambda: "subscribed;" in sub.err())
        lab.radio("supervision 2000")
        lab.radio("unplug 0")
        wait_for("the loss", lambda: "next attempt" in sub.err())
        wait_for("it to be told", lambda: "adapter_gone" in broker.err())
        lab.radio("plug 0")
        wait_for("the session again", lambda: "connected again" in sub.err())


def one_broker_is_one_in_the_picture_of_all_ways_to_it():
    with Lab(adapters=3) as lab:
        pathlib.Path("/run/btbroker").mkdir(exist_ok=True)
        local = "unix:/run/btbroker/here.sock"
        broker = lab.broker(config(local=local).replace("hci0", "*"))
        wait_for("it to be announced on all three", lambda: broker.err().count(" advertising: ") == 3)
        brokers = list({broker["site"]: broker for broker in scan(2).values()}.values())
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
        assert scan(1) == {}
        (found,) = scan(1, "--inquiry").values()
        assert found["endpoints"] == [f"l2cap:{lab.address(0)}/4101", f"rfcomm:{lab.address(0)}/5"], found
        assert found["name"] == "bed _ breakfast", found
        sub = lab.start("btsub", [BIN / "btsub", "--adapter", name_of(1), "-v", "--once", "state/#"])
        assert sub.wait() == 0, sub.err()
        assert f"found a broker at l2cap:{lab.address(0)}/4101" in sub.err(), sub.err()


def the_broker_that_worked_last_is_tried_first_and_another_one_if_it_is_gone():
    with Lab(adapters=3) as lab:
        broker = found_broker(lab)

        def once():
            sub = lab.start("btsub", [BIN / "btsub", "--adapter", name_of(2), "-v", "--once", "state/#"])
            assert sub.wait() == 0, sub.err()
            return sub.err()

        assert "found a broker" in once()
        again = once()
        assert "found a broker" not in again and f"connected to lab at l2cap:{lab.address(0)}" in again, again
        broker.stop()
        other = found_broker(lab, adapter=1, name="other")
        instead = once()
        assert "cannot connect" in instead and f"connected to other at l2cap:{lab.address(1)}" in instead, instead
        # Where it was is somebody by now who is no broker, and hides none.
        other.stop()
        wait_for("its adapter to be hidden", lambda: "PSCAN" not in lab.hciconfig(1))
        lab.hciconfig(1, "piscan")
        somebody = lab.start("somebody", [sys.executable, "-c", SOMEBODY, lab.address(1)])
        wait_for("somebody to listen", lambda: somebody.out() == "listening\n")
        found_broker(lab, name="the first")
        instead = once()
        assert "a frame of an unknown kind" in instead and f"connected to the first at l2cap:{lab.address(0)}" in instead, instead


def a_broker_that_moved_to_another_address_is_found_there():
    with Lab(adapters=3) as lab:
        broker = found_broker(lab)
        sub = lab.btsub("state/#", at=f"l2cap:{lab.address(0)}/4097", adapter=2, options=["-v"])
        wait_for("a session", lambda: "subscribed;" in sub.err())
        lab.radio("supervision 1000")
        broker.stop()
        lab.radio("unplug 0")
        found_broker(lab, adapter=1)
        wait_for("the session again", lambda: f"connected again to lab at l2cap:{lab.address(1)}" in sub.err())


def a_broker_on_this_machine_is_waited_for_whoever_else_is_on_the_air():
    with Lab(adapters=3) as lab:
        pathlib.Path("/run/btbroker").mkdir(exist_ok=True)
        local = 'broker: {name: here}\nlisten: ["unix:/run/btbroker/here.sock"]\n'
        broker = lab.broker(local, "here")
        wait_for("it to listen", lambda: "started" in broker.err())
        found_broker(lab, name="elsewhere")
        sub = lab.start("btsub", [BIN / "btsub", "--adapter", name_of(2), "-v", "state/#"])
        wait_for("a session", lambda: "connected to here" in sub.err())
        broker.stop()
        wait_for("some attempts", lambda: sub.err().count("next attempt") > 4)
        assert "looking" not in sub.err() and "elsewhere" not in sub.err(), sub.err()
        lab.broker(local, "here")
        wait_for("it again", lambda: "connected again to here" in sub.err())


def a_full_broker_is_no_broker_that_was_not_found():
    with Lab(adapters=4) as lab:
        broker = lab.broker(config() + "limits: {sessions_per_adapter: 1, let_go_after: 1h}\n")
        wait_for("it to be announced", lambda: " advertising: " in broker.err())
        first = lab.btsub("state/#", at=f"l2cap:{lab.address(0)}/4097", adapter=1, options=["-v"])
        wait_for("a session", lambda: "subscribed;" in first.err())
        sub = lab.start("btsub", [BIN / "btsub", "--adapter", name_of(2), "-v", "state/#"])
        assert sub.wait() == 5 and "all 1 places of this adapter are taken" in sub.err(), sub.err()


if __name__ == "__main__":
    main([a_scan_shows_who_is_there_with_signal_and_free_places, btsub_finds_a_broker_by_itself,
          the_service_record_tells_channel_and_psm, a_restarted_bluetoothd_is_told_and_asked_again,
          a_session_outlives_a_bluetoothd_that_is_killed_and_comes_back_after_one_that_ended,
          a_broker_that_is_blocked_by_rfkill_says_so_and_is_found_when_it_no_longer_is, nothing_of_it_needs_root,
          an_adapter_that_is_switched_off_and_on_says_the_truth_again, an_adapter_that_is_pulled_out_and_put_in_again_is_used_again,
          one_broker_is_one_in_the_picture_of_all_ways_to_it,
          a_broker_that_only_answers_inquiries_is_found_by_its_service_record,
          the_broker_that_worked_last_is_tried_first_and_another_one_if_it_is_gone,
          a_broker_that_moved_to_another_address_is_found_there,
          a_broker_on_this_machine_is_waited_for_whoever_else_is_on_the_air,
          a_full_broker_is_no_broker_that_was_not_found])
