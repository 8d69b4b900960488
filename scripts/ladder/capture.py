# SPDX-License-Identifier: GPL-2.0-only
"""Captures (pcap and pcapng) as a source of events."""

import ipaddress
import struct

import flow

PROTOCOLS = (6, 253)
EXTENSIONS = (0, 43, 60)        # hop-by-hop, routing, destination options
MAGICS = {b"\xd4\xc3\xb2\xa1": ("<", 1e-6), b"\xa1\xb2\xc3\xd4": (">", 1e-6),
          b"\x4d\x3c\xb2\xa1": ("<", 1e-9), b"\xa1\xb2\x3c\x4d": (">", 1e-9)}


def pcap(data):
    """(time, link type, frame) of each record of a classic file."""
    order, unit = MAGICS[data[:4]]
    link = struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF
    pos = 24
    while pos + 16 <= len(data):
        sec, frac, caplen, _ = struct.unpack_from(order + "4I", data, pos)
        pos += 16
        yield sec + frac * unit, link, data[pos:pos + caplen]
        pos += caplen


def tick_of(options, order):
    """Seconds in a unit of an interface's timestamps (option if_tsresol)."""
    pos = 0
    while pos + 4 <= len(options):
        code, size = struct.unpack_from(order + "HH", options, pos)
        if not code:
            break
        if code == 9 and size:
            value = options[pos + 4]
            return 2.0 ** -(value & 127) if value & 128 else 10.0 ** -value
        pos += 4 + (size + 3 & ~3)
    return 1e-6


def pcapng(data):
    """The same of a file of blocks."""
    order, links, pos = "<", [], 0
    while pos + 12 <= len(data):
        if data[pos:pos + 4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if data[pos + 8:pos + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            links = []
        kind, size = struct.unpack_from(order + "II", data, pos)
        if size < 12:
            raise ValueError("broken pcapng block")
        body = data[pos + 8:pos + size - 4]
        if kind == 1:
            links.append((struct.unpack_from(order + "H", body)[0], tick_of(body[8:], order)))
        elif kind == 6:
            which, high, low, caplen = struct.unpack_from(order + "4I", body)
            link, tick = links[which]
            yield (high << 32 | low) * tick, link, body[20:20 + caplen]
        pos += size


def network(link, frame):
    """(ethertype, packet) of a frame, or None for a link type nobody here knows."""
    if link == 1:
        kind, pos = struct.unpack_from(">H", frame, 12)[0], 14
        while kind in (0x8100, 0x88A8):
            kind, pos = struct.unpack_from(">H", frame, pos + 2)[0], pos + 4
        return kind, frame[pos:]
    if link in (12, 14, 101):
        return (0x86DD if frame[0] >> 4 == 6 else 0x0800), frame
    if link == 113:
        return struct.unpack_from(">H", frame, 14)[0], frame[16:]
    if link == 276:
        return struct.unpack_from(">H", frame)[0], frame[20:]
    if link == 0:
        return (0x0800 if frame[0] == 2 or frame[3] == 2 else 0x86DD), frame[4:]
    return None


def ipv4(packet):
    if packet[9] not in PROTOCOLS or struct.unpack_from(">H", packet, 6)[0] & 0x1FFF:
        return None
    total = struct.unpack_from(">H", packet, 2)[0] or len(packet)
    hdr = (packet[0] & 15) * 4
    return str(ipaddress.IPv4Address(packet[12:16])), str(ipaddress.IPv4Address(packet[16:20])), \
        packet[hdr:total], total - hdr


def ipv6(packet):
    size, proto = struct.unpack_from(">HB", packet, 4)
    pos = 40
    while proto in EXTENSIONS:
        proto, length = packet[pos], (packet[pos + 1] + 1) * 8
        pos += length
    if proto not in PROTOCOLS:
        return None
    size = size or len(packet) - 40
    return f"[{ipaddress.IPv6Address(packet[8:24])}]", f"[{ipaddress.IPv6Address(packet[24:40])}]", \
        packet[pos:40 + size], 40 + size - pos


def segment(when, link, frame):
    """The frame as an event, or None if it is not a TCP segment."""
    try:
        net = network(link, frame)
        if not net or net[0] not in (0x0800, 0x86DD):
            return None
        ip = ipv4(net[1]) if net[0] == 0x0800 else ipv6(net[1])
        if not ip:
            return None
        src, dst, tcp, size = ip
        sport, dport, seq, ack, off, flags, win = struct.unpack_from(">HHIIBBH", tcp)
    except (struct.error, IndexError):
        return None     # cut short
    return flow.Event("wire", when, f"{src}:{sport}", f"{dst}:{dport}", seq=seq, ack=ack,
                      flags=flags, win=win, len=size - (off >> 4) * 4)


def events(path):
    with open(path, "rb") as f:
        data = f.read()
    if data[:4] in MAGICS:
        records = pcap(data)
    elif data[:4] == b"\x0a\x0d\x0d\x0a":
        records = pcapng(data)
    else:
        raise ValueError(f"{path}: neither pcap nor pcapng")
    for when, link, frame in records:
        e = segment(when, link, frame)
        if e:
            yield e
