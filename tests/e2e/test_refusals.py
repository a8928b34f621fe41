"""A hub that refuses: everything waits, visibly, nothing is sent before the time, and the work ends by itself."""

import datetime
import email.utils
import json
import re
import signal
import time
import unittest

from harness import EndToEndTest, SLOWNESS, kill_9, small_files, wait_until
from terminal import Terminal

# Between a refusal that leaves the hub and the last request that was sent before it was heard of. Generous: machines are busy.
ON_ITS_WAY_MS = 1000 * SLOWNESS

COUNTDOWN = r"waiting: rate limit, resumes in (\d+) s"


class RefusalCase(EndToEndTest):
    HUB = ()

    def setUp(self):
        super().setUp()
        self.hub = self.box.hub(args=self.HUB)
        self.process = self.box.daemon()

    def commit(self, repo, files):
        """A dataset of small files, each of which costs two requests, for the redirect and for the file."""
        self.hub.commit(repo, small_files(files, repo), kind="dataset")

    def detach(self, repo):
        result = self.box.batuta("hf", "pull", "dataset", repo, "--detach", "--format", "quiet")
        self.assertEqual(result.code, 0, result.err)
        return result.out.strip()

    def job(self, job_id):
        return next(job for job in self.box.batuta("hf", "jobs", "ls", "--format", "json").json["jobs"] if job["id"] == job_id)

    def wait_for_state(self, job_id, state):
        return wait_until(lambda: (job := self.job(job_id))["state"] == state and job, f"job {job_id} to be {state}")

    def window(self, kind):
        windows = self.box.batuta("hf", "limits", "--format", "json").json["windows"]
        return next(window for window in windows if window["kind"] == kind)

    def reset(self, kind="resolvers"):
        """In seconds since the epoch."""
        return datetime.datetime.fromisoformat(self.window(kind)["resets_at"]).timestamp()

    def requests(self, bucket="resolvers"):
        return [entry for entry in self.hub.requests() if entry["bucket"] == bucket]

    def first_refusal(self):
        return next(entry for entry in self.requests() if entry["status"] in (429, 503))

    def assert_silence(self, since_ms, until_ms, bucket="resolvers"):
        late = [entry["start_ms"] - since_ms for entry in self.requests(bucket)
                if since_ms + ON_ITS_WAY_MS < entry["start_ms"] < until_ms]
        self.assertEqual(late, [], f"requests in the {until_ms - since_ms:.0f} ms in which there should be none, in ms after the refusal")


