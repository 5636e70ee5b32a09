"""The command line of ``ci/interop``."""

from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import fnmatch
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import zmq

from . import (
    authenticators,
    bad_input,
    heartbeats,
    long_topics,
    old_peers,
    pairs,
    refusals,
    secured_pairs,
)
from .cases import BACKENDS
from .pairs import Cell
from .report import Progress, Result, print_holes, print_tables
from .stage import Commands, Endpoints, Stage, pyzmq_command

#: A round date; any number does.
DEFAULT_SEED = 20250101


@dataclasses.dataclass(frozen=True)
class Check:
    """One cell to fill in: what it is called, and what fills it."""

    table: str
    row: str
    column: str
    run: Callable[[], str]

    @property
    def name(self) -> str:
        """What ``--only`` is matched against."""
        return f"{self.table}/{self.row}/{self.column}"


def parse_args() -> argparse.Namespace:
    """The flags of ``ci/interop``."""
    parser = argparse.ArgumentParser(
        prog="ci/interop",
        description="ringmq against pyzmq in the clear, under PLAIN and CURVE and with ZAP, the"
        " system's libzmq, hand-written ZMTP 3.0, 2.0 and 1.0 peers, and garbage. Prints a matrix;"
        " exits 1 if it has a hole.",
    )
    parser.add_argument("--messages", type=int, default=10_000, help="a pair (default 10000)")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="300 messages a pair, and half of the cells that have to do with security",
    )
    parser.add_argument(
        "--only",
        metavar="PATTERN",
        help="checks whose table/row/column matches, such as '*PUSH*tcp*'",
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="checks at a time")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument(
        "--backends", default=",".join(BACKENDS), help="backends of ringmq (default uring,mio)"
    )
    parser.add_argument("--peer", type=Path, help="the ringmq-peer program; ci/interop builds it")
    parser.add_argument(
        "--self-test", action="store_true", help="pyzmq on both sides: checks the checks"
    )
    parser.add_argument("--list", action="store_true", help="name the checks and stop")
    args = parser.parse_args()
    if not args.self_test and not args.list and args.peer is None:
        parser.error("--peer is needed, or --self-test")
    return args


def plan(args: argparse.Namespace, stage: Stage) -> list[Check]:
    """All checks that the flags ask for."""
    backends = ("libzmq",) if args.self_test else tuple(args.backends.split(","))
    messages = 300 if args.quick else args.messages
    few = min(messages, 500)
    secured = itertools.chain(
        secured_pairs.cells(stage, backends, few),
        heartbeats.cells(stage, backends),
        refusals.cells(stage, backends),
        authenticators.cells(stage, backends),
    )
    cells = itertools.chain(
        pairs.cells(stage, backends, messages),
        old_peers.cells(stage, backends, few),
        long_topics.cells(stage, backends),
        every_other(secured) if args.quick else secured,
        bad_input.cells(stage, backends),
    )
    checks = [Check(*cell) for cell in cells]
    if args.only:
        checks = [check for check in checks if fnmatch.fnmatchcase(check.name, f"*{args.only}*")]
    return checks


def every_other(cells: Iterable[Cell]) -> Iterator[Cell]:
    """Half of each table: of two cells that differ in one thing only, one is left out."""
    rows: dict[str, dict[str, int]] = {}
    columns: dict[str, dict[str, int]] = {}
    for cell in cells:
        table, row, column, _ = cell
        known_rows, known_columns = rows.setdefault(table, {}), columns.setdefault(table, {})
        row_number = known_rows.setdefault(row, len(known_rows))
        number = known_columns.setdefault(column, len(known_columns))
        if (row_number + number.bit_count()) % 2 == 0:
            yield cell


def fill(check: Check) -> Result:
    """Run one check; whatever goes wrong is a hole."""
    start = time.monotonic()
    try:
        cell, passed, detail = check.run(), True, ""
    except Exception as error:  # a crash of the driver is a hole as well
        cell, passed, detail = "HOLE", False, f"{type(error).__name__}: {error}"
    seconds = time.monotonic() - start
    return Result(check.table, check.row, check.column, passed, cell, detail, seconds)


def main() -> int:
    """Run the checks and print what came of them."""
    args = parse_args()
    ours = pyzmq_command() if args.self_test else (str(args.peer), "drive")
    with tempfile.TemporaryDirectory(prefix="rmq-") as folder:
        stage = Stage(
            Commands(ours, pyzmq_command()), Endpoints(Path(folder)), Path(folder), args.seed
        )
        checks = plan(args, stage)
        if args.list:
            print("\n".join(check.name for check in checks))
            return 0
        print(f"seed {args.seed}, libzmq {zmq.zmq_version()}, {len(checks)} checks", flush=True)
        progress = Progress(len(checks))
        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            futures = [pool.submit(fill, check) for check in checks]
            for future in concurrent.futures.as_completed(futures):
                progress.add(future.result())
        results = [future.result() for future in futures]
    print_tables(results)
    print_holes(results)
    holes = sum(not result.passed for result in results)
    print(f"\ninterop: {len(results) - holes} cells good, {holes} holes, seed {args.seed}")
    return 1 if holes or not results else 0


if __name__ == "__main__":
    sys.exit(main())
