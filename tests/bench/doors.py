#!/usr/bin/env python3
"""A stranger's hand at the doors: one attack after another against a fresh broker, and what a healthy subscriber feels of
it: p50, p99 and losses, before and during. What it feels while the attack goes to another broker of the machine is
measured, too: a machine of two processors is busy with the attack itself. An attack is a function with a line of its own in
ATTACKS; it knows the protocol and nothing else, and does its worst until its time is over."""

import argparse
import collections
import contextlib
import gc
import multiprocessing
import os
import select
import struct
import sys
import time

import harness

sys.path.insert(0, str(harness.ROOT / "tests" / "end_to_end"))
import btb_client as btb  # noqa: E402

TOPICS = "topics:\n  - {filter: healthy, kind: events}\n  - {filter: 'rows/#', kind: state}\n"
RATE = 200  # messages a second of the healthy publisher
CALM_S = 5.0  # measured before each attack


# --- the healthy pair ---


def healthy(endpoint, pipe):
    """A publisher and a subscriber in one process. Told "measure SECONDS", says the delays and how many are missing."""
    publisher, subscriber = btb.Client(endpoint, "publisher"), btb.Client(endpoint, "subscriber")
    subscriber.subscribe("healthy")
    number = publisher.open("healthy", btb.ACK_NONE)
    subscriber.run_until(lambda: subscriber.topic("healthy"), 10)
    messages = subscriber.topic("healthy").messages
    gc.disable()  # a collection takes 50 ms, which are not the broker's
    pipe.send("ready")
    while True:
        seconds = pipe.recv()
        if seconds is None:
            return
        pipe.send(measure(publisher, subscriber, number, messages, seconds))


def take_in(client):
    """Handles all frames that one reading brings."""
    client.run_once(0.001)
    while len(client.input) >= 8 and len(client.input) >= (struct.unpack_from("<I", client.input)[0] + 7) // 8 * 8:
        client.run_once(0)


def measure(publisher, subscriber, number, messages, seconds):
    """An open loop: each message carries the time at which it was due, so that waiting to send counts, too."""
    delays, sent, begun = [], 0, time.monotonic()
    count = int(seconds * RATE)
    drained = begun + seconds + 20
    gaps = len(subscriber.topic("healthy").gaps)
    while len(delays) < count and time.monotonic() < drained:
        now = time.monotonic()
        while sent < count and begun + sent / RATE <= now:
            publisher.publish(number, b"", struct.pack("<d", begun + sent / RATE))
            sent += 1
        due = begun + sent / RATE if sent < count else now + 0.1
        if select.select([subscriber.socket], [], [], max(due - now, 0))[0]:
            take_in(subscriber)
        now = time.monotonic()
        delays += [now - struct.unpack("<d", message.payload)[0] for message in messages]
        messages.clear()
    return delays, count - len(delays), len(subscriber.topic("healthy").gaps) - gaps


class Healthy:
    def __init__(self, endpoint):
        self.process, self.pipe = process(healthy, endpoint)
        self.pipe.recv()

    def begin(self, seconds):
        self.pipe.send(seconds)

    def figures(self):
        delays, lost, gaps = self.pipe.recv()
        delays.sort()

        def quantile(share):
            return delays[min(int(len(delays) * share), len(delays) - 1)] * 1000 if delays else float("inf")
        return {"p50_ms": quantile(0.5), "p99_ms": quantile(0.99), "max_ms": quantile(1), "lost": lost, "gaps": gaps}

    def end(self):
        self.pipe.send(None)
        self.process.join(5)
        if self.process.is_alive():
            self.process.terminate()


# --- the attacks ---


class Hand:
    """What an attack is given: where the broker is, over unix and for strangers, the moment at which it begins, and how
    long it goes on."""

    def __init__(self, endpoint, stranger, seconds, pipe):
        self.endpoint, self.stranger, self.seconds, self.pipe, self.until = endpoint, stranger, seconds, pipe, None

    def client(self, name):
        return btb.Client(self.endpoint, name)

    def begin(self):
        """What came before was preparation. From here on the healthy pair is measured."""
        self.pipe.send("prepared")
        self.pipe.recv()
        self.until = time.monotonic() + self.seconds

    def goes_on(self):
        return time.monotonic() < self.until

    def pump(self, clients):
        """Reads, and forgets, what the broker says to these clients, to the end."""
        sockets = [client.socket for client in clients]
        while self.goes_on():
            for readable in select.select(sockets, [], [], 0.1)[0]:
                try:
                    ended = not readable.recv(1 << 18)
                except OSError:
                    ended = True
                if ended:
                    sockets.remove(readable)


