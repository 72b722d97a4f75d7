"""How much a link carries: our own figures beside those of BlueZ's tools, in the same run, in the time of the air.

Prints one JSON object a line; tests/bench/radio.py makes the table of them. Not a test: nothing here can fail
but for want of an answer.
"""
import datetime
import json
import os
import pathlib
import random
import re
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "end_to_end"))
from btb_client import HELLO, WELCOME, control_frame  # noqa: E402
from lab import BIN, Lab, OUT, wait_for  # noqa: E402

LOCAL = "unix:/run/b.sock"
CONFIG = f"""
broker: {{name: lab}}
listen: ["{LOCAL}", "l2cap:hci0/4097", "le:hci0/128", "rfcomm:hci0/3"]
topics:
  - {{filter: "alert/#", kind: events, priority: alert}}
  - {{filter: "bulk/#", kind: events, priority: bulk, keep: {{bytes: 16MiB}}}}
  - {{filter: "file/#", kind: events, priority: bulk, keep: {{bytes: 16MiB}}}}
"""
MESSAGE_BYTES = 4000
MESSAGES = 1000  # 4 MB
FILE_BYTES = 10_000_000
TOOL_BYTES = 2_000_000


def say(**figures):
    print(json.dumps(figures), flush=True)


def kbit(byte_count, seconds):
    return byte_count * 8 / seconds / 1000


