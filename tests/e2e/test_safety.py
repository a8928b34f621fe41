"""Safe only, by content: what a pull refuses, when, and what its owner may admit all the same."""

import json
import pathlib
import random
import sys
import unittest

from harness import EndToEndTest, make_weights, write_repo

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "corpus"))
from safetycorpus import containers, native, op, rawzip, texts, torchfiles  # pylint: disable=wrong-import-position

CLEAN = torchfiles.torch_zip(*torchfiles.USUAL)
EVIL = torchfiles.torch_zip(torchfiles.EVIL, {})
UNLISTED = op.p2(op.new(op.glob("acme.models", "Net")))
WEIGHTS = make_weights(1, 300_000)
SEGMENT = 4 << 20


def large_pickle(size):
    """Does its harm in the first bytes, whatever comes then."""
    return op.proto(4) + op.ATTACK4 + op.POP + b"\x8e" + size.to_bytes(8, "little") + random.Random(1).randbytes(size) + op.STOP


class SafetyTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.root = self.box.folder / "root"
        self.root.mkdir()

    def begin(self):
        self.hub = self.box.hub(self.root)
        self.box.daemon()

    def folder(self, repo, kind="models"):
        return self.box.cache / f"{kind}--{repo.replace('/', '--')}"

    def published(self, repo):
        """The files of all its snapshots."""
        return sorted({path.name for path in self.folder(repo).glob("snapshots/*/**/*") if path.is_symlink()})

    def blobs(self, repo):
        return [path.name for path in self.folder(repo).glob("blobs/*") if len(path.name) in (40, 64)]

    def fetched(self):
        """Paths of the requests for bytes of files."""
        return [entry["path"] for entry in self.hub.requests() if entry["listener"] == "cdn" or "/resolve" in entry["path"]]

    def refuse(self, *args, code=8, reason="UNSAFE_CONTENT"):
        error = self.box.pull("model", *args, code=code)
        self.assertEqual(error["reason"], reason)
        return error

    # --- before anything is fetched ---

    def test_a_repo_with_only_a_pickle_is_refused_by_its_metadata_alone(self):
        write_repo(self.root, "acme/old", {"config.json": "{}", "pytorch_model.bin": CLEAN})
        self.begin()
        error = self.refuse("acme/old")
        self.assertIn("pytorch_model.bin", error["message"])
        self.assertIn("--allow-unsafe", error["hint"])
        self.assertEqual(self.fetched(), [])
        self.assertEqual(self.published("acme/old"), [])

    def test_a_twin_is_taken_instead_and_that_is_said(self):
        write_repo(self.root, "acme/twins", {"config.json": "{}", "pytorch_model.bin": EVIL, "model.safetensors": WEIGHTS})
        self.begin()
        document = self.box.pull("model", "acme/twins")
        left = {file["path"]: file for file in document["files"] if file["status"] == "skipped"}
        self.assertEqual(list(left), ["pytorch_model.bin"])
        self.assertTrue(left["pytorch_model.bin"]["reason"])
        self.assertEqual([path for path in self.fetched() if "pytorch_model" in path], [])
        self.assertEqual(self.published("acme/twins"), ["config.json", "model.safetensors"])

    def test_python_files_are_left_out_unless_code_is_admitted(self):
        write_repo(self.root, "acme/remote", {"config.json": "{}", "modeling_otter.py": "import os\n", "model.safetensors": WEIGHTS})
        self.begin()
        document = self.box.pull("model", "acme/remote")
        self.assertEqual([file["path"] for file in document["files"] if file["status"] == "skipped"], ["modeling_otter.py"])
        self.assertEqual(self.published("acme/remote"), ["config.json", "model.safetensors"])
        self.refuse("acme/remote", "modeling_otter.py")
        self.box.pull("model", "acme/remote", "--allow-unsafe=code")
        self.assertIn("modeling_otter.py", self.published("acme/remote"))

    def test_a_refusal_after_a_look_by_ranges_costs_kilobytes(self):
        storages = {"0": random.Random(2).randbytes(16 << 20)}
        program = op.p2(op.odict({op.uni("w"): torchfiles.tensor("0", [4 << 20]), op.uni("x"): op.ATTACK}))
        write_repo(self.root, "acme/large", {"pytorch_model.bin": torchfiles.torch_zip(program, storages)})
        self.begin()
        error = self.refuse("acme/large", "--allow-unsafe")
        self.assertIn("posix.system", error["message"])
        self.assertLess(self.hub.stats()["cdn_bytes_sent"], 1 << 20)
        self.assertEqual(self.blobs("acme/large"), [])

    # --- what is not what it is called ---

    def test_a_pickle_called_safetensors_ends_within_its_first_segment(self):
        write_repo(self.root, "acme/renamed", {"model.safetensors": large_pickle(24 << 20), "config.json": "{}"})
        self.begin()
        for classes in ([], ["--allow-unsafe=pickle,code,invalid,unknown"]):
            error = self.refuse("acme/renamed", *classes)
            self.assertIn("model.safetensors", error["message"])
        self.assertLess(self.hub.stats()["cdn_bytes_sent"], SEGMENT)
        self.assertNotIn("model.safetensors", self.published("acme/renamed"))
        self.assertFalse((self.folder("acme/renamed") / "refs" / "main").exists())

    def test_other_files_of_a_refused_pull_come_in_and_no_ref_says_that_it_is_whole(self):
        write_repo(self.root, "acme/mixed", {"config.json": "{}", "a.safetensors": WEIGHTS, "b.safetensors": op.p2(op.ATTACK)})
        self.begin()
        self.assertIn("b.safetensors", self.refuse("acme/mixed")["message"])
        self.assertEqual(self.published("acme/mixed"), ["a.safetensors", "config.json"])
        self.assertFalse((self.folder("acme/mixed") / "refs" / "main").exists())
        self.assert_tree_is_sound()

    def test_files_that_break_their_format_are_told_from_unsafe_ones(self):
        write_repo(self.root, "acme/broken", {"model.safetensors": native.safetensors({"a": native.entry(0, 5), "b": native.entry(4, 8)}, bytes(8))})
        write_repo(self.root, "acme/cut", {"model.gguf": native.gguf()[:-40]})
        self.begin()
        for repo in ("acme/broken", "acme/cut"):
            self.refuse(repo, code=9, reason="INVALID_CONTENT")
            self.refuse(repo, "--allow-unsafe", code=9, reason="INVALID_CONTENT")
            self.box.pull("model", repo, "--allow-unsafe=invalid")

    def test_templates_and_hidden_programs_are_refused(self):
        template = json.dumps({"chat_template": texts.TEMPLATES_BAD["cycler"]})
        write_repo(self.root, "acme/template", {"tokenizer_config.json": template, "model.safetensors": WEIGHTS})
        write_repo(self.root, "acme/script", {"README.md": "#!/bin/sh\ntrue\n", "model.safetensors": WEIGHTS})
        self.begin()
        self.assertIn("tokenizer_config.json", self.refuse("acme/template")["message"])
        self.assertIn("README.md", self.refuse("acme/script")["message"])

    def test_a_template_that_nobody_can_read_is_a_program_and_no_broken_file(self):
        for repo, template in (("acme/broken-template", "{% for m in messages %}{{ m.content "), ("acme/large-template", "x" * ((1 << 20) + 1))):
            write_repo(self.root, repo, {"chat_template.jinja": template, "model.safetensors": WEIGHTS})
        self.begin()
        for repo in ("acme/broken-template", "acme/large-template"):
            self.assertIn("--allow-unsafe=code", self.refuse(repo)["hint"])
            self.refuse(repo, "--allow-unsafe=pickle,invalid,unknown")
            self.box.pull("model", repo, "--allow-unsafe=code")

    # --- what may be admitted, and what may not ---

    def test_a_harmless_pickle_is_admitted_with_a_warning_and_that_is_remembered(self):
        write_repo(self.root, "acme/clean", {"config.json": "{}", "pytorch_model.bin": CLEAN})
        self.begin()
        human = self.box.batuta("hf", "pull", "model", "acme/clean", "--allow-unsafe")
        self.assertEqual(human.code, 0, human.err)
        self.assertIn("pickle", human.out + human.err)
        self.assertIn("pytorch_model.bin", self.published("acme/clean"))
        # The same bytes in another repo, or in another commit, are asked about again.
        self.hub.commit("acme/other", {"config.json": "{}", "pytorch_model.bin": CLEAN})
        self.refuse("acme/other", "pytorch_model.bin")
        self.hub.commit("acme/clean", {"config.json": '{"v": 2}'})
        self.refuse("acme/clean", "pytorch_model.bin", "--refresh")

    def test_classes_that_nobody_knows_are_admitted_and_code_is_not(self):
        script = {f"net/{name}": data for name, data in {"code/__torch__/net.py": b"op_version_set = 1\n", "constants.pkl": op.p2(op.tup()),
                                                        "data.pkl": op.p2(op.tup()), "version": b"3\n"}.items()}
        write_repo(self.root, "acme/unlisted", {"pytorch_model.bin": UNLISTED})
        write_repo(self.root, "acme/script", {"model.pt": rawzip.plain(script)})
        self.begin()
        self.box.pull("model", "acme/unlisted", "--allow-unsafe")
        self.refuse("acme/script", "--allow-unsafe")
        self.box.pull("model", "acme/script", "--allow-unsafe=pickle,code")

    def test_what_does_harm_needs_a_flag_of_its_own(self):
        write_repo(self.root, "acme/evil", {"pytorch_model.bin": EVIL, "config.json": "{}"})
        self.begin()
        for classes in (["--allow-unsafe"], ["--allow-unsafe=pickle,code,invalid,unknown"]):
            error = self.refuse("acme/evil", *classes)
            self.assertIn("posix.system", error["message"])
        self.assertNotIn("pytorch_model.bin", self.published("acme/evil"))
        self.box.pull("model", "acme/evil", "--allow-malicious")
        self.assertIn("pytorch_model.bin", self.published("acme/evil"))

    def test_a_plan_tells_what_is_unsafe_of_what_is_cached(self):
        write_repo(self.root, "acme/evil", {"pytorch_model.bin": EVIL, "config.json": "{}"})
        self.begin()
        self.box.pull("model", "acme/evil", "--allow-malicious")
        warnings = {}
        for flag in ("--allow-malicious", "--allow-unsafe"):
            plan = self.box.pull("model", "acme/evil", "--dry-run", flag)
            warnings[flag] = {file["path"]: file.get("warning", "") for file in plan["files"]}
            self.assertEqual(warnings[flag]["config.json"], "")
        self.assertRegex(warnings["--allow-malicious"]["pytorch_model.bin"], r"^calls posix\.system")
        self.assertRegex(warnings["--allow-unsafe"]["pytorch_model.bin"], r"^a pull refuses it: calls posix\.system")

    def test_nothing_admits_a_bomb(self):
        write_repo(self.root, "acme/bomb", {"weights.zip": rawzip.packed({"a.txt": bytes(64 << 20)}), "config.json": "{}"})
        self.begin()
        self.refuse("acme/bomb", "--allow-malicious", "--allow-unsafe=pickle,code,invalid,unknown")
        self.assertNotIn("weights.zip", self.published("acme/bomb"))

    # --- what another tool put there ---

    def test_a_verdict_on_a_blob_clears_no_other_bytes_under_its_name(self):
        for repo in ("acme/known", "acme/swapped"):
            write_repo(self.root, repo, {"model.safetensors": make_weights(3, len(EVIL))})
        self.begin()
        self.box.pull("model", "acme/known")
        name = self.hub.blobs("acme/swapped", ["model.safetensors"])["model.safetensors"]
        swapped = self.folder("acme/swapped") / "blobs" / name
        swapped.parent.mkdir(parents=True)
        swapped.write_bytes(EVIL)
        self.refuse("acme/swapped")
        self.assertEqual(self.published("acme/swapped"), [])
        # The same, written over what a pull brought.
        brought = self.folder("acme/known") / "blobs" / name
        brought.chmod(0o644)
        brought.write_bytes(EVIL)
        self.refuse("acme/known")

    # --- everything else comes in ---

    def test_everyday_files_of_models_and_datasets_come_in(self):
        model = {"model.safetensors": WEIGHTS, "README.md": "# Otter\n\n```python\nimport os\n```\n", "image.png": texts.png(), "vocab.txt": "the\nos\nsystem\n",
                 "tokenizer_config.json": json.dumps({"chat_template": texts.TEMPLATES_GOOD["llama"]})}
        data = {"train.parquet": texts.PARQUET, "train.jsonl": '{"a": 1}\n', "photo.jpg": texts.JPEG, "sound.wav": texts.WAV, "notes.zip": rawzip.packed(containers.FILES)}
        write_repo(self.root, "acme/model", model)
        write_repo(self.root, "acme/data", data, kind="datasets")
        self.begin()
        self.box.pull("model", "acme/model")
        self.assertEqual(self.published("acme/model"), sorted(model))
        self.box.pull("dataset", "acme/data")
        self.assertEqual(sorted({path.name for path in self.folder("acme/data", "datasets").glob("snapshots/*/*")}), sorted(data))


if __name__ == "__main__":
    unittest.main()
