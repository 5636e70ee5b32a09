"""The deterministic message stream that every peer can make and check by itself.

Message ``seq`` of stream ``stream`` is a pure function of the seed, so sender and receiver
agree on every byte without talking to each other. ``ci/peer/src/pattern.rs`` is the same
function in Rust; a test vector in both keeps them equal.

A message whose first frame has room for it opens with a tag (magic, stream, sequence number).
From ``tagged_from`` on every message has room, so that a gap can be measured; below it
messages of every size, empty ones included, are taken in strict order.
"""

from __future__ import annotations

import struct

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15

#: What opens a tagged message, and what opens a probe (see ``probe_frames``).
DATA_MAGIC = b"RMQ#"
PROBE_MAGIC = b"RMQ?"
TAG = struct.Struct(">4sIQ")

#: The largest body: 1 MiB.
MAX_BODY = 1 << 20
#: Sizes at which some encoder, decoder or allocator changes its mind.
EDGE_SIZES = (0, 1, 15, 16, 30, 31, 33, 34, 48, 63, 64, 65, 253, 254, 255, 256, 257,
              4095, 4096, 8191, 8192, 8193, 65535, 65536, MAX_BODY)  # fmt: skip
#: The filler repeats after this many bytes: a prime, so that a body cut at a power of two shows.
UNIT = 65521
#: Words of randomness that one message may draw.
WORDS_PER_MESSAGE = 64
MAX_FRAMES = 5


def mix(value: int) -> int:
    """One step of the splitmix64 finalizer."""
    value = (value + GOLDEN) & MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


class Pattern:
    """All streams of one seed."""

    def __init__(self, seed: int, tagged_from: int, max_body: int = MAX_BODY) -> None:
        self.seed = seed & MASK
        self.tagged_from = tagged_from
        self.max_body = max_body
        unit = b"".join(
            mix((self.seed + i) & MASK).to_bytes(8, "little") for i in range(UNIT // 8 + 1)
        )[:UNIT]
        self._filler = unit * (MAX_BODY // UNIT + 2)
        self._bases: dict[int, int] = {}

    def _word(self, stream: int, index: int) -> int:
        base = self._bases.get(stream)
        if base is None:
            base = self._bases[stream] = mix(self.seed ^ mix(stream))
        return mix((base + index) & MASK)

    def _size(self, word: int) -> int:
        kind, span = word % 1000, word >> 16
        if kind < 20:
            size = EDGE_SIZES[span % len(EDGE_SIZES)]
        elif kind < 900:
            size = span % 257
        elif kind < 985:
            size = span % 8193
        elif kind < 998:
            size = span % 65537
        else:
            size = span % (MAX_BODY + 1)
        return min(size, self.max_body)

    def frames(self, stream: int, seq: int) -> list[bytes]:
        """The frames of message ``seq`` of ``stream``."""
        start = (seq * WORDS_PER_MESSAGE) & MASK
        shape = self._word(stream, start)
        count = 2 + (shape >> 8) % (MAX_FRAMES - 1) if shape % 4 == 0 else 1
        frames = []
        for j in range(count):
            word = self._word(stream, start + 1 + j)
            size = self._size(word)
            if j == 0 and seq >= self.tagged_from:
                size = max(size, TAG.size)
            offset = mix(word) % UNIT
            body = self._filler[offset : offset + size]
            if j == 0 and size >= TAG.size:
                body = TAG.pack(DATA_MAGIC, stream, seq) + body[TAG.size :]
            frames.append(body)
        return frames


def probe_frames(number: int) -> list[bytes]:
    """A message that stands outside every stream: it only shows that the path is open."""
    return [PROBE_MAGIC + number.to_bytes(8, "big")]


def parse_probe(frames: list[bytes]) -> int | None:
    """The number of a probe, or None if the message is none."""
    if len(frames) == 1 and len(frames[0]) == 12 and frames[0].startswith(PROBE_MAGIC):
        return int.from_bytes(frames[0][4:], "big")
    return None
