"""Pairing: only while an operator lets devices pair; links do without it."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from lab import BIN, Lab, main, name_of, needs_emulation, wait_for  # noqa: E402

LOCAL = "unix:/run/b.sock"
CONFIG = f"""
broker: {{name: lab}}
listen: ["{LOCAL}", "l2cap:hci0/4097", "rfcomm:hci0/3"]
topics: [{{filter: "state/#", kind: state}}]
"""


def dbus(path, method, *arguments):
    done = subprocess.run(["dbus-send", "--system", "--print-reply=literal", "--reply-timeout=40000", "--dest=org.bluez",
                           path, method, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode == 0, done.stdout


def is_on(path, interface, name):
    return "boolean true" in dbus(path, "org.freedesktop.DBus.Properties.Get", f"string:{interface}", f"string:{name}")[1]


def find(lab):
    """So that bluetoothd knows it."""
    done = subprocess.run([BIN / "btctl", "--adapter", name_of(1), "scan", "--inquiry"], stdout=subprocess.PIPE, text=True)
    assert lab.address(0) in done.stdout, done.stdout


def forget(lab, at, other):
    """One that only one side remembers could not connect: bluetoothd's JustWorksRepairing."""
    device = f"/org/bluez/{name_of(at)}/dev_" + lab.address(other).replace(":", "_")
    dbus(f"/org/bluez/{name_of(at)}", "org.bluez.Adapter1.RemoveDevice", f"objpath:{device}")


def devices_pair_only_while_an_operator_lets_them():
    with Lab(adapters=2) as lab:
        broker = lab.broker(CONFIG)
        wait_for("the record", lambda: "service_record" in broker.err())
        there = f"/org/bluez/{name_of(1)}/dev_" + lab.address(0).replace(":", "_")
        find(lab)
        dbus(there, "org.bluez.Device1.Pair")  # makes a key for this link at most, and keeps none
        assert not is_on(there, "org.bluez.Device1", "Bonded")
        forget(lab, 1, 0)
        status, said = lab.btctl("enrol", "--seconds", "60", at=LOCAL)
        assert status == 0 and "pairing allowed" in said, said
        wait_for("the adapter to be pairable", lambda: is_on(f"/org/bluez/{name_of(0)}", "org.bluez.Adapter1", "Pairable"))
        find(lab)
        paired, why = dbus(there, "org.bluez.Device1.Pair")
        assert paired and is_on(there, "org.bluez.Device1", "Bonded"), why
        wait_for("it to be told", lambda: " paired: dev_" in broker.err())
        assert lab.btctl("enrol", "--seconds", "0", at=LOCAL)[0] == 0
        wait_for("it to be over", lambda: "enrolment_closed" in broker.err())
        wait_for("the adapter to be closed", lambda: not is_on(f"/org/bluez/{name_of(0)}", "org.bluez.Adapter1", "Pairable"))
        # A session needs none of it.
        forget(lab, 0, 1)
        forget(lab, 1, 0)
        sub = lab.btsub("state/#", at=f"l2cap:{lab.address(0)}/4097", adapter=1, options=["-v"])
        wait_for("a session without pairing", lambda: "connected" in sub.err())
        assert "bluetooth_refused" not in broker.err(), broker.err()


def enrolment_ends_by_itself():
    with Lab(adapters=1) as lab:
        broker = lab.broker(CONFIG)
        wait_for("the record", lambda: "service_record" in broker.err())
        assert lab.btctl("enrol", "--seconds", "2", at=LOCAL)[0] == 0
        wait_for("it to be over", lambda: "enrolment_closed" in broker.err())
        status, said = lab.btctl("enrol", "--seconds", "soon", at=LOCAL)
        assert status == 1 and "a number of seconds up to 3600 is expected" in said, said


def enrolment_ends_in_time_whatever_is_asked_while_the_adapter_is_out():
    needs_emulation("it pulls an adapter out")
    with Lab(adapters=1) as lab:
        broker = lab.broker(CONFIG)
        wait_for("the record", lambda: "service_record" in broker.err())
        assert lab.btctl("enrol", "--seconds", "10", at=LOCAL)[0] == 0
        lab.radio("unplug 0")
        wait_for("it to be missed", lambda: "adapter_gone" in broker.err())
        status, said = lab.btctl("enrol", "--seconds", "60", at=LOCAL)
        assert status != 0 and "no adapter" in said, said
        wait_for("it to be over", lambda: "enrolment_closed" in broker.err(), 30)


if __name__ == "__main__":
    main([devices_pair_only_while_an_operator_lets_them, enrolment_ends_by_itself,
          enrolment_ends_in_time_whatever_is_asked_while_the_adapter_is_out])
