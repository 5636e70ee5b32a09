"""The table of bad peers: a victim is attacked while it serves a healthy pyzmq peer.

Whatever the attack, every message of the healthy peer arrives, nothing that nobody sent does,
and afterwards the victim holds no descriptor more than before.
"""

from __future__ import annotations

import functools
import itertools
import random
import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

from . import wire
from .attacks import ATTACKS, HANDSHAKE_MS, HONEST, HONEST_STREAM, LIMIT, Attack, Attacker, Open
from .cases import column
from .pairs import Cell
from .pattern import Pattern
from .process import PeerProcess
from .scenario import Hole, open_path, start_both
from .stage import Side, Stage

HEALTHY_STREAM = 1
SECTION_S = 60.0
#: Messages between two looks at whether the attack is over.
ROUND = 50
#: The largest body here, in bytes: the slow peer has to get its messages through too.
MAX_BODY = 512
#: How long closed connections may take to leave the victim's books, s.
SETTLE_S = 20.0
#: With this many descriptors, a victim soon cannot accept any more.
FEW_DESCRIPTORS = 48


def cells(stage: Stage, backends: tuple[str, ...]) -> Iterator[Cell]:
    """One row an attack; columns as in the other tables, tcp only."""
    numbers = itertools.count()
    for attack, backend, binds in itertools.product(ATTACKS, backends, (True, False)):
        if attack.harms_libzmq and backend == "libzmq":
            continue
        run = functools.partial(run_case, stage, attack, backend, binds, next(numbers))
        yield "bad input", attack.name, column(backend, "tcp", binds), run
    for backend in backends:
        run = functools.partial(run_exhaustion, stage, backend, next(numbers))
        yield "bad input", "descriptors used up", f"{backend}/tcp/bind", run


class Health:
    """A healthy peer's messages, sent and checked in rounds on a thread of its own."""

    def __init__(self, sender: PeerProcess, victim: PeerProcess) -> None:
        self._sender = sender
        self._victim = victim
        self._sent = 0
        self._rounds = 0
        self._enough = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run)

    def open(self) -> None:
        """Wait until the path is open, and one round has passed.

        The victim waits in vain once, for a thread that has had to wait keeps a descriptor to be
        woken by: whoever counts afterwards counts it in.
        """
        open_path(self._sender, self._victim, 1)
        self._victim.begin("recv", SECTION_S, stream=0, probe=2)
        self._victim.stop()
        self._victim.finish()
        self._round()

    def __enter__(self) -> Health:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def last_round(self) -> dict[str, object]:
        """One round more, with nothing else going on."""
        return self._round()

    def _run(self) -> None:
        try:
            while True:
                over = self._enough.is_set()
                self._round()
                if over:
                    return
        except Exception as error:  # handed to the main thread
            self._error = error

    def _round(self) -> dict[str, object]:
        end = self._sent + ROUND
        self._victim.begin("recv", SECTION_S, stream=HEALTHY_STREAM, last=end - 1)
        self._sender.call("send", SECTION_S, stream=HEALTHY_STREAM, first=self._sent, count=ROUND)
        self._sent = end
        report = self._victim.finish()
        runs = report["runs"].get(str(HEALTHY_STREAM))
        if report["fault_count"] or runs != [[0, end - 1]]:
            raise Hole(f"of 0..{end - 1} the healthy peer's {runs} came; {report['faults']}")
        return report


def healthy_side(stage: Stage, binds: bool, seed: int, log_name: str) -> Side:
    """The healthy peer; ``binds`` tells what the victim does."""
    return Side(
        name="pyzmq",
        argv=stage.commands.theirs,
        kind="push",
        binds=not binds,
        endpoint=stage.endpoints.take("tcp"),
        log=stage.folder / log_name,
        seed=seed,
        max_body=MAX_BODY,
    )


def victim_side(stage: Stage, healthy: Side, backend: str, *, in_a_hurry: bool) -> Side:
    """The socket under attack; only one in a hurry cares how long a handshake takes."""
    hurry = (f"handshake_ivl={HANDSHAKE_MS}",) if in_a_hurry else ()
    return Side(
        name="ringmq",
        argv=stage.commands.ours,
        kind="pull",
        binds=not healthy.binds,
        endpoint=healthy.endpoint,
        log=healthy.log,
        backend=backend,
        options=(*hurry, f"maxmsgsize={LIMIT}"),
        seed=healthy.seed,
        max_body=MAX_BODY,
    )


