#!/usr/bin/python3
"""What a program without a daemon has to do to list a cache: goes through refs, links and blobs, as the scan of the Python library does.

    walk_cache.py FOLDER     prints a line a repo, as `batuta hf cache ls` does
"""

import os
import sys


def walk_repo(folder):
    refs = {}
    refs_folder = os.path.join(folder, "refs")
    for parent, _, names in os.walk(refs_folder):
        for name in names:
            path = os.path.join(parent, name)
            with open(path, encoding="ascii") as stream:
                refs.setdefault(stream.read().strip(), []).append(os.path.relpath(path, refs_folder))
    blobs = {}
    accessed = 0.0
    for revision in os.scandir(os.path.join(folder, "snapshots")):
        for parent, _, names in os.walk(revision.path):
            for name in names:
                blob = os.path.realpath(os.path.join(parent, name))
                if blob not in blobs:
                    blobs[blob] = os.stat(blob)
                    accessed = max(accessed, blobs[blob].st_atime)
    return sum(blob.st_size for blob in blobs.values()), len(blobs), accessed


def main():
    root = sys.argv[1]
    for repo in sorted(os.scandir(root), key=lambda entry: entry.name):
        if "--" in repo.name and repo.is_dir():
            size, files, accessed = walk_repo(repo.path)
            print(f"{repo.name}  {size / 1e9:.1f} GB  {files} files  {accessed:.0f}")


if __name__ == "__main__":
    main()
