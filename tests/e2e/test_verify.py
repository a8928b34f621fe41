"""`hf cache verify`: what is damaged is found, leaves the view at once, and with --repair comes back at the price of the damage."""

import json
import os
import signal
import time
import unittest

from harness import SLOWNESS, EndToEndTest, wait_until

PIECE = 4 << 20
LARGE = 24 << 20  # six pieces


class VerifyTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.hub = self.box.hub()

    def large_repo(self, repo="acme/large", seed=7):
        self.hub.commit(repo, {"model.safetensors": {"size": LARGE, "seed": seed}, "config.json": str(seed)})
        return self.box.pull("model", repo)

    def verify(self, *args, code=0):
        result = self.box.batuta("hf", "cache", "verify", *args, "--format", "json")
        self.assertEqual(result.code, code, result.out + result.err + self.box.daemon_log())
        return json.loads(result.out)

    def blob(self, pulled, path="model.safetensors", repo="acme/large"):
        name = next(file["blob"] for file in pulled["files"] if file["path"] == path)
        return self.box.cache / f"models--{repo.replace('/', '--')}" / "blobs" / name

    @staticmethod
    def flip(blob, offset):
        """As a disk does it that has forgotten a bit: nothing else about the file changes."""
        info = blob.stat()
        with open(blob, "r+b") as file:
            file.seek(offset)
            byte = file.read(1)
            file.seek(offset)
            file.write(bytes([byte[0] ^ 1]))
            os.fsync(file.fileno())
        os.utime(blob, ns=(info.st_atime_ns, info.st_mtime_ns))

    def sent_bytes(self):
        return sum(entry["body_bytes_sent"] for entry in self.hub.requests() if entry["listener"] == "cdn")

    def test_a_healthy_cache_is_all_right(self):
        self.box.daemon()
        self.large_repo()
        found = self.verify()
        self.assertEqual(found["findings"], [])
        self.assertEqual(found["repairs"], [])
        self.assertEqual(found["checked_files"], 2)
        self.assertEqual(found["checked_bytes"], LARGE + 1)
        human = self.box.batuta("hf", "cache", "verify", "acme/large")
        self.assertEqual(human.code, 0, human.err)
        self.assertIn("all right", human.out)

    def test_a_flipped_bit_leaves_the_view_and_exits_9(self):
        self.box.daemon()
        pulled = self.large_repo()
        blob = self.blob(pulled)
        self.flip(blob, 9_000_000)
        found = self.verify("model", "acme/large", code=9)
        self.assertEqual([(one["path"], one["problem"], one["repaired"]) for one in found["findings"]],
                         [("model.safetensors", "damaged", False)])
        self.assertEqual(found["findings"][0]["commit"], pulled["commit"])
        self.assertFalse(blob.exists())
        self.assertFalse(os.path.lexists(os.path.join(pulled["path"], "model.safetensors")))
        self.assertTrue(os.path.exists(os.path.join(pulled["path"], "config.json")))
        self.assert_tree_is_sound()
        # It is known to be missing, until somebody pulls it.
        again = self.verify(code=9)
        self.assertEqual([one["problem"] for one in again["findings"]], ["incomplete"])
        self.box.pull("model", "acme/large")
        self.verify()
        self.assert_tree_is_sound()

    def test_repair_fetches_the_damaged_piece_and_nothing_else(self):
        self.box.daemon()
        blob = self.blob(self.large_repo())
        self.verify()  # learns the pieces that arrived from several connections
        self.flip(blob, 9_000_000)
        self.hub.clear_log()
        found = self.verify("--repair")
        self.assertEqual([one["repaired"] for one in found["findings"]], [True])
        self.assertEqual(found["findings"][0]["damaged_bytes"], PIECE)
        self.assertEqual([one["state"] for one in found["repairs"]], ["done"])
        self.assertEqual(found["repairs"][0]["bytes_downloaded"], PIECE)
        self.assertLess(self.sent_bytes(), 2 * PIECE)
        self.assert_tree_is_sound()
        self.assertTrue(blob.exists())
        self.verify()

    def test_what_was_deleted_or_cut_off_is_repaired(self):
        self.box.daemon()
        pulled = self.large_repo()
        self.blob(pulled, "config.json").unlink()
        os.truncate(self.blob(pulled), 100)
        found = self.verify(code=9)
        self.assertEqual({one["path"]: one["problem"] for one in found["findings"]},
                         {"config.json": "missing", "model.safetensors": "wrong_size"})
        found = self.verify("--repair")
        self.assertEqual({one["path"]: one["repaired"] for one in found["findings"]},
                         {"config.json": True, "model.safetensors": True})
        self.assert_tree_is_sound()
        self.verify()

    def test_one_damaged_file_of_two_repos_is_mended_in_both(self):
        self.box.daemon()
        first = self.blob(self.large_repo("acme/one"), repo="acme/one")
        second = self.blob(self.large_repo("acme/two"), repo="acme/two")
        second.unlink()
        os.link(first, second)
        self.flip(first, 5)
        found = self.verify("--repair")
        self.assertEqual(sorted((one["repo"], one["repaired"]) for one in found["findings"]),
                         [("acme/one", True), ("acme/two", True)])
        self.assert_tree_is_sound()
        self.assertTrue(first.exists() and second.exists())
        self.verify()

    def test_a_repair_that_fails_says_so_and_exits_9(self):
        self.box.daemon()
        blob = self.blob(self.large_repo())
        blob.unlink()
        self.hub.fault(kind="status", status=404, path="/acme/large/resolve", count="always")
        result = self.box.batuta("hf", "cache", "verify", "--repair", "--format", "json")
        self.assertEqual(result.code, 9, result.out + result.err)
        found = json.loads(result.out)
        self.assertEqual([one["repaired"] for one in found["findings"]], [False])
        self.assertEqual([one["state"] for one in found["repairs"]], ["failed"])
        self.assertTrue(found["repairs"][0]["error"])

    def test_an_interrupted_run_goes_on_with_since(self):
        self.box.daemon()
        for number in range(4):
            self.large_repo(f"acme/large-{number}", seed=number)
        for blob in self.box.cache.glob("*/blobs/*"):  # records of files that were written just now are not made
            os.utime(blob, (1_700_000_000, 1_700_000_000))
        began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        process = self.box.start_batuta("hf", "cache", "verify", "--limit-rate", "20M", "--events")
        # A second or more of reading; each second what was found right is remembered.
        wait_until(lambda: self.box.batuta("hf", "cache", "verify", "--since", began, "--limit-rate", "1G",
                                           "model", "acme/large-0", "--format", "json").json["checked_files"] < 2,
                   "the first repo to be verified")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60 * SLOWNESS)
        self.assertEqual(process.returncode, 130, out + err)
        self.assertIn("--since", err)
        found = self.verify("--since", began)
        self.assertLess(found["checked_files"], 8)
        self.assertEqual(self.verify("--since", began)["checked_files"], 0)
        self.assertEqual(self.verify("--since", "0s")["checked_files"], 8)

    def test_a_rate_limit_holds(self):
        self.box.daemon()
        self.large_repo()
        begin = time.monotonic()
        self.verify("--limit-rate", "12M")
        self.assertGreaterEqual(time.monotonic() - begin, LARGE / 12_000_000 * 0.9)

    def test_the_stop_of_the_daemon_ends_it_at_once(self):
        daemon = self.box.daemon()
        self.large_repo()
        process = self.box.start_batuta("hf", "cache", "verify", "--limit-rate", "10K", "--format", "json")
        wait_until(lambda: self.box.batuta("daemon", "status", "--format", "json").code == 0, "the daemon")
        begin = time.monotonic()
        daemon.terminate()
        daemon.wait(timeout=60 * SLOWNESS)
        self.assertLess(time.monotonic() - begin, 30 * SLOWNESS)
        process.communicate(timeout=60 * SLOWNESS)
        self.assertNotIn(process.returncode, (0, 9, 17, 25))

    def test_it_leaves_a_pull_alone(self):
        self.box.daemon()
        self.large_repo("acme/old", seed=1)
        self.hub.commit("acme/new", {f"part-{n}.safetensors": {"size": 3_000_000, "seed": 50 + n} for n in range(8)})
        self.hub.fault(kind="slow", listener="cdn", count="always", bytes_per_second=6_000_000)
        pull = self.box.start_batuta("hf", "pull", "model", "acme/new", "--format", "quiet")
        while pull.poll() is None:
            self.assertEqual(self.verify()["findings"], [])
        self.assertEqual(pull.returncode, 0)
        self.assertEqual(self.verify("model", "acme/new")["checked_files"], 8)
        self.assert_tree_is_sound()

    def test_usage(self):
        self.box.daemon()
        self.assertEqual(self.box.batuta("hf", "cache", "verify", "--since", "yesterday").code, 2)
        self.assertEqual(self.box.batuta("hf", "cache", "verify", "model", "acme/none").code, 10)


if __name__ == "__main__":
    unittest.main()
