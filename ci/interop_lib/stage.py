"""Where a case runs: how peers are started, on which endpoints, and with which options."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import itertools
import socket
import sys
import threading
from pathlib import Path

from . import wire
from .cases import options
from .process import PeerProcess

#: Ports below the range from which most systems take ephemeral ones.
PORTS = range(20_000, 32_000)
#: So many ports are kept from others at a time: more than the cases that run at once use.
HELD = 256


@dataclasses.dataclass(frozen=True)
class Commands:
    """How to start each kind of peer."""

    ours: tuple[str, ...]
    theirs: tuple[str, ...]


class Endpoints:
    """Hands out endpoints that nobody else on this machine uses."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()
        self._ports = itertools.cycle(PORTS)
        self._held: collections.deque[socket.socket] = collections.deque()
        self._lock = threading.Lock()

    def take(self, transport: str) -> str:
        """A fresh endpoint."""
        with self._lock:
            if transport == "ipc":
                return f"ipc://{self._folder}/{next(self._numbers)}.sock"
            return f"tcp://127.0.0.1:{self._free_port()}"

    def _free_port(self) -> int:
        for port in itertools.islice(self._ports, len(PORTS)):
            with contextlib.suppress(OSError), socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
                self._hold(probe.dup())
                return port
        raise OSError("no free port")

    def _hold(self, bound: socket.socket) -> None:
        """Keep a port from those who take any port, also between a peer's death and its return.

        Who asks for this one by its number still gets it, since the one that is bound here allows
        that and does not listen.
        """
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._held.append(bound)
        while len(self._held) > HELD:
            self._held.popleft().close()


@dataclasses.dataclass(frozen=True)
class Side:
    """One side of a case: everything needed to start its peer, again and again."""

    name: str
    argv: tuple[str, ...]
    kind: str
    binds: bool
    endpoint: str
    log: Path
    backend: str = "auto"
    options: tuple[str, ...] = ()
    #: Flags that only some cases give.
    flags: tuple[str, ...] = ()
    seed: int = 1
    tagged_from: int = 0
    max_body: int = 1 << 20

    def start(self, endpoint: str | None = None) -> PeerProcess:
        """Start the peer on the side's endpoint, or on another one."""
        argv = [*self.argv, "--type", self.kind, "--backend", self.backend]
        argv += ["--bind" if self.binds else "--connect", endpoint or self.endpoint]
        argv += ["--seed", str(self.seed), "--tagged-from", str(self.tagged_from)]
        argv += ["--max-body", str(self.max_body)]
        for option in self.options:
            argv += ["--option", option]
        argv += self.flags
        peer = PeerProcess(f"{self.name} {self.kind.upper()}", argv, self.log)
        if self.kind in ("sub", "xsub"):
            peer.call("subscribe", topic="")
        return peer

    def restart(self, dead: PeerProcess) -> PeerProcess:
        """Kill the peer as a crash would, and start another one on the same endpoint."""
        dead.kill()
        if not self.binds:
            wire.wait_hung_up(self.endpoint)
        return self.start()


@dataclasses.dataclass(frozen=True)
class Stage:
    """What all checks of one run share."""

    commands: Commands
    endpoints: Endpoints
    #: For sockets and for what the peers say on standard error.
    folder: Path
    seed: int

    def our_side(self, kind: str, backend: str, transport: str, binds: bool, log_name: str) -> Side:
        """A socket of ringmq on an endpoint of its own, which does not lead."""
        return Side(
            name="ringmq",
            argv=self.commands.ours,
            kind=kind,
            binds=binds,
            endpoint=self.endpoints.take(transport),
            log=self.folder / log_name,
            backend=backend,
            options=options(kind, "ringmq", leads=False),
        )


def pyzmq_command() -> tuple[str, ...]:
    """The reference peer, run by this very interpreter."""
    return (sys.executable, "-m", "interop_lib.pyzmq_peer")
