"""Files of a commit held against each other, before a pull or an import shows what is wrong."""

import json
import pathlib
import subprocess
import sys
import tarfile
import unittest

import catalog
from harness import EndToEndTest, Sandbox, make_weights, wait_until

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "corpus"))
from safetycorpus import graphs, native, op, torchfiles  # pylint: disable=wrong-import-position

INDEX = "model.safetensors.index.json"
SHARDS = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
CLEAN = torchfiles.torch_zip(*torchfiles.USUAL)
EVIL = torchfiles.torch_zip(torchfiles.EVIL, {})
VERDICTS = b"v"


def shard(tensor):
    return native.safetensors({tensor: native.entry(0, 4)}, tensor.encode().ljust(4))


def index(*files):
    """Tensor a lies in the first file, b in the second …"""
    return json.dumps({"metadata": {}, "weight_map": dict(zip("abc", files))})


def sharded(second="b", named=SHARDS):
    """A model whose index says where a and b are; `second` is what the second shard has."""
    return {"config.json": "{}", INDEX: index(*named), SHARDS[0]: shard("a"), SHARDS[1]: shard(second)}


def onnx(data, size):
    tensor = graphs.onnx_tensor("w", external=(("location", data), ("offset", "0"), ("length", str(size))))
    return graphs.onnx(graphs.onnx_graph([graphs.onnx_node("Add")], [tensor]))


class AmongOthersTest(EndToEndTest):
    REPO = "acme/otter"

    def setUp(self):
        super().setUp()
        self.hub = self.box.hub(args=["--no-rate-limits"])

    def begin(self, files):
        self.commit = self.hub.commit(self.REPO, files)["commit"]
        self.box.daemon()

    def folder(self, box=None):
        return (box or self.box).cache / "models--acme--otter"

    def published(self, box=None):
        return sorted(path.name for path in self.folder(box).glob("snapshots/*/**/*") if path.is_symlink())

    def has_ref(self, box=None):
        return (self.folder(box) / "refs" / "main").exists()

    def consents(self, box):
        result = box.batuta("hf", "cache", "why", self.REPO, "--format", "json")
        self.assertEqual(result.code, 0, result.err)
        return [consent["path"] for consent in result.json["consents"]]

    def pull(self, *args, code=0):
        return self.box.pull("model", self.REPO, *args, code=code)


class PullTest(AmongOthersTest):
    def refuse(self, *args, named):
        error = self.pull(*args, code=9)
        self.assertEqual(error["reason"], "INVALID_CONTENT")
        for part in named:
            self.assertIn(part, error["message"])
        self.assertIn("--allow-unsafe=invalid", error["hint"])
        self.assertFalse(self.has_ref())
        self.assert_tree_is_sound()
        return error

    def test_an_index_that_agrees_with_its_shards_comes_in(self):
        self.begin(sharded())
        self.pull()
        self.assertEqual(self.published(), sorted(sharded()))
        self.pull()  # all is cached

    def test_an_index_that_puts_a_tensor_into_the_wrong_shard_is_not_linked(self):
        self.begin(sharded(second="c"))
        for _ in range(2):
            self.refuse(named=[INDEX, 'tensor "b" is not in', SHARDS[1]])
            self.assertEqual(self.published(), sorted({"config.json", *SHARDS}))

    def test_a_shard_that_the_commit_does_not_have_is_missing(self):
        self.begin(sharded(named=[SHARDS[0], "model-00009-of-00002.safetensors"]))
        self.refuse(named=[INDEX, "model-00009", "missing"])
        self.refuse(INDEX, named=[INDEX, "missing"])
        self.pull("--exclude", "*.index.json")

    def test_a_shard_that_was_not_asked_for_is_not_missing_and_one_that_is_cached_counts(self):
        self.begin(sharded(second="c"))
        self.pull(INDEX, SHARDS[0])
        self.assertEqual(self.published(), sorted([INDEX, SHARDS[0]]))
        # With the other one the index is wrong, and that is said of an index that stands there as well.
        error = self.pull(SHARDS[1], INDEX, code=9)
        self.assertIn(INDEX, error["message"])
        self.pull(INDEX, code=9)

    def test_data_beside_an_onnx_model(self):
        self.begin({"good/m.onnx": onnx("m.data", 16), "good/m.data": graphs.onnx_data(),
                    "none/m.onnx": onnx("m.data", 16), "short/m.onnx": onnx("m.data", 16), "short/m.data": bytes(15)})
        allowed = "--allow-unsafe=unknown"  # bytes without a format, by themselves
        self.refuse("none/m.onnx", allowed, named=["none/m.onnx", '"m.data" is not beside it'])
        self.refuse("short/m.onnx", allowed, named=["short/m.onnx", "its tensors need"])
        self.pull("--include", "good/*", allowed)

    def test_who_admits_what_is_invalid_gets_it_with_a_warning_and_is_remembered(self):
        self.begin(sharded(second="c"))
        self.pull(code=9)
        document = self.pull("--allow-unsafe=invalid")
        warned = [file for file in document["files"] if file.get("warning")]
        self.assertEqual([file["path"] for file in warned], [INDEX])
        self.assertIn('tensor "b"', warned[0]["warning"])
        self.assertTrue(self.has_ref())
        self.assertEqual(self.consents(self.box), [INDEX])
        self.pull()

    def test_a_kill_while_an_index_waits_shows_nothing_and_the_next_pull_goes_on(self):
        files = sharded(second="c")
        files[SHARDS[1]] = native.safetensors({"c": native.entry(0, 4 << 20)}, bytes(4 << 20))
        self.commit = self.hub.commit(self.REPO, files)["commit"]
        daemon = self.box.daemon()
        client = self.box.start_batuta("hf", "pull", "model", self.REPO, "--limit-rate", "200K")
        wait_until(lambda: SHARDS[0] in self.published(), "the first shard")
        self.assertNotIn(INDEX, self.published())
        daemon.kill()
        daemon.wait()
        client.kill()
        client.communicate()
        self.assertNotIn(INDEX, self.published())
        self.assertFalse(self.has_ref())
        self.box.daemon()
        self.refuse("--limit-rate", "0", named=[INDEX, 'tensor "b"'])


