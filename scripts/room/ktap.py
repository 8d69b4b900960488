# SPDX-License-Identifier: GPL-2.0-only
"""Reading KTAP: counts leaves, believes no plan, hides nothing."""

import re

RESULT = re.compile(r"^([# \t]*)(ok|not ok)\b\s*(\d*)\s*(.*)$")
PLAN = re.compile(r"^([# \t]*)1\.\.(\d+)\s*(?:#.*)?$")


class Level:
    def __init__(self):
        self.plan = None
        self.results = 0
        self.child_failed = False
        self.child_seen = False


class Report:
    """Feed it lines; afterwards passed, failed and skipped are counts, failures has the outputs."""

    def __init__(self, name):
        self.name = name
        self.passed = self.failed = self.skipped = 0
        self.failures = []
        self.skips = []
        self.levels = {}
        self.lines = []
        self.finished = False

    def fail(self, title, lines=()):
        self.failed += 1
        self.failures.append((title, list(lines)))

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.failures += [("%s: %s" % (other.name, t), l) for t, l in other.failures]
        self.skips += ["%s: %s" % (other.name, s) for s in other.skips]

    def level(self, indent):
        return self.levels.setdefault(indent, Level())

    def close_below(self, indent):
        """A result at this indent ends the subtests that are deeper. Return whether there were any."""
        seen = bad = False
        for deep in sorted((d for d in self.levels if d > indent), reverse=True):
            level = self.levels.pop(deep)
            if level.results or level.plan is not None:
                seen = True
            bad = bad or level.child_failed
            if level.plan is not None and level.plan != level.results:
                bad = True
                self.fail("planned %d tests, ran %d" % (level.plan, level.results), self.lines[-20:])
        return seen, bad

    def feed(self, line):
        line = line.rstrip("\r\n")
        plan, result = PLAN.match(line), RESULT.match(line)
        if plan:
            indent = len(plan.group(1).expandtabs())
            level = self.level(indent)
            # a second document at the same depth: the first has to be complete
            if level.plan is not None and level.results and level.plan == level.results:
                self.levels[indent] = level = Level()
            level.plan = int(plan.group(2))
            return
        if not result:
            self.lines.append(line)
            return
        indent = len(result.group(1).expandtabs())
        ok, title = result.group(2) == "ok", result.group(4).strip(" -")
        had_children, child_failed = self.close_below(indent)
        level = self.level(indent)
        level.results += 1
        directive = re.search(r"#\s*(SKIP|TODO|XFAIL)\b", title, re.I)
        if not ok:
            level.child_failed = True
        if had_children:
            # a summary: counts only if it knows of a failure that none of its parts showed
            if not ok and not child_failed:
                self.fail(title, self.lines[-60:])
            elif ok and child_failed:
                level.child_failed = True
        elif not ok:
            self.fail(title, self.lines[-60:])
        elif directive and directive.group(1).upper() == "SKIP":
            self.skipped += 1
            self.skips.append(title)
        else:
            self.passed += 1
        self.lines = []

    def finish(self):
        if self.finished:
            return
        self.finished = True
        self.close_below(-1)
        if self.passed + self.failed + self.skipped == 0:
            self.fail("no test ran", self.lines[-40:])

    def line(self):
        return "%d passed, %d failed, %d skipped" % (self.passed, self.failed, self.skipped)
