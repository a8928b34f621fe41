#!/usr/bin/env python3
"""Tests of the sample hub: sample_hub_test.py HUB, where HUB is what make_sample_hub.py made."""

import hashlib
import io
import json
import math
import os
import subprocess
import sys
import tempfile
import unittest
import zipfile
import zlib

import validators

HERE = os.path.dirname(os.path.abspath(__file__))
HUB = ""


def files(kind, repo, branch="main"):
    return os.path.join(HUB, kind, *repo.split("/"), "revisions", branch)


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


class TreeTest(unittest.TestCase):
    def test_has_every_kind_of_repo_that_the_tests_and_the_demo_need(self):
        facts = {}
        for kind in ("models", "datasets", "spaces"):
            for namespace in os.listdir(os.path.join(HUB, kind)):
                for name in os.listdir(os.path.join(HUB, kind, namespace)):
                    facts[f"{kind}/{namespace}/{name}"] = load(os.path.join(HUB, kind, namespace, name, "repo.json"))
        self.assertEqual([name for name, repo in facts.items() if repo.get("gated")], ["models/acme/otter-licensed"])
        self.assertEqual([name for name, repo in facts.items() if repo.get("private")], ["models/acme/otter-next"])
        self.assertEqual([name for name, repo in facts.items() if repo.get("renamedFrom")], ["models/acme/otter-small"])
        self.assertIn("spaces/acme/otter-demo", facts)
        self.assertIn("models/acme/heron-sentiment", facts)

    def test_users_have_tokens_of_the_right_form(self):
        for user in load(os.path.join(HUB, "hub.json"))["users"]:
            self.assertRegex(user["token"], r"^hf_[A-Za-z0-9]{34}$")

    def test_dataset_has_two_thousand_readable_files(self):
        count = 0
        for folder, _, names in os.walk(files("datasets", "acme/river-notes")):
            for name in names:
                count += 1
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    text = file.read()
                if name.endswith(".json"):
                    json.loads(text)
                elif name.endswith(".jsonl"):
                    self.assertTrue(all("text" in json.loads(line) for line in text.splitlines()))
        self.assertEqual(count, 2000)

    def test_same_bytes_at_every_run(self):
        with tempfile.TemporaryDirectory() as work:
            again = os.path.join(work, "hub")
            subprocess.run([sys.executable, os.path.join(HERE, "make_sample_hub.py"), again, "--without-npm"],
                           check=True, stdout=subprocess.DEVNULL)
            first, second = digest(HUB), digest(again)
            self.assertEqual({name: value for name, value in first.items() if "silero" not in name}, second)


def digest(root):
    result = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                result[os.path.relpath(path, root)] = hashlib.file_digest(file, "sha256").hexdigest()
    return result


class CheckpointTest(unittest.TestCase):
    def test_index_and_shards_agree(self):
        folder = files("models", "acme/otter-tiny")
        index = load(os.path.join(folder, "model.safetensors.index.json"))
        found, size = {}, 0
        for shard in sorted(set(index["weight_map"].values())):
            for name, (_, _, data) in validators.read_safetensors(os.path.join(folder, shard)).items():
                found[name] = shard
                size += len(data)
        self.assertEqual(found, index["weight_map"])
        self.assertEqual(size, index["metadata"]["total_size"])
        self.assertEqual(len(set(found.values())), 3)

    def test_shapes_follow_from_the_config(self):
        config = load(os.path.join(files("models", "acme/otter-tiny"), "config.json"))
        tensors = checkpoint()
        self.assertEqual(tensors["model.embed_tokens.weight"][1], (config["vocab_size"], config["hidden_size"]))
        self.assertEqual(tensors["model.layers.0.self_attn.k_proj.weight"][1],
                         (config["num_key_value_heads"] * config["head_dim"], config["hidden_size"]))
        self.assertEqual(len(tensors), 3 + 9 * config["num_hidden_layers"])

    def test_small_repos_hold_valid_safetensors(self):
        for repo in ("acme/otter-tiny-lora", "acme/otter-licensed", "acme/otter-next", "acme/otter-small"):
            for name in os.listdir(files("models", repo)):
                if name.endswith(".safetensors"):
                    self.assertTrue(validators.read_safetensors(os.path.join(files("models", repo), name)))

    def test_adapter_fits_its_base(self):
        base = checkpoint()
        for branch in ("main", "tags%2Fv0.1"):
            folder = files("models", "acme/otter-tiny-lora", branch)
            config = load(os.path.join(folder, "adapter_config.json"))
            self.assertEqual(config["base_model_name_or_path"], "acme/otter-tiny")
            adapter = validators.read_safetensors(os.path.join(folder, "adapter_model.safetensors"))
            for name, (_, shape, _) in adapter.items():
                target, side = name.removeprefix("base_model.model.").removesuffix(".weight").split(".lora_")
                rows, columns = base[target + ".weight"][1]
                self.assertEqual(shape, {"A": (config["r"], columns), "B": (rows, config["r"])}[side])

    def test_pickle_checkpoint_loads_and_matches_its_config(self):
        folder = files("models", "acme/heron-sentiment")
        config = load(os.path.join(folder, "config.json"))
        shapes = validators.read_torch_zip(os.path.join(folder, "pytorch_model.bin"))
        self.assertEqual(shapes["bert.embeddings.word_embeddings.weight"], (config["vocab_size"], config["hidden_size"]))
        self.assertEqual(shapes["classifier.weight"], (2, config["hidden_size"]))


