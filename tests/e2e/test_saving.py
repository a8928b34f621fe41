"""What need not be asked of the hub is not asked: the second question costs no request, whoever puts it and by whichever command."""

import threading
import unittest

from harness import EndToEndTest, kill_9, write_repo, write_users

MIRA, OTTO = "hf_mira" + "a" * 30, "hf_otto" + "b" * 30


class SavingCase(EndToEndTest):
    HUB = ()

    def setUp(self):
        super().setUp()
        root = self.box.folder / "hubroot"
        write_users(root, mira=MIRA, otto=OTTO)
        write_repo(root, "mira/diary", {"secret.txt": "dear diary"}, private=True)
        self.hub = self.box.hub(root, args=self.HUB)
        self.commit = self.hub.commit("acme/otter", {"config.json": "{}", "README.md": "an otter"})["commit"]
        self.configure()
        self.process = self.box.daemon()
        self.hub.clear_log()

    def configure(self, **settings):
        folder = self.box.folder / "config" / "batuta"
        folder.mkdir(parents=True, exist_ok=True)
        lines = [f'{name} = "{value}"' for name, value in settings.items()]
        (folder / "config.toml").write_text("[hub]\n" + "\n".join(lines) + "\n")

    def restart(self, **settings):
        kill_9(self.process)
        self.configure(**settings)
        self.process = self.box.daemon()

    def ask(self, *args, token=None, code=0):
        result = self.box.batuta("hf", *args, "--format", "json", env={"HF_TOKEN": token} if token else None)
        self.assertEqual(result.code, code, result.err)
        return result.json if code == 0 else result.error

    def asked(self):
        """The paths of the requests since the last call, without the quota-free ones of the test itself."""
        paths = [entry["path"] for entry in self.hub.requests()]
        self.hub.clear_log()
        return paths


