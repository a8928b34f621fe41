"""`batuta hf fit`: what it chooses is what full headers and every placement give, and what it costs to know.

BATUTA_FIT_GRID=full asks about every machine of the grid and all variants instead of a sample.
"""

import os
import pathlib
import random
import tempfile
import unittest

from fit_models import architectures, labels_of, layout, mixes, repos, write_variants
from fit_oracle import GIB, MIB, Machine, choose
from harness import SLOWNESS, EndToEndTest, Sandbox

IS_FULL = os.environ.get("BATUTA_FIT_GRID") == "full"
SEED = int(os.environ.get("BATUTA_FIT_SEED", "7"))
MEMORY = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
VRAM = (0, 4, 6, 8, 10, 12, 16, 24, 32, 40, 48, 80)
SAMPLE = 10  # machines of the grid for each model, and as many between its smallest and its largest variant

LLAMA = "llama-3.1-8b"  # with more than twenty variants


def flags_of(machine):
    devices = ["--vram", ",".join(f"{size // MIB}MiB" for size in machine.devices) or "0"]
    return ["--memory", f"{machine.memory // MIB}MiB", *devices]


def grid():
    return [Machine(memory * GIB, (vram * GIB,) if vram else ()) for memory in MEMORY for vram in VRAM]


class FitGridTest(unittest.TestCase):
    """One hub with all models, one daemon."""

    @classmethod
    def setUpClass(cls):
        cls.box = Sandbox()
        cls.addClassCleanup(cls.box.close)
        root = cls.box.folder / "root"
        cls.models = {}
        for number, name in enumerate(architectures.NAMES):
            labels = labels_of(name)
            if not IS_FULL and name != LLAMA and len(labels) > 12:
                labels = labels[number % 3::3]
            cls.models[name] = write_variants(root, f"acme/{name}", name, labels)
        cls.box.hub(root)
        cls.box.daemon()

    def fit(self, name, machine, *flags):
        result = self.box.batuta("hf", "fit", f"acme/{name}", *flags_of(machine), *flags, "--format", "json")
        self.assertIn(result.code, (0, 7), result.err)
        return result.json

    def check(self, name, machine, context=None, target="auto", cache_type="f16"):
        flags = ["--fit-target", target, "--cache-type", cache_type]
        flags += ["--context", str(context)] if context else []
        found = self.fit(name, machine, *flags)
        model, way = choose(self.models[name], machine, context, target, cache_type)
        told = f"{name} on {machine.memory / GIB:.2f} + {[size / GIB for size in machine.devices]}, {context}, {target}, {cache_type}: {found['explanation']}"
        self.assertEqual(found["chosen"], model and model.label, told)
        if model is None:
            self.assertFalse([candidate for candidate in found["candidates"] if candidate["fits"]], told)
            return found
        candidate = self.candidate(found)
        self.assertEqual((candidate["fits"], candidate["placement"]), (True, way.placement), told)
        self.assertEqual(candidate["files"], model.files, told)
        self.assertEqual(candidate["kv_bytes"], way.cache, told)
        if candidate["exact"]:
            self.assertEqual(candidate["weights_bytes"], way.weights, told)
            if way.placement == "cpu" or len(machine.devices) == 1:
                self.assertAlmostEqual(candidate["compute_bytes"] / way.compute, 1, delta=0.01, msg=told)
        else:
            # By its size: never less than the need, and little more than its files and a copy of the embedding.
            self.assertGreaterEqual(candidate["total_bytes"], way.total, told)
            self.assertLessEqual(candidate["weights_bytes"], model.file_bytes * 1.01 + 3 * model.embedding, told)
        self.assertEqual(candidate["total_bytes"], candidate["weights_bytes"] + candidate["kv_bytes"] + candidate["compute_bytes"])
        return found

    @staticmethod
    def candidate(found):
        return next(candidate for candidate in found["candidates"] if candidate["label"] == found["chosen"])

    def machines(self, name):
        """Of the grid, and such on which the model is a tight fit."""
        if IS_FULL:
            return grid()
        draw = random.Random(f"{SEED} {name}")
        sizes = [model.file_bytes for model in self.models[name]]
        least, most = min(sizes) // MIB, max(sizes) // MIB
        tight = []
        for number in range(SAMPLE):
            memory = (GIB // MIB) + draw.randint(least // 2, most) + 1024
            vram = draw.randint(0, most) + 1024 if number % 2 else 0
            tight.append(Machine(memory * MIB, (vram * MIB,) if vram else ()))
        return draw.sample(grid(), SAMPLE) + tight

    def test_choice_is_that_of_full_headers_for_every_model_and_machine(self):
        count, chosen = 0, set()
        for name in self.models:
            for machine in self.machines(name):
                with self.subTest(name=name, machine=machine):
                    found = self.check(name, machine)
                    chosen.add((name, found["chosen"]))
                    count += 1
        print(f"{count} machines, {len(chosen)} different answers, all right")

    def test_targets(self):
        for name in (LLAMA, "gemma-3-27b", "qwen3-30b-a3b", "qwen3-next-80b-a3b", "llama-3.2-1b"):
            for number, machine in enumerate(self.machines(name)[::3]):
                target = ("gpu", "hybrid", "cpu")[number % 3]
                with self.subTest(name=name, machine=machine, target=target):
                    self.check(name, machine, target=target)

    def test_several_gpus(self):
        for name in (LLAMA, "llama-3.3-70b", "mixtral-8x7b", "gpt-oss-20b"):
            for devices in ((8, 8), (12, 6), (24, 24), (24, 12, 8), (48, 48), (80, 80, 80, 80)):
                for target in ("auto", "gpu"):
                    with self.subTest(name=name, devices=devices, target=target):
                        self.check(name, Machine(48 * GIB, tuple(size * GIB for size in devices)), target=target)

    def test_contexts_and_types_of_the_cache(self):
        for name in (LLAMA, "gemma-3-27b", "gemma-2-9b", "gpt-oss-20b", "deepseek-v3", "deepseek-v3-old", "mamba-2.8b", "granite-4.0-h-tiny"):
            for context, cache_type in ((512, "f16"), (4096, "q8_0"), (32_768, "f16"), (100_000, "q4_0")):
                with self.subTest(name=name, context=context, cache_type=cache_type):
                    self.check(name, Machine(512 * GIB), context, cache_type=cache_type)
                    self.check(name, Machine(32 * GIB, (16 * GIB,)), context, cache_type=cache_type)

    def test_context_is_cut_to_the_trained_one_and_that_is_said(self):
        found = self.check("gemma-2-9b", Machine(64 * GIB), 100_000)
        self.assertEqual((found["context"], found["trained_context"]), (8192, 8192))
        self.assertIn("8192", " ".join(found["notes"]).replace(",", "").replace(" ", "").replace("'", ""))
        self.assertEqual(self.check("gemma-2-9b", Machine(64 * GIB), 4096)["context"], 4096)

    def test_explanation_names_what_was_chosen_and_the_next_better(self):
        found = self.check(LLAMA, Machine(16 * GIB))
        self.assertIn(found["chosen"], found["explanation"])
        better = found["candidates"][0]
        self.assertFalse(better["fits"])
        self.assertTrue(better["reason"])
        human = self.box.batuta("hf", "fit", f"acme/{LLAMA}", *flags_of(Machine(16 * GIB)))
        self.assertEqual(human.code, 0, human.err)
        self.assertIn(found["chosen"], human.out)
        quiet = self.box.batuta("hf", "fit", f"acme/{LLAMA}", *flags_of(Machine(16 * GIB)), "--format", "quiet")
        self.assertEqual(quiet.out.strip(), found["chosen"])


    def test_machine_is_that_of_the_caller_as_its_system_tells_it(self):
        root = self.box.folder / "machine"
        card = root / "sys/class/drm/card0/device"
        card.mkdir(parents=True)
        (root / "proc").mkdir()
        (root / "proc/meminfo").write_text("MemTotal:       33554432 kB\nMemFree:         1048576 kB\nMemAvailable:   12582912 kB\nSwapTotal:      99999999 kB\n")
        for name, text in (("vendor", "0x1002"), ("mem_info_vram_total", 12 * GIB), ("mem_info_vram_used", GIB), ("mem_info_gtt_total", 16 * GIB),
                           ("mem_info_gtt_used", 0), ("mem_info_vram_vendor", "samsung")):
            (card / name).write_text(f"{text}\n")
        for extra, machine in (({}, Machine(12 * GIB, (11 * GIB,))), ({"BATUTA_FIT_MEMORY": "7GiB"}, Machine(7 * GIB, (11 * GIB,))),
                               ({"BATUTA_FIT_VRAM": "0"}, Machine(12 * GIB)), ({"BATUTA_FIT_VRAM": "6GiB,6GiB"}, Machine(12 * GIB, (6 * GIB, 6 * GIB)))):
            with self.subTest(extra=extra):
                found = self.box.batuta("hf", "fit", f"acme/{LLAMA}", "--format", "json", env={"BATUTA_FIT_ROOT": str(root), **extra})
                self.assertEqual(found.code, 0, found.err)
                self.assertEqual(found.json["memory"]["available_bytes"], machine.memory)
                self.assertEqual([device["free_bytes"] for device in found.json["memory"]["devices"]], list(machine.devices))
                self.assertEqual(found.json["chosen"], choose(self.models[LLAMA], machine)[0].label)


class FitCostTest(EndToEndTest):
    """What it costs to know, on a hub that nothing has been asked of."""

    def setUp(self):
        super().setUp()
        root = self.box.folder / "root"
        self.models = write_variants(root, "acme/llama", LLAMA)
        self.assertGreater(len(self.models), 20)
        self.hub = self.box.hub(root)
        self.daemon = self.box.daemon()

    def fit(self, machine, *flags):
        result = self.box.batuta("hf", "fit", "acme/llama", *flags_of(machine), *flags, "--format", "json")
        self.assertIn(result.code, (0, 7), result.err)
        return result.json

    def assert_cost(self, found, requests, size):
        """Beyond the commit and the listing, which every pull asks for as well."""
        log = self.hub.requests()
        self.assertEqual((found["requests"], found["read_bytes"]),
                         (len([entry for entry in log if "/api/" not in entry["path"]]),
                          sum(entry["body_bytes_sent"] for entry in log if entry["listener"] == "cdn")))
        self.assertLessEqual(found["requests"], requests)
        self.assertLessEqual(len(log), requests + 2)
        self.assertLessEqual(sum(entry["body_bytes_sent"] for entry in log), size)

    def test_a_clear_case_costs_two_requests_and_little(self):
        for memory in (512, 2):
            with self.subTest(memory=memory):
                self.assertEqual(bool(self.fit_anew(Machine(memory * GIB), 2, 100_000)["chosen"]), memory == 512)

    def fit_anew(self, machine, requests, size):
        """On a hub that nothing has been asked of."""
        self.doCleanups()
        self.setUp()
        found = self.fit(machine)
        self.assert_cost(found, requests, size)
        return found

    def test_the_worst_case_of_many_variants_costs_six_requests_and_one_header(self):
        worst = (0, 0)
        for machine in (Machine(8 * GIB), Machine(9 * GIB, (6 * GIB,)), Machine(12 * GIB, (8 * GIB,)), Machine(64 * GIB, (7 * GIB,)),
                        Machine(16 * GIB, (4 * GIB, 4 * GIB)), Machine(8 * GIB, (3 * GIB,)), Machine(9 * GIB + 300 * MIB)):
            with self.subTest(machine=machine):
                found = self.fit_anew(machine, 6, 12_000_000)
                worst = max(worst, (found["requests"], found["read_bytes"]))
                self.assertEqual(found["chosen"], choose(self.models, machine)[0].label)
        print(f"at the most {worst[0]} requests and {worst[1]:,} bytes")

    def test_what_is_known_costs_nothing(self):
        machine = Machine(9 * GIB, (6 * GIB,))
        first = self.fit(machine)
        self.hub.clear_log()
        again = self.fit(machine)
        self.assertEqual(self.hub.requests(), [])
        self.assertEqual((again["requests"], again["read_bytes"]), (0, 0))
        self.assertEqual(again["candidates"], first["candidates"])

        self.daemon.terminate()
        self.assertEqual(self.daemon.wait(60 * SLOWNESS), 0)
        self.box.daemon()
        offline = self.box.batuta("hf", "fit", "acme/llama", *flags_of(machine), "--offline", "--format", "json")
        self.assertEqual(offline.code, 0, offline.err)
        self.assertEqual(offline.json["chosen"], first["chosen"])
        self.assertEqual(self.hub.requests(), [])

    def test_nothing_is_downloaded(self):
        self.fit(Machine(16 * GIB))
        self.assertEqual(list(self.box.cache.glob("*/blobs/*")), [])
        self.assertEqual(list(self.box.cache.glob("*/snapshots/*")), [])


class FitColdTest(unittest.TestCase):
    """Large models, whose headers are too many or too long to be read, asked of a daemon that knows nothing."""

    def test_choice_is_that_of_full_headers_when_little_may_be_read(self):
        with tempfile.TemporaryDirectory() as root:
            models = {name: write_variants(root, f"acme/{name}", name, labels_of(name)[number % 2::2])
                      for number, name in enumerate(("deepseek-v3", "gpt-oss-20b", "llama-3.3-70b", "mixtral-8x7b", "qwen3-next-80b-a3b"))}
            draw = random.Random(SEED)
            worst = (0, 0)
            for name, variants in models.items():
                least, most = min(model.file_bytes for model in variants) // MIB, max(model.file_bytes for model in variants) // MIB
                for number in range(4):
                    devices = tuple((draw.randint(0, most) // max(number - 1, 1) + 1024) * MIB for _ in range(number))
                    machine = Machine((draw.randint(least // 2, most) + 2048) * MIB, devices)
                    with self.subTest(name=name, machine=machine):
                        worst = max(worst, self.check(pathlib.Path(root), name, variants, machine))
        print(f"cold, at the most {worst[0]} requests and {worst[1]:,} bytes")

    def check(self, root, name, variants, machine):
        box = Sandbox()
        try:
            box.hub(root)
            box.daemon()
            found = box.batuta("hf", "fit", f"acme/{name}", *flags_of(machine), "--format", "json").json
        finally:
            box.close()
        model, way = choose(variants, machine)
        placements = {candidate["label"]: candidate["placement"] for candidate in found["candidates"]}
        self.assertEqual((found["chosen"], placements.get(found["chosen"])), (model and model.label, way and way.placement), found["explanation"])
        self.assertLessEqual(found["requests"], 6)
        self.assertLessEqual(found["read_bytes"], 12_000_000)
        return found["requests"], found["read_bytes"]


class FitCachedTest(EndToEndTest):
    def test_what_is_cached_is_read_from_the_disk(self):
        root = self.box.folder / "root"
        models = write_variants(root, "acme/otter", "otter", ["Q8_0", "Q4_K_M"], is_fetched=True)
        hub = self.box.hub(root)
        self.box.daemon()
        self.box.pull("model", "acme/otter", "--quantization", "Q8_0")
        hub.clear_log()
        found = self.box.batuta("hf", "fit", "acme/otter", *flags_of(Machine(8 * GIB)), "--format", "json").json
        self.assertEqual(hub.requests(), [])
        self.assertEqual((found["requests"], found["chosen"]), (0, "Q8_0"))
        candidate = next(candidate for candidate in found["candidates"] if candidate["label"] == "Q8_0")
        self.assertTrue(candidate["exact"])
        self.assertEqual(candidate["weights_bytes"], choose(models, Machine(8 * GIB))[1].weights)


def lies():
    """Files that are no model, or say what is not so, by what is wrong with them."""
    model = architectures.find("otter")
    honest = repos.variant("otter", "Q8_0")[0]
    head = honest.head

    def file(content, size=None):
        return layout.File("Otter-20M-Q8_0.gguf", content, len(content) if size is None else size)

    def patched(at, data):
        return file(head[:at] + data + head[at + len(data):], honest.size)

    def u64(value):
        return value.to_bytes(8, "little")

    def told(key, kind=None, value=None):
        """With another value of the key, or without it."""
        pairs = []
        for pair in repos.key_values(model, "Q8_0"):
            if not pair.startswith(layout.text(key)):
                pairs.append(pair)
            elif kind:
                pairs.append(layout.pair(key, kind, value))
        if kind and key.startswith("general.") and not any(pair.startswith(layout.text(key)) for pair in pairs):
            pairs.insert(1, layout.pair(key, kind, value))
        return layout.whole_file("Otter-20M-Q8_0.gguf", pairs, mixes.quantized(model, "Q8_0"))

    tokens = head.index(b"tokenizer.ggml.tokens") + len("tokenizer.ggml.tokens")
    infos = head.index(b"output.weight") + len("output.weight")
    return {
        "nothing": file(b""),
        "a page": file(b"<!doctype html><html><body>Not found</body></html>" * 40),
        "a pointer": file(b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 123\n"),
        "magic alone": file(b"GGUF"),
        "zeros": file(b"", honest.size),
        "version 1": patched(4, b"\1\0\0\0"),
        "version 99": patched(4, b"\x63\0\0\0"),
        "other byte order": patched(4, b"\0\0\0\3"),
        "tensors without end": patched(8, u64(2**63)),
        "a million tensors": patched(8, u64(10**6)),
        "no tensors": patched(8, u64(0)),
        "keys without end": patched(16, u64(2**64 - 1)),
        "a key of exabytes": patched(24, u64(2**62)),
        "tokens without end": patched(tokens + 8, u64(2**60)),
        "a type that is none": patched(tokens, b"\x63\0\0\0"),
        "a row of exabytes": patched(infos + 4, u64(2**62)),
        "more rows than can be": patched(infos + 12, u64(2**64 - 1)),
        "a tensor type that is none": patched(infos + 20, b"\xe7\3\0\0"),
        "an offset beyond the end": patched(infos + 24, u64(2**50)),
        "cut off in the header": file(head[:len(head) // 2]),
        "cut off in the first kilobyte": file(head[:700]),
        "cut off in the weights": file(head, honest.size // 2),
        "too long": file(head, honest.size + 2**20),
        "layers without end": told("llama.block_count", "u32", 2**32 - 1),
        "layers in words": told("llama.block_count", "str", "many"),
        "no layers": told("llama.block_count", "u32", 0),
        "layers not told": told("llama.block_count"),
        "heads without end": told("llama.attention.head_count", "u32", 2**32 - 1),
        "key heads without end": told("llama.attention.head_count_kv", "u32", 2**32 - 1),
        "a list of heads that is too short": told("llama.attention.head_count_kv", "i32[]", [2]),
        "no heads": told("llama.attention.head_count", "u32", 0),
        "less than no context": told("llama.context_length", "i32", -1),
        "no width": told("llama.embedding_length", "u32", 0),
        "a width of gigabytes": told("llama.embedding_length", "u32", 2**32 - 1),
        "a vocabulary of billions": told("llama.vocab_size", "u32", 2**32 - 1),
        "architecture not told": told("general.architecture"),
        "an architecture with colours": told("general.architecture", "str", "\x1b[31mllama\x07"),
        "an architecture of a megabyte": told("general.architecture", "str", "llama" * 200_000),
        "an adapter": told("general.type", "str", "adapter"),
        "an alignment of nothing": told("general.alignment", "u32", 0),
        "an alignment of gigabytes": told("general.alignment", "u32", 2**31),
    }


class FitLiesTest(EndToEndTest):
    """Headers that lie: a clear answer, and the daemon lives."""

    def test_lies_alone_and_beside_an_honest_variant(self):
        root = self.box.folder / "root"
        honest = repos.variant("otter", "Q4_K_M")
        for number, file in enumerate(lies().values()):
            repos.write_hub(root, f"acme/alone-{number}", [file])
            repos.write_hub(root, f"acme/beside-{number}", [file, *honest])
        self.box.hub(root)
        daemon = self.box.daemon()
        told = {}
        for number, lie in enumerate(lies()):
            for where in ("alone", "beside"):
                # So little memory that sizes alone do not decide, and plenty.
                for machine in (Machine(1500 * MIB), Machine(8 * GIB), Machine(8 * GIB, (2 * GIB,))):
                    with self.subTest(lie=lie, where=where, machine=machine):
                        result = self.box.batuta("hf", "fit", f"acme/{where}-{number}", *flags_of(machine), "--format", "json")
                        self.assertIsNone(daemon.poll(), self.box.daemon_log()[-2_000:])
                        self.assertNotIn("\x1b", result.out + result.err)
                        if result.code in (0, 7) and result.out:
                            document = result.json
                            for candidate in document["candidates"]:
                                self.assertTrue(candidate["reason"])
                                self.assertLess(candidate["total_bytes"], 2**63)
                            told.setdefault((lie, where), []).append(document["chosen"])
                        else:
                            self.assertTrue(result.error["reason"] and result.error["message"], result.err)
                            self.assertEqual(where, "alone", result.err)
                            told.setdefault((lie, where), []).append(result.error["reason"])
        for lie in lies():
            # What its first bytes tell is seen; the rest, when it is fetched.
            seen = told[lie, "alone"][0] != "Q8_0"
            expected = "Q4_K_M" if seen else "Q8_0"
            if lie == "an architecture of a megabyte":
                expected = None  # it takes all that may be read
            self.assertEqual(set(told[lie, "beside"]), {expected}, f"{lie}: {told[lie, 'alone']}")


if __name__ == "__main__":
    unittest.main()
