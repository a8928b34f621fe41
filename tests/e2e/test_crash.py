"""kill -9 at random moments: the pull resumes, costs little more than the file, and its bytes are right."""

import hashlib
import random
import time
import unittest

from harness import EndToEndTest, kill_9, wait_until

SIZE = 192_000_000
KILLS = 20


class CrashTest(EndToEndTest):
    def test_twenty_kills_cost_at_most_a_tenth_more(self):
        hub = self.box.hub()
        hub.commit("acme/large", {"model.safetensors": {"size": SIZE, "seed": 7}})
        # Slow enough that twenty kills hit the middle of the transfer.
        hub.fault(kind="slow", listener="cdn", count="always", bytes_per_second=1_500_000)
        rng = random.Random(20)
        daemon = self.box.daemon()
        job = self.box.batuta("hf", "pull", "model", "acme/large", "--detach", "--format", "json").json["job_id"]

        def received():
            return sum(entry["body_bytes_sent"] for entry in hub.requests() if entry["listener"] == "cdn")

        kills = 0
        for _ in range(KILLS):
            before = received()
            goal = min(before + rng.randrange(SIZE // (KILLS * 4), SIZE // (KILLS + 4)), SIZE)
            wait_until(lambda: received() >= goal, "more bytes")
            time.sleep(rng.random() * 0.02)  # the moment itself is random; nothing waits for it
            kill_9(daemon)
            kills += 1
            daemon = self.box.daemon()
        self.assertEqual(kills, KILLS)
        hub.clear_faults()
        watched = self.box.batuta("hf", "jobs", "watch", job)
        self.assertEqual(watched.code, 0, watched.err + self.box.daemon_log())

        document = self.box.pull("model", "acme/large")
        blob = next(file["blob"] for file in document["files"] if file["path"] == "model.safetensors")
        content = (self.box.cache / "models--acme--large" / "blobs" / blob).read_bytes()
        self.assertEqual(hashlib.sha256(content).hexdigest(), blob)
        total = received()
        print(f"{kills} kills, {total} bytes sent for a file of {SIZE} ({100 * total / SIZE - 100:.2f} % more)")
        self.assertLessEqual(total, SIZE * 1.10)
        self.assertEqual(list(self.box.cache.glob("*/blobs/*.batuta-part")), [])


if __name__ == "__main__":
    unittest.main()
