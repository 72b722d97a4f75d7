"""How much a link carries: our own figures beside those of BlueZ's tools, in the same run, in the time of the air.

Prints one JSON object a line; tests/bench/radio.py makes the table of them. Not a test: nothing here can fail
but for want of an answer.
"""
import json
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from lab import BIN, Lab, OUT, wait_for  # noqa: E402

LOCAL = "unix:/run/b.sock"
CONFIG = f"""
broker: {{name: lab}}
listen: ["{LOCAL}", "l2cap:hci0/4097", "le:hci0/128", "rfcomm:hci0/3"]
topics:
  - {{filter: "alert/#", kind: events, priority: alert}}
  - {{filter: "bulk/#", kind: events, priority: bulk, keep: {{bytes: 16MiB}}}}
"""
MESSAGE_BYTES = 4000
MESSAGES = 1000  # 4 MB
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
    kind = ["-V", "le_public", "-P", "0x85"] if le else ["-P", "0x1005"]
    return tool_kbit(["l2test", "-r", "-i", "hci0", "-I", str(mtu), "-b", str(40 * mtu), *kind],
                     ["l2test", "-s", "-i", "hci1", "-I", str(mtu), "-O", str(mtu), "-b", str(mtu),
                      "-N", str(TOOL_BYTES // mtu), *kind, "02:BB:00:00:00:00"])


def rctest():
    return tool_kbit(["rctest", "-r", "-i", "hci0", "-P", "9", "-b", "160000"],
                     ["rctest", "-s", "-i", "hci1", "-P", "9", "-b", "4000", "-N", str(TOOL_BYTES // 4000), "02:BB:00:00:00:00"])


def carried(path, total, deadline_s=120):
    """kbit/s between a fifth and the whole of what a subscriber prints into this file."""
    first, first_at = 0, 0.0
    deadline = time.monotonic() + deadline_s
    while time.monotonic() < deadline:
        size, now = path.stat().st_size, time.monotonic()
        if first == 0 and size > total / 5:
            first, first_at = size, now
        if size >= total:
            return kbit(size - first, now - first_at)
        time.sleep(0.01)
    raise AssertionError(f"only {path.stat().st_size} of {total} bytes came")


def bulk(lab, kinds):
    """The rate at which each of these kinds of links brings the same topic, all at once."""
    subs = [lab.start(kind, [BIN / "btsub", "-b", f"{kind}:{lab.address(0)}/{number}", "--adapter", f"hci{adapter}",
                             "--retry", "-q", "--from", "beginning", "-n", str(MESSAGES), "-f", "raw", "bulk/#"])
            for adapter, (kind, number) in enumerate(kinds, 1)]
    total = MESSAGES * (MESSAGE_BYTES + 1)
    rates = [carried(sub.out_path, total) for sub in subs]
    for sub in subs:
        sub.stop()
    return rates


def alerts(lab, count=100):
    """How long an alert takes while the same link is full of bulk."""
    sub = lab.start("alerts", [BIN / "btsub", "-b", f"l2cap:{lab.address(0)}/4097", "--adapter", "hci1", "--retry", "-q",
                               "--from", "beginning", "-f", "json", "alert/#", "bulk/#"])
    wait_for("bulk to flow", lambda: sub.out_path.stat().st_size > 50_000)
    took = []
    at = sub.out_path.stat().st_size
    publisher = subprocess.Popen([BIN / "btpub", "-b", LOCAL, "alert/a", "-l"], stdin=subprocess.PIPE, text=True)
    with open(sub.out_path, "rb") as out:
        out.seek(at)
        for number in range(count):
            word = f"alert-{number}-".encode()
            begin = time.monotonic()
            publisher.stdin.write(word.decode() + "\n")
            publisher.stdin.flush()
            seen = b""
            while word not in seen:
                more = out.read(1 << 20)
                seen = seen[-100:] + more
                if not more:
                    time.sleep(0.001)
                if time.monotonic() - begin > 30:
                    raise AssertionError(f"alert {number} did not come")
            took.append((time.monotonic() - begin) * 1000)
            time.sleep(0.02)
    publisher.stdin.close()
    busy = sub.messages()[-1]["topic"].startswith("bulk") or sub.process.poll() is None
    sub.stop()
    took.sort()
    return {"count": count, "p50_ms": round(took[count // 2], 1), "p99_ms": round(took[count * 99 // 100], 1), "busy": busy}


def main():
    with Lab(adapters=8) as lab:
        broker = lab.broker(CONFIG)
        wait_for("the broker to be found", lambda: "advertising" in broker.err())
        lines = OUT / "lines"
        lines.write_text(("x" * MESSAGE_BYTES + "\n") * MESSAGES)
        with open(lines) as stdin:
            subprocess.run([BIN / "btpub", "-b", LOCAL, "bulk/a", "-l"], stdin=stdin, check=True)
        for name, tool, kind in (("l2cap", lambda: l2test(4080, False), ("l2cap", 4097)), ("rfcomm", rctest, ("rfcomm", 3)),
                                 ("le", lambda: l2test(3950, True), ("le", 128))):
            ours = bulk(lab, [kind])[0]
            say(what=name, ours=round(ours), tool=round(tool()))
        seven = bulk(lab, [("l2cap", 4097)] * 7)
        say(what="seven", each=[round(rate) for rate in seven], sum=round(sum(seven)))
        say(what="alert", **alerts(lab))


main()