class ImportTest(AmongOthersTest):
    def setUp(self):
        super().setUp()
        self.tar = self.box.folder / "otter.tar"
        # Another machine: no hub that could be reached.
        self.away = Sandbox()
        self.addCleanup(self.away.close)
        self.away.env["HF_ENDPOINT"] = self.hub.endpoint
        self.away.env["HF_HUB_OFFLINE"] = "1"

    def export(self, files, *allowed):
        self.begin(files)
        self.pull(*allowed)
        result = self.box.batuta("hf", "cache", "export", str(self.tar), "model", self.REPO)
        self.assertEqual(result.code, 0, result.err)
        self.away.daemon()

    def take_in(self, *args, code=0):
        result = self.away.batuta("hf", "cache", "import", str(self.tar), "--format", "json", *args)
        self.assertEqual(result.code, code, result.out + result.err + self.away.daemon_log())
        return result.json if code == 0 else result.error

    def assert_nothing_visible(self):
        self.assertEqual(self.published(self.away), [])
        self.assertFalse(self.has_ref(self.away))

    def refuse(self, *args, code=8, reason="UNSAFE_CONTENT"):
        error = self.take_in(*args, code=code)
        self.assertEqual(error["reason"], reason)
        self.assert_nothing_visible()
        return error

    def test_a_pickle_needs_a_consent_of_its_own_on_every_machine(self):
        files = {"config.json": "{}", "pytorch_model.bin": CLEAN}
        self.export(files, "--allow-unsafe")
        self.assertIn("pytorch_model.bin", self.refuse()["message"])
        self.refuse("--allow-unsafe=code")
        self.take_in("--allow-unsafe")
        self.assertEqual(self.published(self.away), sorted(files))
        self.assertEqual(self.consents(self.away), ["pytorch_model.bin"])

    def test_what_is_not_what_it_is_called_is_refused_by_its_content(self):
        self.export({"config.json": "{}", "model.safetensors": EVIL}, "--allow-malicious")
        blob = max(self.folder().glob("blobs/*"), key=lambda path: path.stat().st_size).name
        for classes in ([], ["--allow-unsafe=pickle,code,invalid,unknown"]):
            error = self.refuse(*classes)
            self.assertIn("model.safetensors", error["message"])
            self.assertIn("posix.system", error["message"])
        self.assertFalse((self.folder(self.away) / "blobs" / blob).exists(), "it has no name in the cache")
        self.take_in("--allow-malicious")

    def test_a_large_blob_is_judged_before_it_has_a_name(self):
        large = op.proto(4) + op.ATTACK4 + op.POP + b"\x8e" + (1 << 20).to_bytes(8, "little") + bytes(1 << 20) + op.STOP
        self.export({"model.safetensors": large}, "--allow-malicious")
        self.refuse()
        self.assertEqual([path for path in self.folder(self.away).glob("blobs/*") if path.stat().st_size > 1 << 20], [])
        self.assertEqual(list(self.away.cache.glob("*/.batuta-*")), [])

    def test_files_that_contradict_each_other_are_invalid(self):
        self.export(sharded(second="c"), "--allow-unsafe=invalid")
        error = self.refuse(code=9, reason="INVALID_CONTENT")
        self.assertIn(INDEX, error["message"])
        self.take_in("--allow-unsafe=invalid")
        self.assertEqual(self.published(self.away), sorted(sharded()))

    def test_a_selection_that_was_exported_is_not_incomplete(self):
        self.begin(sharded())
        self.pull(INDEX, SHARDS[0])
        self.assertEqual(self.box.batuta("hf", "cache", "export", str(self.tar), "model", self.REPO).code, 0)
        self.away.daemon()
        self.take_in()
        self.assertEqual(self.published(self.away), sorted([INDEX, SHARDS[0]]))

    def test_a_class_that_nobody_knows_is_a_mistake(self):
        self.export({"config.json": "{}"})
        self.take_in("--allow-unsafe=everything", code=2)


class VerdictsTest(AmongOthersTest):
    def verdicts(self):
        return {key.split("/")[0] for key in catalog.keys(self.box.state / "catalog", VERDICTS)}

    def test_verdicts_of_blobs_that_are_gone_are_forgotten_at_the_next_start(self):
        self.begin({"config.json": "{}", "model.safetensors": make_weights(1, 4096)})
        self.pull()
        self.hub.commit("acme/stoat", {"model.safetensors": make_weights(2, 4096)})
        self.box.pull("model", "acme/stoat")
        blobs = {path.name for path in self.box.cache.glob("*/blobs/*")}

        def restart(before_start=lambda: None):
            self.box.processes[-1].terminate()
            self.box.processes[-1].wait()
            before_start()
            known = self.verdicts()
            self.box.daemon()
            return known

        self.assertEqual(restart(lambda: subprocess.run(["rm", "-r", str(self.box.cache / "models--acme--stoat")], check=True)), blobs)
        wait_until(lambda: "verdicts forgotten" in self.box.daemon_log(), "what is gone to be forgotten")
        self.assertEqual(restart(), {path.name for path in self.folder().glob("blobs/*")})


if __name__ == "__main__":
    unittest.main()
