# SPDX-License-Identifier: GPL-2.0-only
"""Lengths: a file has at most 600 lines, a function at most 60."""

import os
import re
import sys

FILE, FUNCTION = 600, 60
top = sys.argv[1]
bad = []


def functions(lines):
    """Yield (name, first line, last line): kernel style has the braces of functions in column 0."""
    start = None
    for n, line in enumerate(lines, 1):
        if line.startswith("{"):
            start = n - 1
            # back to the first line of the signature
            while start > 1 and not re.match(r"^[A-Za-z_].*\(", lines[start - 1]):
                start -= 1
        elif line.startswith("}") and start is not None:
            m = re.search(r"(\w+)\s*\(", lines[start - 1])
            yield (m.group(1) if m else "?"), start, n
            start = None


for folder in ("module", "selftests", "scripts"):
    for base, dirs, files in os.walk(os.path.join(top, folder)):
        dirs[:] = [d for d in dirs if d not in ("build", "__pycache__")]
        for name in sorted(files):
            path = os.path.join(base, name)
            shown = os.path.relpath(path, top)
            if name.endswith((".o", ".ko", ".mod.c", ".pyc")) or os.path.islink(path):
                continue
            try:
                with open(path, encoding="utf-8") as f:
                    lines = f.read().splitlines()
            except UnicodeDecodeError:
                continue
            code = name.endswith((".c", ".h", ".py", ".sh", ".bt")) or (lines and lines[0].startswith("#!"))
            if code and len(lines) > FILE:
                bad.append("%s: %d lines" % (shown, len(lines)))
            if name.endswith((".c", ".h")):
                for function, first, last in functions(lines):
                    if last - first + 1 > FUNCTION:
                        bad.append("%s:%d: %s() has %d lines" % (shown, first, function, last - first + 1))

print("\n".join(bad))
sys.exit(1 if bad else 0)
