"""The table of socket pairs: ringmq's side by pyzmq's, on every backend and transport."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator

from . import scenario
from .cases import Case, matrix, options
from .scenario import Sections
from .stage import Side, Stage

Cell = tuple[str, str, str, Callable[[], str]]


def cells(stage: Stage, backends: tuple[str, ...], messages: int) -> Iterator[Cell]:
    """One cell a case."""
    numbers = itertools.count()
    for case in matrix(backends):
        run = functools.partial(run_case, stage, case, messages, next(numbers))
        yield "pairs", case.pair, case.column, run


def run_case(stage: Stage, case: Case, messages: int, number: int) -> str:
    """Run a case; the cell tells how many messages the two kills cost."""
    endpoint = stage.endpoints.take(case.transport)
    log = stage.folder / f"{number}.log"

    def side(ours: bool) -> Side:
        kind = case.ours if ours else case.theirs
        name = "ringmq" if ours else "pyzmq"
        return Side(
            name=name,
            argv=stage.commands.ours if ours else stage.commands.theirs,
            kind=kind,
            binds=case.we_bind == ours,
            endpoint=endpoint,
            log=log,
            backend=case.backend,
            options=options(kind, name, leads=case.we_lead == ours),
            seed=stage.seed + number,
            tagged_from=Sections.of(messages).receiver_kill,
        )

    outcome = scenario.run_case(case, side(True), side(False), messages)
    return f"-{outcome.lost}/{outcome.cut_off}"
