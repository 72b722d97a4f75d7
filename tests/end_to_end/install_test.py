"""What `./run install` puts where, that it fits together, and that nothing else is written."""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

PROGRAMS = ("btbroker", "btsub", "btpub", "btctl")
# Where earlier versions wrote whatever the prefix was, and where a careless rule would.
OUTSIDE = ("/etc", "/usr/bin", "/usr/include", "/usr/lib/btbroker", "/usr/lib/systemd", "/usr/lib/sysusers.d", "/usr/local", "/opt")


def install(build, root, prefix="/usr", *more):
    """What is kept and installed, one line for each file."""
    environment = {name: value for name, value in os.environ.items() if name != "DESTDIR"}
    if root:
        environment["DESTDIR"] = str(root)
    return subprocess.run(["cmake", "--install", build, "--prefix", prefix, *more], check=True, stdout=subprocess.PIPE, text=True,
                          env=environment).stdout


def files(root):
    return {"/" + str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def ours_outside(build):
    """Every file of ours where a prefix of its own has no business, with its time. The clone and its build may be there."""
    found = {}
    own = {str(build.resolve()), str(pathlib.Path(__file__).resolve().parents[2])}
    for top in OUTSIDE:
        for folder, folders, names in os.walk(top):
            folders[:] = [name for name in folders if os.path.join(folder, name) not in own]
            for name in names:
                path = os.path.join(folder, name)
                if re.search(r"btb|btsub|btpub|btctl", path) and os.path.lexists(path):
                    found[path] = os.lstat(path).st_mtime_ns
    return found


def paths_of_the_units(root, units):
    """What the units name: the program, its configuration, the settings of bluetoothd."""
    unit = (root / units[1:] / "btbroker.service").read_text()
    drop_in = (root / units[1:] / "bluetooth.service.d/btbroker.conf").read_text()
    started = set(re.findall(r"^Exec\w+=(\S+)", unit, re.M))
    program, config = re.search(r"^ExecStart=(\S+) (\S+)$", unit, re.M).groups()
    assert started <= {program, "/bin/sh"}, started  # what a small system need not have, such as /bin/kill, fails at run time
    return program, config, re.search(r"--configfile (\S+)$", drop_in, re.M)[1]


def all_of_it(build, root):
    install(build, root)
    there = files(root)
    program, config, settings = paths_of_the_units(root, "/usr/lib/systemd/system")
    assert (program, config, settings) == ("/usr/bin/btbroker", "/etc/btbroker/broker.yaml", "/etc/btbroker/bluetooth.conf")
    for path in (program, config, settings, "/usr/lib/btbroker/plugins/csv.so", "/usr/lib/sysusers.d/btbroker.conf",
                 "/usr/lib/libbtbroker-client.so.0", "/usr/lib/pkgconfig/btbroker-plugin.pc", "/usr/share/doc/btbroker/broker.yaml",
                 "/usr/lib/cmake/btbroker/btbroker-config.cmake", "/usr/include/btbroker/sdk/client/client.h"):
        assert path in there, (path, sorted(there))
    said = subprocess.run([root / program[1:], "--check", root / config[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    assert said.returncode == 0, said.stdout


def every_program_has_a_manual_page_and_completions(root):
    for name in PROGRAMS:
        run = lambda *arguments: subprocess.run([root / "usr/bin" / name, *arguments], check=True, stdout=subprocess.PIPE,
                                                text=True).stdout
        options = set(re.findall(r"--[a-z-]+", run("--help").split("Examples:")[0]))
        assert {"--help", "--man", "--completion"} <= options, (name, options)
        share = root / "usr/share"
        page = (share / f"man/man1/{name}.1").read_text()
        assert page == run("--man") and page.startswith(f".TH {name.upper()} 1 "), page[:80]
        assert ".SH EXIT STATUS" in page and ".SH EXAMPLES" in page
        bash = share / "bash-completion/completions" / name
        subprocess.run(["bash", "-n", bash], check=True)
        for text in (page.replace("\\-", "-"), bash.read_text(), (share / f"zsh/site-functions/_{name}").read_text()):
            assert all(option in text for option in options), (name, [option for option in options if option not in text])
        fish = (share / f"fish/vendor_completions.d/{name}.fish").read_text()
        assert all(f"-l {option[2:]} " in fish for option in options), name


def bash_completes_the_configuration_of_the_broker(root):
    """Options by their names, and files for what is no option."""
    script = root / "usr/share/bash-completion/completions/btbroker"
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "ward.yaml").touch()
        for word, expected in (("--ch", "--check"), ("wa", "ward.yaml")):
            commands = f'source "{script}"; COMP_WORDS=(btbroker {word}); COMP_CWORD=1; _btbroker; echo "${{COMPREPLY[@]}}"'
            said = subprocess.run(["bash", "-c", commands], cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout
            assert said == expected + "\n", (word, said)


def what_was_changed_stays(build, root):
    for name in ("broker.yaml", "bluetooth.conf"):
        (root / "etc/btbroker" / name).write_text("# mine\n")
    said = install(build, root)
    for name in ("broker.yaml", "bluetooth.conf"):
        assert (root / "etc/btbroker" / name).read_text() == "# mine\n", name
        assert re.search(rf"Keeping: \S+/etc/btbroker/{name}$", said, re.M), said


def a_prefix_of_ones_own_holds_all(build, prefix):
    before = ours_outside(build)
    said = install(build, None, prefix)
    assert ours_outside(build) == before
    for path in re.findall(r"^-- (?:Installing|Keeping|Up-to-date): (\S+)", said, re.M):
        assert path.startswith(f"{prefix}/"), path
    program, config, settings = paths_of_the_units(prefix, "/lib/systemd/system")
    assert (program, config) == (f"{prefix}/bin/btbroker", f"{prefix}/etc/btbroker/broker.yaml")
    for path in (program, config, settings):
        assert pathlib.Path(path).is_file(), path
    for path in prefix.glob("etc/btbroker/*"):
        assert " /etc/btbroker" not in path.read_text(), path
    # Its plugins are its own.
    check = prefix / "check.yaml"
    check.write_text("listen: [unix:a.sock]\nsources: [{name: a, plugin: csv, options: {path: a.csv, topic: a, key: b}}]\n")
    said = subprocess.run([program, "--check", check], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert said.returncode == 0, said.stdout


def parts(build, folder):
    install(build, None, folder / "clients", "--component", "clients")
    there = files(folder / "clients")
    assert "/bin/btsub" in there and "/share/man/man1/btsub.1" in there
    assert not [path for path in there if path.startswith("/etc") or path.endswith((".so", "btbroker", ".h"))], sorted(there)
    for part in ("library", "dev"):
        install(build, None, folder / "dev", "--component", part)
    there = files(folder / "dev")
    assert "/include/btbroker/sdk/plugin/abi.h" in there and "/lib/libbtbroker-client.so" in there
    assert not [path for path in there if path.startswith(("/etc", "/bin", "/share"))], sorted(there)


class Door:
    """`run` in a folder of its own, where a cmake stands in that has built everything and installs what was built here."""

    def __init__(self, build, folder):
        self.folder = folder
        (folder / "build/release").mkdir(parents=True)
        shutil.copy(pathlib.Path(__file__).parents[2] / "run", folder)
        cmake = folder / "tools/cmake"
        cmake.parent.mkdir()
        cmake.write_text(f"""#!/bin/sh
[ "$1" = --install ] || exit 0
shift 2
{shutil.which("cmake")} --install '{build.resolve()}' "$@" && cp '{build.resolve()}'/install_manifest_*.txt '{folder}/build/release'
""")
        cmake.chmod(0o755)

    def __call__(self, *arguments, status=0):
        environment = {name: value for name, value in os.environ.items() if name != "DESTDIR"}
        environment |= {"PATH": f"{self.folder}/tools:{os.environ['PATH']}", "BTB_PACKAGES": "installed"}
        done = subprocess.run([self.folder / "run", *arguments], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, env=environment)
        assert done.returncode == status, done.stdout
        return done.stdout


def run_says_what_it_put_where_and_takes_it_out(build, folder):
    run = Door(build, folder)
    said = run("install", "--prefix", "own", "broker", "--clients", "dev")  # relative: to where it was called
    prefix = folder / "own"
    for folder_of, names in (("bin", "btbroker"), ("bin", "btsub btpub btctl"), ("lib/btbroker/plugins", "csv.so"),
                             ("etc/btbroker", "broker.yaml bluetooth.conf"), ("include/btbroker/sdk/plugin", "abi.h options.h source.h")):
        assert re.search(rf"^  {prefix}/{folder_of}/.* {names}( |$)", said, re.M), said
        assert all((prefix / folder_of / name).is_file() for name in names.split()), names
    assert f"export CMAKE_PREFIX_PATH={prefix} " in said and f"{prefix}/bin/btbroker {prefix}/etc/btbroker/broker.yaml" in said
    assert f"left as it is: {prefix}/etc/btbroker/broker.yaml" in run("install", "--prefix=own", "broker")
    run("install", "--prefix", "second", "clients")
    run("uninstall", "clients")
    assert not (prefix / "bin/btsub").exists() and not (folder / "second/bin/btsub").exists()
    assert (prefix / "bin/btbroker").exists(), "another part stays"
    run("uninstall")
    left = sorted(path.relative_to(prefix).as_posix() for path in prefix.rglob("*") if not path.is_dir())
    assert left == ["etc/btbroker/bluetooth.conf", "etc/btbroker/broker.yaml"], left
    assert not list(prefix.glob("lib/**/btbroker")) and not (prefix / "include/btbroker").exists()
    assert "no list of what was installed" in run("uninstall", status=1)
    assert "not nonsense" in run("install", "nonsense", status=2)
    assert "--prefix takes a folder" in run("install", "--prefix", "", status=2)

    # Of what was there before only what is in the folders of ours goes.
    shared = folder / "shared/include"
    shared.mkdir(parents=True)
    before = os.umask(0o077)
    run("install", "--prefix", "shared", "dev")
    os.umask(before)
    assert (shared / "btbroker/sdk").stat().st_mode & 0o777 == 0o755
    run("uninstall")
    assert shared.is_dir() and not (shared / "btbroker").exists()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    build = parser.parse_args().build
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        all_of_it(build, root)
        every_program_has_a_manual_page_and_completions(root)
        bash_completes_the_configuration_of_the_broker(root)
        what_was_changed_stays(build, root)
    with tempfile.TemporaryDirectory() as folder:
        a_prefix_of_ones_own_holds_all(build, pathlib.Path(folder) / "prefix")
        parts(build, pathlib.Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        run_says_what_it_put_where_and_takes_it_out(build, pathlib.Path(folder))


if __name__ == "__main__":
    main()
