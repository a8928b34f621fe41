"""One budget for all: many clients use up the quota and never provoke a 429."""

import json
import unittest

from harness import EndToEndTest, SLOWNESS, small_files


class ManyClientsTest(EndToEndTest):
    """A short form of tests/bench/budget.sh."""

    API, RESOLVERS = 30, 150
    HUB = ("--window-ms", "3000", "--anonymous-api", str(API), "--anonymous-resolvers", str(RESOLVERS))

    def test_twenty_clients_use_the_quota_up_and_are_never_refused(self):
        hub = self.box.hub(args=self.HUB)
        self.box.daemon()
        for client in range(20):
            hub.commit(f"acme/set-{client}", small_files(10, client), kind="dataset")

        clients = [self.box.start_batuta("hf", "pull", "dataset", f"acme/set-{client}", "--format", "json") for client in range(20)]
        for client in clients:
            out, err = client.communicate()
            self.assertEqual(client.returncode, 0, err)
            self.assertEqual([file["status"] for file in json.loads(out)["files"]], ["downloaded"] * 10)

        windows = hub.windows()
        self.assertEqual([window["refused"] for window in windows], [{}] * len(windows))
        self.assertNotIn("429", hub.stats()["by_status"])
        used = [window["used"].get("resolvers", 0) for window in windows]
        self.assertEqual(sum(used), 20 * 10 * 2, "a redirect and a file each, and none twice")
        self.assertGreaterEqual(len(windows), 3, "the quota was what limited")
        if SLOWNESS == 1:
            # On a machine that is too slow for it, a window may end before it is used up.
            self.assertGreaterEqual(max(used), 0.9 * self.RESOLVERS, f"used in each window: {used}")
        self.assert_tree_is_sound()


if __name__ == "__main__":
    unittest.main()
