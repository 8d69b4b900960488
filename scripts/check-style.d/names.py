# SPDX-License-Identifier: GPL-2.0-only
"""Names: every function of the module begins with xtcp_, and what is not static has kernel-doc."""

import os
import re
import sys

top = sys.argv[1]
bad = []
START = re.compile(r"^(?!(?:typedef|struct \w+ \{|enum|union|DEFINE_|DECLARE_|EXPORT_|MODULE_|module_)\b)"
                   r"([A-Za-z_][\w \t*]*?)\b(\w+)\(")

for base, _, files in os.walk(os.path.join(top, "module")):
    for name in sorted(files):
        path = os.path.join(base, name)
        shown = os.path.relpath(path, top)
        if not name.endswith(".c") or name.endswith(".mod.c"):
            continue
        with open(path) as f:
            lines = f.read().splitlines()
        for n, line in enumerate(lines):
            if not line.startswith("{"):
                continue
            first = n - 1
            while first > 0 and not START.match(lines[first]):
                first -= 1
            m = START.match(lines[first])
            if not m:
                continue
            where = "%s:%d: %s()" % (shown, first + 1, m.group(2))
            static = re.match(r"^static\b", lines[first]) or (first and lines[first - 1].startswith("static "))
            if not m.group(2).startswith(("xtcp_", "xtcp6_", "__xtcp_", "trace_", "init_module", "cleanup_module")):
                bad.append(where + " does not begin with xtcp_")
            if static:
                continue
            back = first - 1
            # attributes and the like may stand between
            while back > 0 and lines[back].strip() and not lines[back].strip().endswith("*/"):
                back -= 1
            if not lines[back].strip().endswith("*/"):
                bad.append(where + " has no kernel-doc")
                continue
            while back > 0 and "/*" not in lines[back]:
                back -= 1
            if "/**" not in lines[back]:
                bad.append(where + " has a comment, but no kernel-doc")
print("\n".join(bad))
sys.exit(1 if bad else 0)
