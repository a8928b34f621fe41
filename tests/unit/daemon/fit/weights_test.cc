#include "daemon/fit/weights.h"

#include <array>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/unit/daemon/fit/model_files.h"

namespace batuta::fit {
namespace {

double MiB(uint64_t bytes) {
  return static_cast<double>(bytes) / static_cast<double>(kMiB);
}

TEST(WeightsTest, OfLlama8BAreThoseOfItsFile) {
  const auto weights = WeightsOf(Llama8B(), kQ4KM);

  // The published file has 4 920 739 232 bytes, of which 4685.3 MiB were measured to be weights.
  EXPECT_NEAR(MiB(weights->total_bytes), 4685.3, 0.05);
  EXPECT_LT(4'920'739'232 - weights->total_bytes, 8'000'000U);
  EXPECT_NEAR(MiB(weights->embedding_bytes), 281.8, 0.05);
  EXPECT_NEAR(MiB(weights->output_bytes), 411.0, 0.05);
  EXPECT_EQ(weights->tied_bytes, 0U);
  EXPECT_EQ(weights->parameters, 8'030'261'312U);
  EXPECT_NEAR(weights->bits_per_weight, 4.8944, 0.005);
  EXPECT_EQ(weights->layers.size(), 32U);
}

TEST(WeightsTest, OfQwenAreThoseOfItsFiles) {
  EXPECT_NEAR(MiB(WeightsOf(Qwen7B(), kQ4KM)->total_bytes), 4460.4, 0.05);
  EXPECT_NEAR(MiB(WeightsOf(Qwen7B(), kQ4KM)->embedding_bytes), 292.4, 0.05);
  // Rows of 29568 are no whole number of blocks of 256.
  EXPECT_NEAR(WeightsOf(Qwen72B(), kQ4KM)->bits_per_weight, 5.22, 0.02);
}

TEST(WeightsTest, TellExpertsFromTheRestOfALayer) {
  const auto weights = WeightsOf(Mixtral(), kQ4KM);

  EXPECT_NEAR(static_cast<double>(weights->total_bytes) / 1e9, 28.45, 0.05);
  const LayerWeights& layer = weights->layers[1];
  EXPECT_GT(layer.expert_bytes, layer.bytes / 10 * 9);
  EXPECT_EQ(layer.largest_expert_bytes, uint64_t{8} * 4096 * 14336 / 256 * 210);
  EXPECT_EQ(layer.largest_bytes, uint64_t{4096} * 4096 / 256 * 176);
}

TEST(WeightsTest, OfAModelWithoutOutputTensorNeedTheEmbeddingTwiceOnAGpu) {
  const auto weights = WeightsOf(Gemma9B(), kQ4KM);

  EXPECT_EQ(weights->tied_bytes, uint64_t{256000} * 3584 / 256 * 210);
  EXPECT_EQ(weights->embedding_bytes, weights->tied_bytes);
  EXPECT_EQ(weights->output_bytes, 3584U * 4);
}

TEST(WeightsTest, OfAnEncoderNeedItOnce) {
  ModelSpec bert = Gemma9B();
  bert.architecture = "bert";
  EXPECT_EQ(WeightsOf(bert, kQ8)->tied_bytes, 0U);
}

TEST(WeightsTest, OfAllPartsAreSummed) {
  gguf::Header first = HeaderOf(Llama8B(), kQ4KM);
  gguf::Header second;
  second.tensors.assign(first.tensors.begin() + 100, first.tensors.end());
  first.tensors.resize(100);
  const std::array<gguf::Header, 2> parts = {first, second};

  const Weights weights = WeightsOf(std::span<const gguf::Header>(parts));

  EXPECT_EQ(weights.total_bytes, WeightsOf(Llama8B(), kQ4KM)->total_bytes);
  EXPECT_EQ(weights.tied_bytes, 0U);
}

TEST(WeightsTest, PassOverNumbersOfLayersThatNoModelHas) {
  gguf::Header header;
  header.tensors = {{.name = "blk.99999999999.a", .size_bytes = 7},
                    {.name = "blk.x.a", .size_bytes = 5},
                    {.name = "blk.3", .size_bytes = 3}};
  const std::array<gguf::Header, 1> parts = {header};

  const Weights weights = WeightsOf(std::span<const gguf::Header>(parts));

  EXPECT_EQ(weights.layers.size(), 0U);
  EXPECT_EQ(weights.other_bytes, 15U);
}

struct Bounded {
  std::string_view label;
  ModelSpec spec;
  MixSpec mix;
};

TEST(WeightBoundsTest, HoldWhatTheTensorsSay) {
  const Bounded variants[] = {{"Q4_K_M", Llama8B(), kQ4KM},
                              {"Q8_0", Llama8B(), kQ8},
                              {"F16", Qwen7B(), kF16},
                              {"Q4_K_M", Gemma9B(), kQ4KM},
                              {"Q4_K_L", Llama8B(), {12, 14, 8, 8}},
                              {"UD-Q4_K_XL", Mixtral(), kQ4KM},
                              {"Q2_K", Llama8B(), {10, 11, 10, 14}}};
  const auto sibling = [](const Bounded& variant) { return WeightsOf(variant.spec, kF16); };
  for (const Bounded& variant : variants) {
    const auto weights = WeightsOf(variant.spec, variant.mix);
    const auto shape = ShapeOf(variant.spec);
    const uint64_t header_bytes = variant.spec.vocabulary * 55;
    const uint64_t file_bytes = weights->total_bytes + header_bytes;
    const auto other = sibling(variant);
    const Sibling known{other.get(), other->total_bytes + header_bytes + 100'000};
    const WeightBounds exact = BoundsOf(*weights);
    for (const WeightBounds& bounds : {BoundWeights(file_bytes, variant.label, nullptr),
                                       BoundWeights(file_bytes, variant.label, shape.get()),
                                       BoundWeights(file_bytes, variant.label, shape.get(), known)}) {
      const auto holds = [](const Range& range, const Range& inside) {
        return range.least <= inside.least && inside.most <= range.most;
      };
      EXPECT_TRUE(holds(bounds.total, exact.total)) << variant.label;
      EXPECT_TRUE(holds(bounds.embedding, exact.embedding)) << variant.label;
      EXPECT_TRUE(holds(bounds.tied, exact.tied)) << variant.label;
      EXPECT_TRUE(holds(bounds.on_gpu, exact.on_gpu)) << variant.label;
      EXPECT_GE(bounds.largest_unit, exact.largest_unit) << variant.label;
    }
  }
}

TEST(WeightBoundsTest, AreNarrowOnceASiblingIsKnown) {
  const auto weights = WeightsOf(Gemma9B(), kQ4KM);
  const auto other = WeightsOf(Gemma9B(), kQ8);
  const auto shape = ShapeOf(Gemma9B());

  const WeightBounds bounds = BoundWeights(weights->total_bytes + 6'000'000, "Q4_K_M", shape.get(),
                                           {other.get(), other->total_bytes + 6'000'000});

  EXPECT_LE(bounds.total.most - bounds.total.least, 5 * kMiB);
  EXPECT_LE(bounds.on_gpu.most - bounds.on_gpu.least, 70 * kMiB);
}

}  // namespace
}  // namespace batuta::fit
