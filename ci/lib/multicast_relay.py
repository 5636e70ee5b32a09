"""A cable that loses packets: passes frames on between two network interfaces, both ways.

    multicast_relay.py DEVICE DEVICE PORT=PERCENT...

Of a hundred datagrams for a port so many get lost, whoever sends them, and as many of PGM's packets
that need no UDP. Each line of the input is answered with what became of them for each port, as
JSON; the relay ends with its input.
"""

from __future__ import annotations

import dataclasses
import json
import random
import selectors
import socket
import struct
import sys

#: Of asm/socket.h, linux/if_packet.h and linux/if_ether.h.
SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33
SOL_PACKET, PACKET_VNET_HDR, PACKET_OUTGOING, ETH_P_ALL = 263, 15, 4, 3
#: struct virtio_net_hdr comes before each frame: whether its checksum is yet to be made, and
#: whether it is a run of datagrams that is yet to be cut.
OFFLOAD = struct.Struct("=BBHHHH")
ETHERNET, IPV4, UDP, UDP_HEADER, PGM = 14, 0x0800, 17, 8, 113
#: The type of PGM's packets that are sent again, and where it stands in them.
RDATA, TYPE_AT = 5, 4
#: More than all that is sent at a time.
BUFFER = 32 << 20
#: Frames taken from one side before the other has its turn.
TURN = 64


@dataclasses.dataclass
class Port:
    """What became of the datagrams for a port."""

    percent: float
    seen: int = 0
    lost: int = 0
    #: Repairs that were passed on, and runs that were lost or passed on as one.
    repairs: int = 0
    runs: int = 0

    def passes(self, payload: memoryview, run: bool) -> bool:
        """Count one, and say whether it gets through."""
        self.seen += 1
        self.runs += run
        if random.random() * 100 < self.percent:
            self.lost += 1
            return False
        self.repairs += len(payload) > TYPE_AT and payload[TYPE_AT] == RDATA
        return True


def addressed(frame: memoryview) -> tuple[tuple[int, ...], memoryview]:
    """The ports that a frame is for, and what it carries: none of what is neither UDP nor PGM."""
    if len(frame) < ETHERNET + 20 or int.from_bytes(frame[12:14]) != IPV4:
        return (), frame
    packet = frame[ETHERNET:]
    datagram = packet[(packet[0] & 15) * 4 :]
    ports = int.from_bytes(datagram[0:2]), int.from_bytes(datagram[2:4])
    if packet[9] == PGM:
        # What a receiver asks for names the port of the data as where it is from.
        return ports, datagram
    if packet[9] == UDP and len(datagram) >= UDP_HEADER:
        return ports[1:], datagram[UDP_HEADER:]
    return (), frame


def open_device(name: str) -> socket.socket:
    """All frames that come to an interface."""
    device = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    device.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    device.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, BUFFER)
    device.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    device.bind((name, ETH_P_ALL))
    device.setblocking(False)
    return device


def pass_on(one: socket.socket, other: socket.socket, ports: dict[int, Port]) -> None:
    """Pass on what waits, or some of it."""
    for _ in range(TURN):
        try:
            whole, address = one.recvfrom(1 << 17)
        except BlockingIOError:
            return
        if address[2] == PACKET_OUTGOING:
            continue
        numbers, payload = addressed(memoryview(whole)[OFFLOAD.size :])
        port = next((ports[number] for number in numbers if number in ports), None)
        run = OFFLOAD.unpack_from(whole)[1] != 0
        if port is None or port.passes(payload, run):
            other.send(whole)


def main() -> int:
    """Pass frames on until the input ends."""
    names, rules = sys.argv[1:3], sys.argv[3:]
    ports = {int(rule.partition("=")[0]): Port(float(rule.partition("=")[2])) for rule in rules}
    left, right = (open_device(name) for name in names)
    selector = selectors.DefaultSelector()
    selector.register(left, selectors.EVENT_READ, right)
    selector.register(right, selectors.EVENT_READ, left)
    selector.register(sys.stdin, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            if isinstance(key.fileobj, socket.socket):
                pass_on(key.fileobj, key.data, ports)
            elif not sys.stdin.readline():
                return 0
            else:
                told = {number: dataclasses.asdict(port) for number, port in ports.items()}
                print(json.dumps(told), flush=True)


if __name__ == "__main__":
    sys.exit(main())
