"""ringmq against libzmq: tcp PUSH/PULL throughput, in turns, as two pinned processes each.

Every round measures all contenders once, one after the other, so that a slow minute of the
machine is slow for all of them; the verdict is on the median of the ratios within each round.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

#: How long one measurement may take, s.
PATIENCE_S = 120


def parse_args() -> argparse.Namespace:
    """The flags of ``ci/versus-libzmq``."""
    parser = argparse.ArgumentParser(
        prog="ci/versus-libzmq",
        description="tcp PUSH/PULL: messages a second of ringmq and of libzmq 4.3, in one"
        " interleaved run. Exits 1 if ringmq is not --at-least so many times as fast.",
    )
    parser.add_argument("--bench", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--thr", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, default=64, help="bytes of a body (default 64)")
    parser.add_argument("--count", type=int, default=4_000_000, help="messages (default 4000000)")
    parser.add_argument("--rounds", type=int, default=5, help="(default 5)")
    parser.add_argument("--backends", default="uring,mio", help="of ringmq (default uring,mio)")
    parser.add_argument(
        "--at-least", type=float, default=3.0, help="ratio that the first backend needs (default 3)"
    )
    return parser.parse_args()


def cores() -> tuple[int, int]:
    """A core for the sender and one for the receiver; -1 where there is only one."""
    here = sorted(os.sched_getaffinity(0))
    return (here[0], here[1]) if len(here) > 1 else (-1, -1)


def fresh_endpoint() -> str:
    """A port of the loopback interface that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


def run_pair(receiver: list[str], sender: list[str]) -> str:
    """Run both processes to their end; answers what the receiver printed."""
    with subprocess.Popen(
        receiver, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as receiving:
        try:
            sending = subprocess.run(sender, timeout=PATIENCE_S, capture_output=True, text=True)
            output, errors = receiving.communicate(timeout=PATIENCE_S)
        except BaseException:
            receiving.kill()
            raise
    if sending.returncode or receiving.returncode:
        raise RuntimeError(f"{' '.join(receiver)} failed: {errors}{sending.stderr}")
    return output


def libzmq(args: argparse.Namespace) -> float:
    """Messages a second of libzmq."""
    send_core, receive_core = cores()
    job = [fresh_endpoint(), str(args.size), str(args.count)]
    return float(
        run_pair(
            [str(args.thr), "bind", *job, str(receive_core)],
            [str(args.thr), "connect", *job, str(send_core)],
        )
    )


def ringmq(args: argparse.Namespace, backend: str) -> float:
    """Messages a second of ringmq."""
    send_core, receive_core = cores()
    pin = "off" if send_core < 0 else f"{send_core},{receive_core}"
    job = [str(args.bench), "throughput", "--pattern", "push-pull", "--endpoint", fresh_endpoint()]
    job += ["--size", str(args.size), "--count", str(args.count), "--backend", backend]
    job += ["--pin", pin]
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        run_pair([*job, "--role", "bind", "--json", report.name], [*job, "--role", "connect"])
        (result,) = json.loads(Path(report.name).read_text())["results"]
    if result["failure"]:
        raise RuntimeError(result["failure"])
    return float(result["throughput"]["msgs_per_s"])


def main() -> int:
    """Measure, print every round and the medians, judge."""
    args = parse_args()
    backends = args.backends.split(",")
    rates: dict[str, list[float]] = {name: [] for name in ("libzmq", *backends)}
    print(f"tcp PUSH/PULL, {args.size} bytes, {args.count} messages, M msg/s")
    print("round", *(f"{name:>8}" for name in rates), sep="  ")
    for number in range(1, args.rounds + 1):
        rates["libzmq"].append(libzmq(args))
        for backend in backends:
            rates[backend].append(ringmq(args, backend))
        print(f"{number:>5}", *(f"{rate[-1] / 1e6:8.2f}" for rate in rates.values()), sep="  ")
    medians = (statistics.median(rate) for rate in rates.values())
    print("     ", *(f"{median / 1e6:8.2f}" for median in medians), "  median", sep="  ")
    ratios = {}
    for backend in backends:
        pairs = zip(rates[backend], rates["libzmq"], strict=True)
        ratios[backend] = statistics.median(ours / theirs for ours, theirs in pairs)
        print(f"{backend}: {ratios[backend]:.2f} times libzmq (median of the rounds)")
    good = ratios[backends[0]] >= args.at_least
    print(f"{backends[0]} needs {args.at_least:g}: {'ok' if good else 'TOO SLOW'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
