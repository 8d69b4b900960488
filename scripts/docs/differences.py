# SPDX-License-Identifier: GPL-2.0-only
"""The page of differences from the kernel's TCP, from the list that the matrix test checks."""

import textwrap

HEAD = """\
.. SPDX-License-Identifier: GPL-2.0-only
.. Written by scripts/conformance from selftests/wire/known-differences.txt.

=================================
Differences from the kernel's TCP
=================================

``wire matrix`` brings each of the eleven states together with a hundred segments, on the kernel's
TCP and on XTCP, and compares what is sent back (numbers, window, options), the state afterwards,
the error and what poll() says. What follows is every difference that these cells show: one that is
not listed fails the test, and so does one that is listed and does not occur.

A segment is written as flags / acknowledgment / sequence number:

* flags: SYN, ACK, FIN, RST, DATA;
* acknowledgment: *none* (no ACK bit), *ok* (acknowledges what was sent), *una* (nothing new),
  *ancient* (too old), *future* (what was not sent yet);
* sequence number: *next* (in order), *window* (inside), *old* (below), *beyond* (above);
* ``*`` and ``[...]`` are shell patterns.

"""

FIELDS = ("States", "Segments", "What differs", "Families", "RFC", "Reason")


def families(text):
    names = {"46": "IPv4 and IPv6", "4": "IPv4", "6": "IPv6"}
    family, _, kernel = text.partition(" @ ")
    return names.get(family, family) + (", Linux %s only" % kernel if kernel else "")


def field(name, text):
    return textwrap.fill(":%s: %s" % (name, text), 95, subsequent_indent="    ")


def page(path):
    with open(path) as f:
        lines = [s.rstrip("\n") for s in f]
    text, comment, n = HEAD, [], 0
    for line in lines[lines.index("") + 1 if "" in lines else 0:]:
        if line.startswith("#"):
            comment.append(line.lstrip("# "))
        elif "|" in line:
            values = [v.strip() for v in line.split("|")]
            n += 1
            text += textwrap.fill("%d. %s" % (n, values[5]), 99, subsequent_indent="   ") + "\n\n"
            values[1] = "``%s``" % values[1]
            values[2] = values[2].replace(",", ", ")
            values[3] = families(values[3])
            block = [field(k, v) for k, v in zip(FIELDS[:5], values)]
            if comment:
                block.append(field("Note", " ".join(comment)))
            indent = "   " if n < 10 else "    "
            text += textwrap.indent("\n".join(block), indent) + "\n\n"
        if not line:
            comment = []
    text += "%d differences.\n" % n
    return text
