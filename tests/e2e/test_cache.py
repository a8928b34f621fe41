"""What is on disk, as a person or a script deals with it: listed, pinned, explained, removed, pruned."""

import json
import os
import shutil
import unittest

from harness import EndToEndTest, make_weights

KB = 1000


class CacheTest(EndToEndTest):
    CONFIG = ""

    def setUp(self):
        super().setUp()
        if self.CONFIG:
            folder = self.box.folder / "config" / "batuta"
            folder.mkdir(parents=True)
            (folder / "config.toml").write_text(self.CONFIG)
        self.hub = self.box.hub(args=["--no-rate-limits"])
        self.box.daemon()

    def put(self, repo, size, kind="model", branch="main", **files):
        """A repo on the hub with weights of `size` bytes and what `files` says; pulled. Returns the commit."""
        content = {"config.json": json.dumps({"of": repo}), "model.safetensors": make_weights(f"{repo} {branch}", size)}
        content.update({name.replace("__", "."): text for name, text in files.items()})
        commit = self.hub.commit(repo, content, kind=kind, branch=branch)["commit"]
        self.box.pull(kind, repo, "--revision", branch, "--refresh")
        return commit

    def put_adapter(self, repo, base, size=50 * KB):
        self.hub.commit(repo, {"adapter_config.json": json.dumps({"base_model_name_or_path": base, "peft_type": "LORA"}),
                               "adapter_model.safetensors": make_weights(repo, size)})
        self.box.pull("model", repo)

    def cache(self, *args, code=0):
        """`hf cache …`, which must end with `code`: its document, or the error."""
        result = self.box.batuta("hf", "cache", *args, "--format", "json")
        self.assertEqual(result.code, code, result.out + result.err)
        return result.json if code == 0 else result.error

    def text(self, *args):
        result = self.box.batuta("hf", "cache", *args)
        self.assertEqual(result.code, 0, result.err)
        return result.out

    def listed(self, *args):
        return [repo["repo"] for repo in self.cache("ls", *args)["repos"]]

    def folder(self, repo, kind="models"):
        return self.box.cache / f"{kind}--{repo.replace('/', '--')}"


