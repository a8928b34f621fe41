#!/usr/bin/env python3
"""Compares lists of the documents with the code: docs_lists.py ROOT

docs/on-disk-format.md has a row for each table of the catalog, docs/architecture.md one for each folder of the daemon.
"""

import os
import re
import sys


def read(root, *path):
    with open(os.path.join(root, *path), encoding="utf-8") as file:
        return file.read()


def tables_of_the_code(root):
    text = read(root, "daemon", "metadata", "metadata_store.cc")
    return re.findall(r'case Table::k\w+:\s+return "([\w ]+)";', text)


def tables_of_the_page(root):
    text = read(root, "docs", "on-disk-format.md")
    rows = text.partition("| Table | Key | Value |\n|---|---|---|\n")[2].partition("\n\n")[0]
    return [row.split("|")[1].strip() for row in rows.splitlines() if row.split("|")[1].strip()]


def folders(root):
    base = os.path.join(root, "daemon")
    return sorted(f"daemon/{name}" for name in os.listdir(base) if os.path.isdir(os.path.join(base, name)))


def problems(root):
    code, page = tables_of_the_code(root), tables_of_the_page(root)
    for name in sorted(set(code) ^ set(page)):
        yield f"docs/on-disk-format.md: the table {name} {'is missing' if name in code else 'is none of the catalog'}"
    listed = set(re.findall(r"`(daemon/\w+)`", read(root, "docs", "architecture.md")))
    for folder in folders(root):
        if folder not in listed:
            yield f"docs/architecture.md: {folder} is missing"


def main(arguments):
    if len(arguments) != 1:
        print(__doc__.splitlines()[0], file=sys.stderr)
        return 2
    found = list(problems(arguments[0]))
    for line in found:
        print(line)
    tables = tables_of_the_code(arguments[0])
    print(f"{len(tables)} tables, {len(folders(arguments[0]))} folders, {len(found)} differences")
    return 1 if found or not tables else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
