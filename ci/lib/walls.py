"""Are the walls between the layers standing?

Crates depend only on crates below them, unsafe code stays on its islands, and the layers that
must not know the outside world do not. DESIGN's list of layers is the order below. No two types of
the library have one name, and no file or function is too long.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import walls_shape
from rust_source import ROOT, before_tests, code, tracked

#: From top to bottom: an arrow may only point downward. Tools stand above the library.
LAYERS = (
    "ringmq-api",
    "ringmq-fuzz",
    "ringmq-peer",
    "ringmq-bench",
    "ringmq-capi",
    "ringmq",
    "ringmq-transports",
    "ringmq-engine",
    "ringmq-zmtp",
    "ringmq-pgm",
    "ringmq-pipe",
)
#: This tool is for what no application sees.
FUZZING = "ringmq-fuzz"
TOOLS = ("ringmq-api", FUZZING, "ringmq-peer", "ringmq-bench")
#: These know the public crate and nothing below it; their own tests and benchmarks may.
PUBLIC_API_ONLY = (*(tool for tool in TOOLS if tool != FUZZING), "ringmq-capi")

#: Where unsafe code may be.
ISLANDS = ("engine/pipe/", "engine/src/backend/", "sockets/capi/")
UNSAFE = re.compile(r"\bunsafe\b|allow\s*\(\s*unsafe_code\s*\)")

#: What a layer's source must not mention, and why.
BLIND = {
    "engine/zmtp/src": (
        r"\bstd::(net|thread|fs|os)\b|\b(Instant|SystemTime)::now\b",
        "is sans-I/O",
    ),
    "engine/pgm/src": (
        r"\bstd::(net|thread|fs|os)\b|\b(Instant|SystemTime)::now\b|\bringmq_(pipe|zmtp|engine)\b",
        "is sans-I/O, and knows no other crate",
    ),
    "engine/pipe/src": (r"\bstd::(net|fs)\b", "knows memory and atomics only"),
}


def metadata() -> list[dict[str, Any]]:
    """The workspace's crates, as cargo tells of them."""
    command = ["cargo", "metadata", "--no-deps", "--locked", "--format-version", "1"]
    told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    packages: list[dict[str, Any]] = json.loads(told)["packages"]
    return packages


def check_dependencies(packages: list[dict[str, Any]]) -> list[str]:
    """Every arrow between the workspace's crates points downward."""
    faults = []
    for package in packages:
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


def library(packages: list[dict[str, Any]]) -> list[str]:
    """The source folders of the crates below the tools, from the root of the tree."""
    return [
        f"{Path(target['src_path']).parent.relative_to(ROOT)}/"
        for package in packages
        if package["name"] not in TOOLS
        for target in package["targets"]
        if "lib" in target["kind"]
    ]


def check_sources() -> list[str]:
    """Unsafe code is on its islands, and blind layers stay blind."""
    faults = []
    for path in tracked("*.rs"):
        name = path.as_posix()
        lines = code((ROOT / path).read_text()).splitlines()
        if not name.startswith(ISLANDS):
            faults += search(name, lines, UNSAFE, "is no island of unsafe code")
        for folder, (rule, why) in BLIND.items():
            # Unit tests may look at a clock.
            if name.startswith(folder) and not name.endswith("/tests.rs"):
                faults += search(name, before_tests(lines), re.compile(rule), why)
    for head in ("engine/zmtp/src/lib.rs", "engine/pgm/src/lib.rs"):
        if "#![forbid(unsafe_code)]" not in (ROOT / head).read_text():
            faults.append(f"{head} does not forbid unsafe code")
    return faults


def search(name: str, lines: list[str], rule: re.Pattern[str], why: str) -> list[str]:
    """One fault for each line that the rule finds."""
    found = ((number, rule.search(line)) for number, line in enumerate(lines, 1))
    return [
        f"{name}:{number}: `{match[0]}`, but this place {why}" for number, match in found if match
    ]


def main() -> int:
    """Print every breach, and what is still to be mended."""
    packages = metadata()
    too_alike_or_long, to_mend = walls_shape.check(library(packages))
    faults = check_dependencies(packages) + check_sources() + too_alike_or_long
    if to_mend:
        print("still to be mended, and no fault yet:", *to_mend, sep="\n  ")
    print("\n".join(faults) or f"the walls stand: {len(LAYERS)} layers, {len(ISLANDS)} islands")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
