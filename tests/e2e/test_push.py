"""batuta hf push: plan, show, confirm, do; what a folder becomes on the hub."""

import json
import os
import unittest

from harness import make_weights, wait_until
from push_world import PART, PUSH_KEYS, PushTest, paths_of
from terminal import Terminal

CARD = "---\nlicense: mit\n---\n# Reviews\n"


class PushFolderTest(PushTest):
    def setUp(self):
        super().setUp()
        self.daemon = self.box.daemon()
        self.files = {"README.md": CARD, "data/a.jsonl": '{"n": 1}\n', "data/empty.txt": "",
                      "data/with blank + ünïcode#1.txt": "x\n", "one.safetensors": make_weights(1, 50_000),
                      "parts.safetensors": make_weights(2, 3 * PART + 1)}
        self.write(self.files)

    def test_first_push_makes_the_repo_and_everything_is_there(self):
        document = self.push("acme/reviews", "--message", "All of it")

        self.assertLessEqual(PUSH_KEYS, set(document))
        self.assertEqual((document["repo"], document["type"]), ("acme/reviews", "dataset"))
        self.assertEqual(paths_of(document["changed"]), sorted(self.files))
        self.assertEqual((document["unchanged"], document["deleted"], document["findings"]), ([], [], []))
        self.assertEqual(document["card"], "present")
        self.assertTrue(document["url"].startswith(self.hub.endpoint), document["url"])
        self.assert_hub_has("acme/reviews")
        commit, = self.commits("acme/reviews")
        self.assertEqual((commit["id"], commit["title"]), (document["commit"], "All of it"))
        self.assertEqual(len(self.puts()), 5)
        self.assertEqual(self.stored_bytes(), 50_000 + 3 * PART + 1)
        self.assertGreaterEqual(document["bytes_uploaded"], self.stored_bytes())

    def test_dry_run_tells_the_same_and_sends_nothing(self):
        document = self.push("acme/reviews", "--dry-run", yes=False)

        self.assertLessEqual(PUSH_KEYS, set(document))
        self.assertIsNone(document["commit"])
        self.assertEqual(paths_of(document["changed"]), sorted(self.files))
        self.assertEqual(self.sent(), [])
        human = self.box.batuta("hf", "push", "dataset", str(self.folder), "--repo", "acme/reviews", "--dry-run")
        self.assertEqual(human.code, 0, human.err)
        for word in ("acme/reviews", "parts.safetensors", "mit"):
            self.assertIn(word, human.out + human.err)

    def test_nothing_to_do_is_said_and_makes_no_commit(self):
        first = self.push("acme/reviews")
        self.hub.clear_log()

        again = self.push("acme/reviews", yes=False)

        self.assertEqual((again["changed"], again["deleted"]), ([], []))
        self.assertEqual(paths_of(again["unchanged"]), sorted(self.files))
        self.assertEqual(again["bytes_uploaded"], 0)
        self.assertIn(again["commit"], (None, first["commit"]))
        self.assertEqual(self.sent(), [])
        self.assertEqual(len(self.commits("acme/reviews")), 1)
        human = self.box.batuta("hf", "push", "dataset", str(self.folder), "--repo", "acme/reviews")
        self.assertEqual(human.code, 0, human.err)
        self.assertRegex(human.out + human.err, "(?i)nothing|up to date")

    def test_without_a_terminal_yes_must_be_said(self):
        error = self.push("acme/reviews", yes=False, code=2).error

        self.assertIn("--yes", error["message"] + error["hint"])
        self.assertEqual(self.sent(), [])

    def test_on_a_terminal_it_is_asked(self):
        def push(answer):
            terminal = Terminal(self.box, "hf", "push", "dataset", str(self.folder), "--repo", "acme/asked")
            terminal.wait_for(r"\[y/N\]|\(y/N\)|y/n|\?\s*$", "a question")
            text = terminal.text
            terminal.press(answer)
            return terminal.wait(), text

        code, text = push("n\n")
        self.assertNotEqual(code, 0)
        self.assertEqual(self.sent(), [])
        for word in ("acme/asked", "public", "mit"):
            self.assertIn(word, text)
        code, _ = push("y\n")
        self.assertEqual(code, 0)
        self.assert_hub_has("acme/asked")

    def test_what_is_ignored_stays_here(self):
        self.write({".gitignore": "*.log\nruns/\n!keep.log\n", ".hfignore": "private.txt\n", ".batutaignore": "scratch/\n", "a.log": "x",
                    "keep.log": "x", "runs/1/x.txt": "x", "private.txt": "x", "scratch/y.txt": "x", "data/.gitignore": "only-here.txt\n",
                    "data/only-here.txt": "x", ".git/config": "x", ".cache/huggingface/upload/m": "x"})
        self.push("acme/reviews")

        found = set(self.tree("acme/reviews"))
        self.assertEqual(found & {"a.log", "runs/1/x.txt", "private.txt", "scratch/y.txt", "data/only-here.txt", ".git/config",
                                  ".cache/huggingface/upload/m"}, set())
        self.assertLessEqual(set(self.files) | {"keep.log"}, found)

    def test_links_lead_to_files_inside_or_stop_the_push(self):
        os.symlink("a.jsonl", self.folder / "data" / "same.jsonl")
        self.push("acme/reviews")
        self.assertEqual(self.content("acme/reviews", "data/same.jsonl"), b'{"n": 1}\n')
        self.hub.clear_log()

        (self.box.folder / "outside.txt").write_text("private")
        for number, (name, make) in enumerate([
                ("leads outside", lambda path: os.symlink(self.box.folder / "outside.txt", path)),
                ("leads nowhere", lambda path: os.symlink("gone", path)),
                ("a pipe", os.mkfifo),
                ("a folder", lambda path: os.symlink("/etc", path))]):
            path = self.folder / f"special-{number}"
            make(path)
            refused = self.push("acme/reviews", code=1)
            self.assertEqual(refused.error["reason"], "NOT_PUSHABLE", name)
            self.assertIn(path.name, refused.out + refused.err, name)
            path.unlink()
        self.assertEqual(self.sent(), [])
        self.assert_never_sent("private")

    def test_names_and_formats_that_cannot_be_are_told_before_a_byte_is_sent(self):
        for name, content, code in [("back\\slash.txt", "x", 1), ("broken.safetensors", b"\x10" * 100, 9), ("broken.gguf", "GGUX", 9),
                                    ("broken.json", "{", 9), ("broken.parquet", "PAR2", 9)]:
            self.write({name: content})
            refused = self.push("acme/reviews", code=code)
            self.assertIn(name.split("\\")[0], refused.out + refused.err, name)
            (self.folder / name).unlink()
        self.assertEqual(self.sent(), [])

    def test_delete_takes_away_what_the_folder_has_no_more(self):
        self.push("acme/reviews")
        (self.folder / "data" / "empty.txt").unlink()
        (self.folder / "one.safetensors").unlink()
        self.assertEqual(self.push("acme/reviews")["deleted"], [])  # nothing goes unless it is asked for

        document = self.push("acme/reviews", "--delete", "data/*")

        self.assertEqual(paths_of(document["deleted"]), ["data/empty.txt"])
        self.assert_hub_has("acme/reviews", beside=["one.safetensors"])
        self.assertEqual(paths_of(self.push("acme/reviews", "--delete", "*")["deleted"]), ["one.safetensors"])
        self.assert_hub_has("acme/reviews")
        self.assertIn(b"filter=lfs", self.content("acme/reviews", ".gitattributes"))

    def test_changes_renames_and_copies_cost_what_is_new(self):
        self.push("acme/reviews")
        self.hub.clear_log()
        (self.folder / "parts.safetensors").rename(self.folder / "renamed.safetensors")
        self.write({"copy.safetensors": self.files["one.safetensors"], "data/a.jsonl": '{"n": 2}\n'})

        document = self.push("acme/reviews", "--delete", "*")

        self.assertEqual(paths_of(document["changed"]), ["copy.safetensors", "data/a.jsonl", "renamed.safetensors"])
        self.assertEqual(paths_of(document["deleted"]), ["parts.safetensors"])
        self.assertEqual(self.puts(), [])
        self.assertEqual(len(self.commits("acme/reviews")), 2)
        self.assert_hub_has("acme/reviews")

    def test_branch_and_pull_request(self):
        self.push("acme/reviews")
        self.write({"data/a.jsonl": '{"n": 2}\n', "data/big.safetensors": make_weights(5, 2 * PART)})

        proposed = self.push("acme/reviews", "--create-pr", "--message", "Better")

        self.assertIn("/discussions/1", proposed["url"])
        self.assert_hub_has("acme/reviews", revision="refs/pr/1")
        self.assertEqual(self.content("acme/reviews", "data/a.jsonl"), b'{"n": 1}\n')
        self.push("acme/reviews", "--revision", "next")
        self.assert_hub_has("acme/reviews", revision="next")
        self.assertEqual(self.content("acme/reviews", "data/a.jsonl"), b'{"n": 1}\n')
        self.assertEqual(len(self.commits("acme/reviews")), 1)

    def test_offline_nothing_is_asked_or_sent(self):
        for args in ((), ("--dry-run",)):
            result = self.push("acme/reviews", *args, code=10, env={"HF_HUB_OFFLINE": "1"})
            self.assertEqual(result.error["reason"], "OFFLINE_MISS")
        self.assertEqual(self.hub.requests(), [])

    def test_private_repo_is_private_from_its_beginning(self):
        self.push("acme/hidden", "--private")
        self.assertTrue(self.ask("/api/datasets/acme/hidden")[0]["private"])

    def test_who_may_not_write_is_told_so(self):
        self.push("acme/reviews")
        self.write({"data/a.jsonl": "{}\n"})
        self.push("acme/reviews", code=5, env={"HF_TOKEN": "hf_ravi"})
        self.push("acme/elsewhere", code=5, env={"HF_TOKEN": "hf_nobody"})
        self.push("../../etc", code=2)
        self.push("acme/reviews", folder=self.folder / "missing", code=4)

    def test_file_that_changes_while_it_is_sent_ends_the_push(self):
        self.hub.fault(kind="stall_upload", listener="cdn", at_bytes=1000, duration_ms=1500)
        process = self.box.start_batuta("hf", "push", "dataset", str(self.folder), "--repo", "acme/reviews", "--yes", "--format", "json")
        wait_until(self.puts, "the first bytes")
        self.write({"one.safetensors": make_weights(7, 50_000), "parts.safetensors": make_weights(8, 3 * PART + 1)})
        _, err = process.communicate(timeout=300)
        self.box.processes.remove(process)

        self.assertEqual(process.returncode, 1, err)
        self.assertIn("FILE_CHANGED", err)
        self.assertEqual(self.commits("acme/reviews"), [])


