#include "daemon/fit/cache_need.h"

#include <gtest/gtest.h>

#include "tests/unit/daemon/fit/model_files.h"

namespace batuta::fit {
namespace {

uint64_t CacheOf(const ModelSpec& spec, uint64_t context, CacheType type = CacheType::kF16) {
  return CacheNeedOf(*ShapeOf(spec), context, type).total_bytes;
}

ModelSpec DeepSeekV3() {
  return {.architecture = "deepseek2",
          .layers = 61,
          .embedding = 7168,
          .heads = 128,
          .key_heads = 1,
          .head_width = 576,
          .feed_forward = 18432,
          .vocabulary = 129280,
          .context = 163840,
          .experts = 256,
          .used_experts = 8,
          .expert_width = 2048};
}

CacheNeed CacheOfDeepSeek(uint64_t context, bool is_latent) {
  gguf::HyperParameters parameters = ParametersOf(DeepSeekV3());
  if (is_latent) {
    Set(parameters, "attention.key_length_mla", 192);
    Set(parameters, "attention.value_length_mla", 128);
    Set(parameters, "attention.value_length", 512);
  } else {
    Set(parameters, "attention.head_count_kv", 128);
    Set(parameters, "attention.key_length", 192);
    Set(parameters, "attention.value_length", 128);
  }
  return CacheNeedOf(*ShapeOfGguf(parameters), context, CacheType::kF16);
}

// Measured with llama.cpp's own planner, f16, one sequence.
TEST(CacheNeedTest, IsThatOfThePlanner) {
  EXPECT_EQ(CacheOf(Llama8B(), 4096), 512 * kMiB);
  EXPECT_EQ(CacheOf(Llama8B(), 8192), 1024 * kMiB);
  EXPECT_EQ(CacheOf(Llama8B(), 32768), 4096 * kMiB);
  EXPECT_EQ(CacheOf(Qwen7B(), 4096), 224 * kMiB);
  EXPECT_EQ(CacheOf(Qwen7B(), 8192), 448 * kMiB);
  EXPECT_EQ(CacheOf(Qwen7B(), 32768), 1792 * kMiB);
}

TEST(CacheNeedTest, OfWindowedLayersEndsWithTheWindow) {
  EXPECT_EQ(CacheOf(Gemma9B(), 4096), (672 + 672) * kMiB);
  EXPECT_EQ(CacheOf(Gemma9B(), 8192), (1344 + 756) * kMiB);
  EXPECT_EQ(CacheNeedOf(*ShapeOf(Gemma9B()), 8192, CacheType::kF16).cells, 8192U + 4608U);

  ModelSpec gpt_oss = Llama8B();
  gpt_oss.architecture = "gpt-oss";
  gpt_oss.window = 128;
  EXPECT_EQ(CacheNeedOf(*ShapeOf(gpt_oss), 8192, CacheType::kF16).cells, 8192U + 768U);
}

TEST(CacheNeedTest, OfLatentAttentionIsOneNarrowKey) {
  EXPECT_EQ(CacheOfDeepSeek(4096, true).total_bytes, 61 * 576 * 2 * uint64_t{4096});
  EXPECT_EQ(CacheOfDeepSeek(8192, true).total_bytes / kMiB, 549U);
  EXPECT_EQ(CacheOfDeepSeek(32768, true).total_bytes / kMiB, 2196U);
}

TEST(CacheNeedTest, OfOldFilesWithLatentAttentionIsThatOfAllHeads) {
  EXPECT_EQ(CacheOfDeepSeek(8192, false).total_bytes, uint64_t{61} * 128 * (192 + 128) * 2 * 8192);
  EXPECT_EQ(CacheOfDeepSeek(8192, false).total_bytes / CacheOfDeepSeek(8192, true).total_bytes, 71U);
}

TEST(CacheNeedTest, IsSmallerByTheBlocksOfItsType) {
  const uint64_t f16 = CacheOf(Llama8B(), 8192);
  EXPECT_EQ(CacheOf(Llama8B(), 8192, CacheType::kQ80), f16 / 64 * 34);
  EXPECT_EQ(CacheOf(Llama8B(), 8192, CacheType::kQ40), f16 / 64 * 18);
}

TEST(CacheNeedTest, HoldsWholeStepsOf256Tokens) {
  EXPECT_EQ(CacheOf(Llama8B(), 1), CacheOf(Llama8B(), 256));
  EXPECT_EQ(CacheOf(Llama8B(), 257), CacheOf(Llama8B(), 512));
  EXPECT_EQ(CacheOf(Llama8B(), 0), 0U);
}

TEST(CacheNeedTest, DoesNotOverflowForTheWidestModel) {
  ModelSpec widest = Llama8B();
  widest.layers = 1024;
  widest.key_heads = 65536;
  widest.head_width = 64;
  const CacheNeed need = CacheNeedOf(*ShapeOf(widest), ~uint64_t{0}, CacheType::kF16);
  EXPECT_EQ(need.total_bytes, uint64_t{1024} * 2 * 65536 * 64 * 2 * kMostContext);
}

// Published for contexts and models that were not measured: cache alone, as weights stay in the mapped file.
struct Published {
  ModelSpec spec;
  uint64_t context;
  double gib;
};

TEST(CacheNeedTest, IsThatOfPublishedFigures) {
  ModelSpec llama405 = Llama8B();
  llama405.layers = 126;
  llama405.embedding = 16384;
  llama405.heads = 128;
  llama405.key_heads = 16;
  const Published figures[] = {{Llama70B(), 131072, 40.0}, {Llama70B(), 1024, 0.3125},
                               {llama405, 131072, 126.0},  {llama405, 4096, 3.9375},
                               {Qwen72B(), 32768, 10.0},   {Llama8B(), 8192, 1.0},
                               {Qwen7B(), 131072, 7.0}};
  for (const Published& figure : figures) {
    EXPECT_DOUBLE_EQ(static_cast<double>(CacheOf(figure.spec, figure.context)) / static_cast<double>(kGiB),
                     figure.gib);
  }
}

TEST(CacheTypeTest, IsReadAsProgramsWriteIt) {
  EXPECT_EQ(ParseCacheType(""), CacheType::kF16);
  EXPECT_EQ(ParseCacheType("q8_0"), CacheType::kQ80);
  EXPECT_EQ(ParseCacheType("q4_0"), CacheType::kQ40);
  EXPECT_EQ(ParseCacheType("q5"), std::nullopt);
  EXPECT_EQ(NameOf(CacheType::kQ80), "q8_0");
}

}  // namespace
}  // namespace batuta::fit
