"""Sessions over every kind of link: what goes out over unix sockets goes out over the air."""
import errno
import pathlib
import re
import select
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "end_to_end"))
from btb_client import Client, Refused  # noqa: E402
from decode import ACL, records  # noqa: E402
from lab import BIN, Lab, NO_COMMANDS, NotHere, main, name_of, needs_emulation, wait_for  # noqa: E402

LOCAL = "unix:/run/b.sock"
CONFIG = f"""
broker: {{name: lab}}
listen:
  - {LOCAL}
  - l2cap:hci0/4097
  - le:hci0/128
  - rfcomm:hci0/3
topics:
  - {{filter: "state/#", kind: state}}
  - {{filter: "events/#", kind: events}}
"""


def start_broker(lab, more=""):
    broker = lab.broker(CONFIG + more)
    wait_for("the broker to be found", lambda: "advertising" in broker.err() and "service_record" in broker.err())
    return broker


def publish(lab, topic, text, *options):
    done = subprocess.run([BIN / "btpub", "-b", LOCAL, topic, "-m", text, *options], stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr


def endpoint(lab, kind):
    return {"l2cap": "l2cap:{}/4097", "rfcomm": "rfcomm:{}/3", "le": "le:{}/128"}[kind].format(lab.address(0))


def payloads(sub):
    return [message["payload"] for message in sub.messages()]


def every_kind_of_link_carries_a_session():
    with Lab(adapters=4) as lab:
        broker = start_broker(lab)
        publish(lab, "state/a", "first", "-k", "k")
        subs = {kind: lab.btsub("state/#", at=endpoint(lab, kind), adapter=number, name=kind)
                for number, kind in enumerate(("l2cap", "rfcomm", "le"), 1)}
        for kind, sub in subs.items():
            wait_for(f"the snapshot over {kind}", lambda: payloads(sub) == ["first"])
        publish(lab, "state/a", "second", "-k", "k")
        # More than a message of L2CAP or LE holds, so it is cut and put together again.
        large = "x" * 50_000
        publish(lab, "state/b", large, "-k", "k")
        for kind, sub in subs.items():
            wait_for(f"changes over {kind}", lambda: payloads(sub) == ["first", "second", large])
            assert sub.stop(number=signal.SIGINT) == 130, sub.err()
        read = subprocess.check_output(["btmon", "-r", lab.capture(0)], text=True, errors="replace")
        for what in ("HCI Event: Connect Complete", "L2CAP: Connection Request", "LE Connection Complete", "PSM: 4097 (0x1001)"):
            assert what in read, what
        # Each said goodbye, and the broker heard it.
        wait_for("three goodbyes", lambda: len(re.findall(r"session_ended.*reason=normal.*peer=.(?:l2cap|le|rfcomm)",
                                                          broker.err())) == 3)


def messages_fill_the_packets_of_either_speed():
    needs_emulation("it changes what the adapters can do")
    with Lab(adapters=2) as lab:
        for speed, packet_bytes in ((3, 1021), (2, 679)):
            lab.radio(f"edr {speed}")
            for number in (0, 1):
                lab.radio(f"unplug {number}")
                wait_for("it to be gone", lambda: not lab.is_powered(number))
                lab.radio(f"plug {number}")
                lab.power(number)
            broker = start_broker(lab)
            publish(lab, "state/a", "x" * 20_000, "-k", "k")
            for kind, full, head in (("l2cap", packet_bytes, 4), ("rfcomm", packet_bytes - 1, 9)):  # without credits
                before = len(sent_packets(lab))
                sub = lab.btsub("state/#", at=endpoint(lab, kind), adapter=1)
                wait_for("the row", lambda: len(payloads(sub)) == 1)
                sub.stop()
                sizes = sent_packets(lab)[before:]
                assert max(sizes) <= packet_bytes, (kind, speed, sizes)
                # Each packet has a part of the row, with the head of a frame (some 24 bytes).
                number = sum(size >= full for size in sizes)
                assert 20_000 // (full - head) <= number <= 20_000 // (full - head - 32) + 1, (kind, speed, sizes)
            broker.stop()


def sent_packets(lab):
    """The sizes of the packets of data that the broker's adapter was given."""
    return [len(packet) - 4 for _, to_host, kind, packet in records(lab.capture(0)) if kind == ACL and not to_host]


def no_one_commands_over_the_air():
    with Lab(adapters=2) as lab:
        broker = start_broker(lab)
        for kind in ("l2cap", "rfcomm", "le"):
            asked = lab.start(kind, [BIN / "btctl", "-b", endpoint(lab, kind), "--adapter", name_of(1), "kick", "1"])
            assert asked.wait() == 5 and asked.err().startswith(NO_COMMANDS), (kind, asked.err())
        assert broker.err().count(" session_ended ") == 3, broker.err()


def the_broker_is_the_central_of_all():
    with Lab(adapters=3) as lab:
        start_broker(lab)
        subs = [lab.btsub("state/#", at=endpoint(lab, kind), adapter=number, options=["-v"], name=kind)
                for number, kind in enumerate(("l2cap", "rfcomm"), 1)]
        for sub in subs:
            wait_for("a session", lambda: "subscribed;" in sub.err())
        assert lab.links(0).count("CENTRAL") == 2, lab.links(0)


def seven_have_a_place_on_one_adapter_and_an_eighth_is_refused():
    with Lab(adapters=9) as lab:
        start_broker(lab, "limits: {let_go_after: 1h}\n")  # nobody makes room
        kinds = ["l2cap", "rfcomm"] * 4
        subs = [lab.btsub("state/#", at=endpoint(lab, kind), adapter=number, options=["-v"], name=kind)
                for number, kind in enumerate(kinds[:7], 1)]
        for sub in subs:
            wait_for("a session", lambda: "subscribed;" in sub.err())
        publish(lab, "state/a", "for all", "-k", "k")
        for sub in subs:
            wait_for("the message", lambda: payloads(sub) == ["for all"])
        eighth = lab.btsub("state/#", at=endpoint(lab, "l2cap"), adapter=8, name="eighth")
        assert eighth.wait() == 5, (eighth.process.returncode, eighth.err())
        assert "full: its adapter takes no more devices" in eighth.err(), eighth.err()


def a_full_adapter_says_so_and_names_another_one():
    with Lab(adapters=5) as lab:
        broker = lab.broker(CONFIG.replace("hci0", "*") + "limits: {sessions_per_adapter: 2, let_go_after: 1h}\n")
        wait_for("both adapters to be announced", lambda: broker.err().count(" advertising: hci") == 5)
        kinds = ("l2cap", "le", "rfcomm")
        subs = [lab.btsub("state/#", at=endpoint(lab, kind), adapter=number, options=["-v"], name=kind)
                for number, kind in enumerate(kinds[:2], 2)]
        for sub in subs:
            wait_for("a session", lambda: "subscribed;" in sub.err())
        third = lab.start("third", [BIN / "btctl", "-b", endpoint(lab, "rfcomm"), "--adapter", name_of(4), "status"])
        # The other one has a place, though not for commands.
        assert third.wait() == 5 and third.err().splitlines()[-1].startswith(NO_COMMANDS), third.err()
        assert "all 2 places of this adapter are taken" in third.err(), third.err()
        other = f"rfcomm:{lab.address(1)}/3"
        assert other in third.err(), third.err()
        publish(lab, "state/a", "there", "-k", "k")
        again = lab.btsub("state/#", at=other, adapter=4, name="again")
        wait_for("it to be taken in by the other adapter", lambda: payloads(again) == ["there"])
        for sub in subs:
            wait_for("the others, undisturbed", lambda: payloads(sub) == ["there"])


def who_walks_away_and_comes_back_misses_nothing():
    with Lab(adapters=4) as lab:
        start_broker(lab)
        lab.radio("supervision 2000")
        subs = [lab.btsub("events/#", at=endpoint(lab, kind), adapter=number, options=["-v"], name=kind)
                for number, kind in enumerate(("l2cap", "rfcomm", "le"), 1)]
        for sub in subs:
            wait_for("a session", lambda: "subscribed;" in sub.err())
        publish(lab, "events/a", "m1")
        for sub in subs:
            wait_for("the first", lambda: payloads(sub) == ["m1"])
        for number in (1, 2, 3):
            lab.apart(0, number)
        for number in range(2, 7):
            publish(lab, "events/a", f"m{number}")
        for sub in subs:
            wait_for("the loss", lambda: "next attempt" in sub.err())
        for number in (1, 2, 3):
            lab.together(0, number)
        for sub in subs:
            wait_for("the rest", lambda: payloads(sub)[-1:] == ["m6"])
            assert payloads(sub) == [f"m{number}" for number in range(1, 7)], (sub.name, payloads(sub))
            assert [message["seq"] for message in sub.messages()] == list(range(1, 7))


def a_client_in_python_speaks_over_rfcomm():
    """The one that was written from docs/protocol.md alone, over the socket of Python's standard library."""
    with Lab(adapters=2) as lab:
        start_broker(lab)
        publish(lab, "state/a", "first", "-k", "k1")
        at = endpoint(lab, "rfcomm")
        subscriber = Client(at, "bedside")
        subscriber.subscribe("state/#")
        subscriber.run_until(lambda: subscriber.synced("state/a"), 30)
        assert subscriber.topic("state/a").rows == {b"k1": b"first"}
        publisher = Client(LOCAL, "desk")
        number = publisher.open("state/a")
        large = b"x" * 50_000
        publisher.publish(number, b"k2", large)
        publisher.delete(number, b"k1")
        publisher.run_until(lambda: publisher.acked.get(number, 0) >= publisher.published[number], 30)
        subscriber.run_until(lambda: subscriber.topic("state/a").rows == {b"k2": large}, 60)
        over_the_air = subscriber.open("events/from-the-ward")
        subscriber.publish(over_the_air, b"", b"rang")
        subscriber.run_until(lambda: subscriber.acked.get(over_the_air, 0) >= 1, 30)
        # A client that commands although it was told that it may not.
        assert publisher.admin and not subscriber.admin
        try:
            raise AssertionError(subscriber.command("kick", "1"))
        except Refused as refused:
            assert "over its unix socket" in str(refused), refused
        heard = lab.btsub("--once", "events/#", at=LOCAL, name="heard")
        assert heard.wait() == 0 and payloads(heard) == ["rang"], heard.err()
        subscriber.socket.close()
        publisher.socket.close()


def begin_connecting(lab, device):
    made = socket.socket(socket.AF_BLUETOOTH, socket.SOCK_SEQPACKET, socket.BTPROTO_L2CAP)
    made.bind((lab.address(1), 0))
    made.setblocking(False)
    try:
        made.connect((device, 4097))
    except BlockingIOError:
        pass
    return made


def lose_a_link(lab):
    """While the adapter pages somebody who is not there, a first connection waits its turn and is given up; a second one
    takes its place, and when that succeeds the kernel of 6.12 forgets it. Whether it did."""
    nobody = "02:BB:00:00:00:77"
    with begin_connecting(lab, nobody):
        wait_for("the page", lambda: nobody in lab.links(1))
        begin_connecting(lab, lab.address(0)).close()
        time.sleep(0.2)  # the kernel gives it up on a queue that cannot be seen
        with begin_connecting(lab, lab.address(0)) as spoiled:
            select.select([], [spoiled], [], 30)
            lost = spoiled.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNRESET
    if not lost:
        wait_for("the link to end", lambda: "ACL" not in lab.links(1))
    return lost


def a_link_that_a_kernel_lost_is_ended_and_its_device_gets_in():
    needs_emulation("it is about a fault of the kernel of the guest")
    with Lab(adapters=2) as lab:
        broker = start_broker(lab)
        if not any(lose_a_link(lab) for _ in range(5)):
            raise NotHere("this kernel lost no link in five attempts")
        sub = lab.btsub("events/#", at=endpoint(lab, "l2cap"), adapter=1, options=["-v", "--retry"])
        wait_for("it to be refused", lambda: "this kernel seems to have lost" in sub.err())
        wait_for("its session", lambda: "subscribed;" in sub.err())
        assert f"link_dropped: {lab.address(1)} opened a link that carries nothing" in broker.err(), broker.err()


if __name__ == "__main__":
    main([every_kind_of_link_carries_a_session, no_one_commands_over_the_air,
          messages_fill_the_packets_of_either_speed, the_broker_is_the_central_of_all,
          seven_have_a_place_on_one_adapter_and_an_eighth_is_refused,
          a_full_adapter_says_so_and_names_another_one, who_walks_away_and_comes_back_misses_nothing,
          a_client_in_python_speaks_over_rfcomm, a_link_that_a_kernel_lost_is_ended_and_its_device_gets_in])
