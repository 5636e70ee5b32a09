"""Multicast between two network namespaces, with packets that get lost on the way.

PUB and SUB over epgm and pgm, RADIO and DISH over udp, and DGRAM: from ours to libzmq, back, and to
itself, each with a port of its own. Over epgm and pgm every message has to come, once and in order;
over udp each that the cable has not lost. Then a cable is taken away and put back, with members of
a group on it.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

from multicast_hosts import Cable, Host, Program, Relay

LOSSES = (0, 1, 5)
#: Messages, and bytes in each: over udp so many that the smallest of buffers takes them all.
SIZES = {"epgm": (10_000, 700), "pgm": (10_000, 700), "udp": (200, 100), "dgram": (200, 100)}
#: The transports over which what is lost is repaired.
RELIABLE = ("epgm", "pgm")
#: How long one direction may take, s: four times what it does.
PATIENCE = 40.0
#: How long after an interface has come back its groups are heard again at the latest, s.
RETURN = 10.0
#: Groups are counted from here, and ports.
FIRST_GROUP, FIRST_PORT = IPv4Address("239.192.18.1"), 17_600
#: How many directions are tried at a time.
AT_ONCE = 4
PEER = Path(__file__).with_name("multicast_peer.py")
#: Who sends and who receives, of each transport.
ROLES = {
    **dict.fromkeys(RELIABLE, ("publish", "subscribe")),
    "udp": ("radio", "dish"),
    "dgram": ("ask", "answer"),
}


HEADING = f"""Messages of {SIZES["epgm"][1]} bytes over epgm and pgm, of {SIZES["udp"][1]} over udp.
Loss is of packets of all kinds, both ways. Repaired are those of data that came again,
also in place of what a receiver's buffer had no room for."""


@dataclass(frozen=True)
class Scene:
    """Where it takes place: the hosts, what runs there, and what is between them."""

    here: Host
    there: Host
    ours: str
    theirs: dict[str, str]
    relay: Relay


@dataclass(frozen=True)
class Direction:
    """Who sends to whom over what, and how many packets of a hundred get lost."""

    number: int
    transport: str
    sender: str
    receiver: str
    loss: int = 0
    multicast: bool = True

    @property
    def port(self) -> int:
        """Its own."""
        return FIRST_PORT + self.number

    @property
    def local_port(self) -> int | None:
        """Its own, if the system knows of it: ports of PGM are for those who receive all of PGM."""
        return None if self.transport == "pgm" else self.port

    @property
    def group(self) -> IPv4Address | None:
        """Its own, if it has one."""
        return FIRST_GROUP + self.number if self.multicast else None

    def command(self, scene: Scene, host: Host) -> list[str]:
        """What receives there, or sends here."""
        sends = host is scene.here
        who = self.sender if sends else self.receiver
        role = ROLES[self.transport][not sends]
        count, length = (str(number) for number in SIZES[self.transport])
        at = f"{host.address};{self.group}" if self.multicast else scene.there.address
        scheme = "udp" if self.transport == "dgram" else self.transport
        peer = [sys.executable, "-B", str(PEER), role]
        if who == "python":
            return [*peer, f"{at}:{self.port}", count]
        if who == "libzmq":
            library = scene.theirs[self.transport]
            return [*peer, f"{scheme}://{at}:{self.port}", count, length, library]
        command = [scene.ours, role, "--count", count]
        if not sends:
            return [*command, f"{scheme}://{at}:{self.port}", "--every", "1"]
        command += ["--length", length]
        if self.transport == "dgram":
            return [*command, f"udp://{host.address}:*", f"{at}:{self.port}"]
        # Losses among the last packets are repaired for a moment after the end; here for longer.
        stay = ["--stay"] if self.transport in RELIABLE else []
        return [*command, f"{scheme}://{at}:{self.port}", *stay]

    def __str__(self) -> str:
        cast = ""
        if self.transport == "udp":
            cast = " group" if self.multicast else " host"
        return f"{self.transport}{cast}: {self.sender} -> {self.receiver}"