class SecondQuestionTest(SavingCase):
    COMMANDS = (("search", "models", "otter"), ("info", "model", "acme/otter"), ("files", "model", "acme/otter"))

    def test_second_question_costs_nothing_and_says_how_old_its_answer_is(self):
        for command in self.COMMANDS:
            with self.subTest(command=command[0]):
                first = self.ask(*command, "--refresh")
                self.assertIsNone(first["as_of"])
                self.asked()
                second = self.ask(*command)
                self.assertEqual(self.asked(), [])
                self.assertTrue(second["as_of"])
                self.assertEqual({**first, "as_of": None}, {**second, "as_of": None})
                human = self.box.batuta("hf", *command)
                self.assertRegex(human.err, r"as of .*; --refresh asks again")
                self.assertNotIn("as of", human.out)
                self.assertEqual(self.asked(), [])

    def test_refresh_makes_one_request(self):
        self.ask("files", "model", "acme/otter")
        for command in (*self.COMMANDS, ("pull", "model", "acme/otter", "--dry-run"), ("whoami",)):
            with self.subTest(command=command[0]):
                self.ask(*command, token=MIRA)
                self.asked()
                self.assertIsNone(self.ask(*command, "--refresh", token=MIRA)["as_of"])
                self.assertEqual(len(self.asked()), 1)

    def test_refresh_sees_what_changed(self):
        self.ask("files", "model", "acme/otter")
        moved = self.hub.commit("acme/otter", {"new.txt": "new"})["commit"]
        self.assertEqual(self.ask("files", "model", "acme/otter")["commit"], self.commit)
        self.assertEqual(self.ask("files", "model", "acme/otter", "--refresh")["commit"], moved)
        self.assertEqual(self.ask("info", "model", "acme/otter")["commit"], moved, "one answer for all who ask")
        self.assertEqual(self.box.pull("model", "acme/otter")["commit"], moved)

    def test_a_refreshed_pull_sees_what_changed(self):
        self.box.pull("model", "acme/otter")
        moved = self.hub.commit("acme/otter", {"new.txt": "new"})["commit"]
        self.assertEqual(self.box.pull("model", "acme/otter")["commit"], self.commit)
        self.assertEqual(self.box.pull("model", "acme/otter", "--refresh")["commit"], moved)

    def test_what_is_remembered_outlives_the_daemon(self):
        for command in self.COMMANDS:
            self.ask(*command)
        self.restart()
        self.asked()
        for command in self.COMMANDS:
            self.ask(*command)
        self.assertEqual(self.asked(), [])

    def test_info_files_and_pull_learn_from_each_other(self):
        self.ask("info", "model", "acme/otter")
        self.asked()
        self.ask("files", "model", "acme/otter")
        self.assertEqual(len(self.asked()), 1, "the tree; where main stands was known")
        self.box.pull("model", "acme/otter", "--dry-run")
        self.assertEqual(self.asked(), [])
        self.box.pull("model", "acme/otter")
        self.assertTrue(all("/resolve" in path for path in self.asked()))
        self.box.pull("model", "acme/otter")
        self.ask("files", "model", "acme/otter")
        self.ask("files", "model", "acme/otter", "--revision", self.commit)
        self.assertEqual(self.asked(), [])

    def test_a_tree_that_a_pull_listed_serves_files(self):
        self.box.pull("model", "acme/otter")
        self.asked()
        self.assertEqual(self.ask("files", "model", "acme/otter")["file_count"], 2)
        self.assertEqual(self.asked(), [])

    def test_a_file_that_is_not_there_costs_nothing_once_the_tree_is_known(self):
        self.ask("info", "model", "acme/otter")  # else a first pull would ask who that is
        self.ask("files", "model", "acme/otter")
        self.asked()
        error = self.box.pull("model", "acme/otter", "no-such-file.txt", code=4)
        self.assertEqual(error["reason"], "ENTRY_NOT_FOUND")
        self.assertEqual(self.asked(), [])

    def test_what_is_not_there_is_asked_once(self):
        for command, reason in ((("info", "model", "acme/none"), "REPO_NOT_FOUND"),
                                (("files", "model", "acme/otter", "--revision", "none"), "REVISION_NOT_FOUND"),
                                (("files", "model", "acme/otter", "--revision", "9" * 40), "REVISION_NOT_FOUND")):
            with self.subTest(command=command):
                for requests in (1, 0):
                    error = self.ask(*command, token=MIRA, code=4)
                    self.assertEqual(error["reason"], reason)
                    self.assertEqual("--refresh" in error["hint"], requests == 0)
                    self.assertEqual(len(self.asked()), requests)

    def test_an_answer_that_went_stale_is_asked_for_by_its_etag(self):
        self.restart(revision_ttl="0")
        self.ask("info", "model", "acme/otter")
        self.asked()
        self.assertIsNone(self.ask("info", "model", "acme/otter")["as_of"])
        self.assertEqual([entry["status"] for entry in self.hub.requests()], [304])
        moved = self.hub.commit("acme/otter", {"new.txt": "new"})["commit"]
        self.hub.clear_log()
        self.assertEqual(self.ask("info", "model", "acme/otter")["commit"], moved)
        self.assertEqual([entry["status"] for entry in self.hub.requests()], [200])

    def test_nothing_is_remembered_where_there_is_no_room_for_it(self):
        self.restart(memory="0")
        for _ in range(2):
            self.ask("info", "model", "acme/otter")
            self.assertEqual(len(self.asked()), 1)

    def test_a_pull_that_failed_early_is_nothing_to_warn_of(self):
        self.hub.fault(kind="status", path="/resolve/", status=403, count="always")
        self.assertEqual(self.box.pull("model", "acme/otter", code=5)["reason"], "HUB_FORBIDDEN")
        listing = self.box.batuta("hf", "cache", "ls")
        self.assertNotIn("otter", listing.out + listing.err)


