"""Questions to the hub wait out its rate limit, visibly, and are answered in the end."""

import json
import re
import signal
import unittest

from harness import EndToEndTest, SLOWNESS, wait_until
from terminal import Terminal

WAITING = r"waiting: rate limit, resumes in (\d+) s"


class QuestionTest(EndToEndTest):
    API = 3
    HUB = ("--anonymous-api", str(API), "--window-ms", str(6000 + 3000 * (SLOWNESS > 1)))

    def setUp(self):
        super().setUp()
        self.hub = self.box.hub(args=self.HUB)
        self.hub.commit("acme/otter", {"config.json": "{}"})
        self.box.daemon()
        for number in range(self.API):
            self.assertEqual(self.box.batuta("hf", "search", "models", f"spent-{number}").code, 0)

    def test_waits_with_a_line_in_a_pipe_and_an_event_or_not_at_all(self):
        pipe = self.box.start_batuta("hf", "info", "model", "acme/otter", "--format", "human")
        events = self.box.start_batuta("hf", "search", "models", "otter", "--events")
        files = self.box.start_batuta("hf", "files", "model", "acme/otter", "--format", "quiet")
        plan = self.box.start_batuta("hf", "pull", "model", "acme/otter", "--dry-run", "--format", "json")
        for command in (["info", "model", "acme/otter"], ["search", "models", "x"], ["files", "model", "acme/otter"],
                        ["pull", "model", "acme/otter", "--dry-run"]):
            result = self.box.batuta("hf", *command, "--no-wait", "--format", "json")
            self.assertEqual((result.code, result.error["reason"]), (6, "HUB_RATE_LIMITED"), command)

        out, err = pipe.communicate()
        self.assertEqual(pipe.returncode, 0, err)
        self.assertIn("acme/otter", out)
        # The plan asks the same: whoever is answered second is told how old the answer is.
        said = [line for line in err.splitlines() if not line.startswith("as of ")]
        self.assertEqual(len(re.findall(WAITING, err)), len(said), err)
        self.assertRegex(err, WAITING)
        out, err = events.communicate()
        self.assertEqual(events.returncode, 0, err)
        first = json.loads(out.splitlines()[0])
        self.assertEqual((first["event"], first["reason"]), ("waiting", "rate limit"))
        self.assertRegex(first["until"], r"^\d{4}-\d\d-\d\dT")
        out, err = files.communicate()
        self.assertEqual((files.returncode, out), (0, "config.json\n"), err)
        out, err = plan.communicate()
        self.assertEqual(plan.returncode, 0, err)
        self.assertEqual(json.loads(out)["files"][0]["path"], "config.json")
        self.assertNotIn("429", self.hub.stats()["by_status"])

    def test_counts_down_on_a_terminal_and_ctrl_c_leaves(self):
        answered = Terminal(self.box, "hf", "info", "model", "acme/otter")
        left = Terminal(self.box, "hf", "search", "models", "otter")
        left.wait_for(WAITING, "a countdown")
        left.press("\x03")
        self.assertEqual(left.wait(), -signal.SIGINT)
        self.assertEqual(answered.wait(), 0)
        counts = [int(count) for count in re.findall(WAITING, answered.text)]
        self.assertGreater(len(set(counts)), 1, "it counts")
        self.assertEqual(counts, sorted(counts, reverse=True))
        self.assertIn("acme/otter", answered.text)

    def test_watched_limits_count_down_between_the_news_on_any_terminal(self):
        watched = Terminal(self.box, "hf", "limits", "--watch", columns=64)
        wait_until(lambda: len(set(re.findall(r"in (\d+) s", watched.text))) >= 3, "the reset to come nearer")
        watched.press("\x03")
        self.assertEqual(watched.wait(), -signal.SIGINT)
        lines = [line for line in watched.text.splitlines() if line.strip() and "^C" not in line]
        self.assertLessEqual(max(map(len, lines)), 64)


if __name__ == "__main__":
    unittest.main()
