"""The table of long topics: subscribers made with the system's own libzmq.

Versions 4.3.0 to 4.3.4, which is what the programs of every Debian 12 run on, write the size of a
subscription to 246 to 255 bytes in a form of their own. pyzmq brings a later version along, so
the system's library is called directly. Where there is none the table is left out.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import itertools
import time
from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType

from .cases import PUBLISHERS, TRANSPORTS, column
from .pairs import Cell
from .process import PeerProcess
from .scenario import Hole
from .stage import Side, Stage

#: Lengths at which the form of SUBSCRIBE or CANCEL changes, and on either side of them, in bytes.
LENGTHS = (245, 246, 248, 249, 255, 256)
SECTION_S = 30.0
#: How long a subscriber waits for one message before it is sent again, ms.
SLICE_MS = 20
ZMQ_SUB = 2
ZMQ_SUBSCRIBE, ZMQ_UNSUBSCRIBE, ZMQ_LINGER, ZMQ_RCVTIMEO = 6, 7, 17, 27
OTHER = b"other topic"


def cells(stage: Stage, backends: tuple[str, ...]) -> Iterator[Cell]:
    """One row a publisher and a length; columns as in the other tables."""
    name = ctypes.util.find_library("zmq")
    if name is None or backends == ("libzmq",):
        return
    library = Library(name)
    numbers = itertools.count()
    for kind, length, backend, transport, binds in itertools.product(
        PUBLISHERS, LENGTHS, backends, TRANSPORTS, (True, False)
    ):
        log_name = f"topics-{next(numbers)}.log"
        side = stage.our_side(kind, backend, transport, binds, log_name)
        run = functools.partial(run_case, library, side, length)
        yield (
            f"topics of libzmq {library.version}",
            f"{kind.upper()} {length}",
            column(backend, transport, binds),
            run,
        )


class Library:
    """The system's libzmq."""

    def __init__(self, name: str) -> None:
        self.call = ctypes.CDLL(name, use_errno=True)
        self.call.zmq_ctx_new.restype = self.call.zmq_socket.restype = ctypes.c_void_p
        numbers = [ctypes.c_int() for _ in range(3)]
        self.call.zmq_version(*(ctypes.byref(number) for number in numbers))
        self.version = ".".join(str(number.value) for number in numbers)


class Subscriber:
    """A SUB socket of that library."""

    def __init__(self, library: Library) -> None:
        self._call = library.call
        self._context = ctypes.c_void_p(self._call.zmq_ctx_new())
        self._socket = ctypes.c_void_p(self._call.zmq_socket(self._context, ZMQ_SUB))
        self._set_int(ZMQ_LINGER, 0)
        self._set_int(ZMQ_RCVTIMEO, SLICE_MS)

    def _check(self, result: int, what: str) -> int:
        if result < 0:
            raise OSError(ctypes.get_errno(), f"libzmq: {what}")
        return result

    def _set_int(self, option: int, value: int) -> None:
        number = ctypes.c_int(value)
        size = ctypes.c_size_t(ctypes.sizeof(number))
        result = self._call.zmq_setsockopt(self._socket, option, ctypes.byref(number), size)
        self._check(result, "setsockopt")

    def _set(self, option: int, topic: bytes) -> None:
        size = ctypes.c_size_t(len(topic))
        self._check(self._call.zmq_setsockopt(self._socket, option, topic, size), "setsockopt")

    def subscribe(self, topic: bytes) -> None:
        """Want what begins so."""
        self._set(ZMQ_SUBSCRIBE, topic)

    def unsubscribe(self, topic: bytes) -> None:
        """The opposite of subscribe."""
        self._set(ZMQ_UNSUBSCRIBE, topic)

    def attach(self, endpoint: str, binds: bool) -> None:
        """Bind or connect."""
        attach = self._call.zmq_bind if binds else self._call.zmq_connect
        self._check(attach(self._socket, endpoint.encode()), "bind or connect")

    def receive(self) -> bytes | None:
        """The next message, if one comes within a slice."""
        buffer = ctypes.create_string_buffer(1000)
        size = self._call.zmq_recv(self._socket, buffer, ctypes.c_size_t(len(buffer)), 0)
        return None if size < 0 else buffer.raw[:size]

    def __enter__(self) -> Subscriber:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._call.zmq_close(self._socket)
        self._call.zmq_ctx_term(self._context)


def run_case(library: Library, side: Side, length: int) -> str:
    """One subscriber with a long topic and another one; then the long one is cancelled."""
    topic = bytes(range(1, 1 + 255))[:length].ljust(length, b"x")
    with ExitStack() as stack:
        subscriber = stack.enter_context(Subscriber(library))
        subscriber.subscribe(topic)
        subscriber.subscribe(OTHER)
        if not side.binds:
            subscriber.attach(side.endpoint, binds=True)
        publisher = stack.enter_context(side.start())
        if side.binds:
            subscriber.attach(side.endpoint, binds=False)
        # A subscriber that binds says what it wants when its user calls in, as this one does here.
        expect_message(publisher, subscriber, topic)
        expect_message(publisher, subscriber, OTHER)
        if side.kind == "xpub":
            expect_told(publisher, {b"\x01" + topic, b"\x01" + OTHER})
        subscriber.unsubscribe(topic)
        if side.kind == "xpub":
            expect_told(publisher, {b"\x00" + topic})
        expect_message(publisher, subscriber, OTHER)
        publisher.close()
    return "ok"


def expect_told(publisher: PeerProcess, wishes: set[bytes]) -> None:
    """An XPUB hears of these, in some order, and of nothing else."""
    told = set()
    for _ in wishes:
        told |= set(publisher.receive_raw(SECTION_S))
    if told != wishes:
        raise Hole(f"the XPUB was told {sorted(told)}, not {sorted(wishes)}")


def expect_message(publisher: PeerProcess, subscriber: Subscriber, topic: bytes) -> None:
    """What is published to a topic arrives, as soon as the subscription has."""
    deadline = time.monotonic() + SECTION_S
    sent = 0
    while time.monotonic() < deadline:
        sent += 1
        publisher.send_raw([topic + sent.to_bytes(4, "big")], SECTION_S)
        message = subscriber.receive()
        # Some of what was published to the topic before may still come.
        while message is not None and not message.startswith(topic):
            message = subscriber.receive()
        if message is not None:
            return
    raise Hole(f"of {sent} messages to a topic of {len(topic)} bytes none came")
