#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Under xtcp-run --only connect:1, which leaves all that is done here to the kernel's TCP: what a program
set on a socket that was XTCP's is there afterwards, and what it did not set is as in any TCP socket."""

import ctypes
import fcntl
import os
import re
import signal
import socket
import struct
import sys

SOL, IP, IP6, TCP = socket.SOL_SOCKET, socket.IPPROTO_IP, socket.IPPROTO_IPV6, socket.IPPROTO_TCP
SO_SNDBUFFORCE, SO_RCVBUFFORCE, SO_MAX_PACING_RATE, SO_ZEROCOPY, SO_BUF_LOCK = 32, 33, 47, 60, 72
IP_FREEBIND, IP_RECVERR, IP_MINTTL, IP_TRANSPARENT = 15, 11, 21, 19
IPV6_RECVERR, IPV6_MINHOPCOUNT, IPV6_TRANSPARENT, IPV6_FREEBIND = 25, 73, 75, 78
TCP_NOTSENT_LOWAT, TCP_SAVE_SYN, TCP_USER_TIMEOUT = 25, 27, 18

# level, name, what is set, and what is read if that is something else
COMMON = [
    (SOL, socket.SO_SNDBUF, 50000, 100000), (SOL, socket.SO_RCVBUF, 60000, 120000),
    (SOL, SO_MAX_PACING_RATE, 5000000), (SOL, socket.SO_KEEPALIVE, 1), (SOL, socket.SO_REUSEADDR, 1),
    (SOL, socket.SO_MARK, 7),
    (SOL, socket.SO_LINGER, struct.pack("ii", 1, 9)), (SOL, socket.SO_RCVTIMEO, struct.pack("qq", 3, 0)),
    (TCP, socket.TCP_MAXSEG, 700), (TCP, socket.TCP_CONGESTION, b"reno\0"), (TCP, TCP_NOTSENT_LOWAT, 9999),
    (TCP, socket.TCP_WINDOW_CLAMP, 70000), (TCP, socket.TCP_LINGER2, 17), (TCP, TCP_SAVE_SYN, 1),
    (TCP, TCP_USER_TIMEOUT, 12345), (TCP, socket.TCP_KEEPCNT, 4), (TCP, socket.TCP_KEEPIDLE, 55),
    (TCP, socket.TCP_KEEPINTVL, 6), (TCP, socket.TCP_SYNCNT, 2), (TCP, socket.TCP_NODELAY, 1),
    (TCP, socket.TCP_QUICKACK, 0),
]
if [int(n) for n in re.findall(r"\d+", os.uname().release)[:2]] >= [6, 5]:
    COMMON.append((SOL, SO_ZEROCOPY, 1))    # older ones let only their own protocols have it
OPTIONS = {
    socket.AF_INET: COMMON + [(IP, socket.IP_TOS, 0x10), (SOL, socket.SO_PRIORITY, 5), (IP, IP_TRANSPARENT, 1),
                              (IP, IP_RECVERR, 1), (IP, IP_FREEBIND, 1), (IP, IP_MINTTL, 3),
                              (IP, socket.IP_TTL, 33)],
    socket.AF_INET6: COMMON + [(IP6, IPV6_TRANSPARENT, 1), (IP6, IPV6_RECVERR, 1), (IP6, IPV6_FREEBIND, 1),
                               (IP6, IPV6_MINHOPCOUNT, 3), (IP6, socket.IPV6_V6ONLY, 1),
                               (IP6, socket.IPV6_TCLASS, 0x20), (IP6, socket.IPV6_UNICAST_HOPS, 33)],
}
bad = 0


def complain(text):
    global bad
    print(text)
    bad += 1


def is_xtcp(s):
    try:
        return s.getsockopt(253, 1) == 6        # XTCP_WIRE_PROTOCOL
    except OSError:
        return False


def read(s, level, name):
    return s.getsockopt(level, name, 64)


def bind(s, family, port):
    s.bind(("127.0.0.1" if family == socket.AF_INET else "::1", port))


