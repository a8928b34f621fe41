#!/usr/bin/env python3
"""Compares the rules of the inspection with their list and their table: safety_rules.py ROOT [--update]

Every Rule of daemon/safety/**/rules.h has a code of its own, stands in daemon/safety/rule_book.cc, and is a row of
docs/safety-rules.md with its grade and meaning. --update writes both.
"""

import pathlib
import re
import sys

RULE = re.compile(r"inline constexpr Rule (k\w+)\{\s*\"([^\"]+)\",\s*Grade::k(\w+),\s*((?:\"(?:[^\"\\]|\\.)*\"\s*)+)\}")
STRING = re.compile(r"\"((?:[^\"\\]|\\.)*)\"")
BOOK = "daemon/safety/rule_book.cc"
TABLE = "docs/safety-rules.md"
BEGIN, END = "// --- all of them ---\n", "// --- end ---\n"


def read_rules(root):
    rules = []
    for path in sorted((root / "daemon" / "safety").rglob("rules.h")):
        text = path.read_text()
        found = [(name, code, grade.lower(), "".join(STRING.findall(meaning)).replace("\\\"", "\""))
                 for name, code, grade, meaning in RULE.findall(text)]
        if len(found) != len(re.findall(r"\bRule k\w+", text)):
            raise SystemExit(f"{path}: a rule that this script cannot read")
        rules.append((path.relative_to(root).as_posix(), found))
    return rules


def book(rules):
    includes = "".join(f'#include "{path}"\n' for path, _ in rules)
    names = "".join(f"    &rules::{name},\n" for _, found in rules for name, *_ in found)
    return includes, names


def table(rules):
    lines = ["| Code | Grade | Why |", "|---|---|---|"]
    rows = sorted((code, grade, meaning) for _, found in rules for _, code, grade, meaning in found)
    lines += [f"| `{code}` | {grade} | {meaning.replace('|', chr(92) + '|')} |" for code, grade, meaning in rows]
    return "\n".join(lines) + "\n"


def with_book(text, rules):
    includes, names = book(rules)
    text = re.sub(r"(?:#include \"daemon/safety/(?:\w+/)?rules\.h\"\n)+", lambda _: includes, text)
    head, rest = text.split(BEGIN)
    return head + BEGIN + names + "    " + END + rest.split(END)[1]


def with_table(text, rules):
    return re.sub(r"\| Code \| Grade \| Why \|\n(?:\|.*\n)*", lambda _: table(rules), text)


def main():
    root = pathlib.Path(sys.argv[1])
    rules = read_rules(root)
    codes = [code for _, found in rules for _, code, *_ in found]
    twice = sorted({code for code in codes if codes.count(code) > 1})
    if twice:
        raise SystemExit(f"codes that stand twice: {', '.join(twice)}")
    stale = []
    for name, update in ((BOOK, with_book), (TABLE, with_table)):
        path = root / name
        text = path.read_text()
        wanted = update(text, rules)
        if text == wanted:
            continue
        stale.append(name)
        if "--update" in sys.argv:
            path.write_text(wanted)
    if stale and "--update" not in sys.argv:
        raise SystemExit(f"not as in the rules.h: {', '.join(stale)}; tests/structure/safety_rules.py . --update")
    print(f"{len(codes)} rules")


if __name__ == "__main__":
    main()
