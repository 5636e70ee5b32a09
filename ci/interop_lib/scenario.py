"""What one case does: messages both before and after each side was killed and restarted.

A case sends its messages in sections, each a stream of its own:

1. bulk: everything arrives, whole and in order, empty and 1 MiB bodies among it;
2. the receiving (answering) side is killed while messages flow, and comes back on the same
   endpoint: what was in flight may be missing, as one gap; nothing may be doubled, torn or
   out of order;
3. the sending (asking) side is killed while messages flow, and comes back: the same;
4. everything arrives again, then the sender closes with messages under way: none is lost.
"""

from __future__ import annotations

import dataclasses
from contextlib import ExitStack
from typing import Any

from .cases import Case
from .process import PeerError, PeerProcess
from .stage import Side

#: How long one section may take, s.
SECTION_S = 60.0
#: Questions that may be unanswered at once; a REQ has one.
WINDOW = 32


class Hole(Exception):
    """A promise of the pattern was broken."""


@dataclasses.dataclass
class Outcome:
    """What a case counted."""

    sent: int = 0
    #: In flight when the receiving side was killed.
    lost: int = 0
    #: Not sent, or in flight, when the sending side was killed.
    cut_off: int = 0


@dataclasses.dataclass(frozen=True)
class Sections:
    """The split of a case's messages: where each section starts, and where the last ends."""

    bulk: int
    receiver_kill: int
    sender_kill: int
    end: int

    @classmethod
    def of(cls, messages: int) -> Sections:
        """Half of the messages in bulk, a sixth in each section that follows."""
        step = messages // 6
        return cls(0, messages - 3 * step, messages - 2 * step, messages)

    @property
    def last(self) -> int:
        """Where the final section starts."""
        return self.end - (self.sender_kill - self.receiver_kill)


def expect_all(report: dict[str, Any], stream: int, first: int, end: int) -> None:
    """Fail unless a stream arrived whole."""
    runs = clean_runs(report, stream)
    if runs != [[first, end - 1]]:
        raise Hole(f"stream {stream}: got {runs}, not all of {first}..{end - 1}")


def expect_prefix(report: dict[str, Any], stream: int, first: int) -> int:
    """Fail unless what arrived of a stream is its beginning; answers the count."""
    runs = clean_runs(report, stream)
    if not runs:
        return 0
    if len(runs) > 1 or runs[0][0] != first:
        raise Hole(f"stream {stream}: got {runs}, not an unbroken beginning from {first}")
    return int(runs[0][1]) - first + 1


def clean_runs(report: dict[str, Any], stream: int) -> list[list[int]]:
    """A stream's runs, after making sure that the receiver saw no fault."""
    if report["fault_count"]:
        raise Hole(f"{report['fault_count']} faults: {report['faults']}")
    if report["foreign"]:
        raise Hole(f"{report['foreign']} messages that nobody sent")
    return list(report["runs"].get(str(stream), []))


