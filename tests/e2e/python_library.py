"""Reads and writes a cache folder by the rules of the Python library (hub-protocol 4.1 to 4.7), written anew from that description.

Files that a deletion by somebody else takes in the middle are FileNotFoundError, as they are there.
"""

import fcntl
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import time
import urllib.parse
import uuid

POLL_S = 0.05


def folder_name(repo):
    return "models--" + repo.replace("/", "--")


class Lock:
    """flock(2), polled. Some versions of the lock library delete the file when they let go, others leave it."""

    def __init__(self, path, deletes):
        self.path = path
        self.deletes = deletes

    def __enter__(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            self.descriptor = os.open(self.path, os.O_RDWR | os.O_TRUNC | os.O_CREAT, 0o664)
            try:
                fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return self
            except BlockingIOError:
                os.close(self.descriptor)
                time.sleep(POLL_S)

    def __exit__(self, *_):
        if self.deletes:
            self.path.unlink(missing_ok=True)
        fcntl.flock(self.descriptor, fcntl.LOCK_UN)
        os.close(self.descriptor)


class Library:
    """One process that uses the library."""

    def __init__(self, endpoint, cache, deletes_locks=False):
        self.endpoint = urllib.parse.urlsplit(endpoint)
        self.cache = pathlib.Path(cache)
        self.deletes_locks = deletes_locks

    # --- the hub ---

    def _ask(self, method, url):
        parts = urllib.parse.urlsplit(url)
        host = parts.netloc or self.endpoint.netloc
        connection = http.client.HTTPConnection(host, timeout=60)
        try:
            connection.request(method, parts.path + ("?" + parts.query if parts.query else ""))
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def _get(self, url):
        for _ in range(5):
            status, headers, body = self._ask("GET", url)
            if status not in (301, 302, 303, 307, 308):
                break
            url = headers["Location"]
        if status != 200:
            raise OSError(f"{url}: {status}")
        return body

    def _head(self, repo, revision, path):
        """(etag, commit) of a file: hops within the hub are followed, that to another host is not."""
        url = f"/{repo}/resolve/{urllib.parse.quote(revision, safe='')}/{path}"
        while True:
            status, headers, _ = self._ask("HEAD", url)
            if status in (301, 302, 307, 308) and not urllib.parse.urlsplit(headers["Location"]).netloc:
                url = headers["Location"]
                continue
            if status >= 400:
                raise OSError(f"{url}: {status}")
            etag = headers.get("X-Linked-ETag") or headers["ETag"]
            return etag.removeprefix("W/").strip('"'), headers["X-Repo-Commit"]

    def files_of(self, repo, revision):
        """(commit, paths)"""
        document = json.loads(self._get(f"/api/models/{repo}/revision/{urllib.parse.quote(revision, safe='')}"))
        return document["sha"], [entry["rfilename"] for entry in document["siblings"]]

    # --- downloading ---

    def download(self, repo, path, revision="main"):
        """hf_hub_download: the path of the file in its snapshot."""
        storage = self.cache / folder_name(repo)
        if len(revision) == 40:
            pointer = storage / "snapshots" / revision / path
            if pointer.exists():
                return pointer
        etag, commit = self._head(repo, revision, path)
        blob = storage / "blobs" / etag
        pointer = storage / "snapshots" / commit / path
        blob.parent.mkdir(parents=True, exist_ok=True)
        pointer.parent.mkdir(parents=True, exist_ok=True)
        if revision != commit:
            self._cache_ref(storage, revision, commit)
        if pointer.exists():
            return pointer
        lock = Lock(self.cache / ".locks" / folder_name(repo) / f"{etag}.lock", self.deletes_locks)
        if blob.exists():
            with lock:
                if not pointer.exists():
                    self._symlink(blob, pointer)
                return pointer
        with lock:
            self._fetch(repo, commit, path, blob)
            if not pointer.exists():
                self._symlink(blob, pointer)
        return pointer

    def _fetch(self, repo, commit, path, blob):
        if blob.exists():
            return
        incomplete = blob.with_name(f"{blob.name}.{uuid.uuid4().hex[:8]}.incomplete")
        try:
            body = self._get(f"/{repo}/resolve/{commit}/{path}")
            with open(incomplete, "wb") as stream:
                for offset in range(0, len(body), 1 << 18):
                    stream.write(body[offset:offset + (1 << 18)])
                    stream.flush()
            probe = incomplete.with_name(f"tmp_{uuid.uuid4()}")
            probe.touch()
            mode = probe.stat().st_mode & 0o777
            probe.unlink()
            incomplete.chmod(mode)
            incomplete.rename(blob)
        finally:
            incomplete.unlink(missing_ok=True)

    @staticmethod
    def _cache_ref(storage, revision, commit):
        ref = storage / "refs" / revision
        ref.parent.mkdir(parents=True, exist_ok=True)
        if not ref.exists() or ref.read_text() != commit:
            temp = ref.with_name(f"{ref.name}.{uuid.uuid4().hex[:8]}.tmp")
            temp.write_text(commit)
            temp.rename(ref)

    @staticmethod
    def _symlink(blob, pointer):
        pointer.unlink(missing_ok=True)
        target = os.path.relpath(blob, pointer.parent)
        try:
            pointer.symlink_to(target)
        except FileExistsError:
            if os.readlink(pointer) != target:
                raise

    def snapshot(self, repo, revision="main"):
        """snapshot_download: (folder, paths)"""
        commit, paths = self.files_of(repo, revision)
        storage = self.cache / folder_name(repo)
        if revision != commit:
            ref = storage / "refs" / revision
            ref.parent.mkdir(parents=True, exist_ok=True)
            ref.write_text(commit)  # in place: a reader may see it empty
        for path in paths:
            self.download(repo, path, commit)
        return storage / "snapshots" / commit, paths

    # --- looking and deleting ---

    def scan(self):
        """scan_cache_dir: (repo folders → commits, what is wrong)"""
        repos, warnings = {}, []
        for entry in sorted(self.cache.iterdir()):
            if entry.name in (".locks", "CACHEDIR.TAG"):
                continue
            try:
                if not entry.is_dir():
                    raise ValueError(f"{entry.name}: a file")
                repos[entry.name] = self._scan_repo(entry)
            except (ValueError, FileNotFoundError) as error:
                warnings.append(f"{entry.name}: {error}")
        return repos, warnings

    @staticmethod
    def _scan_repo(folder):
        if folder.name.split("--")[0] not in ("models", "datasets", "spaces"):
            raise ValueError("not a repo")
        snapshots, refs = folder / "snapshots", folder / "refs"
        if not snapshots.is_dir():
            raise ValueError("no snapshots")
        if refs.exists() and not refs.is_dir():
            raise ValueError("refs is a file")
        commits_of_refs = {}
        for ref in refs.rglob("*") if refs.exists() else ():
            if not ref.is_dir():
                commits_of_refs.setdefault(ref.read_text(), []).append(ref.name)
        commits = {}
        for snapshot in snapshots.iterdir():
            if not snapshot.is_dir():
                raise ValueError(f"{snapshot.name}: a file among the snapshots")
            files = {}
            for file in snapshot.rglob("*"):
                if file.is_dir():
                    continue
                blob = file.resolve()
                if not blob.exists():
                    raise ValueError(f"{file}: broken link")
                files[str(file.relative_to(snapshot))] = blob.stat().st_size
            commits[snapshot.name] = files
            commits_of_refs.pop(snapshot.name, None)
        if commits_of_refs:
            raise ValueError(f"refs to nothing: {commits_of_refs}")
        return commits

    def delete(self, repo, commit):
        """Deletes one revision, in the library's order: repo folder, else snapshot, refs, blobs."""
        storage = self.cache / folder_name(repo)
        revisions = {}
        for snapshot in (storage / "snapshots").iterdir():
            revisions[snapshot.name] = {file.resolve() for file in snapshot.rglob("*") if not file.is_dir()}
        if commit not in revisions:
            return
        if len(revisions) == 1:
            shutil.rmtree(storage, ignore_errors=True)
            return
        shutil.rmtree(storage / "snapshots" / commit, ignore_errors=True)
        for ref in (storage / "refs").rglob("*"):
            if not ref.is_dir() and ref.read_text() == commit:
                ref.unlink(missing_ok=True)
        kept = set().union(*(blobs for name, blobs in revisions.items() if name != commit))
        for blob in revisions[commit] - kept:
            blob.unlink(missing_ok=True)


def digest_of(path):
    """The name that the bytes of a file have as a blob."""
    content = path.read_bytes()
    if len(path.name) == 64:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
