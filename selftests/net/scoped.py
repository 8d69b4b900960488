#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""fe80::78 on two links, one port, two listeners that the scope tells apart.

scoped.py serve STACK READY DEVICE...	sends each caller the name of the link it came by
scoped.py fetch STACK DEVICE...		asks by each link, and must hear its own"""

import select
import socket
import sys

PORT = 9000
SIZE = 300000
ADDRESS = "fe80::78"


def make(stack):
    s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM, 0 if stack == "tcp" else 253)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.settimeout(60)
    return s


def name(device):
    """The same at both ends of a veth pair: v or w."""
    return device[0].encode() * SIZE


def serve(stack, ready, devices):
    listeners = {}
    for d in devices:
        s = make(stack)
        s.bind((ADDRESS, PORT, 0, socket.if_nametoindex(d)))
        s.listen()
        listeners[s] = d
    open(ready, "w").close()
    for _ in devices:
        s = select.select(list(listeners), [], [], 60)[0][0]
        c, peer = s.accept()
        here = socket.if_nametoindex(listeners[s])
        assert peer[3] == here and c.getsockname()[3] == here, (peer, c.getsockname(), here)
        c.sendall(name(listeners[s]))
        c.close()


def fetch(stack, devices):
    for d in devices:
        s = make(stack)
        s.connect((ADDRESS, PORT, 0, socket.if_nametoindex(d)))
        assert s.getpeername()[3] == s.getsockname()[3] == socket.if_nametoindex(d), s
        got = b""
        while True:
            data = s.recv(65536)
            if not data:
                break
            got += data
        assert got == name(d), "%d bytes of another link or too few: %r" % (len(got), got[:1])
        s.close()
    # without a scope there is no way to it
    s = make(stack)
    try:
        s.connect((ADDRESS, PORT))
    except OSError as e:
        assert e.errno == 22, e
    else:
        raise AssertionError("connected without a scope")


if sys.argv[1] == "serve":
    serve(sys.argv[2], sys.argv[3], sys.argv[4:])
else:
    fetch(sys.argv[2], sys.argv[3:])
