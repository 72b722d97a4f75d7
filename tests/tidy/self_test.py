#!/usr/bin/env python3
"""Whether the checks of this folder can fail: each is fed a small tree that is right, and then the same with one fault."""

import pathlib
import tempfile
import unittest

import format_test
import layers_test
import style_test
import tree as trees

TABLE = """# Architecture
```layers
schemas
sdk/base
sdk/wire   : sdk/base schemas
broker/a   : sdk/base sdk/wire  | <uv.h> <net/
broker/b   : sdk/base broker/a
```
"""
GOOD = {
    "docs/architecture.md": TABLE,
    "schemas/frame.fbs": "table T {}\n",
    "CMakeLists.txt": "add_library(x sdk/wire/frame.cc broker/a/a.cc)\n",
    "sdk/base/base.h": "// Base.\n#pragma once\n",
    "sdk/wire/frame.h": '// Frames.\n#pragma once\n#include "schemas/frame_generated.h"\n#include "sdk/base/base.h"\n',
    "sdk/wire/frame.cc": '#include "sdk/wire/frame.h"\n',
    "broker/a/a.h": '// A.\n#pragma once\n#include <uv.h>\n\n#include <vector>\n\n#include "sdk/wire/frame.h"\n',
    "broker/a/a.cc": '#include "broker/a/a.h"\n\n#include <net/if.h>\n',
    "broker/b/b.h": '// B.\n#pragma once\n#include "broker/a/a.h"\n',
    "tests/sdk/wire/CMakeLists.txt": "btb_test(sdk/wire SOURCES frame_test.cc LINK sdk/wire)\n",
    "tests/sdk/wire/frame_test.cc": '#include "broker/b/b.h"\n',
    "plugins/p/README.md": "| `path` | the file |\n",
}


class Checks(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)
        for name, text in GOOD.items():
            self.write(name, text)

    def write(self, name, text):
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text)

    def add(self, name, text):
        self.write(name, GOOD.get(name, "") + text)

    def assert_fault(self, faults, words):
        self.assertTrue(any(words in fault for fault in faults), f"{words!r} is not in {faults}")

    def layers(self):
        return layers_test.check(self.root)

    def style(self):
        return style_test.check(self.root)


class Layers(Checks):
    def test_a_tree_that_keeps_the_table_is_fine(self):
        self.assertEqual(self.layers(), [])

    def test_an_edge_that_is_not_in_the_table_is_found_with_its_line(self):
        self.add("sdk/base/base.h", '#include "schemas/frame_generated.h"\n')
        self.assert_fault(self.layers(), "sdk/base/base.h:3: sdk/base may not include schemas")

    def test_permission_is_not_inherited(self):
        self.add("broker/b/b.h", '#include "sdk/wire/frame.h"\n')
        self.assert_fault(self.layers(), "broker/b may not include sdk/wire")

    def test_a_header_of_another_room_is_found(self):
        self.add("broker/b/b.h", "#include <uv.h>\n#include <net/if.h>\n")
        self.assert_fault(self.layers(), "broker/b/b.h:4: <uv.h> belongs to broker/a")
        self.assert_fault(self.layers(), "<net/if.h> belongs to broker/a")

    def test_files_in_a_circle_are_found(self):
        self.write("sdk/wire/other.h", '// Other.\n#pragma once\n#include "sdk/wire/frame.h"\n')
        self.add("sdk/wire/frame.h", '#include "sdk/wire/other.h"\n')
        self.assert_fault(self.layers(), "a circle of files")

    def test_a_header_and_its_source_in_a_circle_with_another_header_are_found(self):
        self.write("sdk/wire/other.h", '// Other.\n#pragma once\n#include "sdk/wire/frame.h"\n')
        self.write("sdk/wire/frame.cc", '#include "sdk/wire/frame.h"\n#include "sdk/wire/other.h"\n')
        self.assert_fault(self.layers(), "a circle of headers with their sources")

    def test_rooms_in_a_circle_are_found(self):
        self.write("docs/architecture.md", TABLE.replace("sdk/base\nsdk/wire ", "sdk/base : sdk/wire\nsdk/wire "))
        self.write("sdk/base/more.h", '// More.\n#pragma once\n#include "sdk/wire/frame.h"\n')
        self.assert_fault(self.layers(), "a circle of rooms")
        self.assert_fault(self.layers(), "docs/architecture.md: a circle")

    def test_an_include_that_does_not_begin_at_the_root_is_found(self):
        self.add("broker/a/a.cc", '#include "a.h"\n')
        self.assert_fault(self.layers(), '"a.h" is no file')

    def test_a_room_that_is_not_in_the_table_is_found(self):
        self.write("broker/c/c.h", "// C.\n#pragma once\n")
        self.assert_fault(self.layers(), "broker/c/c.h: lies in no room")

    def test_a_product_file_that_includes_a_test_is_found(self):
        self.write("tests/support/help.h", "// Help.\n#pragma once\n")
        self.add("sdk/wire/frame.cc", '#include "tests/support/help.h"\n')
        self.assert_fault(self.layers(), "includes a test")

    def test_an_include_in_a_comment_is_none(self):
        self.add("sdk/base/base.h", '// #include "broker/a/a.h"\n/*\n#include "broker/b/b.h"\n*/\n')
        self.assertEqual(self.layers(), [])

    def test_a_missing_table_is_found(self):
        self.write("docs/architecture.md", "# Architecture\n")
        self.assert_fault(self.layers(), "no ```layers table")


