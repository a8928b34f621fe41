"""The oracle itself is held to figures that were measured with the programs which run the models."""

import tempfile
import unittest

from fit_models import write_variants
from fit_oracle import GIB, MIB, Machine, Need, all_on_devices, choose, filled, on_cpu, ranked

LARGE = Machine(10**13, (10**13,))

# MiB of the cache in f16, by context; of hosts' buffers when a GPU has all layers; what a GPU was planned to hold.
CACHE = {"llama-3.1-8b": {4096: 512, 8192: 1024, 32768: 4096}, "qwen2.5-7b": {4096: 224, 8192: 448, 32768: 1792},
         "gemma-2-9b": {4096: 672 + 672, 8192: 1344 + 756}, "deepseek-v3": {4096: 274.5, 8192: 549, 32768: 2196}}
HOST = {"llama-3.1-8b": {4096: 24, 8192: 32, 32768: 80}, "qwen2.5-7b": {4096: 22, 8192: 30, 32768: 78}}
DEVICE_BUFFER = {"llama-3.1-8b": {8192: 258.5}, "qwen2.5-7b": {4096: 304, 8192: 311, 32768: 382}, "mixtral-8x7b": {4096: 196, 8192: 200, 32768: 240}}
DEVICE_TOTAL = {("llama-3.1-8b", 8192): 5686, ("qwen2.5-7b", 32768): 6342}


def whole(need):
    return next(all_on_devices(need, LARGE))


class OracleTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.models = {name: write_variants(folder.name, f"acme/{name}", name, ["Q4_K_M"])[0]
                      for name in ("llama-3.1-8b", "llama-3.2-1b", "qwen2.5-7b", "gemma-2-9b", "deepseek-v3", "deepseek-v3-old", "mixtral-8x7b")}
        cls.series = write_variants(folder.name, "acme/series", "qwen2.5-0.5b")

    def need(self, name, context, **options):
        return Need(self.models[name], context, **options)

    def test_cache_is_exact(self):
        for name, sizes in CACHE.items():
            for context, size in sizes.items():
                with self.subTest(name=name, context=context):
                    self.assertEqual(self.need(name, context).cache / MIB, size)

    def test_quantised_cache_is_exact(self):
        full = self.need("llama-3.1-8b", 8192).cache
        self.assertEqual(self.need("llama-3.1-8b", 8192, cache_type="q8_0").cache, full * 0.53125)
        self.assertEqual(self.need("llama-3.1-8b", 8192, cache_type="q4_0").cache, full * 0.28125)

    def test_old_files_of_deepseek_cache_all_heads(self):
        ratio = self.need("deepseek-v3-old", 8192).cache / self.need("deepseek-v3", 8192).cache
        self.assertAlmostEqual(ratio, 71, delta=0.2)

    def test_buffers_are_never_below_what_is_planned_and_little_above(self):
        for name, sizes in HOST.items():
            for context, size in sizes.items():
                self.assertEqual(self.need(name, context).compute_host / MIB, size, (name, context))
        for name, sizes in DEVICE_BUFFER.items():
            for context, size in sizes.items():
                found = self.need(name, context).compute_device / MIB
                self.assertTrue(size <= found <= size * 1.35, (name, context, found))

    def test_devices_hold_what_is_planned(self):
        for (name, context), size in DEVICE_TOTAL.items():
            found = whole(self.need(name, context)).devices[0] / MIB
            self.assertTrue(size - 1 <= found <= size + 60, (name, found))

    def test_tied_embedding_stands_twice_with_a_device_and_once_without(self):
        need = self.need("llama-3.2-1b", 8192)
        self.assertAlmostEqual(need.model.embedding / MIB, 205, delta=1)
        self.assertEqual(whole(need).weights, need.model.weights + need.model.embedding)
        self.assertEqual(on_cpu(need, LARGE).weights, need.model.weights)

    def test_several_devices_are_filled_in_order(self):
        self.assertEqual(filled([1, 2, 3, 4], [3, 5, 5]), ([1, 5, 4], 4))
        self.assertEqual(filled([5, 2, 3, 4], [3, 5, 5]), ([0, 5, 4], 3))
        need = self.need("llama-3.1-8b", 8192)
        together = choose([need.model], Machine(16 * GIB, (4 * GIB, 5 * GIB)))[1]
        self.assertEqual(together.placement, "gpu")
        self.assertTrue(all(together.devices))

    def test_experts_stay_in_the_memory_before_layers_do(self):
        way = choose([self.models["mixtral-8x7b"]], Machine(48 * GIB, (8 * GIB,)))[1]
        self.assertEqual((way.placement, way.layers), ("hybrid", 32))

    def test_what_is_larger_and_worse_is_out(self):
        labels = [model.label for model in ranked(self.series)]
        self.assertEqual(labels[0], "F16")
        self.assertNotIn("Q3_K_M", labels)

    def test_gpu_is_preferred_from_four_bits_on(self):
        series = [self.models["llama-3.1-8b"]]
        self.assertEqual(choose(series, Machine(64 * GIB, (8 * GIB,)))[1].placement, "gpu")
        self.assertEqual(choose(series, Machine(64 * GIB, (6 * GIB,)))[1].placement, "hybrid")
        self.assertEqual(choose(series, Machine(64 * GIB))[1].placement, "cpu")
        self.assertEqual(choose(series, Machine(4 * GIB)), (None, None))


if __name__ == "__main__":
    unittest.main()
