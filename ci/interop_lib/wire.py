"""Bare sockets on the endpoints that the peers use."""

from __future__ import annotations

import contextlib
import socket
import time
from pathlib import Path

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


def wait_hung_up(endpoint: str) -> None:
    """Wait until nobody is connected through an endpoint any more.

    The kernel takes the io_uring of a killed process down a little after the process is gone,
    and its connections with it. A socket that deals its messages out among its connections
    would go on giving some to the dead one.
    """
    deadline = time.monotonic() + WAIT_S
    while connections(endpoint):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{endpoint}: a dead peer's connection stays open")
        time.sleep(0.005)


def connections(endpoint: str) -> int:
    """How many established connections the system lists for a tcp or ipc endpoint."""
    family, where = address(endpoint)
    if family == socket.AF_UNIX:
        rows = _rows("/proc/net/unix")
        return sum(len(row) > 7 and row[5] == "03" and row[7] == where for row in rows)
    port = f":{where[1]:04X}"
    return sum(row[3] == "01" and row[1].endswith(port) for row in _rows("/proc/net/tcp"))


def _rows(table: str) -> list[list[str]]:
    return [line.split() for line in Path(table).read_text().splitlines()[1:]]
