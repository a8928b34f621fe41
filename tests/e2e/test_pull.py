"""`batuta hf pull`: what is fetched, where it lies, what is said, and what it costs."""

import json
import os
import threading
import unittest

from harness import EndToEndTest, make_weights, wait_until, write_repo, write_users

WEIGHTS = make_weights(1, 6_000_000)  # large enough for the LFS path and several segments
PICKLE = b"\x80\x02}."  # an empty dict
OTTER = {
    "config.json": '{"model_type": "otter"}',
    "README.md": "---\nlicense: mit\n---\n# Otter\n",
    "model.safetensors": WEIGHTS,
    "sub/folder/notes.txt": "deep\n",
}


class PullTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.hub = self.box.hub()
        self.hub.commit("acme/otter", OTTER)
        self.daemon = self.box.daemon()

    def test_json_document_names_every_file_and_the_cache_has_the_standard_layout(self):
        document = self.box.pull("model", "acme/otter")

        self.assertEqual(
            {key: document[key] for key in ("repo", "type", "revision")},
            {"repo": "acme/otter", "type": "model", "revision": "main"})
        self.assertEqual({file["path"]: file["status"] for file in document["files"] if file["path"] != ".gitattributes"},
                         dict.fromkeys(OTTER, "downloaded"))
        self.assertGreaterEqual(document["bytes_downloaded"], sum(map(len, OTTER.values())))
        self.assertIsInstance(document["elapsed_ms"], int)
        repo = self.box.cache / "models--acme--otter"
        self.assertEqual(document["path"], str(repo / "snapshots" / document["commit"]))
        self.assertEqual((repo / "refs" / "main").read_bytes(), document["commit"].encode())
        link = repo / "snapshots" / document["commit"] / "sub" / "folder" / "notes.txt"
        self.assertTrue(os.readlink(link).startswith("../../../../blobs/"))
        self.assertEqual(link.read_text(), "deep\n")
        self.assertEqual(sorted(path.name for path in self.box.cache.iterdir()),
                         [".locks", "CACHEDIR.TAG", "models--acme--otter"])
        self.assert_tree_is_sound()

    def test_second_pull_costs_no_request_and_no_byte(self):
        self.box.pull("model", "acme/otter")
        self.hub.clear_log()

        document = self.box.pull("model", "acme/otter")

        self.assertEqual(self.hub.requests(), [])
        self.assertEqual(document["bytes_downloaded"], 0)
        self.assertEqual({file["status"] for file in document["files"]}, {"cached"})

    def test_commit_costs_no_request_after_a_restart_either(self):
        commit = self.box.pull("model", "acme/otter")["commit"]
        self.daemon.terminate()
        self.assertEqual(self.daemon.wait(60), 0)
        self.box.daemon()
        self.hub.clear_log()

        self.box.pull("model", "acme/otter", "--revision", commit)

        self.assertEqual(self.hub.requests(), [])

    def test_quiet_prints_the_snapshot_path_and_nothing_else(self):
        result = self.box.batuta("hf", "pull", "model", "acme/otter", "--format", "quiet")

        self.assertEqual(result.code, 0, result.err)
        self.assertEqual(result.out.count("\n"), 1)
        self.assertTrue(os.path.isfile(os.path.join(result.out.strip(), "config.json")))
        self.assertEqual(result.err, "")

    def test_human_prints_the_path_on_stdout_and_the_talk_on_stderr(self):
        result = self.box.batuta("hf", "pull", "model", "acme/otter")

        self.assertEqual(result.code, 0, result.err)
        self.assertTrue(os.path.isdir(result.out.strip().splitlines()[-1]))
        self.assertNotIn("\x1b", result.out + result.err, "no terminal, no control sequences")

    def test_dry_run_fetches_nothing(self):
        document = self.box.pull("model", "acme/otter", "--dry-run", "--exclude", "*.txt")

        status = {file["path"]: file["status"] for file in document["files"]}
        self.assertEqual(status["model.safetensors"], "would_download")
        self.assertEqual(status["sub/folder/notes.txt"], "skipped")
        self.assertEqual(self.hub.count("/resolve"), 0)
        self.assertEqual(list(self.box.cache.glob("*/blobs/*")), [])

    def test_files_and_globs_select(self):
        one = self.box.pull("model", "acme/otter", "config.json")
        self.assertEqual([file["path"] for file in one["files"] if file["status"] == "downloaded"], ["config.json"])

        some = self.box.pull("model", "acme/otter", "--include", "*.md", "--include", "sub/*")
        self.assertEqual(sorted(file["path"] for file in some["files"] if file["status"] == "downloaded"),
                         ["README.md", "sub/folder/notes.txt"])

    def test_output_folder_gets_real_files(self):
        target = self.box.folder / "out"
        self.box.pull("model", "acme/otter", "-o", str(target))

        self.assertEqual((target / "model.safetensors").read_bytes(), WEIGHTS)
        self.assertFalse((target / "model.safetensors").is_symlink())
        self.assertEqual((target / "sub/folder/notes.txt").read_text(), "deep\n")

    def test_two_clients_at_once_fetch_each_blob_once(self):
        self.hub.fault(kind="latency", path="model.safetensors", count="always", duration_ms=200)
        results = []
        clients = [threading.Thread(target=lambda: results.append(self.box.pull("model", "acme/otter"))) for _ in range(2)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()

        self.assertEqual([len(result["files"]) for result in results], [len(results[0]["files"])] * 2)
        sent = sum(entry["body_bytes_sent"] for entry in self.hub.requests() if "model.safetensors" in entry["path"] and
                   entry["listener"] == "cdn")
        # What is begun anew because its connection was slow may be sent in part twice; a second fetch would be twice as much.
        self.assertLess(sent, 1.5 * len(WEIGHTS))

    def test_offline_answers_from_the_cache_or_exits_10(self):
        self.box.pull("model", "acme/otter")
        self.hub.clear_log()

        self.box.pull("model", "acme/otter", "--offline")
        self.box.pull("model", "acme/otter", env={"HF_HUB_OFFLINE": "1"})
        error = self.box.pull("model", "acme/never-seen", "--offline", code=10)

        self.assertEqual(error["reason"], "OFFLINE_MISS")
        self.assertEqual(self.hub.requests(), [])

    def test_hub_that_is_gone_leaves_the_cache_usable_and_no_wait_exits_6(self):
        commit = self.box.pull("model", "acme/otter")["commit"]
        self.hub.process.terminate()
        self.hub.process.wait()

        self.box.pull("model", "acme/otter", "--revision", commit)
        error = self.box.pull("model", "acme/other", "--no-wait", code=6)

        self.assertEqual(error["reason"], "HUB_UNREACHABLE")

    def test_detach_prints_the_job_and_watch_follows_it_to_its_end(self):
        started = self.box.batuta("hf", "pull", "model", "acme/otter", "--detach", "--format", "json")
        self.assertEqual(started.code, 0, started.err)
        job = started.json["job_id"]

        watched = self.box.batuta("hf", "jobs", "watch", job)

        self.assertEqual(watched.code, 0, watched.err)
        listed = self.box.batuta("hf", "jobs", "ls", "--format", "json").json
        self.assertIn(job, json.dumps(listed))

    def test_cancelled_job_ends_its_client_and_keeps_what_arrived(self):
        self.hub.fault(kind="slow", listener="cdn", count="always", bytes_per_second=200_000)
        client = self.box.start_batuta("hf", "pull", "model", "acme/otter", "--format", "json")
        parts = lambda: list(self.box.cache.glob("*/blobs/*.batuta-part"))
        wait_until(parts, "the first bytes")
        jobs = self.box.batuta("hf", "jobs", "ls", "--format", "json").json
        job = jobs["jobs"][0]["id"] if isinstance(jobs, dict) else jobs[0]["id"]

        self.assertEqual(self.box.batuta("hf", "jobs", "cancel", job).code, 0)
        client.communicate(timeout=60)

        self.assertNotEqual(client.returncode, 0)
        self.hub.clear_faults()
        self.box.pull("model", "acme/otter")
        self.assert_tree_is_sound()

    def test_empty_file_needs_no_request_of_its_own(self):
        self.hub.commit("acme/empty", {"empty.txt": "", "config.json": "{}"})
        self.box.pull("model", "acme/empty")
        snapshot = next(self.box.cache.glob("models--acme--empty/snapshots/*"))
        self.assertEqual((snapshot / "empty.txt").read_bytes(), b"")
        self.assertEqual(self.hub.count("empty.txt"), 0)


class ManyFilesTest(EndToEndTest):
    def test_dataset_over_several_tree_pages_comes_whole(self):
        hub = self.box.hub(args=["--tree-page", "100"])
        files = {f"data/part-{number // 50}/{number}.json": json.dumps({"n": number}) for number in range(650)}
        hub.commit("acme/reviews", files, kind="dataset")
        self.box.daemon()

        document = self.box.pull("dataset", "acme/reviews")

        self.assertEqual(len([file for file in document["files"] if file["path"].startswith("data/")]), 650)
        self.assertGreaterEqual(hub.count("/tree/"), 7)
        self.assert_tree_is_sound()


class AccessTest(EndToEndTest):
    """Renamed, gated, private and missing things: the right words and exit codes, and the token where it belongs."""

    TOKEN = "hf_" + "a" * 34

    def setUp(self):
        super().setUp()
        root = self.box.folder / "root"
        write_users(root, mira=self.TOKEN, noor="hf_" + "b" * 34)
        write_repo(root, "acme/public", {"config.json": "{}"}, renamedFrom=["acme/old-name"])
        write_repo(root, "acme/gated", {"config.json": "{}", "model.safetensors": WEIGHTS}, gated="manual", granted=["mira"])
        write_repo(root, "mira/private", {"config.json": "{}", "model.safetensors": WEIGHTS}, private=True)
        write_repo(root, "acme/pickle", {"config.json": "{}", "pytorch_model.bin": PICKLE})
        self.hub = self.box.hub(root)
        self.hub.commit("acme/gguf", {"otter-Q4_K_M.gguf": {"size": 200}, "otter-Q8_0.gguf": {"size": 300}})
        self.box.daemon()

    def test_exit_codes_and_reasons(self):
        cases = [
            (("model", "acme/missing"), (4, 5), ("REPO_NOT_FOUND", "TOKEN_MISSING")),
            (("model", "acme/public", "--revision", "nope"), (4,), ("REVISION_NOT_FOUND",)),
            (("model", "acme/public", "nope.json"), (4,), ("ENTRY_NOT_FOUND",)),
            (("model", "acme/public", "--include", "*.nope"), (4,), ("NOTHING_SELECTED",)),
            (("model", "acme/gated"), (5,), ("REPO_GATED",)),
            (("model", "not//an-id"), (2,), ("INVALID_REPO_ID",)),
            (("model", "a/b/c"), (2,), ("INVALID_REPO_ID",)),
            (("model", "acme/public", "--revision", "../../x"), (2,), ("INVALID_REVISION",)),
            (("model", "acme/pickle"), (8,), ("UNSAFE_CONTENT",)),
            (("model", "acme/gguf"), (2,), ("CHOICE_NEEDED",)),
        ]
        for arguments, codes, reasons in cases:
            with self.subTest(arguments=arguments):
                result = self.box.batuta("hf", "pull", *arguments, "--format", "json")
                self.assertIn(result.code, codes, result.err)
                self.assertIn(result.error["reason"], reasons)
                self.assertEqual(result.out, "")
                self.assertTrue(result.error["message"])
        self.assertEqual([entry for entry in self.hub.requests() if entry["listener"] == "cdn"], [])

    def test_choice_names_the_variants_with_sizes_and_the_flags(self):
        result = self.box.batuta("hf", "pull", "model", "acme/gguf")
        for word in ("Q4_K_M", "Q8_0", "--quantization", "--format all"):
            self.assertIn(word, result.err)
        self.box.pull("model", "acme/gguf", "--quantization", "q4_k_m")

    def test_bad_token_is_told_apart(self):
        error = self.box.pull("model", "mira/private", code=5, env={"HF_TOKEN": "hf_" + "z" * 34})
        self.assertEqual(error["reason"], "TOKEN_REJECTED")

    def test_renamed_repo_is_followed(self):
        document = self.box.pull("model", "acme/old-name")
        self.assertTrue(os.path.isfile(os.path.join(document["path"], "config.json")))

    def test_token_opens_gated_and_private_repos_and_never_reaches_the_cdn_or_the_disk(self):
        for repo in ("acme/gated", "mira/private"):
            self.box.pull("model", repo, env={"HF_TOKEN": self.TOKEN})
        log = self.hub.requests()
        self.assertTrue([entry for entry in log if entry["listener"] == "cdn"])
        for entry in log:
            seen = json.dumps(entry)
            if entry["listener"] == "cdn":
                self.assertNotIn(self.TOKEN, seen)
                self.assertNotIn("authorization", seen.lower().replace('"authorization": null', ""))
        for path in [*self.box.state.rglob("*"), *self.box.cache.rglob("*"), self.box.folder / "batutad.log"]:
            if path.is_file() and not path.is_symlink():
                self.assertNotIn(self.TOKEN.encode(), path.read_bytes(), path)

    def test_login_whoami_logout(self):
        self.assertEqual(self.box.batuta("hf", "whoami").code, 5)
        login = self.box.batuta("hf", "login", "--token-stdin", stdin=self.TOKEN + "\n")
        self.assertEqual(login.code, 0, login.err)
        self.assertNotIn(self.TOKEN, login.out + login.err)
        self.assertEqual(self.box.batuta("hf", "whoami", "--format", "json").json["name"], "mira")
        self.assertEqual(self.box.batuta("hf", "logout").code, 0)
        self.assertEqual(self.box.batuta("hf", "whoami").code, 5)


if __name__ == "__main__":
    unittest.main()
