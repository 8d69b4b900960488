# SPDX-License-Identifier: GPL-2.0-only
"""Which test of selftests/ says by its name or its comment that it is about which requirement."""

import glob
import os
import re

import names

STRINGS = r'((?:"[^"]*"\s*)+)'
ROW = re.compile(r"^\tROW\(([^\"]*?),\s*" + STRINGS, re.M)
TESTS = re.compile(r"^(?:/\*((?:(?!\*/).)*)\*/\n)?TEST(?:_F)?\((?:\w+,\s*)?(\w+)\)\n\{\n(.*?)^\}",
                   re.M | re.S)
SHELL = re.compile(r"((?:^#[^\n]*\n)*)^(\w+)\(\)\s*\{[^\n]*\n(.*?)^\}", re.M | re.S)
C_TESTS = re.compile(r"^(?:/\*((?:(?!\*/).)*)\*/\n)?void test_(\w+)\(void\)\n\{\n(.*?)^\}",
                     re.M | re.S)


class Test:
    """One test: collection, topic (a file or a topic of wire), title, what it is about."""

    def __init__(self, collection, topic, title, about, marks=""):
        self.collection, self.topic, self.title = collection, topic, title
        self.about, self.marks = about, marks


def joined(strings):
    return "".join(re.findall(r'"([^"]*)"', strings))


def macro_rows(text):
    """Rows that a macro of the file makes: #define NAME(a, b) ROW(flags, "..." a "...", fn)."""
    text = text.replace("\\\n", " ")
    for m in re.finditer(r"#define (\w+)\(([^)]*)\)\s+ROW\(([^,]+), (.*), \w+\)$", text, re.M):
        parameters = [p.strip() for p in m.group(2).split(",")]
        use_of = re.compile(r"^\t%s\(([^)]*?(?:\"[^\"]*\"[^)\"]*)*)\)," % m.group(1), re.M)
        for use in use_of.finditer(text):
            values = [v.strip() for v in re.findall(r'(?:"[^"]*"|[^,"])+', use.group(1))]
            given = dict(zip(parameters, values))
            title = re.sub(r"\b(%s)\b(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)" % "|".join(parameters),
                           lambda k: given[k.group(1)], m.group(4))
            yield given.get(m.group(3).strip(), m.group(3)), joined(title)


def wire_tests(top):
    for path in sorted(glob.glob(os.path.join(top, "*.c"))):
        with open(path) as f:
            text = f.read()
        topic = re.search(r'#define TOPIC\s+"(\w+)"', text)
        if not topic:
            continue
        plain = re.sub(r"^#define (?:[^\n]*\\\n)*[^\n]*$", "", text, flags=re.M)
        rows = [(m.group(1), joined(m.group(2))) for m in ROW.finditer(plain)]
        for flags, title in rows + list(macro_rows(text)):
            marks = ["virtual time"] if "ROW_VT" in flags else []
            marks += ["IPv4"] if "ROW_V4" in flags else []
            marks += ["IPv6"] if "ROW_V6" in flags else []
            yield Test("wire", topic.group(1), title, names.find(title), ", ".join(marks))


def wire_rows(top):
    return {(t.topic, t.title) for t in wire_tests(top)}


def c_tests(top, collection):
    for path in sorted(glob.glob(os.path.join(top, collection, "*.c"))):
        with open(path) as f:
            text = f.read()
        topic = os.path.basename(path)[:-2]
        # what the first comment of a file names, all its tests are about
        first = re.search(r"/\*.*?\*/", text, re.S)
        whole = names.find(first.group(0)) if collection == "pure" and first else set()
        pattern = C_TESTS if collection == "smp" else TESTS
        for m in pattern.finditer(text):
            comments = (m.group(1) or "") + " ".join(re.findall(r"/\*.*?\*/", m.group(3), re.S))
            about = names.find(re.sub(r"\s*\n\s*\*\s*", " ", comments)) | names.find(m.group(2))
            yield Test(collection, topic, m.group(2), about | whole)


def shell_tests(top, collection):
    for path in sorted(glob.glob(os.path.join(top, collection, "*.sh"))):
        with open(path) as f:
            text = f.read()
        listed = set(re.sub(r"\$TESTS", "", " ".join(re.findall(r'^TESTS\+?="([^"]*)"', text,
                                                               re.M))).split())
        topic = os.path.basename(path)[:-3].replace("_test", "")
        for m in SHELL.finditer(text):
            if m.group(2) in listed:
                comments = m.group(1) + " ".join(re.findall(r"^\s*#.*$", m.group(3), re.M))
                yield Test(collection, topic, m.group(2), names.find(comments + m.group(2)))


def find(top):
    """Return: all tests, in order."""
    found = list(wire_tests(os.path.join(top, "wire")))
    for collection in ("pure", "api", "bind", "smp"):
        found += c_tests(top, collection)
    for collection in ("net", "mod"):
        found += shell_tests(top, collection)
    return found
