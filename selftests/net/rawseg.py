#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Sends a segment that no TCP would: rawseg.py FROM PORT TO PORT FLAGS [SEQ [ACK [bad]]]

FLAGS as a number; bad: with a wrong checksum."""

import socket
import struct
import sys


def segment(ends, flags, seq=1000, ack=0, bad=False):
    """The octets of a segment without options, and its checksum over @ends and itself."""
    source, sport, dest, dport = ends
    family = socket.AF_INET6 if ":" in source else socket.AF_INET

    def pack(total):
        return struct.pack(">HHIIBBHHH", sport, dport, seq, ack, 5 << 4, flags, 65535, total, 0)

    whole = (socket.inet_pton(family, source) + socket.inet_pton(family, dest) +
             struct.pack(">II", 20, socket.IPPROTO_TCP) + pack(0))
    total = sum(struct.unpack(f">{len(whole) // 2}H", whole))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return pack(total ^ 0xffff ^ (0x0101 if bad else 0))


def send(ends, *args, **kw):
    """The same, sent by the routes of the network namespace that we are in."""
    family = socket.AF_INET6 if ":" in ends[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
        raw.bind((ends[0], 0))
        raw.sendto(segment(ends, *args, **kw), (ends[2], 0))


if __name__ == "__main__":
    a = sys.argv[1:]
    send((a[0], int(a[1]), a[2], int(a[3])), *(int(x, 0) for x in a[4:7]), bad="bad" in a[7:])
