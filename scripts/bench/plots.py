# SPDX-License-Identifier: GPL-2.0-only
"""SVG by hand: the ratios as bars, and the course of one lossy transfer of each stack."""

import os
from xml.sax.saxutils import escape

import figures

COLOUR = {"xtcp": "#1565c0", "tcp": "#ef6c00"}
GOOD, BAD, NONE = "#2e7d32", "#c62828", "#78909c"


class Svg:
    def __init__(self, width, height):
        self.width, self.height = width, height
        self.parts = []

    def text(self, x, y, text, anchor="start", size=11, colour="#212121"):
        self.parts.append('<text x="%.1f" y="%.1f" text-anchor="%s" font-size="%d" '
                          'fill="%s">%s</text>'
                          % (x, y, anchor, size, colour, escape(text)))

    def line(self, x1, y1, x2, y2, colour="#bdbdbd", width=1):
        self.parts.append('<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" '
                          'stroke-width="%g"/>' % (x1, y1, x2, y2, colour, width))

    def box(self, x, y, w, h, colour):
        self.parts.append('<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>'
                          % (x, y, w, h, colour))

    def path(self, points, colour):
        self.parts.append('<polyline fill="none" stroke="%s" stroke-width="1.3" points="%s"/>'
                          % (colour, " ".join("%.1f,%.1f" % p for p in points)))

    def write(self, path):
        with open(path, "w") as f:
            f.write('<?xml version="1.0" encoding="UTF-8"?>\n'
                    '<!-- SPDX-License-Identifier: GPL-2.0-only -->\n'
                    '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
                    'viewBox="0 0 %d %d" font-family="sans-serif">\n'
                    '<rect width="100%%" height="100%%" fill="white"/>\n'
                    % (self.width, self.height, self.width, self.height))
            f.write("\n".join(self.parts) + "\n</svg>\n")


def ratios(path, s):
    """A bar for each row that is a ratio; its limit as a tick."""
    rows = [r for r in figures.rows(s) if r.unit != "percent"]
    left, width, step, top = 400, 420, 18, 50
    svg = Svg(left + width + 80, top + step * len(rows) + 30)
    most = max([2.0] + [r.ratio for r in rows])

    def x(ratio):
        return left + width * ratio / most

    svg.text(10, 24, "XTCP / TCP, Linux %s" % s.version, size=15)
    bottom = top + step * len(rows)
    for tick in range(0, int(most * 4) + 1):
        svg.line(x(tick / 4), top - 6, x(tick / 4), bottom, "#9e9e9e" if tick == 4 else "#eeeeee")
        if tick % 2 == 0:
            svg.text(x(tick / 4), top - 10, "%g" % (tick / 4), "middle", 10)
    for n, r in enumerate(rows):
        y = top + n * step
        colour = NONE if r.limit is None else GOOD if r.ok else BAD
        svg.text(left - 8, y + 12, r.title, "end")
        svg.box(left, y + 3, width * r.ratio / most, step - 6, colour)
        svg.text(left + width + 12, y + 12, "%.3f" % r.ratio, size=10)
        for limit in (r.limit.low, r.limit.high) if r.limit else ():
            if limit is not None:
                svg.line(x(limit), y + 1, x(limit), y + step - 1, "#000000", 2)
    svg.text(left, bottom + 18, "black tick: limit; red: missed; grey: no limit", size=10)
    svg.write(path)


def nice(most):
    """A round step that gives four to ten ticks up to @most."""
    step = 1
    while True:
        for k in (1, 2, 5):
            if most / (step * k) <= 8:
                return step * k
        step *= 10


def panel(svg, box, title, series, xmost, ymost):
    """One diagram. @box: x, y, width, height; @series: {stack: [(x, y)]}"""
    left, top, width, height = box
    svg.text(left, top - 8, title, size=12)
    for value in range(0, int(ymost) + 1, nice(ymost)):
        y = top + height - height * value / ymost
        svg.line(left, y, left + width, y, "#eeeeee")
        svg.text(left - 6, y + 4, "%d" % value, "end", 10)
    for value in range(0, int(xmost) + 1, nice(xmost)):
        x = left + width * value / xmost
        svg.line(x, top, x, top + height, "#eeeeee")
        svg.text(x, top + height + 14, "%d" % value, "middle", 10)
    for stack, points in series.items():
        svg.path([(left + width * x / xmost, top + height - height * min(y, ymost) / ymost)
                  for x, y in points], COLOUR[stack])


def course(path, s):
    """cwnd and sequence over time of both stacks."""
    cwnd, seq = {}, {}
    for stack, ms, window, _, done in s.course:
        cwnd.setdefault(stack, []).append((ms, window))
        seq.setdefault(stack, []).append((ms, done / 1024))
    xmost = max(p[0] for v in cwnd.values() for p in v) or 1
    svg = Svg(900, 720)
    svg.text(60, 24, "20 Mbit/s, 40 ms, 0.3 %% loss, both CUBIC, Linux %s" % s.version, size=15)
    for n, stack in enumerate(cwnd):
        svg.line(640 + 110 * n, 20, 670 + 110 * n, 20, COLOUR[stack], 3)
        svg.text(676 + 110 * n, 24, stack.upper())
    panel(svg, (60, 60, 820, 280), "congestion window, segments, over ms", cwnd, xmost,
          max(p[1] for v in cwnd.values() for p in v) or 1)
    panel(svg, (60, 400, 820, 280), "acknowledged, KiB, over ms", seq, xmost,
          max(p[1] for v in seq.values() for p in v) or 1)
    svg.write(path)


def write(directory, all_samples):
    for s in all_samples:
        if figures.rows(s):
            ratios(os.path.join(directory, "ratios-%s.svg" % s.name), s)
        if s.course:
            course(os.path.join(directory, "course-%s.svg" % s.name), s)
