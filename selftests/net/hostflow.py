#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""SYNs for an XTCP listener whose tuple the host's TCP knows: hostflow.py NSA NSB A B

One process at both ends: a socket belongs to the namespace that it was made in."""

import ctypes
import os
import socket
import sys
import time

from rawseg import send

NSA, NSB, A, B = sys.argv[1:5]
FAMILY = socket.AF_INET6 if ":" in A else socket.AF_INET
XTCP, SYN = 253, 2


def enter(name):
    """The whole process (one thread): /proc/net is that namespace's, too."""
    fd = os.open(f"/run/netns/{name}", os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(fd, 0x40000000):
        raise OSError(ctypes.get_errno(), "setns")
    os.close(fd)


def sock(name, proto, at):
    """A socket of @name, bound to @at."""
    enter(name)
    s = socket.socket(FAMILY, socket.SOCK_STREAM, proto)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.settimeout(20)
    s.bind(at)
    return s


def listener(proto, port):
    s = sock(NSB, proto, (B, port))
    s.listen()
    return s


def connected(sport, port):
    """From a, by the host's TCP; as soon as the port is free."""
    end = time.monotonic() + 20
    while True:
        s = sock(NSA, 0, (A, sport))
        try:
            s.connect((B, port))
            return s
        except OSError:
            s.close()
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def count(name, table="xtcp/snmp"):
    """A counter of b's, XTCP's or of the host's netstat (TcpExt)."""
    enter(NSB)
    with open(f"/proc/net/{table}", encoding="ascii") as f:
        names, values = (f.readline().split() for _ in range(2))
    return int(values[names.index(name)])


def early_demux(on):
    """Does IP look for the host's connection before XTCP is asked?"""
    enter(NSB)
    with open("/proc/sys/net/ipv4/tcp_early_demux", "w", encoding="ascii") as f:
        f.write(str(on))


def until(what, condition):
    end = time.monotonic() + 20
    while not condition():
        if time.monotonic() > end:
            enter(NSB)
            with open("/proc/net/xtcp/sockets", encoding="ascii") as f:
                sys.exit(f"not in time: {what}\n{f.read()}")
        time.sleep(0.02)


def requests(sport):
    """How many half-open connections of ours there are from that port."""
    enter(NSB)
    with open("/proc/net/xtcp/sockets", encoding="ascii") as f:
        return sum(f":{sport} " in line and " SYN_RECV " in line for line in f)


def host_has(state, sport):
    """Does the host's TCP in b have a connection from that port in that state?"""
    enter(NSB)
    with open("/proc/net/tcp6" if FAMILY == socket.AF_INET6 else "/proc/net/tcp",
              encoding="ascii") as f:
        return any(line.split()[2].endswith(f":{sport:04X}") and line.split()[3] == state
                   for line in f)


def raw_syn(sport, port):
    enter(NSA)
    send((A, sport, B, port), SYN)


def live():
    """The host's connection keeps its tuple: a SYN of it is the host's to answer."""
    host = listener(0, 9000)
    near = connected(40000, 9000)
    far = host.accept()[0]
    host.close()
    ours = listener(XTCP, 9000)
    before = count("HostFlowSyns")
    for demux in 1, 0:
        early_demux(demux)
        answered = count("TCPSYNChallenge", "netstat")
        raw_syn(40000, 9000)
        until("the host answers the SYN",
              lambda: count("TCPSYNChallenge", "netstat") == answered + 1)
        assert count("HostFlowSyns") == before + 1 - demux
        assert not requests(40000), "XTCP took a SYN of the host's connection"
    for s, t in ((near, far), (far, near)):
        s.send(b"still")
        assert t.recv(9) == b"still"
    # any other tuple is for the listener
    other = connected(40001, 9000)
    assert ours.accept()[1][:2] == (A, 40001)
    assert count("HostFlowSyns") == before + 1
    other.close()
    return ours, near, far


def time_wait(ours, near, far):
    """What is left of the host's connection does not keep a new one from the listener."""
    before = count("HostFlowSyns")
    far.close()
    assert near.recv(9) == b""
    near.close()
    until("TIME_WAIT", lambda: host_has("06", 40000))
    again = connected(40000, 9000)
    assert ours.accept()[1][:2] == (A, 40000), "not XTCP's"
    assert count("HostFlowSyns") == before
    again.close()


def half_open():
    """Nor does a half-open connection of the host's whose listener has gone (a hears no answers)."""
    host = listener(0, 9001)
    raw_syn(41000, 9001)
    until("SYN_RECV", lambda: host_has("03", 41000))
    host.close()
    ours = listener(XTCP, 9001)
    print("the host's half-open connection is still there:", host_has("03", 41000))
    before = count("HostFlowSyns")
    raw_syn(41000, 9001)
    until("a half-open connection of XTCP's", lambda: requests(41000) == 1)
    assert count("HostFlowSyns") == before
    ours.close()


time_wait(*live())
half_open()
print("good")