def refused(call, *arguments):
    """What a request was refused with, 0 for nothing."""
    try:
        call(*arguments)
    except btb.Refused as refusal:
        return refusal.reason
    return 0


def opens(names):
    return b"".join(btb.control_frame(btb.OPEN, (0, "I", i + 1), (1, "text", name)) for i, name in enumerate(names))


def make_topics(hand, count, prefix):
    """Topics, held open by the clients that are returned."""
    clients = []
    for first in range(0, count, 1000):
        clients.append(hand.client(f"maker {first}"))
        clients[-1].send(opens(f"{prefix}/{i % 100}/{i // 100 % 100}/{i}" for i in range(first, first + 1000)))
        clients[-1].answer(btb.OPENED, 1000, 1)
    return clients


def subscribes(wanted):
    return b"".join(btb.control_frame(btb.SUBSCRIBE, (0, "I", i + 1), (1, "text", one)) for i, one in enumerate(wanted))


def newcomer(hand):
    """How long somebody who comes now waits until he may subscribe."""
    begun = time.monotonic()
    client = btb.Client(hand.stranger, "newcomer")
    reason = refused(client.subscribe, "healthy")
    return f"a newcomer had his answer after {(time.monotonic() - begun) * 1000:.0f} ms" + (f": reason {reason}" if reason else "")


def filters(hand, sessions=1, wanted=("+/+/+/#",) * 1024):
    """20,000 topics are there; each session asks 1024 times for a filter that matches all of them, in one write of 49 kB."""
    clients = make_topics(hand, 20_000, "filters") + [hand.client(f"filters {i}") for i in range(sessions)]
    request = subscribes(wanted)
    hand.begin()
    for client in clients[-sessions:]:
        client.send(request)
    time.sleep(hand.seconds / 4)
    heard = newcomer(hand)
    hand.pump(clients)
    return f"{sessions} sessions, {len(request)} bytes of requests each; {heard}"


def filters_100(hand):
    """The same with a hundred sessions."""
    return filters(hand, sessions=100)


def different(hand):
    """Thirty sessions with 1024 filters each that differ, and match hundreds of the 20,000 topics each."""
    wanted = [f"{first}/{second}/{third}/#" for first in ("filters", "+") for second in ("+", *range(25))
              for third in ("+", *range(20))][:1024]
    return filters(hand, sessions=30, wanted=wanted)


def births(hand):
    """As many sessions as one peer gets with 1024 different filters that all match one name of ten levels; then such names are opened."""
    levels = ["births", *"abcdefghi"]
    wanted = ["/".join("+" if mask >> i & 1 else level for i, level in enumerate(levels)) for mask in range(1024)]
    clients = [hand.client(f"births {i}") for i in range(27)]
    for client in clients:
        client.send(subscribes(wanted))
        client.answer(btb.SUBSCRIBED, 1024, 1)
    maker = hand.client("maker")
    hand.begin()
    count = 0
    while hand.goes_on() and count < 1000:
        refused(maker.open, "/".join([*levels[:-1], f"i{count}"]), btb.ACK_NONE)
        count += 1
    heard = newcomer(hand)
    hand.pump(clients)
    return f"{count} names opened; {heard}"


def names(hand):
    """Opens topics under 200,000 new names, with as many sessions as it takes."""
    hand.begin()
    answers, clients = collections.Counter(), []
    while len(clients) < 200 and hand.goes_on():
        clients.append(hand.client(f"names {len(clients)}"))
        clients[-1].send(opens(f"names/{len(clients)}/{i}" for i in range(1000)))
        for i in range(1000):
            answers[refused(clients[-1].answer, btb.OPENED, i + 1, 1)] += 1
    hand.pump(clients)
    return f"opened {answers.pop(0, 0)}, refused by reason {dict(answers)}"


def memory(hand):
    """Fills 300 topics with 4 MiB each."""
    client = hand.client("memory")
    numbers = [client.open(f"memory/{i}", btb.ACK_NONE) for i in range(300)]
    payload, sent, seq = bytes(4000), 0, 0
    hand.begin()
    while sent < 300 * (4 << 20) and hand.goes_on():
        seq += 1
        burst = b"".join(btb.message_frames(number, seq, b"", payload) for number in numbers)
        client.send(burst)
        sent += len(burst)
        client.run_once(0.0001)
    hand.pump([client])
    return f"published {sent >> 20} MiB"


