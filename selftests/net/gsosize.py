#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Sets gso_max_size, gro_max_size and the same for IPv4 of a device: gsosize.py DEVICE OCTETS.
For an iproute2 that does not know the latter. A kernel that does not know them ignores them."""

import socket
import struct
import sys

NLMSG_ERROR, RTM_NEWLINK, REQUEST_ACK = 2, 16, 5
GSO_MAX_SIZE, GRO_MAX_SIZE, GSO_IPV4_MAX_SIZE, GRO_IPV4_MAX_SIZE = 41, 58, 63, 64

index, size = socket.if_nametoindex(sys.argv[1]), int(sys.argv[2])
body = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, 0, 0)
for attr in (GSO_MAX_SIZE, GRO_MAX_SIZE, GSO_IPV4_MAX_SIZE, GRO_IPV4_MAX_SIZE):
    body += struct.pack("=HHI", 8, attr, size)
sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
sock.send(struct.pack("=IHHII", 16 + len(body), RTM_NEWLINK, REQUEST_ACK, 1, 0) + body)
answer = sock.recv(4096)
kind, = struct.unpack_from("=H", answer, 4)
error, = struct.unpack_from("=i", answer, 16)
sys.exit("rtnetlink: %d" % error if kind == NLMSG_ERROR and error else 0)
