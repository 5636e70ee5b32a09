"""WebSockets between ringmq and the system's libzmq, each through its C library, in one process.

Every pattern in both directions, with CURVE and without, in sizes around those where the form of a
frame changes; and heartbeats that are answered. And a page in a browser, as far as node is one.
"""

from __future__ import annotations

import argparse
import ctypes
import itertools
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

PAIR, PUB, SUB, REQ, REP, DEALER, ROUTER, PULL, PUSH, XPUB, XSUB = range(11)
ROUTING_ID, SUBSCRIBE, UNSUBSCRIBE, RCVMORE, LINGER, RCVTIMEO, SNDTIMEO = 5, 6, 7, 13, 17, 27, 28
LAST_ENDPOINT, RCVHWM, SNDHWM = 32, 24, 23
CURVE_SERVER, CURVE_PUBLICKEY, CURVE_SECRETKEY, CURVE_SERVERKEY = 47, 48, 49, 50
HEARTBEAT_IVL, HEARTBEAT_TIMEOUT = 75, 77
SNDMORE, DONTWAIT = 2, 1

#: Lengths of bodies: around those from which on a length takes two bytes, and eight.
SIZES = (0, 1, 123, 124, 125, 126, 127, 255, 256, 8192, 8193, 65533, 65534, 65535, 65536, 1_000_000)
#: How long anything may take, ms: far more than it does.
PATIENCE_MS = 20_000
#: A page in a browser.
PAGE = Path(__file__).parent.parent / "libzmq" / "page.mjs"
#: Where messages are received.
ROOM = ctypes.create_string_buffer(1 << 21)
#: Messages of a stream.
MANY = 20_000


class Library:
    """One of the two."""

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self.zmq = ctypes.CDLL(path, use_errno=True)
        for function in (self.zmq.zmq_ctx_new, self.zmq.zmq_socket):
            function.restype = ctypes.c_void_p
        self.context = ctypes.c_void_p(self.zmq.zmq_ctx_new())

    def keys(self) -> tuple[bytes, bytes]:
        """A public key and its secret one, in Z85."""
        public, secret = ctypes.create_string_buffer(41), ctypes.create_string_buffer(41)
        self.check(self.zmq.zmq_curve_keypair(public, secret), "curve_keypair")
        return public.value, secret.value

    def check(self, result: int, what: str) -> int:
        """What a function has returned, if that is no failure."""
        if result < 0:
            raise AssertionError(f"{self.name}: {what}: errno {ctypes.get_errno()}")
        return result


class Socket:
    """A socket of a library's."""

    def __init__(self, library: Library, kind: int) -> None:
        self.library, self.zmq = library, library.zmq
        self.socket = ctypes.c_void_p(self.zmq.zmq_socket(library.context, kind))
        for option in (RCVTIMEO, SNDTIMEO):
            self.set(option, PATIENCE_MS)
        self.set(LINGER, 0)
        self.set(RCVHWM, 0)
        self.set(SNDHWM, 0)

    def set(self, option: int, value: int | bytes) -> None:
        """Set an option."""
        if isinstance(value, int):
            value = value.to_bytes(4, sys.byteorder, signed=True)
        result = self.zmq.zmq_setsockopt(self.socket, option, value, ctypes.c_size_t(len(value)))
        self.library.check(result, f"setsockopt {option}")

    def bind(self) -> bytes:
        """Bind anywhere; returns the endpoint."""
        self.library.check(self.zmq.zmq_bind(self.socket, b"ws://127.0.0.1:*/zws"), "bind")
        text, size = ctypes.create_string_buffer(256), ctypes.c_size_t(256)
        self.zmq.zmq_getsockopt(self.socket, LAST_ENDPOINT, text, ctypes.byref(size))
        return text.value

    def connect(self, endpoint: bytes) -> None:
        """Connect to it."""
        self.library.check(self.zmq.zmq_connect(self.socket, endpoint), "connect")

    def send(self, *frames: bytes) -> None:
        """Send a message."""
        for number, frame in enumerate(frames, 1):
            flags = SNDMORE if number < len(frames) else 0
            size = ctypes.c_size_t(len(frame))
            self.library.check(self.zmq.zmq_send(self.socket, frame, size, flags), "send")

    def recv(self, flags: int = 0) -> list[bytes]:
        """Receive a message; nothing if there is none, and it is not waited for."""
        frames, more = [], 1
        while more:
            size = self.zmq.zmq_recv(self.socket, ROOM, ctypes.c_size_t(len(ROOM)), flags)
            if size < 0 and flags:
                return []
            self.library.check(size, "recv")
            frames.append(ctypes.string_at(ROOM, size))
            flag, length = ctypes.c_int(), ctypes.c_size_t(4)
            self.zmq.zmq_getsockopt(self.socket, RCVMORE, ctypes.byref(flag), ctypes.byref(length))
            more = flag.value
        return frames

    def close(self) -> None:
        """Close it."""
        self.zmq.zmq_close(self.socket)


#: Options of a socket, by number.
Options = dict[int, int | bytes]


