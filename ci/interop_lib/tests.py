"""Checks of the checks: the stream is the Rust peer's, and the hand-written framing is right."""

from __future__ import annotations

import socket
import tempfile
import unittest
from pathlib import Path

from . import judge, wire
from .pattern import MASK, MAX_BODY, Pattern, mix, parse_probe, probe_frames
from .stage import Endpoints
from .tracker import Tracker
from .zmtp import ProtocolError, RawPeer, command, frame_v1, frame_v2, greeting_v3


def digest(pattern: Pattern, stream: int, messages: int) -> int:
    """Fold the bytes and the frame boundaries of a stream's beginning into one word."""
    word = 0
    for seq in range(messages):
        for frame in pattern.frames(stream, seq):
            word = mix(word ^ len(frame))
            for at in range(0, len(frame), 8):
                chunk = frame[at : at + 8].ljust(8, b"\0")
                word = mix(word ^ int.from_bytes(chunk, "little"))
    return word


class PatternTest(unittest.TestCase):
    """The deterministic stream."""

    def test_the_stream_is_the_one_that_the_rust_peer_makes(self) -> None:
        """ci/peer/src/pattern.rs expects the same numbers."""
        self.assertEqual(digest(Pattern(1, 20, MAX_BODY), 3, 40), 0x433FEA1B70D1AB8A)
        self.assertEqual(digest(Pattern(MASK, 0, 100), MASK >> 32, 40), 0x7DE6944B52A90B25)

    def test_a_probe_reads_back(self) -> None:
        """And an ordinary message is none."""
        self.assertEqual(parse_probe(probe_frames(77)), 77)
        self.assertIsNone(parse_probe(Pattern(1, 0).frames(1, 1)))


class TrackerTest(unittest.TestCase):
    """The judge of what arrives."""

    def setUp(self) -> None:
        """A tracker of tagged messages."""
        self.pattern = Pattern(1, 0, 100)
        self.tracker = Tracker(self.pattern)

    def take(self, *seqs: int) -> None:
        """Deliver messages of stream 1."""
        for seq in seqs:
            self.tracker.take(self.pattern.frames(1, seq))

    def test_a_gap_starts_a_new_run(self) -> None:
        """What is missing stays visible."""
        self.take(0, 1, 5, 6)
        self.assertEqual(self.tracker.report()["runs"], {"1": [[0, 1], [5, 6]]})

    def test_a_doubled_message_is_a_fault(self) -> None:
        """So is one that comes late."""
        self.take(0, 1, 1, 0)
        self.assertEqual(self.tracker.fault_count, 2)

    def test_a_changed_byte_is_a_fault(self) -> None:
        """A torn message too."""
        frames = self.pattern.frames(1, 0)
        self.tracker.take([*frames[:-1], frames[-1] + b"x"])
        self.tracker.take([*frames, b""])
        self.assertEqual(self.tracker.fault_count, 2)

    def test_what_nobody_sent_is_counted(self) -> None:
        """As foreign, not as a message of the stream."""
        self.tracker.take([b"hello"])
        self.assertEqual((self.tracker.foreign, self.tracker.received), (1, 0))


class JudgeTest(unittest.TestCase):
    """The ZAP handler of a pyzmq peer; ci/peer/src/judge.rs expects the same."""

    def ask(self, *verdicts: tuple[str, str]) -> list[bytes]:
        """What the handler says of alice."""
        frames = [b"1.0", b"7", b"lab", b"127.0.0.1", b"", b"PLAIN", b"alice", b"\xff"]
        return judge.reply(frames, dict(verdicts))

    def test_the_flags_are_what_it_says(self) -> None:
        """Of an address rather than of any, and 400 of whom they do not name."""
        anywhere, here = "lab/*/PLAIN/616c696365/ff", "lab/127.0.0.1/PLAIN/616c696365/ff"
        known = [b"200", b"as the flags say", b"judged", b"\x04Role\0\0\0\x05clerk"]
        self.assertEqual(self.ask((anywhere, "200")), [b"1.0", b"7", *known])
        self.assertEqual(self.ask((anywhere, "200"), (here, "500"))[2:5:2], [b"500", b""])
        self.assertEqual(self.ask(("/*/PLAIN/616c696365/ff", "200"))[2], b"400")


class FramingTest(unittest.TestCase):
    """Bytes as the specifications print them."""

    def test_lengths_change_form_where_they_must(self) -> None:
        """1.0 counts the flags byte, 2.0 and later do not."""
        self.assertEqual(frame_v1(b"hi"), b"\x03\x00hi")
        self.assertEqual(frame_v1(b"x" * 253)[:2], b"\xfe\x00")
        self.assertEqual(frame_v1(b"x" * 254)[:10], b"\xff" + bytes(7) + b"\xff\x00")
        self.assertEqual(frame_v2(b"x" * 255)[:2], b"\x00\xff")
        self.assertEqual(frame_v2(b"x" * 256)[:9], b"\x02" + bytes(6) + b"\x01\x00")

    def test_commands_and_greeting(self) -> None:
        """Sizes and flags."""
        self.assertEqual(command("PING", b"\x00\x0f").hex(), "04070450494e47000f")
        self.assertEqual(len(greeting_v3()), 64)

    def test_a_long_length_for_a_short_body_is_refused(self) -> None:
        """The hand-written peer is strict about what it takes."""
        near, far = socket.socketpair()
        with near, far:
            near.settimeout(5)
            far.sendall(b"\x02" + (5).to_bytes(8, "big") + b"hello")
            with self.assertRaises(ProtocolError):
                RawPeer(near, "3.0", "pull").take_frame()


if __name__ == "__main__":
    unittest.main()


class EndpointsTest(unittest.TestCase):
    """Ports that are handed out."""

    def test_a_port_is_kept_for_whoever_asks_for_it_by_number(self) -> None:
        """Who takes it as peers do gets it again and again, and nobody else."""
        with tempfile.TemporaryDirectory() as folder:
            endpoints = Endpoints(Path(folder))
            endpoint = endpoints.take("tcp")
            for _ in range(2):
                wire.listen(endpoint).close()
            with socket.socket() as stranger, self.assertRaises(OSError):
                stranger.bind(wire.address(endpoint)[1])
            self.assertNotEqual(endpoints.take("tcp"), endpoint)
