# SPDX-License-Identifier: GPL-2.0-only
"""Rows as text and as SVG."""

import html

STATE_COLUMNS = 22
FOLD_AFTER = 8          # so many plain segments in a row are drawn one by one


class Pen:
    """Writes a connection's rows as text while they come."""

    def __init__(self, opt, one, out):
        self.opt = opt
        self.flow = one
        self.out = out
        self.done = 0           # rows looked at
        self.plain = 0          # plain rows in a row so far
        self.folded = {True: [0, 0], False: [0, 0]}
        self.started = False

    def line(self, text=""):
        self.out.write(text.rstrip() + "\n")
        self.out.flush()

    def header(self):
        self.started = True
        left, right = self.flow.left.name, self.flow.right.name
        self.line()
        self.line(" " * 9 + left.rjust(STATE_COLUMNS) + " " * (self.opt.width + 4) + right)

    def row_line(self, row):
        width = self.opt.width
        if row.text:
            middle = f" {row.text} ".center(width - 2, "-")
            middle = f"|{middle}->|" if row.to_right else f"|<-{middle}|"
        else:
            middle = "|" + row.note.center(width) + "|"
        left = " ".join(row.left).rjust(STATE_COLUMNS)
        self.line(f"{row.time:8.3f} {left} {middle} {' '.join(row.right)}")

    def fold_line(self):
        for to_right in (True, False):
            segments, size = self.folded[to_right]
            if segments:
                what = f"... {segments} segments, {size} bytes "
                what += "->" if to_right else "<-"
                self.line(" " * 9 + " " * STATE_COLUMNS + " |" + what.center(self.opt.width) + "|")
        self.folded = {True: [0, 0], False: [0, 0]}

    def put(self, row):
        if not self.started:
            self.header()
        if row.plain and not row.left and not row.right and not self.opt.every:
            self.plain += 1
            if self.plain > FOLD_AFTER:
                self.folded[row.to_right][0] += 1
                self.folded[row.to_right][1] += row.data
                return
        else:
            self.fold_line()
            self.plain = 0
        self.row_line(row)

    def advance(self, hold=0):
        """Draws the rows that are there, but for the last @hold, which may still change."""
        end = len(self.flow.rows) - hold
        while self.done < end:
            self.put(self.flow.rows[self.done])
            self.done += 1

    def close(self):
        self.advance()
        self.fold_line()
        if self.started:
            there, back = self.flow.bytes[True], self.flow.bytes[False]
            self.line(f"{'':9}{len([r for r in self.flow.rows if r.text])} segments, "
                      f"{there} bytes ->, {back} bytes <-")


def text(opt, one, out):
    pen = Pen(opt, one, out)
    pen.close()


def fold(opt, rows):
    """The rows of a drawing: long runs of plain ones become one row each way."""
    kept, run = [], []

    def close_run():
        for to_right in (True, False):
            part = [r for r in run[FOLD_AFTER:] if r.to_right == to_right]
            if part:
                note = f"... {len(part)} segments, {sum(r.data for r in part)} bytes " \
                       + ("→" if to_right else "←")
                kept.append(type(part[0])(part[0].time, note=note))
        run.clear()

    for r in rows:
        if r.plain and not r.left and not r.right and not opt.every:
            run.append(r)
            if len(run) <= FOLD_AFTER:
                kept.append(r)
            continue
        close_run()
        kept.append(r)
    close_run()
    return kept


SVG_HEAD = """<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" \
viewBox="0 0 {w} {h}" font-family="monospace" font-size="13">
<defs><marker id="a" viewBox="0 0 10 10" refX="10" refY="5" markerWidth="8" markerHeight="8" \
orient="auto-start-reverse"><path d="M0 0L10 5L0 10z" fill="#124"/></marker></defs>
<rect width="100%" height="100%" fill="#fff"/>
"""

LEFT, RIGHT, STEP, SLANT = 280, 760, 34, 14


def svg_label(x, y, label, anchor, color="#000", weight="normal"):
    return (f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{color}" '
            f'font-weight="{weight}">{html.escape(label)}</text>\n')


def svg_row(row, y):
    out = svg_label(70, y + 4, f"{row.time:.3f}", "end", "#777")
    if row.text:
        x1, x2 = (LEFT, RIGHT) if row.to_right else (RIGHT, LEFT)
        out += (f'<line x1="{x1}" y1="{y}" x2="{x2}" y2="{y + SLANT}" stroke="#124" '
                f'stroke-width="1.5" marker-end="url(#a)"/>\n')
        out += svg_label((LEFT + RIGHT) // 2, y + 2, row.text, "middle")
    elif row.note:
        out += svg_label((LEFT + RIGHT) // 2, y + 4, row.note, "middle", "#777")
    y_left, y_right = (y, y + SLANT) if row.to_right else (y + SLANT, y)
    out += svg_label(LEFT - 12, y_left + 4, " ".join(row.left), "end", "#a30", "bold")
    out += svg_label(RIGHT + 12, y_right + 4, " ".join(row.right), "start", "#a30", "bold")
    return out


def svg(opt, flows, path):
    body, y = "", 30
    for one in flows:
        rows = fold(opt, one.rows)
        body += svg_label(LEFT, y, one.left.name, "middle", weight="bold")
        body += svg_label(RIGHT, y, one.right.name, "middle", weight="bold")
        top = y + 10
        y += STEP
        for row in rows:
            body += svg_row(row, y)
            y += STEP
        for x in (LEFT, RIGHT):
            body += f'<line x1="{x}" y1="{top}" x2="{x}" y2="{y}" stroke="#999"/>\n'
        y += 2 * STEP
    with open(path, "w", encoding="utf-8") as f:
        f.write(SVG_HEAD.format(w=RIGHT + 280, h=y) + body + "</svg>\n")
