#!/usr/bin/env python3
"""Follows every link of the documents that stays in the tree: docs_links.py ROOT

The file has to be there, and when the link names a heading, that too. Every page of docs/ has to be reachable from README.md.
"""

import os
import re
import sys

FENCED = re.compile(r"^(\s*)```.*?^\1```\s*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+?)\s*$", re.MULTILINE)
# Fragments are read in their folder, and decisions by number.
UNLINKED = ("docs/changelog.d", "docs/adr")


def pages(root):
    """path below the root → text without fenced blocks"""
    found = {}
    for name in sorted(os.listdir(root)):
        if name.endswith(".md"):
            found[name] = None
    for where, _, names in os.walk(os.path.join(root, "docs")):
        for name in names:
            if name.endswith(".md"):
                found[os.path.relpath(os.path.join(where, name), root)] = None
    for path in found:
        with open(os.path.join(root, path), encoding="utf-8") as file:
            found[path] = FENCED.sub("", file.read())
    return found


def anchors(text):
    """The names that headings get as targets of links."""
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(text)}


def problems(root, texts):
    linked = {"README.md": set()}
    for path, text in texts.items():
        linked[path] = set()
        for target in LINK.findall(text):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, heading = target.partition("#")
            full = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
            if not os.path.exists(os.path.join(root, full)):
                yield f"{path}: there is no {target}"
            elif full.endswith(".md"):
                linked[path].add(full)
                if heading and heading not in anchors(texts.get(full, "")):
                    yield f"{path}: {full} has no heading {heading}"
    seen, rest = set(), ["README.md"]
    while rest:
        page = rest.pop()
        if page not in seen:
            seen.add(page)
            rest += linked.get(page, ())
    for path in texts:
        if path.startswith("docs/") and path not in seen and os.path.dirname(path) not in UNLINKED:
            yield f"{path}: nothing that begins at README.md leads there"


def main(arguments):
    if len(arguments) != 1:
        print(__doc__.splitlines()[0], file=sys.stderr)
        return 2
    texts = pages(arguments[0])
    found = list(problems(arguments[0], texts))
    for line in found:
        print(line)
    print(f"{len(texts)} pages, {len(found)} problems")
    return 1 if found or not texts else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
