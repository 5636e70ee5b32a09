"""Who lets peers in to the socket of a pyzmq peer.

Verdicts from the command line said by a plain ZAP handler, which is the twin of
``ci/peer/src/judge.rs``; or pyzmq's own authenticator with rules of its own.
"""

from __future__ import annotations

import argparse
import json
import threading

import zmq
from zmq.auth.thread import ThreadAuthenticator

ENDPOINT = "inproc://zeromq.zap.01"
#: Who is let in is somebody, and has a property.
USER_ID = "judged"
ROLE = "clerk"
METADATA = b"\x04Role\x00\x00\x00\x05clerk"
#: What is said of those of whom no flag says anything.
OTHERWISE = "400"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of a judge."""
    parser.add_argument("--judge", choices=("native", "zap", "pyzmq"))
    parser.add_argument("--verdict", action="append", default=[])
    parser.add_argument("--rules", help="of pyzmq's authenticator: its methods and arguments, JSON")


def install(context: zmq.Context[zmq.Socket[bytes]], args: argparse.Namespace) -> None:
    """Have somebody judge the peers of the context's sockets from now on."""
    if args.judge == "pyzmq":
        authenticator = ThreadAuthenticator(context)
        authenticator.start()
        for method, arguments in json.loads(args.rules):
            getattr(authenticator, method)(*arguments)
        # It ends with the process; its destructor would wait for its thread.
        KEPT.append(authenticator)
    elif args.judge is not None:
        # libzmq has no other way than ZAP.
        verdicts = dict(verdict.rsplit("=", 1) for verdict in args.verdict)
        handler = context.socket(zmq.REP)
        handler.bind(ENDPOINT)
        threading.Thread(target=handle, args=(handler, verdicts), daemon=True).start()


KEPT: list[ThreadAuthenticator] = []


def stop() -> None:
    """Let the context end."""
    for authenticator in KEPT:
        authenticator.stop()
    KEPT.clear()


def handle(handler: zmq.Socket[bytes], verdicts: dict[str, str]) -> None:
    """Answer every question until the context ends."""
    try:
        while True:
            handler.send_multipart(reply(handler.recv_multipart(), verdicts))
    except zmq.ContextTerminated:
        handler.close()


def reply(frames: list[bytes], verdicts: dict[str, str]) -> list[bytes]:
    """The answer to one question."""
    version, request, domain, address, _identity, mechanism, *credentials = frames
    status = OTHERWISE
    # The exact address counts more.
    for place in ("*", address.decode()):
        asked = question(domain.decode(), place, mechanism.decode(), *credentials)
        status = verdicts.get(asked, status)
    known = (USER_ID.encode(), METADATA) if status == "200" else (b"", b"")
    return [version, request, status.encode(), b"as the flags say", *known]


def question(domain: str, address: str, mechanism: str, *credentials: bytes) -> str:
    """A question as ``--verdict`` takes it."""
    return "/".join((domain, address, mechanism, *(part.hex() for part in credentials)))
