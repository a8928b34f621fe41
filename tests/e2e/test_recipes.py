"""What docs/recipes says of other programs, held against how they look for files."""

import os
import shutil
import subprocess
import tempfile
import unittest

from docs_world import make_sample_hub
from harness import EndToEndTest, wait_until
from python_library import Library

REPO = "acme/otter-tiny"
VARIANTS = "acme/otter-tiny-GGUF"


def as_llama_cpp_finds_it(environment, repo, tag):
    """The file that `llama-server -hf REPO:TAG --offline` takes, by the rules of its cache: refs/main, else another ref; then the
    files of that snapshot."""
    for variable, below in (("LLAMA_CACHE", ""), ("HF_HUB_CACHE", ""), ("HUGGINGFACE_HUB_CACHE", ""), ("HF_HOME", "hub"),
                            ("XDG_CACHE_HOME", "huggingface/hub"), ("HOME", ".cache/huggingface/hub")):
        if environment.get(variable):
            root = os.path.join(environment[variable], below)
            break
    folder = os.path.join(root, "models--" + repo.replace("/", "--"))
    with open(os.path.join(folder, "refs", "main"), encoding="utf-8") as file:
        commit = file.readline()
    snapshot = os.path.join(folder, "snapshots", commit)
    for where, _, names in os.walk(snapshot):
        for name in names:
            if name.endswith(".gguf") and tag.lower() in name.lower():
                return os.path.join(where, name)
    return None


class RecipesTest(EndToEndTest):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="batuta-recipes-")
        cls.addClassCleanup(folder.cleanup)
        cls.sample_hub = os.path.join(folder.name, "hub")
        make_sample_hub(cls.sample_hub)

    def setUp(self):
        super().setUp()
        self.hub = self.box.hub(self.sample_hub)
        # As a reader has it: the cache in its usual place, found by every tool without a variable.
        del self.box.env["HF_HUB_CACHE"]
        self.cache = self.box.home / ".cache" / "huggingface" / "hub"
        self.box.daemon()

    def test_llama_cpp_finds_the_variant_by_name_without_the_hub(self):
        self.box.pull("model", VARIANTS, "--quantization", "Q4_K_M")
        found = as_llama_cpp_finds_it({"HOME": str(self.box.home)}, VARIANTS, "Q4_K_M")
        self.assertEqual(os.path.basename(found), "otter-tiny-Q4_K_M.gguf")
        path = self.box.batuta("hf", "cache", "path", "model", VARIANTS, "otter-tiny-Q4_K_M.gguf").out.strip()
        self.assertTrue(os.path.samefile(found, path))

    def test_library_takes_a_file_of_a_cached_commit_without_a_question(self):
        document = self.box.pull("model", REPO)
        self.hub.clear_log()
        path = Library(self.hub.endpoint, self.cache).download(REPO, "config.json", document["commit"])
        self.assertTrue(path.samefile(os.path.join(document["path"], "config.json")))
        self.assertEqual(self.hub.requests(), [])

    def test_library_asks_for_a_branch_and_downloads_nothing(self):
        self.box.pull("model", REPO)
        self.hub.clear_log()
        Library(self.hub.endpoint, self.cache).download(REPO, "config.json", "main")
        self.assertEqual({entry["method"] for entry in self.hub.requests()}, {"HEAD"})

    def test_whole_cache_can_be_mounted_elsewhere_and_a_snapshot_alone_holds_nothing(self):
        document = self.box.pull("model", REPO)
        whole, alone = self.box.folder / "whole", self.box.folder / "alone"
        shutil.copytree(self.cache, whole, symlinks=True)
        shutil.copytree(document["path"], alone, symlinks=True)
        self.assertTrue((whole / os.path.relpath(document["path"], self.cache) / "config.json").is_file())
        self.assertFalse((alone / "config.json").exists())

    def test_unpacked_archive_is_a_cache_and_serves_offline(self):
        self.box.pull("model", REPO)
        archive, node = self.box.folder / "otter.tar", self.box.folder / "node"
        self.assertEqual(self.box.batuta("hf", "cache", "export", str(archive), "model", REPO).code, 0)
        node.mkdir()
        subprocess.run(["tar", "-xf", str(archive), "-C", str(node)], check=True)
        other = {"HF_HUB_CACHE": str(node), "HF_HUB_OFFLINE": "1", "XDG_STATE_HOME": str(self.box.folder / "state-2"),
                 "BATUTA_SOCKET": str(self.box.folder / "run" / "second.sock")}
        (self.box.folder / "state-2").mkdir()
        self.box.daemon(env=other, wait=False)
        wait_until(lambda: self.box.batuta("daemon", "status", env=other).code == 0, "the daemon of the node")
        pulled = self.box.pull("model", REPO, env=other)
        self.assertTrue(pulled["path"].startswith(str(node)))
        self.assertEqual(pulled["bytes_downloaded"], 0)

    def test_hard_link_takes_no_room_and_outlives_the_cache(self):
        models = self.box.home / "models" / "checkpoints"
        self.box.pull("model", "acme/otter-small", "model.safetensors", "-o", str(models), "--hard-link")
        link = models / "model.safetensors"
        self.assertEqual(sorted(path.name for path in models.iterdir()), ["model.safetensors"])
        self.assertGreaterEqual(link.stat().st_nlink, 2)
        content = link.read_bytes()
        self.assertEqual(self.box.batuta("hf", "cache", "rm", "acme/otter-small").code, 0)
        self.assertEqual(link.read_bytes(), content)

    def test_programs_of_a_repo_come_only_when_they_are_admitted(self):
        self.hub.commit("acme/otter-code", {"config.json": '{"auto_map": {"AutoModel": "modeling_otter.OtterModel"}}', "modeling_otter.py": "x = 1\n"})
        self.assertNotIn("modeling_otter.py", self.taken("acme/otter-code"))
        self.assertIn("modeling_otter.py", self.taken("acme/otter-code", "--allow-unsafe=code"))

    def taken(self, repo, *args):
        return {file["path"] for file in self.box.pull("model", repo, *args)["files"] if file["status"] != "skipped"}


if __name__ == "__main__":
    unittest.main()
