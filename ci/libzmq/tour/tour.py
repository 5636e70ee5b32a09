"""A tour of libzmq's library in Python, by the system's own pyzmq.

By calls that block, with asyncio and with gevent.
"""

import asyncio
import sys

import zmq
import zmq.asyncio


def blocking() -> None:
    """Each pattern once."""
    context = zmq.Context()
    rep, req = context.socket(zmq.REP), context.socket(zmq.REQ)
    rep.bind("tcp://127.0.0.1:*")
    req.connect(rep.last_endpoint)
    req.send_multipart([b"two", b"frames"])
    assert rep.recv_multipart() == [b"two", b"frames"]
    rep.send(b"answer")
    assert req.recv() == b"answer"

    pub, sub = context.socket(zmq.XPUB), context.socket(zmq.SUB)
    sub.subscribe("news")
    pub.bind("inproc://news")
    sub.connect("inproc://news")
    assert pub.recv() == b"\x01news"
    pub.send(b"other")
    pub.send(b"news 1")
    assert sub.recv() == b"news 1"
    assert sub.poll(0) == 0
    context.destroy(linger=0)


async def awaiting() -> None:
    """A message that a task waits for, lent and not copied."""
    context = zmq.asyncio.Context()
    push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
    pull.bind("ipc://*")
    push.connect(pull.last_endpoint)
    receiving = asyncio.ensure_future(pull.recv())
    await push.send(b"x" * 100_000, copy=False)
    assert await asyncio.wait_for(receiving, 20) == b"x" * 100_000
    context.destroy(linger=0)


def green() -> None:
    """A question between two greenlets."""
    try:
        import gevent
        import zmq.green
    except ImportError:
        print("no gevent here")
        return
    context = zmq.green.Context()
    rep, req = context.socket(zmq.REP), context.socket(zmq.REQ)
    rep.bind("tcp://127.0.0.1:*")
    req.connect(rep.last_endpoint)

    def answer() -> None:
        rep.send(rep.recv() + b"!")

    def ask() -> None:
        req.send(b"hello")
        assert req.recv() == b"hello!"

    gevent.joinall([gevent.spawn(answer), gevent.spawn(ask)], timeout=20, raise_error=True)
    context.destroy(linger=0)


if __name__ == "__main__":
    blocking()
    asyncio.run(awaiting())
    green()
    sys.stdout.write("all is as it is with libzmq\n")
