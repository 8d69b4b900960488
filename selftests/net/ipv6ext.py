#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""SYNs behind IPv6 extension headers:

ipv6ext.py DEVICE DSTMAC OURADDR THEIRADDR PORT HOSTPORT [seg6]

Each case sends one SYN from a port of its own and says what has to come back (RFC 8200 4.2):
a SYN+ACK, an ICMPv6 parameter problem, or nothing. "Nothing" is told by a fence: a plain SYN
sent after it, which is answered. What the host does by its configuration is asked of its TCP,
at HOSTPORT."""

import logging
import sys
import time

logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
from scapy.all import (Ether, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,  # noqa: E402
                       IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, IPv6ExtHdrSegmentRouting,
                       HBHOptUnknown, PadN, Raw, TCP, AsyncSniffer, ICMPv6ParamProblem, conf)

dev, dmac, ours, theirs = sys.argv[1:5]
port, host_port = map(int, sys.argv[5:7])
seg6_enabled = sys.argv[7:] == ["seg6"]
sock = conf.L2socket(iface=dev)
heard = []
sniffing = []
sniffer = AsyncSniffer(iface=dev, filter="ip6", store=False, prn=heard.append,
                       started_callback=lambda: sniffing.append(1))
sniffer.start()
while not sniffing:
    time.sleep(0.01)
# half-open connections of the run before still ask: their ports are not ours
sport = 30000 if seg6_enabled else 20000


def send(headers, dport, fragments=False):
    """One SYN behind @headers; its source port."""
    global sport
    sport += 1
    packet = IPv6(src=ours, dst=theirs)
    for h in headers:
        packet = packet / h
    tcp = TCP(sport=sport, dport=dport, flags="S", seq=1000, window=65535,
              options=[("MSS", 1440)])
    if fragments:
        # checksum by a whole packet, then cut by hand: the header (RFC 7112), and the rest
        whole = bytes(IPv6(bytes(IPv6(src=ours, dst=theirs) / tcp / Raw(b"12345678")))[TCP])
        for off, part, more in ((0, whole[:24], 1), (3, whole[24:], 0)):
            sock.send(Ether(dst=dmac) / packet /
                      IPv6ExtHdrFragment(nh=6, offset=off, m=more, id=sport) / Raw(part))
    else:
        sock.send(Ether(dst=dmac) / packet / tcp)
    return sport


def answer(headers, dport, fragments=False):
    """The first answer to a SYN: "synack", "rst", "param-N", or None once the fence is."""
    heard.clear()
    want_port = send(headers, dport, fragments)
    fence_port = send([], dport)
    end = time.monotonic() + 20
    done = 0
    while time.monotonic() < end:
        fenced = False
        for p in heard[done:]:
            done += 1
            got = classify(p, dport, want_port, fence_port)
            if got == "fence":
                fenced = True
            elif got:
                return got
        if fenced:
            return None
        time.sleep(0.01)
    raise SystemExit("neither an answer nor the fence: is anybody there?")


def classify(p, dport, want_port, fence_port):
    if IPv6 not in p or p[IPv6].dst != ours:
        return None
    if ICMPv6ParamProblem in p:
        return f"param-{p[ICMPv6ParamProblem].code}"
    if TCP in p and p[TCP].sport == dport:
        if p[TCP].dport == fence_port:
            return "fence"
        if p[TCP].dport == want_port:
            return "rst" if p[TCP].flags & 4 else "synack"
    return None


unknown = {kind: HBHOptUnknown(otype=kind, optdata=b"\0\0\0\0") for kind in (0x1E, 0x5E, 0x9E)}
# the longest one option can be, and what aligns it: 264 octets in all
long = {kind: IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=kind, optdata=b"\0" * 255),
                                         PadN(optdata=b"\0" * 3)]) for kind in (0x1E, 0x5E, 0x9E)}
segments = IPv6ExtHdrSegmentRouting(segleft=0, lastentry=0, addresses=["2001:db8::77"])
CASES = [
    ("no extension header", [], False, "synack"),
    ("destination options, padding", [IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 4)])],
     False, "synack"),
    ("hop-by-hop options, padding", [IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0" * 4)])],
     False, "synack"),
    ("unknown option 0x1e: skip", [IPv6ExtHdrDestOpt(options=[unknown[0x1E]])], False, "synack"),
    ("unknown option 0x5e: discard", [IPv6ExtHdrDestOpt(options=[unknown[0x5E]])], False, None),
    ("unknown option 0x9e: discard and say so", [IPv6ExtHdrDestOpt(options=[unknown[0x9E]])],
     False, "param-2"),
    ("264 octets of options: skip", [long[0x1E]], False, "synack"),
    ("264 octets of options: discard", [long[0x5E]], False, None),
    ("264 octets of options: discard and say so", [long[0x9E]], False, "param-2"),
    ("twelve headers of destination options",
     [IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 4)])] * 12, False, "synack"),
    ("routing header of an unknown type, no segments left",
     [IPv6ExtHdrRouting(type=253, segleft=0, addresses=[])], False, "synack"),
    ("routing header of an unknown type, one segment left",
     [IPv6ExtHdrRouting(type=253, segleft=1, addresses=[])], False, "param-0"),
    ("routing header of Mobile IPv6, no segments left",
     [IPv6ExtHdrRouting(type=2, segleft=0, addresses=["2001:db8::77"])], False, "host"),
    ("segment routing, no segments left, seg6_enabled 0", [segments], False, None),
    ("hop-by-hop, destination options and routing header together",
     [IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0" * 4)]),
      IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 4)]),
      IPv6ExtHdrRouting(type=253, segleft=0, addresses=[])], False, "synack"),
    ("fragments", [], True, "synack"),
    ("no extension header, again", [], False, "synack"),
]

if seg6_enabled:
    CASES = [("segment routing, no segments left, seg6_enabled 1", [segments], False, "synack")]

bad = 0
for text, headers, fragments, want in CASES:
    if want == "host":
        want = answer(headers, host_port, fragments)
    got = answer(headers, port, fragments)
    if got != want:
        print(f"{text}: {got or 'nothing'} instead of {want or 'nothing'}")
        bad += 1
sniffer.stop()
sys.exit(1 if bad else 0)
