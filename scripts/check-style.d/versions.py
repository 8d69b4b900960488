# SPDX-License-Identifier: GPL-2.0-only
"""Kernel versions are named in module/compat* only."""

import os
import re
import sys

top = sys.argv[1]
bad = []
for base, _, files in os.walk(os.path.join(top, "module")):
    for name in sorted(files):
        path = os.path.join(base, name)
        shown = os.path.relpath(path, top)
        if not name.endswith((".c", ".h")) or shown.startswith("module/compat") or name.endswith(".mod.c"):
            continue
        with open(path) as f:
            for n, line in enumerate(f, 1):
                if re.search(r"\b(KERNEL_VERSION|LINUX_VERSION_\w+|RHEL_RELEASE\w*|linux/version\.h)", line):
                    bad.append("%s:%d: %s" % (shown, n, line.strip()))
print("\n".join(bad))
sys.exit(1 if bad else 0)
