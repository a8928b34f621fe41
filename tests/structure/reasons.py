#!/usr/bin/env python3
"""Compares the three lists of error reasons: reasons.py ROOT

common/status/reasons.h (what the code can say), proto/batuta/v1/error.proto (what clients may expect) and
docs/troubleshooting.md (what a person sees, and can do about it) must name the same reasons, the first two in the same order, the
last two with the same exit codes. What troubleshooting.md says one sees must be words of the programs.
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
    """[(name, number, exit codes)] of the enum Reason, without the unspecified one."""
    body = re.search(r"enum Reason \{(.*?)\n\}", text, re.DOTALL)
    found = re.findall(r"^\s*REASON_(\w+) = (\d+);(.*)", body[1] if body else "", re.MULTILINE)
    return [(name, int(number), exits(comment)) for name, number, comment in found if name != "UNSPECIFIED"]


def exits(sentence):
    """The numbers of "Exit 2 from a user, 9 from a hub." """
    match = re.search(r"\bexit (\d.*)", sentence, re.IGNORECASE)
    return sorted(int(code) for code in re.findall(r"\d+", match[1].split(". ")[0])) if match else []


def documented(text):
    """[(reason, exit codes)] of the headings of troubleshooting.md, each followed by a line that begins "Exit N"."""
    return [(name, exits(line)) for name, line in re.findall(r"^### `([A-Z][A-Z_]*)`\n\n(.*)", text, re.MULTILINE)]


def quotations(text):
    """What follows "You see", piece by piece: what stands for something else in each case (…, numbers, "names") is left out."""
    for line in text.splitlines():
        for sentence in re.findall(r"You see (.*?)(?:\. |\.$|$)", line):
            for quotation in re.findall(r"`([^`]+)`", sentence):
                for piece in re.split(r'…|\d+|"[^"]*"', quotation):
                    if len(piece.strip()) > 7:
                        yield piece.strip()


def strings(root):
    """Everything that the programs can say: their string literals, those side by side joined."""
    found = []
    for folder in ("common", "daemon", "client"):
        for where, _, names in os.walk(os.path.join(root, folder)):
            for name in sorted(names):
                if name.endswith((".cc", ".h")):
                    text = re.sub(r'"\s*\n\s*"', "", read(where, name))
                    found += re.findall(r'"((?:[^"\\\n]|\\.)*)"', text)
    return "\n".join(found).replace('\\"', '"')


def misquoted(root, docs):
    said = strings(root)
    for piece in quotations(docs):
        if piece not in said:
            yield f"docs/troubleshooting.md: no program says {piece!r}"


def problems(header, proto, docs):
    names = [value for _, value in header]
    for constant, value in header:
        if constant != "k" + "".join(part.capitalize() for part in value.split("_")):
            yield f"reasons.h: {constant} does not spell {value}"
    if names != [name for name, _, _ in proto]:
        yield from compare("reasons.h", names, "error.proto", [name for name, _, _ in proto])
    for position, (name, number, _) in enumerate(proto, 1):
        if number != position:
            yield f"error.proto: REASON_{name} has number {number}, expected {position}: reasons are only ever appended"
    if sorted(names) != sorted(name for name, _ in docs):
        yield from compare("reasons.h", sorted(names), "docs/troubleshooting.md", sorted(name for name, _ in docs))
    promised = {name: codes for name, _, codes in proto}
    for name, codes in docs:
        if codes != promised.get(name, codes):
            yield f"docs/troubleshooting.md: {name} ends with exit {codes}, error.proto says {promised[name]}"


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
    docs = read(root, "docs/troubleshooting.md")
    found = [*problems(header, proto, documented(docs)), *misquoted(root, docs)]
    for line in found:
        print(line)
    print(f"{len(header)} reasons, {len(found)} differences")
    return 1 if found or not header else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