class OneWay:
    """PUSH to PULL, and publishers to subscribers."""

    def __init__(self, sender: Side, receiver: Side, messages: int) -> None:
        self._sides = (sender, receiver)
        self._sections = Sections.of(messages)
        self._probe = 0
        self._outcome = Outcome(sent=messages)

    def run(self) -> Outcome:
        """Run all sections."""
        s = self._sections
        with ExitStack() as stack:
            sender, receiver = (stack.enter_context(peer) for peer in start_both(*self._sides))
            self._sync(sender, receiver)
            if self._sides[0].kind == "xpub":
                expect_subscription(sender)
            self._bulk(sender, receiver, 1, s.bulk, s.receiver_kill)
            receiver = self._kill_receiver(stack, sender, receiver)
            sender = self._kill_sender(stack, sender, receiver)
            self._final(sender, receiver)
        return self._outcome

    def _sync(self, sender: PeerProcess, receiver: PeerProcess) -> dict[str, Any]:
        """Open the path: from here on nothing may be lost."""
        self._probe += 1
        return open_path(sender, receiver, self._probe)

    def _bulk(
        self, sender: PeerProcess, receiver: PeerProcess, stream: int, first: int, end: int
    ) -> None:
        receiver.begin("recv", SECTION_S, stream=stream, last=end - 1)
        sender.call("send", SECTION_S, stream=stream, first=first, count=end - first)
        expect_all(receiver.finish(), stream, first, end)

    def _kill_receiver(
        self, stack: ExitStack, sender: PeerProcess, receiver: PeerProcess
    ) -> PeerProcess:
        first, end = self._sections.receiver_kill, self._sections.sender_kill
        receiver.begin("recv", SECTION_S, stream=2, count=max(1, (end - first) // 4))
        sender.begin("send", SECTION_S, stream=2, first=first, count=end - first)
        before = expect_prefix(receiver.finish(), 2, first)
        receiver = stack.enter_context(self._sides[1].restart(receiver))
        # A blocking sender gets rid of its section only while somebody receives.
        receiver.begin("recv", SECTION_S, stream=2, last=end - 1)
        sender.finish()
        receiver.stop()
        receiver.finish()
        runs = clean_runs(self._sync(sender, receiver), 2)
        if len(runs) > 1 or (runs and runs[0][0] < first + before):
            raise Hole(f"killed receiver: had {before} from {first}, then got {runs}")
        after = runs[0][1] - runs[0][0] + 1 if runs else 0
        self._outcome.lost = end - first - before - after
        return receiver

    def _kill_sender(
        self, stack: ExitStack, sender: PeerProcess, receiver: PeerProcess
    ) -> PeerProcess:
        first, end = self._sections.sender_kill, self._sections.last
        receiver.begin("recv", SECTION_S, stream=3, count=max(1, (end - first) // 4))
        sender.begin("send", SECTION_S, stream=3, first=first, count=end - first)
        receiver.finish()
        sender.kill()
        # Behind what is still on its way the receiver would not see the end of the connection.
        receiver.begin("recv", SECTION_S, stream=3, last=end - 1)
        sender = stack.enter_context(self._sides[0].restart(sender))
        receiver.stop()
        receiver.finish()
        self._sync(sender, receiver)
        return sender

    def _final(self, sender: PeerProcess, receiver: PeerProcess) -> None:
        s = self._sections
        receiver.begin("recv", SECTION_S, stream=4, last=s.end - 1)
        sender.call("send", SECTION_S, stream=4, first=s.last, count=s.end - s.last)
        sender.close(SECTION_S)
        report = receiver.finish()
        expect_all(report, 4, s.last, s.end)
        self._outcome.cut_off = s.last - s.sender_kill - expect_prefix(report, 3, s.sender_kill)
        receiver.close()


class Echo:
    """Question and answer: the asking side checks that each message comes back unchanged."""

    def __init__(self, asker: Side, answerer: Side, messages: int) -> None:
        self._sides = (asker, answerer)
        self._sections = Sections.of(messages)
        self._probe = 0
        self._outcome = Outcome(sent=messages)
        self._window = 1 if asker.kind == "req" else WINDOW

    def run(self) -> Outcome:
        """Run all sections."""
        s = self._sections
        with ExitStack() as stack:
            asker, answerer = (stack.enter_context(peer) for peer in start_both(*self._sides))
            self._bulk(asker, answerer, s)
            if self._sides[0].kind == "req":
                # A strict REQ waits for ever for an answer that died with its peer.
                asker.call("set", name="req_relaxed", value=1)
                asker.call("set", name="req_correlate", value=1)
            answerer = self._kill_answerer(stack, asker, answerer)
            asker = self._kill_asker(stack, asker, answerer)
            self._ask(asker, answerer, 4, s.last, s.end, self._envelope())
            asker.close()
            answerer.close()
        return self._outcome

    def _envelope(self, swapped: bool = False) -> list[str]:
        """What the asking side has to put before a message so that it finds its way."""
        asker, answerer = self._sides[::-1] if swapped else self._sides
        if asker.kind == "router":
            return [routing_id(answerer).encode().hex()]
        if (asker.kind, answerer.kind) == ("dealer", "rep"):
            return [""]
        return []

    def _bulk(self, asker: PeerProcess, answerer: PeerProcess, s: Sections) -> None:
        if self._sides[0].kind != self._sides[1].kind:
            self._ask(asker, answerer, 1, s.bulk, s.receiver_kill, self._envelope())
            return
        # Between equals each side asks in turn.
        half = (s.bulk + s.receiver_kill) // 2
        self._ask(asker, answerer, 1, s.bulk, half, self._envelope())
        self._ask(answerer, asker, 1, half, s.receiver_kill, self._envelope(swapped=True))

    def _ask(
        self,
        asker: PeerProcess,
        answerer: PeerProcess,
        stream: int,
        first: int,
        end: int,
        envelope: list[str],
    ) -> None:
        """Every question of a section is answered."""
        answerer.begin("serve", SECTION_S)
        self._sync(asker, envelope)
        asker.begin("request", SECTION_S, **self._questions(stream, first, end, envelope))
        expect_all(asker.finish(), stream, first, end)
        answerer.stop()
        answerer.finish()

    def _questions(self, stream: int, first: int, end: int, envelope: list[str]) -> dict[str, Any]:
        return {
            "stream": stream,
            "first": first,
            "count": end - first,
            "window": self._window,
            "envelope": envelope,
        }

    def _sync(self, asker: PeerProcess, envelope: list[str]) -> dict[str, Any]:
        self._probe += 1
        return asker.call("sync", SECTION_S, number=self._probe, envelope=envelope)

    def _kill_answerer(
        self, stack: ExitStack, asker: PeerProcess, answerer: PeerProcess
    ) -> PeerProcess:
        first, end = self._sections.receiver_kill, self._sections.sender_kill
        envelope = self._envelope()
        answerer.begin("serve", SECTION_S, count=max(1, (end - first) // 4))
        asker.begin("request", SECTION_S, **self._questions(2, first, end, envelope))
        answerer.finish()
        answerer = stack.enter_context(self._sides[1].restart(answerer))
        answerer.begin("serve", SECTION_S)
        asker.stop()
        sent = asker.finish()["sent"]
        report = self._sync(asker, envelope)
        answerer.stop()
        answerer.finish()
        runs = clean_runs(report, 2)
        if len(runs) > 2:
            raise Hole(f"killed answerer: the answers {runs} have more than one gap")
        answered = sum(last - start + 1 for start, last in runs)
        self._outcome.lost = sent - answered
        self._outcome.sent -= end - first - sent
        return answerer

    def _kill_asker(
        self, stack: ExitStack, asker: PeerProcess, answerer: PeerProcess
    ) -> PeerProcess:
        first, end = self._sections.sender_kill, self._sections.last
        count = max(1, (end - first) // 4)
        answerer.begin("serve", SECTION_S, count=count)
        asker.begin("request", SECTION_S, **self._questions(3, first, end, self._envelope()))
        answerer.finish()
        # The dead asker's last questions are still read, as its successor comes.
        answerer.begin("serve", SECTION_S)
        asker = stack.enter_context(self._sides[0].restart(asker))
        self._sync(asker, self._envelope())
        answerer.stop()
        served = answerer.finish()["served"]
        self._outcome.cut_off = end - first - count - served
        return asker


def start_both(first: Side, second: Side) -> tuple[PeerProcess, PeerProcess]:
    """Start the binding side before the connecting one."""
    if first.binds:
        started = first.start()
        return started, second.start()
    other = second.start()
    return first.start(), other


def open_path(sender: PeerProcess, receiver: PeerProcess, number: int) -> dict[str, Any]:
    """Send probes until one has arrived; answers what the receiver has got."""
    receiver.begin("recv", SECTION_S, stream=0, probe=number)
    sender.begin("probe", SECTION_S, number=number)
    report = receiver.finish()
    sender.stop()
    sender.finish()
    return report


def expect_subscription(publisher: PeerProcess) -> None:
    """An XPUB tells its user of the first subscription."""
    frames = publisher.receive_raw()
    if frames != [b"\x01"]:
        raise Hole(f"XPUB delivered {frames}, not the subscription to everything")


def routing_id(side: Side) -> str:
    """The routing id that a side was told to use."""
    for option in side.options:
        if option.startswith("routing_id="):
            return option.partition("=")[2]
    raise PeerError(f"{side.name} has no routing id")


def run_case(case: Case, ours: Side, theirs: Side, messages: int) -> Outcome:
    """Run a case to its end; raises Hole or PeerError."""
    lead, follow = (ours, theirs) if case.we_lead else (theirs, ours)
    scenario = OneWay if case.one_way else Echo
    return scenario(lead, follow, messages).run()
