"""A cache folder that is read-only, full, or on a file system that cannot do what others can."""

import os
import unittest

from harness import EndToEndTest, make_weights, small_disk, wait_until

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


class StorageTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.hub = self.box.hub()
        self.hub.commit("acme/otter", {"config.json": "{}", "model.safetensors": make_weights(1, 6_000_000)})

    def test_read_only_cache_is_served_and_what_is_missing_fails_before_a_byte_is_fetched(self):
        commit = self.hub.commit("acme/seen", {"config.json": "{}"})["commit"]
        daemon = self.box.daemon()
        path = self.box.pull("model", "acme/seen")["path"]
        daemon.terminate()
        daemon.wait(60)
        # The next daemon is somebody else's, who may read the cache and no more.
        self.box.folder.chmod(0o755)
        for top in (self.box.home, self.box.folder / "state", self.box.folder / "run"):
            for below in (top, *top.rglob("*")):
                os.chown(below, 65534, 65534)
        self.hub.clear_log()
        daemon = self.box.daemon(wait=False, prefix=NOBODY)
        wait_until(lambda: self.box.batuta("daemon", "status", prefix=NOBODY).code == 0, "the daemon to answer")

        cached = self.box.batuta("hf", "pull", "model", "acme/seen", "--revision", commit, "--format", "quiet", prefix=NOBODY)
        missing = self.box.batuta("hf", "pull", "model", "acme/otter", "--format", "json", prefix=NOBODY)
        status = self.box.batuta("daemon", "status", "--format", "json", prefix=NOBODY).json

        self.assertEqual((cached.code, cached.out.strip()), (0, path), cached.err)
        self.assertEqual((missing.code, missing.error["reason"]), (1, "STORAGE_READ_ONLY"), missing.err)
        self.assertIn("HF_HUB_CACHE", missing.error["hint"])
        self.assertEqual(self.hub.count("/resolve"), 0)
        self.assertIn("cannot be written", " ".join(status["notices"]))

    def test_pull_that_cannot_fit_exits_7_with_the_numbers_and_costs_no_more_than_a_look(self):
        with small_disk("4m") as disk:
            self.box.env["HF_HUB_CACHE"] = str(disk / "hub")
            config = self.box.folder / "config" / "batuta" / "config.toml"
            config.parent.mkdir(parents=True)
            config.write_text('[cache]\nmin_free = "1MB"\n')
            daemon = self.box.daemon()

            error = self.box.pull("model", "acme/otter", code=7)

            self.assertEqual(error["reason"], "DISK_FULL")
            self.assertIn("6", error["message"])
            self.assertLess(self.hub.stats()["cdn_bytes_sent"], 100_000)
            daemon.terminate()
            daemon.wait(60)

    def test_disk_that_fills_while_bytes_arrive_fails_cleanly_and_the_next_try_goes_on(self):
        with small_disk("12m") as disk:
            self.box.env["HF_HUB_CACHE"] = str(disk / "hub")
            config = self.box.folder / "config" / "batuta" / "config.toml"
            config.parent.mkdir(parents=True)
            config.write_text('[cache]\nmin_free = "0"\n')
            daemon = self.box.daemon()
            self.hub.fault(kind="slow", listener="cdn", count="always", bytes_per_second=1_500_000)
            client = self.box.start_batuta("hf", "pull", "model", "acme/otter", "--format", "json")
            wait_until(lambda: list((disk / "hub").glob("*/blobs/*-part")), "the first bytes")
            hog = disk / "hog"
            free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
            hog.write_bytes(bytes(max(free - 1_000_000, 0)))

            _, err = client.communicate(timeout=120)

            self.assertEqual(client.returncode, 7, err)
            self.assertFalse([path for path in (disk / "hub").glob("*/blobs/*") if len(path.name) == 64])
            hog.unlink()
            self.hub.clear_faults()
            self.box.pull("model", "acme/otter")
            daemon.terminate()
            daemon.wait(60)


if __name__ == "__main__":
    unittest.main()
