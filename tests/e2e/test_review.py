"""A look at the name before the first pull: who that is, what it may be mistaken for, and whether it is still who it was."""

import json
import pathlib
import re
import urllib.request

from harness import PATIENCE_S, EndToEndTest, write_repo, write_users
from terminal import Terminal

FILES = {"config.json": "{}", "notes.txt": "hello"}
TOKEN = "hf_reviewreviewreviewreview"


class ReviewCase(EndToEndTest):
    def setUp(self):
        super().setUp()
        root = self.box.folder / "repos"
        write_users(root, strangers=TOKEN)
        write_repo(root, "strangers/otter", {**FILES, "README.md": "---\nlicense: mit\n---\n"}, downloads=18234, likes=77,
                   createdAt="2025-03-04T10:11:12.000Z")
        write_repo(root, "strangers/stoat", FILES)
        write_repo(root, "meta-1lama/Llama-3.1-8B", FILES, downloads=3)
        self.hub = self.box.hub(root)
        self.daemon = self.box.daemon()

    def manage(self, method, action, **body):
        request = urllib.request.Request(f"{self.hub.endpoint}/api/repos/{action}", data=json.dumps(body).encode(), method=method,
                                         headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE_S):
            pass

    def make_anew(self, repo):
        """Somebody else's repo under the same name, as after its owner deleted it."""
        namespace, name = repo.split("/")
        self.manage("DELETE", "delete", type="model", organization=namespace, name=name)
        self.hub.commit(repo, {"config.json": '{"another": true}'})

    def terminal(self, *args):
        return Terminal(self.box, "hf", "pull", "model", *args)

    def snapshots(self, repo):
        return list((self.box.cache / f"models--{repo.replace('/', '--')}").glob("snapshots/*/*"))

    def file_requests(self):
        return self.hub.count("/resolve/")


class PipeTest(ReviewCase):
    def test_a_new_namespace_passes_and_its_facts_are_told(self):
        result = self.box.batuta("hf", "pull", "model", "strangers/otter")

        self.assertEqual(result.code, 0, result.err)
        self.assertIn("nothing was pulled from strangers before", result.err)
        self.assertIn("by strangers, since 2025-03-04, 18234 downloads in 30 days, 77 likes, licence mit", result.err)
        self.assertRegex(result.err, r"to fetch: 3 files, \d+ B")
        self.assertNotIn("WARNING", result.err)

    def test_the_facts_are_told_once(self):
        self.assertEqual(self.box.batuta("hf", "pull", "model", "strangers/otter").code, 0)

        again = self.box.batuta("hf", "pull", "model", "strangers/stoat")

        self.assertEqual(again.code, 0, again.err)
        self.assertNotIn("nothing was pulled", again.err)

    def test_json_has_the_facts_where_there_are_any(self):
        review = self.box.pull("model", "strangers/otter")["review"]

        self.assertEqual((review["new"], review["well_known"], review["confusable_with"]), (True, False, None))
        self.assertEqual((review["author"], review["downloads"], review["license"]), ("strangers", 18234, "mit"))
        self.assertTrue(review["created"].startswith("2025-03-04"))
        self.assertIsNone(review["replaced"])
        self.assertNotIn("review", self.box.pull("model", "strangers/otter"))

    def test_a_name_like_a_well_known_one_is_refused_and_nothing_is_fetched(self):
        error = self.box.pull("model", "meta-1lama/Llama-3.1-8B", code=8)

        self.assertEqual(error["reason"], "NAME_CONFUSABLE")
        self.assertIn("meta-llama", error["message"])
        self.assertIn("--yes", error["hint"])
        self.assertEqual(self.file_requests(), 0)
        self.assertEqual(self.snapshots("meta-1lama/Llama-3.1-8B"), [])

    def test_yes_agrees_and_is_remembered(self):
        self.box.pull("model", "meta-1lama/Llama-3.1-8B", "--yes")
        self.box.batuta("hf", "cache", "rm", "model", "meta-1lama/Llama-3.1-8B")

        self.box.pull("model", "meta-1lama/Llama-3.1-8B")

    def test_a_name_like_a_trusted_one_is_refused(self):
        self.box.pull("model", "strangers/otter")
        self.hub.commit("strangres/otter", FILES)

        error = self.box.pull("model", "strangres/otter", code=8)

        self.assertEqual(error["reason"], "NAME_CONFUSABLE")
        self.assertIn("strangers, which this cache trusts", error["message"])

    def test_a_detached_pull_fails_with_the_same_reason(self):
        job = self.box.pull("model", "meta-1lama/Llama-3.1-8B", "--detach")["job_id"]

        watched = self.box.batuta("hf", "jobs", "watch", job)

        self.assertEqual(watched.code, 8, watched.err)
        self.assertIn("meta-llama", watched.err)

    def test_a_plan_shows_the_review_and_refuses_nothing(self):
        plan = self.box.pull("model", "meta-1lama/Llama-3.1-8B", "--dry-run")
        told = self.box.batuta("hf", "pull", "model", "meta-1lama/Llama-3.1-8B", "--dry-run")

        self.assertEqual(plan["review"]["confusable_with"], "meta-llama")
        self.assertEqual(told.code, 0)
        self.assertIn("WARNING: may be mistaken for meta-llama, which is well known", told.err)

    def test_what_another_tool_brought_is_not_new(self):
        self.box.pull("model", "strangers/otter")
        self.box.batuta("daemon", "stop")
        self.daemon.wait(PATIENCE_S)
        self.box.state.joinpath("catalog").rename(self.box.folder / "lost")
        self.box.daemon()

        self.assertNotIn("review", self.box.pull("model", "strangers/stoat"))


