# SPDX-License-Identifier: GPL-2.0-only
"""Owners: only conn/state.c writes sk_state, only conn/timers.c arms timers."""

import os
import re
import sys

top = sys.argv[1]
STATE = re.compile(r"\b(?:sk|skc|tw|ireq)_state\s*=(?!=)"
                   r"|\b(?:smp_store_release|WRITE_ONCE|xchg|cmpxchg)\s*\(\s*&?[^,;]*\b(?:sk|skc|tw|ireq)_state\b"
                   r"|\binet_sk_(?:set_state|state_store)\s*\(")
TIMER = re.compile(r"\b(?:mod_timer\w*|add_timer\w*|hrtimer_start\w*|(?<!enum )hrtimer_restart|sk_reset_timer|"
                   r"schedule_delayed_work|timer_reduce)\s*\(")
RULES = ((STATE, "module/conn/state.c", "writes sk_state"), (TIMER, "module/conn/timers.c", "arms a timer"))

bad = []
for base, _, files in os.walk(os.path.join(top, "module")):
    for name in sorted(files):
        path = os.path.join(base, name)
        shown = os.path.relpath(path, top)
        if not name.endswith((".c", ".h")) or name.endswith(".mod.c"):
            continue
        with open(path) as f:
            text = f.read()
        # comments may speak of what they like
        text = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.S)
        for rule, owner, what in RULES:
            # a minisock is born with its only state: no transition
            if shown == owner or (rule is STATE and shown == "module/conn/minis.c"):
                continue
            for m in rule.finditer(text):
                line = text.count("\n", 0, m.start()) + 1
                bad.append("%s:%d: %s: %s" % (shown, line, what, m.group().strip()))
print("\n".join(sorted(bad)))
sys.exit(1 if bad else 0)
