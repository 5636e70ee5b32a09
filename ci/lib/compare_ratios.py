"""Ratios to the floor, in one interleaved run of the benchmark.

In every round each case is measured once on every backend, right beside its floor, and the ratio is
taken within the round: a machine that changes its speed changes both. What is judged is the median
of the rounds against the range of the rounds when it was recorded.
"""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from compare_kept import Kept, Range, Verdict

#: Length of one measurement, s.
SECONDS = 0.2
#: How long one call of the benchmark may take, s.
PATIENCE_S = 120
#: How far beyond its recorded range a ratio may go: rounds of one minute are more alike than days.
WIDENING = 0.1
#: The floor itself varies no more than this between rounds (a tenth of them left out at each end,
#: as a share of the median) where its ratios are worth judging.
UNREST = 0.5


@dataclasses.dataclass(frozen=True)
class Case:
    """One call of the benchmark, with a case for each size."""

    kind: str
    transport: str
    sizes: tuple[int, ...]

    def names(self) -> list[str]:
        """What the cases are called."""
        return [f"{self.transport}/{self.kind}/{size}" for size in self.sizes]


CASES = (
    Case("throughput", "tcp", (64, 1024)),
    Case("throughput", "inproc", (64,)),
    Case("latency", "tcp", (64,)),
    Case("latency", "ipc", (64,)),
)


class Run:
    """What the rounds so far have found."""

    def __init__(self, bench: Path) -> None:
        self._bench = bench
        self.rounds = 0
        #: By case and backend, one figure a round: messages a second, or nanoseconds of the median.
        self.figures: dict[str, dict[str, list[float]]] = {}
        #: Why a backend is left out.
        self.missing = ""

    def another(self) -> Run:
        """One of the same benchmark that has found nothing yet."""
        return Run(self._bench)

    def measure(self, rounds: int, only: set[str] | None = None) -> None:
        """Measure every case, or those of which a ratio (`case/backend`) is named."""
        backends = self._backends()
        wanted = {name.rpartition("/")[0] for name in only} if only else None
        for _ in range(rounds):
            # Neighbours change sides, so that coming first is no advantage.
            order = backends if self.rounds % 2 == 0 else backends[::-1]
            for case in CASES:
                if wanted is None or wanted & set(case.names()):
                    self._measure(case, order)
            self.rounds += 1
            print(f"round {self.rounds}", file=sys.stderr, flush=True)

    def _backends(self) -> list[str]:
        """The floor and the backends of this machine."""
        if not self.missing:
            probe = self._call(["throughput", "--backend", "uring", "--count", "10"])
            if "io_uring cannot be used here" in probe.stderr:
                self.missing = probe.stderr.strip().splitlines()[-1]
                print(self.missing, file=sys.stderr)
        return ["floor", "mio"] if self.missing else ["floor", "uring", "mio"]

    def _measure(self, case: Case, backends: list[str]) -> None:
        command = [case.kind, "--transport", case.transport, "--backend", ",".join(backends)]
        command += ["--size", ",".join(map(str, case.sizes)), "--seconds", str(SECONDS), "--json"]
        done = self._call(command)
        if done.returncode:
            raise RuntimeError(f"ringmq-bench {' '.join(command)} failed: {done.stderr}")
        for result in json.loads(done.stdout)["results"]:
            name = f"{result['transport']}/{result['kind']}/{result['size']}"
            self.add(name, result["backend"], result["repeats"][0])

    def add(self, case: str, backend: str, figure: float) -> None:
        """Keep the figure of a round."""
        self.figures.setdefault(case, {}).setdefault(backend, []).append(figure)

    def _call(self, arguments: list[str]) -> subprocess.CompletedProcess[str]:
        command = [str(self._bench), *arguments, "--repeat", "1"]
        return subprocess.run(command, timeout=PATIENCE_S, capture_output=True, text=True)

    def ratios(self, case: str, backend: str, to: str = "floor") -> list[float]:
        """Round by round, `backend` as a multiple of `to`."""
        figures = self.figures.get(case, {})
        pairs = zip(figures.get(backend, []), figures.get(to, []), strict=False)
        return [ours / theirs for ours, theirs in pairs if theirs > 0]


