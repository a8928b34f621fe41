#include "daemon/fit/model_shape.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status/status_matchers.h"
#include "tests/unit/daemon/fit/model_files.h"

namespace batuta::fit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

gguf::HyperParameters Small(std::string architecture, uint64_t layers = 8) {
  ModelSpec spec = Llama8B();
  spec.architecture = std::move(architecture);
  spec.layers = layers;
  return ParametersOf(spec);
}

ModelShape Shape(const gguf::HyperParameters& parameters) {
  const auto shape = ShapeOfGguf(parameters);
  EXPECT_THAT(shape, IsOk());
  return shape.ok() ? *shape : ModelShape{};
}

// One letter a layer: f full attention, w windowed, s state only, b both, - nothing.
std::string LayersOf(const ModelShape& shape) {
  std::string text;
  for (const LayerShape& layer : shape.layers) {
    const bool has_attention = layer.key_width + layer.value_width > 0;
    const bool has_state = layer.state_bytes > 0;
    const char attention = layer.is_windowed ? 'w' : 'f';
    text += has_attention && has_state ? 'b' : has_attention ? attention : has_state ? 's' : '-';
  }
  return text;
}

TEST(ModelShapeTest, HasAsManyKeyHeadsAsHeadsWhereNothingElseIsSaid) {
  gguf::HyperParameters parameters = Small("llama");
  for (const char* key :
       {"llama.attention.head_count_kv", "llama.attention.key_length", "llama.attention.value_length"}) {
    parameters.metadata.values.erase(key);
  }

  const ModelShape shape = Shape(parameters);

  EXPECT_EQ(shape.layers[0].key_width, 4096U);
  EXPECT_EQ(shape.layers[0].value_width, 4096U);
}

TEST(ModelShapeTest, TakesTheVocabularyFromItsKeyOrItsTokens) {
  gguf::HyperParameters parameters = Small("llama");
  EXPECT_EQ(Shape(parameters).vocabulary, 128256U);
  Set(parameters, "vocab_size", 1000);
  EXPECT_EQ(Shape(parameters).vocabulary, 1000U);
}

struct Windows {
  std::string architecture;
  std::string layers;
};

TEST(ModelShapeTest, WindowsLayersAsItsArchitectureDoes) {
  const Windows known[] = {
      {"gemma2", "wfwfwfwf"},  {"gemma3", "wwwwwfww"},       {"gemma3n", "wwwwfwww"},
      {"cohere2", "wwwfwwwf"}, {"gpt-oss", "wfwfwfwf"},      {"llama4", "wwwfwwwf"},
      {"olmo2", "wwwfwwwf"},   {"smallthinker", "fwwwfwww"}, {"exaone-moe", "wwwfwwwf"},
      {"phi3", "ffffffff"},    {"exaone4", "ffffffff"},      {"never-heard-of", "ffffffff"}};
  for (const Windows& example : known) {
    gguf::HyperParameters parameters = Small(example.architecture);
    Set(parameters, "attention.sliding_window", 128);
    EXPECT_EQ(LayersOf(Shape(parameters)), example.layers) << example.architecture;
  }
}

TEST(ModelShapeTest, HasWindowsWithoutAKeyOnlyWhereTheArchitectureHas) {
  EXPECT_EQ(LayersOf(Shape(Small("gemma2"))), "wfwfwfwf");
  EXPECT_EQ(Shape(Small("gemma2")).window, 4096U);
  EXPECT_EQ(LayersOf(Shape(Small("gemma3"))), "ffffffff");
  gguf::HyperParameters llama4 = Small("llama4");
  Set(llama4, "attention.sliding_window", 0);
  EXPECT_EQ(LayersOf(Shape(llama4)), "ffffffff");
  EXPECT_EQ(LayersOf(Shape(Small("exaone4", 64))).substr(0, 4), "wwwf");
}

