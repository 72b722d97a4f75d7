#!/usr/bin/env python3
"""What is installed is enough to build against: the two programs of the docs, built as the docs say, with an empty prefix and
nothing else, and run with the broker of that prefix. And the repository as a part of another build."""

import argparse
import os
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile
import unittest

import harness

made = None  # what was installed once for all: set by main


def call(arguments, folder, **more):
    """Runs it; what it said is the error if it does not end with 0."""
    done = subprocess.run([str(argument) for argument in arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, timeout=harness.DEADLINE_S, **more)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, arguments))} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


class Made:
    """The prefix, and an environment in which the commands of the docs find it, and the compiler of this build with its
    sanitizers."""

    def __init__(self, options):
        self.build, self.sources = options.build, options.sources
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="btb-"))
        self.prefix = self.work / "prefix"
        call(["cmake", "--install", self.build, "--prefix", self.prefix], self.work)
        flags = [f"-fsanitize={options.sanitize}", "-fno-omit-frame-pointer"] if options.sanitize else []
        tools = self.work / "tools"
        tools.mkdir()
        for name, compiler in (("gcc", options.cc), ("g++", options.cxx)):
            tool = tools / name
            tool.write_text(f'#!/bin/sh\nexec {compiler} {" ".join(flags)} "$@"\n')
            tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("BTB_")},
            "PATH": f"{tools}:{os.environ['PATH']}",
            "CC": str(tools / "gcc"), "CXX": str(tools / "g++"), "CMAKE_GENERATOR": "Ninja",
            "CMAKE_PREFIX_PATH": str(self.prefix), "PKG_CONFIG_PATH": str(self.prefix / "lib/pkgconfig"),
            "LD_LIBRARY_PATH": str(self.prefix / "lib")}

    def block(self, page, name):
        """The fenced block behind `<!-- name -->`."""
        text = (self.sources / "docs" / page).read_text(encoding="utf-8")
        found = re.search(rf"^<!-- {re.escape(name)} -->\n```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        if not found:
            raise AssertionError(f"docs/{page} has no block {name}")
        return found[1]

    def folder(self, page, source, *how):
        """A folder of its own with the source, after the page's commands, each in `how`."""
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.work))
        (folder / source).write_text(self.block(page, source))
        (folder / "CMakeLists.txt").write_text(self.block(page, f"CMakeLists.txt for {source}"))
        for tool in how:
            commands = self.block(page, f"commands for {source}, with {tool}")
            call(["sh", "-e", "-c", commands], folder, env=self.environment)
        return folder

    def variable(self, package, name):
        return call(["pkg-config", f"--variable={name}", package], self.work, env=self.environment).strip()


class Headers(unittest.TestCase):
    def compile_all(self, package, compiler, ending, *flags):
        folder = pathlib.Path(tempfile.mkdtemp(dir=made.work))
        headers = sorted(made.prefix.glob("include/btbroker/**/*.h"))
        if package == "btbroker-plugin":
            headers = [header for header in headers if header.parent.name == "plugin"]
        if ending == "c":
            headers = [header for header in headers if header.name == "abi.h"]
        self.assertTrue(headers)
        commands = []
        for number, header in enumerate(headers):
            name = header.relative_to(made.prefix / "include/btbroker")
            (folder / f"{number}.{ending}").write_text(f'#include "{name}"\n')
            commands.append(f"{compiler} {' '.join(flags)} -Wall -Wextra -Werror -fsyntax-only $flags {number}.{ending}")
        call(["sh", "-e", "-c", f"flags=$(pkg-config --cflags {package})\n" + "\n".join(commands)], folder, env=made.environment)

    def test_each_header_of_the_client_compiles_alone(self):
        self.compile_all("btbroker-client", "g++", "cc", "-std=c++20")

    def test_each_header_for_plugins_compiles_alone(self):
        self.compile_all("btbroker-plugin", "g++", "cc", "-std=c++20")
        self.compile_all("btbroker-plugin", "gcc", "c", "-std=c11", "-pedantic")

    def test_no_header_asks_for_a_library_that_is_not_the_language_s_or_the_system_s(self):
        for header in made.prefix.glob("include/btbroker/**/*.h"):
            for name in re.findall(r'^#include ["<](.*?)[">]', header.read_text(), re.MULTILINE):
                ours = (made.prefix / "include/btbroker" / name).exists()
                self.assertTrue(ours or re.fullmatch(r"[a-z_]+|std[a-z]+\.h|unistd\.h", name), f"{header}: {name}")