def checkpoint():
    folder, tensors = files("models", "acme/otter-tiny"), {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".safetensors"):
            tensors.update(validators.read_safetensors(os.path.join(folder, name)))
    return tensors


class GgufTest(unittest.TestCase):
    # Error of a quantisation: root mean square of the difference, in parts of that of the weights. The bounds lie
    # little above what rounding to the nearest step leaves on normally distributed weights.
    BOUNDS = {"F32": 0.0, "F16": 0.0, "Q8_0": 0.007, "Q6_K": 0.025, "Q4_K": 0.09, "Q4_0": 0.11}

    def variants(self):
        folder = files("models", "acme/otter-tiny-GGUF")
        return {name: validators.read_gguf(os.path.join(folder, name)) for name in os.listdir(folder) if name.endswith(".gguf")}

    def test_offers_the_usual_quantisations_and_one_large_file(self):
        labels = {name.removeprefix("otter-tiny-").removesuffix(".gguf") for name in self.variants()}
        self.assertEqual(labels, {"F32", "F16", "Q8_0", "Q6_K", "Q4_K_M", "Q4_0"})
        folder = files("models", "acme/otter-tiny-GGUF")
        self.assertGreaterEqual(max(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder)), 20_000_000)

    def test_keys_describe_the_checkpoint(self):
        config = load(os.path.join(files("models", "acme/otter-tiny"), "config.json"))
        vocabulary = load(os.path.join(files("models", "acme/otter-tiny"), "tokenizer.json"))["model"]["vocab"]
        for name, gguf in self.variants().items():
            with self.subTest(name):
                keys = gguf.keys
                self.assertEqual(keys["general.architecture"], "llama")
                self.assertEqual(keys["llama.block_count"], config["num_hidden_layers"])
                self.assertEqual(keys["llama.attention.head_count_kv"], config["num_key_value_heads"])
                self.assertEqual(keys["tokenizer.ggml.tokens"], sorted(vocabulary, key=vocabulary.get))

    def test_values_are_those_of_the_checkpoint_within_the_loss_of_the_type(self):
        original = {name: validators.floats(dtype, data) for name, (dtype, _, data) in checkpoint().items()}
        for name, gguf in self.variants().items():
            for layer in (0, 2):
                for part, hf_part in (("attn_q", "self_attn.q_proj"), ("attn_v", "self_attn.v_proj"),
                                      ("ffn_down", "mlp.down_proj")):
                    with self.subTest(file=name, layer=layer, part=part):
                        dtype, shape, data = gguf.tensors[f"blk.{layer}.{part}.weight"]
                        expected = original[f"model.layers.{layer}.{hf_part}.weight"]
                        if part == "attn_q":
                            expected = interleave_halves(expected, shape, head=64)
                        self.assertLessEqual(relative_error(expected, validators.floats(dtype, data)), self.BOUNDS[dtype])

    def test_norms_stay_exact(self):
        original = {name: validators.floats(dtype, data) for name, (dtype, _, data) in checkpoint().items()}
        for name, gguf in self.variants().items():
            dtype, _, data = gguf.tensors["output_norm.weight"]
            self.assertEqual((name, dtype), (name, "F32"))
            self.assertEqual(validators.floats(dtype, data), original["model.norm.weight"])


