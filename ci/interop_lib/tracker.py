"""What a receiver has got: runs of sequence numbers for each stream, and every fault."""

from __future__ import annotations

from typing import Any

from .pattern import DATA_MAGIC, TAG, Pattern, parse_probe

#: Faults kept word for word; the rest is only counted.
KEPT_FAULTS = 5


class Tracker:
    """Checks each message against the pattern and remembers it as part of a run."""

    def __init__(self, pattern: Pattern) -> None:
        self._pattern = pattern
        self.runs: dict[int, list[list[int]]] = {}
        self.probes: set[int] = set()
        self.counts: dict[int, int] = {}
        self.fault_count = 0
        self.faults: list[str] = []
        #: Messages that belong to no stream: somebody else's.
        self.foreign = 0
        #: The stream that an untagged message is taken to belong to, and where it starts.
        self._current = (0, 0)

    def expect(self, stream: int, first: int = 0) -> None:
        """Take untagged messages for this stream's, in order from ``first`` on."""
        self._current = (stream, first)

    def take(self, frames: list[bytes]) -> None:
        """Account for one received message."""
        probe = parse_probe(frames)
        if probe is not None:
            self.probes.add(probe)
            return
        stream, seq, tagged = self._identify(frames)
        if not tagged and seq >= self._pattern.tagged_from:
            self.foreign += 1
            return
        runs = self.runs.setdefault(stream, [])
        if self._pattern.frames(stream, seq) != frames:
            self._fault(f"stream {stream}: not message {seq}: {describe(frames)}")
        elif runs and seq <= runs[-1][1]:
            self._fault(f"stream {stream}: {seq} after {runs[-1][1]}")
        else:
            self.counts[stream] = self.count(stream) + 1
            if runs and seq == runs[-1][1] + 1:
                runs[-1][1] = seq
            else:
                runs.append([seq, seq])

    @property
    def received(self) -> int:
        """How many messages arrived whole and in order."""
        return sum(self.counts.values())

    def count(self, stream: int) -> int:
        """The same of one stream."""
        return self.counts.get(stream, 0)

    def last(self, stream: int) -> int:
        """The newest sequence number of a stream, or -1."""
        runs = self.runs.get(stream)
        return runs[-1][1] if runs else -1

    def report(self) -> dict[str, Any]:
        """The state as the driver reads it."""
        return {
            "received": self.received,
            "runs": {str(stream): runs for stream, runs in self.runs.items()},
            "fault_count": self.fault_count,
            "faults": self.faults,
            "foreign": self.foreign,
        }

    def _identify(self, frames: list[bytes]) -> tuple[int, int, bool]:
        head = frames[0] if frames else b""
        if len(head) >= TAG.size and head.startswith(DATA_MAGIC):
            _, stream, seq = TAG.unpack_from(head)
            if self._current[0] != stream:
                self._current = (stream, 0)
            return stream, seq, True
        stream, first = self._current
        return stream, max(first, self.last(stream) + 1), False

    def _fault(self, text: str) -> None:
        self.fault_count += 1
        if len(self.faults) < KEPT_FAULTS:
            self.faults.append(text)


def describe(frames: list[bytes]) -> str:
    """A message in a few words, for a fault line."""
    head = frames[0][:24].hex() if frames else ""
    return f"{len(frames)} frames of {[len(frame) for frame in frames]} bytes, opening with {head}"
