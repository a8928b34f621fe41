#include "daemon/fit/placement.h"

#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/daemon/fit/model_files.h"

namespace batuta::fit {
namespace {

double MiB(uint64_t bytes) {
  return static_cast<double>(bytes) / static_cast<double>(kMiB);
}

// A model at a context, and a machine as its budget.
struct Case {
  std::shared_ptr<const ModelShape> shape;
  std::shared_ptr<const Weights> weights;
  Load load;
  Budget budget;

  Case(const ModelSpec& spec, const MixSpec& mix, uint64_t context)
      : shape(ShapeOf(spec)), weights(WeightsOf(spec, mix)) {
    load.shape = shape.get();
    load.cache = CacheNeedOf(*shape, context, CacheType::kF16);
    load.compute = ComputeNeedOf(*shape, load.cache);
  }

  Case& On(uint64_t memory, std::vector<uint64_t> devices = {}) {
    budget.memory_bytes = memory;
    budget.device_bytes = std::move(devices);
    return *this;
  }

  Placement In(Mode mode) const { return Place(*weights, load, budget, mode); }
};

// Totals of llama.cpp's own planner for full offload and for the CPU, MiB.
struct Measured {
  Case model;
  double gpu;
  double host;  // 0 = not measured
  double cpu;   // 0 = not measured
};

TEST(PlacementTest, IsWithinAFewPercentAboveThePlanner) {
  const Measured figures[] = {{Case(Llama8B(), kQ4KM, 8192), 5686, 314.3, 5984.3},
                              {Case(Qwen7B(), kQ4KM, 32768), 6342, 0, 0}};
  for (const Measured& figure : figures) {
    Case model = figure.model;
    model.On(100 * kGiB, {100 * kGiB});
    const Placement gpu = model.In(Mode::kGpu);
    ASSERT_TRUE(gpu.fits);
    EXPECT_GE(MiB(gpu.device_bytes[0]), figure.gpu - 0.5);
    EXPECT_LE(MiB(gpu.device_bytes[0]), figure.gpu * 1.05);
    EXPECT_EQ(gpu.device_layers, gpu.layers);
    if (figure.host > 0) {
      EXPECT_NEAR(MiB(gpu.memory_bytes - kProcessBytes), figure.host, 0.2);
    }
    if (figure.cpu > 0) {
      const Placement cpu = model.In(Mode::kCpu);
      EXPECT_GE(MiB(cpu.memory_bytes - kProcessBytes), figure.cpu - 0.5);
      EXPECT_LE(MiB(cpu.memory_bytes - kProcessBytes), figure.cpu * 1.05);
    }
  }
}

TEST(PlacementTest, OnTheGpuFailsByAByte) {
  Case model(Llama8B(), kQ4KM, 8192);
  const uint64_t need = model.On(100 * kGiB, {100 * kGiB}).In(Mode::kGpu).device_bytes[0];

  EXPECT_TRUE(model.On(100 * kGiB, {need}).In(Mode::kGpu).fits);
  const Placement failing = model.On(100 * kGiB, {need - 1}).In(Mode::kGpu);
  EXPECT_FALSE(failing.fits);
  EXPECT_EQ(failing.short_bytes, 1U);
}

TEST(PlacementTest, OnTheGpuStillNeedsMemory) {
  Case model(Llama8B(), kQ4KM, 8192);
  EXPECT_FALSE(model.On(600 * kMiB, {100 * kGiB}).In(Mode::kGpu).fits);
  EXPECT_TRUE(model.On(800 * kMiB, {100 * kGiB}).In(Mode::kGpu).fits);
}

TEST(PlacementTest, WithoutAGpuSaysWhatOneWouldNeed) {
  const Placement placement = Case(Llama8B(), kQ4KM, 8192).On(100 * kGiB).In(Mode::kGpu);
  EXPECT_FALSE(placement.fits);
  EXPECT_NEAR(MiB(placement.short_bytes), 5718, 5);
}

TEST(PlacementTest, DividesBetweenGpuAndMemoryLayerByLayer) {
  const Placement placement = Case(Llama8B(), kQ4KM, 8192).On(16 * kGiB, {4 * kGiB}).In(Mode::kHybrid);

  ASSERT_TRUE(placement.fits);
  EXPECT_EQ(placement.mode, Mode::kHybrid);
  EXPECT_LE(placement.device_bytes[0], 4 * kGiB);
  // 4096 − 411 (output) − 290 − 67 (staging), layers of 125 to 142 MiB with 32 of cache.
  EXPECT_GE(placement.device_layers, 20U);
  EXPECT_LE(placement.device_layers, 22U);
  EXPECT_EQ(placement.layers, 32U);
}

TEST(PlacementTest, PutsExpertsIntoMemoryBeforeWholeLayers) {
  const Placement placement = Case(Mixtral(), kQ4KM, 8192).On(64 * kGiB, {8 * kGiB}).In(Mode::kHybrid);

  ASSERT_TRUE(placement.fits);
  EXPECT_TRUE(placement.has_experts_in_memory);
  EXPECT_EQ(placement.device_layers, 32U);
  // Experts of some layers fill the room that attention leaves.
  EXPECT_GT(placement.device_bytes[0], 6 * kGiB);
}

TEST(PlacementTest, SharesLayersInProportionToFreeMemory) {
  // 8 : 10, as published for 80 layers at 1024 tokens: 36 layers with 144 MiB of cache, 44 and the output.
  const Case model = Case(Llama70B(), kQ4KM, 1024).On(64 * kGiB, {80 * kGiB / 4, 100 * kGiB / 4});
  const Placement placement = model.In(Mode::kGpu);

  ASSERT_TRUE(placement.fits);
  const auto& layers = model.weights->layers;
  const uint64_t first =
      std::accumulate(layers.begin(), layers.begin() + 36, model.weights->other_bytes,
                      [](uint64_t sum, const LayerWeights& layer) { return sum + layer.bytes; });
  const uint64_t buffers = model.load.compute.gpu_bytes + 3 * model.load.compute.host_bytes;
  EXPECT_EQ(placement.device_bytes[0], first + 144 * kMiB + buffers);
}

TEST(PlacementTest, FillsGpusThatProportionsWouldOverflow) {
  Case model(Llama8B(), kF16, 8192);
  const std::vector<uint64_t> devices = {9 * kGiB, 9 * kGiB + kGiB / 2};
  const Placement placement = model.On(64 * kGiB, devices).In(Mode::kGpu);

  ASSERT_TRUE(placement.fits);
  for (size_t i = 0; i < devices.size(); ++i) EXPECT_LE(placement.device_bytes[i], devices[i]);
}

TEST(PlacementTest, OnOneGpuWhenOneIsEnough) {
  const Placement placement =
      Case(Llama8B(), kQ4KM, 8192).On(64 * kGiB, {4 * kGiB, 24 * kGiB}).In(Mode::kGpu);
  EXPECT_EQ(placement.device_bytes[0], 0U);
  EXPECT_TRUE(placement.fits);
}

TEST(PlacementTest, CountsWhatIsSharedOnce) {
  Case model(Llama8B(), kQ4KM, 8192);
  const uint64_t need = model.On(100 * kGiB).In(Mode::kCpu).memory_bytes;
  model.budget.is_shared = true;

  EXPECT_TRUE(model.On(need + kGiB, {need + kGiB}).In(Mode::kGpu).fits);
  EXPECT_FALSE(model.On(need * 2 / 3, {need * 2 / 3}).In(Mode::kGpu).fits);
  EXPECT_FALSE(model.On(need * 2 / 3, {need * 2 / 3}).In(Mode::kHybrid).fits);
}

TEST(PlacementTest, HoldsAProjectorWithWhatItComputes) {
  Case model(Llama8B(), kQ4KM, 8192);
  const uint64_t without = model.On(64 * kGiB, {24 * kGiB}).In(Mode::kGpu).device_bytes[0];
  model.load.projector_bytes = 800 * kMiB;
  EXPECT_EQ(model.In(Mode::kGpu).device_bytes[0], without + 800 * kMiB + kGiB);
}

TEST(PlacementTest, OfATiedModelHoldsTheEmbeddingOnBothSides) {
  const Case model = Case(Gemma9B(), kQ4KM, 8192).On(64 * kGiB, {24 * kGiB});
  const Placement gpu = model.In(Mode::kGpu);
  const Placement cpu = model.In(Mode::kCpu);
  const uint64_t gpu_weights =
      gpu.device_bytes[0] - model.load.cache.total_bytes - model.load.compute.gpu_bytes;
  EXPECT_EQ(gpu_weights, model.weights->total_bytes);
  EXPECT_EQ(cpu.memory_bytes, model.weights->total_bytes + model.load.cache.total_bytes + cpu.compute_bytes);
}

}  // namespace
}  // namespace batuta::fit