def run_case(stage: Stage, attack: Attack, backend: str, binds: bool, number: int) -> str:
    """Run one attack."""
    seed = stage.seed + number
    healthy = healthy_side(stage, binds, seed, f"bad-{number}.log")
    with ExitStack() as stack:
        attacked = victim_side(stage, healthy, backend, in_a_hurry=attack.outstays)
        started = start_both(healthy, attacked)
        sender, victim = (stack.enter_context(peer) for peer in started)
        health = Health(sender, victim)
        health.open()
        descriptors = victim.descriptors
        connect = way_in(stage, stack, victim, healthy.endpoint if binds else None)
        attacker = Attacker(connect, random.Random(seed), Pattern(seed, 0, MAX_BODY))
        with health:
            for _ in range(attack.times if binds else 1):
                attack.run(attacker)
        if attack.honest:
            victim.call("recv", SECTION_S, stream=HONEST_STREAM, last=HONEST - 1)
        judge(attack, health.last_round())
        # A victim that connects may be trying once more at this moment.
        settle(victim, descriptors + (0 if binds else 1))
        victim.close()
    return "ok"


def way_in(stage: Stage, stack: ExitStack, victim: PeerProcess, endpoint: str | None) -> Open:
    """How an attacker gets its connection: it connects, or the victim connects to it."""
    if endpoint is not None:
        return functools.partial(wire.connect, endpoint)
    evil = stage.endpoints.take("tcp")
    listener = stack.enter_context(closing(wire.listen(evil)))
    victim.call("connect", endpoint=evil)
    return functools.partial(wire.accept, listener)


def judge(attack: Attack, report: dict[str, object]) -> None:
    """Nothing came that nobody sent, and everything that the attacker honestly sent did."""
    if report["foreign"] and not attack.may_deliver:
        raise Hole(f"{report['foreign']} messages that nobody sent")
    runs = report["runs"]
    assert isinstance(runs, dict)
    got, expected = runs.get(str(HONEST_STREAM)), [[0, HONEST - 1]] if attack.honest else None
    if got != expected:
        raise Hole(f"of the odd peer's own messages came {got}, not {expected}")


def settle(victim: PeerProcess, descriptors: int) -> None:
    """The victim lets go of every descriptor that the attack made it open."""
    deadline = time.monotonic() + SETTLE_S
    while (now := victim.descriptors) > descriptors:
        if time.monotonic() > deadline:
            raise Hole(f"{now} descriptors are open, {descriptors} were before")
        time.sleep(0.05)


def run_exhaustion(stage: Stage, backend: str, number: int) -> str:
    """More connections than descriptors: those that are there go on, and later ones get in."""
    healthy = healthy_side(stage, True, stage.seed, f"bad-{number}.log")
    with ExitStack() as stack:
        victim = stack.enter_context(victim_side(stage, healthy, backend, in_a_hurry=False).start())
        sender = stack.enter_context(healthy.start())
        health = Health(sender, victim)
        health.open()
        descriptors = victim.descriptors
        limits = (FEW_DESCRIPTORS, FEW_DESCRIPTORS)
        resource.prlimit(int(victim.hello["pid"]), resource.RLIMIT_NOFILE, limits)
        with health, ExitStack() as many_peers:
            for _ in range(2 * FEW_DESCRIPTORS):
                sock = many_peers.enter_context(closing(socket.socket()))
                sock.settimeout(wire.WAIT_S)
                sock.connect(wire.address(healthy.endpoint)[1])
        judge(ATTACKS[0], health.last_round())
        settle(victim, descriptors)
        late = stack.enter_context(healthy.start())
        late.call("send", SECTION_S, stream=HEALTHY_STREAM + 1, first=0, count=ROUND)
        report = victim.call("recv", SECTION_S, stream=HEALTHY_STREAM + 1, last=ROUND - 1)
        if report["runs"].get(str(HEALTHY_STREAM + 1)) != [[0, ROUND - 1]]:
            raise Hole("a peer that came after the rush is not served")
    return "ok"
