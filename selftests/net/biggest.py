#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Largest packet sent by a device: biggest.py DEVICE NAME. NAME.ready is made once it looks;
it ends when NAME.stop is there, and prints one number for IPv4 and one for IPv6, octets.
NAME.4 and NAME.6 are made when one above 70,000 is seen."""

import os
import socket
import sys

device, name = sys.argv[1:]
sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
sock.bind((device, 3))
sock.settimeout(0.2)
open(name + ".ready", "w").close()
largest = {0x0800: 0, 0x86dd: 0}
while True:
    try:
        n, _, _, addr = sock.recvmsg_into([bytearray(1)], 0, socket.MSG_TRUNC)
    except socket.timeout:
        if os.path.exists(name + ".stop"):
            break
        continue
    if addr[2] == socket.PACKET_OUTGOING and addr[1] in largest:
        if largest[addr[1]] <= 70000 < n:
            open(name + (".4" if addr[1] == 0x0800 else ".6"), "w").close()
        largest[addr[1]] = max(largest[addr[1]], n)
print(largest[0x0800], largest[0x86dd])