@dataclass
class Result:
    """What came of it."""

    what: str
    loss: str
    sent: int
    delivered: int
    repaired: str = "-"
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)
    told: str = ""

    def __str__(self) -> str:
        lost = self.sent - self.delivered
        counts = f"{self.sent:>6} {self.delivered:>9} {self.repaired:>8} {lost:>5}"
        return f"{self.what:<32} {self.loss:>4} {counts} {self.seconds:>5.1f}"


def told(**programs: Program) -> str:
    """What programs have said, for whoever looks for a fault."""
    return "\n".join(f"  {name}: {line}" for name, one in programs.items() for line in one.lines)


def judge(direction: Direction, scene: Scene, receiver: Program, until: float) -> Result:
    """Wait for what is on its way, and count."""
    count = expected = SIZES[direction.transport][0]
    counts = scene.relay.counts(direction.port)
    if direction.transport == "udp":
        # Nothing is sent again: what the cable has passed on is all that can come.
        while counts["seen"] < count and time.monotonic() < until:
            time.sleep(0.05)
            counts = scene.relay.counts(direction.port)
        expected = counts["seen"] - counts["lost"]
    receiver.wait(lambda: receiver.tally.received >= expected, until)
    counts = scene.relay.counts(direction.port)
    tally = receiver.tally
    repaired = str(counts["repairs"]) if direction.transport in RELIABLE else "-"
    result = Result(str(direction), f"{direction.loss} %", count, tally.received, repaired)
    if tally.received != expected or tally.disordered:
        result.faults.append(f"{expected} had to come in order, and there came {tally}")
    if direction.transport in RELIABLE and tally.missing:
        result.faults.append("something is missing between those that came")
    if counts["runs"]:
        result.faults.append("runs of packets were lost or passed on as one")
    # Of so many packets some were lost, and had to be repaired.
    if repaired == "0" and direction.loss == max(LOSSES):
        result.faults.append("no loss was made")
    return result


def run(direction: Direction, scene: Scene) -> Result:
    """One direction, from its receiver's beginning to its sender's end."""
    start = time.monotonic()
    until = start + PATIENCE
    receiver = scene.there.start(direction.command(scene, scene.there))
    sender = None
    try:
        receiver.await_hearing(direction.local_port, direction.group, until)
        sender = scene.here.start(direction.command(scene, scene.here))
        result = judge(direction, scene, receiver, until)
        if not sender.end(until):
            result.faults.append("the sender did not end well")
        if direction.transport == "dgram" and sender.tally != receiver.tally:
            result.faults.append(f"of the answers there came {sender.tally}")
        result.told = told(sender=sender, receiver=receiver)
    finally:
        for program in (receiver, sender):
            if program:
                program.stop()
    result.seconds = time.monotonic() - start
    return result


def start_far_end(number: int, transport: str, scene: Scene, cable: Cable) -> list[Program]:
    """A receiver and a sender in a group on a cable, which go on as long as they are let."""
    group = f"{FIRST_GROUP + number}:{FIRST_PORT + number}"
    (sends, receives), endless = ROLES[transport], ["--count", str(10**9), "--every", "1"]
    # By the interface's name at the one end, and its address at the other.
    at = [f"{transport}://{name};{group}" for name in (cable.addresses[0], cable.devices[1])]
    receiver = scene.there.start([scene.ours, receives, at[1], *endless])
    until = time.monotonic() + PATIENCE
    receiver.await_hearing(FIRST_PORT + number, FIRST_GROUP + number, until)
    return [receiver, scene.here.start([scene.ours, sends, at[0], *endless, "--pause", "10"])]


