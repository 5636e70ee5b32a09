"""A cable that loses packets: passes frames on between two network interfaces, both ways.

    multicast_relay.py DEVICE DEVICE PORT=PERCENT...

Of a hundred datagrams for a port so many get lost, whoever sends them. Each line of the input is
answered with what became of the datagrams for each port, as JSON; the relay ends with its input.
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
ETHERNET, IPV4, UDP = 14, 0x0800, 17
#: The type of PGM's packets that are sent again, and where it stands in a datagram.
RDATA, TYPE_AT = 5, 12
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

    def passes(self, datagram: memoryview, run: bool) -> bool:
        """Count one, and say whether it gets through."""
        self.seen += 1
        self.runs += run
        if random.random() * 100 < self.percent:
            self.lost += 1
            return False
        self.repairs += len(datagram) > TYPE_AT and datagram[TYPE_AT] == RDATA
        return True


def udp_datagram(frame: memoryview) -> memoryview | None:
    """The datagram in a frame, with its header."""
    if len(frame) < ETHERNET + 20 or int.from_bytes(frame[12:14]) != IPV4:
        return None
    packet = frame[ETHERNET:]
    datagram = packet[(packet[0] & 15) * 4 :]
    return datagram if packet[9] == UDP and len(datagram) >= 8 else None


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
        datagram = udp_datagram(memoryview(whole)[OFFLOAD.size :])
        port = ports.get(int.from_bytes(datagram[2:4])) if datagram is not None else None
        run = OFFLOAD.unpack_from(whole)[1] != 0
        if datagram is None or port is None or port.passes(datagram, run):
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
