#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""A seeded exchange in lockstep, and its capture as text that two runs can be compared by.

	exchange.py serve ADDRESS PORT READY
	exchange.py run ADDRESS PORT FROM FROMPORT
	exchange.py show CAPTURE
"""

import random
import socket
import struct
import sys

ROUNDS = 30


def sizes():
    r = random.Random(9293)
    return [(r.randrange(1, 1400), r.randrange(1, 1400)) for _ in range(ROUNDS)]


def take(sock, n):
    while n:
        got = len(sock.recv(n))
        if not got:
            raise SystemExit("the stream ended early")
        n -= got


def serve(address, port, ready):
    lis = socket.create_server((address, int(port)))
    with open(ready, "w", encoding="ascii"):
        pass
    conn, _ = lis.accept()
    for ask, answer in sizes():
        take(conn, ask)
        conn.sendall(b"a" * answer)
    take(conn, 0)
    conn.recv(1)
    conn.close()


def run(address, port, source, sport):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((source, int(sport)))
    sock.connect((address, int(port)))
    for ask, answer in sizes():
        sock.sendall(b"q" * ask)
        take(sock, answer)
    sock.shutdown(socket.SHUT_WR)
    sock.recv(1)
    sock.close()


def option_text(raw):
    """Options with the timestamps' values left out: they are a clock."""
    out, pos = [], 0
    while pos < len(raw):
        kind = raw[pos]
        if kind < 2:
            out.append(str(kind))
            pos += 1
            continue
        size = raw[pos + 1]
        out.append(f"{kind}:" + ("T" if kind == 8 else raw[pos + 2:pos + size].hex()))
        pos += size
    return ",".join(out)


def show(path):
    with open(path, "rb") as f:
        data = f.read()
    pos, base, fins = 24, {}, 0
    while pos + 16 <= len(data):
        caplen = struct.unpack_from("<I", data, pos + 8)[0]
        ip = data[pos + 16 + 14:pos + 16 + caplen]
        pos += 16 + caplen
        tos, total, flags_off, ttl, proto = ip[1], *struct.unpack_from(">H2xHBB", ip, 2)
        tcp = ip[(ip[0] & 15) * 4:]
        sport, dport, seq, ack, off, flags, win, _, urg = struct.unpack_from(">HHIIBBHHH", tcp)
        base.setdefault(sport, seq)
        hdr = (off >> 4) * 4
        length = total - (ip[0] & 15) * 4 - hdr
        print(f"{sport}>{dport} tos {tos} ttl {ttl} frag {flags_off:#x} proto {proto} "
              f"seq {(seq - base[sport]) & 0xffffffff} "
              f"ack {(ack - base.get(dport, ack)) & 0xffffffff if flags & 16 else '-'} "
              f"flags {flags:#x} win {win} urg {urg} opt {option_text(tcp[20:hdr])} len {length}")
        fins += flags & 1
    if fins >= 2:
        print("end")


{"serve": serve, "run": run, "show": show}[sys.argv[1]](*sys.argv[2:])
