"""The generator is held to what is published of the originals, and the files to our own inspection."""

import json
import os
import pathlib
import subprocess
import tempfile
import time
import unittest

from . import architectures, layout, make_models, mixes, repos

# Whole files as uploaded; those with a round figure are told so.
UPLOADED = {
    ("llama-3.1-8b", "Q4_K_M"): 4_920_739_232,
    ("llama-3.2-1b", "Q4_K_M"): 807_694_464,
    ("qwen2.5-7b", "Q4_K_M"): 4_683_074_240,
    ("qwen2.5-0.5b", "Q4_K_M"): 397_807_936,
    ("qwen3-30b-a3b", "Q4_K_M"): 18_556_685_824,
    ("gpt-oss-20b", "MXFP4"): 12_109_565_632,
}
ROUNDED = {("qwen2.5-72b", "Q4_K_M"): 47.42e9, ("mixtral-8x7b", "Q4_K_M"): 28.45e9, ("deepseek-v3", "BF16"): 1342e9, ("deepseek-v3", "Q8_0"): 713e9}

# Bits per weight of Llama-3.1-8B. IQ3_XXS and below are made with an importance matrix.
OF_8B = {"F16": 16.0005, "Q8_0": 8.5008, "Q6_K": 6.5633, "Q5_K_M": 5.7036, "Q5_K_S": 5.5704, "Q4_K_M": 4.8944, "Q4_K_S": 4.6672, "IQ4_NL": 4.6818,
         "IQ4_XS": 4.4597, "Q3_K_L": 4.2979, "Q3_K_M": 3.9960, "IQ3_M": 3.7628, "IQ3_S": 3.6606, "IQ3_XS": 3.4977, "IQ3_XXS": 3.2548, "Q3_K_S": 3.6429,
         "IQ2_M": 2.9294, "Q2_K": 3.1593, "Q2_K_S": 2.9697, "IQ2_S": 2.7403, "IQ2_XS": 2.5882, "IQ2_XXS": 2.3824, "IQ1_M": 2.1460, "IQ1_S": 2.0042}

HEADER_MB = {"llama-3.1-8b": (7.83, 7.85), "qwen2.5-7b": (5.94, 5.96), "mixtral-8x7b": (0.71, 0.73), "gemma-2-9b": (6.1, 6.25), "gemma-3-4b": (6.1, 6.25),
             "deepseek-v3": (5.1, 5.3), "mamba-2.8b": (1.7, 1.9), "gpt-oss-20b": (12.95, 13.05)}


def size_of(name, label, **options):
    return sum(file.size for file in repos.variant(name, label, **options))


def bits_of(name, label, **options):
    tensors = mixes.quantized(architectures.find(name), label, **options)
    return 8 * sum(tensor.bytes for tensor in tensors) / sum(tensor.elements for tensor in tensors)


