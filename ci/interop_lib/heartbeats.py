"""The table of heartbeats: one side pings while nobody has anything to say, the other answers."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from contextlib import ExitStack, closing

from .cases import column
from .pairs import Cell
from .relay import Relay
from .scenario import Hole, start_both
from .security import (
    ANYWHERE,
    CURVE_SERVER,
    NULL,
    PLAIN_SERVER,
    curve_client,
    plain_client,
    plain_question,
    verdict,
)
from .stage import Side, Stage

#: A PING in clear has nine bytes, a PONG seven: so much is several of each, sealed or not.
SEVERAL = 300
#: Nobody is given up for a late answer, for this machine may be busy.
PINGS = ("heartbeat_ivl=10", "heartbeat_timeout=60000")
MECHANISMS = {
    "NULL": (NULL, NULL),
    "PLAIN": (
        PLAIN_SERVER.also(
            flags=("--judge", "zap", *verdict("200", plain_question(address=ANYWHERE)))
        ),
        plain_client(),
    ),
    "CURVE": (CURVE_SERVER, curve_client()),
}


def cells(stage: Stage, backends: tuple[str, ...]) -> Iterator[Cell]:
    """One row a mechanism, role and side that pings."""
    numbers = itertools.count()
    for mechanism, serves, we_ping, backend, binds in itertools.product(
        MECHANISMS, (True, False), (True, False), backends, (True, False)
    ):
        if mechanism == "NULL" and not serves:
            continue
        role = "" if mechanism == "NULL" else " server" if serves else " client"
        row = f"{mechanism}{role}, {'ringmq' if we_ping else 'pyzmq'} pings"
        run = functools.partial(
            run_case, stage, mechanism, serves, we_ping, backend, binds, next(numbers)
        )
        yield "heartbeats", row, column(backend, "tcp", binds), run


def run_case(
    stage: Stage,
    mechanism: str,
    serves: bool,
    we_ping: bool,
    backend: str,
    binds: bool,
    number: int,
) -> str:
    """Messages, a pause in which only heartbeats pass, and messages again."""
    bound, connected = stage.endpoints.take("tcp"), stage.endpoints.take("tcp")

    def side(ours: bool) -> Side:
        given = MECHANISMS[mechanism][0 if serves == ours else 1]
        return Side(
            name="ringmq" if ours else "pyzmq",
            argv=stage.commands.ours if ours else stage.commands.theirs,
            kind="push" if ours else "pull",
            binds=binds == ours,
            endpoint=bound if binds == ours else connected,
            log=stage.folder / f"heartbeats-{number}.log",
            backend=backend,
            options=given.options + (PINGS if we_ping == ours else ()),
            flags=given.flags,
        )

    with ExitStack() as stack:
        relay = stack.enter_context(closing(Relay(connected, bound)))
        sender, receiver = (stack.enter_context(p) for p in start_both(side(True), side(False)))
        for text in (b"before", b"after"):
            sender.send_raw([text, b""])
            if (frames := receiver.receive_raw()) != [text, b""]:
                raise Hole(f"instead of {text!r} came {frames}")
            relay.wait_for(SEVERAL)
        if relay.connections != 1:
            raise Hole(f"it took {relay.connections} connections")
    return "ok"
