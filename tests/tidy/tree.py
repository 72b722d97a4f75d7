"""The source tree as the checks of this folder see it: its files, their includes, C++ without comments and strings."""

import pathlib
import re
import sys

ROOMS_BELOW = ("sdk", "broker", "plugins")
CODE_FOLDERS = ("schemas", "sdk", "broker", "plugins", "tests")
CODE_ENDINGS = (".h", ".hh", ".hpp", ".c", ".cc", ".cpp")
HEADER_ENDINGS = (".h", ".hh", ".hpp")
TEXT_ENDINGS = CODE_ENDINGS + (".md", ".txt", ".cmake", ".py", ".sh", ".yaml", ".yml", ".json", ".fbs", ".map", "")
NOT_OURS = ("build", ".git", ".cache", "__pycache__", "corpus")


class Tree:
    """One checkout. Paths are text, relative to its root, with slashes."""

    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()
        self._texts, self._files = {}, None

    def _walk(self, folder):
        for path in sorted(folder.iterdir()):
            if path.name in NOT_OURS or path.is_symlink():
                continue
            if path.is_dir():
                yield from self._walk(path)
            else:
                yield path.relative_to(self.root).as_posix()

    def files(self):
        if self._files is None:
            self._files = list(self._walk(self.root))
        return self._files

    def code(self):
        return [f for f in self.files() if f.endswith(CODE_ENDINGS) and f.startswith(tuple(d + "/" for d in CODE_FOLDERS))]

    def text_files(self):
        return [f for f in self.files() if pathlib.PurePosixPath(f).suffix in TEXT_ENDINGS]

    def text(self, file):
        if file not in self._texts:
            self._texts[file] = (self.root / file).read_bytes().decode("utf-8", "replace")
        return self._texts[file]

    def exists(self, file):
        return (self.root / file).is_file()

    def includes(self, file):
        """(line number, '"' or '<', name) of every #include."""
        out = []
        for number, line in enumerate(without_comments(self.text(file)).split("\n"), 1):
            found = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
            if found:
                out.append((number, found[1], found[2]))
        return out


TOKEN = re.compile(
    r'''(?P<raw>R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)")'''
    r'''|(?P<line>//(?:\\\n|[^\n])*)'''
    r'''|(?P<block>/\*.*?\*/)'''
    r'''|(?P<text>"(?:\\.|[^"\\\n])*")'''
    r'''|(?P<char>(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+')''',
    re.DOTALL,
)


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


def without_comments(code):
    """The same lines, comments and raw strings replaced by spaces."""
    return TOKEN.sub(lambda m: _blank(m[0]) if m["line"] or m["block"] or m["raw"] else m[0], code)


def bare(code):
    """The same lines: no comments, no content of strings and characters, no preprocessor lines."""
    code = TOKEN.sub(lambda m: '"' + _blank(m[0])[1:-1] + '"' if m["text"] or m["raw"] else _blank(m[0]), code)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: _blank(m[0]), code, flags=re.MULTILINE)


def closing(code, opening):
    """Index of the brace that closes the one at `opening`, or the end."""
    depth = 0
    for at in range(opening, len(code)):
        if code[at] == "{":
            depth += 1
        elif code[at] == "}":
            depth -= 1
            if depth == 0:
                return at
    return len(code) - 1


def line_of(code, at):
    return code.count("\n", 0, at) + 1


def report(name, faults):
    """Prints the faults and gives the exit code."""
    for fault in sorted(set(faults)):
        print(fault)
    print(f"{name}: {len(set(faults))} faults" if faults else f"{name}: fine")
    return 1 if faults else 0


def root_from_arguments():
    return sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2]