class CommandsTest(CacheTest):
    def test_ls_filters_sorts_and_limits(self):
        self.put("acme/large", 300 * KB)
        self.put("acme/small", 10 * KB)
        self.put("acme/notes", 100 * KB, kind="dataset")
        self.assertEqual(self.listed("--sort", "size"), ["acme/large", "acme/notes", "acme/small"])
        self.assertEqual(self.listed("--sort", "size:asc", "--limit", "1"), ["acme/small"])
        self.assertEqual(self.listed("--sort", "accessed"), ["acme/notes", "acme/small", "acme/large"])
        self.assertEqual(self.listed("--sort", "name"), ["acme/notes", "acme/large", "acme/small"])
        self.assertEqual(sorted(self.listed("--filter", "size>50kB")), ["acme/large", "acme/notes"])
        self.assertEqual(self.listed("--filter", "size>50kB", "--filter", "type=model"), ["acme/large"])
        self.assertEqual(self.listed("--filter", "accessed>1d"), [])
        self.assertEqual(len(self.listed("--filter", "accessed<1d", "--filter", "refs=main")), 3)
        whole = self.cache("ls")
        self.assertEqual(whole["total_bytes"], sum(repo["size_bytes"] for repo in whole["repos"]))
        for entry in whole["repos"]:
            self.assertLessEqual({"repo", "type", "size_bytes", "pinned", "last_access", "selections", "protected_by"}, set(entry))
            self.assertEqual([entry["pinned"], entry["protected_by"], len(entry["selections"])], [False, [], 1])
        self.assertEqual(self.cache("ls", "--filter", "type=dataset")["total_bytes"],
                         self.cache("ls", "--filter", "type=dataset")["repos"][0]["size_bytes"])
        table = self.text("ls")
        self.assertIn("LAST USED", table)
        self.assertIn("acme/large", table)

    def test_bad_input_is_exit_2_and_names_what_is_possible(self):
        for args, words in ((("ls", "--filter", "colour=red"), "accessed, modified, refs, size and type"),
                            (("ls", "--filter", "size>big"), "big"),
                            (("ls", "--sort", "age"), "accessed, modified, name or size"),
                            (("rm",), "TARGET"), (("rm", "a//b"), "a//b"), (("prune", "--free", "much"), "much"),
                            (("prune", "--older-than", "soon"), "soon")):
            error = self.cache(*args, code=2)
            self.assertIn(words, error["message"] + (error["hint"] or ""), args)
        for args in (("rm", "model", "acme/none"), ("rm", "acme/none"), ("rm", "f" * 40), ("why", "acme/none")):
            self.assertEqual(self.cache(*args, code=10)["reason"], "OFFLINE_MISS", args)

    def test_what_is_pinned_stays_and_says_why(self):
        commit = self.put("acme/otter", 20 * KB)
        self.assertEqual(self.cache("pin", "acme/otter", "--reason", "demo on Friday")["commit"], None)
        entry = self.cache("ls")["repos"][0]
        self.assertTrue(entry["pinned"])
        self.assertEqual(entry["selections"][0]["pin_reason"], "demo on Friday")
        error = self.cache("rm", "acme/otter", code=1)
        self.assertEqual(error["reason"], "PINNED")
        self.assertIn("demo on Friday", error["message"])
        self.assertTrue(self.folder("acme/otter").exists())
        self.assertIn("demo on Friday", self.text("ls"))
        self.assertIn("demo on Friday", self.cache("why", "acme/otter")["selections"][0]["why"])
        self.assertEqual(self.cache("unpin", "acme/otter")["removed"], 1)
        self.assertEqual(self.cache("unpin", "acme/otter")["removed"], 0)
        removed = self.cache("rm", commit)
        self.assertEqual([line["goes"] for line in removed["selections"]], [True])
        self.assertGreater(removed["freed_bytes"], 20 * KB)
        self.assertFalse(self.folder("acme/otter").exists())

    def test_a_pin_of_a_revision_is_of_that_commit(self):
        first = self.put("acme/otter", 20 * KB)
        self.assertEqual(self.cache("pin", "model", "acme/otter", "--revision", "main")["commit"], first)
        second = self.put("acme/otter", 30 * KB, branch="next")
        self.assertEqual(self.cache("rm", second)["selections"][0]["commit"], second)
        self.assertEqual(self.cache("rm", first, code=1)["reason"], "PINNED")

    def test_rm_shows_first_and_then_does(self):
        self.put("acme/otter", 20 * KB)
        planned = self.cache("rm", "acme/otter", "--dry-run")
        self.assertTrue(planned["dry_run"])
        self.assertTrue(planned["selections"][0]["goes"])
        self.assertEqual(self.listed(), ["acme/otter"])
        quiet = self.box.batuta("hf", "cache", "rm", "model/acme/otter", "-y", "--format", "quiet")
        self.assertEqual(quiet.out.split()[:2], ["model", "acme/otter"])
        self.assertEqual(self.listed(), [])

    def test_rm_takes_one_variant_and_leaves_the_other(self):
        files = {f"otter-{quant}.gguf": {"size": 20 * KB, "seed": seed} for seed, quant in enumerate(("Q4_K_M", "Q8_0"))}
        self.hub.commit("acme/otter-gguf", {"config.json": "{}", **files})
        for quant in ("Q4_K_M", "Q8_0"):
            self.box.pull("model", "acme/otter-gguf", "--quantization", quant)
        rows = self.cache("ls", "--selections")["repos"]
        labels = {row["selections"][0]["label"] for row in rows}
        self.assertEqual(len(rows), 2, rows)
        q8 = next(label for label in labels if "Q8_0" in label)
        self.cache("rm", "acme/otter-gguf", "--label", q8)
        left = sorted(path.name for path in self.folder("acme/otter-gguf").glob("snapshots/*/*"))
        self.assertEqual(left, ["config.json", "otter-Q4_K_M.gguf"])
        self.assert_tree_is_sound()

    def test_a_base_that_an_adapter_needs_is_refused_and_goes_with_it(self):
        self.put("acme/base", 40 * KB)
        self.put_adapter("acme/lora", "acme/base")
        entry = next(repo for repo in self.cache("ls")["repos"] if repo["repo"] == "acme/base")
        self.assertEqual(entry["protected_by"], ["acme/lora"])
        self.assertIn("needed by acme/lora", self.text("ls"))
        error = self.cache("rm", "acme/base", code=1)
        self.assertEqual(error["reason"], "IN_USE")
        self.assertIn("acme/lora", error["message"])
        self.assertEqual(sorted(self.listed()), ["acme/base", "acme/lora"])
        self.cache("rm", "acme/base", "--force", "--dry-run")
        gone = self.cache("rm", "acme/base", "acme/lora")
        self.assertEqual(sorted(line["repo"] for line in gone["selections"]), ["acme/base", "acme/lora"])
        self.assertEqual(self.listed(), [])

    def test_a_name_of_two_types_is_a_question(self):
        self.put("acme/otter", 10 * KB)
        self.put("acme/otter", 10 * KB, kind="dataset")
        error = self.cache("rm", "acme/otter", code=2)
        self.assertIn("model/acme/otter or dataset/acme/otter", error["hint"].replace("dataset/acme/otter or model/acme/otter",
                                                                                       "model/acme/otter or dataset/acme/otter"))
        self.cache("rm", "dataset/acme/otter")
        self.assertEqual([repo["type"] for repo in self.cache("ls")["repos"]], ["model"])

    def test_why_gives_a_reason_for_every_line(self):
        self.put("acme/base", 40 * KB)
        self.put("acme/old", 40 * KB)
        self.put_adapter("acme/lora", "acme/base")
        self.put("acme/pinned", 40 * KB)
        self.cache("pin", "acme/pinned", "--reason", "demo")
        lines = self.cache("why")["selections"]
        self.assertEqual({line["repo"] for line in lines}, {"acme/base", "acme/old", "acme/lora", "acme/pinned"})
        self.assertTrue(all(line["why"] for line in lines), lines)
        going = [line["repo"] for line in lines if line["goes"]]
        self.assertEqual(going[0], "acme/old")
        self.assertLess(going.index("acme/lora"), going.index("acme/base"), "a base goes after what needs it")
        self.assertEqual([line["repo"] for line in lines if not line["goes"]], ["acme/pinned"])
        self.assertIn("demo", self.text("why", "acme/pinned"))

    def test_prune_shows_first_and_then_removes_what_nobody_misses(self):
        old = self.put("acme/otter", 40 * KB)
        new = self.put("acme/otter", 50 * KB)  # the branch moves on
        self.assertNotEqual(old, new)
        loose = self.folder("acme/otter") / "blobs" / ("d" * 64)
        loose.write_bytes(b"left behind" * 100)
        for path in (loose, loose.parent):  # what another program wrote just now would be left alone
            os.utime(path, (1_600_000_000, 1_600_000_000))
        kept = self.cache("prune", "--older-than", "30d", "--dry-run")
        self.assertEqual([line["goes"] for line in kept["selections"]], [False], "it was used today")
        kept = self.cache("prune", "--keep-last", "2", "--dry-run")
        self.assertEqual([line["goes"] for line in kept["selections"]], [False])
        planned = self.cache("prune", "--dry-run")
        self.assertEqual([(line["commit"], line["goes"]) for line in planned["selections"]], [(old, True)])
        self.assertEqual(planned["loose_files"], 1)
        self.assertTrue(loose.exists())
        done = self.cache("prune", "-y")
        self.assertEqual(done["loose_files"], 1)
        self.assertGreater(done["freed_bytes"], 40 * KB)
        self.assertFalse(loose.exists())
        self.assertEqual([path.name for path in self.folder("acme/otter").glob("snapshots/*")], [new])
        self.assert_tree_is_sound()
        self.assertEqual(self.cache("prune")["selections"], [])

    def test_prune_frees_what_was_used_longest_ago_until_it_is_enough(self):
        for name in ("one", "two", "three"):
            self.put(f"acme/{name}", 100 * KB)
        self.box.batuta("hf", "cache", "path", "model", "acme/one")  # a use
        done = self.cache("prune", "--free", "90kB")
        self.assertEqual([line["repo"] for line in done["selections"] if line["goes"]], ["acme/two"])
        self.assertEqual(sorted(self.listed()), ["acme/one", "acme/three"])

    def test_df_counts_a_file_that_two_repos_share_once(self):
        same = make_weights("same", 100 * KB)
        for name in ("one", "two"):
            self.hub.commit(f"acme/{name}", {"model.safetensors": same})
            self.box.pull("model", f"acme/{name}")
        blobs = [next(self.folder(f"acme/{name}").glob("blobs/*")) for name in ("one", "two")]
        if not os.path.samefile(*blobs):
            blobs[1].unlink()
            os.link(*blobs)
        self.cache("rescan")
        usage = self.cache("df")
        self.assertGreaterEqual(usage["total_bytes"], 100 * KB)
        self.assertLess(usage["total_bytes"], 150 * KB)
        self.assertGreaterEqual(usage["shared_bytes"], 100 * KB)
        self.assertLessEqual(usage["reclaimable_bytes"], usage["total_bytes"])
        self.assertEqual(usage["max_bytes"], None)
        self.assertEqual(self.cache("ls")["total_bytes"], usage["total_bytes"])
        self.assertIn("saved", self.text("df"))
        self.assertEqual(self.box.batuta("hf", "cache", "df", "--format", "quiet").out, f"{usage['total_bytes']}\n")

    def test_rescan_notices_what_was_taken_away_by_hand(self):
        self.put("acme/one", 10 * KB)
        self.put("acme/two", 10 * KB)
        shutil.rmtree(self.folder("acme/one"))
        survey = self.cache("rescan")
        self.assertEqual((survey["repos"], survey["snapshots"], survey["selections"]), (1, 1, 1))
        self.assertEqual(self.listed(), ["acme/two"])
        self.box.pull("model", "acme/one")
        self.assertEqual(sorted(self.listed()), ["acme/one", "acme/two"])
        self.assert_tree_is_sound()

    def test_targets_are_completed(self):
        self.put("acme/otter", 10 * KB)
        for words, found in ((("rm", ""), ["dataset", "model", "space"]), (("rm", "model", ""), ["acme/otter"]),
                             (("why", "model/a"), ["model/acme/otter"]), (("pin", "acme/"), ["acme/otter"])):
            self.assertEqual(self.box.batuta("__complete", "--", "hf", "cache", *words).out.split(), found, words)


