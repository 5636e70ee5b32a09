"""Is every source file found through the layout table of ARCHITECTURE.md?

A row names a folder, and what there is in it: files, and folders, which stand for all that is in
them. What the library crates have and no row names is a fault, and so is what a row names in vain.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path, PurePath

from rust_source import ROOT, tracked

PAGE = "ARCHITECTURE.md"
HEADING = "## What lies where\n"
#: The sources of the library crates.
SOURCES = ("sockets/src/*.rs", "transports/src/*.rs", "engine/*src/*.rs")

ROW = re.compile(r"^\| `([^`]+/)` \| (.*) \|$", re.MULTILINE)
NAME = re.compile(r"`([^`]+)`")


def named(page: str) -> list[str]:
    """What the rows name, from the root of the tree."""
    _, heading, section = page.partition(HEADING)
    if not heading:
        raise LookupError(f"{PAGE} has no section {HEADING.strip()!r}")
    rows = ROW.findall(section.partition("\n## ")[0])
    return [folder + name for folder, row in rows for name in NAME.findall(row)]


def check(page: str, sources: list[PurePath]) -> list[str]:
    """One fault for each file that is not found, and for each name of nothing."""
    files, names = [source.as_posix() for source in sources], named(page)

    def leads_to(name: str, file: str) -> bool:
        return file == name or (name.endswith("/") and file.startswith(name))

    lost = [file for file in files if not any(leads_to(name, file) for name in names)]
    empty = [name for name in names if not any(leads_to(name, file) for file in files)]
    return [f"{file} is not in the table" for file in lost] + [
        f"the table names {name}, which nobody has" for name in empty
    ]


def main() -> int:
    """Print what is lost."""
    sources = tracked(*SOURCES)
    faults = check((ROOT / PAGE).read_text(), [Path(source) for source in sources])
    print("\n".join(faults) or f"{PAGE} leads to each of {len(sources)} files")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
