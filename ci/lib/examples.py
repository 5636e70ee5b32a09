"""Has every public function an example that runs?

Asks rustdoc, which sees what macros make and what is re-exported, and prints the functions, methods
and macros of the public crate that have none. The list is to be empty.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from rust_source import ROOT

#: The public crate, and those whose types it re-exports.
PUBLIC = "ringmq"
BELOW = ("ringmq_pipe", "ringmq_zmtp", "ringmq_engine", "ringmq_transports")
#: A look that does not find these does not see what it is to see: one of each kind of item.
SEEN = (
    "ringmq::proxy",
    "ringmq::Socket::bind",
    "ringmq::Socket::send_hwm",
    "ringmq::Message::more",
    "ringmq::Payload::into_message",
    "ringmq::options::OptionHandle::by_name",
)

FENCE = re.compile(r"^\s*(`{3,}|~{3,})(.*)$")
#: What may stand behind a fence of an example that is built and run.
RUNS = re.compile(r"^(rust|should_panic|edition\d{4}|E\d{4})?$")

Json = dict[str, Any]


class Found(NamedTuple):
    """A public function, method or macro."""

    path: str
    docs: str


class Crates:
    """What rustdoc tells of some crates."""

    def __init__(self, crates: dict[str, Json]) -> None:
        self.crates = crates

    def item(self, crate: str, key: int | str) -> tuple[str, Json] | None:
        """An item and the crate that defines it; none of a crate that is not ours."""
        own: Json | None = self.crates[crate]["index"].get(str(key))
        if own is not None:
            return crate, own
        there = self.crates[crate]["paths"].get(str(key))
        if there is None or there["path"][0] not in self.crates:
            return None
        other = there["path"][0]
        for candidate, known in self.crates[other]["paths"].items():
            same = known["path"] == there["path"] and known["kind"] == there["kind"]
            if same and candidate in self.crates[other]["index"]:
                return other, self.crates[other]["index"][candidate]
        raise LookupError(f"{'::'.join(there['path'])} is re-exported, and not to be found")

    def functions(self, crate: str) -> Iterator[Found]:
        """All that can be called by those who use a crate."""
        yield from self.of_item(crate, self.crates[crate]["root"], "")

    def of_item(self, crate: str, key: int | str, path: str, name: str = "") -> Iterator[Found]:
        """What can be called of an item, which stands at a path."""
        found = self.item(crate, key)
        if found is None:
            return
        crate, item = found
        kind, inner = next(iter(item["inner"].items()))
        if kind == "use":
            if inner["is_glob"]:
                target = self.item(crate, inner["id"])
                if target is not None:
                    yield from self.of_items(target[0], members(target[1]), path)
            elif inner["id"] is not None:
                yield from self.of_item(crate, inner["id"], path, inner["name"])
            return
        here = "::".join(filter(None, [path, name or item["name"]]))
        if kind in ("function", "macro", "proc_macro"):
            yield Found(here, item["docs"] or "")
        elif kind in ("module", "trait"):
            yield from self.of_items(crate, inner["items"], here)
        elif kind in ("struct", "enum", "union"):
            for its_impl in inner["impls"]:
                yield from self.of_impl(crate, its_impl, here)

    def of_items(self, crate: str, keys: list[int], path: str) -> Iterator[Found]:
        """What can be called of several items."""
        for key in keys:
            yield from self.of_item(crate, key, path)

    def of_impl(self, crate: str, key: int, path: str) -> Iterator[Found]:
        """The methods of a type itself; those of traits are explained there."""
        found = self.item(crate, key)
        if found is not None and found[1]["inner"]["impl"]["trait"] is None:
            public = [
                member
                for member in found[1]["inner"]["impl"]["items"]
                if self.crates[crate]["index"][str(member)]["visibility"] == "public"
            ]
            yield from self.of_items(crate, public, path)


def members(item: Json) -> list[int]:
    """What a glob takes of a module; of an enum it takes nothing that can be called."""
    return list(item["inner"].get("module", {}).get("items", []))


def has_example(docs: str) -> bool:
    """Whether one of the blocks of code is built and run as a test."""
    fence = ""
    for line in docs.splitlines():
        match = FENCE.match(line)
        if match is None:
            continue
        if fence:
            if match[1].startswith(fence) and not match[2].strip():
                fence = ""
            continue
        fence = match[1]
        if all(RUNS.match(word.strip()) for word in match[2].split(",")):
            return True
    return False


def told() -> dict[str, Json]:
    """What rustdoc tells of the public crate and those below."""
    names = (PUBLIC, *BELOW)
    packages = [word for name in names for word in ("-p", name.replace("_", "-"))]
    environment = {
        **os.environ,
        "RUSTDOC": str(ROOT / "ci/lib/rustdoc-json"),
        "RUSTDOCFLAGS": "-Z unstable-options --output-format json",
    }
    command = ["cargo", "doc", "--lib", "--no-deps", "--locked", "--quiet", *packages]
    subprocess.run(command, cwd=ROOT, check=True, env=environment)
    folder = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "doc"
    return {name: json.loads((folder / f"{name}.json").read_text()) for name in names}


def main() -> int:
    """Print what has no example."""
    functions = sorted(set(Crates(told()).functions(PUBLIC)))
    paths = {function.path for function in functions}
    faults = [
        f"{path} is not seen: has rustdoc's JSON changed?" for path in SEEN if path not in paths
    ]
    faults += [
        f"{function.path} has no example that runs"
        for function in functions
        if not has_example(function.docs)
    ]
    print("\n".join(faults) or f"{len(functions)} public functions, each with an example that runs")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
