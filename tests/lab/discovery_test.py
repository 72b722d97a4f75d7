"""Being found: the advertisement, the service record, and both again after whatever happens to adapter and bluetoothd."""
import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from lab import BIN, BLUETOOTHD, LOCAL, Lab, every_way, main, name_of, needs_emulation, wait_for  # noqa: E402


def a_scan_shows_who_is_there_with_signal_and_free_places():
    with Lab(adapters=4) as lab:
        lab.announced_broker()
        lab.radio("range 0 2 -83")
        there = wait_for("it to be heard", lambda: lab.scan(2).get(lab.address(0)))
        assert there["endpoints"] == [f"l2cap:{lab.address(0)}/4097", f"le:{lab.address(0)}/128"], there
        assert (there["signal_dbm"], there["free_places"]) == (-83, 7), there
        sub = lab.btsub("state/#", at=there["endpoints"][0], adapter=1, options=["-v"])
        wait_for("a session", lambda: "subscribed;" in sub.err())
        wait_for("one place less", lambda: lab.scan(2, "--seconds", "1").get(lab.address(0), {}).get("free_places") == 6)
        lab.apart(0, 3)
        assert all("signal_dbm" not in broker for broker in lab.scan(3).values())  # the last one is remembered


def the_service_record_tells_channel_and_psm():
    with Lab(adapters=2) as lab:
        broker = lab.announced_broker()
        wait_for("the record", lambda: "service_record" in broker.err())
        record = subprocess.run(["sdptool", "-i", name_of(1), "browse", "--xml", lab.address(0)], stdout=subprocess.PIPE,
                                text=True).stdout
        assert "9f1c7b0e-5d3a-4e0b-8a6c-627462726f6b" in record, record
        assert '"0x1001"' in record and '"0x03"' in record, record


def a_restarted_bluetoothd_is_told_and_asked_again():
    with Lab(adapters=3) as lab:
        broker = lab.announced_broker()
        lab.bluetoothd.kill()
        wait_for("the loss to be told", lambda: "bluetoothd_gone" in broker.err())
        lab.bluetoothd = lab.start("bluetoothd", BLUETOOTHD)
        wait_for("advertising again", lambda: broker.err().count("advertising: hci0") == 2)
        wait_for("found again", lambda: lab.address(0) in lab.scan(1))


def a_session_outlives_a_bluetoothd_that_is_killed_and_comes_back_after_one_that_ended():
    with Lab(adapters=2) as lab:
        broker = lab.announced_broker()
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
        broker = lab.announced_broker()
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
        (home / "btbroker.yaml").write_text(every_way(local=f"unix:{home}/b.sock"))
        broker = lab.start("btbroker", [*nobody, home / "btbroker", home / "btbroker.yaml"])
        wait_for("it to be announced", lambda: "advertising" in broker.err() and "service_record" in broker.err())
        assert "refused" not in broker.err(), broker.err()
        sub = lab.start("btsub", [*nobody, home / "btsub", "--adapter", name_of(1), "-v", "state/#"], {"HOME": str(home)})
        wait_for("a session", lambda: f"connected to lab at l2cap:{lab.address(0)}" in sub.err())


def an_adapter_that_is_switched_off_and_on_says_the_truth_again():
    with Lab(adapters=3) as lab:
        broker = lab.announced_broker()
        sub = lab.btsub("state/#", at=f"l2cap:{lab.address(0)}/4097", adapter=1, options=["-v", "--retry"])
        wait_for("a session", lambda: "subscribed;" in sub.err())
        lab.switch(0, False)
        wait_for("it to be told", lambda: "adapter_off" in broker.err())
        lab.switch(0, True)
        wait_for("advertising again", lambda: broker.err().count("advertising: hci0") == 2)
        assert "bluetooth_refused" not in broker.err(), broker.err()
        wait_for("the session again", lambda: "connected again" in sub.err())
        wait_for("the place it takes", lambda: lab.scan(2, "--seconds", "1").get(lab.address(0), {}).get("free_places") == 6)


def an_adapter_that_is_pulled_out_and_put_in_again_is_used_again():
    with Lab(adapters=2) as lab:
        lab.radio("unplug 0")
        broker = lab.broker(every_way())
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


if __name__ == "__main__":
    main([a_scan_shows_who_is_there_with_signal_and_free_places, the_service_record_tells_channel_and_psm,
          a_restarted_bluetoothd_is_told_and_asked_again,
          a_session_outlives_a_bluetoothd_that_is_killed_and_comes_back_after_one_that_ended,
          a_broker_that_is_blocked_by_rfkill_says_so_and_is_found_when_it_no_longer_is, nothing_of_it_needs_root,
          an_adapter_that_is_switched_off_and_on_says_the_truth_again,
          an_adapter_that_is_pulled_out_and_put_in_again_is_used_again])
