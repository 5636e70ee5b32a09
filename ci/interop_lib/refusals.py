"""The table of those that do not come together, and what both monitors say of that."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
from collections.abc import Iterator
from contextlib import ExitStack, closing

from . import wire
from .meeting import (
    CLOSED,
    CRYPTOGRAPHIC,
    GONE,
    MISMATCH,
    NO_HANDLER,
    TIMEOUT,
    UNEXPECTED,
    Meeting,
    Outcome,
    Place,
    expect,
    read,
    show,
    status,
)
from .pairs import Cell
from .scenario import Hole
from .security import (
    CURVE_SERVER,
    NULL,
    PLAIN_SERVER,
    STRANGE_KEYS,
    Security,
    curve_client,
    curve_question,
    plain_client,
    plain_question,
    verdict,
)
from .stage import Side, Stage
from .zmtp import RawPeer

#: A server that lets one client in.
ZAP = ("--judge", "zap")
JUDGING_PLAIN = PLAIN_SERVER.also(flags=(*ZAP, *verdict("200", plain_question())))
JUDGING_CURVE = CURVE_SERVER.also(flags=(*ZAP, *verdict("200", curve_question())))
HURRY = "handshake_ivl=300"


@dataclasses.dataclass(frozen=True)
class Refusal:
    """Two that do not come together."""

    name: str
    server: Security
    client: Security
    #: What libzmq says, of libzmq; where there are several, it depends on who is faster.
    at_server: tuple[Outcome, ...]
    at_client: tuple[Outcome, ...]
    #: One that the server lets in.
    admitted: Security | None = None
    #: Where ringmq says something else than libzmq, or has libzmq say it.
    ours_at_server: tuple[Outcome, ...] = ()
    ours_at_client: tuple[Outcome, ...] = ()


#: The first to read the other's greeting says so and closes; the other may not get to read it.
EITHER = (MISMATCH, GONE)

REFUSALS = (
    Refusal(
        "PLAIN, wrong password",
        JUDGING_PLAIN,
        plain_client(password="open sesame"),
        (status(400),),
        (status(400),),
        plain_client(),
    ),
    Refusal(
        "PLAIN, unknown user",
        JUDGING_PLAIN,
        plain_client(username="mallory"),
        (status(400),),
        (status(400),),
        plain_client(),
    ),
    Refusal(
        "PLAIN, nobody to ask",
        PLAIN_SERVER,
        plain_client().also(HURRY),
        (NO_HANDLER,),
        (TIMEOUT, GONE),
        # It says that the peer may come again, as there may be somebody to ask by then.
        ours_at_server=(status(300),),
    ),
    Refusal(
        "CURVE, unknown key",
        JUDGING_CURVE,
        curve_client(STRANGE_KEYS),
        (status(400),),
        (status(400),),
        curve_client(),
    ),
    Refusal(
        "CURVE, wrong server key",
        JUDGING_CURVE,
        curve_client(server=STRANGE_KEYS.public),
        (CRYPTOGRAPHIC,),
        (GONE,),
        curve_client(),
    ),
    Refusal("NULL at PLAIN", JUDGING_PLAIN, NULL, EITHER, EITHER, plain_client()),
    Refusal("NULL at CURVE", JUDGING_CURVE, NULL, EITHER, EITHER, curve_client()),
    Refusal("PLAIN at NULL", NULL, plain_client(), EITHER, EITHER, NULL),
    Refusal("CURVE at NULL", NULL, curve_client(), EITHER, EITHER, NULL),
    Refusal("PLAIN at CURVE", JUDGING_CURVE, plain_client(), EITHER, EITHER, curve_client()),
    Refusal("CURVE at PLAIN", JUDGING_PLAIN, curve_client(), EITHER, EITHER, plain_client()),
    Refusal(
        "PLAIN, two clients",
        plain_client(),
        plain_client(),
        (UNEXPECTED, GONE),
        (UNEXPECTED, GONE),
    ),
    Refusal(
        "PLAIN, two servers",
        JUDGING_PLAIN.also(HURRY),
        JUDGING_PLAIN.also(HURRY),
        (TIMEOUT, GONE),
        (TIMEOUT, GONE),
    ),
    Refusal(
        "CURVE, two clients",
        curve_client(),
        curve_client(),
        (UNEXPECTED, GONE),
        (UNEXPECTED, GONE),
    ),
    Refusal(
        "CURVE, two servers",
        JUDGING_CURVE.also(HURRY),
        JUDGING_CURVE.also(HURRY),
        (TIMEOUT, GONE),
        (TIMEOUT, GONE),
    ),
)

#: Versions that know no mechanisms, and who does not want them.
OLD_VERSIONS = ("2.0", "1.0")
STRICT = {
    "PLAIN server": JUDGING_PLAIN,
    "PLAIN client": plain_client(),
    "CURVE server": JUDGING_CURVE,
    "CURVE client": curve_client(),
    "NULL with a domain": Security(("zap_domain=lab",), ZAP),
}


def cells(stage: Stage, backends: tuple[str, ...]) -> Iterator[Cell]:
    """One row a refusal."""
    numbers = itertools.count()
    for refusal, backend, serves, binds in itertools.product(
        REFUSALS, backends, (True, False), (True, False)
    ):
        place = Place(backend, serves, binds)
        run = functools.partial(run_case, stage, refusal, place, f"refused-{next(numbers)}")
        yield "refused", refusal.name, place.column, run
    for (name, given), backend, version, binds in itertools.product(
        STRICT.items(), backends, OLD_VERSIONS, (True, False)
    ):
        side = stage.our_side("pull", backend, "tcp", binds, f"refused-{next(numbers)}.log")
        side = dataclasses.replace(side, options=given.options, flags=("--monitor", *given.flags))
        run = functools.partial(run_old, side, version)
        column = f"{backend}/ZMTP {version}/{'bind' if binds else 'connect'}"
        yield "old peers", name, column, run


def run_case(stage: Stage, refusal: Refusal, place: Place, name: str) -> str:
    """Run one refusal."""
    at_server, at_client = refusal.at_server, refusal.at_client
    if place.backend != "libzmq":
        at_server = (place.serves and refusal.ours_at_server) or at_server
        at_client = (place.serves and refusal.ours_at_client) or at_client
    with Meeting(stage, place, refusal.server, refusal.client, name) as meeting:
        meeting.send_in_vain()
        said = expect(meeting.server, at_server), expect(meeting.client, at_client)
        if said == (GONE, GONE):
            raise Hole("neither side says why the connection was closed")
        if refusal.admitted is not None:
            meeting.admit(refusal.admitted)
    return "ok"


def run_old(side: Side, version: str) -> str:
    """A peer that knows no mechanisms is turned away before any message is taken."""
    with ExitStack() as stack:
        listener = None if side.binds else stack.enter_context(closing(wire.listen(side.endpoint)))
        peer = stack.enter_context(side.start())
        sock = wire.connect(side.endpoint) if listener is None else wire.accept(listener)
        stack.enter_context(closing(sock))
        raw = RawPeer(sock, version, "push")
        # It may be turned away at its first bytes.
        with contextlib.suppress(ConnectionError):
            raw.greet()
            raw.send([b"without any handshake"])
        if not wire.closed_within(sock, wire.WAIT_S):
            raise Hole(f"a ZMTP {version} peer is not turned away")
        answer = peer.call("outcome")
        # libzmq does not say why; ringmq does, though libzmq has no number for it.
        expected = CLOSED if side.backend == "libzmq" else ("no_detail", 0)
        if read(answer) != expected:
            raise Hole(f"it says {show(read(answer))} of that, not {show(expected)}")
        if side.backend != "libzmq" and "cannot authenticate" not in answer["text"]:
            raise Hole(f"it does not say why: {answer['text']}")
    return "ok"
