"""btctl doctor: each thing that can be wrong is named, and the command it names mends it."""
import json
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from lab import BIN, Lab, main, needs_emulation, wait_for  # noqa: E402

MAIN_CONF = pathlib.Path("/etc/bluetooth/main.conf")
INSTALLED = pathlib.Path("/etc/btbroker/bluetooth.conf")
DROP_IN = pathlib.Path("/etc/systemd/system/bluetooth.service.d/btbroker.conf")
SHIPPED = pathlib.Path(__file__).parents[2] / "configs/systemd/bluetooth.conf"


def examine(kind="bad"):
    """Its exit status, and what was found of this kind, as {what: cure}."""
    done = subprocess.run([BIN / "btctl", "--json", "doctor"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.stderr == "", done.stderr
    found = json.loads(done.stdout)
    return done.returncode, {one["what"]: one["cure"] for one in found if one["kind"] == kind}


def all_is_well():
    return examine() == (0, {})


def only_fault():
    """What is wrong and the cure, if it is one thing."""
    status, bad = examine()
    assert status == 1 and len(bad) == 1, (status, bad)
    return next(iter(bad.items()))


def where_all_is_well_it_says_so():
    with Lab(adapters=2) as lab:
        done = subprocess.run([BIN / "btctl", "doctor"], stdout=subprocess.PIPE, text=True)
        assert done.returncode == 0, done.stdout
        for line in ("the kernel speaks Bluetooth", "2 adapters", "bluetoothd answers", f"hci0 {lab.address(0)} is on"):
            assert f"good    {line}\n" in done.stdout, done.stdout
        assert "bad" not in done.stdout, done.stdout


def an_adapter_that_is_switched_off_or_blocked():
    needs_emulation("it switches adapters off")
    with Lab(adapters=1) as lab:
        lab.switch(0, False)
        wait_for("it to be off", lambda: not lab.is_powered(0))
        what, cure = only_fault()
        assert what == f"hci0 {lab.address(0)} is switched off" and cure.startswith("bluetoothctl power on"), (what, cure)
        lab.switch(0, True)
        wait_for("it to be well again", all_is_well)

        soft = next(pathlib.Path("/sys/class/bluetooth/hci0").glob("rfkill*")) / "soft"
        soft.write_text("1")
        wait_for("it to be off", lambda: not lab.is_powered(0))
        _, bad = examine()
        assert bad["hci0 is blocked"] == "rfkill unblock bluetooth", bad
        soft.write_text("0")  # which is what that does
        wait_for("it to be well again", all_is_well)

        lab.radio("unplug 0")
        wait_for("it to be missed", lambda: "there is no Bluetooth adapter" in examine()[1])
        assert "plug one in" in only_fault()[1]
        lab.radio("plug 0")
        wait_for("it to be well again", all_is_well)


def etc_without_a_broker():
    for own in (INSTALLED, DROP_IN):
        shutil.rmtree(own.parent, ignore_errors=True)


def settings_that_clients_want_are_advised_not_demanded():
    needs_emulation("it changes the settings of bluetoothd")
    with Lab(adapters=1):
        etc_without_a_broker()
        MAIN_CONF.write_text(SHIPPED.read_text())
        assert examine("advice") == (0, {})
        MAIN_CONF.write_text(SHIPPED.read_text().replace("TemporaryTimeout = 0", "# TemporaryTimeout = 0"))
        status, advice = examine("advice")
        assert status == 0 and len(advice) == 1, advice
        what, cure = next(iter(advice.items()))
        assert what.startswith(f"{MAIN_CONF} says nothing of [General]TemporaryTimeout: "), what
        assert "TemporaryTimeout = 3600" in cure, cure
        MAIN_CONF.write_text("[General]\nTemporaryTimeout = 3600\n")  # enough for clients
        assert examine("advice") == (0, {})
        MAIN_CONF.unlink()
        assert list(examine("advice")[1]) == [f"{MAIN_CONF} cannot be read"]


def a_machine_that_is_there_to_be_a_broker_is_advised_of_more():
    needs_emulation("it changes /etc")
    with Lab(adapters=1):
        etc_without_a_broker()
        INSTALLED.parent.mkdir(parents=True)
        DROP_IN.parent.mkdir(parents=True)
        DROP_IN.write_text((SHIPPED.parent / "bluetooth.service.d/btbroker.conf").read_text())
        INSTALLED.write_text(SHIPPED.read_text())
        assert examine("advice") == (0, {})
        INSTALLED.write_text("[General]\nTemporaryTimeout = 0\n")
        status, advice = examine("advice")
        assert status == 0 and len(advice) == 1, advice
        what, cure = next(iter(advice.items()))
        assert what.startswith(f"{INSTALLED} says nothing of [General]JustWorksRepairing, [LE]MinAdvertisementInterval, "), what
        assert cure.startswith("cp configs/systemd/bluetooth.conf /etc/btbroker/;"), cure
        shutil.rmtree(DROP_IN.parent)
        MAIN_CONF.write_text("[General]\nTemporaryTimeout = 3600\n")
        assert examine("advice") == (0, {})  # of clients
        (INSTALLED.parent / "broker.yaml").write_text("")
        ((what, cure),) = examine("advice")[1].items()
        assert what.startswith(f"{MAIN_CONF} says nothing of [General]JustWorksRepairing, "), what
        assert cure.startswith("./run install"), cure


def what_does_not_run():
    needs_emulation("it ends D-Bus and bluetoothd")
    with Lab(adapters=1) as lab:
        lab.bluetoothd.stop()
        what, cure = only_fault()
        assert cure == "systemctl enable --now bluetooth (package bluez)", (what, cure)
        lab.bus.stop()
        what, cure = only_fault()
        assert cure == "systemctl start dbus (package dbus)", (what, cure)


if __name__ == "__main__":
    main([where_all_is_well_it_says_so, an_adapter_that_is_switched_off_or_blocked,
          settings_that_clients_want_are_advised_not_demanded,
          a_machine_that_is_there_to_be_a_broker_is_advised_of_more, what_does_not_run])
