#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Counts the segments that a raw socket of protocol 6 is given: rawview.py 4|6 PORT NAME

NAME.ready appears once it listens; it ends when NAME.stop is there, and prints the
segments to PORT (XTCP's) and to PORT + 1 (the kernel's TCP)."""

import os
import socket
import struct
import sys

six, port, name = sys.argv[1] == "6", int(sys.argv[2]), sys.argv[3]
seen = {port: 0, port + 1: 0}
raw = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
raw.settimeout(0.1)
with open(name + ".ready", "w", encoding="ascii"):
    pass
while True:
    try:
        packet = raw.recv(65535)
        # that of IPv6 gives no header of IP's
        begin = 0 if six else (packet[0] & 15) * 4
        dport = struct.unpack_from(">H", packet, begin + 2)[0]
        if dport in seen:
            seen[dport] += 1
    except socket.timeout:
        if os.path.exists(name + ".stop"):
            break
for number, count in seen.items():
    print(f"port {number}: {count}")