class Style(Checks):
    def test_a_tree_in_style_is_fine(self):
        self.assertEqual(self.style(), [])

    def test_a_header_without_comment_or_guard_is_found(self):
        self.write("sdk/base/base.h", "struct A {};\n")
        self.assert_fault(self.style(), "sdk/base/base.h:1: a header opens")
        self.assert_fault(self.style(), "no #pragma once")

    def test_a_header_with_an_include_guard_is_fine(self):
        self.write("sdk/base/base.h", "/* Base. */\n#ifndef BASE_H\n#define BASE_H\n#endif\n")
        self.assertEqual(self.style(), [])

    def test_a_long_function_is_found_wherever_it_is(self):
        body = "".join(f"  f({i});\n" for i in range(70))
        for head in ("void f(int a) {", "namespace n {\nstruct S final : T {\n int f() const {", 'TEST_CASE("x {") {',
                     "template <class T>\nclass A {\n public:\n  explicit A(int b) : b_(b) {", "auto f() -> B<int> {"):
            with self.subTest(head=head):
                closing = "\n".join("}" for _ in range(style_test.trees.bare(head).count("{")))
                self.add("sdk/wire/frame.cc", head + "\n" + body + closing + "\n")
                self.assert_fault(self.style(), "lines, 70 at most")

    def test_a_function_of_seventy_lines_and_a_long_namespace_are_fine(self):
        body = "".join(f"  f({i});\n" for i in range(68))
        self.add("sdk/wire/frame.cc", "namespace n {\n" + ("void f() {\n" + body + "}\n") * 3 + "}\n")
        self.assertEqual(self.style(), [])

    def test_a_long_file_is_found(self):
        self.add("sdk/wire/frame.cc", "\n" * 500)
        self.assert_fault(self.style(), "sdk/wire/frame.cc: 501 lines")

    def test_leftovers_are_found(self):
        for word in ("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"):
            self.write("docs/notes.md", f"one\n{word}: later\n")
            self.assert_fault(self.style(), f"docs/notes.md:2: {word}")

    def test_words_that_only_look_like_leftovers_are_fine(self):
        self.write("docs/hacking.md", "mktemp a.XXXXXX, and hacking\n")
        self.assertEqual(self.style(), [])

    def test_a_path_of_a_machine_is_found(self):
        for path in ("/ho" + "me/ann/x", "/roo" + "t/x", "/wor" + "k/main"):
            self.write("docs/notes.md", f"see {path}\n")
            self.assert_fault(self.style(), "is a path of one machine")
        self.write("docs/notes.md", "see https://example.org/wor" + "k/ and docs/wor" + "k/x\n")
        self.assertEqual(self.style(), [])

    def test_default_in_a_switch_over_our_enum_is_found(self):
        switch = "int f(E e) {{\n  switch (e) {{\n    case {0}a: return 1;\n    default: return 2;\n  }}\n}}\n"
        self.add("sdk/wire/frame.cc", switch.format("E::"))
        self.assert_fault(self.style(), "sdk/wire/frame.cc:3: a switch over our enum")
        self.add("sdk/wire/frame.cc", switch.format("YAML::NodeType::") + switch.format("AF_"))
        self.assertEqual(self.style(), [])

    def test_assert_is_found_and_its_relatives_are_not(self):
        self.add("sdk/wire/frame.cc", "static_assert(sizeof(int) == 4);\nvoid f() { BTB_ASSERT(true); }\n// assert(x)\n")
        self.assertEqual(self.style(), [])
        self.add("sdk/wire/frame.cc", "void f() { assert(true); }\n")
        self.assert_fault(self.style(), "sdk/wire/frame.cc:2: BTB_ASSERT")

    def test_a_source_that_no_list_names_is_found(self):
        self.write("sdk/wire/lost.cc", "\n")
        self.write("tests/sdk/wire/lost_test.cc", "\n")
        self.write("tests/fuzz/CMakeLists.txt", "btb_fuzz(frame LINK sdk/wire)\n# lost_test.cc\n")
        self.write("tests/fuzz/frame_fuzz.cc", "\n")
        self.write("tests/fuzz/lost_fuzz.cc", "\n")
        self.assertEqual(sorted(f.split(":")[0] for f in self.style()),
                         ["sdk/wire/lost.cc", "tests/fuzz/lost_fuzz.cc", "tests/sdk/wire/lost_test.cc"])

    def test_sources_of_a_list_in_a_loop_are_named_by_their_stem(self):
        self.write("tests/plugins/CMakeLists.txt", "foreach(f floods)\n  x(${f}.cc)\nendforeach()\n")
        self.write("tests/plugins/floods.cc", "\n")
        self.assertEqual(self.style(), [])
        self.write("tests/plugins/hangs.cc", "\n")
        self.assert_fault(self.style(), "tests/plugins/hangs.cc: no CMakeLists.txt")

    def test_an_option_without_a_word_in_the_readme_is_found(self):
        self.write("plugins/p/CMakeLists.txt", "x(p.cc)\n")
        self.write("plugins/p/p.cc", 'add(text_option("path", "x"));\nadd(flag_option(\n    "header", "x"));\n')
        self.assertEqual(self.style(), ["plugins/p/README.md: says nothing of the option `header` (plugins/p/p.cc)"])


class Reading(unittest.TestCase):
    def test_strings_and_comments_do_not_count_as_code(self):
        code = 'f("{ \\" //", \'{\', 1\'000); // {\n/* { */ g(R"x({ ")x");\n#define A {\n'
        self.assertNotIn("{", trees.bare(code))
        self.assertEqual(trees.bare(code).count("\n"), code.count("\n"))
        self.assertIn("1'000", trees.bare(code))


@unittest.skipUnless(format_test.find_tool(), "clang-format is not installed")
class Format(Checks):
    def test_a_file_out_of_format_is_found_with_its_line(self):
        self.write(".clang-format", "BasedOnStyle: Google\n")
        self.assertEqual(format_test.check(self.root, format_test.find_tool()), [])
        self.write("broker/a/a.cc", "int a;\nint   b;\n")
        self.assert_fault(format_test.check(self.root, format_test.find_tool()), "broker/a/a.cc:2: not formatted")


if __name__ == "__main__":
    unittest.main()
