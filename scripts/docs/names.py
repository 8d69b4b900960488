# SPDX-License-Identifier: GPL-2.0-only
"""The names of requirements in a text: S5, S5 to S7, MUST-34, -37, MUST_8, RFC 6298, RFC6298_5."""

import re

MUST = re.compile(r"\bMUST[-_](\d+)((?:(?:, | and |/)-\d+)*)")
LIFE = re.compile(r"\bS(\d{1,2})(?: to S(\d{1,2}))?(?![\w-])")
RFC = re.compile(r"\bRFCs? ?_?(\d{3,4})(?!\d)((?:/\d{4})*)")


def find(text):
    """Return: the set of names in text."""
    names = set()
    for m in MUST.finditer(text):
        names.add("MUST-" + m.group(1))
        names.update("MUST" + n for n in re.findall(r"-\d+", m.group(2)))
    for m in LIFE.finditer(text):
        last = int(m.group(2) or m.group(1))
        names.update("S%d" % n for n in range(int(m.group(1)), last + 1))
    for m in RFC.finditer(text):
        names.add("RFC " + m.group(1))
        names.update("RFC " + n for n in re.findall(r"\d{4}", m.group(2)))
    return names
