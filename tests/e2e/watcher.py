"""Looks at a cache while it is being filled: nothing half may ever be visible in it."""

import hashlib
import os
import re
import stat
import threading

BLOB_NAME = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
PART_NAME = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\.[0-9a-f]{8}\.batuta-part")
TEMP_NAME = re.compile(r"\.batuta-[0-9a-f]{8}-\d+\.tmp")
FOLDERS_OF_A_REPO = {"blobs", "refs", "snapshots", "trees", ".no_exist"}


def digest_for(name, path):
    """The hash of a file's bytes, of the kind that a blob of this name has."""
    with open(path, "rb") as stream:
        if len(name) == 64:
            hasher = hashlib.sha256()
        else:
            hasher = hashlib.sha1(b"blob %d\0" % os.fstat(stream.fileno()).st_size)
        while piece := stream.read(1 << 20):
            hasher.update(piece)
    return hasher.hexdigest()


def leftovers(cache):
    """Part and temp files: what only a transfer under way may have."""
    found = []
    for repo in cache.glob("*--*"):
        found += [path for path in repo.iterdir() if TEMP_NAME.fullmatch(path.name)]
        if (repo / "blobs").is_dir():
            found += [path for path in (repo / "blobs").iterdir() if not BLOB_NAME.fullmatch(path.name)]
    return found


class Watcher:
    """Scans the cache again and again from a thread of its own; `faults` lists what should never have been there.

    Each blob is hashed as soon as it is seen, and again whenever its file is another one or has changed.
    """

    def __init__(self, cache):
        self.cache = cache
        self.faults = []
        self.scans = 0
        self.blobs_seen = set()
        self._known = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()

    def _run(self):
        while not self._end.is_set():
            self.scan()
            self._end.wait(0.02)

    def scan(self):
        for repo in self.cache.glob("*--*"):
            for name in self._names(repo):
                if name not in FOLDERS_OF_A_REPO and not TEMP_NAME.fullmatch(name):
                    self._blame(repo / name, "is a stranger in the repo's folder")
            # Links first: what they lead to has to be there already.
            for snapshot in self._names(repo / "snapshots"):
                self._scan_snapshot(repo / "snapshots" / snapshot)
            for name in self._names(repo / "blobs"):
                self._scan_blob(repo / "blobs" / name)
        self.scans += 1

    def _scan_snapshot(self, folder):
        for parent, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(parent, name)
                try:
                    target = os.readlink(path)
                except OSError:
                    self._blame(path, "is no link")
                    continue
                if not os.path.exists(path):
                    self._blame(path, f"leads nowhere: {target}")
                elif not BLOB_NAME.fullmatch(os.path.basename(target)):
                    self._blame(path, f"leads to no blob: {target}")

    def _scan_blob(self, path):
        if PART_NAME.fullmatch(path.name):
            return
        if not BLOB_NAME.fullmatch(path.name):
            self._blame(path, "is no blob and no part of one")
            return
        info = os.stat(path)
        state = (info.st_ino, info.st_size, info.st_mtime_ns)
        if self._known.get(path) == state:
            return
        if not stat.S_ISREG(info.st_mode) or digest_for(path.name, path) != path.name:
            self._blame(path, "has wrong bytes")
        self._known[path] = state
        self.blobs_seen.add(path)

    def _blame(self, path, what):
        text = f"{path} {what}"
        if text not in self.faults:
            self.faults.append(text)

    @staticmethod
    def _names(folder):
        try:
            return os.listdir(folder)
        except FileNotFoundError:
            return []
