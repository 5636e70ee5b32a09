"""Hosts, which are network namespaces, the programs that run there, and the cables between them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

#: What our example and its peers say of what they have received, and sent.
RECEIVED = re.compile(r"received (\d+), missing (\d+), out of order (\d+), up to (\d+)$")
SENT = re.compile(r"sent (\d+)$")
#: The number of PGM's protocol, by which its sockets stand in a table of the system.
PGM = 113


@dataclass(frozen=True)
class Tally:
    """What a receiver has got: how many, and how many numbers were left out before the last."""

    received: int = 0
    missing: int = 0
    disordered: int = 0
    #: The number after the last.
    end: int = 0


class Program:
    """A program under way, and what it has printed so far."""

    def __init__(self, space: str, command: list[str]) -> None:
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", space, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self.tally, self.sent, self.over = Tally(), 0, False
        self.news = threading.Condition()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self) -> None:
        """Keep what it prints."""
        for line in self.process.stdout or ():
            with self.news:
                self.take(line.rstrip())
                self.news.notify_all()
        with self.news:
            self.over = True
            self.news.notify_all()

    def take(self, line: str) -> None:
        """Understand a line; the figures are kept only as they are now."""
        if received := RECEIVED.match(line):
            self.tally = Tally(*map(int, received.groups()))
        elif sent := SENT.match(line):
            self.sent = int(sent[1])
        else:
            self.lines.append(line)

    def wait(self, condition: Callable[[], bool], until: float) -> bool:
        """Whether something that it prints comes true in time, and before it ends."""
        with self.news:
            left = max(until - time.monotonic(), 0)
            self.news.wait_for(lambda: self.over or condition(), left)
            return condition()

    def write(self, line: str) -> None:
        """Give it a line to read."""
        if self.process.stdin:
            self.process.stdin.write(f"{line}\n")
            self.process.stdin.flush()

    def end(self, until: float) -> bool:
        """End its input, and say whether that ends it, as it should."""
        if self.process.stdin and not self.process.stdin.closed:
            self.process.stdin.close()
        return self.wait(lambda: self.over, until) and self.process.wait() == 0

    def stop(self) -> None:
        """End it whatever it does."""
        self.process.kill()
        self.process.wait()
        self.reader.join()
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                stream.close()

    def hears(self, port: int | None, group: IPv4Address | None) -> bool:
        """Whether somebody where it runs has a port, or PGM's protocol, and is in a group."""
        network = Path(f"/proc/{self.process.pid}/net")
        table, local = ("raw", PGM) if port is None else ("udp", port)
        try:
            if f":{local:04X} " not in (network / table).read_text():
                return False
            if group is None:
                return True
            in_memory = f"{int.from_bytes(group.packed, sys.byteorder):08X}"
            return in_memory in (network / "igmp").read_text()
        except OSError:
            return False

    def await_hearing(self, port: int | None, group: IPv4Address | None, until: float) -> bool:
        """Wait until it hears."""
        while not self.hears(port, group):
            if self.process.poll() is not None or time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True


@dataclass(frozen=True)
class Host:
    """A namespace, and its address on the cable that loses packets."""

    space: str
    address: str

    def start(self, command: list[str]) -> Program:
        """Run something there."""
        return Program(self.space, command)


@dataclass(frozen=True)
class Cable:
    """A second cable between two hosts, which loses nothing, and can be taken away."""

    ends: tuple[Host, Host]
    devices = ("wa", "wb")
    addresses = ("198.18.1.1", "198.18.1.2")

    def put(self) -> None:
        """Make it, and the interfaces at its ends with it."""
        (here, there), (a, b) = (end.space for end in self.ends), self.devices
        ip("link", "add", a, "netns", here, "type", "veth", "peer", "name", b, "netns", there)
        for end, device, address in zip(self.ends, self.devices, self.addresses, strict=True):
            ip("-n", end.space, "address", "add", f"{address}/24", "dev", device)
            ip("-n", end.space, "link", "set", device, "up")

    def take_away(self) -> None:
        """Delete both interfaces."""
        ip("-n", self.ends[1].space, "link", "del", self.devices[1])


def ip(*words: str) -> None:
    """Run ip."""
    subprocess.run(["ip", *words], check=True)


class Relay:
    """The cable that loses packets, and counts."""

    def __init__(self, space: str, devices: tuple[str, str], percents: dict[int, int]) -> None:
        path = str(Path(__file__).with_name("multicast_relay.py"))
        rules = [f"{port}={percent}" for port, percent in percents.items()]
        self.program = Program(space, [sys.executable, "-B", path, *devices, *rules])
        self.asking = threading.Lock()
        if not self.program.wait(lambda: "ready" in self.program.lines, time.monotonic() + 10):
            raise RuntimeError("\n".join(self.program.lines))

    def counts(self, port: int) -> dict[str, int]:
        """What has become of the datagrams for a port."""
        with self.asking:
            known = len(self.program.lines)
            self.program.write("")
            until = time.monotonic() + 10
            if not self.program.wait(lambda: len(self.program.lines) > known, until):
                raise RuntimeError("the relay does not answer")
            counts: dict[str, int] = json.loads(self.program.lines[-1])[str(port)]
            return counts
