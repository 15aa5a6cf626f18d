#!/usr/bin/env python3
"""A time server that lies: its clock differs by so many seconds. Arguments: port, seconds."""

import socket
import struct
import sys
import time

EPOCH = 2208988800  # of NTP: seconds from 1900 to 1970


def stamp(moment: float) -> bytes:
    return struct.pack("!II", int(moment) + EPOCH, int(moment % 1 * 2**32))


def main(port: int, seconds: float) -> None:
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("", port))
    while True:
        question, sender = server.recvfrom(512)
        now = time.time() + seconds
        head = struct.pack("!BBbbII4s", 0x24, 1, 6, -20, 0, 0, b"LIE\0")
        server.sendto(head + stamp(now) + question[40:48] + stamp(now) + stamp(time.time() + seconds), sender)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
