# SPDX-License-Identifier: GPL-2.0-only
"""Connections: events in, rows of the drawing out."""

from dataclasses import dataclass, field

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << i for i in range(8))
FLAG_NAMES = [("SYN", SYN), ("FIN", FIN), ("RST", RST), ("PSH", PSH), ("ACK", ACK), ("URG", URG),
              ("ECE", ECE), ("CWR", CWR)]

MASK = 0xFFFFFFFF


@dataclass
class Event:
    """A segment or a change of state, as a tracepoint or a capture tells it."""

    kind: str                   # "out", "in" (a tracepoint's view), "wire" (a capture's), "state"
    time: float
    src: str                    # the sender of a "wire", else the local end
    dst: str
    seq: int = 0
    ack: int = 0
    flags: int = 0
    win: int = 0
    len: int = 0
    old: str = ""
    new: str = ""
    reason: str = ""
    ms: int = 0
    cookie: str = ""            # names the socket before it has a port


@dataclass
class Row:
    """One line of the drawing: an arrow, or news of one end."""

    time: float
    to_right: bool = True
    text: str = ""              # what stands over the arrow; empty: no arrow
    note: str = ""              # what stands between the ends where there is no arrow
    left: list = field(default_factory=list)
    right: list = field(default_factory=list)
    data: int = 0               # payload bytes
    plain: bool = False         # data or a bare ACK: may be folded

    def states(self, left):
        return self.left if left else self.right


def port_of(end):
    return int(end.rsplit(":", 1)[1])


def host_of(end):
    return end.rsplit(":", 1)[0].strip("[]")


def flag_text(flags):
    return "|".join(name for name, bit in FLAG_NAMES if flags & bit) or "none"


def flag_bits(text):
    return sum(bit for name, bit in FLAG_NAMES if name in text.split("|"))


class End:
    """One end of a connection: its numbers, and the state that segments let one conclude."""

    def __init__(self, name):
        self.name = name
        self.base = None        # sequence number that is drawn as 0
        self.fin_end = None     # sequence number after its FIN
        self.syn_end = None
        self.local = False      # XTCP on this machine: reports its states itself
        self.sends = False      # its segment_out events are seen
        self.state = "CLOSE"

    def relative(self, number):
        return (number - self.base) & MASK if self.base is not None else number

    def sent(self, e):
        """The state after sending @e."""
        if self.base is None:
            self.base = e.seq
        if e.flags & SYN:
            if self.syn_end is not None and e.seq != self.base:
                self.fin_end = None
            self.base = e.seq
            self.syn_end = (e.seq + 1) & MASK
        if e.flags & FIN:
            self.fin_end = (e.seq + e.len + 1) & MASK
        if e.flags & RST:
            return "CLOSE"
        if e.flags & SYN:
            return "SYN_RECV" if e.flags & ACK else "SYN_SENT"
        if e.flags & FIN:
            return {"ESTABLISHED": "FIN_WAIT_1", "SYN_RECV": "FIN_WAIT_1",
                    "CLOSE_WAIT": "LAST_ACK"}.get(self.state, self.state)
        return self.state

    def acked(self, e, end):
        """Whether the segment @e acknowledges up to @end."""
        return bool(e.flags & ACK) and end is not None and ((e.ack - end) & MASK) < 1 << 31

    def received(self, e):
        """The state after receiving @e."""
        s = self.state
        if e.flags & RST:
            return "CLOSE" if s != "LISTEN" else s
        if e.flags & SYN:
            if s == "SYN_SENT":
                return "ESTABLISHED" if e.flags & ACK else "SYN_RECV"
            return "LISTEN" if s == "CLOSE" else s
        if s == "SYN_RECV" and self.acked(e, self.syn_end):
            s = "ESTABLISHED"
        if self.acked(e, self.fin_end):
            s = {"FIN_WAIT_1": "FIN_WAIT_2", "CLOSING": "TIME_WAIT", "LAST_ACK": "CLOSE"}.get(s, s)
        if e.flags & FIN:
            s = {"ESTABLISHED": "CLOSE_WAIT", "FIN_WAIT_1": "CLOSING",
                 "FIN_WAIT_2": "TIME_WAIT"}.get(s, s)
        return s