class PushModelTest(PushTest):
    def setUp(self):
        super().setUp()
        self.box.daemon()
        self.write({"config.json": json.dumps({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}),
                    "model.safetensors": make_weights(1, 50_000)})

    def test_card_is_made_unless_there_is_one_or_none_is_wanted(self):
        self.assertEqual(self.push("acme/bare", "--no-card", kind="model")["card"], "none")
        self.assertNotIn("README.md", self.tree("acme/bare", kind="model"))

        document = self.push("acme/otter", kind="model")
        self.assertEqual(document["card"], "generated")
        card = self.content("acme/otter", "README.md", kind="model").decode()
        self.assertTrue(card.startswith("---\n"), card[:80])
        self.assertFalse((self.folder / "README.md").exists(), "the folder is the author's")
        # Made again of the same files it is the same, so there is nothing to do.
        self.assertEqual(self.push("acme/otter", kind="model")["changed"], [])

        self.write({"README.md": "---\nlicense: mit  # ours\n---\n# Otter\nwords of the author\n"})
        document = self.push("acme/otter", kind="model")
        self.assertIn(document["card"], ("completed", "present"))
        card = self.content("acme/otter", "README.md", kind="model").decode()
        self.assertIn("license: mit  # ours\n", card)
        self.assertTrue(card.endswith("# Otter\nwords of the author\n"), card)

    def test_pickle_is_warned_about_and_goes_all_the_same(self):
        self.write({"pytorch_model.bin": b"\x80\x04}\x94."})
        human = self.box.batuta("hf", "push", "model", str(self.folder), "--repo", "acme/otter", "--yes")
        self.assertEqual(human.code, 0, human.err)
        self.assertIn("safetensors", human.out + human.err)
        self.assertIn("pytorch_model.bin", self.tree("acme/otter", kind="model"))


if __name__ == "__main__":
    unittest.main()
