"""The daemon, a client that others wrote and the rules of the Python library, all on one tree at the same time, at random.

BATUTA_WRITERS_SECONDS=60 runs longer; BATUTA_WRITERS_SEED, which it prints, chooses the same acts again (their timing is never the same).

What may go wrong, because the rules of the tools allow it:
- a scan that looks at a repo while something is being removed from it warns, or, when a whole repo vanishes, fails; the next one does not;
- a pull finds no room while everything that could go is in use (exit 7), or a blob vanishes that the Python rules delete without asking (exit 1);
- a file that was found in the cache is gone when it is opened: nobody is told that somebody looked.
"""

import collections
import json
import multiprocessing
import os
import pathlib
import random
import subprocess
import threading
import time
import unittest

from harness import PATIENCE_S, SLOWNESS, EndToEndTest, make_weights, wait_until
from python_library import Library, digest_of, folder_name

NPM = pathlib.Path(os.environ["BATUTA_NPM_DIR"])
SECONDS = float(os.environ.get("BATUTA_WRITERS_SECONDS", "20"))
SEED = int(os.environ.get("BATUTA_WRITERS_SEED", str(time.time_ns() % 1_000_000)))
GRACE_S = 3 * SLOWNESS

# Everybody's; deleted by the Python rules; pulled by the daemon alone, which evicts and removes them.
SHARED = [f"acme/shared-{number}" for number in range(3)]
DELETED = [f"acme/deleted-{number}" for number in range(2)]
OWN = [f"acme/own-{number}" for number in range(5)]
QUOTA = 8_000_000


def python_writer(endpoint, cache, until, seed, queue):
    """A process that uses the library: one line on the queue for each act."""
    chance = random.Random(seed)
    library = Library(endpoint, cache, deletes_locks=seed % 2 == 0)
    while time.time() < until:
        act = chance.choice(["download", "download", "snapshot", "snapshot", "scan", "delete"])
        repo = chance.choice(DELETED if act == "delete" else SHARED + DELETED)
        line = {"act": act, "repo": repo}
        try:
            if act == "scan":
                line["warnings"] = library.scan()[1]
            elif act == "delete":
                library.delete(repo, chance.choice(library.files_of(repo, "main")[:1]))
            elif act == "snapshot":
                folder, paths = library.snapshot(repo, chance.choice(["main", "old"]))
                # Its ref was written a moment ago: who takes account of that has taken nothing.
                line["missing"] = [path for path in paths if not (folder / path).exists()]
            else:
                path = library.download(repo, chance.choice(["config.json", "model.safetensors", "onnx/model.onnx"]))
                try:
                    blob = path.resolve(strict=True)
                    line["wrong"] = digest_of(blob) != blob.name
                except FileNotFoundError:
                    line["gone"] = True
        except FileNotFoundError as error:
            line["error"] = f"not found: {error}"
        except Exception as error:  # pylint: disable=broad-except
            line["error"] = repr(error)
        queue.put(line)
        time.sleep(chance.random() * 0.05)
    queue.put(None)


def make_onnx(data):
    """A graph of one initializer that holds `data`."""
    def varint(number):
        return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + varint(number >> 7)

    def field(number, content):
        return bytes([number << 3 | 2]) + varint(len(content)) + content

    tensor = b"\x08" + varint(len(data)) + b"\x10\x02" + field(9, data)  # one dimension, of bytes, as they are
    return b"\x08\x08" + field(7, field(5, tensor)) + field(8, b"\x10\x0d")  # format 8, a graph, operators of version 13


class ManyWritersTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        folder = self.box.folder / "config" / "batuta"
        folder.mkdir(parents=True)
        (folder / "config.toml").write_text(f'[cache]\nmax_size = "{QUOTA}"\ngrace = "{GRACE_S}s"\n')
        self.hub = self.box.hub(args=["--no-rate-limits"])
        common = make_onnx(random.Random(99).randbytes(400_000))
        for number, repo in enumerate(SHARED + DELETED + OWN):
            weights = [make_weights(10 * number + i, 500_000 + 100_000 * i) for i in range(2)]
            for branch, content in (("old", weights[0]), ("main", weights[1])):
                self.hub.commit(repo, {"config.json": json.dumps({"n": number, "branch": branch}), "README.md": f"{repo}\n",
                                       "model.safetensors": content, "onnx/model.onnx": common}, branch=branch)
        self.box.daemon()
        self.lines = collections.defaultdict(list)

    # --- the writers ---

    def daemon_writer(self, seed, until):
        chance = random.Random(seed)
        while time.time() < until:
            act = chance.choice(["pull", "pull", "pull", "pull", "pull", "rm", "prune", "ls", "rescan"])
            if act == "pull":
                repo = chance.choice(SHARED + DELETED + OWN + OWN)
                result = self.box.batuta("hf", "pull", "model", repo, "--revision", chance.choice(["main", "old"]), "--yes", "--format", "json")
            elif act == "rm":
                repo = chance.choice(OWN)
                result = self.box.batuta("hf", "cache", "rm", "model", repo, "--yes")
            else:
                repo = ""
                more = ["--yes"] if act == "prune" else []
                result = self.box.batuta("hf", "cache", act, *more)
            self.lines["daemon"].append({"act": act, "repo": repo, "code": result.code, "error": result.err.strip()})

    def node_writer(self, until):
        repos = SHARED
        script = NPM / "cache_writer.mjs"
        process = subprocess.Popen(["node", str(script), str(self.box.cache), self.hub.endpoint, str(int(until * 1000)), str(SEED), *repos],
                                   cwd=NPM, env={**os.environ, **self.box.env}, stdout=subprocess.PIPE, stderr=self.box.log("node.log"), text=True)
        self.box.processes.append(process)
        for text in process.stdout:
            line = json.loads(text)
            if "path" in line:
                folder = pathlib.Path(line["path"])
                line["missing"] = [name for name in ("config.json", "README.md", "model.safetensors", "onnx/model.onnx")
                                   if not (folder / name).exists()]
            self.lines["node"].append(line)
        self.node_code = process.wait()

    # --- what they said ---

    @staticmethod
    def outcome(line):
        if "code" in line:
            return "ok" if line["code"] == 0 else f"exit {line['code']}"
        if "error" in line:
            return "failed"
        if line.get("warnings"):
            return "warned"
        return "gone" if line.get("gone") else "ok"

    def check_daemon(self):
        for line in self.lines["daemon"]:
            if line["code"] == 0:
                continue
            is_allowed = ((line["act"] == "pull" and line["code"] == 7)
                          or (line["act"] == "pull" and line["repo"] in DELETED and "vanished" in line["error"])
                          or (line["act"] == "rm" and line["code"] in (1, 10)))  # in use by a pull; not there
            self.assertTrue(is_allowed, line)

    def check_tool(self, name):
        scans = [line for line in self.lines[name] if line["act"] == "scan"]
        self.assertTrue(scans)
        for line in self.lines[name]:
            if line["act"] == "scan":
                continue
            is_allowed = "error" in line and line["repo"] in DELETED and line["error"].startswith("not found")
            self.assertTrue("error" not in line or is_allowed, line)
            self.assertFalse(line.get("wrong"), line)
            if line["repo"] not in DELETED:
                self.assertEqual(line.get("missing", []), [], line)

    def scan_with_node(self):
        result = subprocess.run(["node", "cache_scan.mjs", str(self.box.cache)], cwd=NPM, env={**os.environ, **self.box.env},
                                capture_output=True, text=True, timeout=PATIENCE_S, check=True)
        return json.loads(result.stdout)

    def used_bytes(self):
        files = {}
        for path in self.box.cache.glob("models--*/blobs/*"):
            info = path.lstat()
            files[info.st_ino] = info.st_size
        return sum(files.values())

    def test_all_at_once_leave_a_sound_tree(self):
        print(f"seed {SEED}, {SECONDS} s", flush=True)
        until = time.time() + SECONDS
        queues = [multiprocessing.Queue() for _ in range(2)]
        children = [multiprocessing.Process(target=python_writer, args=(self.hub.endpoint, self.box.cache, until, SEED + i, queue), daemon=True)
                    for i, queue in enumerate(queues)]
        for child in children:
            child.start()
        threads = [threading.Thread(target=self.daemon_writer, args=(SEED + 10, until)), threading.Thread(target=self.daemon_writer, args=(SEED + 11, until)),
                   threading.Thread(target=self.node_writer, args=(until,))]
        for thread in threads:
            thread.start()
        for queue in queues:
            for line in iter(lambda: queue.get(timeout=SECONDS + PATIENCE_S), None):
                self.lines["python"].append(line)
        for thread in threads:
            thread.join()
        for child in children:
            child.join()

        for name, lines in sorted(self.lines.items()):
            counts = collections.Counter(f"{line['act']} {self.outcome(line)}" for line in lines)
            print(f"{name}: " + ", ".join(f"{count} {what}" for what, count in sorted(counts.items())), flush=True)
        evicted = self.box.daemon_log().count(" evicted repo=")
        print(f"{evicted} selections evicted, removed or pruned", flush=True)
        self.assertGreater(evicted, 0)
        self.assertEqual(self.node_code, 0)
        self.check_daemon()
        self.check_tool("python")
        self.check_tool("node")
        self.check_tree()

    def check_tree(self):
        self.assert_tree_is_sound()
        repos, warnings = Library(self.hub.endpoint, self.box.cache).scan()
        self.assertEqual(warnings, [])
        self.assertEqual(self.scan_with_node()["warnings"], [])
        # The listing is what is there.
        self.assertEqual(self.box.batuta("hf", "cache", "rescan").code, 0)
        listing = self.box.batuta("hf", "cache", "ls", "--format", "json").json
        self.assertEqual({folder_name(repo["repo"]) for repo in listing["repos"]},
                         {folder for folder, commits in repos.items() if any(commits.values())})
        # What the others brought meanwhile goes with the next pulls, once nobody writes there any more.
        wait_until(self.pull_and_compare, "the quota to hold", GRACE_S + PATIENCE_S)
        self.assert_tree_is_sound()

    def pull_and_compare(self):
        for repo in OWN:
            self.box.batuta("hf", "cache", "rm", "model", repo, "--yes")
            self.box.batuta("hf", "pull", "model", repo, "--yes")
        return self.used_bytes() <= QUOTA


if __name__ == "__main__":
    unittest.main()
