"""Where there can be no guest the lab says so, and is skipped; it never passes."""
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
RUN = f"""
import sys
sys.path.insert(0, {str(HERE)!r})
import machine, run
machine.ARCHITECTURE = machine.os.uname().machine  # whatever this one is
%s
run.main()
"""


def run_where(what_is_missing, cache):
    done = subprocess.run([sys.executable, "-B", "-c", RUN % what_is_missing, "--build", cache, "--cache", cache,
                           HERE / "return_test.py"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 77, (done.returncode, done.stdout)
    assert "lab: SKIPPED, NOTHING WAS TESTED: " in done.stdout, done.stdout
    return done.stdout


def main():
    with tempfile.TemporaryDirectory() as cache:
        said = run_where("machine.TOOLS = ['no-such-qemu']; machine.userland.PACKAGE_OF = {'no-such-qemu': 'qemu-system-x86'}", cache)
        assert "there is no no-such-qemu: install the package qemu-system-x86" in said, said
        said = run_where("machine.need_tools = lambda: None; machine.kernels.PACKAGES = ['linux-image-of-nobody']", cache)
        assert "linux-image-of-nobody" in said, said
        assert not list(pathlib.Path(cache).glob("runs/*")), "something ran"


if __name__ == "__main__":
    main()
