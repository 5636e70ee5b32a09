"""libzmq's classic programs on both libraries, in turns.

Every round runs each program once on either library, one right after the other; what counts is
the median of the ratios within each round. What the C boundary and loading cost is measured in the
same rounds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from perf_costs import Costs, Programs
from versus import PATIENCE_S, fresh_endpoint


@dataclass
class Case:
    """One program, or a pair of them, with what it is asked to do."""

    name: str
    role: str
    size: int
    count: int
    unit: str
    #: How many times better ringmq is to be; 0 if nothing is asked.
    aim: float = 0.0
    ratios: list[float] = field(default_factory=list)
    figures: dict[str, list[float]] = field(default_factory=dict)

    @property
    def is_rate(self) -> bool:
        """More is better, where it is a rate."""
        return self.unit == "M msg/s"


def cases() -> list[Case]:
    """What is measured."""
    return [
        Case("tcp throughput", "thr", 64, 3_000_000, "M msg/s", 5.0),
        Case("tcp throughput", "thr", 1024, 1_000_000, "M msg/s"),
        Case("tcp throughput", "thr", 65_536, 30_000, "M msg/s"),
        Case("tcp latency", "lat", 64, 30_000, "us", 4.0),
        Case("tcp latency", "lat", 4096, 30_000, "us"),
        Case("inproc throughput", "inproc_thr", 64, 4_000_000, "M msg/s", 6.0),
        Case("inproc throughput", "inproc_thr", 16_384, 500_000, "M msg/s"),
        Case("inproc latency", "inproc_lat", 64, 100_000, "us"),
    ]


def parse_args() -> argparse.Namespace:
    """The flags of ``ci/perf``."""
    parser = argparse.ArgumentParser(
        prog="ci/perf",
        description="local_thr, remote_thr, local_lat, remote_lat, inproc_thr and inproc_lat, one C"
        " program against zmq.h, on ringmq's libzmq.so.5 and on the system's, in one interleaved"
        " run. Then the size of both, stripped; the time that dlopen takes in a fresh process, and"
        " zmq_ctx_new with zmq_ctx_term after it; and the C boundary: how much longer a message"
        " takes by zmq_send and zmq_msg_recv than in Rust by Socket::send of a slice and"
        " Socket::recv, where one thread sends 500 of 64 bytes within a process and then receives"
        " them, again and again (median against median). That is a difference of few ns: on a"
        " machine with other work it is more. Exits 1 if ringmq is not as many times"
        " better as is asked, or the boundary costs more than is.",
    )
    parser.add_argument("--perf", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--load", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--count", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--ours", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--theirs", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=5, help="(default 5)")
    parser.add_argument("--only", default="", help="only rows whose name contains this")
    parser.add_argument(
        "--pin", action="store_true", help="keep each side of tcp on a core of its own"
    )
    return parser.parse_args()


def start(args: argparse.Namespace, library: Path, core: int, *job: str) -> subprocess.Popen[str]:
    """Run the program on one of the libraries."""
    command = [str(args.perf), *job]
    if args.pin and core >= 0:
        command = ["taskset", "-c", str(core), *command]
    environment = {**os.environ, "LD_LIBRARY_PATH": str(library)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def finish(process: subprocess.Popen[str]) -> str:
    """What it has printed."""
    try:
        output, _ = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    if process.returncode:
        raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
    return output


def measure(args: argparse.Namespace, library: Path, case: Case) -> float:
    """One figure of one library."""
    here = sorted(os.sched_getaffinity(0))
    job = [str(case.size), str(case.count)]
    if case.role.startswith("inproc"):
        return float(finish(start(args, library, -1, case.role, *job)))
    job = [fresh_endpoint(), *job]
    local = start(args, library, here[0], f"local_{case.role}", *job)
    remote = start(args, library, here[-1], f"remote_{case.role}", *job)
    output = finish(remote) + finish(local)
    return float(output)


def run_all(args: argparse.Namespace, chosen: list[Case], costs: Costs) -> None:
    """Measure everything in turns."""
    for number in range(args.rounds):
        for case in chosen:
            note = f"\rround {number + 1} of {args.rounds}: {case.name}, {case.size} bytes   "
            print(note, end="", file=sys.stderr, flush=True)
            # Who begins changes.
            order = list(costs.programs.libraries.items())[:: 1 if number % 2 == 0 else -1]
            found = {name: measure(args, library, case) for name, library in order}
            for name, figure in found.items():
                case.figures.setdefault(name, []).append(figure)
            better = found["ringmq"] / found["libzmq"]
            case.ratios.append(better if case.is_rate else 1 / better)
        costs.measure()
    print(file=sys.stderr)


def main() -> int:
    """Measure, print every case with its medians, judge."""
    args = parse_args()
    libraries = {"ringmq": args.ours, "libzmq": args.theirs}
    costs = Costs(Programs(args.perf, args.load, args.count, libraries), args.only)
    chosen = [case for case in cases() if args.only in case.name]
    run_all(args, chosen, costs)
    good = True
    print(f"{'':34}{'ringmq':>10}{'libzmq':>10}  times better")
    for case in chosen:
        scale = 1e6 if case.is_rate else 1.0
        ours, theirs = (statistics.median(case.figures[name]) / scale for name in libraries)
        ratio = statistics.median(case.ratios)
        verdict = ""
        if case.aim:
            good &= ratio >= case.aim
            verdict = f"  {case.aim:g} asked: {'ok' if ratio >= case.aim else 'NOT MET'}"
        title = f"{case.name}, {case.size} B, {case.unit}"
        print(f"{title:34}{ours:10.3g}{theirs:10.3g}{ratio:14.2f}{verdict}")
    files = (library.joinpath("libzmq.so.5").resolve() for library in libraries.values())
    sizes = (file.stat().st_size for file in files)
    print(f"{'library, MB':34}" + "".join(f"{size / 1e6:10.2f}" for size in sizes))
    good &= costs.report()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
