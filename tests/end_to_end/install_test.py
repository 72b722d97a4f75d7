"""What `./run install` puts where, and that it fits together."""
import argparse
import os
import pathlib
import re
import subprocess
import tempfile


def install(build, root, *more):
    subprocess.run(["cmake", "--install", build, "--prefix", "/usr", *more], check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, "DESTDIR": str(root)})


def files(root):
    return {"/" + str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def broker_and_clients(build, root):
    install(build, root)
    there = files(root)
    unit = (root / "etc/systemd/system/btbroker.service").read_text()
    program, config = re.search(r"^ExecStart=(\S+) (\S+)$", unit, re.M).groups()
    started = set(re.findall(r"^Exec\w+=(\S+)", unit, re.M))
    assert started <= there | {"/bin/sh"}, started  # what a small system need not have, such as /bin/kill, fails at run time
    drop_in = (root / "etc/systemd/system/bluetooth.service.d/btbroker.conf").read_text()
    settings = re.search(r"--configfile (\S+)$", drop_in, re.M)[1]
    for path in (program, config, settings, "/usr/bin/btsub", "/usr/bin/btpub", "/usr/bin/btctl",
                 "/usr/lib/btbroker/plugins/csv.so", "/usr/share/man/man1/btsub.1", "/etc/sysusers.d/btbroker.conf"):
        assert path in there, (path, sorted(there))
    said = subprocess.run([root / program[1:], "--check", root / config[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    assert said.returncode == 0, said.stdout


def what_was_changed_stays(build, root):
    for name in ("broker.yaml", "bluetooth.conf"):
        (root / "etc/btbroker" / name).write_text("# mine\n")
    install(build, root)
    for name in ("broker.yaml", "bluetooth.conf"):
        assert (root / "etc/btbroker" / name).read_text() == "# mine\n", name


def clients_alone(build, root):
    install(build, root, "--component", "clients")
    there = files(root)
    assert "/usr/bin/btsub" in there
    assert not [path for path in there if path.startswith("/etc") or path.endswith((".so", "btbroker"))], sorted(there)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    build = parser.parse_args().build
    with tempfile.TemporaryDirectory() as folder:
        broker_and_clients(build, pathlib.Path(folder))
        what_was_changed_stays(build, pathlib.Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        clients_alone(build, pathlib.Path(folder))


if __name__ == "__main__":
    main()
