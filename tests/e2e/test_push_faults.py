"""Everything that may go wrong at the hub or its store while something is pushed: it is got over, or the error is clear and nothing is half."""

import json
import time
import unittest

import test_fault_matrix
from harness import SLOWNESS, make_weights, wait_until
from push_world import PART, PushTest, paths_of

STALL_TIMEOUT_S = 2
PUT = dict(listener="cdn", method="PUT")

# (what happens, the rule): once, and the push gets over it by itself.
PASSING = [
    ("a part's link has expired", dict(kind="expired", **PUT)),
    ("all links have expired when they are handed out", dict(kind="expired", path="/lfs/objects/batch")),
    ("the store refuses before it has read the part", dict(kind="status_early", status=403, body="<Error/>", **PUT)),
    ("the store is busy", dict(kind="status", status=503, body="<Error><Code>SlowDown</Code></Error>", **PUT)),
    ("the store has trouble after it took the part", dict(kind="status_after", status=500, **PUT)),
    ("the answer to a part has no ETag", dict(kind="drop_header", value="ETag", **PUT)),
    ("the answer to a part has another ETag", dict(kind="etag", value='"other"', **PUT)),
    ("a part is cut off", dict(kind="cut_upload", at_bytes=200_000, **PUT)),
    ("a part is reset", dict(kind="reset", **PUT)),
    ("a part stalls", dict(kind="stall_upload", at_bytes=100_000, **PUT)),
    ("the answer to a part stays away", dict(kind="latency", **PUT)),
    ("completion fails", dict(kind="status", path="/complete_multipart/", status=500)),
    ("completion succeeds and its answer is lost", dict(kind="status_after", path="/complete_multipart/", status=504)),
    ("the object is not there yet when it is verified", dict(kind="status", path="/lfs/verify", status=404)),
    ("the batch cannot be had", dict(kind="status", path="/lfs/objects/batch", status=502)),
    ("the batch is no JSON", dict(kind="reset", path="/lfs/objects/batch")),
    ("preupload cannot be had", dict(kind="status", path="/preupload/", status=500)),
    ("making the repo fails", dict(kind="status", path="/api/repos/create", status=500)),
    ("making the repo succeeds and its answer is lost", dict(kind="status_after", path="/api/repos/create", status=504)),
    ("the commit cannot be had", dict(kind="status", path="/commit/main", status=503)),
    ("the commit succeeds and answers 504", dict(kind="status_after", path="/commit/main", status=504)),
    ("the commit succeeds and its answer is cut", dict(kind="cut", path="/commit/main", at_bytes=5)),
    ("the commit is reset", dict(kind="reset", path="/commit/main")),
    ("there were too many commits", dict(kind="status", path="/commit/main", status=429, headers={"Retry-After": "1"})),
    ("preupload changes its mind", dict(kind="flip_mode", count="always", value="*.txt")),
    ("the store is slow", dict(kind="slow_upload", count="always", bytes_per_second=2_000_000, **PUT)),
]

# (what happens, the rule, exit code, what the message names): it lasts, and no push can get over it.
LASTING = [
    ("an object is refused", dict(kind="object_error", status=422, body="this object is too rude"), 1, "too rude"),
    ("a link is missing", dict(kind="missing_part"), 1, ""),
    ("the commit is refused", dict(kind="status", path="/commit/main", status=400, body='{"error":"a rule of acme"}'), 1, "a rule of acme"),
    ("the commit is too large", dict(kind="status", path="/commit/main", status=413, body='{"error":"too big"}'), 1, ""),
    ("the token may not write", dict(kind="status", path="/commit/main", status=403, body='{"error":"read only"}'), 5, ""),
    ("the store is away", dict(kind="reset", **PUT), 6, ""),
    ("the store answers nonsense", dict(kind="drop_header", value="ETag", **PUT), None, ""),
]


