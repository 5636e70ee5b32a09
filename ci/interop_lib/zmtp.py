"""Hand-written ZMTP peers: 3.0 (RFC 23), 2.0 (RFC 15) and 1.0 (RFC 13), on bare sockets.

They share no code with any ZeroMQ implementation and check every byte that the other side
sends, so a mistake made in the same way by two libraries does not go unseen.
"""

from __future__ import annotations

import socket
import struct

NULL_MECHANISM = b"NULL".ljust(20, b"\0")
#: Socket-type bytes of the ZMTP 2.0 greeting; libzmq numbers XPUB and XSUB in the same way.
TYPE_BYTES = {
    "pair": 0, "pub": 1, "sub": 2, "req": 3, "rep": 4, "dealer": 5,
    "router": 6, "pull": 7, "push": 8, "xpub": 9, "xsub": 10,
}  # fmt: skip
#: READY carries an identity for these types only.
NAMED_TYPES = ("req", "dealer", "router")

MORE, LONG, COMMAND = 1, 2, 4
VERSIONS = ("3.0", "2.0", "1.0")


class ProtocolError(Exception):
    """The other side sent something that the specification does not allow."""


def frame_v1(body: bytes, more: bool = False) -> bytes:
    """A ZMTP 1.0 frame: the length counts the flags byte."""
    size = len(body) + 1
    head = bytes([size]) if size < 255 else b"\xff" + struct.pack(">Q", size)
    return head + bytes([int(more)]) + body


def frame_v2(body: bytes, flags: int = 0) -> bytes:
    """A ZMTP 2.0 or 3.x frame."""
    if len(body) < 256:
        return bytes([flags, len(body)]) + body
    return bytes([flags | LONG]) + struct.pack(">Q", len(body)) + body


def command(name: str, data: bytes = b"") -> bytes:
    """A ZMTP 3.x command frame."""
    return frame_v2(bytes([len(name)]) + name.encode() + data, COMMAND)


def metadata(properties: dict[str, bytes]) -> bytes:
    """Properties as READY carries them."""
    return b"".join(
        bytes([len(name)]) + name.encode() + struct.pack(">I", len(value)) + value
        for name, value in properties.items()
    )


def parse_metadata(data: bytes) -> dict[str, bytes]:
    """The opposite of ``metadata``."""
    properties, at = {}, 0
    while at < len(data):
        end = at + 1 + data[at]
        (size,) = struct.unpack_from(">I", data, end)
        properties[data[at + 1 : end].decode()] = data[end + 4 : end + 4 + size]
        at = end + 4 + size
    if at != len(data):
        raise ProtocolError(f"metadata ends in the middle of a property: {data.hex()}")
    return properties


def greeting_v3(minor: int = 0, mechanism: bytes = NULL_MECHANISM) -> bytes:
    """The 64 bytes of a ZMTP 3 greeting."""
    return b"\xff" + bytes(8) + b"\x7f" + bytes([3, minor]) + mechanism + bytes(32)


