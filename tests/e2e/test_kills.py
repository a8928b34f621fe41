"""Hundreds of kill -9 at random moments, while jobs of all sizes are started, paused, resumed, cancelled and re-prioritised.

The oracle: no wrong byte is ever published, no job that was answered for is lost or changes its mind, and when all is over
nothing is left of what was under way. BATUTA_KILLS=5000 runs longer; BATUTA_KILLS_SEED=N makes the same choices again, though
what they meet depends on time.
"""

import collections
import os
import random
import socket
import time
import unittest

import catalog
from harness import PATIENCE_S, EndToEndTest, kill_9, wait_until
from watcher import Watcher, leftovers

KILLS = int(os.environ.get("BATUTA_KILLS", "300"))
SEED = int(os.environ.get("BATUTA_KILLS_SEED", random.SystemRandom().randrange(1 << 32)))

ENDED = {"done", "cancelled"}
GOING_ON = {"queued", "running", "waiting", "done"}
LEGAL = GOING_ON | {"paused", "cancelled"}
MOST_ACTIVE = 5
MOST_ENDED = 100  # the daemon itself remembers twice as many


class Job:
    """What the oracle knows of one job: the last state it saw, and what has been asked since."""

    def __init__(self, job_id, repo):
        self.id = job_id
        self.repo = repo
        self.state = "queued"
        self.was_done_before = False  # was seen as done by a later daemon, too
        self.asked = []  # (verb, was it answered) since the last look; verbs: pause, resume, cancel

    def allowed(self):
        """The states that it may be in at the next look."""
        allowed = {self.state} if self.state in ENDED | {"paused"} else GOING_ON
        if self.state == "done" and not self.was_done_before:
            allowed = GOING_ON  # the kill may have come before that was written down: it is found again
        for verb, was_answered in self.asked:
            after = {"pause": {"paused"}, "cancel": {"cancelled"}, "resume": GOING_ON}[verb]
            # What had ended stays ended, and what got no answer may have happened or not.
            kept = allowed if not was_answered else allowed & ENDED
            allowed = kept | after
        return allowed


class KillsTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.rng = random.Random(SEED)
        self.hub = self.box.hub(args=["--no-rate-limits"])
        # Slow enough that a job lives through some kills.
        self.hub.fault(kind="slow", listener="cdn", count="always", bytes_per_second=1_500_000)
        self.jobs = {}
        self.forgotten = set()  # ended long ago
        self.wanted = set()  # repos that some job is about: a StartPull may be killed before it is heard
        self.cancelled = set()  # those of cancelled jobs
        self.blobs = {}  # repo → path → blob
        self.pending = []  # commands that have not answered yet: (process, what to do with the answer)
        self.counts = collections.Counter()
        self.daemon = None

    # --- the workload ---

    def make_repo(self):
        number = len(self.blobs)
        repo, seed = f"acme/load-{number}", 1_000 * number
        kind = ("large", "many", "mixed")[number % 3]
        if kind == "large":
            files = {"data.parquet": {"size": 24_000_000, "seed": seed}, "info.json": f'{{"n": {number}}}'}
        elif kind == "many":
            files = {f"part/{i:03}.txt": {"size": self.rng.randrange(1, 30_000), "seed": seed + i} for i in range(150)}
        else:
            files = {f"shard-{i}.parquet": {"size": self.rng.randrange(300_000, 6_000_000), "seed": seed + i} for i in range(5)}
            # The same bytes as in the two repos of this kind beside it.
            files["shared.parquet"] = {"size": 8_000_000, "seed": 7 + number // 9}
        self.hub.commit(repo, files, kind="dataset")
        self.blobs[repo] = self.hub.blobs(repo, list(files), kind="dataset")
        return repo

    def active(self):
        return [job for job in self.jobs.values() if job.state not in ENDED]

    def start(self):
        repo = self.make_repo()
        priority = self.rng.choice(["interactive", "normal", "background"])

        def note(code, out):
            if code == 0:
                self.jobs[out.strip()] = Job(out.strip(), repo)
                self.counts["started"] += 1

        self.ask(["pull", "dataset", repo, "--detach", "--priority", priority], note)

    def change(self, verb, job):
        job.asked.append((verb, False))
        place = len(job.asked) - 1

        def note(code, _):
            if code == 0:
                job.asked[place] = (verb, True)
                self.counts[verb] += 1

        self.ask(["jobs", verb, job.id], note)

    def reprioritise(self, job):
        self.ask(["jobs", "priority", self.rng.choice(["interactive", "normal", "background"]), job.id], lambda code, out: None)

    def act(self):
        active = [job for job in self.active() if not job.asked]
        paused = [job for job in active if job.state == "paused"]
        if len(active) - len(paused) < MOST_ACTIVE and self.rng.random() < 0.6:
            self.start()
            return
        choice = self.rng.random()
        if choice < 0.35 and paused:
            self.change("resume", self.rng.choice(paused))
        elif choice < 0.7 and active:
            self.change("pause", self.rng.choice(active))
        elif choice < 0.8 and active:
            self.change("cancel", self.rng.choice(active))
        elif active:
            self.reprioritise(self.rng.choice(active))

    def ask(self, arguments, note):
        self.pending.append((self.box.start_batuta("hf", *arguments, "--format", "quiet"), note))

    def take_answers(self):
        for process, note in self.pending:
            out, _ = process.communicate(timeout=60)
            self.box.processes.remove(process)
            note(process.returncode, out)
        self.pending = []

    # --- the daemon ---

    def start_daemon(self):
        self.daemon = self.box.daemon(wait=False)

    def is_up(self):
        self.assertIsNone(self.daemon.poll(), "the daemon ended by itself")
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.box.socket)) == 0

    def kill(self):
        kill_9(self.daemon)
        self.box.processes.remove(self.daemon)

    def sleep_up_to(self, longest_s):
        time.sleep(self.rng.random() * longest_s)  # the moment itself is random; nothing waits for it

    # --- the oracle ---

    def look(self):
        """Every job that was answered for is there, in a state that follows from what was asked of it."""
        listed = {job["id"]: job for job in self.box.batuta("hf", "jobs", "ls", "--format", "json").json["jobs"]}
        for job_id, seen in listed.items():
            if job_id not in self.jobs and job_id not in self.forgotten:  # its StartPull was cut off from its answer
                self.jobs[job_id] = Job(job_id, seen["repo"])
                self.counts["adopted"] += 1
        for job in self.jobs.values():
            self.assertIn(job.id, listed, f"job {job.id} of {job.repo} is lost")
            self.wanted.add(job.repo)
            state = listed[job.id]["state"]
            self.assertIn(state, LEGAL, listed[job.id])
            self.assertIn(state, job.allowed(), f"job {job.id}: was {job.state}, then {job.asked}")
            if state == "cancelled":
                self.cancelled.add(job.repo)
            if state in ENDED and job.state not in ENDED:
                self.counts[state] += 1
            job.was_done_before = state == job.state == "done"
            job.state, job.asked = state, []
        ended = [job for job in self.jobs.values() if job.state in ENDED]
        for job in ended[:-MOST_ENDED]:
            self.forgotten.add(job.id)
            del self.jobs[job.id]

    def test_no_kill_breaks_a_promise(self):
        print(f"\n{KILLS} kills, BATUTA_KILLS_SEED={SEED}", flush=True)
        begin = time.monotonic()
        with Watcher(self.box.cache) as watcher:
            for _ in range(KILLS):
                self.one_life()
                self.assertEqual(watcher.faults, [])
            killing_s = time.monotonic() - begin
            self.end_all_jobs()
        print(f"killed for {killing_s:.1f} s, {time.monotonic() - begin:.1f} s in all: {dict(self.counts)}; "
              f"{watcher.scans} scans saw {len(watcher.blobs_seen)} blobs")
        self.assertEqual(watcher.faults, [])
        self.assert_nothing_is_left()
        self.assert_tree_is_sound()

    def one_life(self):
        self.start_daemon()
        if self.rng.random() < 0.1:  # also while it starts
            self.sleep_up_to(0.15)
            self.kill()
            return
        wait_until(self.is_up, "the daemon to answer")
        self.take_answers()
        self.look()
        for _ in range(self.rng.randrange(3)):
            self.act()
        self.sleep_up_to(0.25)
        self.kill()

    def end_all_jobs(self):
        self.hub.clear_faults()
        self.start_daemon()
        wait_until(self.is_up, "the daemon to answer")
        self.take_answers()
        self.look()
        self.box.batuta("hf", "jobs", "resume", "--all")
        for job in self.active():
            job.asked.append(("resume", True))
        deadline = time.monotonic() + PATIENCE_S
        while left := self.box.batuta("hf", "jobs", "ls", "--active", "--format", "json").json["jobs"]:
            self.assertLess(time.monotonic(), deadline, f"jobs that do not end: {left}")
        self.look()

    def assert_nothing_is_left(self):
        # Of a cancelled job what had arrived may be kept: a later pull begins with it.
        may_keep = {self.folder_of(repo) for repo in self.cancelled}
        strays = [str(path) for path in leftovers(self.box.cache) if may_keep.isdisjoint(path.parents)]
        self.assertEqual(strays, [], "left by jobs that are done")
        for repo in self.cancelled:
            self.box.pull("dataset", repo)
        for repo in self.wanted:
            snapshot = next((self.folder_of(repo) / "snapshots").iterdir())
            found = {str(path.relative_to(snapshot)): path.readlink().name for path in snapshot.rglob("*") if path.is_symlink()}
            self.assertEqual(found, self.blobs[repo], repo)
        # The next start is when what a crash left is swept up.
        self.restart_and_stop()
        self.assertEqual([str(path) for path in leftovers(self.box.cache)], [])
        table = self.box.state / "catalog"
        self.assertEqual(catalog.keys(table, catalog.PARTIALS), [])
        self.assertNotEqual(catalog.keys(table, catalog.JOBS), [], "the catalog can be read")

    def restart_and_stop(self):
        kill_9(self.daemon)
        self.start_daemon()
        wait_until(self.is_up, "the daemon to answer")
        self.daemon.terminate()
        self.assertEqual(self.daemon.wait(60), 0)

    def folder_of(self, repo):
        return self.box.cache / ("datasets--" + repo.replace("/", "--"))


if __name__ == "__main__":
    unittest.main()
