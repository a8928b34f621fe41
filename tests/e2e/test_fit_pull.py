"""`batuta hf pull --auto-quantize`: exactly the variant that fits comes, nothing when none does, and the selection remembers why."""

import json
import struct
import unittest

from fit_models import layout, read_variants, repos, write_variants
from fit_oracle import GIB, MIB, Machine, Need, choose, on_cpu
from harness import EndToEndTest, write_repo

SMALL = {"config.json": '{"model_type": "llama"}', "tokenizer_config.json": "{}", "tokenizer.json": '{"version": "1.0"}', "generation_config.json": "{}"}
LABELS = ["F16", "Q8_0", "Q6_K", "Q4_K_M", "IQ4_XS", "Q2_K"]


def room_for(model):
    """A machine without GPU that holds the variant, and nothing that takes a megabyte more."""
    return Machine(on_cpu(Need(model, 4096), Machine(0)).memory + GIB + MIB)


def flags(machine):
    return ["--memory", str(machine.memory), "--vram", ",".join(map(str, machine.devices)) or "0"]


class AutoQuantizeTest(EndToEndTest):
    def begin(self, **others):
        root = self.box.folder / "root"
        self.models = {model.label: model for model in write_variants(root, "acme/otter-GGUF", "otter", LABELS, extra=SMALL, is_fetched=True, **others)}
        self.hub = self.box.hub(root)
        self.box.daemon()

    def pull(self, machine, *more, code=0):
        return self.box.pull("model", "acme/otter-GGUF", "--auto-quantize", *flags(machine), *more, code=code)

    def downloaded(self, document, status="downloaded"):
        return {file["path"] for file in document["files"] if file["status"] == status}

    def weights(self, document, status="downloaded"):
        return sorted(path for path in self.downloaded(document, status) if path.endswith(".gguf"))

    def test_exactly_the_variant_comes_with_what_describes_the_model(self):
        self.begin()
        model, _ = choose(list(self.models.values()), room_for(self.models["Q4_K_M"]))
        self.assertEqual(model.label, "Q4_K_M")

        document = self.pull(room_for(model))

        self.assertEqual(self.weights(document), model.files)
        self.assertLessEqual(set(SMALL), self.downloaded(document))
        self.assertEqual(sorted(path.name for path in self.box.cache.glob("*/snapshots/*/*.gguf")), model.files)
        self.assertEqual(document["chosen"], "Q4_K_M")
        self.assertIn("Q4_K_M", document["choice"])
        self.assert_tree_is_sound()

    def test_all_shards_come(self):
        self.begin(split_bytes=4_000_000)
        model = self.models["Q6_K"]
        self.assertGreater(len(model.files), 2)
        self.assertEqual(self.weights(self.pull(room_for(model))), sorted(model.files))
        self.assert_tree_is_sound()

    def test_dry_run_names_it_and_fetches_nothing(self):
        self.begin()
        document = self.pull(room_for(self.models["Q8_0"]), "--dry-run")
        self.assertEqual(self.weights(document, "would_download"), self.models["Q8_0"].files)
        self.assertEqual(list(self.box.cache.glob("*/blobs/*")), [])

    def test_projector_comes_with_it(self):
        root = self.box.folder / "root"
        projectors = [repos.projector("otter", kind, layers=1, width=128) for kind in ("F32", "F16")]
        variants = {label: repos.variant("otter", label) for label in LABELS}
        repos.write_hub(root, "acme/seeing-GGUF", [file for group in variants.values() for file in group] + projectors, SMALL, is_fetched=True)
        models = read_variants(root, "acme/seeing-GGUF", {label: [file.name for file in group] for label, group in variants.items()}, "mmproj-F16.gguf")
        self.box.hub(root)
        self.box.daemon()
        model = next(model for model in models if model.label == "Q4_K_M")

        document = self.box.pull("model", "acme/seeing-GGUF", "--auto-quantize", *flags(room_for(model)))

        self.assertEqual(self.weights(document), sorted([*model.files, "mmproj-F16.gguf"]))

    def test_nothing_fits_so_nothing_comes(self):
        self.begin()
        error = self.pull(Machine(GIB), code=7)
        self.assertEqual(error["reason"], "NO_VARIANT_FITS")
        self.assertRegex(error["message"], r"\d+(\.\d+)? [MG]i?B")
        self.assertTrue(error["hint"])
        self.assertEqual(list(self.box.cache.glob("*/blobs/*")), [])
        self.assertEqual(list(self.box.cache.glob("*/snapshots/*/*")), [])

    def test_target_that_the_machine_lacks_fits_nothing(self):
        self.begin()
        error = self.pull(Machine(64 * GIB), "--fit-target", "gpu", code=7)
        self.assertEqual(error["reason"], "NO_VARIANT_FITS")

    def test_selection_remembers_why(self):
        self.begin()
        choice = self.pull(room_for(self.models["Q4_K_M"]))["choice"]
        why = self.box.batuta("hf", "cache", "why", "acme/otter-GGUF", "--format", "json")
        self.assertEqual(why.code, 0, why.err)
        self.assertIn(choice, json.dumps(why.json, ensure_ascii=False).replace('\\"', '"'))
        human = self.box.batuta("hf", "cache", "why", "acme/otter-GGUF")
        self.assertIn("Q4_K_M", human.out + human.err)

    def test_second_pull_asks_nothing(self):
        self.begin()
        machine = room_for(self.models["Q4_K_M"])
        self.pull(machine)
        self.hub.clear_log()
        document = self.pull(machine)
        self.assertEqual(self.hub.requests(), [])
        self.assertEqual(document["bytes_downloaded"], 0)

    def test_another_machine_gets_another_variant(self):
        self.begin()
        self.pull(room_for(self.models["Q4_K_M"]))
        document = self.pull(Machine(64 * GIB, (24 * GIB,)))
        self.assertEqual(self.weights(document), self.models["F16"].files)
        self.assertEqual(len(list(self.box.cache.glob("*/snapshots/*/*.gguf"))), 2)

    def test_label_is_taken_in_any_case_and_a_miss_names_what_there_is(self):
        self.begin()
        document = self.box.pull("model", "acme/otter-GGUF", "--quantization", "iq4_xs")
        self.assertEqual(self.weights(document), self.models["IQ4_XS"].files)
        result = self.box.batuta("hf", "pull", "model", "acme/otter-GGUF", "--quantization", "Q5_K_M", "--format", "json")
        self.assertNotEqual(result.code, 0)
        for label in LABELS:
            self.assertIn(label, result.err)

    def test_two_ways_to_choose_are_one_too_many(self):
        self.begin()
        result = self.box.batuta("hf", "pull", "model", "acme/otter-GGUF", "--auto-quantize", "--quantization", "Q8_0", "--format", "json")
        self.assertEqual(result.code, 2, result.err)