def exported(library):
    """The names of the functions a shared object exports, as C++ writes them."""
    said = call(["nm", "-D", "-C", "--defined-only", library], made.work)
    names = {line.split(" ", 2)[2].split("@")[0] for line in said.splitlines() if re.match(r"[0-9a-f]+ [TW] ", line)}
    return {name for name in names if not name.startswith("__")}  # a sanitizer's


def functions_of(archive):
    """The names of the functions in a static library that others may call, without the inline ones."""
    said = call(["sh", "-e", "-c", 'readelf -sW "$0" | c++filt', archive], made.work)
    return set(re.findall(r" FUNC +GLOBAL +DEFAULT +\d+ (.*)$", said, re.MULTILINE))


class Library(unittest.TestCase):
    def setUp(self):
        self.headers = "\n".join(header.read_text() for header in made.prefix.glob("include/btbroker/**/*.h"))
        self.exported = exported(made.prefix / "lib/libbtbroker-client.so")

    def declared(self, symbol):
        """Whether it is a function that an installed header declares: one of a class in it, or a free one."""
        name = re.sub(r"\(.*|\[abi.*", "", symbol).split("::")
        if len(name) < 2 or name[0] != "btb":
            return False
        return bool(re.search(rf"\b(class|struct) {name[-2]}\b[^;]*{{", self.headers)) if name[-2][0].isupper() else bool(
            re.search(rf"^\w[\w:<>,* &]*\b{re.escape(name[-1])}\(", self.headers, re.MULTILINE))

    def test_it_exports_what_its_headers_declare_and_nothing_else(self):
        self.assertEqual([symbol for symbol in sorted(self.exported) if not self.declared(symbol)], [])
        rooms = [made.build / f"sdk/{room}/libsdk_{room}.a" for room in ("transport", "client")] + [made.build / "sdk/libsdk_wire.a"]
        theirs = set().union(*(functions_of(room) for room in rooms))
        self.assertEqual([symbol for symbol in sorted(theirs - self.exported) if self.declared(symbol)], [])

    def test_it_has_a_version(self):
        names = {path.name for path in (made.prefix / "lib").glob("libbtbroker-client.so*")}
        version = re.search(r"project\(btbroker VERSION (\S+)", (made.sources / "CMakeLists.txt").read_text())[1]
        self.assertEqual(names, {"libbtbroker-client.so", "libbtbroker-client.so.0", f"libbtbroker-client.so.{version}"})
        said = call(["objdump", "-p", made.prefix / "lib/libbtbroker-client.so"], made.work)
        self.assertIn("libbtbroker-client.so.0", re.findall(r"SONAME +(\S+)", said))


class Examples(harness.EndToEnd):
    def test_the_rows_of_the_docs_plugin_reach_the_docs_client_however_both_were_built(self):
        plugin = made.folder("plugin-authors.md", "space.cc", "CMake", "pkg-config")
        client = made.folder("clients.md", "reader.cc", "CMake", "pkg-config")
        plugins = pathlib.Path(made.variable("btbroker-plugin", "pluginsdir"))
        call(["cmake", "--install", "build"], plugin, env=made.environment)  # as the page says
        self.assertTrue((plugins / "space.so").is_file())
        config = made.block("plugin-authors.md", "disks.yaml")
        for place, built_plugin, built_client in (("space", "build/plugins/space.so", "build/reader"),
                                                  ("./space.so", "space.so", "reader")):
            self.assertEqual(exported(plugin / built_plugin), {"btb_plugin_entry"})
            environment = {} if built_client == "build/reader" else {"LD_LIBRARY_PATH": made.environment["LD_LIBRARY_PATH"]}
            broker = self.start_broker(config.replace("./space.so", place), plugin)
            reader = harness.Process(["env", *map("=".join, environment.items()), client / built_client, broker.unix, "#"],
                                     self.folder)
            self.started.append(reader)
            row = harness.wait_for("a row", lambda: next((line for line in reader.lines if line.startswith("space / ")), None) or
                                   (not reader.running() and "\n".join(reader.errors)), harness.DEADLINE_S)
            self.assertRegex(row, r"^space / \d+$")
            self.assertTrue(any(line.startswith("connected to ") for line in reader.errors), reader.errors)
            self.started.remove(reader)
            reader.end()
            self.started.remove(broker)
            self.assertEqual(broker.end(), 0)


