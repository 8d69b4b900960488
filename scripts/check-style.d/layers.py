# SPDX-License-Identifier: GPL-2.0-only
"""Layers: no include of a higher layer.

usage: layers.py TOP OUT [OBJECTS]

With OBJECTS, the module/ of a build of each file by itself: no call into a higher layer. scripts/room/build
asks that wherever it makes such objects."""

import os
import re
import subprocess
import sys

top = sys.argv[1]
module = os.path.join(top, "module")

# Files at the top of module/ (main, netns, mib, trace, compat, xtcp.h, uapi/) are everybody's.
RANK = {"pure": 0, "conn": 1, "recovery": 1, "output": 2, "input": 3, "entry": 4, "socket": 4,
        "control": 5}
bad = []


def layer(path):
    folder = path.split(os.sep)[0] if os.sep in path else None
    if folder is None or folder == "uapi":
        return None
    if folder not in RANK:
        bad.append("module/%s: folder %s is in no layer" % (path, folder))
    return RANK.get(folder)


def sources():
    for base, _, files in os.walk(module):
        for f in sorted(files):
            if f.endswith((".c", ".h")) and not f.endswith(".mod.c"):
                yield os.path.relpath(os.path.join(base, f), module)


def check_includes():
    for path in sources():
        mine = layer(path)
        if mine is None:
            continue
        with open(os.path.join(module, path)) as f:
            for n, line in enumerate(f, 1):
                m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
                if not m:
                    continue
                for base in (os.path.dirname(path), ""):
                    target = os.path.normpath(os.path.join(base, m.group(1)))
                    if os.path.exists(os.path.join(module, target)):
                        theirs = layer(target)
                        if theirs is not None and theirs > mine:
                            bad.append("module/%s:%d: includes %s of a higher layer" % (path, n, target))
                        break
                else:
                    if mine != 0 or not m.group(1).startswith("linux/"):
                        bad.append("module/%s:%d: no such file: %s" % (path, n, m.group(1)))


def check_calls(base):
    """What the objects of a build of each file by itself, under base, ask of each other."""
    with open(os.path.join(module, "unit.c"), encoding="utf-8") as f:
        found = [m + ".o" for m in re.findall(r'^#include "(.*)\.c"$', f.read(), re.M)]
    lacking = [o for o in found if not os.path.exists(os.path.join(base, o))]
    if lacking or not found:
        bad.append("no objects of %s under %s" % (" ".join(lacking) or "anything", base))
        return
    defined, wanted = {}, []
    for o in found:
        text = subprocess.run(["nm", os.path.join(base, o)], stdout=subprocess.PIPE, check=True,
                              universal_newlines=True).stdout
        for line in text.splitlines():
            kind, name = line.split()[-2:]
            if kind == "U":
                wanted.append((o, name))
            elif kind.isupper():
                defined[name] = o
    for o, name in wanted:
        mine = layer(o)
        there = defined.get(name)
        theirs = layer(there) if there else None
        if mine is not None and theirs is not None and theirs > mine:
            bad.append("module/%s uses %s of the higher module/%s" % (o[:-2] + ".c", name, there[:-2] + ".c"))


if len(sys.argv) == 4:
    check_calls(sys.argv[3])
else:
    check_includes()
print("\n".join(sorted(set(bad))))
sys.exit(1 if bad else 0)
