"""A folder to push, a hub that takes it, and what both of them say afterwards."""

import base64
import hashlib
import json
import pathlib
import urllib.parse
import urllib.request

from harness import PATIENCE_S, EndToEndTest

TOKEN = "hf_mira"
PART = 400_000  # bytes of a part of a multipart upload

# What scripts rely on: design.md, section 8.
PUSH_KEYS = {"repo", "type", "commit", "url", "changed", "unchanged", "deleted", "card", "bytes_uploaded", "findings"}
FINDING_KEYS = {"path", "line", "kind", "fingerprint"}


def paths_of(items):
    return sorted(item if isinstance(item, str) else item["path"] for item in items)


def blob_of(content, is_lfs):
    if is_lfs:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class PushTest(EndToEndTest):
    HUB_ARGS = ()

    def setUp(self):
        super().setUp()
        root = self.box.folder / "hub-root"
        root.mkdir()
        users = [{"name": "mira", "token": TOKEN, "orgs": ["acme"], "role": "write"},
                 {"name": "ravi", "token": "hf_ravi", "orgs": [], "role": "read"}]
        (root / "hub.json").write_text(json.dumps({"users": users}))
        self.hub = self.box.hub(root, ["--no-rate-limits", "--multipart-chunk", str(PART), "--keep-bodies", "50000000", *self.HUB_ARGS])
        # Where the caller and a daemon that was started again both find it.
        token = self.box.home / ".cache" / "huggingface" / "token"
        token.parent.mkdir(parents=True)
        token.write_text(TOKEN)
        self.folder = self.box.folder / "work"
        self.folder.mkdir()
        self.addCleanup(self.assert_no_token_was_leaked)

    def assert_no_token_was_leaked(self):
        """The store gets signed links and bytes, never a token."""
        if self.hub.process.poll() is None:
            self.assertEqual(self.hub.stats()["leaked_tokens"], 0)

    def write(self, files, folder=None):
        for path, content in files.items():
            target = (folder or self.folder) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content if isinstance(content, bytes) else content.encode())

    def push(self, repo, *args, kind="dataset", code=0, folder=None, yes=True, env=None):
        """`hf push --format json`, which must end with `code`: the document, or when code is not 0 all that came of it."""
        result = self.box.batuta("hf", "push", kind, str(folder or self.folder), "--repo", repo, *args, *(["--yes"] if yes else []),
                                 "--format", "json", env=env)
        if result.code != code:
            raise AssertionError(f"exit {result.code} instead of {code}\n{result.out}\n{result.err}\n{self.box.daemon_log()[-8000:]}")
        return result.json if code == 0 else result

    # --- what the hub says ---

    def ask(self, path):
        request = urllib.request.Request(self.hub.endpoint + path, headers={"Authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.loads(answer.read()), answer.headers

    def pages(self, path):
        """Every page of a listing; `path` without what the page is."""
        everything = []
        while path:
            items, headers = self.ask(path)
            everything += items
            link = headers.get("Link", "")
            path = link[link.index("<") + 1:link.index(">")].removeprefix(self.hub.endpoint) if link else ""
        return everything

    def tree(self, repo, kind="dataset", revision="main"):
        """path → (name of the blob, size) of all files but .gitattributes, which is the hub's own."""
        entries = self.pages(f"/api/{kind}s/{repo}/tree/{urllib.parse.quote(revision, safe='')}?recursive=true")
        return {entry["path"]: (entry["lfs"]["oid"] if "lfs" in entry else entry["oid"], entry["size"])
                for entry in entries if entry["type"] == "file" and entry["path"] != ".gitattributes"}

    def content(self, repo, path, kind="dataset", revision="main"):
        prefix = "" if kind == "model" else f"{kind}s/"
        request = urllib.request.Request(f"{self.hub.endpoint}/{prefix}{repo}/resolve/{urllib.parse.quote(revision, safe='')}/{urllib.parse.quote(path)}")
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.read()

    def commits(self, repo, kind="dataset", revision="main"):
        """Newest first, without the one by which the hub makes a repo."""
        found = self.pages(f"/api/{kind}s/{repo}/commits/{urllib.parse.quote(revision, safe='')}")
        return [commit for commit in found if commit["title"] != "initial commit"]

    def assert_hub_has(self, repo, folder=None, kind="dataset", revision="main", beside=()):
        """The repo is the folder, byte for byte, with the files `beside` more."""
        folder = folder or self.folder
        found = self.tree(repo, kind, revision)
        wanted = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        self.assertEqual(sorted(found), sorted([*wanted, *beside]))
        for path, content in wanted.items():
            name, size = found[path]
            self.assertEqual((name, size), (blob_of(content, len(name) == 64), len(content)), path)

    # --- what was sent ---

    def sent(self):
        """The requests that bring something to a repo."""
        parts = ("/commit/", "/api/repos/create", "/branch/", "/discussions")
        return [entry for entry in self.hub.requests()
                if entry["method"] == "PUT" or (entry["method"] == "POST" and any(part in entry["path"] for part in parts))]

    def puts(self):
        return [entry for entry in self.hub.requests() if entry["method"] == "PUT"]

    def stored_bytes(self):
        return sum(entry["body_bytes_received"] for entry in self.puts())

    def bodies(self):
        """Everything that arrived at the hub, as it was and with what is base64 in it decoded."""
        for entry in self.hub.requests():
            if entry["body"] is None:
                continue
            body = base64.b64decode(entry["body"])
            yield body
            if "/preupload/" in entry["path"]:
                for file in json.loads(body)["files"]:
                    yield base64.b64decode(file.get("sample", ""))
            if "/commit/" in entry["path"]:
                for line in body.splitlines():
                    yield base64.b64decode(json.loads(line)["value"].get("content", ""))

    def assert_never_sent(self, *secrets):
        for body in self.bodies():
            for secret in secrets:
                self.assertNotIn(secret.encode(), body)


def make_files(folder, count, size, seed):
    """`count` files of text of `size` bytes, ten to a folder; no two alike for different seeds."""
    names = []
    for number in range(count):
        path = pathlib.Path(folder) / f"part-{number // 100:03}" / f"{number:05}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps({"seed": seed, "number": number, "text": "x" * max(size - 60, 0)}) + "\n"
        path.write_text(line)
        names.append(str(path.relative_to(folder)))
    return names
