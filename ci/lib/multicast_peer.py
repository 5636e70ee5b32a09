"""The other end of multicast, for a namespace of its own: libzmq, through ctypes, or a bare socket.

    multicast_peer.py has LIBRARY CAPABILITY
    multicast_peer.py publish|subscribe|radio|dish ENDPOINT COUNT LENGTH LIBRARY
    multicast_peer.py ask|answer ADDRESS COUNT

A sender stays until its input ends, so that it can send again what is lost. A receiver prints how
many messages came, and how many of these did not follow the one before, as our example does.
"""

from __future__ import annotations

import ctypes
import socket
import sys
from typing import Any

KINDS = {"publish": 1, "subscribe": 2, "radio": 14, "dish": 15}
SUBSCRIBE, RATE, RECOVERY_IVL, LINGER, SNDHWM, RCVHWM, RCVTIMEO = 6, 8, 9, 17, 23, 24, 27
#: Kilobits a second, as many as ours sends if nobody says otherwise: libzmq's 100 are few, and who
#: receives more than he was told has no room for it.
KBIT = 100_000
#: How long losses can be repaired, ms.
RECOVERY_MS = 10_000
#: How long a receiver waits for a message: far longer than any repair takes.
PATIENCE_S = 20
#: The group of RADIO and DISH, as in the example.
GROUP = b"example"


class Tally:
    """What has come, in the words of the example."""

    def __init__(self) -> None:
        self.received = self.missing = self.disordered = 0
        self.expected: int | None = None

    def take(self, message: bytes) -> None:
        """Count a message, and say so."""
        number = int(message[:8])
        left_out = number - (number if self.expected is None else self.expected)
        if left_out < 0:
            self.disordered += 1
        else:
            self.missing += left_out
            self.expected = number + 1
        self.received += 1
        counts = f"received {self.received}, missing {self.missing}"
        print(f"{counts}, out of order {self.disordered}, up to {self.expected}", flush=True)


def body(number: int, length: int) -> bytes:
    """A message: its number, and what fills it up."""
    return b"%08d" % number + b"." * (length - 8)


class Peer:
    """A socket of libzmq's."""

    def __init__(self, library: str, kind: str, endpoint: str) -> None:
        self.zmq: Any = ctypes.CDLL(library, use_errno=True)
        self.zmq.zmq_ctx_new.restype = self.zmq.zmq_socket.restype = ctypes.c_void_p
        self.context = ctypes.c_void_p(self.zmq.zmq_ctx_new())
        self.socket = ctypes.c_void_p(self.zmq.zmq_socket(self.context, KINDS[kind]))
        self.kind = kind
        options = {LINGER: 0, SNDHWM: 0, RCVHWM: 0, RCVTIMEO: PATIENCE_S * 1000}
        options |= {RATE: KBIT, RECOVERY_IVL: RECOVERY_MS}
        for option, value in options.items():
            self.set(option, value.to_bytes(4, sys.byteorder))
        if kind == "subscribe":
            self.set(SUBSCRIBE, b"")
        if kind == "dish":
            self.check(self.zmq.zmq_join(self.socket, GROUP), "join")
        attach = self.zmq.zmq_bind if kind == "dish" else self.zmq.zmq_connect
        self.check(attach(self.socket, endpoint.encode()), "bind or connect")

    def set(self, option: int, value: bytes) -> None:
        """Set an option."""
        size = ctypes.c_size_t(len(value))
        self.check(self.zmq.zmq_setsockopt(self.socket, option, value, size), f"option {option}")

    def check(self, result: int, what: str) -> None:
        """Nothing, if that was no failure."""
        if result < 0:
            raise OSError(f"{what}: errno {ctypes.get_errno()}")

    def send_one(self, message: bytes) -> None:
        """Send a message, to the group if there are groups."""
        size = ctypes.c_size_t(len(message))
        if self.kind != "radio":
            self.check(self.zmq.zmq_send(self.socket, message, size, 0), "send")
            return
        # zmq_msg_t, as libzmq aligns it.
        room = (ctypes.c_uint64 * 8)()
        self.check(self.zmq.zmq_msg_init_size(room, size), "message")
        self.zmq.zmq_msg_data.restype = ctypes.c_void_p
        ctypes.memmove(self.zmq.zmq_msg_data(room), message, len(message))
        self.check(self.zmq.zmq_msg_set_group(room, GROUP), "group")
        self.check(self.zmq.zmq_msg_send(room, self.socket, 0), "send")

    def send(self, count: int, length: int) -> None:
        """Send all messages, and stay until nobody needs anything more of it."""
        for number in range(count):
            self.send_one(body(number, length))
        sys.stdin.read()

    def receive(self, count: int, length: int) -> None:
        """Receive so many messages, or until none comes."""
        room = ctypes.create_string_buffer(length + 1)
        tally = Tally()
        while tally.received < count:
            size = self.zmq.zmq_recv(self.socket, room, ctypes.c_size_t(len(room)), 0)
            if size < 0:
                return
            message = room.raw[:size]
            if message != body(int(message[:8]), length):
                raise ValueError(f"no such message: {message!r}")
            tally.take(message)

    def close(self) -> None:
        """Close the session."""
        self.zmq.zmq_close(self.socket)
        self.zmq.zmq_ctx_term(self.context)


def exchange(what: str, address: str, count: int) -> None:
    """Ask whoever is there, or answer whoever asks, with a bare socket."""
    host, _, port = address.partition(":")
    bare = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bare.settimeout(PATIENCE_S)
    tally = Tally()
    if what == "answer":
        bare.bind((host, int(port)))
    for number in range(count):
        if what == "ask":
            bare.sendto(body(number, 100), (host, int(port)))
        message, sender = bare.recvfrom(1 << 16)
        tally.take(message)
        if what == "answer":
            bare.sendto(message, sender)


def main() -> int:
    """Be what the arguments say."""
    what, *rest = sys.argv[1:]
    if what == "has":
        library, capability = rest
        if ctypes.CDLL(library).zmq_has(capability.encode()):
            return 0
        print(f"{library} has no {capability}")
        return 1
    if what in KINDS:
        peer = Peer(rest[3], what, rest[0])
        (peer.send if what in ("publish", "radio") else peer.receive)(int(rest[1]), int(rest[2]))
        peer.close()
    else:
        exchange(what, rest[0], int(rest[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
