"""The tables of PLAIN and CURVE between sockets: ringmq's role by what it binds or connects."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from contextlib import ExitStack

from . import judge
from .cases import PUBLISHERS, TRANSPORTS, Case, options
from .pairs import Cell
from .pattern import DATA_MAGIC, PROBE_MAGIC
from .process import PeerProcess
from .scenario import WINDOW, Hole, expect_all, expect_subscription, open_path, start_both
from .security import (
    ANYWHERE,
    CURVE_SERVER,
    PLAIN_SERVER,
    Security,
    curve_client,
    plain_client,
    plain_question,
    verdict,
)
from .stage import Side, Stage

PAIRS = (
    ("push", "pull"),
    ("pub", "sub"),
    ("xpub", "sub"),
    ("req", "rep"),
    ("dealer", "router"),
)
SECTION_S = 60.0
STREAM = 1
#: Empty frames, and one that no buffer holds, beside what the streams bring.
EXTREMES = [b"", bytes(range(256)) * 4096, b"", b"end"]
#: Under CURVE heartbeats are sealed too, and numbered with what else is sent. Nobody is given up
#: for a late one, for this machine may be busy.
HEARTBEATS = ("heartbeat_ivl=20", "heartbeat_timeout=60000")


def cells(stage: Stage, backends: tuple[str, ...], messages: int) -> Iterator[Cell]:
    """One table a mechanism and role, one row a pair."""
    numbers = itertools.count()
    for mechanism, serves, pair, swapped, backend, transport, binds in itertools.product(
        ("PLAIN", "CURVE"), (True, False), PAIRS, (False, True), backends, TRANSPORTS, (True, False)
    ):
        ours, theirs = reversed(pair) if swapped else pair
        case = Case(ours, theirs, binds, transport, backend)
        judged_by_zap = theirs if not serves else ours if backend == "libzmq" else None
        if mechanism == "PLAIN" and judged_by_zap == "req":
            # A REQ of libzmq never gets an answer from a peer that ZAP has let in.
            continue
        run = functools.partial(run_case, stage, case, mechanism, serves, messages, next(numbers))
        yield f"{mechanism} {'server' if serves else 'client'}", case.pair, case.column, run


def security(mechanism: str, serves: bool, ours: bool) -> Security:
    """What makes a side a server or a client."""
    if mechanism == "CURVE":
        return (CURVE_SERVER if serves else curve_client()).also(*HEARTBEATS)
    if not serves:
        return plain_client()
    return PLAIN_SERVER.also(
        flags=(
            "--judge",
            "native" if ours else "zap",
            *verdict("200", plain_question(address=ANYWHERE)),
        )
    )


def run_case(
    stage: Stage, case: Case, mechanism: str, serves: bool, messages: int, number: int
) -> str:
    """Run one pair."""
    endpoint = stage.endpoints.take(case.transport)

    def side(ours: bool) -> Side:
        kind = case.ours if ours else case.theirs
        given = security(mechanism, serves == ours, ours)
        return Side(
            name="ringmq" if ours else "pyzmq",
            argv=stage.commands.ours if ours else stage.commands.theirs,
            kind=kind,
            binds=case.we_bind == ours,
            endpoint=endpoint,
            log=stage.folder / f"secured-{number}.log",
            backend=case.backend,
            options=options(kind, "secured", leads=False) + given.options,
            flags=given.flags,
            seed=stage.seed + number,
            tagged_from=messages // 2,
        )

    lead, follow = (side(True), side(False)) if case.we_lead else (side(False), side(True))
    with ExitStack() as stack:
        leader, follower = (stack.enter_context(peer) for peer in start_both(lead, follow))
        # Only the server's judge knows who the other one is.
        known_to_follower = mechanism == "PLAIN" and serves != case.we_lead
        known_to_leader = mechanism == "PLAIN" and serves == case.we_lead
        if case.one_way:
            stream(leader, follower, lead.kind, messages)
            expect_extremes(leader, follower, lead.kind, known_to_follower)
            if lead.kind in PUBLISHERS:
                change_subscriptions(leader, follower, lead.kind)
        else:
            ask(leader, follower, lead.kind, messages)
            envelope = expect_extremes(leader, follower, lead.kind, known_to_follower)
            expect_extremes(follower, leader, follow.kind, known_to_leader, envelope)
        leader.close()
        follower.close()
    return "ok"


def stream(sender: PeerProcess, receiver: PeerProcess, kind: str, messages: int) -> None:
    """Everything arrives, whole and in order."""
    open_path(sender, receiver, 1)
    if kind == "xpub":
        expect_subscription(sender)
    receiver.begin("recv", SECTION_S, stream=STREAM, last=messages - 1)
    sender.call("send", SECTION_S, stream=STREAM, first=0, count=messages)
    expect_all(receiver.finish(), STREAM, 0, messages)


def ask(asker: PeerProcess, answerer: PeerProcess, kind: str, messages: int) -> None:
    """Every question is answered."""
    answerer.begin("serve", SECTION_S)
    asker.call("sync", SECTION_S, number=1)
    window = 1 if kind == "req" else WINDOW
    report = asker.call("request", SECTION_S, stream=STREAM, first=0, count=messages, window=window)
    expect_all(report, STREAM, 0, messages)
    answerer.stop()
    answerer.finish()


def expect_extremes(
    sender: PeerProcess,
    receiver: PeerProcess,
    sender_kind: str,
    known: bool,
    envelope: list[bytes] | None = None,
) -> list[bytes]:
    """Frames of all sizes arrive, with what is known of their sender; answers the envelope."""
    sender.send_raw([*(envelope or []), *EXTREMES])
    names = ["Socket-Type", "User-Id", "Role"]
    answer = receiver.call("recv_raw", SECTION_S, properties=names)
    frames = [bytes.fromhex(frame) for frame in answer["frames"]]
    envelope, frames = frames[: -len(EXTREMES)], frames[-len(EXTREMES) :]
    if frames != EXTREMES:
        raise Hole(f"frames of {[len(frame) for frame in frames]} bytes came")
    user_id, role = (judge.USER_ID, judge.ROLE) if known else (None, None)
    expected = dict(zip(names, (sender_kind.upper(), user_id, role), strict=True))
    if answer["properties"] != expected:
        raise Hole(f"the sender is known by {answer['properties']}, not {expected}")
    return envelope


def change_subscriptions(publisher: PeerProcess, subscriber: PeerProcess, kind: str) -> None:
    """From all topics to those of probes: nothing else comes any more."""
    subscriber.call("unsubscribe", topic="")
    subscriber.call("subscribe", topic=PROBE_MAGIC.hex())
    if kind == "xpub":
        changes = [publisher.receive_raw() for _ in range(2)]
        if changes != [[b"\x00"], [b"\x01" + PROBE_MAGIC]]:
            raise Hole(f"XPUB delivered the changes {changes}")
    open_path(publisher, subscriber, 2)
    publisher.send_raw([DATA_MAGIC])
    report = open_path(publisher, subscriber, 3)
    if report["foreign"]:
        raise Hole("a message of a topic that is not subscribed to any more came")
