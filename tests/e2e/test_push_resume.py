"""kill -9 of the daemon at random moments of pushes: each goes on, nothing that was stored is sent again, no commit is made twice.

BATUTA_PUSH_KILLS=N kills more or less often; BATUTA_KILLS_SEED=N makes the same choices again, though what they meet depends on time.
"""

import collections
import os
import random
import time
import unittest
import urllib.request

from harness import PATIENCE_S, SLOWNESS, kill_9, make_weights, wait_until
from push_world import PART, TOKEN, PushTest, make_files

KILLS = int(os.environ.get("BATUTA_PUSH_KILLS", "50"))
SEED = int(os.environ.get("BATUTA_KILLS_SEED", random.SystemRandom().randrange(1 << 32)))
MOST_KILLS_OF_ONE = 10
# What was answered so shortly before a kill may not have been written down yet.
GRACE_MS = 300 * SLOWNESS


class PushResumeTest(PushTest):
    def setUp(self):
        super().setUp()
        self.rng = random.Random(SEED)
        # Slow enough that a push lives through some kills.
        self.hub.fault(kind="slow_upload", listener="cdn", count="always", bytes_per_second=1_500_000)
        self.kills_ms = []
        self.daemon = None
        self.pending = None  # the command that started the push, while it has not answered

    def is_up(self):
        self.assertIsNone(self.daemon.poll(), "the daemon ended by itself: " + self.box.daemon_log()[-4000:])
        return self.box.batuta("daemon", "status", "--format", "quiet").code == 0

    def start_daemon(self):
        self.daemon = self.box.daemon(wait=False)

    def make_folder(self, number):
        """Three kinds: large files in parts; small and large ones; more files than one commit takes."""
        folder = self.box.folder / f"work-{number}"
        files = {"README.md": f"---\nlicense: mit\n---\n# Data {number}\n", "info.json": f'{{"n": {number}}}'}
        for shard in range(self.rng.randrange(2, 4)):
            size = self.rng.randrange(1, 6) * PART + self.rng.randrange(-1, 2)
            files[f"shard-{shard}.safetensors"] = make_weights(f"{SEED} {number} {shard}", size)
        if number % 3 == 1:
            files.update({f"small/{i}.safetensors": make_weights(f"{SEED} {number} s{i}", 2_000 + i) for i in range(20)})
        self.write(files, folder)
        if number % 3 == 2:
            make_files(folder / "many", 1_100, 120, number)
        return folder

    def start_push(self, folder, repo):
        self.pending = self.box.start_batuta("hf", "push", "dataset", str(folder), "--repo", repo, "--yes", "--detach", "--format", "quiet")

    def job_of(self, repo):
        """The push's job, or None while there is none; its StartPush may have been killed before it was heard."""
        jobs = self.box.batuta("hf", "jobs", "ls", "--format", "json").json["jobs"]
        return next((job for job in jobs if job["repo"] == repo), None)

    def take_answer(self):
        _, err = self.pending.communicate(timeout=PATIENCE_S)
        self.box.processes.remove(self.pending)
        self.pending = None
        return err

    def one_push(self, number):
        folder, repo = self.make_folder(number), f"acme/kill-{number}"
        self.start_daemon()
        wait_until(self.is_up, "the daemon to answer")
        self.start_push(folder, repo)
        for _ in range(self.rng.randrange(4, MOST_KILLS_OF_ONE + 1)):
            if len(self.kills_ms) >= KILLS:
                break
            job = self.job_of(repo) if self.pending is None else None
            if job is not None and job["state"] == "done":
                break
            time.sleep(self.rng.random() * 0.7 * SLOWNESS)  # the moment itself is random; nothing waits for it
            self.kills_ms.append(time.time() * 1000)
            kill_9(self.daemon)
            self.box.processes.remove(self.daemon)
            if self.pending is not None:
                self.take_answer()
            self.start_daemon()
            wait_until(self.is_up, "the daemon to answer")
            if self.job_of(repo) is None:  # it was killed before it was a job
                self.start_push(folder, repo)
        if self.pending is not None:
            self.take_answer()
        job = wait_until(lambda: self.job_of(repo), "the job")
        watched = self.box.batuta("hf", "jobs", "watch", job["id"])
        self.assertEqual(watched.code, 0, watched.out + watched.err + self.box.daemon_log()[-4000:])
        self.assert_hub_has(repo, folder)
        self.assert_each_file_was_committed_once(repo, folder)
        self.daemon.terminate()
        self.assertEqual(self.daemon.wait(60), 0)
        self.box.processes.remove(self.daemon)

    def assert_each_file_was_committed_once(self, repo, folder):
        commits = self.commits(repo)
        self.assertGreater(len(commits), 0)
        known = [commit["id"] for commit in self.pages(f"/api/datasets/{repo}/commits/main")]
        brought = collections.Counter()
        for after, before in zip(known, known[1:]):
            paths = self.changed_between(repo, before, after)
            self.assertNotEqual(paths, [], f"a commit that changes nothing: {commits}")
            brought.update(paths)
        brought.pop(".gitattributes", None)  # the hub's own
        self.assertEqual([path for path, times in brought.items() if times > 1], [], commits)
        small = sum(1 for path in folder.rglob("*") if path.is_file())
        if small <= 1_000:
            self.assertEqual(len(commits), 1, commits)
        self.assertEqual(len({commit["title"] for commit in commits}), len(commits), commits)

    def changed_between(self, repo, before, after):
        with urllib.request.urlopen(f"{self.hub.endpoint}/api/datasets/{repo}/compare/{before}..{after}?raw=true", timeout=PATIENCE_S) as answer:
            return [line.split("\t", 1)[1] for line in answer.read().decode().splitlines()]

    def sent_again(self):
        """Bytes of what was stored and then sent again, but for what was answered in the moment of a kill."""
        stored = collections.defaultdict(list)
        for entry in self.puts():
            if entry["status"] == 200:
                # /upload/OBJECT or /upload/OBJECT/UPLOAD/PART: also under another upload it is the same part.
                pieces = entry["path"].split("/")
                stored[(pieces[2], pieces[4] if len(pieces) > 4 else "")].append(entry)
        again = excused = 0
        for entries in stored.values():
            for entry in entries[:-1]:
                # The hub may also store what it has received after nobody is there any more to hear of it.
                if any(entry["start_ms"] <= kill <= entry["end_ms"] + GRACE_MS for kill in self.kills_ms):
                    excused += entry["body_bytes_received"]
                else:
                    again += entry["body_bytes_received"]
        return again, excused

    def test_no_kill_costs_what_was_stored_or_makes_a_commit_twice(self):
        print(f"\n{KILLS} kills, BATUTA_KILLS_SEED={SEED}", flush=True)
        begin = time.monotonic()
        number = 0
        while len(self.kills_ms) < KILLS:
            self.one_push(number)
            number += 1
        again, excused = self.sent_again()
        stored = sum(entry["body_bytes_received"] for entry in self.puts() if entry["status"] == 200)
        cut = self.stored_bytes() - stored
        print(f"{number} pushes, {len(self.kills_ms)} kills, {time.monotonic() - begin:.1f} s: {stored:,} bytes stored, {cut:,} cut off by kills, "
              f"{excused:,} stored in the moment of a kill and sent again, {again:,} sent again otherwise")
        self.assertEqual(again, 0)