class Flow:
    """One connection: its two ends and the rows so far."""

    def __init__(self, opt, left, right):
        self.opt = opt
        self.left = End(left)
        self.right = End(right)
        self.rows = []
        self.start = None
        self.waiting = {True: [], False: []}    # states that belong to the next arrow of this end
        self.begun = False                      # a segment was seen
        self.bytes = {True: 0, False: 0}

    def end(self, is_left):
        return self.left if is_left else self.right

    def clock(self, e):
        if self.start is None:
            self.start = e.time
        return e.time - self.start

    def number(self, end, value):
        return value if self.opt.absolute else end.relative(value)

    def describe(self, e, sender, receiver):
        text = f"{flag_text(e.flags)} seq={self.number(sender, e.seq)}"
        if e.flags & ACK:
            text += f" ack={self.number(receiver, e.ack)}"
        if e.len:
            text += f" len={e.len}"
        return text

    def set_state(self, states, end, new, told):
        if new != end.state:
            end.state = new
            states.append(new if told else f"({new})")

    def segment(self, e, from_left):
        sender, receiver = self.end(from_left), self.end(not from_left)
        row = Row(self.clock(e), from_left)
        guess = sender.sent(e)
        if receiver.base is None and e.flags & ACK:
            receiver.base = e.ack
        row.text = self.describe(e, sender, receiver)
        row.data = e.len
        row.plain = not e.flags & (SYN | FIN | RST)
        self.bytes[from_left] += e.len
        row.states(from_left).extend(self.waiting[from_left])
        self.waiting[from_left] = []
        self.begun = True
        if not sender.local:
            self.set_state(row.states(from_left), sender, guess, False)
        if not receiver.local:
            self.set_state(row.states(not from_left), receiver, receiver.received(e), False)
        self.rows.append(row)

    def state(self, e, is_left):
        end = self.end(is_left)
        end.local = True
        if e.new == end.state and e.old == end.state:
            return
        end.state = e.new
        last = self.rows[-1] if self.rows else None
        now = self.clock(e)
        if e.old == "TIME_WAIT" or e.reason in ("timeout", "keepalive", "dead-peer", "2msl"):
            note = f"{e.old} over after {e.ms} ms" if e.old == "TIME_WAIT" else e.reason
            row = Row(now, note=note)
            row.states(is_left).append(e.new)
            self.rows.append(row)
        elif last and last.text and e.reason != "user":
            # what a segment brought about stands beside it, or beside the answer to it
            last.states(is_left).append(e.new)
        else:
            self.waiting[is_left].append(e.new)

    def flush(self):
        """States for which no arrow came: a row of their own."""
        for is_left in (True, False):
            if self.waiting[is_left]:
                row = Row(self.rows[-1].time if self.rows else 0.0)
                row.states(is_left).extend(self.waiting[is_left])
                self.waiting[is_left] = []
                self.rows.append(row)

    def over(self):
        """Both ends done, as far as anyone here can know."""
        ends = (self.left, self.right)
        if not self.begun:
            return False
        done = [end.state in ("CLOSE", "LISTEN") or (end.state == "TIME_WAIT" and not end.local)
                for end in ends]
        return all(done)


class Flows:
    """Sorts events into connections. The left end is the one that sent the first SYN."""

    def __init__(self, opt):
        self.opt = opt
        self.open = {}
        self.all = []
        self.early = {}         # cookie -> state events of a socket without a port

    def wanted(self, e):
        ends = (e.src, e.dst)
        if self.opt.port and self.opt.port not in map(port_of, ends):
            return False
        return not self.opt.host or self.opt.host in map(host_of, ends)

    def find(self, e, sender, receiver):
        key = frozenset((e.src, e.dst))
        one = self.open.get(key)
        fresh = e.kind != "state" and e.flags & (SYN | ACK) == SYN
        starts = e.kind == "state" and e.new in ("SYN_SENT",)
        if one and one.over() and (fresh or starts):
            one = None
        if not one:
            if e.kind == "state" and e.new in ("LISTEN", "CLOSE"):
                return None
            # a RST of no socket, to a segment that was not seen, makes no connection
            if e.kind == "out" and e.flags & RST and e.cookie == "0":
                return None
            # the end that answers is the right one even if its news comes first
            turned = (e.kind == "state" and e.new == "SYN_RECV") or \
                     (e.kind != "state" and e.flags & (SYN | ACK) == SYN | ACK)
            one = Flow(self.opt, *((receiver, sender) if turned else (sender, receiver)))
            self.open[key] = one
            self.all.append(one)
        return one

    def listener(self, e):
        """A listener of XTCP got a SYN: the end that was taken for somebody else's is known."""
        for one in self.all:
            end = one.right
            if end.local or not one.rows or port_of(end.name) != port_of(e.src):
                continue
            end.local = True
            for row in one.rows:
                row.right = [s.strip("()") for s in row.right]

    def add(self, e):
        """Takes an event into the connection that it belongs to."""
        if port_of(e.dst) == 0:
            if e.kind == "in":
                self.listener(e)
            return
        if not self.wanted(e):
            return
        if port_of(e.src) == 0:
            self.early.setdefault(e.cookie, []).append(e)
            return
        for before in self.early.pop(e.cookie, []) if e.cookie else []:
            before.src = e.src
            self.add(before)
        sender, receiver = (e.dst, e.src) if e.kind == "in" else (e.src, e.dst)
        one = self.find(e, sender, receiver)
        if not one:
            return
        if e.kind == "state":
            one.state(e, e.src == one.left.name)
            return
        from_left = sender == one.left.name
        if e.kind == "out":
            one.end(from_left).sends = True
            one.end(from_left).local = True
        elif e.kind == "in":
            one.end(not from_left).local = True
            # the other end is traced as well: its arrow is there already
            if one.end(from_left).sends:
                return
        one.segment(e, from_left)

    def finish(self):
        for one in self.all:
            one.flush()
