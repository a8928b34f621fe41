"""What the hub's own scanners say of files, and the conversion that it may have: reasons to refuse, and a way out."""

import os
import pathlib
import sys
import unittest

from harness import EndToEndTest, make_weights, write_repo

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "corpus"))
from safetycorpus import torchfiles  # pylint: disable=wrong-import-position

CLEAN = torchfiles.torch_zip(*torchfiles.USUAL)
WEIGHTS = make_weights(1, 300_000)
CONVERSION = "refs/convert/safetensors"


class HubScanTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.root = self.box.folder / "root"
        self.root.mkdir()

    def begin(self):
        self.hub = self.box.hub(self.root)
        self.box.daemon()

    def fetched(self):
        """Paths of the requests for bytes of files."""
        return [entry["path"] for entry in self.hub.requests() if entry["listener"] == "cdn" or "/resolve" in entry["path"]]

    def asked(self):
        """Requests to the API, without those for files."""
        return [entry["target"] for entry in self.hub.requests() if entry["path"].startswith("/api/") and "/resolve" not in entry["path"]]

    def refuse(self, *args, kind="model", code=8, reason="UNSAFE_CONTENT"):
        error = self.box.pull(kind, *args, code=code)
        self.assertEqual(error["reason"], reason)
        return error

    # --- the hub's scanners ---

    def test_what_the_hub_calls_unsafe_is_refused_before_a_byte_of_it_is_fetched(self):
        write_repo(self.root, "acme/bad", {"config.json": "{}", "model.safetensors": WEIGHTS}, securityFileStatus={"model.safetensors": {"status": "unsafe"}})
        self.begin()
        for classes in ([], ["--allow-unsafe"], ["--allow-unsafe=pickle,code,invalid,unknown"], ["--dry-run"]):
            error = self.refuse("acme/bad", *classes)
            self.assertIn("model.safetensors", error["message"])
            self.assertIn("the hub's own scanners", error["message"])
            self.assertIn("--allow-malicious", error["hint"])
        self.assertEqual(self.fetched(), [])
        self.box.pull("model", "acme/bad", "--exclude", "*.safetensors")

    def test_whoever_admits_it_all_the_same_is_warned_and_it_is_written_down(self):
        write_repo(self.root, "acme/bad", {"model.safetensors": WEIGHTS}, securityFileStatus={"model.safetensors": {"status": "unsafe"}})
        self.begin()
        plan = self.box.pull("model", "acme/bad", "--allow-malicious", "--dry-run")
        self.assertEqual([file["warning"] for file in plan["files"]], ["the hub's scanners call it unsafe"])
        document = self.box.pull("model", "acme/bad", "--allow-malicious")
        self.assertEqual([file["warning"] for file in document["files"]], ["the hub's scanners call it unsafe"])
        consents = self.box.batuta("hf", "cache", "why", "acme/bad", "--format", "json").json["consents"]
        self.assertEqual([(consent["path"], consent["classes"], consent["uid"]) for consent in consents], [("model.safetensors", ["hub-scan"], os.getuid())])
        self.assertRegex(self.box.batuta("hf", "cache", "why", "acme/bad").err, r"admitted: model\.safetensors .*, although the hub's scanners object to it")

    def test_a_suspicion_is_admitted_by_the_class_of_the_file(self):
        write_repo(self.root, "acme/pickle", {"pytorch_model.bin": CLEAN}, securityFileStatus={"pytorch_model.bin": {"status": "suspicious"}})
        write_repo(self.root, "acme/tensors", {"model.safetensors": WEIGHTS}, securityFileStatus={"model.safetensors": {"status": "caution"}})
        self.begin()
        document = self.box.pull("model", "acme/pickle", "--allow-unsafe")
        self.assertIn("suspicious", document["files"][0]["warning"])
        self.assertIn("--allow-unsafe=unknown", self.refuse("acme/tensors")["hint"])
        self.refuse("acme/tensors", "--allow-unsafe")
        self.box.pull("model", "acme/tensors", "--allow-unsafe=unknown")

    def test_a_safe_twin_is_taken_instead(self):
        write_repo(self.root, "acme/twins", {"config.json": "{}", "model.safetensors": WEIGHTS, "model.fp16.safetensors": make_weights(2, 200_000)},
                   securityFileStatus={"model.safetensors": {"status": "unsafe"}})
        self.begin()
        document = self.box.pull("model", "acme/twins")
        files = {file["path"]: (file["status"], file["reason"]) for file in document["files"]}
        self.assertEqual(files["model.safetensors"], ("skipped", "the hub's scanners call it unsafe"))
        self.assertEqual(files["model.fp16.safetensors"][0], "downloaded")
        self.assertEqual([path for path in self.fetched() if path.endswith("/model.safetensors")], [])

    def test_what_the_hub_has_not_scanned_or_leaves_out_changes_nothing(self):
        verdicts = {"a.safetensors": "unscanned", "b.safetensors": "queued", "c.safetensors": "error", "d.safetensors": "safe", "pytorch_model.bin": "unsafe"}
        write_repo(self.root, "acme/fresh", {path: CLEAN if path.endswith(".bin") else make_weights(number, 100_000) for number, path in enumerate(verdicts)},
                   securityFileStatus={path: {"status": status} for path, status in verdicts.items()})
        # "safe" of the hub is no verdict either: what is inside decides.
        write_repo(self.root, "acme/renamed", {"model.safetensors": CLEAN}, securityFileStatus={"model.safetensors": {"status": "safe"}})
        self.begin()
        document = self.box.pull("model", "acme/fresh")
        self.assertEqual({file["path"] for file in document["files"] if file["status"] == "downloaded"}, {path for path in verdicts if path.endswith("safetensors")})
        self.assertNotIn("scanners", self.refuse("acme/renamed")["message"])

    def test_datasets_and_spaces_are_asked_about_by_file(self):
        write_repo(self.root, "acme/ponds", {"train.csv": "a,b\n1,2\n"}, kind="datasets", securityFileStatus={"train.csv": {"status": "unsafe"}})
        write_repo(self.root, "acme/show", {"app.py": "print(1)\n"}, kind="spaces", securityFileStatus={"app.py": {"status": "unsafe"}})
        self.begin()
        self.assertIn("train.csv", self.refuse("acme/ponds", kind="dataset")["message"])
        self.assertIn("app.py", self.refuse("acme/show", kind="space")["message"])
        self.assertEqual(self.fetched(), [])
        self.hub.scan("acme/show", {"app.py": "suspicious"}, kind="space")
        document = self.box.pull("space", "acme/show", "--refresh")
        self.assertIn("suspicious", document["files"][0]["warning"])

    # --- what it costs ---

    def test_a_pull_costs_one_question_at_most_and_none_where_nothing_is_fetched(self):
        write_repo(self.root, "acme/one", {"config.json": "{}", "model.safetensors": WEIGHTS})
        write_repo(self.root, "acme/two", {"config.json": "{}", "model.safetensors": make_weights(3, 100_000)})
        self.begin()
        self.box.pull("model", "acme/one")
        self.assertEqual(len(self.asked()), 2, "the first look at the namespace, which tells of the scans, and the tree")
        self.hub.clear_log()
        self.box.pull("model", "acme/two")
        self.assertEqual(len(self.asked()), 3, "revision, tree, scans")
        self.hub.clear_log()
        self.hub.scan("acme/two", {"model.safetensors": "unsafe"})
        self.box.pull("model", "acme/two")
        self.box.pull("model", "acme/two", "--offline")
        self.assertEqual(self.asked(), [])
        self.box.pull("model", "acme/two", "--refresh")
        self.assertEqual(len(self.asked()), 1)

    def test_a_verdict_that_comes_later_is_heard_by_the_next_pull(self):
        write_repo(self.root, "acme/known", {"config.json": "{}"})
        write_repo(self.root, "acme/late", {"config.json": "{}", "model.safetensors": WEIGHTS})
        self.begin()
        self.box.pull("model", "acme/known")
        self.box.pull("model", "acme/late", "config.json")
        self.hub.scan("acme/late", {"model.safetensors": "unsafe"})
        self.refuse("acme/late", "--refresh")

    def test_a_hub_that_fails_to_answer_does_not_fail_the_pull(self):
        write_repo(self.root, "acme/known", {"config.json": "{}"})
        self.begin()
        self.box.pull("model", "acme/known")
        faults = {"error": {"kind": "status", "status": 500}, "nonsense": {"kind": "garbage_json"}, "gone": {"kind": "status", "status": 404},
                  "forbidden": {"kind": "status", "status": 403}, "reset": {"kind": "reset"}}
        for number, (name, fault) in enumerate(faults.items()):
            commit = self.hub.commit(f"acme/{name}", {"config.json": "{}", "model.safetensors": make_weights(10 + number, 100_000)})["commit"]
            rule = self.hub.fault(listener="hub", path=f"/api/models/acme/{name}/revision/{commit}", count="always", **fault)
            self.box.pull("model", f"acme/{name}")
            self.assertGreater(self.hub.fault_hits()[rule], 0, name)

    # --- conversions ---

    def test_a_conversion_is_named_only_where_the_hub_has_it(self):
        write_repo(self.root, "acme/old", {"config.json": "{}", "pytorch_model.bin": CLEAN})
        write_repo(self.root, "acme/hidden", {"config.json": "{}", "model.safetensors": CLEAN})
        self.begin()
        self.assertNotIn("refs/convert", self.refuse("acme/old")["hint"])
        for repo in ("acme/old", "acme/hidden"):
            self.hub.commit(repo, {"config.json": "{}", "model.safetensors": WEIGHTS}, branch=CONVERSION)
        self.assertIn(f"--revision {CONVERSION}", self.refuse("acme/old", "--refresh")["hint"])
        self.assertIn(f"--revision {CONVERSION}", self.refuse("acme/hidden")["hint"])
        self.box.pull("model", "acme/old", "--revision", CONVERSION)


if __name__ == "__main__":
    unittest.main()