class PushInterruptedTest(PushTest):
    def setUp(self):
        super().setUp()
        self.daemon = self.box.daemon()
        self.write({"README.md": "---\nlicense: mit\n---\n", "a.safetensors": make_weights(1, 4 * PART), "b.txt": "b\n"})

    def kill_and_start_again(self):
        kill_9(self.daemon)
        self.hub.clear_faults()
        self.daemon = self.box.daemon()

    def end_of_the_job(self):
        job = self.box.batuta("hf", "jobs", "ls", "--format", "json").json["jobs"][0]
        watched = self.box.batuta("hf", "jobs", "watch", job["id"])
        self.assertEqual(watched.code, 0, watched.out + watched.err + self.box.daemon_log()[-4000:])

    def test_commit_whose_answer_was_lost_by_a_kill_is_found(self):
        self.hub.fault(kind="stall", path="/commit/", method="POST", at_bytes=0, duration_ms=0)  # made, and its answer has no body
        self.box.batuta("hf", "push", "dataset", str(self.folder), "--repo", "acme/data", "--yes", "--detach")
        wait_until(lambda: [entry for entry in self.hub.requests() if "/commit/" in entry["path"] and entry["status"] == 200], "the commit")
        self.kill_and_start_again()
        self.end_of_the_job()
        self.assert_hub_has("acme/data")
        self.assertEqual(len(self.commits("acme/data")), 1)

    def test_pull_request_whose_opening_was_lost_by_a_kill_is_not_opened_twice(self):
        self.push("acme/data")
        self.write({"b.txt": "c\n"})
        self.hub.fault(kind="stall", path="/datasets/acme/data/commit", method="POST", at_bytes=0, duration_ms=0)
        self.box.batuta("hf", "push", "dataset", str(self.folder), "--repo", "acme/data", "--yes", "--detach", "--create-pr")
        wait_until(lambda: self.ask("/api/datasets/acme/data/discussions")[0]["count"], "the pull request")
        self.kill_and_start_again()
        self.end_of_the_job()
        self.assertEqual(self.ask("/api/datasets/acme/data/discussions")[0]["count"], 1)
        self.assert_hub_has("acme/data", revision="refs/pr/1")
        self.assertEqual(len(self.commits("acme/data", revision="refs/pr/1")), 2)

    def test_links_that_expire_while_the_daemon_is_away(self):
        self.hub.fault(kind="expired", path="/lfs/objects/batch")
        self.push("acme/data")
        self.assert_hub_has("acme/data")
        self.assertEqual(len(self.commits("acme/data")), 1)

    def test_push_that_was_begun_for_one_hub_goes_to_no_other(self):
        # It would be a new repo at the other one as well.
        self.hub.fault(kind="latency", path="/api/repos/create", duration_ms=60_000)
        self.box.batuta("hf", "push", "dataset", str(self.folder), "--repo", "acme/data", "--yes", "--detach")
        wait_until(lambda: self.hub.count("/api/repos/create"), "the repo to be asked for")
        kill_9(self.daemon)
        other = self.box.hub(self.box.folder / "hub-root", ["--no-rate-limits"])
        self.daemon = self.box.daemon()
        ended = ("done", "failed", "waiting")
        job = wait_until(lambda: [job for job in self.box.batuta("hf", "jobs", "ls", "--format", "json").json["jobs"] if job["state"] in ended], "the end")[0]
        self.assertEqual(job["state"], "failed", job)
        self.assertEqual(job["error"]["reason"], "DAEMON_MISMATCH")
        self.assertIn(self.hub.endpoint, job["error"]["message"])
        self.assertEqual(other.requests(), [])

    def test_push_again_after_a_cancelled_one_is_whole(self):
        self.hub.fault(kind="stall_upload", listener="cdn", path="*/4", at_bytes=1000, duration_ms=0)
        self.box.batuta("hf", "push", "dataset", str(self.folder), "--repo", "acme/data", "--yes", "--detach")
        wait_until(lambda: sum(1 for entry in self.puts() if entry["status"] == 200) == 3, "three parts")
        job = self.box.batuta("hf", "jobs", "ls", "--format", "json").json["jobs"][0]
        self.assertEqual(self.box.batuta("hf", "jobs", "cancel", job["id"]).code, 0)
        self.hub.clear_faults()
        self.assertEqual(self.commits("acme/data"), [])
        self.push("acme/data")
        self.assert_hub_has("acme/data")
        self.assertEqual(len(self.commits("acme/data")), 1)


