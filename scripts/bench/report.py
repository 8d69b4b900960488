# SPDX-License-Identifier: GPL-2.0-only
"""The table as text, CSV and reStructuredText."""

import csv
import textwrap

import figures

# Documentation/performance.rst: what is between them is made here
MARK_BEGIN = ".. results: written by scripts/bench/run --rst"
MARK_END = ".. end of results"


def number(v, unit):
    if v is None:
        return ""
    if abs(v) >= 1000:
        return "{:,.0f}".format(v)
    if unit == "times":
        return "%.3f" % v
    return "%.0f" % v if abs(v) >= 200 else "%.3g" % v


def ratio(r):
    return "%.1f %%" % r.ratio if r.unit == "percent" else "%.3f" % r.ratio


def verdict(r):
    return "" if r.limit is None else "ok" if r.ok else "MISSED"


def line(r):
    return [r.title, r.unit, number(r.xtcp, r.unit), number(r.tcp, r.unit), ratio(r),
            str(r.limit or "none"), verdict(r)]


HEAD = ["figure (median)", "unit", "XTCP", "TCP", "ratio", "limit", "verdict"]


def columns(lines, rst=False):
    """Lines of words, aligned: numbers to the right."""
    width = [max(len(l[i]) for l in lines) for i in range(len(HEAD))]
    out = []
    for l in lines:
        cells = [c.rjust(w) if 2 <= i <= 4 else c.ljust(w)
                 for i, (c, w) in enumerate(zip(l, width))]
        out.append("  ".join(cells).rstrip())
    if rst:
        bar = "  ".join("=" * max(w, 1) for w in width)
        out = [bar, out[0], bar] + out[1:] + [bar]
    return out


def waits(s):
    """Figures whose measurement waited for a timer."""
    titles = {t[0]: t[1] for t in figures.SPEED}
    return ["%s: %s idle for %.1f %% of the time, which is not in the figure"
            % (titles.get(f, f), stack.upper(), percent)
            for f, stacks in s.idle.items() for stack, percent in stacks.items()]


def made(s):
    """Which part was measured when."""
    days = sorted(set(s.dates.values()), reverse=True)
    if len(days) == 1:
        return "Made on %s." % days[0]
    return "Made on " + "; ".join("%s: %s" % (day, ", ".join(p for p, d in s.dates.items()
                                                           if d == day)) for day in days) + "."


def text(s):
    rows = figures.rows(s)
    out = ["", "Linux %s (%s)" % (s.version, s.name), ""]
    out += columns([HEAD] + [line(r) for r in rows])
    missed = [r for r in rows if not r.ok]
    out.append("")
    out.append("%d figures, %d with a limit, %d missed" % (
        len(rows), sum(r.limit is not None for r in rows), len(missed)))
    out += waits(s)
    left_out = figures.unmeasured(s)
    if left_out:
        out.append("%d of %d paths were not measured (--full): %s" % (
            len(left_out), len(figures.PATHS), " ".join(p[5:] for p in left_out)))
    for figure in figures.missing(s):
        out.append("MISSING: %s was not measured" % figure)
    for part in s.failed:
        out.append("FAILED: part %s did not end well: its figures are incomplete" % part)
    return "\n".join(out) + "\n"


def against(s, other):
    """Two runs beside each other. Returns text, and whether they agree within one percent."""
    apart = figures.differences(s, other)
    out = ["", "Linux %s: %d ratios of both runs" % (s.name, len(apart))]
    out += ["%.2f %%  %s" % (100 * d, title)
            for title, d in sorted(apart, key=lambda x: -x[1]) if d > 0.01]
    if apart:
        title, most = max(apart, key=lambda x: x[1])
        out.append("at most %.2f %% apart: %s" % (100 * most, title))
    return "\n".join(out) + "\n", bool(apart) and all(d <= 0.01 for _, d in apart)


def write_csv(path, all_samples):
    with open(path, "w", newline="") as f:
        w = csv.writer(f)
        w.writerow(["kernel", "version", "group", "figure", "unit", "xtcp", "tcp", "ratio",
                    "limit", "ok", "spread"])
        for s in all_samples:
            for r in figures.rows(s):
                w.writerow([s.name, s.version, r.group, r.title, r.unit, r.xtcp, r.tcp,
                            "%.4f" % r.ratio, r.limit or "", int(r.ok), "%.4f" % r.spread])


def caches(s, figure):
    """What an idle connection and the minisocks consist of, by slab cache."""
    out = []
    for stack in ("xtcp", "tcp"):
        seen = {}
        for f, k, cache, objects, size in s.caches:
            if f == figure and k == stack:
                seen[cache] = (objects, size)
        out.append("%s: " % stack.upper() + ", ".join("%s %.2f x %d" % (c, n, size)
                                                     for c, (n, size) in seen.items()))
    return out


def rst(all_samples):
    out = []
    for s in all_samples:
        title = "Linux %s" % s.version
        out += [title, "=" * len(title), "", made(s), ""]
        out += columns([HEAD] + [line(r) for r in figures.rows(s)], rst=True)
        out.append("")
        for w in waits(s):
            out += ["* " + w, ""]
        for figure, name in (("idle", "An idle connection, IPv4"),
                             ("timewait", "A TIME_WAIT entry"), ("synrecv", "A SYN_RECV entry")):
            lines = [l for l in caches(s, figure) if l.split(": ", 1)[1]]
            if lines:
                out += ["%s, objects x bytes by slab cache:" % name, ""]
                for l in lines:
                    out += textwrap.wrap("* " + l, 100, subsequent_indent="  ",
                                         break_on_hyphens=False)
                out.append("")
    return "\n".join(out) + "\n"
