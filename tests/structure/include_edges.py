#!/usr/bin/env python3
"""Compares the #include lines of common/, daemon/ and client/ with the table of allowed edges.

    include_edges.py ROOT [--table FILE]

Prints every line that breaks a rule as PATH:LINE: why, and exits 1 if there is one.
"""

import argparse
import collections
import os
import re
import sys

OURS = ("common", "daemon", "client")
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')

Table = collections.namedtuple("Table", "edges fences only")


def read_table(path):
    table = Table({}, {}, {})
    rows = {"edge": table.edges, "fence": table.fences, "only": table.only}
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.split("#")[0].strip()
            if not line:
                continue
            match = re.fullmatch(r"(edge|fence|only)\s+(\S+)\s+->\s*(.*)", line)
            if not match or match[2] in rows[match[1]]:
                raise SystemExit(f"{path}:{number}: malformed or repeated row")
            rows[match[1]][match[2]] = match[3].split()
    check_acyclic(path, table.edges)
    return table


def check_acyclic(path, edges):
    """An edge list with a cycle would allow what it is there to forbid."""
    done, active = set(), []

    def visit(folder):
        if folder in active:
            raise SystemExit(f"{path}: cycle: {' -> '.join(active[active.index(folder):] + [folder])}")
        if folder in done:
            return
        active.append(folder)
        for target in edges.get(folder, []):
            for name in edges:
                if name != folder and covers(target, name):
                    visit(name)
        active.pop()
        done.add(folder)

    for folder in edges:
        visit(folder)


def covers(allowed, folder):
    """`common` stands for all folders below it, `daemon/cache` for itself; `client` for all of the client."""
    return allowed == folder or ("/" not in allowed and folder.startswith(allowed + "/"))


def sources(root):
    for top in OURS:
        for folder, _, names in sorted(os.walk(os.path.join(root, top))):
            for name in sorted(names):
                if name.endswith((".h", ".cc", ".inc")):
                    yield os.path.relpath(os.path.join(folder, name), root)


def problems(root, table):
    for path in sources(root):
        folder = os.path.dirname(path)
        if folder not in table.edges:
            yield f"{path}:1: folder {folder} has no edge row"
            continue
        with open(os.path.join(root, path), encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                match = INCLUDE.match(line)
                if match:
                    why = complaint(folder, match[1], match[2], table)
                    if why:
                        yield f"{path}:{number}: {why}"


def complaint(folder, bracket, header, table):
    for prefix, allowed in table.fences.items():
        if header.startswith(prefix) and folder not in allowed:
            return f"<{header}> belongs behind {', '.join(allowed)}"
    target = os.path.dirname(header)
    if target.split("/")[0] not in OURS:
        if bracket == '"' and ("/" not in header or header.startswith((".", "tests/"))):
            return f'"{header}": includes are written from the root and never reach into tests'
        return None
    if target == folder:
        return None
    if header in table.only and folder not in table.only[header]:
        return f"{header} is only for {', '.join(table.only[header])}; use the interface beside it"
    if not any(covers(allowed, target) for allowed in table.edges[folder]):
        return f"{folder} must not know {target}"
    return None


def main(arguments):
    parser = argparse.ArgumentParser(description="Checks the include edges of the source tree.")
    parser.add_argument("root")
    parser.add_argument("--table", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "architecture.txt"))
    options = parser.parse_args(arguments)
    table = read_table(options.table)
    found = list(problems(options.root, table))
    files = sum(1 for _ in sources(options.root))
    for line in found:
        print(line)
    if not files:
        print(f"{options.root}: no sources found")
    print(f"{files} files, {len(table.edges)} folders, {len(found)} forbidden includes")
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
