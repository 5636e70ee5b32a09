"""Results, and the tables that show them."""

from __future__ import annotations

import dataclasses
import sys
import threading


@dataclasses.dataclass(frozen=True)
class Result:
    """How one cell of one table came out."""

    table: str
    row: str
    column: str
    passed: bool
    #: A few characters for the table.
    cell: str
    #: What went wrong, for the list of holes.
    detail: str
    seconds: float


class Progress:
    """One line a finished check on standard error, and the collection of all of them."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._lock = threading.Lock()
        self.results: list[Result] = []

    def add(self, result: Result) -> None:
        """Keep a result and say so."""
        with self._lock:
            self.results.append(result)
            mark = "ok  " if result.passed else "HOLE"
            line = f"[{len(self.results)}/{self._total}] {mark} {result.table} {result.row} "
            line += f"{result.column} {result.seconds:.1f} s"
            print(
                line if result.passed else f"{line}: {result.detail}", file=sys.stderr, flush=True
            )


LEGEND = """
Rows of `pairs` name ringmq's socket first; columns are ringmq's backend, the transport, and what
ringmq's side does. -L/C: L messages were lost in flight when the receiving side was killed, C were
cut off when the sending side was. Everything else arrived whole, once, in order and unchanged.
`refused` and `ZAP` are ok where both monitors say what libzmq's say among themselves; their columns
name ringmq's role, or who judges at ringmq's server, and what ringmq does."""


def print_tables(results: list[Result]) -> None:
    """Every table: rows and columns in the order in which they were first planned."""
    print(LEGEND)
    for table in dict.fromkeys(result.table for result in results):
        _print_table(table, [result for result in results if result.table == table])


def _print_table(table: str, results: list[Result]) -> None:
    rows = list(dict.fromkeys(result.row for result in results))
    columns = list(dict.fromkeys(result.column for result in results))
    cells = {(result.row, result.column): result for result in results}
    head = max(len(table), *(len(row) for row in rows))
    print(f"\n{table:<{head}}", *(f"{column:>{_width(column, results)}}" for column in columns))
    for row in rows:
        line = [f"{row:<{head}}"]
        for column in columns:
            result = cells.get((row, column))
            text = "-" if result is None else result.cell if result.passed else "HOLE"
            line.append(f"{text:>{_width(column, results)}}")
        print(*line)


def _width(column: str, results: list[Result]) -> int:
    cells = (len(result.cell) for result in results if result.column == column)
    return max(len(column), 4, *cells)


def print_holes(results: list[Result]) -> None:
    """Every failure in full."""
    holes = [result for result in results if not result.passed]
    if holes:
        print("\nholes:")
    for hole in holes:
        print(f"  {hole.table} {hole.row} {hole.column}: {hole.detail}")
