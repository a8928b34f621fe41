#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/pull/draft.h"

// The precisions in which a repo has weights of other formats than GGUF. By names alone; pure.
namespace batuta::pull {

// The file that a publisher calls by the bare name. Of ONNX that one is "fp32", by convention.
inline constexpr std::string_view kDefaultVariant = "default";

// What the name of an ONNX file says, as transformers.js and optimum write it: `model_q4f16.onnx`,
// `decoder_model_merged_quantized.onnx_data_1`.
struct OnnxName {
  std::string stem;     // without precision and ending
  std::string variant;  // "fp32", "fp16", "q8", "int8", "uint8", "q4", "q4f16", "bnb4", "o1" …

  friend bool operator==(const OnnxName&, const OnnxName&) = default;
};

// An empty stem when it is no name of an ONNX file, nor of the data of one.
OnnxName ParseOnnxName(std::string_view file_name);

// What a user wrote for a precision as these names have it: "fp16" for "F16".
std::string CanonicalVariant(std::string_view text);

// One precision. Which files it stands for, the selection says: what lacks it is taken in another.
struct WeightVariant {
  FileFormat format = FileFormat::kPlain;  // safetensors, PyTorch or ONNX
  std::string label;                       // canonical; unique for its format

  friend bool operator==(const WeightVariant&, const WeightVariant&) = default;
};

// Those of the weights that the draft still takes: first the default, then from the best on, safetensors
// before ONNX before PyTorch.
std::vector<WeightVariant> WeightVariantsOf(const Draft& draft);

// How much such a label says of what the weights lose: the lower, the better, equal ones lose as much.
// Nothing when it says nothing of it, or is for one kind of processor.
std::optional<int> PrecisionRank(const WeightVariant& variant);

}  // namespace batuta::pull
