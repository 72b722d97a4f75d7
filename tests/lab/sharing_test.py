"""More devices than places: who is told where else there are some, and who lets go of one."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from lab import BIN, Lab, main, name_of, NO_COMMANDS, wait_for  # noqa: E402

LOCAL = "unix:/run/b.sock"
PORTS = {"l2cap": 4097, "rfcomm": 3, "le": 128}


def events_broker(lab, limits):
    broker = lab.broker(f"""
broker: {{name: lab}}
listen: ["{LOCAL}", "l2cap:hci0/4097", "le:hci0/128", "rfcomm:hci0/3"]
topics: [{{filter: "events/#", kind: events}}]
limits: {{{limits}}}
""")
    wait_for("it to be announced", lambda: "advertising" in broker.err())
    return broker


def publish(topic, text):
    done = subprocess.run([BIN / "btpub", "-b", LOCAL, topic, "-m", text], stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr


def payloads(sub):
    return [message["payload"] for message in sub.messages()]


def who_is_told_full_is_told_who_else_is_in_reach():
    with Lab(adapters=8) as lab:
        clients = (4, 5, 6, 7)
        for number in clients:
            lab.apart(number, 3)  # the broker's other adapter
        full = lab.broker(f"""
broker: {{name: lab}}
listen: ["{LOCAL}", "l2cap:hci0/4097", "le:hci0/128", "l2cap:hci3/4097"]
topics: [{{filter: "events/#", kind: events}}]
limits: {{sessions_per_adapter: 1, let_go_after: 1h}}
""")
        annexe = lab.broker("""
broker: {name: annexe}
listen: [unix:/run/c.sock, "le:hci1/128"]
topics: [{filter: "events/#", kind: events}]
""", "annexe")
        wait_for("the one", lambda: "advertising" in full.err())
        wait_for("the other", lambda: "advertising" in annexe.err())
        first = lab.btsub("events/a", at=f"l2cap:{lab.address(0)}/4097", adapter=2, options=["-v"])
        wait_for("its session", lambda: "subscribed;" in first.err())
        commands = (["btsub", "events/a"], ["btpub", "events/a", "-m", "x"], ["btctl", "status"], ["btctl", "-q", "status"])
        seconds = [lab.start(program, [BIN / program, "-b", f"l2cap:{lab.address(0)}/4097", "--adapter", name_of(number), *words])
                   for (program, *words), number in zip(commands, clients)]
        quiet = seconds.pop()
        assert quiet.wait() == 5 and len(quiet.err().splitlines()) == 1, quiet.err()
        for (program, *_), second in zip(commands, seconds):
            assert second.wait() == 5, second.err()
            # Where it was refused, where it was sent, which is out of reach, and where it may go.
            refused, heard = second.err().splitlines()[-3], second.err().splitlines()[-1]
            assert "all 1 places of this adapter are taken" in refused, second.err()
            assert f"; but l2cap:{lab.address(3)}/4097: " in refused, second.err()
            assert heard.startswith(f"{program}: in reach: ") and f"le:{lab.address(1)}/128 (7 places free)" in heard, second.err()
            assert lab.address(0) not in heard and lab.address(3) not in heard, heard


def who_has_nothing_to_receive_lets_go_of_its_place_and_comes_back():
    with Lab(adapters=5) as lab:
        broker = events_broker(lab, "sessions_per_adapter: 2, let_go_after: 1s")
        subs = [lab.btsub(topic, at=f"{kind}:{lab.address(0)}/{PORTS[kind]}", adapter=number, options=["-v", "--retry"], name=kind)
                for number, (kind, topic) in enumerate((("l2cap", "events/a"), ("rfcomm", "events/b"), ("le", "events/a")), 1)]
        for sub in subs:
            wait_for("all to have been there", lambda: "subscribed;" in sub.err())

        # Who has its place may be heard of before who let go of it.
        wait_for("one to be away", lambda: sum("let go of its place" in sub.err() for sub in subs) == 1)
        # Three devices, two places: in turns, each gets everything, once.
        for number in range(3):
            publish("events/a", f"a{number}")
            publish("events/b", f"b{number}")
            for sub, letter in zip(subs, "aba"):
                wait_for(f"{letter}{number} at {sub.name}",
                         lambda: payloads(sub) == [f"{letter}{turn}" for turn in range(number + 1)])
        assert "session_ended" in broker.err() and "let_go" in broker.err()


def eight_share_the_seven_links_of_an_adapter():
    with Lab(adapters=9) as lab:
        events_broker(lab, "let_go_after: 1s")  # who was idle for twelve times as long makes room
        subs = [lab.btsub("events/a", at=f"{kind}:{lab.address(0)}/{PORTS[kind]}", adapter=number,
                          options=["-v", "--retry"], name=kind) for number, kind in enumerate(["l2cap", "rfcomm"] * 3 + ["l2cap"], 1)]
        for sub in subs:
            wait_for("its session", lambda: "subscribed;" in sub.err())
        wait_for("one to make room", lambda: sum("let go of its place" in sub.err() for sub in subs) == 1)
        wait_for("a link to be free", lambda: lab.links(0).count("ACL") == 6)
        # It knows no other way, and does not wait for anything on the air.
        eighth = lab.start("eighth", [BIN / "btctl", "-b", f"l2cap:{lab.address(0)}/4097", "--adapter", name_of(8), "status"])
        assert eighth.wait() == 5 and eighth.err().startswith(NO_COMMANDS), eighth.err()
        eighth = lab.btsub("events/a", at=f"l2cap:{lab.address(0)}/4097", adapter=8, options=["-v", "--retry"], name="eighth")
        wait_for("the eighth", lambda: "subscribed;" in eighth.err())
        for number in range(2):
            publish("events/a", f"n{number}")
            for sub in [*subs, eighth]:
                wait_for(f"n{number} at {sub.name}", lambda: payloads(sub) == [f"n{turn}" for turn in range(number + 1)])


if __name__ == "__main__":
    main([who_is_told_full_is_told_who_else_is_in_reach, who_has_nothing_to_receive_lets_go_of_its_place_and_comes_back,
          eight_share_the_seven_links_of_an_adapter])
