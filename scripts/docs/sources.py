# SPDX-License-Identifier: GPL-2.0-only
"""Which function of module/ says in a comment that it is about which requirement."""

import os
import re

import names

COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
STRUCT = re.compile(r"(?:static |const )*(struct|enum) (\w+)")


def blocks(text):
    """Yield (name, first offset, last offset) of all functions, structs and tables with a body."""
    blank = COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)
    for m in re.finditer(r"^(?:\{|(?=[a-z][^\n;]*(?:= |\w )\{$))", blank, re.M):
        end = re.compile(r"^\}", re.M).search(blank, m.end())
        end = end.end() if end else len(blank)
        begin = m.start()
        if blank[begin] == "{":		# a function: back to the first line of its signature
            begin = blank.rfind("\n\n", 0, begin) + 2
            lines = [s for s in re.finditer(r"^[A-Za-z_][^\n]*\(", blank[begin:m.start()], re.M)]
            if not lines:
                continue
            begin += lines[0].start()
            name = re.search(r"(\w+)\s*\(", blank[begin:]).group(1) + "()"
        else:
            name = re.match(r"[^={\[]*?(\w+)(?:\[[^\n]*\])?\s*(?:=|\{)", blank[begin:]).group(1)
            s = STRUCT.match(blank, begin)
            name = "%s %s" % (s.group(1), name) if s and s.group(2) == name else name
        yield name, begin, end


def owner(comment, text, here):
    """What a comment is about: the block around it, or the one that follows, or the whole file."""
    for name, begin, end in here:
        if begin <= comment.start() < end:
            return name
    if not text[:comment.start()].replace("// SPDX-License-Identifier: GPL-2.0-only", "").replace(
            "/* SPDX-License-Identifier: GPL-2.0-only */", "").strip():
        return ""
    after = text[comment.end():]
    before = text[text.rfind("\n", 0, comment.start()) + 1:comment.start()]
    line_end = after.find("\n")
    if after[:line_end].strip() == "" and before.strip():	# behind something on its line
        m = re.search(r"#define\s+(\w+)", before)
        return m.group(1) if m else ""
    for name, begin, _ in here:
        if begin >= comment.end():
            between = text[comment.end():begin]
            if between.count("\n\n") <= 1 and ";" not in between:
                return name
            break
    m = re.match(r"\s*(?:#define\s+(\w+)|[^\n;]*?(\w+)\()", after)
    return (m.group(1) or m.group(2) + "()") if m else ""


def find(top):
    """Return: requirements: {requirement: {(file, function or "")}}, functions: {name: file}."""
    where, functions = {}, {}
    for base, _, files in sorted(os.walk(top)):
        for f in sorted(files):
            if not f.endswith((".c", ".h")) or f.endswith(".mod.c"):
                continue
            path = os.path.join(base, f)
            with open(path) as h:
                text = h.read()
            here = list(blocks(text))
            functions.update((name[:-2], os.path.relpath(path, top)) for name, _, _ in here
                             if name.endswith("()"))
            for c in COMMENT.finditer(text):
                # one comment that documents a whole function counts for it once
                about = names.find(re.sub(r"\s*\n\s*\*\s*", " ", c.group(0)))
                for name in about:
                    where.setdefault(name, set()).add((os.path.relpath(path, top),
                                                       owner(c, text, here)))
    return {"requirements": where, "functions": functions}
