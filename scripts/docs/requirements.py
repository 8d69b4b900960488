# SPDX-License-Identifier: GPL-2.0-only
"""The page of requirements, and what logs say of them."""

import re
import sys
import textwrap

WIDTH = 99
HEAD = """\
.. SPDX-License-Identifier: GPL-2.0-only
.. Written by scripts/conformance. Change the table, comments or tests, and run it again.

===========
Conformance
===========

Each requirement, the functions of module/ whose comments name it, and the tests that name it. Both
are found by name, so this page says where to look and what is run. A requirement without a test
says so.

%s

Functions come as *file*: functions. A file alone is one whose first comment names the requirement,
or a table of constants; some functions are named by requirements.txt itself. Rows of ``wire`` are
run over IPv4 and IPv6, all of them over AF_XTCP, those of the core that need no virtual time over
the alias and protocol 253 as well; ``wire -s xtcp --vt -r 'NAME*'`` runs one (testing.rst).

"""

NO_RESULTS = """\
``make check`` writes this page with results, of the newest kernel, into build/rfc-conformance.rst.
A requirement whose tests did not all run and pass is a failure."""
RESULTS = """\
The results are those of one run on the newest kernel. *partial*: all its tests passed, but something
is missing, which is said."""


class Requirement:
    """A line of the table. code: functions of module/ that do it without a comment that says so."""

    def __init__(self, section, name, fields):
        self.section, self.name, self.text = section, name, fields[0]
        self.missing = " ".join(f for f in fields[1:] if not f.startswith("@")) or None
        self.code = " ".join(f[1:] for f in fields[1:] if f.startswith("@")).split()


def read(path):
    """Return: the requirements of the table, in its order."""
    table, section = [], None
    with open(path) as f:
        lines = re.sub(r"\n[ \t]+", " ", f.read()).splitlines()
    for line in lines:
        if line.startswith("= "):
            section = line[2:].strip()
        elif line and not line.startswith("#"):
            fields = [x.strip() for x in line.split("|")]
            table.append(Requirement(section, fields[0], fields[1:]))
    return table


def wrapped(text, indent, hanging=""):
    return textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=indent + hanging,
                         break_long_words=False, break_on_hyphens=False)


def field(name, text):
    return wrapped(":%s: %s" % (name, text), "    ", "    ")


def literal(text):
    # a literal is not broken over lines by textwrap, docutils would take it either way
    return "``%s``" % text


def functions(places):
    by_file = {}
    for path, name in places:
        by_file.setdefault(path, set()).add(name)
    out = []
    for path in sorted(by_file):
        named = sorted(n for n in by_file[path] if n)
        out.append("%s%s" % (path, ": " + ", ".join(literal(n) for n in named) if named else ""))
    return out


def escaped(text):
    return re.sub(r"([\\*`|]|_\b)", r"\\\1", text)


def test_lines(tests):
    """One line for each collection and topic."""
    lines, groups = [], {}
    for t in tests:
        groups.setdefault((t.collection, t.topic), []).append(t)
    for (collection, topic), some in groups.items():
        titles = []
        for t in some:
            title = '"%s"' % escaped(t.title) if collection == "wire" else literal(t.title)
            titles.append(title + (" (%s)" % t.marks if t.marks else ""))
        lines.append("%s/%s: %s" % (collection, topic, "; ".join(titles)))
    return lines


RESULT = re.compile(r"^ *(?:\S+ *\| )?(not ok|ok) \d+ (?:- )?(.*?)(?: # (\w+).*)?$")


def read_logs(logs):
    """Return: {title: [how often ok, how often not, skipped]}; titles without what varies."""
    seen = {}
    for path in logs:
        with open(path, errors="replace") as f:
            for line in f:
                m = RESULT.match(line.rstrip())
                if not m:
                    continue
                title = re.sub(r"^\w+: | \((?:ipv4|ipv6), [^)]*\)$", "", m.group(2))
                title = title.split(".")[-1] if re.match(r"^[\w.]+$", title) else title
                n = 2 if m.group(3) == "SKIP" else 0 if m.group(1) == "ok" else 1
                seen.setdefault(title, [0, 0, 0])[n] += 1
    return seen


def verdict(r, tests, seen):
    """What the results say of a requirement: a word, [passed, failed, skipped], the tests that are not there."""
    total = [sum(seen.get(t.title, [0, 0, 0])[n] for t in tests) for n in range(3)]
    absent = [t.title for t in tests if t.title not in seen]
    good = "partial" if r.missing else "ok"
    idle = absent or not total[0]		# all of them skipped is none that ran
    word = "no test" if not tests else "FAILED" if total[1] else "not run" if idle else good
    return word, total, absent


def entry(r, places, tests, seen):
    out = [r.name, wrapped(escaped(r.text) + ".", "    ")]
    out.append("")
    if r.missing:
        out.append(field("Missing", escaped(r.missing) + "."))
    out.append(field("Code", "; ".join(functions(places)) or "no comment names it"))
    for line in test_lines(tests):
        out.append(field("Test", line))
    if not tests:
        out.append(field("Test", "**none names it**"))
    if seen is not None:
        word, total, absent = verdict(r, tests, seen)
        out.append(field("Result", "%s: %d passed, %d failed, %d skipped" % (word, *total)
                         + "".join("; not run: " + escaped(t) for t in absent)))
    return "\n".join(out) + "\n"


def places(r, where):
    """Where comments name it, and what the table adds: that must be there."""
    found = set()
    for path, name in where["requirements"].get(r.name, ()):
        # a declaration: the function is elsewhere
        found.add((where["functions"].get(name[:-2], path) if path.endswith(".h") else path, name))
    for name in r.code:
        if name not in where["functions"]:
            sys.exit("requirements.txt: %s: there is no function %s" % (r.name, name))
        found.add((where["functions"][name], name + "()"))
    return found


def page(table, where, found, seen=None):
    """The page; with seen, read_logs()'s, a result for each requirement."""
    tests = {r.name: [t for t in found if r.name in t.about] for r in table}
    without = [r for r in table if not tests[r.name]]
    text = HEAD % (NO_RESULTS if seen is None else RESULTS)
    text += wrapped("%d requirements, %d with a test that names them, %d without: %s."
                    % (len(table), len(table) - len(without), len(without),
                       ", ".join(r.name for r in without) or "none"), "") + "\n"
    section = None
    for r in table:
        if r.section != section:
            section = r.section
            text += "\n%s\n%s\n" % (section, "=" * len(section))
        text += "\n" + entry(r, places(r, where), tests[r.name], seen)
    known = {r.name for r in table}
    others = sorted({n for t in found for n in t.about} - known, key=lambda n: (n[0], len(n), n))
    text += "\nOther names\n===========\n\n"
    others = ", ".join(others) or "nothing"
    text += wrapped("Tests also name, without an entry here: %s." % others, "") + "\n"
    return text


def results(table, found, seen):
    """Print the results of each requirement's tests, and how many are how. Return: 1 if one failed or was
    not run."""
    good, bad, words = [], [], []
    for r in table:
        word, total, absent = verdict(r, [t for t in found if r.name in t.about], seen)
        words.append(word)
        lines = good if word in ("ok", "partial") else bad
        lines.append("%-9s %-8s %3d passed %3d failed %3d skipped  %s"
                     % (r.name, word, *total, r.text))
        lines += ["          not run: %s" % title for title in absent]
    print("\n".join(good + bad))
    print("%d requirements: " % len(table) + ", ".join(
        "%d %s" % (words.count(w), w) for w in ("ok", "partial", "FAILED", "not run", "no test") if w in words))
    return 1 if bad else 0
