"""What a bad peer may do to a PULL socket, one function each.

An attack gets a function that opens a connection to the victim, and returns once it has seen
what it expects; ``Hole`` says that the victim took it in the wrong way.
"""

from __future__ import annotations

import contextlib
import dataclasses
import random
import socket
import struct
import time
from collections.abc import Callable
from contextlib import closing

from . import wire
from .pattern import Pattern
from .scenario import Hole
from .zmtp import COMMAND, LONG, MORE, RawPeer, command, frame_v2, greeting_v3, metadata

Open = Callable[[], socket.socket]

#: The victim gives a peer that has no intention to this long to introduce itself, ms.
HANDSHAKE_MS = 500
#: How long the victim may take to get rid of a peer that broke the protocol, s.
DROP_S = 20.0
#: The largest body that the victim accepts, in bytes.
LIMIT = 4 << 20
#: The stream and the number of the messages that an odd but honest peer sends.
HONEST_STREAM = 7
HONEST = 3


@dataclasses.dataclass(frozen=True)
class Attacker:
    """What an attack works with."""

    #: Opens one more connection to the victim.
    connect: Open
    rng: random.Random
    #: The messages that the victim would recognise.
    pattern: Pattern


@dataclasses.dataclass(frozen=True)
class Attack:
    """A row of the table."""

    name: str
    run: Callable[[Attacker], None]
    #: How often a listening victim is attacked; a connecting one need not come back for more.
    times: int = 4
    #: Whether the rubbish may happen to be valid ZMTP 1.0 messages.
    may_deliver: bool = False
    #: Whether the attacker's ``HONEST`` messages have to arrive all the same.
    honest: bool = False
    #: Whether it ends when the victim's patience does. All others have as long as they need.
    outstays: bool = False
    #: Whether libzmq itself reads out of bounds when this is done to it.
    harms_libzmq: bool = False


def greeted(sock: socket.socket, kind: str = "push") -> RawPeer:
    """A peer that has introduced itself properly."""
    raw = RawPeer(sock, "3.0", kind)
    raw.handshake()
    return raw


def honest_messages(by: Attacker, raw: RawPeer) -> bytes:
    """Messages that the victim has to deliver."""
    messages = (by.pattern.frames(HONEST_STREAM, seq) for seq in range(HONEST))
    return b"".join(raw.encode(frames) for frames in messages)


def hang_up(sock: socket.socket) -> None:
    """End an honest peer.

    A close before all that the victim has said was read resets the connection, and takes back what
    the system has not sent yet.
    """
    sock.shutdown(socket.SHUT_WR)
    expect_drop(sock, "a peer that has hung up")


def expect_drop(sock: socket.socket, what: str) -> None:
    """The victim has to close this connection."""
    if not wire.closed_within(sock, DROP_S):
        raise Hole(f"{what}: still connected after {DROP_S:.0f} s")


def http_request(by: Attacker) -> None:
    """A browser that took the wrong port."""
    with closing(by.connect()) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: browser\r\n\r\n")
        sock.settimeout(HANDSHAKE_MS / 1000)
        with contextlib.suppress(OSError):
            while sock.recv(4096):
                pass


def garbage(by: Attacker) -> None:
    """Random bytes from the first one on."""
    with closing(by.connect()) as sock, contextlib.suppress(ConnectionError):
        sock.sendall(by.rng.randbytes(4096))


def garbage_greeting(by: Attacker) -> None:
    """A signature, then an unknown mechanism and noise."""
    with closing(by.connect()) as sock:
        with contextlib.suppress(ConnectionError):
            sock.sendall(greeting_v3()[:12] + by.rng.randbytes(500))
        expect_drop(sock, "an unknown mechanism")


def half_greeting(by: Attacker) -> None:
    """A greeting that stops in the middle."""
    with closing(by.connect()) as sock:
        sock.sendall(greeting_v3()[: by.rng.randrange(1, 64)])
        expect_drop(sock, "half a greeting")


def silence(by: Attacker) -> None:
    """A peer that never says a word."""
    with closing(by.connect()) as sock:
        expect_drop(sock, "silence")


