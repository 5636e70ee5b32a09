"""Are the walls between the layers standing?

Crates depend only on crates below them, unsafe code stays on its islands, and the layers that
must not know the outside world do not. DESIGN's list of layers is the order below.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: From top to bottom: an arrow may only point downward. Tools stand above the library.
LAYERS = (
    "ringmq-peer",
    "ringmq-bench",
    "ringmq-capi",
    "ringmq",
    "ringmq-transports",
    "ringmq-engine",
    "ringmq-zmtp",
    "ringmq-pipe",
)
#: These know the public crate and nothing below it; their own tests and benchmarks may.
PUBLIC_API_ONLY = ("ringmq-peer", "ringmq-bench", "ringmq-capi")

#: Where unsafe code may be.
ISLANDS = ("engine/pipe/", "engine/src/backend/", "sockets/capi/")
UNSAFE = re.compile(r"\bunsafe\b|allow\s*\(\s*unsafe_code\s*\)")

#: What a layer's source must not mention, and why.
BLIND = {
    "engine/zmtp/src": (
        r"\bstd::(net|thread|fs|os)\b|\b(Instant|SystemTime)::now\b",
        "is sans-I/O",
    ),
    "engine/pipe/src": (r"\bstd::(net|fs)\b", "knows memory and atomics only"),
}

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


def code_lines(path: Path) -> list[str]:
    """The file's lines with everything blanked that is not code."""
    text = path.read_text()
    blanked = NOT_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    return blanked.splitlines()


def check_dependencies() -> list[str]:
    """Every arrow between the workspace's crates points downward."""
    command = ["cargo", "metadata", "--no-deps", "--locked", "--format-version", "1"]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    faults = []
    for package in metadata["packages"]:
        name = package["name"]
        if name not in LAYERS:
            faults.append(f"{name}: which layer is it? ci/lib/walls.py does not know it")
            continue
        for dependency in package["dependencies"]:
            other, kind = dependency["name"], dependency["kind"] or "normal"
            if other not in LAYERS:
                continue
            if LAYERS.index(other) <= LAYERS.index(name):
                faults.append(f"{name} depends upward on {other} ({kind})")
            if name in PUBLIC_API_ONLY and other != "ringmq" and kind == "normal":
                faults.append(f"{name} depends on {other}: it may only know the public crate")
    return faults


def check_sources() -> list[str]:
    """Unsafe code is on its islands, and blind layers stay blind."""
    listed = ["git", "ls-files", "-co", "--exclude-standard", "*.rs"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    faults = []
    for name in names.split():
        path = ROOT / name
        if not path.exists():
            continue
        lines = code_lines(path)
        if not name.startswith(ISLANDS):
            faults += search(name, lines, UNSAFE, "is no island of unsafe code")
        for folder, (rule, why) in BLIND.items():
            if name.startswith(folder):
                # Unit tests close a file, and may look at a clock.
                faults += search(name, before_tests(lines), re.compile(rule), why)
    head = (ROOT / "engine/zmtp/src/lib.rs").read_text()
    if "#![forbid(unsafe_code)]" not in head:
        faults.append("engine/zmtp/src/lib.rs does not forbid unsafe code")
    return faults


def before_tests(lines: list[str]) -> list[str]:
    """The file up to its unit tests."""
    return lines[: lines.index("#[cfg(test)]")] if "#[cfg(test)]" in lines else lines


def search(name: str, lines: list[str], rule: re.Pattern[str], why: str) -> list[str]:
    """One fault for each line that the rule finds."""
    found = ((number, rule.search(line)) for number, line in enumerate(lines, 1))
    return [
        f"{name}:{number}: `{match[0]}`, but this place {why}" for number, match in found if match
    ]


def main() -> int:
    """Print every breach."""
    faults = check_dependencies() + check_sources()
    print("\n".join(faults) or f"the walls stand: {len(LAYERS)} layers, {len(ISLANDS)} islands")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