@dataclass
class Cell:
    """Who binds and who connects, and whether what they say is sealed."""

    server: Library
    client: Library
    curve: bool

    def __str__(self) -> str:
        return f"{self.server.name} <- {self.client.name}, {'CURVE' if self.curve else 'NULL'}"

    def pair(
        self, binds: int, connects: int, options: tuple[Options, Options] = ({}, {})
    ) -> tuple[Socket, Socket]:
        """Two sockets that are connected, each with its options."""
        here, there = Socket(self.server, binds), Socket(self.client, connects)
        if self.curve:
            public, secret = self.server.keys()
            here.set(CURVE_SERVER, 1)
            here.set(CURVE_SECRETKEY, secret)
            there.set(CURVE_SERVERKEY, public)
            public, secret = self.client.keys()
            there.set(CURVE_PUBLICKEY, public)
            there.set(CURVE_SECRETKEY, secret)
        for socket, own in zip((here, there), options, strict=True):
            for option, value in own.items():
                socket.set(option, value)
        there.connect(here.bind())
        return here, there


def body(number: int, size: int) -> bytes:
    """Bytes that are not those of another number."""
    return bytes((number * 7 + at) % 251 for at in range(min(size, 997))) * (size // 997 + 1)


def sizes(cell: Cell) -> None:
    """Frames of all sizes, alone and as parts of a message, both ways."""
    for one, other in itertools.pairwise(cell.pair(PAIR, PAIR) * 2):
        for number, size in enumerate(SIZES):
            frames = [body(number, size)[:size], b"", body(number + 1, size)[:size]]
            one.send(frames[0])
            one.send(*frames)
            assert other.recv() == frames[:1], size
            assert other.recv() == frames, size
    one.close()
    other.close()


def stream(cell: Cell) -> None:
    """Many messages, in order."""
    for binds, connects in ((PULL, PUSH), (PUSH, PULL)):
        here, there = cell.pair(binds, connects)
        push, pull = (there, here) if binds == PULL else (here, there)
        for number in range(MANY):
            push.send(number.to_bytes(4, "big") * (number % 50 + 1))
        for number in range(MANY):
            assert pull.recv() == [number.to_bytes(4, "big") * (number % 50 + 1)], number
        here.close()
        there.close()


def questions(cell: Cell) -> None:
    """REQ and REP, and a ROUTER that knows a DEALER by its name."""
    rep, req = cell.pair(REP, REQ)
    for number in range(100):
        req.send(b"%d" % number)
        assert rep.recv() == [b"%d" % number]
        rep.send(b"answer", b"%d" % number)
        assert req.recv() == [b"answer", b"%d" % number]
    router, dealer = cell.pair(ROUTER, DEALER, ({}, {ROUTING_ID: b"dealer"}))
    dealer.send(b"question")
    assert router.recv() == [b"dealer", b"question"]
    router.send(b"dealer", b"answer")
    assert dealer.recv() == [b"answer"]
    for socket in (rep, req, router, dealer):
        socket.close()


def topics(cell: Cell) -> None:
    """Subscriptions reach who publishes, and so do their ends, whoever binds."""
    for binds, connects in ((XPUB, SUB), (SUB, XPUB)):
        if binds == SUB and cell.server.name == "libzmq":
            continue  # It does not tell even another libzmq there what it wants (4.3.4).
        here, there = cell.pair(binds, connects)
        publisher, subscriber = (here, there) if binds == XPUB else (there, here)
        subscriber.set(SUBSCRIBE, b"a")
        assert publisher.recv() == [b"\x01a"]
        publisher.send(b"b", b"unwanted")
        publisher.send(b"ab", b"wanted")
        assert subscriber.recv() == [b"ab", b"wanted"]
        subscriber.set(UNSUBSCRIBE, b"a")
        assert publisher.recv() == [b"\x00a"]
        here.close()
        there.close()


def heartbeats(cell: Cell) -> None:
    """Who is probed answers, and is not given up."""
    options: Options = {HEARTBEAT_IVL: 50, HEARTBEAT_TIMEOUT: 5_000}
    router, dealer = cell.pair(ROUTER, DEALER, (options, options))
    dealer.send(b"first")
    name = router.recv()[0]
    time.sleep(0.5)
    router.send(name, b"still there")
    assert dealer.recv() == [b"still there"]
    router.close()
    dealer.close()


def page(library: Library) -> bool:
    """A page in a browser, which node plays; says whether it could."""
    node = ["node", "--experimental-websocket"]
    try:
        known = subprocess.run([*node, "-e", "WebSocket"], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    if known.returncode:
        return False
    rep = Socket(library, REP)
    endpoint = rep.bind().decode()
    for size in (0, 125, 200_000):
        command = [*node, str(PAGE), endpoint, str(size)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert rep.recv() == [bytes([7]) * size]
            rep.send(body(size, size)[:size])
            told, _ = process.communicate(timeout=PATIENCE_MS / 1000)
        assert told.split() == [str(size), "1000", "true"], told
    rep.close()
    return True


def main() -> int:
    """Run every cell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("ours", help="the path of ringmq's libzmq.so.5")
    parser.add_argument("theirs", help="the path of libzmq's")
    asked = parser.parse_args()
    ours, theirs = Library("ringmq", asked.ours), Library("libzmq", asked.theirs)
    done = 0
    for server, client in ((ours, theirs), (theirs, ours), (ours, ours)):
        for curve in (False, True):
            cell = Cell(server, client, curve)
            for check in (sizes, stream, questions, topics, heartbeats):
                start = time.monotonic()
                check(cell)
                done += 1
                print(f"{cell}: {check.__name__}, {time.monotonic() - start:.2f} s", flush=True)
    if page(ours):
        done += 1
        print("ringmq <- a page in node", flush=True)
    else:
        print("no page: node is not there, or has no WebSocket", flush=True)
    for library in (ours, theirs):
        library.zmq.zmq_ctx_term(library.context)
    print(f"{done} cells good")
    return 0


if __name__ == "__main__":
    sys.exit(main())