class OtherBuild(unittest.TestCase):
    """add_subdirectory: nothing is built here but what is asked for."""

    def configured(self, text, *options):
        folder = pathlib.Path(tempfile.mkdtemp(dir=made.work))
        (folder / "CMakeLists.txt").write_text("cmake_minimum_required(VERSION 3.25)\nproject(other C CXX)\n" + text)
        environment = {**made.environment, "CMAKE_PREFIX_PATH": ""}
        (folder / "space.cc").write_text(made.block("plugin-authors.md", "space.cc"))
        (folder / "reader.cc").write_text(made.block("clients.md", "reader.cc"))
        call(["cmake", "-S", ".", "-B", "build", *options], folder, env=environment)
        return folder, environment

    def test_both_targets_are_there_and_no_program_no_test_no_install_rule(self):
        folder, environment = self.configured(f"""
add_subdirectory("{made.sources}" btbroker)
enable_testing()
btb_add_source_plugin(space SOURCES space.cc)
add_library(reader OBJECT reader.cc)
target_link_libraries(reader PRIVATE btbroker::client)
""")
        call(["cmake", "--build", "build", "--target", "space_plugin", "schemas_generated"], folder, env=environment)
        call(["ninja", "-C", "build", "CMakeFiles/reader.dir/reader.cc.o"], folder, env=environment)
        self.assertTrue((folder / "build/plugins/space.so").is_file())
        self.assertTrue((folder / "build/btbroker/schemas/frame_enums.h").is_file())
        targets = call(["cmake", "--build", "build", "--target", "help"], folder, env=environment)
        for program in ("btsub", "btbroker", "csv_plugin", "sdk_wire_test"):
            self.assertNotRegex(targets, rf"(?m)^{program}: ")
        self.assertIn("No tests were found", call(["ctest", "--test-dir", "build"], folder, env=environment))
        call(["cmake", "--install", "build", "--prefix", folder / "installed"], folder, env=environment)
        self.assertEqual(list(folder.glob("installed/**/*.h")) + list(folder.glob("installed/**/*.so*")), [])

    def test_plugins_need_no_other_package(self):
        folder, environment = self.configured(f"""
foreach(package PkgConfig yaml-cpp CLI11 spdlog nlohmann_json)
  set(CMAKE_DISABLE_FIND_PACKAGE_${{package}} ON)
endforeach()
set(BTB_CLIENT OFF)
add_subdirectory("{made.sources}" btbroker EXCLUDE_FROM_ALL)
btb_add_source_plugin(space SOURCES space.cc)
""")
        self.assertIn("space_plugin", call(["cmake", "--build", "build", "--target", "help"], folder, env=environment))


def main():
    global made
    parser = argparse.ArgumentParser()
    for name in ("build", "sources"):
        parser.add_argument("--" + name, type=pathlib.Path, required=True)
    for name in ("cc", "cxx", "sanitize"):
        parser.add_argument("--" + name, default="")
    options, more = parser.parse_known_args()
    made = Made(options)
    harness.paths = argparse.Namespace(bin=made.prefix / "bin")
    try:
        unittest.main(argv=["build_against_test", *more])
    finally:
        shutil.rmtree(made.work, ignore_errors=True)


if __name__ == "__main__":
    main()
