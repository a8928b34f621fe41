#include "daemon/pull/weight_variants.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tests/unit/daemon/pull/selection_requests.h"

namespace batuta::pull {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> LabelsOf(const Files& files) {
  const Tree tree = TreeOf(files);
  std::vector<std::string> labels;
  for (const WeightVariant& variant : WeightVariantsOf(Draft(tree, RepoType::kModel))) {
    labels.push_back(std::string(ToString(variant.format)) + " " + variant.label);
  }
  return labels;
}

TEST(OnnxNameTest, ReadsWhatExportersWrite) {
  const std::vector<std::pair<std::string, OnnxName>> names = {
      {"model.onnx", {"model", "fp32"}},
      {"model_fp16.onnx", {"model", "fp16"}},
      {"model_quantized.onnx", {"model", "q8"}},
      {"model_int8.onnx", {"model", "int8"}},
      {"model_uint8.onnx", {"model", "uint8"}},
      {"model_q4.onnx", {"model", "q4"}},
      {"model_q4f16.onnx", {"model", "q4f16"}},
      {"model_q4f16.onnx_data", {"model", "q4f16"}},
      {"model_q4f16.onnx_data_1", {"model", "q4f16"}},
      {"model.onnx_data", {"model", "fp32"}},
      {"model.onnx.data", {"model", "fp32"}},
      {"model_bnb4.onnx", {"model", "bnb4"}},
      {"model_q8f16.onnx", {"model", "q8f16"}},
      {"model_uint8f16.onnx", {"model", "uint8f16"}},
      {"model_O4.onnx", {"model", "o4"}},
      {"model_qint8_avx512_vnni.onnx", {"model", "qint8_avx512_vnni"}},
      {"model_qint8_arm64.onnx", {"model", "qint8_arm64"}},
      {"model_quint8_avx2.onnx", {"model", "quint8_avx2"}},
      {"decoder_model_merged.onnx", {"decoder_model_merged", "fp32"}},
      {"decoder_model_merged_quantized.onnx", {"decoder_model_merged", "q8"}},
      {"decoder_with_past_model_fp16.onnx", {"decoder_with_past_model", "fp16"}},
      {"embed_tokens_q4.onnx", {"embed_tokens", "q4"}},
      {"vision_encoder_fp16.onnx", {"vision_encoder", "fp16"}},
      {"speech_encoder_q4f16.onnx", {"speech_encoder", "q4f16"}},
      {"q4.onnx", {"q4", "fp32"}},
      {"model.safetensors", {"", ""}},
      {".onnx", {"", ""}},
  };
  for (const auto& [file, expected] : names) EXPECT_EQ(ParseOnnxName(file), expected) << file;
}

TEST(WeightVariantsTest, ListsThePrecisionsOfARepo) {
  EXPECT_THAT(
      LabelsOf({"unet/diffusion_pytorch_model.fp16.safetensors", "unet/diffusion_pytorch_model.safetensors",
                "unet/diffusion_pytorch_model.non_ema.safetensors", "vae/model.safetensors"}),
      ElementsAre("safetensors default", "safetensors fp16", "safetensors non_ema"));
  EXPECT_THAT(LabelsOf({"onnx/model_q4.onnx", "onnx/model.onnx", "onnx/model_quantized.onnx",
                        "onnx/model_fp16.onnx", "onnx/model_fp16.onnx_data"}),
              ElementsAre("ONNX fp32", "ONNX fp16", "ONNX q8", "ONNX q4"));
  EXPECT_THAT(LabelsOf({"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}),
              ElementsAre("safetensors default"));
  EXPECT_THAT(LabelsOf({"README.md", "m-Q4_0.gguf"}), IsEmpty());
}

TEST(WeightVariantsTest, RanksByWhatTheWeightsLose) {
  const auto rank = [](std::string label) { return PrecisionRank({FileFormat::kOnnx, std::move(label)}); };
  EXPECT_LT(*rank("fp32"), *rank("fp16"));
  EXPECT_LT(*rank("fp16"), *rank("q8"));
  EXPECT_EQ(rank("q8"), rank("int8"));
  EXPECT_LT(*rank("q8"), *rank("q4"));
  EXPECT_EQ(rank("o4"), std::nullopt);
  EXPECT_EQ(rank("non_ema"), std::nullopt);
}

TEST(WeightVariantsTest, UnderstandsWhatAUserWrites) {
  EXPECT_EQ(CanonicalVariant("F16"), "fp16");
  EXPECT_EQ(CanonicalVariant("BF16"), "bf16");
  EXPECT_EQ(CanonicalVariant("quantized"), "q8");
  EXPECT_EQ(CanonicalVariant("Q4F16"), "q4f16");
}

}  // namespace
}  // namespace batuta::pull