def batch(hand):
    """Leaves a batch open, and counts how long a newcomer waits for its snapshot."""
    client, newcomer = hand.client("batch"), hand.client("newcomer")
    number = client.open("rows/batch", btb.ACK_NONE)
    hand.begin()
    client.publish(number, b"key", b"half", batch_more=True)
    begun = time.monotonic()
    newcomer.subscribe("rows/batch")
    while hand.goes_on() and not newcomer.synced("rows/batch"):
        newcomer.run_once(0.1)
    word = "had its snapshot" if newcomer.synced("rows/batch") else "still has no snapshot"
    return f"a newcomer {word} after {time.monotonic() - begun:.1f} s"


def crowd(hand, most):
    """Sessions over TCP until the broker lets no more in, and on from there; then what an operator hears."""
    hand.begin()
    inside, told = [], collections.Counter()
    while hand.goes_on():
        try:
            if len(inside) == most:
                time.sleep(0.05)
            else:
                inside.append(btb.Client(hand.stranger, f"stranger {len(inside)}"))
        except btb.Goodbye as goodbye:
            told[goodbye.text] += 1
        except OSError as fault:
            told[type(fault).__name__] += 1
    begun = time.monotonic()
    try:
        hand.client("operator").command("status")
        answer = f"answered after {(time.monotonic() - begun) * 1000:.0f} ms"
    except (btb.Goodbye, btb.Refused, OSError, TimeoutError) as end:
        answer = f"not answered: {end}"
    return f"{len(inside)} came in, others were told {dict(told)}; the operator was {answer}"


def descriptors(hand):
    """Takes all descriptors of a broker that has 256."""
    return crowd(hand, 1000)


def places(hand):
    """Takes all places of a broker that has 100."""
    return crowd(hand, 1000)


def goodbyes(hand):
    """Comes, and leaves with a reason of the broker's, again and again."""
    hand.begin()
    count = 0
    while hand.goes_on():
        client = btb.Client(hand.stranger, "forger")
        client.send(btb.control_frame(btb.GOODBYE, (0, "H", 3 + count % 2), (1, "text", "x peer=unix uid 0")))
        client.socket.close()
        count += 1
    return f"{count} goodbyes"


def reconnects(hand):
    """Connects and goes away without a word, as fast as it can, with a name that looks like fields of the log."""
    hand.begin()
    count = 0
    hello = btb.control_frame(btb.HELLO, (0, "H", 1), (1, "H", 1), (2, "text", "x peer=unix uid 0"), (3, "text", "bench"))
    while hand.goes_on():
        connection = btb.open_socket(hand.stranger)
        connection.sendall(hello)
        connection.close()
        count += 1
    return f"{count / hand.seconds:.0f} connections a second"


FEW_DESCRIPTORS = {"under": ("prlimit", "--nofile=256:256")}
FEW_PLACES = {"limits": "limits: {sessions: 100}\n"}
MANY_TOPICS = {"limits": "limits: {client_topics_per_peer: 30000, client_topics: 60000}\n"}
ATTACKS = {  # name -> the attack, for how many seconds the healthy pair is measured, and how the broker is set up
    "filters": (filters, 5, MANY_TOPICS),
    "filters_100": (filters_100, 20, MANY_TOPICS),
    "different": (different, 20, MANY_TOPICS),
    "births": (births, 10),
    "names": (names, 20),
    "memory": (memory, 10),
    "batch": (batch, 15),
    "descriptors": (descriptors, 10, FEW_DESCRIPTORS),
    "places": (places, 10, FEW_PLACES),
    "goodbyes": (goodbyes, 10),
    "reconnects": (reconnects, 10),
}


# --- one attack after the other ---


def attacker(attack, endpoint, stranger, seconds, pipe):
    os.nice(5)  # where processors are few: what the healthy pair waits for one is not the broker's fault
    hand = Hand(endpoint, stranger, seconds, pipe)
    try:
        pipe.send(attack(hand))
    except (btb.Goodbye, btb.Refused, OSError, TimeoutError) as end:
        if hand.until is None:
            hand.begin()
        pipe.send(f"ended by: {end}")