class TokenOfTheCallerTest(PushTest):
    """A token that only the caller has is written down nowhere, so the job waits for it when the daemon was started again."""

    def setUp(self):
        super().setUp()
        (self.box.home / ".cache" / "huggingface" / "token").unlink()
        self.write({"parts.safetensors": make_weights(1, 5 * PART)})

    def begin(self, *args):
        """A push of which the first bytes are on their way, and its daemon."""
        daemon = self.box.daemon()
        self.hub.fault(kind="slow_upload", listener="cdn", count="always", bytes_per_second=400_000)
        process = self.box.start_batuta("hf", "push", "dataset", str(self.folder), "--repo", "acme/mine", "--yes", *args, env={"HF_TOKEN": TOKEN})
        wait_until(self.puts, "the first bytes")
        return process, daemon

    def restart(self, daemon):
        kill_9(daemon)
        self.box.processes.remove(daemon)
        self.hub.clear_faults()
        self.box.daemon()

    def test_the_command_that_waits_brings_its_token_again(self):
        process, daemon = self.begin()
        self.restart(daemon)
        _, err = process.communicate(timeout=PATIENCE_S)
        self.box.processes.remove(process)
        self.assertEqual(process.returncode, 0, err)
        self.assertEqual(len(self.commits("acme/mine")), 1)

    def test_a_watch_brings_a_token(self):
        process, daemon = self.begin("--detach", "--format", "quiet")
        job, _ = process.communicate(timeout=PATIENCE_S)
        self.box.processes.remove(process)
        self.restart(daemon)
        watched = self.box.batuta("hf", "jobs", "watch", job.strip(), env={"HF_TOKEN": TOKEN})
        self.assertEqual(watched.code, 0, watched.err)
        self.assertEqual(len(self.commits("acme/mine")), 1)


if __name__ == "__main__":
    unittest.main()
