# SPDX-License-Identifier: GPL-2.0-only
"""What the samples amount to: medians, ratios, and the limits they are held against."""

import collections
import json
import os
import statistics

Row = collections.namedtuple("Row", "group title unit xtcp tcp ratio limit ok spread")
# ratio: what is held against the limit; spread: (max - min) / median of the samples


class Limit:
    """At most, at least, or between."""

    def __init__(self, low=None, high=None, percent=False):
        self.low, self.high, self.percent = low, high, percent

    def holds(self, value):
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def __str__(self):
        form = "%g %%" if self.percent else "%.3f" if (self.high or 0) in (1.005,) else "%.2f"
        if self.low is not None and self.high is not None:
            return "%g-%g %%" % (self.low, self.high)
        if self.low is not None:
            return ">= " + form % self.low
        return "<= " + form % self.high


def at_most(x):
    return Limit(high=x)


def at_least(x):
    return Limit(low=x)


# figure in the samples, title, unit, limit of XTCP / TCP
SPEED = (
    ("bulk", "bulk, loopback", "instr/MiB", at_most(1.05)),
    ("bulk-veth", "bulk, veth", "instr/MiB", at_most(1.05)),
    ("bulk-alone", "bulk in one thread, loopback", "instr/MiB", at_most(1.05)),
    ("bulk-alone-veth", "bulk in one thread, veth", "instr/MiB", at_most(1.05)),
    ("bulk-fair", "bulk, default scheduler, loopback", "instr/MiB", None),
    ("bulk-fair-veth", "bulk, default scheduler, veth", "instr/MiB", None),
    ("bulk-lab-veth", "bulk, veth, protocol 253 beside TCP", "instr/MiB", None),
    ("bulk-cut-veth", "bulk, veth, cut in software", "instr/MiB", None),
    ("bulk-merged-veth", "bulk, veth, cut in software, merged by GRO", "instr/MiB", None),
    ("rr", "request/answer, loopback", "instr", at_most(1.00)),
    ("rr-6", "request/answer, loopback, IPv6", "instr", at_most(1.00)),
    ("rr-veth", "request/answer, veth", "instr", at_most(1.05)),
    ("rr-alone", "request/answer in one thread, loopback", "instr", None),
    ("rr-alone-veth", "request/answer in one thread, veth", "instr", None),
    ("conn", "connect, exchange, close, loopback", "instr", at_most(0.90)),
    ("conn-veth", "connect, exchange, close, veth", "instr", at_most(0.90)),
    ("conn-fair", "connect, exchange, close, default scheduler, loopback", "instr", None),
    ("conn-fair-veth", "connect, exchange, close, default scheduler, veth", "instr", None),
)
MEMORY = (
    ("idle", "idle connection, both ends, IPv4", "bytes", at_most(0.80)),
    ("idle-6", "idle connection, both ends, IPv6", "bytes", at_most(0.85)),
    ("synrecv", "SYN_RECV entry", "bytes", at_most(1.00)),
    ("timewait", "TIME_WAIT entry", "bytes", at_most(1.00)),
)
PAIR = (("pair", "two machines, virtio-net, bulk", "Mbit/s", None),)
OTHERS = (("rr", "request/answer"), ("conn", "connect, exchange, close"))
HOST = (("rr", "request/answer", "instr"), ("bulk", "bulk", "instr/MiB"))
SITUATIONS = (("idle", "module loaded, idle", at_most(1.005)),
              ("1000", "1,000 XTCP connections", at_most(1.02)))


RATES, RTTS, LOSSES = ("10", "100", "1000"), ("1", "10", "100"), ("0", "0.1", "1", "3")
PATHS = ["path-%sM-%sms-%s%%" % (rate, rtt, loss) for rate in RATES for rtt in RTTS
         for loss in LOSSES] + ["path-reorder", "path-shallow"]


class Samples:
    """All samples of one kernel: {(figure, stack): {number: value}}"""

    def __init__(self, name, version="", values=None, caches=None, course=None):
        self.name, self.version = name, version
        self.dates = {}			# {part: day it was run}
        self.values = values or {}
        self.caches = caches or []	# [figure, stack, cache, objects, size]
        self.course = course or []	# [stack, ms, cwnd, ssthresh, bytes]
        self.idle = {}			# {figure: {stack: percent}}: not in its value
        self.failed = []		# parts that did not end well

    def feed(self, line):
        """One line of the guest's. Returns whether it was a sample."""
        w = line.split()
        if len(w) == 5 and w[0] == "R":
            self.values.setdefault(w[1], {}).setdefault(w[2], {})[int(w[3])] = float(w[4])
        elif len(w) == 5 and w[0] == "I":
            self.idle.setdefault(w[1], {})[w[2]] = float(w[4])
        elif len(w) == 7 and w[0] == "S":
            self.course.append([w[2], float(w[3]), int(w[4]), int(w[5]), int(w[6])])
        elif len(w) == 6 and w[0] == "M":
            self.caches.append([w[1], w[2], w[3], float(w[4]), int(w[5])])
        else:
            return False
        return True

    def of(self, figure, stack):
        return list(self.values.get(figure, {}).get(stack, {}).values())

    def median(self, figure, stack):
        v = self.of(figure, stack)
        return statistics.median(v) if v else None

    def spread(self, figure, stack):
        v = self.of(figure, stack)
        return (max(v) - min(v)) / statistics.median(v) if v and statistics.median(v) else 0

    def save(self, path):
        with open(path + ".new", "w") as f:
            json.dump(self.__dict__, f, indent=1)
        os.rename(path + ".new", path)

    @classmethod
    def load(cls, path):
        with open(path) as f:
            d = json.load(f)
        s = cls(d["name"])
        s.__dict__.update(d)
        for stacks in s.values.values():
            for stack in stacks:
                stacks[stack] = {int(k): v for k, v in stacks[stack].items()}
        return s