def process(function, *arguments):
    """A process with a pipe to it."""
    pipe, other = multiprocessing.Pipe()
    made = multiprocessing.Process(target=function, args=(*arguments, other), daemon=True)
    made.start()
    other.close()
    return made, pipe


@contextlib.contextmanager
def attacked(args, name, seconds):
    """A broker, set up for an attack; its hand, prepared; and the way to tell it "go" and to hear what it did."""
    setting = ATTACKS[name][2] if len(ATTACKS[name]) > 2 else {}
    stranger = f"tcp:127.0.0.1:{harness.free_port()}"
    config = f"  - endpoint: {stranger}\n" + TOPICS + setting.get("limits", "")
    with harness.running(args, "btbroker", "unix", config, under=setting.get("under", ())) as broker:
        hand, pipe = process(attacker, ATTACKS[name][0], broker.endpoint, stranger, seconds)
        try:
            pipe.recv()
            yield broker, pipe
        finally:
            hand.terminate()


@contextlib.contextmanager
def healthy_pair(endpoint):
    pair = Healthy(endpoint)
    try:
        yield pair
    finally:
        pair.process.terminate()


def beside(args, name, seconds):
    """What the healthy pair feels when the attack goes to another broker of the same machine: what the attack takes of the
    processors, and no fault of the broker's."""
    with (attacked(args, name, seconds) as (_, pipe), harness.running(args, "btbroker", "unix", TOPICS) as other,
          healthy_pair(other.endpoint) as pair):
        pair.begin(seconds)
        pipe.send("go")
        figures = pair.figures()
        pair.end()
        return figures


def suffer(args, name):
    """The figures before, beside and during one attack, what it did, and what the broker took for it."""
    seconds = args.seconds or ATTACKS[name][1]
    elsewhere = beside(args, name, seconds)
    with attacked(args, name, seconds) as (broker, pipe), healthy_pair(broker.endpoint) as pair:
        pair.begin(CALM_S)
        before = pair.figures()
        cpu, rss_before = broker.cpu_seconds(), broker.memory_kb()[0]
        pair.begin(seconds)
        pipe.send("go")
        during, done = pair.figures(), pipe.recv()
        pair.end()
        return {"before": before, "beside": elsewhere, "during": during, "done": done, "cpu_s": broker.cpu_seconds() - cpu,
                "rss_kb": (rss_before, broker.memory_kb()[1]), "log_kb": broker.log.stat().st_size / 1024}


def row_of(name, found):
    def cells(figures):
        return [f"{figures['p50_ms']:.2f}", f"{figures['p99_ms']:.2f}", f"{figures['max_ms']:.0f}", figures["lost"]]
    return [name, *cells(found["before"]), *cells(found["beside"]), *cells(found["during"]), f"{found['cpu_s']:.1f}",
            f"{found['rss_kb'][0] / 1024:.0f} to {found['rss_kb'][1] / 1024:.0f}", f"{found['log_kb']:.0f}", found["done"]]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    harness.add_common_arguments(parser)
    parser.add_argument("attacks", nargs="*", metavar="ATTACK", help="which; default: all of " + ", ".join(ATTACKS))
    parser.add_argument("--seconds", type=float, help="of each attack, instead of its own")
    args = harness.parse(parser)
    unknown = [name for name in args.attacks if name not in ATTACKS]
    if unknown or (reason := harness.missing_reason(args, "btbroker")):
        raise SystemExit(f"no attack {unknown[0]}, only: {' '.join(ATTACKS)}" if unknown else reason)
    about, rows, figures = harness.circumstances(), [], {}
    harness.quiet_or_warn(about)
    for name in args.attacks or ATTACKS:
        harness.say(f"{name}: {' '.join(ATTACKS[name][0].__doc__.split())}")
        figures[name] = suffer(args, name)
        rows.append(row_of(name, figures[name]))
        harness.say(f"  {figures[name]}")
    four = ("p50 ms", "p99", "max", "lost")
    header = ("attack", *(f"{when}: {figure}" for when in ("before", "beside", "during") for figure in four),
              "broker CPU s", "RSS MB, to peak", "log kB", "the attacker")
    parts = [harness.circumstances_line(about),
             f"A healthy subscriber of {RATE} messages a second, over unix. Before the attack; beside it, as it goes to another "
             "broker of this machine; during it.", "",
             harness.table(header, rows)]
    harness.write_results(args, "doors", {"about": about, "attacks": figures}, "\n".join(parts))


if __name__ == "__main__":
    main()
