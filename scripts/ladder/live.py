# SPDX-License-Identifier: GPL-2.0-only
"""XTCP's tracepoints as a source of events."""

import os
import re
import select
import sys
import time

import draw
import flow

TRACEFS = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
EVENTS = ("xtcp_segment_out", "xtcp_segment_in", "xtcp_state")
LINE = re.compile(r"\s(\d+\.\d+): (xtcp_segment_out|xtcp_segment_in|xtcp_state): (.*)$")
PAIR = re.compile(r"(\w+)=(\S*)")

# Without news for so long, what was held back for a nicer line is drawn.
IDLE_S = 0.2


def plain(end):
    """Addresses as one writes them: a mapped IPv4 address without its wrapping."""
    return re.sub(r"^\[::ffff:([0-9.]+)\]", r"\1", end)


def parse(line):
    """The event in a line of trace_pipe, or None."""
    m = LINE.search(line.rstrip("\n"))
    if not m:
        return None
    f = dict(PAIR.findall(m.group(3)))
    e = flow.Event(kind="state", time=float(m.group(1)), src=plain(f["src"]), dst=plain(f["dst"]),
                   cookie=f.get("cookie", ""))
    if m.group(2) == "xtcp_state":
        e.old, e.new, e.reason, e.ms = f["old"], f["new"], f["reason"], int(f["ms"])
        return e
    e.kind = m.group(2)[len("xtcp_segment_"):]
    e.seq, e.ack, e.win, e.len = (int(f[k]) for k in ("seq", "ack", "win", "len"))
    e.flags = flow.flag_bits(f["flags"])
    return e


class Trace:
    """A tracing instance of our own, so that nobody else's is disturbed."""

    def __init__(self):
        base = next((d for d in TRACEFS if os.path.isdir(d + "/instances")), None)
        if not base:
            raise OSError("no tracefs (mount -t tracefs none /sys/kernel/tracing), or not root")
        if not os.path.isdir(base + "/events/xtcp"):
            raise OSError("no XTCP tracepoints: load the module xtcp")
        self.dir = f"{base}/instances/xtcp-ladder-{os.getpid()}"
        os.mkdir(self.dir)
        self.put("trace_clock", "mono")
        self.put("buffer_size_kb", "4096")
        for name in EVENTS:
            self.put(f"events/xtcp/{name}/enable", "1")
        self.fd = os.open(self.dir + "/trace_pipe", os.O_RDONLY | os.O_NONBLOCK)
        self.rest = ""

    def put(self, name, value):
        with open(f"{self.dir}/{name}", "w", encoding="ascii") as f:
            f.write(value)

    def read(self, wait):
        """Lines that are there, waiting at most @wait seconds for the first."""
        # trace_pipe's poll() waits for a filled page on some kernels: look every now and then
        end = time.monotonic() + wait
        while True:
            try:
                chunk = os.read(self.fd, 1 << 16).decode("ascii", "replace")
            except BlockingIOError:
                chunk = ""
            if chunk:
                self.rest += chunk
                *lines, self.rest = self.rest.split("\n")
                return lines
            left = end - time.monotonic()
            if left <= 0:
                return []
            select.select([self.fd], [], [], min(left, 0.02))

    def close(self):
        os.close(self.fd)
        for name in EVENTS:
            self.put(f"events/xtcp/{name}/enable", "0")
        os.rmdir(self.dir)


def batches(opt, trace):
    """Batches of events until the time is up; an empty one when nothing happens."""
    until = time.monotonic() + opt.timeout if opt.timeout else None
    save = open(opt.save, "w", encoding="ascii") if opt.save else None
    if opt.ready:
        with open(opt.ready, "w", encoding="ascii"):
            pass
    while until is None or time.monotonic() < until:
        lines = trace.read(IDLE_S)
        if save:
            save.writelines(line + "\n" for line in lines)
            save.flush()
        yield [e for e in map(parse, lines) if e]


def finished(opt, flows):
    return bool(opt.count) and sum(one.over() for one in flows.all) >= opt.count


def collect(opt, flows):
    """Everything first, for a drawing."""
    trace = Trace()
    try:
        for batch in batches(opt, trace):
            for e in batch:
                flows.add(e)
            if not batch and finished(opt, flows):
                break
    finally:
        trace.close()
    flows.finish()


def follow(opt, flows):
    """Draws one connection while it happens; those beside it come after it."""
    trace = Trace()
    pens = []
    drawn = 0
    try:
        for batch in batches(opt, trace):
            for e in batch:
                flows.add(e)
            while len(pens) < len(flows.all):
                pens.append(draw.Pen(opt, flows.all[len(pens)], sys.stdout))
            while drawn < len(pens):
                one = flows.all[drawn]
                over = one.over() and not batch
                if not batch:
                    one.flush()
                pens[drawn].advance(hold=0 if not batch else 1)
                if not over and not (one.over() and drawn + 1 < len(pens)):
                    break
                one.flush()
                pens[drawn].close()
                drawn += 1
            if opt.count and drawn >= opt.count:
                break
    finally:
        trace.close()
        for pen in pens[drawn:]:
            pen.close()
    return 0 if not opt.count or drawn >= opt.count else 1