def safetensors(size):
    """The header of a file of that size in BF16, to be followed by zeros."""
    rows = size // 2 // 8192
    header = json.dumps({"model.layers.0.mlp.up_proj.weight": {"dtype": "BF16", "shape": [rows, 8192], "data_offsets": [0, rows * 16_384]}}).encode()
    header += b" " * (-len(header) % 8)
    head = struct.pack("<Q", len(header)) + header
    return head, len(head) + rows * 16_384


class OnlySafetensorsTest(EndToEndTest):
    CONFIG = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 8192, "num_hidden_layers": 80, "num_attention_heads": 64,
              "num_key_value_heads": 8, "intermediate_size": 28_672, "vocab_size": 128_256, "max_position_embeddings": 131_072, "torch_dtype": "bfloat16"}

    def setUp(self):
        super().setUp()
        root = self.box.folder / "root"
        head, size = safetensors(35 * 10**9)
        shards = [layout.File(f"model-0000{number}-of-00004.safetensors", head, size) for number in range(1, 5)]
        repos.write_hub(root, "acme/whale-70B", shards, {"config.json": json.dumps(self.CONFIG), "README.md": "---\nlicense: mit\n---\n# Whale\n"})
        card = "---\nbase_model: acme/whale-70B\nbase_model_relation: quantized\nlibrary_name: gguf\n---\n# Whale in fewer bits\n"
        write_variants(root, "river/whale-70B-GGUF", "llama-3.3-70b", ["Q8_0", "Q4_K_M", "IQ3_XXS"], extra={"README.md": card})
        write_repo(root, "river/other", {"README.md": "# Nothing to do with it\n"})
        self.hub = self.box.hub(root)
        self.box.daemon()

    def test_conversion_is_named_and_not_taken(self):
        machine = Machine(64 * GIB, (24 * GIB,))
        fit = self.box.batuta("hf", "fit", "acme/whale-70B", *flags(machine), "--format", "json")
        self.assertIn(fit.code, (0, 7), fit.err)
        self.assertFalse(fit.json["chosen"])
        self.assertIn("river/whale-70B-GGUF", fit.json["suggestions"])
        self.assertNotIn("river/other", fit.json["suggestions"])

        error = self.box.pull("model", "acme/whale-70B", "--auto-quantize", *flags(machine), code=7)
        self.assertEqual(error["reason"], "NO_VARIANT_FITS")
        self.assertIn("river/whale-70B-GGUF", error["message"] + error["hint"])
        self.assertEqual(list(self.box.cache.glob("*/blobs/*")), [])

    def test_it_is_taken_whole_where_it_fits(self):
        fit = self.box.batuta("hf", "fit", "acme/whale-70B", *flags(Machine(512 * GIB)), "--format", "json")
        self.assertEqual(fit.code, 0, fit.err)
        self.assertTrue(fit.json["chosen"])


if __name__ == "__main__":
    unittest.main()
