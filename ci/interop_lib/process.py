"""A peer process: started, asked, killed, and never waited for without a deadline."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import IO, Any

#: What the driver grants a peer beyond the deadline that the peer itself keeps, s.
GRACE_S = 20.0
START_S = 60.0
#: Where ``python -m interop_lib.pyzmq_peer`` finds its package.
PACKAGE = Path(__file__).resolve().parent


class PeerError(Exception):
    """A peer failed, died or did not answer in time."""


class PeerProcess:
    """One running peer; commands go in as JSON lines, one answer comes back for each."""

    def __init__(self, name: str, argv: list[str], log: Path) -> None:
        self.name = name
        self._log = log
        self._errors: IO[bytes] = log.open("ab")
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=PACKAGE.parent,
            text=True,
        )
        self._answers: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self._pending: list[tuple[str, float]] = []
        try:
            self.hello = self._take("start", START_S)
        except PeerError:
            self.kill()
            raise

    @property
    def endpoint(self) -> str:
        """The endpoint that the peer's socket was bound or connected to."""
        return str(self.hello["endpoint"])

    @property
    def descriptors(self) -> int:
        """How many descriptors it has open, seen from outside: it may have none left."""
        return len(os.listdir(f"/proc/{self.hello['pid']}/fd"))

    def begin(self, op: str, timeout: float = 30.0, **fields: Any) -> None:
        """Give a command and go on; ``finish`` fetches its answer."""
        self._write({"op": op, "timeout_ms": int(timeout * 1000), **fields})
        self._pending.append((op, timeout))

    def finish(self) -> dict[str, Any]:
        """The answer of the oldest command begun."""
        op, timeout = self._pending.pop(0)
        return self._take(op, timeout + GRACE_S)

    def call(self, op: str, timeout: float = 30.0, **fields: Any) -> dict[str, Any]:
        """Give a command and wait for its answer."""
        self.begin(op, timeout, **fields)
        return self.finish()

    def send_raw(self, frames: list[bytes], timeout: float = 30.0) -> None:
        """Have the peer send one message."""
        self.call("send_raw", timeout, frames=[frame.hex() for frame in frames])

    def receive_raw(self, timeout: float = 30.0) -> list[bytes]:
        """Have the peer receive one message."""
        frames = self.call("recv_raw", timeout)["frames"]
        return [bytes.fromhex(frame) for frame in frames]

    def stop(self) -> None:
        """End the command under way; its answer still has to be fetched."""
        self._write({"op": "stop"})

    def kill(self) -> None:
        """End the process as a crash would."""
        self._process.send_signal(signal.SIGKILL)
        self._reap()

    def close(self, timeout: float = 30.0) -> None:
        """Have the peer close its socket, deliver what lingers, and leave by itself."""
        self.call("close", timeout)
        try:
            code = self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise PeerError(f"{self.name}: still running after its close") from None
        self._reap()
        if code != 0:
            raise PeerError(f"{self.name}: left with exit status {code}")

    def _reap(self) -> None:
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            try:
                if stream is not None:
                    stream.close()
            except OSError:
                pass

    def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            for line in self._process.stdout:
                self._answers.put(json.loads(line))
        except (ValueError, OSError):
            pass
        self._answers.put(None)

    def _write(self, command: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise PeerError(f"{self.name}: cannot be told {command['op']}: {error}") from None

    def _take(self, op: str, timeout: float) -> dict[str, Any]:
        try:
            answer = self._answers.get(timeout=timeout)
        except queue.Empty:
            raise PeerError(f"{self.name}: no answer to {op} in {timeout:.0f} s") from None
        if answer is None:
            status = self._process.poll()
            raise PeerError(f"{self.name}: died during {op}, status {status}: {self._tail()}")
        if not answer.get("ok"):
            raise PeerError(f"{self.name}: {answer.get('error')} (state {brief(answer)})")
        return answer

    def _tail(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()
        return " / ".join(lines[-4:]) or "nothing on standard error"

    def __enter__(self) -> PeerProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self.kill()
        else:
            self._reap()


def brief(answer: dict[str, Any]) -> str:
    """A tracker's report in one line."""
    return f"received {answer.get('received')}, runs {answer.get('runs')}, {answer.get('faults')}"