def leave(s, family):
    """The call that decides; afterwards it is the kernel's TCP."""
    if not is_xtcp(s):
        complain(f"{family}: is not XTCP's to begin with")
    bind(s, family, 7777)
    if is_xtcp(s):
        complain(f"{family}: is still XTCP's")


def of_the_host(family):
    """A socket that xtcp-run does not see."""
    fd = ctypes.CDLL(None).syscall(41, int(family), int(socket.SOCK_STREAM), 0)
    return socket.socket(fileno=fd)


def hosts_default(name):
    with open("/proc/sys/net/ipv4/tcp_congestion_control", "w") as f:
        f.write(name)


def all_set(family):
    hosts_default("cubic")
    s = socket.socket(family)
    for level, name, value, *_ in OPTIONS[family]:
        s.setsockopt(level, name, value)
    fcntl.fcntl(s, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(s, fcntl.F_SETSIG, signal.SIGUSR1)
    fcntl.fcntl(s, fcntl.F_SETFL, fcntl.fcntl(s, fcntl.F_GETFL) | os.O_ASYNC | os.O_NONBLOCK)
    before = {(o[0], o[1]): read(s, o[0], o[1]) for o in OPTIONS[family]}
    leave(s, family)
    for level, name, value, *more in OPTIONS[family]:
        want = more[0] if more else value
        want = struct.pack("i", want) if isinstance(want, int) else want
        got = read(s, level, name)
        if got[:len(want)] != want or got != before[level, name]:
            complain(f"{family}: level {level} option {name}: {got}, not {want}; it was {before[level, name]}")
    if fcntl.fcntl(s, fcntl.F_GETOWN) != os.getpid() or fcntl.fcntl(s, fcntl.F_GETSIG) != signal.SIGUSR1:
        complain(f"{family}: owner or signal")
    flags = fcntl.fcntl(s, fcntl.F_GETFL)
    if not flags & os.O_ASYNC or not flags & os.O_NONBLOCK:
        complain(f"{family}: flags {flags:o}")
    s.close()


def none_set(family):
    hosts_default("reno")
    s, host = socket.socket(family), of_the_host(family)
    if read(s, TCP, socket.TCP_KEEPCNT) == read(host, TCP, socket.TCP_KEEPCNT):
        complain("XTCP's TCP_KEEPCNT is TCP's: nothing to be seen")
    if read(s, TCP, socket.TCP_CONGESTION) == read(host, TCP, socket.TCP_CONGESTION):
        complain("XTCP's TCP_CONGESTION is TCP's: nothing to be seen")
    leave(s, family)
    bind(host, family, 7778)        # this sets options, too
    for level, name, *_ in OPTIONS[family] + [(SOL, SO_BUF_LOCK)]:
        if read(s, level, name) != read(host, level, name):
            complain(f"{family}: level {level} option {name} is {read(s, level, name)}, but nobody set it")
    if fcntl.fcntl(s, fcntl.F_GETOWN) or fcntl.fcntl(s, fcntl.F_GETSIG):
        complain(f"{family}: owner or signal, but nobody set it")
    s.close()
    host.close()


def one_set(family):
    """Beyond the system's limit, and one buffer of two"""
    s = socket.socket(family)
    s.setsockopt(SOL, SO_RCVBUFFORCE, 20000000)
    leave(s, family)
    if s.getsockopt(SOL, socket.SO_RCVBUF) != 40000000 or s.getsockopt(SOL, SO_BUF_LOCK) != 2:
        complain(f"{family}: SO_RCVBUFFORCE: {s.getsockopt(SOL, socket.SO_RCVBUF)}, "
                 f"SO_BUF_LOCK {s.getsockopt(SOL, SO_BUF_LOCK)}")
    s.close()


signal.signal(signal.SIGUSR1, signal.SIG_IGN)
for af in OPTIONS:
    all_set(af)
    none_set(af)
    one_set(af)
sys.exit(1 if bad else 0)