TEST(ModelShapeTest, ReadsWindowsOfEachLayer) {
  gguf::HyperParameters parameters = Small("gemma4", 4);
  Set(parameters, "attention.sliding_window", 512);
  Set(parameters, "attention.sliding_window_pattern", std::vector<int64_t>{1, 1, 0, 1});
  Set(parameters, "attention.key_length_swa", 64);
  Set(parameters, "attention.value_length_swa", 64);
  Set(parameters, "attention.shared_kv_layers", 1);

  const ModelShape shape = Shape(parameters);

  EXPECT_EQ(LayersOf(shape), "wwf-");
  EXPECT_EQ(shape.layers[0].key_width, 8U * 64);
  EXPECT_EQ(shape.layers[2].key_width, 8U * 128);
}

TEST(ModelShapeTest, HasNoCacheInLayersThatPredictAhead) {
  gguf::HyperParameters parameters = Small("glm4moe", 4);
  Set(parameters, "nextn_predict_layers", 1);
  EXPECT_EQ(LayersOf(Shape(parameters)), "fff-");
  gguf::HyperParameters exaone = Small("exaone-moe", 4);
  Set(exaone, "nextn_predict_layers", 1);
  EXPECT_EQ(LayersOf(Shape(exaone)).back(), 'f');
}

TEST(ModelShapeTest, HasACacheInTheFirstTwentyLayersOfGemma3n) {
  EXPECT_EQ(LayersOf(Shape(Small("gemma3n", 30))), std::string(20, 'f') + std::string(10, '-'));
}

TEST(ModelShapeTest, OfEncodersHasNoCache) {
  for (const char* architecture : {"bert", "nomic-bert", "modern-bert", "gemma-embedding"}) {
    const ModelShape shape = Shape(Small(architecture));
    EXPECT_EQ(LayersOf(shape), "--------") << architecture;
    EXPECT_FALSE(shape.has_output) << architecture;
  }
  EXPECT_EQ(LayersOf(Shape(Small("dream"))), "--------");
  gguf::HyperParameters parameters = Small("llama");
  parameters.metadata.values["llama.attention.causal"] = false;
  EXPECT_EQ(LayersOf(Shape(parameters)), "--------");
}

void SetSsm(gguf::HyperParameters& parameters) {
  Set(parameters, "ssm.conv_kernel", 4);
  Set(parameters, "ssm.inner_size", 8192);
  Set(parameters, "ssm.state_size", 128);
  Set(parameters, "ssm.group_count", 8);
}

TEST(ModelShapeTest, OfRecurrentModelsHasStatesOnly) {
  gguf::HyperParameters mamba2 = Small("mamba2");
  SetSsm(mamba2);
  EXPECT_EQ(LayersOf(Shape(mamba2)), "ssssssss");
  EXPECT_EQ(Shape(mamba2).layers[0].state_bytes, 4U * (3 * (8192 + 2 * 8 * 128) + 128 * 8192));

  gguf::HyperParameters mamba = Small("mamba");
  Set(mamba, "ssm.conv_kernel", 4);
  Set(mamba, "ssm.inner_size", 8192);
  Set(mamba, "ssm.state_size", 16);
  EXPECT_EQ(Shape(mamba).layers[0].state_bytes, 4U * (3 * 8192 + 16 * 8192));

  gguf::HyperParameters rwkv = Small("rwkv7");
  Set(rwkv, "wkv.head_size", 64);
  EXPECT_EQ(Shape(rwkv).layers[0].state_bytes, 4U * (2 * 4096 + 4096 * 64));
}