def spread(values: list[float]) -> Range:
    """The median, and what a tenth of the values lies below and above."""
    median = statistics.median(values)
    if len(values) < 2:
        return Range(median, median, median)
    tenths = statistics.quantiles(values, n=10, method="inclusive")
    return Range(median, min(tenths[0], median), max(tenths[-1], median))


def is_speed(case: str) -> bool:
    """Whether more is better."""
    return "/throughput/" in case


def limit(case: str, kept: Range) -> float:
    """The worst ratio that is no regression."""
    return kept.low * (1 - WIDENING) if is_speed(case) else kept.high * (1 + WIDENING)


def judge(kept: Kept, run: Run, reason: str) -> list[Verdict]:
    """Hold every ratio against the kept one."""
    verdicts = []
    for case, figures in run.figures.items():
        floor = spread(figures["floor"])
        restless = (floor.high - floor.low) / floor.median
        for backend in figures:
            if backend != "floor":
                unrest = restless if restless > UNREST else 0.0
                verdicts.append(_judge(kept, run, f"{case}/{backend}", reason, unrest))
    return verdicts


def _judge(kept: Kept, run: Run, name: str, reason: str, unrest: float) -> Verdict:
    case, _, backend = name.rpartition("/")
    found = run.ratios(case, backend)
    now, before = statistics.median(found), kept.ratios.get(name)
    if before is None:
        line = f"{name:26} {'-':>8} {'-':>15} {now:8.3f} {len(found):>7}  new"
        return Verdict(name, line, judged=False)
    span = f"{before.low:.3f} - {before.high:.3f}"
    line = f"{name:26} {before.median:8.3f} {span:>15} {now:8.3f} {len(found):>7}  "
    worst = limit(case, before)
    if reason:
        return Verdict(name, f"{line}not judged", judged=False)
    if now >= worst if is_speed(case) else now <= worst:
        return Verdict(name, f"{line}ok", judged=True)
    if unrest:
        why = f"not judged: the floor itself varies by {100 * unrest:.0f} %"
        return Verdict(name, f"{line}{why}", judged=False)
    where, side = ("below", "at least") if is_speed(case) else ("above", "at most")
    failure = f"{name} is {now:.3f} of its floor, {where} its recorded range: {side} {worst:.3f}"
    return Verdict(name, f"{line}REGRESSION", judged=True, failure=failure)


def uring_to_mio(run: Run) -> list[str]:
    """The backends beside each other, a line for each case."""
    lines = []
    for case in run.figures:
        found = run.ratios(case, "uring", to="mio")
        if found:
            median = statistics.median(found)
            good = "more" if is_speed(case) else "less"
            lines.append(f"{case:26} uring : mio {median:.3f} ({good} is better for uring)")
    return lines


def machine() -> dict[str, str]:
    """What ratios depend on: a machine with other cores has others."""
    return {"cpu": _cpu(), "cores": str(len(os.sched_getaffinity(0)))}


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def why_not_comparable(kept: Kept) -> str:
    """Why ratios measured here say nothing about those that are kept; empty if they do."""
    here = machine()
    if kept.machine == here:
        return ""

    def named(machine: dict[str, Any]) -> str:
        return f"{machine['cpu']} with {machine['cores']} cores" if machine else "nothing yet"

    return f"kept from {named(kept.machine)}; this is {named(here)}"


def record(kept: Kept, run: Run) -> None:
    """Keep these ratios; earlier ones stay where nothing was measured."""
    if not run.rounds:
        return
    kept.machine = machine()
    kept.ratios = {
        f"{case}/{backend}": _rounded(spread(run.ratios(case, backend)))
        for case, figures in run.figures.items()
        for backend in figures
        if backend != "floor"
    }


def _rounded(kept: Range) -> Range:
    return Range(round(kept.median, 4), round(kept.low, 4), round(kept.high, 4))
