"""A server and a client of some mechanism meet once, and both monitors say what came of it."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from .process import PeerError, PeerProcess
from .scenario import Hole, start_both
from .security import Security
from .stage import Side, Stage

#: What a monitor says: libzmq's event, and its value.
Outcome = tuple[str, int]

SUCCEEDED: Outcome = ("succeeded", 0)
#: The other side has closed the connection; whether it was reset is up to the system.
GONE: Outcome = ("no_detail", errno.EPIPE)
TIMEOUT: Outcome = ("no_detail", errno.EAGAIN)
#: There is nobody to ask.
NO_HANDLER: Outcome = ("no_detail", errno.EFAULT)
#: The connection is over, and the monitor does not say why.
CLOSED: Outcome = ("disconnected", 0)
UNEXPECTED: Outcome = ("protocol", 0x1000_0001)
CRYPTOGRAPHIC: Outcome = ("protocol", 0x1100_0001)
MISMATCH: Outcome = ("protocol", 0x1100_0002)

WELCOME = b"from a client that is let in"


def status(number: int) -> Outcome:
    """One side has refused the other with a status of ZAP."""
    return "auth", number


@dataclasses.dataclass(frozen=True)
class Place:
    """Which side ringmq is, and what it does."""

    backend: str
    serves: bool
    binds: bool

    @property
    def column(self) -> str:
        """The column of a table."""
        role = "server" if self.serves else "client"
        return f"{self.backend}/{role}/{'bind' if self.binds else 'connect'}"


class Meeting:
    """A PULL that is the server and a PUSH that is the client, over tcp."""

    def __init__(
        self, stage: Stage, place: Place, server: Security, client: Security, name: str
    ) -> None:
        self._stage = stage
        self._place = place
        self._endpoint = stage.endpoints.take("tcp")
        self._log = stage.folder / f"{name}.log"
        self._stack = ExitStack()
        sides = self.side(True, server), self.side(False, client)
        self.server, self.client = (self._stack.enter_context(p) for p in start_both(*sides))

    def side(self, serves: bool, given: Security) -> Side:
        """The server, or a client."""
        ours = serves == self._place.serves
        return Side(
            name="ringmq" if ours else "pyzmq",
            argv=self._stage.commands.ours if ours else self._stage.commands.theirs,
            kind="pull" if serves else "push",
            binds=self._place.binds == ours,
            endpoint=self._endpoint,
            log=self._log,
            backend=self._place.backend,
            options=given.options,
            flags=("--monitor", *given.flags),
        )

    def send_in_vain(self) -> None:
        """The client has a message for the server, if it takes one at all."""
        self.client.begin("probe", number=1)
        self.client.stop()
        # Who has given up says so, and is asked for its reason next.
        with contextlib.suppress(PeerError):
            self.client.finish()

    def admit(self, given: Security) -> None:
        """Another client gets in, and its message is the first that the server sees."""
        if self._place.binds == self._place.serves:
            other = self._stack.enter_context(self.side(False, given).start())
            other.send_raw([WELCOME])
            if (frames := self.server.receive_raw()) != [WELCOME]:
                raise Hole(f"before another client's message came {frames}")

    def __enter__(self) -> Meeting:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()


def outcome(peer: PeerProcess) -> Outcome:
    """How the next handshake of a peer ends."""
    return read(peer.call("outcome"))


def read(answer: dict[str, Any]) -> Outcome:
    """The outcome in a peer's answer."""
    name, value = answer["outcome"], int(answer["value"])
    if (name, value) == ("no_detail", errno.ECONNRESET):
        return GONE
    return name, value


def expect(peer: PeerProcess, expected: tuple[Outcome, ...]) -> Outcome:
    """A handshake ends in one of the ways in which it may."""
    got = outcome(peer)
    if got not in expected:
        raise Hole(f"{peer.name} says {show(got)}, not {' or '.join(map(show, expected))}")
    return got


def show(outcome: Outcome) -> str:
    """An outcome for a human."""
    name, value = outcome
    return f"{name} {value:#x}" if name == "protocol" else f"{name} {value}"