class TerminalTest(ReviewCase):
    def test_a_person_is_asked_and_agrees(self):
        terminal = self.terminal("strangers/otter")
        terminal.wait_for(r"Pull it\? \[y/N\]", "the question")
        self.assertEqual(self.file_requests(), 0)
        self.assertRegex(terminal.text, r"by strangers, since 2025-03-04, 18234 downloads.*\n.*to fetch: 3 files")

        terminal.press("y\n")

        self.assertEqual(terminal.wait(), 0, terminal.text)
        self.assertEqual(len(self.snapshots("strangers/otter")), 3)

    def test_a_person_does_not_agree(self):
        for answer in ("n\n", "\n"):
            terminal = self.terminal("strangers/otter")
            terminal.wait_for(r"Pull it\?", "the question")
            terminal.press(answer)

            self.assertEqual(terminal.wait(), 8, terminal.text)
        self.assertEqual(self.file_requests(), 0)
        self.assertEqual(self.snapshots("strangers/otter"), [])

    def test_ctrl_c_at_the_question_ends_it(self):
        terminal = self.terminal("strangers/otter")
        terminal.wait_for(r"Pull it\?", "the question")
        terminal.press("\x03")

        self.assertEqual(terminal.wait(), 130, terminal.text)
        self.assertEqual(self.file_requests(), 0)

    def test_nobody_is_asked_twice(self):
        terminal = self.terminal("strangers/otter")
        terminal.wait_for(r"Pull it\?", "the question")
        terminal.press("y\n")
        self.assertEqual(terminal.wait(), 0, terminal.text)

        for repo in ("strangers/otter", "strangers/stoat"):
            again = self.terminal(repo)
            self.assertEqual(again.wait(), 0, again.text)
            self.assertNotIn("Pull it?", again.text)

    def test_a_person_is_warned_of_a_name_like_a_well_known_one(self):
        terminal = self.terminal("meta-1lama/Llama-3.1-8B")
        terminal.wait_for(r"Pull it\?", "the question")
        self.assertIn("WARNING: may be mistaken for meta-llama", terminal.text)
        self.assertIn("the well-known repo of this name is meta-llama/Llama-3.1-8B", terminal.text)
        terminal.press("y\n")

        self.assertEqual(terminal.wait(), 0, terminal.text)

    def test_offline_and_cached_pulls_ask_nothing(self):
        self.box.pull("model", "strangers/otter")
        for flags in (("--offline",), ()):
            terminal = self.terminal("strangers/otter", *flags)
            self.assertEqual(terminal.wait(), 0, terminal.text)
            self.assertNotIn("Pull it?", terminal.text)


class ReplacedTest(ReviewCase):
    def setUp(self):
        super().setUp()
        self.box.pull("model", "strangers/otter")
        self.make_anew("strangers/otter")

    def test_another_repo_under_the_name_is_refused_with_both_ids(self):
        before = self.file_requests()

        error = self.box.pull("model", "strangers/otter", "--refresh", "--yes", code=8)

        self.assertEqual(error["reason"], "REPO_REPLACED")
        self.assertIn("--accept-replaced", error["hint"])
        ids = re.search(r"its id on the hub was ([0-9a-f]{24})[^,]*, and is ([0-9a-f]{24})", error["message"])
        self.assertNotEqual(*ids.groups())
        self.assertEqual(self.file_requests(), before)

    def test_whoever_knows_says_so_once(self):
        path = self.box.pull("model", "strangers/otter", "--refresh", "--accept-replaced")["path"]
        self.assertIn("another", pathlib.Path(path, "config.json").read_text())
        self.hub.commit("strangers/otter", {"more.txt": "more"})

        self.box.pull("model", "strangers/otter", "--refresh")

    def test_a_renamed_repo_is_still_the_same(self):
        self.box.pull("model", "strangers/stoat")
        self.manage("POST", "move", type="model", fromRepo="strangers/stoat", toRepo="strangers/weasel")
        self.hub.commit("strangers/weasel", {"more.txt": "more"})

        self.box.pull("model", "strangers/stoat", "--refresh")

    def test_a_plan_shows_it(self):
        plan = self.box.pull("model", "strangers/otter", "--refresh", "--dry-run")

        self.assertTrue(plan["review"]["replaced"]["hub_id_before"])
        self.assertFalse(plan["review"]["new"])
