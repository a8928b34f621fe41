"""Nobody waits for the work of another: a pull of three files beside one of 10,000."""

import statistics
import time
import unittest

from harness import EndToEndTest, SLOWNESS, small_files, wait_until
from api_stubs import Tool

HUGE = 10_000  # files
ROUND_TRIP_S = 0.15

# Three files beside the work of others take at most 1.5 × their time alone and a round trip each. Alone it is four round trips: the
# revision, the tree, the redirects and the files side by side. In so many the others, who have at most 32 requests on the way, ask:
MOST_OF_OTHERS = round((1.5 * 4 + 3) * 32)


class FairnessCase(EndToEndTest):
    """A greedy tool drains a dataset of 10,000 files, a modest one wants three."""

    PARENT = "/dev/shm"  # the disk is not what is measured
    HUB = ()

    def setUp(self):
        super().setUp()
        self.hub = self.box.hub(args=self.HUB)
        self.hub.commit("acme/huge", small_files(HUGE, "huge"), kind="dataset")
        self.hub.fault(kind="latency", duration_ms=round(ROUND_TRIP_S * 1000), count="always")
        self.box.daemon()
        self.greedy, self.modest = Tool(self.box.socket, "greedy"), Tool(self.box.socket, "modest")
        self.addCleanup(self.greedy.close)
        self.addCleanup(self.modest.close)
        self.pulls = 0

    def three_files(self):
        """A dataset that nobody has pulled yet."""
        self.pulls += 1
        repo = f"acme/three-{self.pulls}"
        self.hub.commit(repo, small_files(3, repo), kind="dataset")
        return repo

    def time_of_pull(self, tool):
        """Of three files: the median of three pulls. None of them may have let more of others pass than it should."""
        times = []
        for _ in range(3):
            repo = self.three_files()
            begin = time.monotonic()
            tool.pull(repo)
            times.append(time.monotonic() - begin)
            self.assert_few_of_others(repo)
        return statistics.median(times)

    def assert_few_of_others(self, repo):
        """The log of the hub tells whether a pull had its turn also where the machine is too busy for times to mean much."""
        log = self.hub.requests()
        own = [entry["number"] for entry in log if f"{repo}/" in entry["path"]]
        others = [entry for entry in log if min(own) < entry["number"] < max(own) and f"{repo}/" not in entry["path"]]
        self.assertLessEqual(len(others), MOST_OF_OTHERS)

    def assert_soon(self, taken, alone):
        # Where three files take more than twice their four round trips alone, time says more of the machine than of the daemon.
        if alone < 2 * 4 * ROUND_TRIP_S:
            self.assertLessEqual(taken, 1.5 * alone + 3 * ROUND_TRIP_S)

    def drain(self):
        """Starts the greedy pull, and returns its job as soon as files of it arrive."""
        job = self.greedy.start("acme/huge")
        wait_until(lambda: self.hub.count("acme/huge/") > 200, "the greedy pull to be under way")
        return job


class FairnessTest(FairnessCase):
    HUB = ("--no-rate-limits",)

    def test_three_files_beside_ten_thousand_of_another_tool_or_of_the_same(self):
        before = self.time_of_pull(self.modest)
        job = self.drain()
        beside = self.time_of_pull(self.modest)
        same = self.time_of_pull(self.greedy)
        self.assertLess(self.hub.stats()["by_bucket"]["resolvers"], 2 * HUGE, "the greedy pull went on all the while")
        self.greedy.cancel(job)
        after = self.time_of_pull(self.modest)
        alone = max(before, after)
        print(f"three files alone: {before:.2f} and {after:.2f} s; beside 10,000 of another tool: {beside:.2f} s; "
              f"of the same tool: {same:.2f} s")
        self.assert_soon(beside, alone)
        self.assert_soon(same, alone)


class ScarceQuotaTest(FairnessCase):
    RESOLVERS = 400
    HUB = ("--window-ms", str(round(60_000 * SLOWNESS)), "--anonymous-resolvers", str(RESOLVERS))

    def used(self):
        return sum(window["used"].get("resolvers", 0) for window in self.hub.windows())

    def test_three_files_do_not_wait_for_the_reset_that_another_tool_has_brought_about(self):
        alone = self.time_of_pull(self.modest)
        job = self.greedy.start("acme/huge")
        wait_until(lambda: self.used() > 0.75 * self.RESOLVERS, "the quota to be scarce")
        left = self.RESOLVERS - self.used()
        taken = self.time_of_pull(self.modest)
        print(f"three files alone: {alone:.2f} s; with {left} of {self.RESOLVERS} requests left: {taken:.2f} s")
        self.assertEqual(len(self.hub.windows()), 1, "all that was in the first window")
        self.assert_soon(taken, alone)
        self.greedy.cancel(job)
        self.assertNotIn("429", self.hub.stats()["by_status"])


if __name__ == "__main__":
    unittest.main()
