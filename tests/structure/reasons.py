#!/usr/bin/env python3
"""Compares the three lists of error reasons: reasons.py ROOT

common/status/reasons.h (what the code can say), proto/batuta/v1/error.proto (what clients may expect) and
docs/operations.md (what a person can do about it) must name the same reasons, the first two in the same order.
"""

import os
import re
import sys


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def constants(text):
    """[(constant, value)] of reasons.h"""
    return re.findall(r'std::string_view (k\w+)\s*=\s*"(\w+)";', text)


def enumerators(text):
    """[(name, number)] of the enum Reason, without the unspecified one."""
    body = re.search(r"enum Reason \{(.*?)\n\}", text, re.DOTALL)
    found = re.findall(r"^\s*REASON_(\w+) = (\d+);", body[1] if body else "", re.MULTILINE)
    return [(name, int(number)) for name, number in found if name != "UNSPECIFIED"]


def documented(text):
    """Reasons in the first column of a table of operations.md."""
    return re.findall(r"^\| `([A-Z][A-Z_]*)` \|", text, re.MULTILINE)


def problems(header, proto, docs):
    names = [value for _, value in header]
    for constant, value in header:
        if constant != "k" + "".join(part.capitalize() for part in value.split("_")):
            yield f"reasons.h: {constant} does not spell {value}"
    if names != [name for name, _ in proto]:
        yield from compare("reasons.h", names, "error.proto", [name for name, _ in proto])
    for position, (name, number) in enumerate(proto, 1):
        if number != position:
            yield f"error.proto: REASON_{name} has number {number}, expected {position}: reasons are only ever appended"
    if sorted(names) != sorted(docs):
        yield from compare("reasons.h", sorted(names), "operations.md", sorted(docs))


def compare(first_file, first, second_file, second):
    for name in first:
        if name not in second:
            yield f"{second_file}: {name} is missing"
    for name in second:
        if name not in first:
            yield f"{first_file}: {name} is missing"
    if sorted(first) == sorted(second):
        yield f"{first_file} and {second_file} list the reasons in a different order"
    for name in {name for name in second if second.count(name) > 1}:
        yield f"{second_file}: {name} stands there twice"


def main(arguments):
    if len(arguments) != 1:
        print(__doc__.splitlines()[0], file=sys.stderr)
        return 2
    root = arguments[0]
    header = constants(read(root, "common/status/reasons.h"))
    proto = enumerators(read(root, "proto/batuta/v1/error.proto"))
    found = list(problems(header, proto, documented(read(root, "docs/operations.md"))))
    for line in found:
        print(line)
    print(f"{len(header)} reasons, {len(found)} differences")
    return 1 if found or not header else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
