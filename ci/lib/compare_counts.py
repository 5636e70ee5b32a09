"""Instructions an operation, counted by callgrind.

A program that does something N times is counted with N and with 2 N; the difference divided by N is
what one operation takes, without any of the start of the program.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from compare_kept import Kept, Verdict

#: What is counted, and how often it is done: enough that one instruction more is seen.
OPERATIONS = {
    "encode": 200_000,
    "decode": 400_000,
    "decode-mixed": 200_000,
    "match": 40_000,
    "inproc": 40_000,
    "burst": 40_000,
}
#: What the tables call them.
NAMES = {
    "encode": "encode a frame of 64 B",
    "decode": "decode a frame, run of one size",
    "decode-mixed": "decode a frame, sizes mixed",
    "match": "match against 10,000 topics",
    "inproc": "inproc, one send and one recv",
    "burst": "inproc, the same in a row of 500",
}
#: As how much more a regression is taken; callgrind itself varies by far less than a hundredth.
TOLERANCE = 0.05
#: How long one run may take, s.
PATIENCE_S = 120


def count_all(program: Path) -> dict[str, float]:
    """Count every operation."""
    found = {}
    for op, count in OPERATIONS.items():
        once, twice = (_instructions(program, op, n) for n in (count, 2 * count))
        found[NAMES[op]] = per_operation(once, twice, count)
        print(f"counted {NAMES[op]}", file=sys.stderr, flush=True)
    return found


def per_operation(once: int, twice: int, count: int) -> float:
    """What one of `count` operations takes, if so many take `once` and twice as many `twice`."""
    return round((twice - once) / count, 2)


def total(profile: str) -> int:
    """The instructions of a whole run, from callgrind's file."""
    found = re.search(r"^summary: (\d+)", profile, re.MULTILINE)
    if not found:
        raise RuntimeError("callgrind wrote a file without a summary")
    return int(found[1])


def _instructions(program: Path, op: str, count: int) -> int:
    with tempfile.NamedTemporaryFile(suffix=".callgrind") as profile:
        command = ["valgrind", "--quiet", "--tool=callgrind"]
        command += [f"--callgrind-out-file={profile.name}", str(program)]
        command += ["--op", op, "--n", str(count)]
        # Valgrind does not know io_uring; nothing that is counted here does any I/O.
        environment = os.environ | {"RINGMQ_BACKEND": "mio"}
        done = subprocess.run(
            command, env=environment, timeout=PATIENCE_S, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed: {done.stderr}")
        return total(Path(profile.name).read_text())


def built() -> dict[str, str]:
    """What the counts depend on besides the source."""
    rustc = subprocess.run(["rustc", "--version"], check=True, capture_output=True, text=True)
    return {"arch": platform.machine(), "rustc": rustc.stdout.strip()}


def why_not_comparable(kept: Kept) -> str:
    """Why counts made here say nothing about those that are kept; empty if they do."""
    here = built()
    if kept.built == here:
        return ""
    there = ", ".join(kept.built.values()) or "nothing yet"
    return f"kept from {there}; this is {', '.join(here.values())}"


def judge(kept: Kept, name: str, now: float, reason: str) -> Verdict:
    """Hold one count against the kept one."""
    before = kept.instructions.get(name)
    if before is None:
        return Verdict(name, f"{name:32} {'-':>9} {now:9.1f} {'new':>8}", judged=False)
    change = now / before - 1 if before else 0.0
    line = f"{name:32} {before:9.1f} {now:9.1f} {100 * change:+7.1f}%"
    if reason:
        return Verdict(name, line, judged=False)
    if change > TOLERANCE:
        failure = f"{name} takes {now:.1f} instructions, {100 * change:.1f} % over {before:.1f}"
        return Verdict(name, f"{line}  TOO MANY", judged=True, failure=failure)
    return Verdict(name, line, judged=True)


def record(kept: Kept, found: dict[str, float]) -> None:
    """Keep these counts; earlier ones stay where nothing was counted."""
    if found:
        kept.instructions, kept.built = found, built()
