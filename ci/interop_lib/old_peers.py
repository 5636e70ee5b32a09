"""The tables of hand-written peers: every socket type against ZMTP 3.0, 2.0 and 1.0."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Iterator
from contextlib import ExitStack, closing

from . import wire
from .cases import COMPATIBLE, ONE_WAY_SENDERS, PUBLISHERS, SUBSCRIBERS, TRANSPORTS, column
from .pairs import Cell
from .pattern import Pattern, parse_probe, probe_frames
from .process import PeerProcess
from .scenario import WINDOW, Hole, expect_all
from .stage import Side, Stage
from .tracker import Tracker
from .zmtp import VERSIONS, RawPeer

STREAM = 1
RAW_IDENTITY = b"a raw peer"
SECTION_S = 60.0
#: Types that ask a hand-written peer; the rest of those that do both answer it.
ASKING = ("req", "dealer", "pair")


def cells(stage: Stage, backends: tuple[str, ...], messages: int) -> Iterator[Cell]:
    """One table a version, one row a socket type."""
    numbers = itertools.count()
    for version, kind, backend, transport, binds in itertools.product(
        VERSIONS, COMPATIBLE, backends, TRANSPORTS, (True, False)
    ):
        side = stage.our_side(kind, backend, transport, binds, f"raw-{next(numbers)}.log")
        side = dataclasses.replace(side, seed=stage.seed, tagged_from=messages)
        yield (
            f"ZMTP {version}",
            kind.upper(),
            column(backend, transport, binds),
            functools.partial(run_case, side, version, messages),
        )


def run_case(side: Side, version: str, messages: int) -> str:
    """Run one socket type against one hand-written peer."""
    with ExitStack() as stack:
        listener = None if side.binds else stack.enter_context(closing(wire.listen(side.endpoint)))
        peer = stack.enter_context(side.start())
        sock = wire.connect(side.endpoint) if listener is None else wire.accept(listener)
        stack.enter_context(closing(sock))
        raw = RawPeer(sock, version, COMPATIBLE[side.kind][0], RAW_IDENTITY)
        raw.handshake()
        check_introduction(raw, side)
        exchange(raw, peer, side, messages)
        peer.close()
    return "ok"


def check_introduction(raw: RawPeer, side: Side) -> None:
    """The other side said what it is, as far as the version lets it."""
    if raw.version != "1.0" and raw.peer_kind != side.kind:
        raise Hole(f"a {side.kind.upper()} calls itself {raw.peer_kind.upper()}")
    expected = b"ringmq" if side.kind == "router" else b""
    if raw.peer_identity != expected:
        raise Hole(f"its identity is {raw.peer_identity!r}, not {expected!r}")


def exchange(raw: RawPeer, peer: PeerProcess, side: Side, messages: int) -> None:
    """Move all messages in the directions that the type has."""
    pattern = Pattern(side.seed, side.tagged_from)
    if side.kind in ONE_WAY_SENDERS:
        receive_stream(raw, peer, pattern, side.kind, messages)
    elif side.kind in SUBSCRIBERS or side.kind == "pull":
        send_stream(raw, peer, pattern, side.kind, messages)
    elif side.kind in ASKING:
        answer(raw, peer, messages, window=1 if side.kind == "req" else WINDOW)
    else:
        ask(raw, peer, pattern, side.kind, messages)


def receive_stream(
    raw: RawPeer, peer: PeerProcess, pattern: Pattern, kind: str, messages: int
) -> None:
    """The socket sends, the hand-written peer checks."""
    tracker = Tracker(pattern)
    tracker.expect(STREAM)
    if kind in PUBLISHERS:
        # A 1.0 subscriber never says what it wants; others say so in an ordinary message.
        if raw.version != "1.0":
            raw.send([b"\x01"])
        peer.begin("probe", SECTION_S, number=1)
        if parse_probe(raw.receive()) != 1:
            raise Hole("something came before the first message sent")
        peer.stop()
        peer.finish()
    peer.begin("send", SECTION_S, stream=STREAM, first=0, count=messages)
    while tracker.count(STREAM) < messages and not tracker.fault_count:
        tracker.take(raw.receive())
    peer.finish()
    expect_all(tracker.report(), STREAM, 0, messages)


def send_stream(
    raw: RawPeer, peer: PeerProcess, pattern: Pattern, kind: str, messages: int
) -> None:
    """The hand-written peer sends, the socket checks."""
    # A bound subscriber may wait with its subscriptions until its user calls in.
    peer.begin("recv", SECTION_S, stream=STREAM, last=messages - 1)
    if kind in SUBSCRIBERS and (subscription := raw.receive()) != [b"\x01"]:
        raise Hole(f"the subscription to everything came as {subscription}")
    for seq in range(messages):
        raw.send(pattern.frames(STREAM, seq))
    expect_all(peer.finish(), STREAM, 0, messages)


def answer(raw: RawPeer, peer: PeerProcess, messages: int, window: int) -> None:
    """The socket asks, the hand-written peer sends everything back."""
    peer.begin(
        "request", SECTION_S, stream=STREAM, first=0, count=messages, window=window, envelope=[]
    )
    for _ in range(messages):
        raw.send(raw.receive())
    expect_all(peer.finish(), STREAM, 0, messages)


def ask(raw: RawPeer, peer: PeerProcess, pattern: Pattern, kind: str, messages: int) -> None:
    """The hand-written peer asks, the socket answers."""
    envelope = [b""] if kind == "rep" else []
    if kind == "router":
        raw.send(probe_frames(1))
        identity = peer.receive_raw(SECTION_S)[0]
        if identity != RAW_IDENTITY:
            raise Hole(f"the ROUTER knows its peer as {identity!r}, not as {RAW_IDENTITY!r}")
    peer.begin("serve", SECTION_S, count=messages)
    for seq in range(messages):
        question = envelope + pattern.frames(STREAM, seq)
        raw.send(question)
        if (reply := raw.receive()) != question:
            raise Hole(f"question {seq} of {len(question)} frames came back as {len(reply)} others")
    peer.finish()