def row(group, title, unit, xtcp, tcp, limit, spread=0, ratio=None):
    if ratio is None:
        ratio = xtcp / tcp
    ok = limit is None or limit.holds(ratio)
    return Row(group, title, unit, xtcp, tcp, ratio, limit, ok, spread)


def plain(s, group, table):
    for figure, title, unit, limit in table:
        x, t = s.median(figure, "xtcp"), s.median(figure, "tcp")
        if x is None or t is None:
            continue
        spread = max(s.spread(figure, "xtcp"), s.spread(figure, "tcp"))
        yield row(group, title, unit, x, t, limit, spread)
        copy = s.median("copy", "both")
        if figure.startswith("bulk") and limit and copy is not None:
            yield row(group, title + ", outside copying", unit, x - copy, t - copy, at_most(1.10),
                      spread)


def others(s):
    for figure, title in OTHERS:
        few = [s.median(figure + "-10", k) for k in ("xtcp", "tcp")]
        for n, text in ((1000, "1,000"), (20000, "20,000")):
            many = [s.median("%s-%d" % (figure, n), k) for k in ("xtcp", "tcp")]
            if None in few + many:
                continue
            x, t = (m / f for m, f in zip(many, few))
            yield row("others", "%s, %s others / 10 others" % (title, text), "times", x, t,
                      at_most(1.10), ratio=x)


def host(s):
    for figure, title, unit in HOST:
        none = s.median("host-%s-none" % figure, "tcp")
        for name, text, limit in SITUATIONS:
            v = s.median("host-%s-%s" % (figure, name), "tcp")
            if v is not None and none is not None:
                name_of = "host's TCP, %s, %s / without" % (title, text)
                yield row("host", name_of, unit, v, none, limit,
                          s.spread("host-%s-%s" % (figure, name), "tcp"))


def paths(s):
    ratios = []
    for figure in s.values:
        if not figure.startswith("path-"):
            continue
        x, t = s.median(figure, "xtcp"), s.median(figure, "tcp")
        if x is None or t is None:
            continue
        ratios.append(x / t)
        title = "goodput, " + figure[5:].replace("-", " ")
        yield row("paths", title, "Mbit/s", x, t, at_least(0.95),
                  max(s.spread(figure, "xtcp"), s.spread(figure, "tcp")))
    if ratios:
        worst = min(ratios)
        yield row("paths", "goodput, worst path", "ratio", worst, None, at_least(0.85), ratio=worst)


def share(s):
    x, t = s.median("share", "xtcp"), s.median("share", "tcp")
    if x is not None:
        yield row("share", "share of a bottleneck beside one TCP flow", "percent", x, t,
                  Limit(40, 60, True), s.spread("share", "xtcp"), ratio=x)


def missing(s):
    """Figures that a part which was run did not give; if none was run, that is missing."""
    want = {"speed": [t[0] for t in SPEED] + ["copy"], "memory": [t[0] for t in MEMORY],
            "others": ["%s-%d" % (t[0], n) for t in OTHERS for n in (10, 1000, 20000)],
            "host": ["host-%s-%s" % (t[0], n) for t in HOST
                     for n in ["none"] + [at[0] for at in SITUATIONS]],
            "share": ["share"], "pair": [t[0] for t in PAIR]}
    gone = [w for part in s.dates for w in want.get(part, []) if w not in s.values]
    if "paths" in s.dates and not any(w.startswith("path-") for w in s.values):
        gone.append("paths")
    return gone if s.dates else ["everything"]


def unmeasured(s):
    """Paths that a quick run leaves out."""
    return [p for p in PATHS if p not in s.values] if "paths" in s.dates else []


def differences(s, other):
    """How far two runs are apart in what is counted: (title, part of the other's ratio)."""
    counted = ("speed", "others", "host")
    then = {r.title: r.ratio for r in rows(other) if r.group in counted}
    return [(r.title, abs(r.ratio / then[r.title] - 1)) for r in rows(s)
            if r.group in counted and r.title in then]


def rows(s):
    """Every row of one kernel that there are samples for, in order."""
    return [r for part in (plain(s, "speed", SPEED), plain(s, "memory", MEMORY), others(s), host(s),
                           paths(s), share(s), plain(s, "pair", PAIR)) for r in part]
