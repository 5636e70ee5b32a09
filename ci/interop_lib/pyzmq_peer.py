"""A command-driven pyzmq process: the reference side of every pair.

``ci/peer`` is its twin made with ringmq. Both take the same flags, read one JSON command a
line from standard input, and answer each with one JSON line. ``stop`` alone has no answer:
it ends the command under way. Every wait is cut into slices, so that a stop or a deadline is
seen soon.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import queue
import sys
import threading
import time
from typing import Any

import zmq
from zmq.utils.monitor import recv_monitor_message

from . import judge
from .pattern import Pattern, parse_probe, probe_frames
from .tracker import Tracker

#: How long one blocking call may last before stop and deadline are looked at, ms.
SLICE_MS = 20
DEFAULT_DEADLINE_MS = 30_000

#: Options that are no numbers.
TEXTS = (
    "routing_id",
    "plain_username",
    "plain_password",
    "curve_publickey",
    "curve_secretkey",
    "curve_serverkey",
    "zap_domain",
)

#: What a monitor may say of the end of a handshake, or of a connection.
OUTCOMES = {
    zmq.EVENT_HANDSHAKE_SUCCEEDED: "succeeded",
    zmq.EVENT_HANDSHAKE_FAILED_AUTH: "auth",
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: "protocol",
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: "no_detail",
    zmq.EVENT_DISCONNECTED: "disconnected",
}


class Stopped(Exception):
    """The driver asked for the running command to end."""


class Peer:
    """One socket and what it has received."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.context = zmq.Context()
        self.kind = args.type
        self.socket = self.context.socket(getattr(zmq, args.type.upper()))
        self.socket.rcvtimeo = self.socket.sndtimeo = SLICE_MS
        #: Frames put before what is sent and taken from what is received, for each command.
        self.envelope: list[bytes] = []
        self.pattern = Pattern(args.seed, args.tagged_from, args.max_body)
        self.tracker = Tracker(self.pattern)
        self.deadline = 0.0
        #: The number of the command under way, and of the newest one that a stop covers.
        self.running = 0
        self.stopped = 0
        for text in args.option:
            name, _, value = text.partition("=")
            self.set_option(name, value)
        judge.install(self.context, args)
        self.monitor = self.socket.get_monitor_socket(sum(OUTCOMES)) if args.monitor else None
        for endpoint in args.bind:
            self.socket.bind(endpoint)
        for endpoint in args.connect:
            self.socket.connect(endpoint)

    def set_option(self, name: str, value: str) -> None:
        """Set an option by libzmq's name without its prefix."""
        option = getattr(zmq, name.upper())
        self.socket.setsockopt(option, value.encode() if name in TEXTS else int(value))

    # -- the socket, in slices -------------------------------------------------------------

    def _check(self) -> None:
        if self.running <= self.stopped:
            raise Stopped
        if time.monotonic() > self.deadline:
            raise TimeoutError("deadline passed")

    def _try_send(self, frames: list[bytes], flags: int = 0) -> bool:
        """Hand one message over within a slice; False if there was no room."""
        try:
            self.socket.send_multipart(self.envelope + frames, flags)
        except zmq.Again:
            return False
        except zmq.ZMQError as error:
            # A ROUTER has not met its peer yet; a strict REQ still waits for its answer.
            if error.errno in (zmq.EHOSTUNREACH, zmq.EFSM):
                return False
            raise
        return True

    def _send(self, frames: list[bytes]) -> None:
        while not self._try_send(frames):
            self._check()

    def _try_receive(self, flags: int = 0) -> list[bytes] | None:
        """The next message without its envelope; None if a slice brought none."""
        try:
            frames = self.socket.recv_multipart(flags)
        except zmq.Again:
            return None
        except zmq.ZMQError as error:
            if error.errno == zmq.EFSM:
                return None
            raise
        depth = len(self.envelope)
        if frames[:depth] != self.envelope:
            raise ValueError(f"the envelope is {frames[:depth]}, not {self.envelope}")
        return frames[depth:]

    # -- commands --------------------------------------------------------------------------

    def do_send(self, command: dict[str, Any]) -> dict[str, Any]:
        """Send ``count`` messages of a stream, from ``first`` on."""
        sent = 0
        try:
            for seq in range(command["first"], command["first"] + command["count"]):
                self._send(self.pattern.frames(command["stream"], seq))
                sent += 1
        except Stopped:
            pass
        return {"sent": sent}

    def do_recv(self, command: dict[str, Any]) -> dict[str, Any]:
        """Receive until ``count`` messages more, or message ``last``, or a probe is there."""
        stream, last = command["stream"], command.get("last", 1 << 62)
        target = self.tracker.count(stream) + command.get("count", 1 << 62)
        probe = command.get("probe")
        self.tracker.expect(stream)
        try:
            while (
                self.tracker.count(stream) < target
                and self.tracker.last(stream) < last
                and probe not in self.tracker.probes
            ):
                frames = self._try_receive()
                if frames is None:
                    self._check()
                else:
                    self.tracker.take(frames)
        except Stopped:
            pass
        return self.tracker.report()

    def do_probe(self, command: dict[str, Any]) -> dict[str, Any]:
        """Send a probe now and then until stopped."""
        sent = 0
        try:
            while True:
                sent += self._try_send(probe_frames(command["number"]))
                self._check()
                time.sleep(SLICE_MS / 1000)
        except Stopped:
            pass
        return {"sent": sent}

    def do_serve(self, command: dict[str, Any]) -> dict[str, Any]:
        """Send every message back as it came, until ``count`` of them or a stop.

        Reading goes on while an answer finds no room: a dead peer's connection is only let
        go of once everything that it had sent has been read.
        """
        served = 0
        pending: collections.deque[list[bytes]] = collections.deque()
        try:
            while served < command.get("count", 1 << 62):
                if pending and self._try_send(pending[0], zmq.DONTWAIT):
                    # A ROUTER sees the sender's id and perhaps an empty frame first.
                    served += parse_probe(pending.popleft()[-1:]) is None
                    continue
                frames = self._try_receive(zmq.DONTWAIT if pending else 0)
                if frames is not None:
                    pending.append(frames)
                else:
                    self._check()
                    if pending:
                        # With an answer that finds no room nothing above has waited.
                        time.sleep(0.001)
        except Stopped:
            pass
        return {"served": served}

    def do_request(self, command: dict[str, Any]) -> dict[str, Any]:
        """Send a stream with at most ``window`` messages unanswered; check every answer."""
        stream, first, count = command["stream"], command["first"], command["count"]
        answered_before, sent = self.tracker.count(stream), 0
        self.tracker.expect(stream, first)
        try:
            while (answered := self.tracker.count(stream) - answered_before) < count:
                # What has come is read before anything is asked, and nobody waits to ask while an
                # answer may be on its way: a dead peer's come before the first of its successor's.
                waiting = sent > answered
                frames = self._try_receive(zmq.DONTWAIT) if waiting else None
                may_ask = sent < count and sent - answered < command["window"]
                if frames is None and may_ask:
                    question = self.pattern.frames(stream, first + sent)
                    if self._try_send(question, zmq.DONTWAIT if waiting else 0):
                        sent += 1
                        continue
                if frames is None:
                    frames = self._try_receive()
                if frames is None:
                    self._check()
                else:
                    self.tracker.take(frames)
        except Stopped:
            pass
        return {"sent": sent} | self.tracker.report()

    def do_sync(self, command: dict[str, Any]) -> dict[str, Any]:
        """Send probes until one has come back."""
        number = command["number"]
        while number not in self.tracker.probes:
            self._try_send(probe_frames(number))
            for _ in range(5):
                frames = self._try_receive()
                if frames is not None:
                    self.tracker.take(frames)
                if number in self.tracker.probes:
                    break
                self._check()
        return self.tracker.report()

    def do_set(self, command: dict[str, Any]) -> dict[str, Any]:
        """Set an option on the open socket."""
        self.set_option(command["name"], str(command["value"]))
        return {}

    def do_subscribe(self, command: dict[str, Any]) -> dict[str, Any]:
        """Subscribe; an XSUB does it by a message, as its users must."""
        topic = bytes.fromhex(command["topic"])
        if self.kind == "xsub":
            self._send([b"\x01" + topic])
        else:
            self.socket.setsockopt(zmq.SUBSCRIBE, topic)
        return {}

    def do_unsubscribe(self, command: dict[str, Any]) -> dict[str, Any]:
        """The opposite of subscribe."""
        topic = bytes.fromhex(command["topic"])
        if self.kind == "xsub":
            self._send([b"\x00" + topic])
        else:
            self.socket.setsockopt(zmq.UNSUBSCRIBE, topic)
        return {}

    def do_connect(self, command: dict[str, Any]) -> dict[str, Any]:
        """Connect to one more endpoint."""
        self.socket.connect(command["endpoint"])
        return {}

    def do_send_raw(self, command: dict[str, Any]) -> dict[str, Any]:
        """Send one message given in hex."""
        self._send([bytes.fromhex(frame) for frame in command["frames"]])
        return {}

    def do_recv_raw(self, command: dict[str, Any]) -> dict[str, Any]:
        """Receive one message and answer it in hex, with those of its properties asked for."""
        while True:
            try:
                frames = self.socket.recv_multipart(copy=False)
                break
            except zmq.Again:
                self._check()
        return {
            "frames": [frame.bytes.hex() for frame in frames],
            "properties": {
                name: property_of(frames[-1], name) for name in command.get("properties", [])
            },
        }

    def do_outcome(self, _command: dict[str, Any]) -> dict[str, Any]:
        """Wait until a handshake has ended, or a connection, that was not answered before."""
        assert self.monitor is not None
        while not self.monitor.poll(SLICE_MS):
            self._check()
        event = recv_monitor_message(self.monitor)
        outcome = OUTCOMES[zmq.Event(event["event"])]
        value = 0 if outcome == "disconnected" else event["value"]
        return {"outcome": outcome, "value": value, "text": ""}

    def do_close(self, _command: dict[str, Any]) -> dict[str, Any]:
        """Close, wait for everything that was accepted to be sent, and leave."""
        if self.monitor is not None:
            self.socket.disable_monitor()
            self.monitor.close()
        self.socket.close()
        judge.stop()
        self.context.term()
        return {"closed": True}

    def run(self, command: dict[str, Any]) -> dict[str, Any]:
        """Carry out one command; the answer says whether it was right."""
        milliseconds = command.get("timeout_ms", DEFAULT_DEADLINE_MS)
        self.deadline = time.monotonic() + milliseconds / 1000
        self.running += 1
        self.envelope = [bytes.fromhex(part) for part in command.get("envelope", [])]
        try:
            answer: dict[str, Any] = getattr(self, "do_" + command["op"])(command)
        except Exception as error:  # every failure belongs to the driver's report
            text = f"{command['op']}: {type(error).__name__}: {error}"
            return {"ok": False, "error": text} | self.tracker.report()
        return {"ok": True} | answer


