"""Rust sources as text: which there are, and what in them is code.

Nothing here parses Rust. Sources are formatted by rustfmt, which is what lets an item's place be
told by its indentation.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]

#: Comments, strings and character literals, in the order in which Rust would see them.
NOT_CODE = re.compile(
    r"""
      //[^\n]*
    | /\*.*?\*/
    | \bb?r(?P<hashes>\#*)".*?"(?P=hashes)
    | (?:\bb)?"(?:\\.|[^"\\])*"
    | (?:\bb)?'(?:\\.[^']*|[^'\\])'
    """,
    re.VERBOSE | re.DOTALL,
)
#: A type that is an item of its file's own module; those of traits, impls and unit tests stand
#: further in.
TYPE = re.compile(r"(?:pub(?:\([^)]*\))? )?(?:unsafe )?(?:struct|enum|union|trait|type) (\w+)")
FUNCTION = re.compile(r"\bfn\s+(\w+)")


def tracked(*patterns: str) -> list[Path]:
    """The files of the tree that match, those that are new among them, from its root."""
    listed = ["git", "ls-files", "-co", "--exclude-standard", "--", *patterns]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [Path(name) for name in sorted(names.splitlines()) if (ROOT / name).is_file()]


def code(text: str) -> str:
    """The text with comments blanked and literals made of quotes; lines stay where they are."""

    def blank(match: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " " if match[0].startswith("/") else '"', match[0])

    return NOT_CODE.sub(blank, text)


def before_tests(lines: list[str]) -> list[str]:
    """The file up to its unit tests, which close it."""
    return lines[: lines.index("#[cfg(test)]")] if "#[cfg(test)]" in lines else lines


def types(text: str) -> set[str]:
    """The names of the types that a file defines for its module, one that has alternatives once."""
    return {match[1] for line in text.splitlines() if (match := TYPE.match(line))}


class Function(NamedTuple):
    """A function with a body."""

    name: str
    #: The line that names it.
    line: int
    #: Lines of its body that hold code: what clippy counts too.
    length: int


def functions(text: str) -> Iterator[Function]:
    """The functions of a text that is code only, those within others and within macros too."""
    for match in FUNCTION.finditer(text):
        start = body_start(text, match.end())
        if start is not None:
            body = text[start + 1 : body_end(text, start)]
            length = sum(1 for line in body.splitlines() if line.strip())
            yield Function(match[1], text.count("\n", 0, match.start()) + 1, length)


def body_start(text: str, at: int) -> int | None:
    """Where the brace of a signature's body is; none where the signature is all there is."""
    depth = 0
    for place in range(at, len(text)):
        match text[place]:
            case "(" | "[":
                depth += 1
            case ")" | "]":
                depth -= 1
                if depth < 0:
                    return None
            case "{" if depth == 0:
                return place
            case ";" if depth == 0:
                return None
    return None


def body_end(text: str, start: int) -> int:
    """Where the brace at ``start`` is closed."""
    depth = 0
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place
    return len(text)