class WithoutWarningTest(RefusalCase):
    """No answer tells of the quota; the 429 says when to come back."""

    WINDOW_MS = round(8000 * min(SLOWNESS, 3))
    HUB = ("--quota-fields", "refusal", "--anonymous-resolvers", "50", "--window-ms", str(WINDOW_MS))

    def test_no_request_before_the_reset_and_everybody_is_told(self):
        self.commit("acme/long", 40)
        for name in ("terminal", "pipe", "events"):
            self.commit(f"acme/{name}", 2)
        spender = self.detach("acme/long")
        self.wait_for_state(spender, "waiting")
        self.assertEqual(self.window("resolvers")["remaining"], 0)

        terminal = Terminal(self.box, "hf", "pull", "dataset", "acme/terminal")
        pipe = self.box.start_batuta("hf", "pull", "dataset", "acme/pipe")
        events = self.box.start_batuta("hf", "pull", "dataset", "acme/events", "--events")

        self.assertEqual(terminal.wait(), 0, terminal.text)
        shown = [int(seconds) for seconds in re.findall(COUNTDOWN, terminal.text)]
        self.assertGreaterEqual(len(set(shown)), 2, f"a countdown that counts: {terminal.text!r}")
        self.assertEqual(shown, sorted(shown, reverse=True))

        _, err = pipe.communicate()
        self.assertEqual(pipe.returncode, 0, err)
        lines = [line for line in err.splitlines() if "rate limit" in line]
        self.assertIn(len(lines), (1, 1 + self.WINDOW_MS // 10_000), f"one line, and one more every 10 s: {err}")
        self.assertRegex(lines[0], COUNTDOWN)

        out, err = events.communicate()
        self.assertEqual(events.returncode, 0, err)
        jobs = [event for event in map(json.loads, out.splitlines()) if event.get("event") == "job"]
        waiting = next(event for event in jobs if event["state"] == "waiting")
        self.assertEqual(waiting["waiting_reason"], "rate limit")
        self.assertTrue(waiting["waiting_until"])
        self.assertEqual(jobs[-1]["state"], "done")

        self.wait_for_state(spender, "done")
        refused_ms = self.first_refusal()["start_ms"]
        window = next(window for window in self.hub.windows() if window["refused"])
        self.assert_silence(refused_ms, window["start_ms"] + self.WINDOW_MS)
        refusals = [entry for entry in self.requests() if entry["status"] == 429]
        self.assertLess(max(entry["start_ms"] for entry in refusals), refused_ms + ON_ITS_WAY_MS, "one window, one round of refusals")
        self.assert_tree_is_sound()


class UnknownLengthTest(RefusalCase):
    """Not even the 429 says when to come back."""

    HUB = ("--quota-fields", "none", "--anonymous-resolvers", "40", "--window-ms", "4000")

    def test_one_request_at_a_time_asks_whether_the_window_is_open(self):
        self.commit("acme/long", 35)
        # So that whoever does not wait for the answer to the first has time to send more.
        self.hub.fault(kind="latency", duration_ms=200, count="always")
        self.wait_for_state(self.detach("acme/long"), "done")

        refused_ms = self.first_refusal()["start_ms"]
        window = next(window for window in self.hub.windows() if window["refused"])
        probes = [entry["start_ms"] for entry in self.requests()
                  if refused_ms + min(ON_ITS_WAY_MS, 900) < entry["start_ms"] < window["start_ms"] + 4000]
        # After 1, 2, 4 seconds.
        self.assertLessEqual(len(probes), 2, [probe - refused_ms for probe in probes])
        self.assert_tree_is_sound()


class ScriptedRefusalTest(RefusalCase):
    HUB = ("--no-rate-limits",)

    def refuse(self, seconds, path="/resolve/", status=429, retry_after=None):
        self.hub.fault(kind="status", path=path, status=status, count=1, headers={"Retry-After": retry_after or str(seconds)})

    def test_ctrl_c_leaves_and_the_job_ends_by_itself(self):
        self.commit("acme/otter", 1)
        self.refuse(4)
        terminal = Terminal(self.box, "hf", "pull", "dataset", "acme/otter")
        terminal.wait_for(r"Pull it\?", "the question about a namespace that is new")
        terminal.press("y\r")
        terminal.wait_for(COUNTDOWN, "a countdown")
        terminal.press("\x03")
        terminal.wait_for(r"Leave job .* running in the background\?", "the question")
        terminal.press("\r")
        self.assertEqual(terminal.wait(), 130, terminal.text)
        job = self.box.batuta("hf", "jobs", "ls", "--format", "json").json["jobs"][0]
        self.assertEqual(job["state"], "waiting")
        self.wait_for_state(job["id"], "done")

    def test_who_will_not_wait_is_told_at_once_and_nothing_is_sent(self):
        for repo in ("acme/otter", "acme/impatient"):
            self.commit(repo, 1)
        self.refuse(300)
        self.wait_for_state(self.detach("acme/otter"), "waiting")
        error = self.box.pull("dataset", "acme/impatient", "--no-wait", code=6)
        self.assertEqual(error["reason"], "HUB_RATE_LIMITED")
        self.assertEqual(len(self.requests()), 1, "only the one that was refused")

    def test_an_interrupt_without_a_terminal_leaves_too(self):
        self.commit("acme/otter", 1)
        self.refuse(3)
        client = self.box.start_batuta("hf", "pull", "dataset", "acme/otter", "--format", "json")
        job = wait_until(lambda: self.box.batuta("hf", "jobs", "ls", "--format", "json").json["jobs"], "a job")[0]["id"]
        self.wait_for_state(job, "waiting")
        client.send_signal(signal.SIGINT)
        _, err = client.communicate()
        self.assertEqual(client.returncode, 130, err)
        self.wait_for_state(job, "done")

    def test_a_503_is_waited_out_for_the_time_it_asks_in_both_forms(self):
        for form in ("seconds", "date"):
            with self.subTest(form):
                self.commit(f"acme/{form}", 1)
                self.hub.clear_log()
                # A date has whole seconds: the one that follows in two to three seconds.
                resumes_at = int(time.time()) + 3
                date = email.utils.formatdate(resumes_at, usegmt=True)
                self.refuse(2, path="/tree/", status=503, retry_after="2" if form == "seconds" else date)
                job = self.detach(f"acme/{form}")
                waiting = self.wait_for_state(job, "waiting")
                self.assertIn("busy", waiting["waiting_reason"])
                self.wait_for_state(job, "done")

                tries = [entry for entry in self.requests("api") if "/tree/" in entry["path"]]
                self.assertEqual([entry["status"] for entry in tries], [503, 200])
                until_ms = tries[0]["start_ms"] + 2000 if form == "seconds" else resumes_at * 1000
                self.assertGreaterEqual(tries[1]["start_ms"], until_ms)

    def test_a_restart_and_a_kill_leave_a_closed_window_closed(self):
        self.commit("acme/otter", 5)
        self.refuse(300)
        job = self.detach("acme/otter")
        self.wait_for_state(job, "waiting")
        closed_until = self.reset()
        refused = len(self.requests())

        for end in (lambda: (self.process.terminate(), self.process.wait()), lambda: kill_9(self.process)):
            end()
            self.process = self.box.daemon()
            self.assertEqual(self.window("resolvers")["remaining"], 0)
            self.assertAlmostEqual(self.reset(), closed_until, delta=2)
            self.wait_for_state(job, "waiting")
        self.assertEqual(len(self.requests()), refused, "nothing was sent after the refusal")

    def test_what_was_killed_in_a_closed_window_goes_on_at_its_reset(self):
        closed_ms = 4000
        self.commit("acme/otter", 5)
        self.refuse(closed_ms // 1000)
        job = self.detach("acme/otter")
        self.wait_for_state(job, "waiting")
        kill_9(self.process)
        self.process = self.box.daemon()
        self.wait_for_state(job, "done")
        refused_ms = self.first_refusal()["start_ms"]
        self.assert_silence(refused_ms, refused_ms + closed_ms)
        self.assert_tree_is_sound()


if __name__ == "__main__":
    unittest.main()
