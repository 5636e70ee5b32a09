"""Messages over epgm between two network namespaces, with packets that get lost on the way.

From our example to libzmq, from libzmq to it, and from it to itself, each with a group and a port
of its own, all at the same time. Packets are lost where the example sends and receives them. Every
message has to come, once and in order.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import IO

LOSSES = (0, 1, 5)
COUNT, LENGTH, KBIT = 1500, 700, 4000
#: How long one direction may take, s: four times what it does.
PATIENCE = 40.0
#: Groups are counted from here, and ports.
FIRST_GROUP, FIRST_PORT = IPv4Address("239.192.18.1"), 17_600
PEER = Path(__file__).with_name("multicast_peer.py")

#: What a receiver says at its end, of messages; and of packets, what either of our ends says.
MESSAGES = re.compile(r"^(\d+) messages, (\d+) out of order$", re.MULTILINE)
REPAIRED = re.compile(r"(\d+) (?:repaired|of them again)")


@dataclass(frozen=True)
class Host:
    """A namespace, and its address on the cable."""

    space: str
    address: str

    def start(self, command: list[str], loss: int) -> subprocess.Popen[str]:
        """Run something there."""
        return subprocess.Popen(
            ["ip", "netns", "exec", self.space, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"EPGM_LOSS": str(loss)},
        )


@dataclass(frozen=True)
class Programs:
    """The example, and the other's library."""

    ours: str
    theirs: str

    def command(self, who: str, what: str, host: Host, group: str) -> list[str]:
        """What sends or receives."""
        sizes = [str(COUNT), str(LENGTH), str(KBIT)]
        if who == "ringmq":
            return [self.ours, what, host.address, group, *(sizes if what == "send" else sizes[:1])]
        endpoint = f"epgm://{host.address};{group}"
        return [sys.executable, "-B", str(PEER), self.theirs, what, endpoint, *sizes]


@dataclass(frozen=True)
class Direction:
    """Who sends to whom, and how many packets of a hundred get lost."""

    sender: str
    receiver: str
    loss: int

    def __str__(self) -> str:
        return f"{self.sender} -> {self.receiver}"


@dataclass(frozen=True)
class Result:
    """What came of it; nobody knows what came if the receiver did not end."""

    delivered: int | None
    disordered: int
    repaired: int
    seconds: float
    told: str

    def __str__(self) -> str:
        known = self.delivered is not None
        delivered, lost = (self.delivered, COUNT - (self.delivered or 0)) if known else ("?", "?")
        return f"{delivered:>9} {self.repaired:>8} {lost:>5} {self.seconds:>5.1f}"

    def fault(self, loss: int) -> str:
        """What is wrong with it, if anything is."""
        if self.delivered != COUNT or self.disordered:
            return "missing, out of order, or doubled"
        # Of so many packets some were lost, and had to be repaired.
        return "no loss was made" if loss == max(LOSSES) and not self.repaired else ""


def has_joined(process: subprocess.Popen[str], group: IPv4Address) -> bool:
    """Whether somebody where a process runs hears a group."""
    in_memory = f"{int.from_bytes(group.packed, sys.byteorder):08X}"
    try:
        return in_memory in Path(f"/proc/{process.pid}/net/igmp").read_text()
    except OSError:
        return False


def await_join(process: subprocess.Popen[str], group: IPv4Address, until: float) -> None:
    """Wait until a receiver hears its group: what is sent from then on, it gets."""
    while not has_joined(process, group) and process.poll() is None and time.monotonic() < until:
        time.sleep(0.02)


def read_end(process: subprocess.Popen[str], until: float) -> str:
    """All that a process prints, until it ends or has to; its input ends first."""
    try:
        return process.communicate(timeout=max(until - time.monotonic(), 0.1))[0]
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()[0] + "it did not end\n"


def close(stream: IO[str] | None) -> None:
    """Close a stream that is there."""
    if stream:
        stream.close()


def run(number: int, direction: Direction, hosts: tuple[Host, Host], programs: Programs) -> Result:
    """One direction, from its receiver's beginning to its sender's end."""
    here, there = hosts
    group = FIRST_GROUP + number
    name, start = f"{group}:{FIRST_PORT + number}", time.monotonic()
    until = start + PATIENCE
    # Between two of ours the receiver loses them.
    losses = (direction.loss if direction.receiver == "libzmq" else 0, direction.loss)
    receiver = there.start(programs.command(direction.receiver, "receive", there, name), losses[1])
    processes = [receiver]
    try:
        await_join(receiver, group, until)
        sender = here.start(programs.command(direction.sender, "send", here, name), losses[0])
        processes.append(sender)
        received = read_end(receiver, until)
        sent = read_end(sender, until)
    finally:
        for process in processes:
            process.kill()
            process.wait()
            close(process.stdin)
            close(process.stdout)
    told = f"{direction.sender} sends: {sent}{direction.receiver} receives: {received}"
    messages = MESSAGES.search(received)
    delivered, disordered = map(int, messages.groups()) if messages else (None, 0)
    # Packets that came again to us, or else that we have sent again.
    repaired = REPAIRED.search(received) or REPAIRED.search(sent)
    again = int(repaired[1]) if repaired else 0
    return Result(delivered, disordered, again, time.monotonic() - start, told)


def main() -> int:
    """Run all directions, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--ours", required=True, help="the path of the example")
    parser.add_argument("--theirs", required=True, help="the path of libzmq's library")
    for name in ("--here", "--there"):
        parser.add_argument(name, nargs=2, required=True, metavar=("NAMESPACE", "ADDRESS"))
    asked = parser.parse_args()
    hosts, programs = (Host(*asked.here), Host(*asked.there)), Programs(asked.ours, asked.theirs)
    pairs = (("ringmq", "libzmq"), ("libzmq", "ringmq"), ("ringmq", "ringmq"))
    directions = [Direction(*pair, loss) for pair in pairs for loss in LOSSES]
    with ThreadPoolExecutor(len(directions)) as pool:
        todo = [pool.submit(run, at, each, hosts, programs) for at, each in enumerate(directions)]
        results = [one.result() for one in todo]
    # Which libzmq does, as much as it may send in a second.
    print(f"{COUNT} messages of {LENGTH} bytes each, at {KBIT} kbit/s; packets are repaired, those")
    print("among them that a receiver's buffer has no room for, where many are sent at once")
    columns = f"{'loss':>5} {'sent':>6} {'delivered':>9} {'repaired':>8} {'lost':>5} {'s':>5}"
    print(f"{'direction':<16} {columns}")
    faults = []
    for direction, result in zip(directions, results, strict=True):
        print(f"{direction!s:<16} {direction.loss:>3} % {COUNT:>6} {result}", flush=True)
        fault = result.fault(direction.loss)
        if fault:
            faults.append(f"{direction}, {direction.loss} %: {fault}\n{result.told}")
    print("\n".join(faults) or f"{len(results)} directions good")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