class QuotaTest(CacheTest):
    CONFIG = '[cache]\nmax_size = "1MB"\nmin_free = "0"\nhigh_water = 100\nlow_water = 100\n'

    def test_a_pin_protects_from_eviction(self):
        self.put("acme/oldest", 400 * KB)
        self.cache("pin", "acme/oldest")
        self.put("acme/older", 400 * KB)
        self.put("acme/new", 400 * KB)
        self.assertEqual(sorted(self.listed()), ["acme/new", "acme/oldest"])
        self.assertLessEqual(self.cache("df")["total_bytes"], 1000 * KB)

    def test_a_base_that_an_adapter_needs_outlives_what_was_used_after_it(self):
        self.put("acme/base", 400 * KB)
        self.put("acme/other", 400 * KB)
        self.put_adapter("acme/lora", "acme/base")
        self.put("acme/new", 400 * KB)
        self.assertEqual(sorted(self.listed()), ["acme/base", "acme/lora", "acme/new"])

    def test_what_cannot_fit_is_refused_with_the_numbers(self):
        self.put("acme/pinned", 700 * KB)
        self.cache("pin", "acme/pinned")
        self.hub.commit("acme/big", {"model.safetensors": make_weights("big", 500 * KB)})
        error = self.box.pull("model", "acme/big", code=7)
        self.assertEqual(error["reason"], "DISK_FULL")
        self.assertEqual(self.listed(), ["acme/pinned"])


if __name__ == "__main__":
    unittest.main()
