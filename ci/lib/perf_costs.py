"""What libzmq's interface costs beside the library behind it.

The C boundary: one thread sends 500 messages within a process and then receives them, again and
again, by ``zmq_send`` and ``zmq_msg_recv`` in C and by ``Socket::send`` and ``Socket::recv`` in
Rust. The time to load: ``dlopen`` in a fresh process, and the first context there.
"""

from __future__ import annotations

import os
import statistics
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from versus import PATIENCE_S

#: Bytes of a message, as many as the program in Rust sends.
SIZE = 64
#: Messages of a run: over before another process is likely to take its core.
COUNT = 200_000
#: Times in a round that both are run: where code and memory happen to lie differs between runs.
TURNS = 25
#: How much longer a message may take in C, ns.
BOUNDARY_NS = 15.0
#: Times in a round that each library is loaded.
LOADS = 20

BOUNDARY = f"C boundary, {SIZE} B, ns a message"
LOAD = "time to load, us"
CONTEXT = "first context, us"


@dataclass
class Programs:
    """What is run, and the folders of both libraries by the names that they have in the table."""

    perf: Path
    load: Path
    #: `bench-harness/examples/count.rs`.
    count: Path
    libraries: dict[str, Path]

    def output(self, program: Path, *job: str, library: str = "ringmq") -> str:
        """What a program prints that finds one of the libraries."""
        done = subprocess.run(
            [str(program), *job],
            env={**os.environ, "LD_LIBRARY_PATH": str(self.libraries[library])},
            timeout=PATIENCE_S,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout


@dataclass
class Costs:
    """All that was measured of the rows whose names contain what is asked for."""

    programs: Programs
    only: str
    in_c: list[float] = field(default_factory=list)
    in_rust: list[float] = field(default_factory=list)
    #: Of each library.
    loads: dict[str, list[float]] = field(default_factory=dict)
    contexts: dict[str, list[float]] = field(default_factory=dict)

    def has(self, *rows: str) -> bool:
        """Whether one of these rows is asked for."""
        return any(self.only in row for row in rows)

    def measure(self) -> None:
        """One round."""
        programs = self.programs
        for _ in range(TURNS if self.has(BOUNDARY) else 0):
            in_c = programs.output(programs.perf, "inproc_burst", str(SIZE), str(COUNT))
            in_rust = programs.output(programs.count, "--op", "burst", "--n", str(COUNT), "--time")
            self.in_c.append(float(in_c))
            self.in_rust.append(float(in_rust))
        for _ in range(LOADS if self.has(LOAD, CONTEXT) else 0):
            for name, library in programs.libraries.items():
                file = str(library / "libzmq.so.5")
                loaded, context = programs.output(programs.load, file, library=name).split()
                self.loads.setdefault(name, []).append(float(loaded))
                self.contexts.setdefault(name, []).append(float(context))

    def report(self) -> bool:
        """Print the rows; false if more is paid than is asked."""
        for row, figures in ((LOAD, self.loads), (CONTEXT, self.contexts)):
            if self.has(row) and figures:
                medians = [statistics.median(figures[name]) for name in self.programs.libraries]
                print(f"{row:34}" + "".join(f"{median:10.0f}" for median in medians))
        if not self.in_c:
            return True
        in_c, in_rust = statistics.median(self.in_c), statistics.median(self.in_rust)
        more = in_c - in_rust
        good = more <= BOUNDARY_NS
        verdict = f"at most {BOUNDARY_NS:g} asked: {'ok' if good else 'NOT MET'}"
        print(f"\n{'':34}{'C':>10}{'Rust':>10}          more")
        print(f"{BOUNDARY:34}{in_c:10.1f}{in_rust:10.1f}{more:14.1f}  {verdict}")
        return good
