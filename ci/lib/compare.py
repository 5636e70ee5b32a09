"""Compare this tree with the figures that are kept in it: instructions and ratios to the floor.

Instructions are counted by callgrind and hardly vary: five in a hundred more is a regression. Speed
varies with the machine, so only ratios to the floor of the same round are judged, and each only
against how far it itself ranged when it was recorded. What lies outside of that is looked at again,
after ever longer rests: a regression is there each time, what else the machine has to do passes.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import compare_counts as counts
import compare_ratios as ratios
from compare_kept import Kept, KeptError, Verdict

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "ci" / "compare.json"

#: The exit status that says: nothing of this can run here. `ci/test` knows it.
SKIP = 77

#: Rounds of a first look, of each further one at what failed it, and of a record.
ROUNDS, MORE_ROUNDS, RECORD_ROUNDS = 5, 10, 20
#: The rests before the further looks, s: a machine that has others to serve does so for a minute.
RESTS = (0, 30, 60, 90)


def parse_args(argv: list[str]) -> argparse.Namespace:
    """The flags of ``ci/compare``."""
    parser = argparse.ArgumentParser(
        prog="ci/compare",
        description="Measures io_uring beside mio and both beside the floor in one interleaved run,"
        " counts instructions with callgrind, and compares both with ci/compare.json.",
        epilog="Exits 1 on a regression: 5 % more instructions, or a ratio to the floor outside"
        " the range in which it was recorded, each time that it is looked at.",
    )
    parser.add_argument(
        "--record",
        action="store_true",
        help="keep what is found now as the figures to compare with, on a quiet machine",
    )
    parser.add_argument(
        "--only", choices=("counts", "ratios"), help="count instructions only, or measure only"
    )
    parser.add_argument(
        "--rounds", type=int, help=f"rounds of a ratio ({ROUNDS}; {RECORD_ROUNDS} to record)"
    )
    parser.add_argument("--no-counts", metavar="WHY", help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def programs() -> tuple[Path, Path]:
    """The benchmark, and what callgrind runs."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
    return target / "ringmq-bench", target / "examples" / "count"


def judge_counts(kept: Kept, found: dict[str, float]) -> list[Verdict]:
    """Print the instructions of each operation; what each comes to."""
    reason = counts.why_not_comparable(kept)
    verdicts = [counts.judge(kept, name, value, reason) for name, value in found.items()]
    print("\ninstructions an operation" + (f" (not judged: {reason})" if reason else ""))
    print(f"  {'operation':32} {'kept':>9} {'now':>9} {'change':>8}")
    for verdict in verdicts:
        print(f"  {verdict.line}")
    return verdicts


def judge_ratios(kept: Kept, run: ratios.Run, rests: Sequence[float]) -> list[Verdict]:
    """Measure again, after rests, what fails or is in doubt; print every ratio and its verdict."""
    reason = ratios.why_not_comparable(kept)
    found = {verdict.name: verdict for verdict in ratios.judge(kept, run, reason)}
    for rest in rests:
        known = (v for v in found.values() if v.name in kept.ratios and not reason)
        doubtful = {v.name for v in known if v.failure or not v.judged}
        if not doubtful:
            break
        when = f"in {rest} s" if rest else "once more"
        print(f"{when}, {MORE_ROUNDS} rounds: {', '.join(sorted(doubtful))}", file=sys.stderr)
        time.sleep(rest)
        look = run.another()
        look.measure(MORE_ROUNDS, doubtful)
        # Each look speaks for itself.
        again = ratios.judge(kept, look, reason)
        found |= {verdict.name: verdict for verdict in again if verdict.name in doubtful}
    verdicts = list(found.values())
    print("\nratios to the floor" + (f" (not judged: {reason})" if reason else ""))
    print(f"  {'case':26} {'kept':>8} {'its range':>15} {'now':>8} {'rounds':>7}  verdict")
    for verdict in verdicts:
        print(f"  {verdict.line}")
    for line in ratios.uring_to_mio(run):
        print(f"  {line}")
    return verdicts


def main(argv: list[str]) -> int:
    """Measure, print, and judge or record."""
    args = parse_args(argv)
    bench, count = programs()
    try:
        kept = Kept.read(KEPT)
    except KeptError as error:
        if not args.record:
            print(f"ci/compare: {error}")
            return 1
        kept = Kept()
    if args.only == "counts" and args.no_counts:
        print(f"nothing can be counted: {args.no_counts}")
        return SKIP
    found: dict[str, float] = {}
    if args.only != "ratios" and not args.no_counts:
        found = counts.count_all(count)
    run = ratios.Run(bench)
    if args.only != "counts":
        run.measure(args.rounds or (RECORD_ROUNDS if args.record else ROUNDS))
    if args.record:
        counts.record(kept, found)
        ratios.record(kept, run)
        kept.write(KEPT)
        print(f"recorded in {KEPT.relative_to(ROOT)}; compared with it:")
    verdicts = judge_counts(kept, found) if found else []
    if run.rounds:
        verdicts += judge_ratios(kept, run, () if args.record else RESTS)
    return conclude(verdicts, args.no_counts)


def conclude(verdicts: list[Verdict], no_counts: str | None) -> int:
    """Say what is wrong and what to do about it."""
    failures = [verdict.failure for verdict in verdicts if verdict.failure]
    print()
    if no_counts:
        print(f"instructions were not counted: {no_counts}")
    for failure in failures:
        print(f"REGRESSION: {failure}")
    if failures:
        print("If that is intended, `ci/compare --record` keeps the new figures; commit them.")
        return 1
    judged = sum(verdict.judged for verdict in verdicts)
    print(f"{judged} of {len(verdicts)} figures were judged, and all of them hold")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
