// What bounds say of a placement is what every variant within them gets.
#include <string>

#include <gtest/gtest.h>

#include "daemon/fit/placement.h"
#include "tests/unit/daemon/fit/model_files.h"

namespace batuta::fit {
namespace {

TEST(JudgePropertyTest, AgreesWithEveryPlacement) {
  std::mt19937_64 random(20'261);
  int certain = 0;
  int all = 0;
  for (int round = 0; round < 400; ++round) {
    const ModelSpec spec = RandomModel(random);
    const LabelledMix& variant = AllMixes()[Between(random, 0, AllMixes().size() - 1)];
    const LabelledMix& other = AllMixes()[Between(random, 0, AllMixes().size() - 1)];
    const auto shape = ShapeOf(spec);
    const auto weights = WeightsOf(spec, variant.mix);
    const auto sibling = WeightsOf(spec, other.mix);
    const uint64_t header_bytes = spec.vocabulary * Between(random, 24, 65);
    const uint64_t file_bytes = weights->total_bytes + header_bytes;
    const Sibling known{sibling.get(), sibling->total_bytes + header_bytes + Between(random, 0, 100'000)};
    Load load;
    load.shape = shape.get();
    load.cache = CacheNeedOf(*shape, Between(random, 256, 40'000), CacheType::kF16);
    load.compute = ComputeNeedOf(*shape, load.cache);
    if (Between(random, 0, 4) == 0) load.projector_bytes = Between(random, 1, 2 * kGiB);
    for (int machines = 0; machines < 8; ++machines) {
      const Budget budget = BudgetOf(RandomMachine(random, file_bytes + load.cache.total_bytes));
      for (const Mode mode : {Mode::kGpu, Mode::kHybrid, Mode::kCpu}) {
        const bool fits = Place(*weights, load, budget, mode).fits;
        for (const WeightBounds& bounds : {BoundWeights(file_bytes, variant.label, nullptr),
                                           BoundWeights(file_bytes, variant.label, shape.get()),
                                           BoundWeights(file_bytes, variant.label, shape.get(), known)}) {
          const Verdict verdict = Judge(bounds, load, budget, mode);
          const Verdict wrong = fits ? Verdict::kNo : Verdict::kYes;
          ASSERT_NE(verdict, wrong) << "round " << round << ", " << variant.label << " of "
                                    << spec.architecture << ", " << NameOf(mode);
          certain += verdict == Verdict::kMaybe ? 0 : 1;
          ++all;
        }
      }
    }
  }
  // Bounds that say nothing would agree with everything.
  EXPECT_GT(certain * 100, all * 75);
}

TEST(PlacePropertyTest, KeepsToTheBudgetAndLosesNothing) {
  std::mt19937_64 random(20'262);
  for (int round = 0; round < 400; ++round) {
    const ModelSpec spec = RandomModel(random);
    const auto shape = ShapeOf(spec);
    const auto weights = WeightsOf(spec, AllMixes()[Between(random, 0, AllMixes().size() - 1)].mix);
    Load load;
    load.shape = shape.get();
    load.cache = CacheNeedOf(*shape, Between(random, 256, 40'000), CacheType::kF16);
    load.compute = ComputeNeedOf(*shape, load.cache);
    const Budget budget = BudgetOf(RandomMachine(random, weights->total_bytes + load.cache.total_bytes));
    for (const Mode mode : {Mode::kGpu, Mode::kHybrid, Mode::kCpu}) {
      const Placement placement = Place(*weights, load, budget, mode);
      ASSERT_EQ(placement.fits, placement.short_bytes == 0);
      ASSERT_EQ(placement.device_bytes.size(), budget.device_bytes.size());
      uint64_t on_devices = 0;
      for (size_t i = 0; i < placement.device_bytes.size(); ++i) {
        on_devices += placement.device_bytes[i];
        if (placement.fits) {
          ASSERT_LE(placement.device_bytes[i], budget.device_bytes[i]);
        }
      }
      if (!placement.fits) continue;
      ASSERT_LE(placement.memory_bytes + (budget.is_shared ? on_devices : 0), budget.memory_bytes);
      const uint64_t copied = mode == Mode::kCpu ? 0 : weights->tied_bytes;
      ASSERT_EQ(placement.memory_bytes + on_devices,
                weights->total_bytes + copied + load.cache.total_bytes + placement.compute_bytes)
          << NameOf(mode);
    }
  }
}

}  // namespace
}  // namespace batuta::fit
