"""The locks of the Python and the Rust library on blobs: tried, never waited for, never held for long."""

import fcntl
import os
import threading
import time
import unittest

from harness import SLOWNESS, EndToEndTest, make_weights
from python_library import Lock, folder_name

REPO = "acme/otter"
WEIGHTS = make_weights(7, 3_000_000)
RUST_PATIENCE_S = 10  # then a Rust program gives up


class LocksTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.hub = self.box.hub()
        self.hub.commit(REPO, {"config.json": "{}", "model.safetensors": WEIGHTS})
        self.blob = self.hub.blobs(REPO, ["model.safetensors"])["model.safetensors"]
        self.box.daemon()

    def lock(self, deletes=False):
        return Lock(self.box.cache / ".locks" / folder_name(REPO) / f"{self.blob}.lock", deletes)

    def blob_path(self):
        return self.box.cache / folder_name(REPO) / "blobs" / self.blob

    def test_a_pull_ends_while_the_caller_holds_the_lock_of_its_blob(self):
        # As a program of the Python library that waits for us with the lock in its hand: waiting for it would be for ever.
        with self.lock():
            document = self.box.pull("model", REPO)
        self.assertEqual({file["status"] for file in document["files"]}, {"downloaded"})
        self.assert_tree_is_sound()

    def test_a_blob_whose_lock_is_held_outlives_its_removal(self):
        self.box.pull("model", REPO)
        with self.lock():
            self.assertEqual(self.box.batuta("hf", "cache", "rm", "model", REPO, "--yes").code, 0)
            self.assertTrue(self.blob_path().exists(), "whoever holds the lock may be about to link it")
        self.assert_tree_is_sound()

    def test_a_lock_on_a_file_that_lost_its_name_keeps_nobody_out(self):
        self.box.pull("model", REPO)
        lock = self.lock(deletes=True)
        with lock:
            lock.path.unlink()  # as some versions of the lock library do while another one waits
            self.assertEqual(self.box.batuta("hf", "cache", "rm", "model", REPO, "--yes").code, 0)
        self.assertFalse(self.blob_path().exists())

    def test_a_stale_lock_file_keeps_nobody_out(self):
        lock = self.lock()
        lock.path.parent.mkdir(parents=True)
        lock.path.write_text("4711\nan-old-host\n")
        self.box.pull("model", REPO)
        self.assertEqual(self.box.batuta("hf", "cache", "rm", "model", REPO, "--yes").code, 0)
        self.assertFalse(self.blob_path().exists())
        self.assertTrue(lock.path.exists(), "no lock file is ever deleted by the daemon")

    def test_the_daemon_holds_no_lock_for_as_long_as_others_wait(self):
        longest = 0.0
        is_over = threading.Event()

        def contend():
            nonlocal longest
            while not is_over.is_set():
                begun = time.monotonic()
                with self.lock():
                    longest = max(longest, time.monotonic() - begun)

        contender = threading.Thread(target=contend)
        contender.start()
        try:
            for _ in range(5):
                self.box.pull("model", REPO)
                self.assertEqual(self.box.batuta("hf", "cache", "rm", "model", REPO, "--yes").code, 0)
        finally:
            is_over.set()
            contender.join()
        self.assertLess(longest, RUST_PATIENCE_S / 2 * SLOWNESS)

    def test_the_lock_file_may_be_locked_by_the_group(self):
        self.box.pull("model", REPO)
        path = self.lock().path
        self.assertEqual(path.stat().st_mode & 0o777, 0o664)
        descriptor = os.open(path, os.O_RDWR)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody holds it
        os.close(descriptor)


if __name__ == "__main__":
    unittest.main()