TEST(ModelShapeTest, OfHybridModelsFollowsTheKeyHeadsOfEachLayer) {
  gguf::HyperParameters jamba = Small("jamba", 4);
  SetSsm(jamba);
  Set(jamba, "attention.head_count_kv", std::vector<int64_t>{0, 8, 0, 0});
  EXPECT_EQ(LayersOf(Shape(jamba)), "sfss");
  EXPECT_FALSE(Shape(jamba).has_equal_layers);

  gguf::HyperParameters lfm2 = Small("lfm2", 2);
  Set(lfm2, "shortconv.l_cache", 3);
  Set(lfm2, "attention.head_count_kv", std::vector<int64_t>{0, 8});
  EXPECT_EQ(LayersOf(Shape(lfm2)), "sf");
  EXPECT_EQ(Shape(lfm2).layers[0].state_bytes, 4U * 4096 * 2);

  gguf::HyperParameters kimi = Small("kimi-linear", 2);
  Set(kimi, "kda.head_dim", 128);
  Set(kimi, "ssm.conv_kernel", 4);
  Set(kimi, "attention.head_count_kv", std::vector<int64_t>{0, 8});
  EXPECT_EQ(Shape(kimi).layers[0].state_bytes, 4U * (3 * 3 * 32 * 128 + 128 * 128 * 32));

  gguf::HyperParameters nemotron = Small("nemotron_h", 4);
  SetSsm(nemotron);
  Set(nemotron, "attention.head_count_kv", std::vector<int64_t>{0, 8, 0, 8});
  Set(nemotron, "feed_forward_length", std::vector<int64_t>{0, 0, 100, 100});
  EXPECT_EQ(LayersOf(Shape(nemotron)), "sf--");

  gguf::HyperParameters falcon = Small("falcon-h1", 2);
  SetSsm(falcon);
  EXPECT_EQ(LayersOf(Shape(falcon)), "bb");

  gguf::HyperParameters qwen = Small("qwen3next");
  SetSsm(qwen);
  EXPECT_EQ(LayersOf(Shape(qwen)), "sssfsssf");
  Set(qwen, "full_attention_interval", 2);
  EXPECT_EQ(LayersOf(Shape(qwen)), "sfsfsfsf");
}

TEST(ModelShapeTest, AssumesTheMostOfAnArchitectureThatIsNotKnown) {
  gguf::HyperParameters parameters = Small("never-heard-of", 2);
  SetSsm(parameters);
  Set(parameters, "attention.sliding_window", 128);

  const ModelShape shape = Shape(parameters);

  EXPECT_EQ(LayersOf(shape), "bb");
  EXPECT_THAT(shape.notes, ElementsAre(HasSubstr("full attention is assumed")));
}

TEST(ModelShapeTest, OfMixturesCountsTheExpertsThatWork) {
  const ModelShape mixtral = *ShapeOf(Mixtral());
  EXPECT_EQ(mixtral.feed_forward, 2U * 14336);
  EXPECT_EQ(mixtral.expert_layers, 32U);

  gguf::HyperParameters parameters = Small("deepseek2", 61);
  Set(parameters, "expert_count", 256);
  Set(parameters, "expert_used_count", 8);
  Set(parameters, "expert_feed_forward_length", 2048);
  Set(parameters, "leading_dense_block_count", 3);
  EXPECT_EQ(Shape(parameters).feed_forward, 8U * 2048);
  EXPECT_EQ(Shape(parameters).expert_layers, 58U);
}

struct Refused {
  std::string key;
  std::vector<int64_t> values;
};

TEST(ModelShapeTest, RefusesWhatNoModelIs) {
  const Refused examples[] = {{"block_count", {0}},
                              {"block_count", {100'000}},
                              {"block_count", {-1}},
                              {"embedding_length", {int64_t{1} << 40}},
                              {"attention.head_count_kv", {8, 8}},
                              {"attention.head_count_kv", {1 << 20}},
                              {"attention.key_length", {1 << 21}},
                              {"context_length", {int64_t{1} << 50}}};
  for (const Refused& example : examples) {
    gguf::HyperParameters parameters = Small("llama");
    Set(parameters, example.key, example.values);
    EXPECT_EQ(ShapeOfGguf(parameters).status().code(), absl::StatusCode::kInvalidArgument) << example.key;
  }
}

TEST(ModelShapeTest, RefusesWhatIsNotAModel) {
  gguf::HyperParameters adapter = Small("llama");
  adapter.metadata.values["general.type"] = std::string("adapter");
  EXPECT_EQ(ShapeOfGguf(adapter).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ShapeOfGguf(Small("clip")).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ShapeOfGguf(Small("")).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace batuta::fit
