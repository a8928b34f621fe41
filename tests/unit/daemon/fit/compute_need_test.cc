#include "daemon/fit/compute_need.h"

#include <gtest/gtest.h>

#include "tests/unit/daemon/fit/model_files.h"

namespace batuta::fit {
namespace {

ComputeNeed ComputeOf(const ModelSpec& spec, uint64_t context) {
  const auto shape = ShapeOf(spec);
  return ComputeNeedOf(*shape, CacheNeedOf(*shape, context, CacheType::kF16));
}

// Measured with llama.cpp's own planner; MiB.
struct Measured {
  ModelSpec spec;
  uint64_t context;
  double gpu;
  double host;  // 0 = not measured
};

TEST(ComputeNeedTest, IsNeverBelowThePlannerAndNotFarAbove) {
  const Measured figures[] = {
      {Llama8B(), 4096, 258.5, 24}, {Llama8B(), 8192, 258.5, 32}, {Llama8B(), 32768, 258.5, 80},
      {Qwen7B(), 4096, 304, 22},    {Qwen7B(), 8192, 311, 30},    {Qwen7B(), 32768, 382, 78},
      {Mixtral(), 4096, 196, 0},    {Mixtral(), 8192, 200, 0},    {Mixtral(), 32768, 240, 0}};
  for (const Measured& figure : figures) {
    const ComputeNeed need = ComputeOf(figure.spec, figure.context);
    const double gpu = static_cast<double>(need.gpu_bytes) / static_cast<double>(kMiB);
    EXPECT_GE(gpu, figure.gpu - 0.51) << figure.context;  // figures are rounded
    EXPECT_LE(gpu, figure.gpu * 1.34) << figure.context;
    if (figure.host > 0) {
      EXPECT_EQ(need.host_bytes, static_cast<uint64_t>(figure.host) * kMiB);
    }
  }
}

TEST(ComputeNeedTest, OfTheCpuIsNeverBelowThePlanner) {
  const auto mib = [](uint64_t bytes) { return static_cast<double>(bytes) / static_cast<double>(kMiB); };
  EXPECT_GE(mib(ComputeOf(Llama8B(), 8192).cpu_bytes), 274.5);
  EXPECT_GE(mib(ComputeOf(Mixtral(), 8192).cpu_bytes), 208);
  EXPECT_LE(mib(ComputeOf(Mixtral(), 8192).cpu_bytes), 208 * 1.34);
  EXPECT_GE(mib(ComputeOf(Qwen72B(), 8192).cpu_bytes), 245);
}

TEST(ComputeNeedTest, OfLatentAttentionHoldsAllHeads) {
  ModelShape shape;
  shape.embedding = 7168;
  shape.vocabulary = 129280;
  shape.heads = 128;
  shape.latent_width = 576 + 512;
  shape.feed_forward = 8 * 2048;
  CacheNeed cache;
  cache.cells = 8192;
  // 397 MiB were measured.
  EXPECT_EQ(ComputeNeedOf(shape, cache).cpu_bytes / kMiB, 440U);
}

TEST(ComputeNeedTest, OfAModelWithoutOutputHasNoLogits) {
  ModelShape shape;
  shape.embedding = 768;
  shape.vocabulary = 30522;
  shape.feed_forward = 3072;
  shape.has_output = false;
  const ComputeNeed need = ComputeNeedOf(shape, {});
  EXPECT_EQ(need.output_bytes, 0U);
  EXPECT_EQ(need.gpu_bytes, 4U * 512 * (3 * 3072 + 4 * 768));
}

}  // namespace
}  // namespace batuta::fit