def property_of(frame: zmq.Frame, name: str) -> str | None:
    """What is known of the peer that has sent a frame."""
    try:
        return str(frame.get(name))
    except zmq.ZMQError:
        return None


def parse_args() -> argparse.Namespace:
    """The flags, the same as those of ``ringmq-peer``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--type", required=True)
    parser.add_argument("--bind", action="append", default=[])
    parser.add_argument("--connect", action="append", default=[])
    parser.add_argument("--backend", default="auto", help="ignored: libzmq has only its own")
    parser.add_argument("--option", action="append", default=[])
    parser.add_argument("--monitor", action="store_true")
    judge.add_arguments(parser)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tagged-from", type=int, default=0)
    parser.add_argument("--max-body", type=int, default=1 << 20)
    return parser.parse_args()


def read_commands(peer: Peer, commands: queue.Queue[dict[str, Any]]) -> None:
    """Pass commands on, and let a stop overtake those that were given before it."""
    given = 0
    for line in sys.stdin:
        command = json.loads(line)
        if command["op"] == "stop":
            peer.stopped = given
        else:
            given += 1
            commands.put(command)
    # The driver is gone: nobody is left to answer to.
    os._exit(1)


def main() -> None:
    """Serve commands until a close or the end of standard input."""
    try:
        peer = Peer(parse_args())
    except zmq.ZMQError as error:
        print(json.dumps({"ok": False, "error": str(error)}), flush=True)
        sys.exit(1)
    endpoint = peer.socket.getsockopt_string(zmq.LAST_ENDPOINT)
    hello = {"ok": True, "endpoint": endpoint, "backend": "libzmq", "pid": os.getpid()}
    print(json.dumps(hello), flush=True)
    commands: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=read_commands, args=(peer, commands), daemon=True).start()
    closed = False
    while not closed:
        answer = peer.run(commands.get())
        print(json.dumps(answer), flush=True)
        closed = "closed" in answer
    os._exit(0)


if __name__ == "__main__":
    main()
