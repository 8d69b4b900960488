# SPDX-License-Identifier: GPL-2.0-only
"""SPDX: every file says GPL-2.0-only in its first lines."""

import os
import re
import subprocess
import sys

top = sys.argv[1]
bad = []
# data that cannot carry a comment
FREE = re.compile(r"(^|/)LICENSE$|\.(svg|pcap|pcapng|bin|png)$|(^|/)corpus/|(^|/)fixtures/")

r = subprocess.run(["git", "-C", top, "ls-files", "-z", "--cached"], stdout=subprocess.PIPE,
                   stderr=subprocess.DEVNULL)
files = [f for f in r.stdout.decode().split("\0") if f]
if not files:		# not a git checkout: all but what was built
    for base, dirs, names in os.walk(top):
        dirs[:] = [d for d in dirs if d not in ("build", ".git", "__pycache__")]
        files += [os.path.relpath(os.path.join(base, n), top) for n in names
                  if not n.endswith((".pyc", ".o", ".ko"))]
for f in sorted(files):
    path = os.path.join(top, f)
    if FREE.search(f) or not os.path.isfile(path) or os.path.getsize(path) == 0:
        continue
    with open(path, "rb") as h:
        head = h.read(400).decode(errors="replace")
    if "SPDX-License-Identifier: GPL-2.0-only" not in head:
        bad.append("%s: no SPDX-License-Identifier: GPL-2.0-only" % f)
print("\n".join(bad))
sys.exit(1 if bad else 0)
