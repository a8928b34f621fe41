"""Nobody waits for the work of another: a pull of three files beside one of 10,000."""

import statistics
import time
import unittest

from harness import EndToEndTest, SLOWNESS, small_files, wait_until
from api_stubs import Tool

HUGE = 10_000  # files
ROUND_TRIP_S = 0.15


def bound_beside(alone):
    """How long three files may take beside the work of others: half as long again as alone, and a round trip each."""
    return (1.5 * alone + 3 * ROUND_TRIP_S) * SLOWNESS


class FairnessCase(EndToEndTest):
    """A greedy tool drains a dataset of 10,000 files, a modest one wants three."""

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

    def timed_pull(self, tool):
        repo = self.three_files()
        begin = time.monotonic()
        tool.pull(repo)
        return time.monotonic() - begin

    def drain(self):
        """Starts the greedy pull, and returns its job as soon as files of it arrive."""
        job = self.greedy.start("acme/huge")
        wait_until(lambda: self.hub.count("acme/huge/") > 200, "the greedy pull to be under way")
        return job

    def requests_of(self, repo):
        return [entry for entry in self.hub.requests() if f"{repo}/" in entry["path"]]


class FairnessTest(FairnessCase):
    HUB = ("--no-rate-limits",)

    def test_three_files_beside_ten_thousand_of_another_tool_or_of_the_same(self):
        alone = statistics.median(self.timed_pull(self.modest) for _ in range(3))
        job = self.drain()
        beside = statistics.median(self.timed_pull(self.modest) for _ in range(3))
        same = statistics.median(self.timed_pull(self.greedy) for _ in range(3))
        self.greedy.cancel(job)
        left = HUGE - len([entry for entry in self.hub.requests() if entry["bucket"] == "resolvers"]) // 2
        print(f"three files alone: {alone:.2f} s; beside 10,000 of another tool: {beside:.2f} s; of the same tool: {same:.2f} s")
        self.assertGreater(left, 0, "the greedy pull went on all the while")
        bound = bound_beside(alone)
        self.assertLessEqual(beside, bound)
        self.assertLessEqual(same, bound)


if __name__ == "__main__":
    unittest.main()
