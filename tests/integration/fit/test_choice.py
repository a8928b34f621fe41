"""The variant that is chosen is the one that full headers and every placement give, for machines from 8 to 512 GiB and GPUs up to 80.

BATUTA_FIT_GRID=full goes through the grid for all variants of all models; else each model has a third of them, and a sample of the grid.
BATUTA_FIT_SEED chooses another sample. The programs come from the environment: CHOOSE_VARIANTS.
"""

import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "e2e"))
from fit_models import architectures, labels_of, mixes, write_variants  # pylint: disable=wrong-import-position
from fit_oracle import GIB, MIB, Machine, choose  # pylint: disable=wrong-import-position

IS_FULL = os.environ.get("BATUTA_FIT_GRID") == "full"
SEED = int(os.environ.get("BATUTA_FIT_SEED", "7"))
MEMORY = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
VRAM = (0, 4, 6, 8, 10, 12, 16, 24, 32, 40, 48, 80)
SEVERAL = ((8, 8), (12, 6), (24, 24), (24, 12, 8), (48, 48), (80, 80, 80, 80))
SAMPLE = 24


class Chooser:
    """The program, with the variants of one model."""

    def __init__(self, models, folder):
        self.process = subprocess.Popen([os.environ["CHOOSE_VARIANTS"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._tell({"variants": [{"label": model.label, "paths": [str(folder / name) for name in model.files]} for model in models]})

    def _tell(self, document):
        self.process.stdin.write(json.dumps(document) + "\n")
        self.process.stdin.flush()

    def ask(self, machine, context=None, target="auto", cache_type="f16"):
        self._tell({"memory": machine.memory, "devices": machine.devices, "context": context or 0, "target": target, "cache_type": cache_type})
        return json.loads(self.process.stdout.readline())

    def infer(self):
        self._tell({"infer": True})
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(60)


def draw(name, models):
    """Questions: of the grid, and about machines on which some variant is a tight fit."""
    random_of = random.Random(f"{SEED} {name}")
    grid = [Machine(memory * GIB, (vram * GIB,) if vram else ()) for memory in MEMORY for vram in VRAM]
    least, most = min(model.file_bytes for model in models) // MIB, max(model.file_bytes for model in models) // MIB
    tight = []
    for number in range(SAMPLE):
        memory = 1024 + random_of.randint(least // 2, most) + 512
        devices = [random_of.randint(0, most) + 1024 for _ in range((0, 1, 1, 2)[number % 4])]
        tight.append(Machine(memory * MIB, tuple(size * MIB for size in devices)))
    several = [Machine(memory * GIB, tuple(size * GIB for size in devices)) for memory in (16, 64) for devices in SEVERAL]
    for number, machine in enumerate((grid if IS_FULL else random_of.sample(grid, SAMPLE)) + several + tight):
        yield machine, None, ("auto", "auto", "auto", "gpu", "hybrid", "cpu")[number % 6], "f16"
    for context, cache_type in ((512, "f16"), (4096, "q8_0"), (32_768, "f16"), (100_000, "q4_0")):
        for machine in random_of.sample(grid, 3) + tight[:3]:
            yield machine, context, "auto", cache_type


class InferenceTest(unittest.TestCase):
    def test_weights_follow_from_any_other_variant_and_are_never_wrong(self):
        counts = {"whole": [0, 0], "parts": [0, 0]}
        for number, name in enumerate(architectures.NAMES):
            labels = labels_of(name) if IS_FULL or len(labels_of(name)) < 12 else labels_of(name)[number % 3::3]
            largest = max(sum(tensor.bytes for tensor in mixes.quantized(architectures.find(name), label)) for label in labels)
            # In one file each; and the largest in six parts, so that what one part has is not much.
            for cut, size in (("whole", largest), ("parts", largest // 6)):
                with self.subTest(name=name, cut=cut), tempfile.TemporaryDirectory() as folder:
                    models = write_variants(folder, "acme/model", name, labels, split_bytes=size)
                    chooser = Chooser(models, pathlib.Path(folder) / "models/acme/model/revisions/main")
                    self.addCleanup(chooser.close)
                    found = chooser.infer()
                    self.assertEqual(found["wrong"], 0, found)
                    counts[cut][0] += found["right"]
                    counts[cut][1] += len(found["none"])
                    # Of small models the first part has little but the embedding.
                    if cut == "whole" or largest > 50 * 10**9:
                        self.assertEqual(found["none"], [])
        print("weights that follow, and that do not:", counts)


class ChoiceTest(unittest.TestCase):
    def compare(self, found, model, way, told):
        self.assertEqual(found["chosen"], model and model.label, told)
        if model is None:
            return
        self.assertTrue(found["fits"], told)
        self.assertEqual(found["placement"], way.placement, told)
        self.assertEqual(found["cache"], way.cache, told)
        self.assertEqual(found["total"], found["weights"] + found["cache"] + found["compute"], told)
        if not found["exact"]:
            # By its size: never less than the need.
            self.assertGreaterEqual(found["total"], way.total, told)
        else:
            self.assertEqual(found["weights"], way.weights, told)
            if way.placement == "cpu" or sum(1 for size in way.devices if size) == 1:
                self.assertAlmostEqual(found["compute"] / way.compute, 1, delta=0.01, msg=told)

    def test_choice_is_that_of_full_headers(self):
        asked, headers, answers = 0, 0, set()
        for number, name in enumerate(architectures.NAMES):
            labels = labels_of(name) if IS_FULL or len(labels_of(name)) < 12 else labels_of(name)[number % 3::3]
            with tempfile.TemporaryDirectory() as folder:
                models = write_variants(folder, "acme/model", name, labels)
                chooser = Chooser(models, pathlib.Path(folder) / "models/acme/model/revisions/main")
                self.addCleanup(chooser.close)
                for question in draw(name, models):
                    found = chooser.ask(*question)
                    model, way = choose(models, *question)
                    told = f"{name}, {question}: {found}; not {model and model.label}, {way}"
                    with self.subTest(name=name, question=question):
                        self.compare(found, model, way, told)
                    asked += 1
                    headers += found["headers"]
                    answers.add((name, found["chosen"], found.get("placement")))
        print(f"{asked} questions, {len(answers)} different answers, {headers / asked:.2f} headers were read for one")


if __name__ == "__main__":
    unittest.main()
