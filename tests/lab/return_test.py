"""Leaving and coming back, at random moments, while messages go out; and a broker that is killed.

LAB_CYCLES and LAB_KILLS say how often (8 and 3): `LAB_CYCLES=100 LAB_KILLS=20 ./run lab return` is the long run.
"""
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from lab import BIN, Lab, OUT, PATIENCE_S, main, needs_emulation, wait_for  # noqa: E402

LOCAL = "unix:/run/b.sock"
CYCLES = int(os.environ.get("LAB_CYCLES", "8"))
KILLS = int(os.environ.get("LAB_KILLS", "3"))
CONFIG = f"""
broker: {{name: lab}}
listen: ["{LOCAL}", "l2cap:hci0/4097", "le:hci0/128", "rfcomm:hci0/3"]
topics: [{{filter: "events/#", kind: events}}]
"""
KINDS = {"l2cap": 4097, "rfcomm": 3, "le": 128}


class Publisher:
    """Publishes numbers, one line each, some twenty a second, until it is told to stop."""

    def __init__(self):
        self.process = subprocess.Popen([BIN / "btpub", "-b", LOCAL, "--retry", "events/a", "-l"], stdin=subprocess.PIPE,
                                        stderr=open(OUT / "publisher.err", "ab"), text=True)
        self.sent = 0

    def go_on(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.process.stdin.write(f"n{self.sent}\n")
            self.process.stdin.flush()
            self.sent += 1
            time.sleep(0.05)

    def go_on_until(self, what, check):
        wait_for(what, lambda: check() or self.go_on(0.2))

    def finish(self):
        self.process.stdin.close()
        assert self.process.wait(60) == 0, (OUT / "publisher.err").read_text()


def start(lab):
    broker = lab.broker(CONFIG)
    wait_for("the broker to be found", lambda: "advertising" in broker.err() and "service_record" in broker.err())
    return broker


def subscribe(lab):
    subs = [lab.btsub("events/#", at=f"{kind}:{lab.address(0)}/{number}", adapter=adapter, options=["-v", "--retry"],
                      name=kind) for adapter, (kind, number) in enumerate(KINDS.items(), 1)]
    for sub in subs:
        wait_for("a session", lambda: "subscribed;" in sub.err())
    return subs


def is_back(sub):
    """Whether it has its session, after as many losses as it may have had."""
    said = sub.err()
    return said.count("connected again") == said.count("connection lost")


def runs_of(sub):
    """The sequence numbers it printed, cut where it was told to fetch anew."""
    runs = [[]]
    for message in sub.messages():
        if message["op"] == "refetch":
            runs.append([])
        else:
            runs[-1].append(message["seq"])
    return [run for run in runs if run]


def nothing_is_missing_and_nothing_comes_twice():
    chance = random.Random(7)
    with Lab(adapters=4) as lab:
        start(lab)
        lab.radio("supervision 1000")
        subs = subscribe(lab)
        publisher = Publisher()
        away = set()
        left = 0
        while left < CYCLES or away:  # each one that leaves comes back
            number = chance.randint(1, 3)
            if number in away:
                lab.together(0, number)
                away.remove(number)
            elif left < CYCLES:
                lab.apart(0, number)
                away.add(number)
                left += 1
            publisher.go_on(chance.uniform(0.1, 3))
        # Who was away for less than the supervision time lost no link; now each one does, for certain.
        for number, sub in enumerate(subs, 1):
            wait_for("its session", lambda: is_back(sub))
            lab.apart(0, number)
            wait_for("the loss", lambda: not is_back(sub))
            publisher.go_on(1)
            lab.together(0, number)
        publisher.finish()
        for sub in subs:
            wait_for(f"all of {sub.name}", lambda: sub.messages() and sub.messages()[-1]["seq"] == publisher.sent, 90)
            assert runs_of(sub) == [list(range(1, publisher.sent + 1))], (sub.name, runs_of(sub))
            assert is_back(sub), sub.err()
        returns = sum(sub.err().count("connected again") for sub in subs)
        assert returns >= CYCLES // 3 + len(subs), returns
        print(f"{publisher.sent} messages, {left + len(subs)} times away, {returns} returns", flush=True)


def nothing_is_missing_whatever_goes_off():
    needs_emulation("it pulls adapters out")
    with Lab(adapters=3) as lab:
        broker = lab.broker(CONFIG.replace('"le:hci0/128"', '"le:hci0/128", "l2cap:hci1/4097", "le:hci1/128"'))
        wait_for("both adapters to be announced", lambda: broker.err().count(" advertising: ") == 2)
        lab.radio("supervision 1000")
        sub = lab.btsub("events/#", at=f"l2cap:{lab.address(0)}/4097", adapter=2, options=["-v", "--retry"], name="sub")
        wait_for("its subscription", lambda: "subscribed;" in sub.err())
        publisher = Publisher()
        try:
            off_and_on(lab, sub, publisher)
        except BaseException:
            publisher.process.kill()
            raise
        publisher.finish()
        wait_for("all", lambda: sub.messages()[-1]["seq"] == publisher.sent)
        assert runs_of(sub) == [list(range(1, publisher.sent + 1))], runs_of(sub)


def off_and_on(lab, sub, publisher):
    def session():  # as the broker sees it
        there = json.loads(lab.btctl("--json", "sessions", at=LOCAL)[1])
        return next((one for one in there if lab.address(2) in one["peer"]), None)

    publisher.go_on(0.5)
    # The broker's adapter is pulled out. It has another one, at another address.
    lab.radio("unplug 0")
    publisher.go_on_until("the session at the other adapter",
                          lambda: re.search(f"connected again to lab at \\w+:{lab.address(1)}", sub.err()))
    # The client's own adapter is switched off and on.
    soft = next(pathlib.Path(f"/sys/class/bluetooth/{lab.name(2)}").glob("rfkill*")) / "soft"
    returns = sub.err().count("connected again")
    soft.write_text("1")
    publisher.go_on_until("the loss", lambda: not is_back(sub))
    soft.write_text("0")
    publisher.go_on_until("the session again", lambda: sub.err().count("connected again") > returns and is_back(sub))
    # The client sleeps for longer than its link lives; what came before lies unread.
    returns = sub.err().count("connected again")
    before = wait_for("it at the broker", session)
    sub.send(signal.SIGSTOP)
    publisher.go_on_until("something unread", lambda: session() and session()["sent_bytes"] > before["sent_bytes"] + 200)
    lab.apart(1, 2)
    publisher.go_on_until("the broker to notice", lambda: session() is None)
    lab.together(1, 2)
    sub.send(signal.SIGCONT)
    publisher.go_on_until("the session again", lambda: sub.err().count("connected again") > returns and is_back(sub))


def a_killed_broker_is_found_again_and_the_sequences_stay_whole():
    chance = random.Random(8)
    with Lab(adapters=4) as lab:
        broker = start(lab)
        subs = subscribe(lab)
        for life in range(1, KILLS + 2):
            publisher = Publisher()
            publisher.go_on(0.3)
            for sub in subs:
                wait_for("what this one has to say", lambda: len(runs_of(sub)) == life)
            publisher.go_on(chance.uniform(0.2, 2))
            if life > KILLS:
                break
            broker.kill()  # while it is published
            publisher.process.kill()
            broker = start(lab)
        publisher.finish()
        for sub in subs:
            wait_for("all of the last one", lambda: runs_of(sub)[-1] == list(range(1, publisher.sent + 1)))
            runs = runs_of(sub)
            assert len(runs) == KILLS + 1 and all(run == list(range(1, len(run) + 1)) for run in runs), (sub.name, runs)
        print(f"{KILLS} kills, {sum(map(len, runs))} messages", flush=True)


if __name__ == "__main__":
    main([nothing_is_missing_and_nothing_comes_twice, nothing_is_missing_whatever_goes_off,
          a_killed_broker_is_found_again_and_the_sequences_stay_whole])
