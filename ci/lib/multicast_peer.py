"""One end of epgm as libzmq has it, through ctypes: for a namespace of its own.

    multicast_peer.py LIBRARY has
    multicast_peer.py LIBRARY send ENDPOINT COUNT LENGTH KBIT
    multicast_peer.py LIBRARY receive ENDPOINT COUNT LENGTH KBIT

A sender stays until its input ends, so that it can send again what is lost. A receiver prints how
many messages came, and how many of these did not follow the one before.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

PUB, SUB = 1, 2
SUBSCRIBE, RATE, RECOVERY_IVL, LINGER, SNDHWM, RCVHWM, RCVTIMEO = 6, 8, 9, 17, 23, 24, 27
#: How long losses can be repaired, ms.
RECOVERY_MS = 10_000
#: How long a receiver waits for a message, ms: far longer than any repair takes.
PATIENCE_MS = 20_000


def body(number: int, length: int) -> bytes:
    """A message: its number, and what fills it up."""
    return b"%08d" % number + b"." * (length - 8)


class Peer:
    """A socket of libzmq's, connected to a group."""

    def __init__(self, zmq: Any, kind: int, endpoint: str, rate: int) -> None:
        self.zmq = zmq
        zmq.zmq_ctx_new.restype = zmq.zmq_socket.restype = ctypes.c_void_p
        self.context = ctypes.c_void_p(zmq.zmq_ctx_new())
        self.socket = ctypes.c_void_p(zmq.zmq_socket(self.context, kind))
        options = {RATE: rate, RECOVERY_IVL: RECOVERY_MS, LINGER: 0, SNDHWM: 0, RCVHWM: 0}
        for option, value in (options | {RCVTIMEO: PATIENCE_MS}).items():
            self.set(option, value.to_bytes(4, sys.byteorder))
        if kind == SUB:
            self.set(SUBSCRIBE, b"")
        self.check(zmq.zmq_connect(self.socket, endpoint.encode()), "connect")

    def set(self, option: int, value: bytes) -> None:
        """Set an option."""
        size = ctypes.c_size_t(len(value))
        self.check(self.zmq.zmq_setsockopt(self.socket, option, value, size), f"option {option}")

    def check(self, result: int, what: str) -> None:
        """Nothing, if that was no failure."""
        if result < 0:
            raise OSError(f"{what}: errno {ctypes.get_errno()}")

    def send(self, count: int, length: int) -> None:
        """Send all messages, and stay until nobody needs anything more of it."""
        for number in range(count):
            size = ctypes.c_size_t(length)
            self.check(self.zmq.zmq_send(self.socket, body(number, length), size, 0), "send")
        sys.stdin.read()

    def receive(self, count: int, length: int) -> None:
        """Receive so many messages, or until none comes, and say what they were."""
        room = ctypes.create_string_buffer(length + 1)
        received = disordered = 0
        expected = 0
        while received < count:
            size = self.zmq.zmq_recv(self.socket, room, ctypes.c_size_t(len(room)), 0)
            if size < 0:
                break
            message = room.raw[: min(size, len(room))]
            disordered += message != body(expected, length)
            digits = message[:8]
            expected = int(digits) + 1 if digits.isdigit() else -1
            received += 1
        print(f"{received} messages, {disordered} out of order", flush=True)

    def close(self) -> None:
        """Close the session."""
        self.zmq.zmq_close(self.socket)
        self.zmq.zmq_ctx_term(self.context)


def main() -> int:
    """Be what the arguments say."""
    library, what, *rest = sys.argv[1:]
    zmq = ctypes.CDLL(library, use_errno=True)
    if what == "has":
        if zmq.zmq_has(b"pgm"):
            return 0
        print(f"{library} has no PGM")
        return 1
    endpoint = rest[0]
    count, length, rate = (int(number) for number in rest[1:])
    peer = Peer(zmq, PUB if what == "send" else SUB, endpoint, rate)
    (peer.send if what == "send" else peer.receive)(count, length)
    peer.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
