"""Names and sizes: one type for one name, and nothing that is too long to be read at once.

What did not hold when a rule was made is named here, and is no fault until it is mended; whatever
is new is one.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import rust_source
from rust_source import ROOT, Function, tracked

#: Lines of a file.
LONGEST_FILE = 500
#: Lines of code in a function's body: the same as clippy's limit, which sees no code that is not
#: built here, and none that a macro makes.
LONGEST_FUNCTION = 70

#: What is written by hand, scripts without a suffix among it.
SOURCES = (
    "*.rs",
    "*.py",
    "*.c",
    "ci/*",
    # Inputs of the fuzzer are bytes of any kind.
    ":!ci/fuzz_targets/corpus",
    ":!ci/fuzz_targets/findings",
)
#: Files of tests, in which a name may be anything.
OF_TESTS = re.compile(r"(^|/)(tests|benches|examples)(/|\.rs$)")
#: Files of which one stands for the other: a backend for a backend, a system for a system.
STAND_INS = re.compile(r"(?<=/)(uring|mio)(?=/)|(?<=/)(linux|unix|windows|other)(?=\.rs$|/)")

_PATTERN = "the public name of a socket, and the pattern that it follows"
_ALIAS = "the engine's name for that of the pipe, with the engine's type put in"
#: Names of types that two places may have, and why.
MAY_BE_DOUBLED = {
    "Channel": _PATTERN,
    "Client": _PATTERN,
    "Dealer": _PATTERN,
    "Dgram": _PATTERN,
    "Gather": _PATTERN,
    "Pair": _PATTERN,
    "Pull": _PATTERN,
    "Push": _PATTERN,
    "Rep": _PATTERN,
    "Req": _PATTERN,
    "Router": _PATTERN,
    "Scatter": _PATTERN,
    "Server": _PATTERN,
    "PipeEnd": _ALIAS,
    "PipeState": _ALIAS,
}
#: Those that are to become one type, or to get two names.
STILL_DOUBLED: frozenset[str] = frozenset()
#: Files that are to become two.
STILL_LONG: frozenset[str] = frozenset()


def check(library: Iterable[str]) -> tuple[list[str], list[str]]:
    """What is at fault in the tree, and what is still to be mended. ``library`` is the folders of
    the library's crates.
    """
    rust = tracked("*.rs")
    in_library = [path for path in rust if path.as_posix().startswith(tuple(library))]
    types = {path: rust_source.types(_code(path)) for path in in_library}
    doubled = list(doubled_types(types))
    long = list(long_files({path: _lines(path) for path in tracked(*SOURCES)}))
    faults = [text for name, text in doubled if name not in STILL_DOUBLED]
    faults += [text for name, text in long if name not in STILL_LONG]
    for path in rust:
        faults += long_functions(path, rust_source.functions(_code(path)))
    for path in tracked("*.py"):
        faults += long_functions(path, python_functions((ROOT / path).read_text()))
    to_mend = [text for name, text in doubled if name in STILL_DOUBLED]
    to_mend += [text for name, text in long if name in STILL_LONG]
    return faults, to_mend


def _code(path: Path) -> str:
    return rust_source.code((ROOT / path).read_text())


def _lines(path: Path) -> int:
    return len((ROOT / path).read_text().splitlines())


def doubled_types(types: dict[Path, set[str]]) -> Iterator[tuple[str, str]]:
    """Each name that is a type in more than one place and may not be: the name, and a fault."""
    places: dict[str, dict[str, str]] = {}
    for path, names in types.items():
        if OF_TESTS.search(path.as_posix()):
            continue
        for name in names:
            places.setdefault(name, {})[STAND_INS.sub("*", path.as_posix())] = path.as_posix()
    for name, found in sorted(places.items()):
        if len(found) > 1 and name not in MAY_BE_DOUBLED:
            yield name, f"{name} is a type in more than one place: {', '.join(found.values())}"


def long_files(lengths: dict[Path, int]) -> Iterator[tuple[str, str]]:
    """Each file that is too long: its name, and a fault."""
    for path, length in lengths.items():
        if length > LONGEST_FILE:
            yield path.as_posix(), f"{path}: {length} lines, more than {LONGEST_FILE}"


def long_functions(path: Path, functions: Iterable[Function]) -> list[str]:
    """One fault for each function that is too long."""
    return [
        f"{path}:{line}: {name} has {length} lines of code, more than {LONGEST_FUNCTION}"
        for name, line, length in functions
        if length > LONGEST_FUNCTION
    ]


def python_functions(text: str) -> Iterator[Function]:
    """The functions of a Python file."""
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = (line.strip() for line in lines[node.lineno : node.end_lineno])
            length = sum(1 for line in body if line and not line.startswith("#"))
            yield Function(node.name, node.lineno, length)
