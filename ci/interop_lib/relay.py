"""A relay between two peers on tcp, which counts what goes through."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

from . import wire


class Relay:
    """Listens on one endpoint and passes each connection on to another."""

    def __init__(self, listens: str, connects: str) -> None:
        self._connects = connects
        self._listener = wire.listen(listens)
        self._sockets: list[socket.socket] = []
        self.connections = 0
        #: Bytes from who has connected, and bytes to it.
        self.passed = [0, 0]
        threading.Thread(target=self._accept, daemon=True).start()

    def wait_for(self, each_way: int) -> None:
        """Wait until so many bytes more have passed in both directions."""
        before = list(self.passed)
        deadline = time.monotonic() + wire.WAIT_S
        while min(now - was for now, was in zip(self.passed, before, strict=True)) < each_way:
            if time.monotonic() > deadline:
                passed = [now - was for now, was in zip(self.passed, before, strict=True)]
                raise TimeoutError(f"only {passed} bytes have passed, not {each_way} each way")
            time.sleep(0.005)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near = wire.accept(self._listener)
                far = wire.connect(self._connects)
                self.connections += 1
                self._sockets += near, far
                for way, source, sink in ((0, near, far), (1, far, near)):
                    threading.Thread(
                        target=self._pass_on, args=(way, source, sink), daemon=True
                    ).start()

    def _pass_on(self, way: int, source: socket.socket, sink: socket.socket) -> None:
        source.settimeout(None)
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)
                self.passed[way] += len(data)
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End every connection."""
        for sock in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
