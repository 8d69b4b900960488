#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""asyncio's own streams over sockets made by hand: asyncio_peer.py ADDRESS PROTOCOL

Serves and fetches in one process: 20 connections at once, 100 kB each way, checked."""

import asyncio
import hashlib
import random
import socket
import sys

address, protocol = sys.argv[1], int(sys.argv[2])
family = socket.AF_INET6 if ":" in address else socket.AF_INET


def make():
    sock = socket.socket(family, socket.SOCK_STREAM, protocol)
    sock.setblocking(False)
    return sock


async def serve_one(reader, writer):
    """Answers what it was sent, digest first."""
    data = await reader.read(-1)
    writer.write(hashlib.sha256(data).digest() + data)
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def fetch(to, seed):
    data = random.Random(seed).randbytes(100_000)
    # sock_connect() would ask getaddrinfo() for protocol 253, which the C library has not heard of
    sock = make()
    sock.setblocking(True)
    await asyncio.to_thread(sock.connect, to)
    sock.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=sock)
    writer.write(data)
    writer.write_eof()
    answer = await reader.read(-1)
    writer.close()
    await writer.wait_closed()
    return answer == hashlib.sha256(data).digest() + data


async def main():
    lis = make()
    lis.bind((address, 0))
    server = await asyncio.start_server(serve_one, sock=lis)
    async with server:
        to = lis.getsockname()[:2]
        good = await asyncio.gather(*(fetch(to, seed) for seed in range(20)))
    print(f"{sum(good)} of {len(good)} good")
    return 0 if all(good) else 1


sys.exit(asyncio.run(asyncio.wait_for(main(), 120)))
