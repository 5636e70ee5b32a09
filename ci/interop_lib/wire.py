"""Bare sockets on the endpoints that the peers use."""

from __future__ import annotations

import contextlib
import socket
import time

#: How long a bare socket waits for anything, s.
WAIT_S = 20.0


def address(endpoint: str) -> tuple[int, str | tuple[str, int]]:
    """The address family and the address of a tcp or ipc endpoint."""
    scheme, _, rest = endpoint.partition("://")
    if scheme == "ipc":
        return socket.AF_UNIX, rest
    host, _, port = rest.rpartition(":")
    return socket.AF_INET, (host, int(port))


def connect(endpoint: str) -> socket.socket:
    """A connected socket; a listener that is only coming up is waited for."""
    family, where = address(endpoint)
    deadline = time.monotonic() + WAIT_S
    while True:
        sock = socket.socket(family)
        sock.settimeout(WAIT_S)
        try:
            sock.connect(where)
        except OSError:
            sock.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
            continue
        return no_delay(sock)


def listen(endpoint: str) -> socket.socket:
    """A listening socket."""
    family, where = address(endpoint)
    sock = socket.socket(family)
    sock.settimeout(WAIT_S)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(where)
    sock.listen(64)
    return sock


def accept(listener: socket.socket) -> socket.socket:
    """The next connection."""
    sock, _ = listener.accept()
    sock.settimeout(WAIT_S)
    return no_delay(sock)


def no_delay(sock: socket.socket) -> socket.socket:
    """Send small writes at once."""
    if sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def closed_within(sock: socket.socket, seconds: float) -> bool:
    """Whether the other side ends the connection in time; what it says before is skipped."""
    deadline = time.monotonic() + seconds
    with contextlib.suppress(ConnectionError):
        while (left := deadline - time.monotonic()) > 0:
            sock.settimeout(left)
            try:
                if not sock.recv(1 << 16):
                    return True
            except TimeoutError:
                return False
        return False
    return True