class RawPeer:
    """One connection that speaks one version of ZMTP as one socket type."""

    def __init__(self, sock: socket.socket, version: str, kind: str, identity: bytes = b"") -> None:
        self.sock = sock
        self.version = version
        self.kind = kind
        self.identity = identity
        #: Who the other side said it is; only some versions tell.
        self.peer_kind = ""
        self.peer_identity = b""
        self._buffer = b""

    # -- bytes ----------------------------------------------------------------------------

    def take(self, count: int) -> bytes:
        """Exactly ``count`` bytes from the other side."""
        if count > len(self._buffer):
            parts = [self._buffer]
            missing = count - len(self._buffer)
            while missing > 0:
                part = self.sock.recv(max(missing, 1 << 16))
                if not part:
                    raise ConnectionError("the other side closed the connection")
                parts.append(part)
                missing -= len(part)
            self._buffer = b"".join(parts)
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def _expect(self, what: str, expected: bytes) -> None:
        got = self.take(len(expected))
        if got != expected:
            raise ProtocolError(f"{what} is {got.hex()}, not {expected.hex()}")

    # -- handshake -------------------------------------------------------------------------

    def handshake(self) -> None:
        """Greet, and check the other side's greeting byte by byte."""
        {"3.0": self._handshake_v3, "2.0": self._handshake_v2, "1.0": self._handshake_v1}[
            self.version
        ]()

    def ready(self) -> bytes:
        """The READY command of a ZMTP 3 handshake."""
        properties = {"Socket-Type": self.kind.upper().encode()}
        if self.kind in NAMED_TYPES:
            properties["Identity"] = self.identity
        return command("READY", metadata(properties))

    def _take_signature(self) -> int:
        """The ten bytes that every version can read; answers the identity's length."""
        self._expect("the signature's first byte", b"\xff")
        (length,) = struct.unpack(">Q", self.take(8))
        self._expect("the signature's last byte", b"\x7f")
        # As the long length of a 1.0 frame, it counts the flags byte too.
        return int(length) - 1

    def _handshake_v3(self) -> None:
        self.sock.sendall(greeting_v3())
        self._take_signature()
        self._expect("the major version", b"\x03")
        self.take(1)
        self._expect("the mechanism", NULL_MECHANISM)
        self._expect("as-server and filler", bytes(32))
        self.sock.sendall(self.ready())
        flags, body = self.take_frame()
        if flags & ~LONG != COMMAND or not body.startswith(b"\x05READY"):
            raise ProtocolError(f"instead of READY came {flags:02x} {body.hex()}")
        properties = parse_metadata(body[6:])
        self.peer_kind = properties["Socket-Type"].decode().lower()
        self.peer_identity = properties.get("Identity", b"")

    def greet(self) -> None:
        """What a peer of a version without mechanisms says at once."""
        if self.version == "1.0":
            self.sock.sendall(frame_v1(self.identity))
            return
        self.sock.sendall(b"\xff" + bytes(8) + b"\x7f\x01" + bytes([TYPE_BYTES[self.kind]]))
        self.sock.sendall(frame_v2(self.identity))

    def _handshake_v2(self) -> None:
        self.greet()
        self._take_signature()
        self._expect("the revision", b"\x03")
        byte = self.take(1)[0]
        self.peer_kind = next(kind for kind, value in TYPE_BYTES.items() if value == byte)
        flags, self.peer_identity = self.take_frame()
        if flags:
            raise ProtocolError(f"the identity frame has the flags {flags:02x}")

    def _handshake_v1(self) -> None:
        self.greet()
        # The signature is the head of a long identity frame; its body follows.
        self.peer_identity = self.take(self._take_signature())

    # -- messages --------------------------------------------------------------------------

    def take_frame(self) -> tuple[int, bytes]:
        """One frame: flags and body."""
        if self.version == "1.0":
            size = self.take(1)[0]
            if size == 255:
                (size,) = struct.unpack(">Q", self.take(8))
                if size < 255:
                    raise ProtocolError(f"a long length for {size} bytes")
            flags = self.take(1)[0]
            return flags, self.take(size - 1)
        flags = self.take(1)[0]
        if flags & ~(MORE | LONG | COMMAND):
            raise ProtocolError(f"reserved flags are set: {flags:02x}")
        if flags & LONG:
            (size,) = struct.unpack(">Q", self.take(8))
            if size < 256:
                raise ProtocolError(f"a long length for {size} bytes")
        else:
            size = self.take(1)[0]
        return flags, self.take(size)

    def encode(self, frames: list[bytes]) -> bytes:
        """A whole message as this version frames it."""
        ends = [False] * (len(frames) - 1) + [True]
        if self.version == "1.0":
            return b"".join(frame_v1(f, not end) for f, end in zip(frames, ends, strict=True))
        return b"".join(
            frame_v2(f, 0 if end else MORE) for f, end in zip(frames, ends, strict=True)
        )

    def send(self, frames: list[bytes]) -> None:
        """Send one message."""
        self.sock.sendall(self.encode(frames))

    def receive(self) -> list[bytes]:
        """Receive one message; a command, which none of these versions knows, is a fault."""
        frames = []
        while True:
            flags, body = self.take_frame()
            if flags & COMMAND:
                raise ProtocolError(f"a command came to a ZMTP {self.version} peer: {body.hex()}")
            frames.append(body)
            if not flags & MORE:
                return frames
