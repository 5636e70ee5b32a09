"""Every combination that has to work, and how each socket pair is exercised."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

#: Which types may talk to which (both directions are listed).
COMPATIBLE = {
    "pair": ("pair",),
    "pub": ("sub", "xsub"),
    "xpub": ("sub", "xsub"),
    "sub": ("pub", "xpub"),
    "xsub": ("pub", "xpub"),
    "req": ("rep", "router"),
    "rep": ("req", "dealer"),
    "dealer": ("rep", "dealer", "router"),
    "router": ("req", "dealer", "router"),
    "push": ("pull",),
    "pull": ("push",),
}
PUBLISHERS = ("pub", "xpub")
SUBSCRIBERS = ("sub", "xsub")
ONE_WAY_SENDERS = (*PUBLISHERS, "push")
ONE_WAY = (*ONE_WAY_SENDERS, *SUBSCRIBERS, "pull")
#: Of two types that both send and receive, the one further left asks and the other answers.
ASKING_ORDER = ("req", "dealer", "pair", "router", "rep")

TRANSPORTS = ("tcp", "ipc")
BACKENDS = ("uring", "mio")


@dataclasses.dataclass(frozen=True)
class Case:
    """One cell of the matrix. ``ours`` is the ringmq side, ``theirs`` the pyzmq side."""

    ours: str
    theirs: str
    we_bind: bool
    transport: str
    backend: str

    @property
    def pair(self) -> str:
        """The matrix row, ringmq's side first."""
        return f"{self.ours.upper()}-{self.theirs.upper()}"

    @property
    def column(self) -> str:
        """The matrix column."""
        return column(self.backend, self.transport, self.we_bind)

    @property
    def name(self) -> str:
        """What ``--only`` is matched against."""
        return f"{self.pair}/{self.column}"

    @property
    def one_way(self) -> bool:
        """Whether messages flow in one direction only."""
        return self.ours in ONE_WAY

    @property
    def we_lead(self) -> bool:
        """Whether ringmq is the side that sends, or asks."""
        if self.one_way:
            return self.ours in ONE_WAY_SENDERS
        return ASKING_ORDER.index(self.ours) <= ASKING_ORDER.index(self.theirs)


def options(kind: str, name: str, leads: bool) -> tuple[str, ...]:
    """The options that a case needs for a type of socket; ``leads`` if it sends or asks."""
    if kind in PUBLISHERS or kind in ("sub", "xsub"):
        # A publisher drops at its mark; without marks nothing may be missing.
        return ("sndhwm=0", "rcvhwm=0")
    if kind == "router":
        # Who asks must learn that its peer is not there yet; who answers lets the dead go.
        return (f"routing_id={name}", f"router_mandatory={int(leads)}")
    return ()


def column(backend: str, transport: str, binds: bool) -> str:
    """The column of ringmq's side in a table."""
    return f"{backend}/{transport}/{'bind' if binds else 'connect'}"


def matrix(backends: tuple[str, ...]) -> Iterator[Case]:
    """All cases, row by row."""
    for ours, partners in COMPATIBLE.items():
        for theirs, backend, transport, we_bind in itertools.product(
            partners, backends, TRANSPORTS, (True, False)
        ):
            yield Case(ours, theirs, we_bind, transport, backend)