def go_and_return(number: int, transport: str, scene: Scene) -> Result:
    """Take the cable away from members of a group, and put it back, while messages are sent."""
    cable, start = Cable((scene.here, scene.there)), time.monotonic()
    cable.put()
    faults: list[str] = []
    programs = receiver, sender = start_far_end(number, transport, scene, cable)
    try:
        if not receiver.wait(lambda: receiver.tally.received >= 50, start + PATIENCE):
            faults.append("nothing came before the cable was taken away")
        cable.take_away()
        # Both are to notice: what is sent now is refused.
        gone = sender.sent
        sender.wait(lambda: sender.sent > gone + 100, start + PATIENCE)
        cable.put()
        back, sent = time.monotonic(), sender.sent
        # Counted from when it was back, so that none of these can have come before.
        if not receiver.wait(lambda: receiver.tally.end > sent + 50, back + 2 * RETURN):
            faults.append("nothing came after the cable was put back")
        elif time.monotonic() - back > RETURN:
            faults.append(f"it took {time.monotonic() - back:.1f} s until something came")
        tally = receiver.tally
        if tally.disordered:
            faults.append(f"out of order: {tally}")
        faults += ["a process has ended" for one in programs if one.over]
        seconds, words = time.monotonic() - start, told(sender=sender, receiver=receiver)
        what = f"{transport}: interface gone, and back"
        came = tally.received
        return Result(what, "-", came + tally.missing, came, "-", seconds, faults, words)
    finally:
        for program in programs:
            program.stop()
        cable.take_away()


def directions(theirs: dict[str, str]) -> list[Direction]:
    """All that are tried."""
    pairs = [("ringmq", "ringmq"), ("ringmq", "libzmq"), ("libzmq", "ringmq")]
    chosen: list[tuple[str, str, str, int, bool]] = []
    for transport, casts in (("epgm", (True,)), ("pgm", (True,)), ("udp", (True, False))):
        known = pairs if transport in theirs else pairs[:1]
        chosen += [
            (transport, *pair, loss, to) for to in casts for pair in known for loss in LOSSES
        ]
    exchanges = (("ringmq", "ringmq"), ("ringmq", "python"), ("python", "ringmq"))
    chosen += [("dgram", *pair, 0, False) for pair in exchanges]
    return [Direction(number, *each) for number, each in enumerate(chosen)]


def main() -> int:
    """Run all directions, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--ours", required=True, help="the path of the example")
    parser.add_argument("--theirs", required=True, help="the path of libzmq's library")
    parser.add_argument("--drafts", help="the path of one with its draft sockets")
    for name in ("--here", "--there"):
        parser.add_argument(name, nargs=2, required=True, metavar=("NAMESPACE", "ADDRESS"))
    relay_is = ("NAMESPACE", "DEVICE", "DEVICE")
    parser.add_argument("--relay", nargs=3, required=True, metavar=relay_is)
    asked = parser.parse_args()
    theirs = dict.fromkeys(RELIABLE, asked.theirs) | ({"udp": asked.drafts} if asked.drafts else {})
    todo = directions(theirs)
    space, *devices = asked.relay
    relay = Relay(space, (devices[0], devices[1]), {each.port: each.loss for each in todo})
    scene = Scene(Host(*asked.here), Host(*asked.there), asked.ours, theirs, relay)
    print(HEADING)
    columns = f"{'loss':>4} {'sent':>6} {'delivered':>9} {'repaired':>8} {'lost':>5} {'s':>5}"
    print(f"{'':<32} {columns}", flush=True)
    results = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for result in pool.map(lambda each: run(each, scene), todo):
            results.append(result)
            print(result, flush=True)
    for transport in ("epgm", "udp"):
        results.append(go_and_return(len(results), transport, scene))
        print(results[-1], flush=True)
    if not asked.drafts:
        print("Not tried: RADIO and DISH with libzmq's, as LIBZMQ_DRAFTS names none that has them")
    relay.program.stop()
    bad = [one for one in results if one.faults]
    for one in bad:
        print(f"{one.what}, {one.loss}: {'; '.join(one.faults)}\n{one.told}")
    print(f"{len(results) - len(bad)} of {len(results)} good")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
