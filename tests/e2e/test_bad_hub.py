"""A hub that lies, floods or runs in circles: bounded memory, a clear error, nothing outside the snapshot folder."""

import json
import os
import pathlib
import time
import unittest

from harness import EndToEndTest, MEMORY, make_weights

GIB = 1 << 30
MEMORY_LIMIT_KIB = 700 * 1024  # of the daemon at its peak, whatever the build


class BadHubTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.hub = self.box.hub(args=["--no-rate-limits"])
        self.hub.commit("acme/otter", {"config.json": "{}", "model.safetensors": make_weights(1, 6_000_000)})
        self.daemon = self.box.daemon()

    def peak_kib(self):
        status = pathlib.Path(f"/proc/{self.daemon.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])

    def failed_pull(self, *codes):
        result = self.box.batuta("hf", "pull", "model", "acme/otter", "--no-wait", "--format", "json")
        self.assertIn(result.code, codes, result.err)
        self.assertTrue(result.error["message"])
        self.assertLess(self.peak_kib(), MEMORY_LIMIT_KIB)
        return result.error

    def test_garbage_json(self):
        self.hub.fault(kind="garbage_json", path="/api/*", count="always")
        self.assertEqual(self.failed_pull(1)["reason"], "HUB_PROTOCOL")

    def test_answer_of_three_gigabytes(self):
        self.hub.fault(kind="endless_body", path="/tree/", count="always", at_bytes=3 * GIB)
        self.assertEqual(self.failed_pull(1)["reason"], "ANSWER_TOO_LARGE")

    def test_redirect_loop(self):
        self.hub.fault(kind="redirect_loop", path="/api/*", count="always")
        self.failed_pull(1)

    def test_header_bomb(self):
        self.hub.fault(kind="header_bomb", path="/api/*", count="always", amount=5_000, at_bytes=500)
        self.failed_pull(1)

    def test_paths_that_would_escape_are_refused_one_by_one(self):
        commit = self.box.pull("model", "acme/otter", "config.json")["commit"]
        oid = "0" * 40
        victims = ["../evil", "/evil", "a/../../evil", "a//b", "./a", "a/.", "a\nb", "a\x1bb", "a\\..\\b", "C:/evil", ".git/config",
                   "a/.GIT/hooks/x", "x" * 256, "/".join(["d"] * 2_100)]
        for path in victims:
            with self.subTest(path=path[:40]):
                self.hub.clear_faults()
                new = self.hub.commit("acme/otter", {"n.txt": path[:20] or "x"})["commit"]
                self.assertNotEqual(new, commit)
                body = json.dumps([{"type": "file", "oid": oid, "size": 4, "path": path}])
                self.hub.fault(kind="status", path="/tree/", count="always", status=200, body=body,
                               headers={"Content-Type": "application/json"})
                result = self.box.batuta("hf", "pull", "model", "acme/otter", "--revision", new, "--no-wait", "--format", "json")
                self.assertEqual(result.code, 9, result.err)
                self.assertEqual(result.error["reason"], "INVALID_PATH")
        outside = [path for path in self.box.folder.rglob("evil*")]
        self.assertEqual(outside, [])

    def test_etag_that_is_a_path_is_refused(self):
        body = json.dumps([{"type": "file", "oid": "../../evil", "size": 4, "path": "a.txt"}])
        self.hub.fault(kind="status", path="/tree/", count="always", status=200, body=body,
                       headers={"Content-Type": "application/json"})
        self.assertEqual(self.failed_pull(9)["reason"], "INVALID_ETAG")

    def test_symlink_planted_in_the_snapshot_leads_nowhere(self):
        commit = self.hub.commit("acme/linked", {"sub/file.txt": "text"})["commit"]
        outside = self.box.folder / "outside"
        outside.mkdir()
        snapshot = self.box.cache / "models--acme--linked" / "snapshots" / commit
        snapshot.mkdir(parents=True)
        (snapshot / "sub").symlink_to(outside)

        result = self.box.batuta("hf", "pull", "model", "acme/linked", "--format", "json")

        self.assertEqual(result.code, 9, result.err)
        self.assertEqual(list(outside.iterdir()), [])

    def test_wrong_bytes_are_never_published(self):
        self.hub.fault(kind="flip_byte", listener="cdn", count="always", at_bytes=3_000_000)
        error = self.failed_pull(9)
        self.assertEqual(error["reason"], "DIGEST_MISMATCH")
        self.assert_tree_is_sound()
        self.assertFalse(any(len(path.name) == 64 for path in self.box.cache.glob("*/blobs/*")))
        self.hub.clear_faults()
        self.box.pull("model", "acme/otter")
        self.assert_tree_is_sound()

    def test_each_passing_fault_is_got_over(self):
        faults = [
            dict(kind="cut", at_bytes=1_000_000, count=3),
            dict(kind="status", status=503, count=2),
            dict(kind="status", status=500, count=2),
            dict(kind="expired", listener="cdn", count=1),
            dict(kind="reset", count=2),
            dict(kind="ignore_range", listener="cdn", count="always"),
            dict(kind="wrong_range", amount=10, listener="cdn", count=1),
            dict(kind="content_length", amount=-1_000, listener="cdn", count=1),
            dict(kind="content_length", amount=1_000, listener="cdn", count=1),
            dict(kind="flip_byte", at_bytes=100, listener="cdn", count=1),
            dict(kind="latency", duration_ms=300, count=2),
        ]
        for number, fault in enumerate(faults):
            with self.subTest(fault=fault):
                self.hub.clear_faults()
                repo = f"acme/fault-{number}"
                self.hub.commit(repo, {"model.safetensors": make_weights(100 + number, 6_000_000)})
                self.hub.fault(path="model.safetensors", **fault)
                self.box.pull("model", repo)
                self.assert_tree_is_sound()

    def test_rate_limit_without_warning_is_waited_out_and_shown(self):
        self.hub.fault(kind="status", path="/tree/", status=429, count=1, headers={"Retry-After": "1"})
        result = self.box.batuta("hf", "pull", "model", "acme/otter", "--format", "json")
        self.assertEqual(result.code, 0, result.err)
        self.hub.commit("acme/otter", {"new.txt": "new"})
        self.hub.fault(kind="status", path="/tree/", status=429, count=1, headers={"Retry-After": "30"})
        other = self.hub.commit("acme/other", {"new.txt": "new"})["commit"]
        error = self.box.pull("model", "acme/other", "--revision", other, "--no-wait", code=6)
        self.assertEqual(error["reason"], "HUB_RATE_LIMITED")
        limits = self.box.batuta("hf", "limits", "--format", "json").json
        self.assertTrue(any(window["kind"] == "api" for window in limits["windows"]))


class HugeTreeTest(EndToEndTest):
    PAGES, PER_PAGE = 5, 200_000

    def test_tree_of_a_million_entries_is_listed_and_planned_in_bounded_memory(self):
        hub = self.box.hub(args=["--no-rate-limits"])
        commit = hub.commit("acme/vast", {"config.json": "{}"})["commit"]
        daemon = self.box.daemon()
        entries = self.PAGES * self.PER_PAGE
        for command in (["files", "model", "acme/vast"], ["pull", "model", "acme/vast", "--dry-run"]):
            self.serve_pages(hub, commit)
            begin = time.monotonic()
            result = self.box.batuta("hf", *command, "--revision", commit, "--format", "quiet")
            elapsed = time.monotonic() - begin
            self.assertEqual(result.code, 0, result.err[-2_000:])
            if command[0] == "files":
                self.assertEqual(result.out.count("\n"), entries)
            status = pathlib.Path(f"/proc/{daemon.pid}/status").read_text()
            peak = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
            print(f"{command[0]} of {entries} entries: {elapsed:.1f} s, daemon's peak {peak // 1024} MiB")
            self.assertLess(peak, 1_500 * 1024 * MEMORY)

    def serve_pages(self, hub, commit):
        hub.clear_faults()
        for page in range(self.PAGES):
            first = page * self.PER_PAGE
            body = json.dumps([{"type": "file", "oid": "%040x" % number, "size": 10, "path": f"data/{number:07}.json"}
                               for number in range(first, first + self.PER_PAGE)])
            headers = {"Content-Type": "application/json"}
            if page + 1 < self.PAGES:
                following = f"{hub.endpoint}/api/models/acme/vast/tree/{commit}?recursive=true&cursor=page{page + 1}"
                headers["Link"] = f'<{following}>; rel="next"'
            hub.fault(kind="status", path="/tree/", count=1, status=200, body=body, headers=headers)


if __name__ == "__main__":
    unittest.main()