def closed_at_once(by: Attacker) -> None:
    """A connection closed as soon as it is there, in the polite way and by a reset."""
    for linger in (False, True):
        with closing(by.connect()) as sock:
            if linger:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def huge_length(size: int) -> Callable[[Attacker], None]:
    """A frame whose length nobody can mean."""

    def run(by: Attacker) -> None:
        with closing(by.connect()) as sock:
            greeted(sock)
            sock.sendall(bytes([LONG]) + struct.pack(">Q", size) + b"x" * 100)
            expect_drop(sock, f"a length of {size}")

    return run


def zero_length_v1(by: Attacker) -> None:
    """A ZMTP 1.0 frame without room for its flags."""
    with closing(by.connect()) as sock:
        sock.sendall(b"\x01\x00" + b"\x00")
        expect_drop(sock, "a ZMTP 1.0 frame of length 0")


def truncated_ready(by: Attacker) -> None:
    """Metadata that ends in the middle of a property."""
    with closing(by.connect()) as sock:
        sock.sendall(greeting_v3() + command("READY", metadata({"Socket-Type": b"PUSH"})[:-2]))
        expect_drop(sock, "a truncated READY")


def wrong_type(by: Attacker) -> None:
    """A type that has nothing to say to a PULL."""
    with closing(by.connect()) as sock:
        with contextlib.suppress(ConnectionError):
            greeted(sock, "pub")
        expect_drop(sock, "a PUB")


def error_command(by: Attacker) -> None:
    """An ERROR instead of READY."""
    with closing(by.connect()) as sock:
        sock.sendall(greeting_v3() + command("ERROR", b"\x03400"))
        expect_drop(sock, "an ERROR")


def odd_commands(by: Attacker) -> None:
    """Commands that no specification knows; an honest message after them still counts."""
    with closing(by.connect()) as sock:
        raw = greeted(sock)
        sock.sendall(command("DANCE", by.rng.randbytes(300)) + command("X"))
        sock.sendall(command("PONG", b"unasked") + honest_messages(by, raw))
        hang_up(sock)


def broken_commands(by: Attacker) -> None:
    """Commands shorter than what they must hold: dropped, or a reason to drop the peer."""
    broken = by.rng.choice((b"", b"\x04PING", b"\xff"))
    with closing(by.connect()) as sock:
        greeted(sock)
        with contextlib.suppress(ConnectionError):
            sock.sendall(frame_v2(broken, COMMAND))


def killed_in_multipart(by: Attacker) -> None:
    """A peer that dies after one and a half of its three frames."""
    with closing(by.connect()) as sock:
        greeted(sock)
        second = frame_v2(by.rng.randbytes(50_000), MORE)
        sock.sendall(frame_v2(b"the first frame", MORE) + second[: len(second) // 2])


def trickle(by: Attacker) -> None:
    """An honest peer on a very slow line, about a thousand bytes a second."""
    with closing(by.connect()) as sock:
        raw = RawPeer(sock, "3.0", "push")
        message = greeting_v3() + raw.ready() + honest_messages(by, raw)
        for byte in message:
            sock.sendall(bytes([byte]))
            time.sleep(0.001)
        hang_up(sock)


ATTACKS = (
    Attack("HTTP request", http_request),
    Attack("random bytes", garbage, may_deliver=True),
    Attack("signature, then noise", garbage_greeting),
    Attack("half a greeting", half_greeting, outstays=True),
    Attack("silence", silence, outstays=True),
    Attack("closed at once", closed_at_once, times=50),
    Attack("length 2^63", huge_length(1 << 63)),
    Attack("length 2^64-1", huge_length((1 << 64) - 1)),
    Attack("body over the limit", huge_length(LIMIT + 1)),
    Attack("1.0 frame of length 0", zero_length_v1),
    Attack("truncated READY", truncated_ready),
    Attack("wrong socket type", wrong_type),
    Attack("ERROR command", error_command),
    Attack("unknown commands", odd_commands, times=1, honest=True),
    Attack("broken commands", broken_commands, times=12, harms_libzmq=True),
    Attack("killed in a multipart", killed_in_multipart, times=20),
    Attack("bytes trickle in", trickle, times=1, honest=True),
)