class PushFaultsTest(PushTest):
    HUB_ARGS = ("--hour-ms", "1000")

    def setUp(self):
        super().setUp()
        config = self.box.folder / "config" / "batuta"
        config.mkdir(parents=True)
        (config / "config.toml").write_text(f"[transfer]\nstall_timeout = {STALL_TIMEOUT_S}\n")
        self.daemon = self.box.daemon()

    def make_folder(self, number):
        folder = self.box.folder / f"work-{number}"
        self.write({"README.md": f"---\nlicense: mit\n---\n# {number}\n", "a.txt": f"{number}\n", "one.safetensors": make_weights(f"{number} one", 20_000),
                    "parts.safetensors": make_weights(f"{number} parts", 3 * PART + 7)}, folder)
        return folder

    def test_what_passes_is_got_over(self):
        for number, (name, rule) in enumerate(PASSING):
            with self.subTest(name):
                folder, repo = self.make_folder(number), f"acme/passing-{number}"
                fault = self.hub.fault(**{"count": 1, **rule})
                begin = time.monotonic()
                document = self.push(repo, folder=folder)
                elapsed = time.monotonic() - begin
                self.assertGreater(self.hub.fault_hits()[fault], 0, "nothing went wrong")
                self.hub.clear_faults()
                self.assert_hub_has(repo, folder)
                commit, = self.commits(repo)
                self.assertEqual(commit["id"], document["commit"])
                self.assertLessEqual(elapsed, 30 * SLOWNESS)
                print(f"{name}: {elapsed:.1f} s", flush=True)

    def test_what_lasts_ends_with_a_clear_error_and_nothing_half(self):
        for number, (name, rule, code, words) in enumerate(LASTING):
            with self.subTest(name):
                folder, repo = self.make_folder(100 + number), f"acme/lasting-{number}"
                self.hub.fault(**{"count": "always", **rule})
                result = self.box.batuta("hf", "push", "dataset", str(folder), "--repo", repo, "--yes", "--no-wait", "--format", "json")
                self.hub.clear_faults()
                self.assertIn(result.code, (code,) if code else (1, 6), result.out + result.err)
                self.assertIn(words, result.error["message"])
                self.assertEqual(self.commits(repo), [])
                self.push(repo, folder=folder)
                self.assert_hub_has(repo, folder)
                self.assertEqual(len(self.commits(repo)), 1)

    def test_stalled_part_costs_the_stall_timeout(self):
        folder = self.make_folder(200)
        self.hub.fault(kind="stall_upload", at_bytes=100_000, **PUT)
        begin = time.monotonic()
        self.push("acme/stall", folder=folder)
        self.assertLessEqual(time.monotonic() - begin, (STALL_TIMEOUT_S + 5) * SLOWNESS)
        self.assert_hub_has("acme/stall", folder)

    def test_branch_that_moved_is_never_overwritten(self):
        folder = self.make_folder(201)
        self.push("acme/moved", folder=folder)
        self.write({"a.txt": "ours\n", "parts.safetensors": make_weights("ours", 3 * PART)}, folder)
        self.hub.fault(kind="stall_upload", at_bytes=1000, duration_ms=1500, **PUT)
        process = self.box.start_batuta("hf", "push", "dataset", str(folder), "--repo", "acme/moved", "--yes", "--format", "json")
        wait_until(lambda: [entry for entry in self.puts() if entry["status"] == 0], "the upload to stall")
        theirs = self.hub.commit("acme/moved", {"theirs.txt": "theirs\n"}, kind="dataset")["commit"]
        out, err = process.communicate(timeout=300)
        self.box.processes.remove(process)
        if process.returncode != 0:
            # Not a terminal: it says what happened, and the same command plans anew.
            self.assertEqual(process.returncode, 1, out + err)
            self.assertIn("REVISION_MOVED", err)
            self.push("acme/moved", folder=folder)
        self.assert_hub_has("acme/moved", folder, beside=["theirs.txt"])
        ids = [commit["id"] for commit in self.commits("acme/moved")]
        self.assertEqual(len(ids), 3)
        self.assertEqual(ids[1], theirs)

    def test_what_others_do_to_the_same_file_is_seen(self):
        folder = self.make_folder(202)
        self.push("acme/both", folder=folder)
        self.hub.commit("acme/both", {"a.txt": "theirs\n"}, kind="dataset")
        document = self.push("acme/both", "--dry-run", folder=folder)
        self.assertEqual(paths_of(document["changed"]), ["a.txt"])

    def test_file_that_the_hub_ignores_is_left_out_and_said(self):
        folder = self.make_folder(203)
        self.hub.fault(kind="ignore_file", count="always", value="one.safetensors")
        self.push("acme/ignored", folder=folder)
        self.assertEqual(set(self.tree("acme/ignored")), {"README.md", "a.txt", "parts.safetensors"})
        # Where there is a repo to ask, it is known beforehand.
        self.assertEqual(self.push("acme/ignored", folder=folder)["changed"], [])
        self.write({"a.txt": "new\n"}, folder)
        self.assertEqual(paths_of(self.push("acme/ignored", "--dry-run", folder=folder)["changed"]), ["a.txt"])

    def test_card_that_the_hub_refuses_stops_the_push_before_a_byte_is_sent(self):
        folder = self.make_folder(204)
        self.write({"README.md": "---\nlicense: my-own\n---\n"}, folder)
        refused = self.push("acme/card", folder=folder, code=9)
        self.assertIn("license", refused.out + refused.err)
        self.assertEqual(self.puts(), [])
        self.assertEqual([entry for entry in self.hub.requests() if "/commit/" in entry["path"]], [])

    def test_every_fault_of_uploads_has_a_case(self):
        kinds = {rule["kind"] for _, rule in PASSING} | {rule["kind"] for _, rule, *_ in LASTING} | {"ignore_file"}
        self.assertLessEqual(test_fault_matrix.KINDS_OF_UPLOADS, kinds)


class PushQuotaTest(PushTest):
    HUB_ARGS = ("--commits-per-hour", "2", "--hour-ms", "4000")

    def test_spent_commit_quota_is_waited_for(self):
        self.box.daemon()
        for number in range(3):
            self.write({"a.txt": f"{number}\n"})
            self.push("acme/data")
        self.assertEqual(len(self.commits("acme/data")), 3)
        self.assertEqual(json.loads(self.content("acme/data", "a.txt")), 2)


if __name__ == "__main__":
    unittest.main()
