#include <gtest/gtest.h>

#include "daemon/fit/cache_need.h"
#include "daemon/fit/model_shape.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::fit {
namespace {

TEST(ConfigShapeTest, HasTheCacheThatTheConfigurationSays) {
  const auto shape = ShapeOfConfig(R"({"model_type": "llama", "num_hidden_layers": 32, "hidden_size": 4096,
      "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256, "intermediate_size": 14336,
      "max_position_embeddings": 131072})");

  ASSERT_THAT(shape, IsOk());
  EXPECT_EQ(shape->trained_context, 131072U);
  EXPECT_EQ(CacheNeedOf(*shape, 8192, CacheType::kF16).total_bytes, uint64_t{1} << 30);
}

TEST(ConfigShapeTest, HasAsManyKeyHeadsAsHeadsAndTheirUsualWidthWhereNothingElseIsSaid) {
  const auto shape =
      ShapeOfConfig(R"({"num_hidden_layers": 2, "hidden_size": 512, "num_attention_heads": 8})");
  ASSERT_THAT(shape, IsOk());
  EXPECT_EQ(shape->layers[0].key_width, 512U);
}

TEST(ConfigShapeTest, FindsTheLanguageModelOfOneThatSees) {
  const auto shape = ShapeOfConfig(R"({"model_type": "gemma3", "vision_config": {"hidden_size": 1},
      "text_config": {"num_hidden_layers": 3, "hidden_size": 64, "num_attention_heads": 4, "head_dim": 32,
      "num_key_value_heads": 1, "sliding_window": 16,
      "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}})");

  ASSERT_THAT(shape, IsOk());
  EXPECT_TRUE(shape->layers[0].is_windowed);
  EXPECT_FALSE(shape->layers[1].is_windowed);
  EXPECT_EQ(shape->layers[0].key_width, 32U);
}

TEST(ConfigShapeTest, KeepsOneNarrowKeyOfLatentAttention) {
  const auto shape = ShapeOfConfig(R"({"num_hidden_layers": 61, "hidden_size": 7168,
      "num_attention_heads": 128, "kv_lora_rank": 512, "qk_rope_head_dim": 64, "n_routed_experts": 256,
      "num_experts_per_tok": 8, "moe_intermediate_size": 2048, "first_k_dense_replace": 3})");

  ASSERT_THAT(shape, IsOk());
  EXPECT_EQ(shape->layers[0].key_width, 576U);
  EXPECT_EQ(shape->layers[0].value_width, 0U);
  EXPECT_EQ(shape->feed_forward, 8U * 2048);
  EXPECT_EQ(shape->expert_layers, 58U);
}

TEST(ConfigShapeTest, RefusesWhatIsNoLanguageModel) {
  for (const char* text :
       {"", "[]", "{", R"({"hidden_size": 7})", R"({"num_hidden_layers": -3, "hidden_size": 7})",
        R"({"num_hidden_layers": 100000000, "hidden_size": 7})"}) {
    EXPECT_EQ(ShapeOfConfig(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace batuta::fit
