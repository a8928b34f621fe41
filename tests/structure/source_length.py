#!/usr/bin/env python3
"""Fails when a source file is longer than a reader can hold: source_length.py ROOT [--limit LINES]."""

import argparse
import os
import sys

FOLDERS = ("common", "daemon", "client", "proto", "tests", "cmake", "docs/examples")
ENDINGS = (".h", ".cc", ".inc", ".proto", ".py", ".mjs", ".js", ".sh", ".cmake", "CMakeLists.txt")
LEFT_OUT = {"node_modules", "build", "__pycache__"}


def lengths(root):
    for top in FOLDERS:
        for folder, folders, names in os.walk(os.path.join(root, top)):
            folders[:] = sorted(set(folders) - LEFT_OUT)
            for name in sorted(names):
                if name.endswith(ENDINGS):
                    path = os.path.join(folder, name)
                    with open(path, "rb") as file:
                        yield os.path.relpath(path, root), sum(1 for _ in file)


def main(arguments):
    parser = argparse.ArgumentParser(description="Checks the length of source files.")
    parser.add_argument("root")
    parser.add_argument("--limit", type=int, default=600)
    options = parser.parse_args(arguments)
    found = list(lengths(options.root))
    long = [(path, lines) for path, lines in found if lines > options.limit]
    for path, lines in long:
        print(f"{path}:{options.limit}: {lines} lines, more than {options.limit}: split it by concern")
    print(f"{len(found)} files, {len(long)} too long")
    return 1 if long or not found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
