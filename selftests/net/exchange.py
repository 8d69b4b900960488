#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""A seeded exchange in lockstep, and its capture as text that two runs can be compared by.

	exchange.py serve ADDRESS PORT READY
	exchange.py run ADDRESS PORT FROM FROMPORT
	exchange.py show CAPTURE

Two exchanges are never the same octets: these differ from connection to connection on one machine,
and are shown so that only their own chance is taken away:
  initial sequence numbers (RFC 6528): sequence and acknowledgement numbers are relative to them
  timestamps: a clock with an offset of the connection's own; left out, their place is shown
  the IPv4 identification: counts from a random start in each direction; relative to that, 0 is 0
  the IPv6 flow label: a hash with a random key; numbered in the order of appearance
  checksums: cover all of these, so they are verified, and every other octet is shown
"""

import os
import random
import socket
import struct
import sys
import zlib

ROUNDS = 30


def sizes():
    r = random.Random(9293)
    return [(r.randrange(1, 1400), r.randrange(1, 1400)) for _ in range(ROUNDS)]


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def take(sock, n):
    while n:
        got = len(sock.recv(n))
        if not got:
            raise SystemExit("the stream ended early")
        n -= got


def one_at_a_time():
    """Neither end runs before the other sleeps. One that is woken and goes first, as the scheduler's
    accounts may have it, finds the other inside its system call: what it sends then is received by
    way of the backlog, later and with another window."""
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


def serve(address, port, ready):
    one_at_a_time()
    lis = socket.create_server((address, int(port)), family=family(address))
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
    one_at_a_time()
    sock = socket.socket(family(address))
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


def summed(data):
    """The Internet checksum of what holds its own: 0 if that is right."""
    words = struct.unpack(f">{(len(data) + 1) // 2}H", data + b"\0" * (len(data) & 1))
    total = sum(words)
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


class Flow:
    """What is relative in one direction of one connection."""

    def __init__(self, seq):
        self.seq = seq
        self.ident = None       # the first identification that is not 0
        self.labels = {}
        self.fin = None         # the number after the FIN
        self.acked = 0


def ip_text(ip, flow):
    """The IP header as text."""
    if ip[0] >> 4 == 6:
        first, length, proto, hops = struct.unpack_from(">IHBB", ip)
        label = flow.labels.setdefault(first & 0xfffff, len(flow.labels))
        return f"6 class {first >> 20 & 255:#x} label {label} len {length} next {proto} hops {hops}"
    tos, total, ident, frag, ttl, proto = struct.unpack_from(">xBHHHBB", ip)
    if ident and flow.ident is None:
        flow.ident = ident
    ident = f"+{(ident - flow.ident) & 0xffff}" if ident else "0"
    good = "ok" if not summed(ip[:(ip[0] & 15) * 4]) else "bad"
    options = ip[20:(ip[0] & 15) * 4].hex()
    return (f"4 tos {tos} len {total} id {ident} frag {frag:#x} ttl {ttl} proto {proto} sum {good} "
            f"opt {options}")


def packet_text(ip, flows):
    """One packet as text; @flows: of the capture, by the ends."""
    six = ip[0] >> 4 == 6
    hdr = 40 if six else (ip[0] & 15) * 4
    ends = ip[8:40] if six else ip[12:20]
    total = 40 + struct.unpack_from(">H", ip, 4)[0] if six else struct.unpack_from(">H", ip, 2)[0]
    tcp = ip[hdr:total]
    sport, dport, seq, ack, off, flags, win, _, urg = struct.unpack_from(">HHIIBBHHH", tcp)
    half = len(ends) // 2
    flow = flows.setdefault((ends, sport, dport), Flow(seq))
    back = flows.get((ends[half:] + ends[:half], dport, sport))
    good = "ok" if not summed(ends + struct.pack(">II", len(tcp), 6) + tcp) else "bad"
    data = tcp[(off >> 4) * 4:]
    seq = (seq - flow.seq) & 0xffffffff
    ack = (ack - back.seq) & 0xffffffff if back and flags & 16 else None
    if flags & 1:
        flow.fin = seq + len(data) + 1
    if ack is not None:
        back.acked = ack
    return (f"{ip_text(ip, flow)} | {sport}>{dport} seq {seq} ack {ack} off {off:#x} "
            f"flags {flags:#x} win {win} sum {good} urg {urg} opt "
            f"{option_text(tcp[20:(off >> 4) * 4])} data {len(data)} {zlib.crc32(data):08x}")


def show(path):
    """One line a packet, and "end" if both connections are there to their last acknowledgement."""
    with open(path, "rb") as f:
        raw = f.read()
    pos, flows = 24, {}
    while pos + 16 <= len(raw):
        caplen = struct.unpack_from("<I", raw, pos + 8)[0]
        if pos + 16 + caplen > len(raw):
            break
        print(packet_text(raw[pos + 16 + 14:pos + 16 + caplen], flows))
        pos += 16 + caplen
    if len(flows) == 4 and all(f.fin and f.acked == f.fin for f in flows.values()):
        print("end")


{"serve": serve, "run": run, "show": show}[sys.argv[1]](*sys.argv[2:])
