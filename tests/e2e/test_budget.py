"""One budget for all: many clients use up the quota and never provoke a 429."""

import json
import unittest
import urllib.request

from harness import EndToEndTest, PATIENCE_S, small_files, wait_until
from api_stubs import grpc  # before the modules that it makes
from batuta.v1 import budget_service_pb2, budget_service_pb2_grpc


class ManyClientsTest(EndToEndTest):
    """A short form of tests/bench/budget.sh."""

    PARENT = "/dev/shm"  # the disk is not what limits
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
        # In a window of three seconds the whole seconds of the hub's fields weigh heavily; budget.sh judges more strictly. On a machine
        # that is too busy for it, windows end before they are used up.
        if len(windows) <= 4:
            self.assertGreaterEqual(max(used), 0.8 * self.RESOLVERS, f"used in each window: {used}")
        self.assert_tree_is_sound()


class OtherToolCase(EndToEndTest):
    """A tool that asks the hub by itself takes part in the budget: may I, and what came of it."""

    HUB = ()

    def setUp(self):
        super().setUp()
        self.hub = self.box.hub(args=self.HUB)
        self.hub.commit("acme/otter", {"config.json": "{}"})
        self.box.daemon()
        self.channel = grpc.insecure_channel(f"unix:{self.box.socket}")
        self.addCleanup(self.channel.close)
        self.budget = budget_service_pb2_grpc.BudgetServiceStub(self.channel)
        self.url = f"{self.hub.endpoint}/api/models/acme/otter"

    def reserve(self, **fields):
        """The events of one reservation; `granted` is the last."""
        request = budget_service_pb2.ReserveRequest(url=self.url, **fields)
        return self.budget.Reserve(request, metadata=(("x-batuta-tool", "crawler"),), timeout=PATIENCE_S)

    def settle(self, granted, **fields):
        self.budget.Settle(budget_service_pb2.SettleRequest(reservation_id=granted.id, **fields),
                           metadata=(("x-batuta-tool", "crawler"),), timeout=PATIENCE_S)

    def ask(self):
        """One request of the tool's own, reserved and settled."""
        *_, last = self.reserve()
        with urllib.request.urlopen(self.url, timeout=PATIENCE_S) as answer:
            self.settle(last.granted, status=answer.status, rate_limit=answer.headers["RateLimit"],
                        rate_limit_policy=answer.headers["RateLimit-Policy"])

    def window(self, kind="api"):
        windows = self.box.batuta("hf", "limits", "--format", "json").json["windows"]
        return next(window for window in windows if window["kind"] == kind)


class ShortWindowTest(OtherToolCase):
    API = 20
    HUB = ("--window-ms", "4000", "--anonymous-api", str(API))

    def test_a_tool_that_asks_before_each_request_is_never_refused(self):
        # Others of the machine use the same window at the same time.
        searches = [self.box.start_batuta("hf", "search", "models", f"q{number}") for number in range(5)]
        for _ in range(2 * self.API):
            self.ask()
        for search in searches:
            _, err = search.communicate()
            self.assertEqual(search.returncode, 0, err)
        self.assertNotIn("429", self.hub.stats()["by_status"])
        self.assertGreaterEqual(len(self.hub.windows()), 2, "the quota was what limited")


class LongWindowTest(OtherToolCase):
    HUB = ("--window-ms", "300000")

    def test_what_each_tool_spent_shows_and_what_is_given_up_costs_nothing(self):
        for _ in range(3):
            self.ask()
        self.box.batuta("hf", "search", "models", "q")
        window = self.window()
        spent = {spending["tool"]: spending["requests"] for spending in window["spent"]}
        self.assertEqual(spent.get("crawler"), 3, window)
        self.assertEqual(sum(spent.values()), len(self.hub.requests()), window)
        *_, last = self.reserve()
        self.settle(last.granted, never_sent=True)
        self.assertEqual(self.window()["remaining"], window["remaining"])

    def test_a_window_that_the_tool_saw_refused_is_closed_for_all(self):
        *_, last = self.reserve()
        self.settle(last.granted, status=429, retry_after="300")
        self.assertEqual(self.box.batuta("hf", "info", "model", "acme/otter", "--no-wait").code, 6)
        self.assertEqual(self.hub.requests(), [])
        with self.assertRaises(grpc.RpcError) as caught:
            list(self.reserve(no_wait=True))
        self.assertEqual(caught.exception.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)

        events = self.reserve()
        self.assertEqual(next(events).waiting.reason, "rate limit")
        self.assertEqual(self.window()["waiting"], 1)
        events.cancel()
        wait_until(lambda: self.window()["waiting"] == 0, "the place to be given up")


if __name__ == "__main__":
    unittest.main()