class ModelsTest(unittest.TestCase):
    def test_files_are_as_large_as_those_uploaded(self):
        for (name, label), size in UPLOADED.items():
            with self.subTest(name=name, label=label):
                self.assertAlmostEqual(size_of(name, label), size, delta=2_000)
        for (name, label), size in ROUNDED.items():
            with self.subTest(name=name, label=label):
                self.assertAlmostEqual(size_of(name, label) / size, 1, delta=0.001)

    def test_every_mix_has_its_published_bits_per_weight(self):
        for label, bits in OF_8B.items():
            with self.subTest(label=label):
                has_imatrix = label in ("IQ3_XXS", "IQ2_M", "IQ2_S", "IQ2_XS", "IQ2_XXS", "IQ1_M", "IQ1_S")
                self.assertAlmostEqual(bits_of("llama-3.1-8b", label, has_imatrix=has_imatrix), bits, delta=0.0005)

    def test_parts_outside_the_layers_have_their_published_sizes(self):
        tensors = {tensor.name: tensor for tensor in mixes.quantized(architectures.find("llama-3.1-8b"), "Q4_K_M")}
        self.assertEqual((tensors["token_embd.weight"].type, tensors["output.weight"].type), ("Q4_K", "Q6_K"))
        self.assertAlmostEqual(tensors["token_embd.weight"].bytes / 2**20, 281.8, delta=0.05)
        self.assertAlmostEqual(tensors["output.weight"].bytes / 2**20, 411, delta=0.1)
        self.assertAlmostEqual(sum(tensor.bytes for tensor in tensors.values()) / 2**20, 4685.3, delta=0.05)

    def test_rows_that_no_block_divides_fall_back(self):
        size = {label: size_of("qwen2.5-0.5b", label) for label in ("Q3_K_M", "Q4_0")}
        self.assertGreater(size["Q3_K_M"], size["Q4_0"] - 2_000_000)
        self.assertAlmostEqual(bits_of("qwen2.5-0.5b", "Q4_K_M"), 6.35, delta=0.02)
        self.assertAlmostEqual(bits_of("qwen2.5-72b", "Q4_K_M"), 5.22, delta=0.01)

    def test_headers_have_the_sizes_of_real_ones(self):
        for name, (least, most) in HEADER_MB.items():
            with self.subTest(name=name):
                head = len(repos.variant(name, "Q8_0")[0].head) / 1e6
                self.assertTrue(least <= head <= most, head)

    def test_a_whole_repo_is_quick_and_takes_no_room(self):
        with tempfile.TemporaryDirectory() as folder:
            begun = time.process_time()
            variants = repos.common_variants("gemma-3-27b")
            files = [file for files in variants.values() for file in files]
            repos.write_hub(folder, "acme/gemma", files)
            took = time.process_time() - begun
            written = [path for path in pathlib.Path(folder).rglob("*.gguf")]
            self.assertEqual(sum(path.stat().st_size for path in written), sum(file.size for file in files))
            used = sum(path.stat().st_blocks for path in written) * 512
            self.assertLess(used, sum(len(file.head) + 65_536 for file in files))
        self.assertLess(took, 2 * float(os.environ.get("BATUTA_E2E_SLOWNESS", "1")))

    def test_shards_hold_everything_once_and_the_first_alone_has_the_vocabulary(self):
        files = repos.variant("qwen2.5-72b", "Q8_0")
        self.assertEqual([file.name for file in files], [f"Qwen2.5-72B-Instruct-Q8_0/Qwen2.5-72B-Instruct-Q8_0-0000{n}-of-00002.gguf" for n in (1, 2)])
        self.assertLess(len(files[1].head), 70_000)
        whole = sum(layout.padded(tensor.bytes) for tensor in mixes.quantized(architectures.find("qwen2.5-72b"), "Q8_0"))
        self.assertEqual(sum(file.size - len(file.head) for file in files), whole)
        first = repos.variant("qwen2.5-72b", "Q8_0", is_first_empty=True)[0]
        self.assertEqual(first.size, len(first.head))

    def test_the_inspection_finds_every_file_sound(self):
        with tempfile.TemporaryDirectory() as folder:
            made = {path.name: (name, label) for name, label, paths, _ in make_models.make(folder) for path in paths}
            env = {"PATH": os.path.dirname(os.environ["BATUTA_INSPECT"]) + os.pathsep + os.defpath, "HOME": "/nowhere"}
            result = subprocess.run([os.environ["BATUTA"], "hf", "scan", folder, "--safety", "--format", "json"], env=env, capture_output=True,
                                    text=True, timeout=300, check=False)
            found = {pathlib.Path(file["path"]).name: file for file in json.loads(result.stdout)["files"]}
        self.assertEqual(found.keys(), made.keys())
        for name, file in found.items():
            self.assertEqual((file["verdict"], file["format"]), ("safe", "gguf"), (name, made[name], file.get("reason")))
        self.assertEqual({label for _, label in made.values()}, set(mixes.ALL_LABELS))


if __name__ == "__main__":
    unittest.main()