class OfflineTest(SavingCase):
    def test_what_is_remembered_answers_offline_whatever_its_age(self):
        self.restart(revision_ttl="0", search_ttl="0")
        commands = SecondQuestionTest.COMMANDS
        before = [self.ask(*command) for command in commands]
        self.asked()
        for command, document in zip(commands, before):
            offline = self.ask(*command, "--offline")
            self.assertEqual({**offline, "as_of": None}, {**document, "as_of": None})
            self.assertEqual(self.box.batuta("hf", *command, env={"HF_HUB_OFFLINE": "1"}).code, 0)
        self.assertEqual(self.ask("info", "model", "acme/never-seen", "--offline", code=10)["reason"], "OFFLINE_MISS")
        self.assertEqual(self.asked(), [])

    def test_an_error_of_the_network_names_a_way_that_every_command_has(self):
        self.hub.process.kill()
        self.hub.process.wait()
        error = self.ask("search", "models", "badger", code=6)
        self.assertEqual(error["reason"], "HUB_UNREACHABLE")
        self.assertNotIn("--offline", error["hint"])


class TokensTest(SavingCase):
    def test_two_tokens_never_share(self):
        for command in (("files", "model", "acme/otter"), ("search", "models", "otter"), ("whoami",)):
            with self.subTest(command=command[0]):
                self.ask(*command, token=MIRA)
                self.asked()
                document = self.ask(*command, token=OTTO)
                self.assertGreater(len(self.asked()), 0)
                self.assertIsNone(document["as_of"])
        self.assertEqual(self.ask("whoami", token=MIRA)["name"], "mira")
        self.assertEqual(self.ask("whoami", token=OTTO)["name"], "otto")

    def test_what_a_token_may_see_is_not_shown_to_another(self):
        diary = ("files", "model", "mira/diary")
        self.assertEqual(self.ask(*diary, token=MIRA)["file_count"], 1)
        commit = self.ask("info", "model", "mira/diary", token=MIRA)["commit"]
        for token in (OTTO, None):
            for command in (diary, (*diary, "--revision", commit), ("info", "model", "mira/diary"), (*diary, "--offline")):
                with self.subTest(command=command, token=token):
                    error = self.ask(*command, token=token, code=10 if "--offline" in command else 4)
                    self.assertNotIn("secret.txt", str(error))
        self.assertEqual(self.ask(*diary, token=MIRA)["file_count"], 1)

    def test_a_rejected_token_is_asked_about_each_time(self):
        for _ in range(2):
            self.assertEqual(self.ask("whoami", token="hf_wrong", code=5)["reason"], "TOKEN_REJECTED")
            self.assertEqual(len(self.asked()), 1)


class ListingTest(SavingCase):
    FILES = 2_500  # three pages

    def setUp(self):
        super().setUp()
        self.commit = self.hub.commit("acme/many", {f"data/{i:05}.txt": f"{i}" for i in range(self.FILES)}, kind="dataset")["commit"]
        self.hub.clear_log()

    def test_an_interrupted_listing_goes_on_at_its_page(self):
        self.hub.fault(kind="status", path="/tree/", status=503, count="always", skip=2)
        self.ask("files", "dataset", "acme/many", "--revision", self.commit, code=6)
        kill_9(self.process)
        self.process = self.box.daemon()
        self.hub.clear_faults()
        self.hub.clear_log()
        document = self.ask("files", "dataset", "acme/many", "--revision", self.commit)
        self.assertEqual(document["file_count"], self.FILES)
        self.assertEqual(len([path for path in self.asked() if "/tree/" in path]), 1)

    def test_fifty_clients_share_what_they_ask_at_the_same_time(self):
        self.hub.fault(kind="latency", path="/api/", duration_ms=2_000, count="always")
        results = []

        def files():
            results.append(self.box.batuta("hf", "files", "dataset", "acme/many", "--format", "quiet"))

        clients = [threading.Thread(target=files) for _ in range(50)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        self.assertEqual({result.code for result in results}, {0}, results[0].err)
        self.assertEqual({len(result.out.splitlines()) for result in results}, {self.FILES})
        self.assertEqual(len(self.asked()), 4, "one for the revision, three pages")


if __name__ == "__main__":
    unittest.main()