def interleave_halves(values, shape, head):
    """Rows of each head in the order x0 x(n/2) x1 x(n/2+1) … that llama.cpp's rotary embedding expects."""
    rows = [values[row * shape[1]:(row + 1) * shape[1]] for row in range(shape[0])]
    ordered = []
    for start in range(0, shape[0], head):
        first, second = rows[start:start + head // 2], rows[start + head // 2:start + head]
        for a, b in zip(first, second):
            ordered += [*a, *b]
    return ordered


def relative_error(expected, found):
    if len(expected) != len(found):
        return math.inf
    difference = sum((a - b) ** 2 for a, b in zip(expected, found))
    return math.sqrt(difference / sum(a * a for a in expected))


class ValidatorsTest(unittest.TestCase):
    """The validators refuse what is broken; without this the tests above would prove nothing."""

    def refuse(self, read, path, changes):
        with open(path, "rb") as file:
            whole = file.read()
        for title, change in changes.items():
            with self.subTest(title), tempfile.NamedTemporaryFile() as broken:
                broken.write(change(whole))
                broken.flush()
                with self.assertRaises(validators.Invalid):
                    read(broken.name)

    def test_refuse_broken_safetensors(self):
        self.refuse(validators.read_safetensors, os.path.join(files("models", "acme/otter-small"), "model.safetensors"), {
            "cut short": lambda data: data[:-1],
            "trailing byte": lambda data: data + b"\0",
            "unknown dtype": lambda data: data.replace(b'"F32"', b'"F31"', 1),
            "wrong shape": lambda data: data.replace(b"[64,32]", b"[64,33]"),
            "overlap": lambda data: data.replace(b"[8192,8448]", b"[8191,8447]"),
            "duplicate name": lambda data: data.replace(b'"linear.weight":', b'"linear.bias"  :'),
            "header too long": lambda data: struct_length(data, 1 << 40),
        })

    def test_refuse_broken_gguf(self):
        self.refuse(validators.read_gguf, os.path.join(files("models", "acme/otter-tiny-GGUF"), "otter-tiny-Q4_0.gguf"), {
            "wrong magic": lambda data: b"GGUX" + data[4:],
            "version 2": lambda data: data[:4] + b"\2" + data[5:],
            "cut short": lambda data: data[:-32],
            "trailing bytes": lambda data: data + bytes(32),
            "too many tensors": lambda data: data[:8] + b"\xff" + data[9:],
            "duplicate key": lambda data: data.replace(b"general.name", b"general.type", 1),
            "bad UTF-8": lambda data: data.replace(b"Otter Tiny", b"Otter\xffTiny", 1),
            "wrong type": lambda data: data.replace(b"blk.0.attn_q.weight\2\0\0\0", b"blk.0.attn_q.weight\7\0\0\0", 1),
        })

    def test_refuse_broken_torch_zip(self):
        self.refuse(validators.read_torch_zip, os.path.join(files("models", "acme/heron-sentiment"), "pytorch_model.bin"), {
            "another import": lambda data: with_crc(data, b"_rebuild_tensor_v2", b"_rebuild_tensor_v3"),
            "flipped byte": lambda data: data[:200_000] + bytes([data[200_000] ^ 1]) + data[200_001:],
        })


def struct_length(data, length):
    return length.to_bytes(8, "little") + data[8:]


def with_crc(data, old, new):
    """Replaces bytes in data.pkl and mends its checksum, so that only the content is wrong."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        program = archive.read("pytorch_model/data.pkl")
    changed = program.replace(old, new)
    checksums = [zlib.crc32(text).to_bytes(4, "little") for text in (program, changed)]
    return data.replace(program, changed).replace(*checksums)


if __name__ == "__main__":
    HUB = os.path.abspath(sys.argv.pop(1))
    unittest.main()
