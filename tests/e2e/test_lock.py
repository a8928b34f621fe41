"""Lock files: what was pulled once is what is pulled again, to the byte, or nothing is."""

import json
import unittest

from harness import EndToEndTest


class LockTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.hub = self.box.hub(args=["--no-rate-limits"])
        self.first = self.hub.commit("acme/otter", {"config.json": '{"v":1}', "notes.md": "one"})["commit"]
        self.lock = self.box.folder / "models.lock"
        self.box.daemon()

    def pull(self, *args, code=0):
        result = self.box.batuta("hf", "pull", "model", *args, "--format", "json")
        self.assertEqual(result.code, code, result.err)
        return result

    def test_a_lock_brings_back_the_commit_after_the_branch_has_moved(self):
        self.pull("acme/otter", "config.json", "--lock", self.lock)
        moved = self.hub.commit("acme/otter", {"config.json": '{"v":2}'})["commit"]
        self.assertNotEqual(moved, self.first)
        pulled = self.pull("acme/otter", "--locked", self.lock).json
        self.assertEqual(pulled["commit"], self.first)
        taken = [file["path"] for file in pulled["files"] if file["status"] != "skipped"]
        self.assertEqual(taken, ["config.json"])

    def test_one_file_locks_many_repos_and_keeps_what_it_has(self):
        self.hub.commit("acme/zebra", {"config.json": "{}"})
        self.pull("acme/zebra", "--lock", self.lock)
        self.pull("acme/otter", "--lock", self.lock, "--dry-run")
        document = json.loads(self.lock.read_text())
        self.assertEqual([repo["repo"] for repo in document["repos"]], ["acme/otter", "acme/zebra"])
        self.assertEqual(document["repos"][0]["commit"], self.first)
        self.pull("acme/otter", "--locked", self.lock)
        self.pull("acme/zebra", "--locked", self.lock, "--offline")

    def test_what_differs_from_the_lock_is_refused_and_nothing_is_fetched(self):
        self.pull("acme/otter", "--lock", self.lock, "--dry-run")
        document = json.loads(self.lock.read_text())
        document["repos"][0]["files"][0]["blob"] = "0" * 40
        self.lock.write_text(json.dumps(document))
        before = self.hub.count("/resolve/")
        error = self.pull("acme/otter", "--locked", self.lock, code=9).error
        self.assertEqual(error["reason"], "LOCK_MISMATCH")
        self.assertIn("config.json", error["message"])
        self.assertEqual(self.hub.count("/resolve/"), before)

    def test_a_repo_that_is_not_locked_and_a_file_that_is_no_lock(self):
        self.pull("acme/otter", "--lock", self.lock, "--dry-run")
        self.assertEqual(self.pull("acme/zebra", "--locked", self.lock, code=4).error["reason"], "ENTRY_NOT_FOUND")
        self.pull("acme/otter", "--locked", self.lock, "--revision", "main", code=2)
        self.pull("acme/otter", "config.json", "--locked", self.lock, code=2)
        self.pull("acme/otter", "--locked", self.lock, "--lock", self.lock, code=2)
        self.lock.write_text("colourless green ideas")
        self.assertIn("models.lock", self.pull("acme/otter", "--locked", self.lock, code=2).error["message"])
        self.pull("acme/otter", "--lock", self.lock, code=2)
        self.assertEqual(self.lock.read_text(), "colourless green ideas", "what is no lock file is not overwritten")
        self.pull("acme/otter", "--locked", self.box.folder / "none.lock", code=4)


if __name__ == "__main__":
    unittest.main()