def tool_kbit(receiver, sender):
    """What BlueZ's own tool carries, by the receiver's own count of what came in each stretch: the middle of them."""
    with subprocess.Popen(["stdbuf", "-oL", *receiver], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as heard:
        time.sleep(1)
        subprocess.run(sender, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, timeout=120)
        time.sleep(1)
        heard.terminate()
        said = heard.communicate()[0]
    (OUT / f"{receiver[0]}.said").write_text(said)
    rates = sorted(float(rate) for rate in re.findall(r"([\d.]+) kB/s", said))
    return rates[len(rates) // 2] * 8.192 if rates else 0


def l2test(mtu, le):
    kind = ["-V", "le_public", "-P", "144"] if le else ["-P", "4101"]
    return tool_kbit(["l2test", "-r", "-i", "hci0", "-I", str(mtu), "-b", str(40 * mtu), *kind],
                     ["l2test", "-s", "-i", "hci1", "-I", str(mtu), "-O", str(mtu), "-b", str(mtu),
                      "-N", str(TOOL_BYTES // mtu), *kind, "02:BB:00:00:00:00"])


def rctest():
    return tool_kbit(["rctest", "-r", "-i", "hci0", "-P", "9", "-b", "160000"],
                     ["rctest", "-s", "-i", "hci1", "-P", "9", "-b", "4000", "-N", str(TOOL_BYTES // 4000), "02:BB:00:00:00:00"])


def carried(paths, total, deadline_s=200):
    """kbit/s of each file that subscribers print into, between a fifth and the whole of it."""
    first, rates = {}, {}
    deadline = time.monotonic() + deadline_s
    while len(rates) < len(paths):
        for path in paths:
            size, now = path.stat().st_size, time.monotonic()
            if path not in first and size > total / 5:
                first[path] = size, now
            if path not in rates and size >= total:
                rates[path] = kbit(size - first[path][0], now - first[path][1])
        time.sleep(0.01)
        if time.monotonic() > deadline:
            raise AssertionError(f"of {total} bytes came {[path.stat().st_size for path in paths]}")
    return [rates[path] for path in paths]


def bulk(lab, kinds):
    """The rate at which each of these kinds of links brings the same topic, all at once."""
    subs = [lab.start(kind, [BIN / "btsub", "-b", f"{kind}:{lab.address(0)}/{number}", "--adapter", f"hci{adapter}",
                             "--retry", "-q", "--from", "beginning", "-n", str(MESSAGES), "-f", "raw", "bulk/#"])
            for adapter, (kind, number) in enumerate(kinds, 1)]
    rates = carried([sub.out_path for sub in subs], MESSAGES * MESSAGE_BYTES)
    for sub in subs:
        sub.stop()
    return rates


def on_air(lab):
    """Bytes the broker's adapter has sent."""
    return lab.usage()[0]["bytes_sent"]


def alerts(lab, behind, count=400):
    """How long an alert takes, from the broker's time in it to its line here, while the same link is full of `behind`."""
    sub = lab.start("alerts", [BIN / "btsub", "-b", f"l2cap:{lab.address(0)}/4097", "--adapter", "hci1", "--retry", "-q",
                               "--from", "beginning", "-f", "json", "alert/#", behind])
    before = on_air(lab)
    wait_for("bulk to flow", lambda: on_air(lab) > before + 100_000)
    took, chance = [], random.Random(5)
    with open(sub.out_path, "rb") as out, subprocess.Popen([BIN / "btpub", "-b", LOCAL, "alert/a", "-l"],
                                                           stdin=subprocess.PIPE, text=True) as publisher:
        out.seek(0, os.SEEK_END)
        seen = b""
        for number in range(count):
            publisher.stdin.write(f"alert-{number}\n")
            publisher.stdin.flush()
            deadline = time.monotonic() + 30
            while (found := re.search(rb'"ts":"([^"]*)","topic":"alert/a".*\n', seen)) is None:
                more = out.read(1 << 20)
                now = time.time()
                seen = seen[-5000:] + more
                if not more:
                    time.sleep(0.001)
                if time.monotonic() > deadline:
                    raise AssertionError(f"alert {number} did not come")
            published = datetime.datetime.fromisoformat(found[1].decode().replace("Z", "+00:00")).timestamp()
            took.append((now - published) * 1000)
            seen = seen[found.end():]
            time.sleep(chance.uniform(0, 0.04))  # or it would fall in step with what it waits for
        publisher.stdin.close()
    after = on_air(lab)
    time.sleep(0.3)
    assert on_air(lab) > after + 20_000, "the link was not busy to the end"
    sub.stop()
    took.sort()
    return {"count": count, "p50_ms": round(took[count // 2], 1), "p99_ms": round(took[count * 99 // 100], 1),
            "max_ms": round(took[-1], 1)}


def welcome_ms(lab, count=30):
    """From connect to welcome where the link between the two adapters is up: another session holds it."""
    holder = lab.btsub("none", at=f"l2cap:{lab.address(0)}/4097", adapter=1, options=["-v", "--retry"], name="holder")
    wait_for("the link", lambda: "connected to" in holder.err())
    hello = control_frame(HELLO, (2, "text", "speed"), (3, "text", "speed.py"))
    took = []
    for _ in range(count):
        begun = time.monotonic()
        with socket.socket(socket.AF_BLUETOOTH, socket.SOCK_SEQPACKET, socket.BTPROTO_L2CAP) as made:
            made.settimeout(20)
            made.bind((lab.address(1), 0))
            made.connect((lab.address(0), 4097))
            made.send(hello)
            assert made.recv(4096)[4] == WELCOME
            took.append((time.monotonic() - begun) * 1000)
    holder.stop()
    return took


def found_ms(lab, count=12):
    """From the start of btsub, without an address or a memory, to its note that it found a broker."""
    took = []
    for _ in range(count):
        shutil.rmtree("/tmp/.local", ignore_errors=True)
        begun = time.monotonic()
        sub = lab.start("finding", [BIN / "btsub", "--adapter", "hci1", "-v", "none"])
        while "found a broker" not in sub.err():
            time.sleep(0.002)
            assert time.monotonic() < begun + 60, sub.err()
        took.append((time.monotonic() - begun) * 1000)
        wait_for("its session", lambda: "connected to" in sub.err())  # not to be stopped while it pages
        sub.stop()
    return took


def back_ms(lab, kind, count=12):
    """From the moment two adapters hear each other again, after 3 to 15 s, to the session."""
    lab.radio("supervision 1000")
    chance = random.Random(11)
    sub = lab.btsub("none", at=f"{kind[0]}:{lab.address(0)}/{kind[1]}", adapter=1, options=["-v", "--retry"], name="returning")
    wait_for("a session", lambda: "connected to" in sub.err())
    took = []
    for turn in range(count):
        lab.apart(0, 1)
        wait_for("the loss", lambda: sub.err().count("connection lost") == turn + 1)
        time.sleep(chance.uniform(2, 12))
        begun = time.monotonic()
        lab.together(0, 1)
        while sub.err().count("connected again") != turn + 1:
            time.sleep(0.005)
            assert time.monotonic() < begun + 90, sub.err()
        took.append((time.monotonic() - begun) * 1000)
    sub.stop()
    lab.radio("supervision 0")
    return took


def spread(took):
    took = sorted(took)
    return {"count": len(took), "median_ms": round(took[len(took) // 2]), "max_ms": round(took[-1])}


def begin(lab):
    broker = lab.broker(CONFIG)
    wait_for("the broker to be found", lambda: "advertising" in broker.err())
    lines = OUT / "lines"
    lines.write_text(("x" * MESSAGE_BYTES + "\n") * MESSAGES)
    with open(lines) as stdin:
        subprocess.run([BIN / "btpub", "-b", LOCAL, "bulk/a", "-l"], stdin=stdin, check=True)
    (OUT / "file").write_bytes(random.Random(1).randbytes(FILE_BYTES))
    subprocess.run([BIN / "btpub", "-b", LOCAL, "file/scan", "-f", OUT / "file"], check=True)


def main():
    with Lab(adapters=2) as lab:
        begin(lab)
        for name, tool, kind in (("l2cap", lambda: l2test(4080, False), ("l2cap", 4097)), ("rfcomm", rctest, ("rfcomm", 3)),
                                 ("le", lambda: l2test(3950, True), ("le", 128))):
            ours = bulk(lab, [kind])[0]
            say(what=name, ours=round(ours), tool=round(tool()))
        say(what="alert behind a file", **alerts(lab, "file/#"))
        say(what="alert behind messages", **alerts(lab, "bulk/#", 150))
        say(what="welcome", **spread(welcome_ms(lab)))
        say(what="found", **spread(found_ms(lab)))
        for kind in (("l2cap", 4097), ("le", 128)):
            say(what="back over " + kind[0], **spread(back_ms(lab, kind)))
    with Lab(adapters=8) as lab:
        begin(lab)
        seven = bulk(lab, [("l2cap", 4097)] * 7)
        say(what="seven", each=[round(rate) for rate in seven], sum=round(sum(seven)))


if __name__ == "__main__":
    main()
