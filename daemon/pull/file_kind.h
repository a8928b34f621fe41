#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/types/entry.h"
#include "common/types/repo_id.h"

namespace batuta::pull {

// In what form a file holds weights.
enum class FileFormat {
  kPlain,  // no weights: configuration, tokenizer, text, code, data
  kSafetensors,
  kGguf,
  kPytorch,
  kOriginal,  // the publisher's own checkpoint, beside the converted one
  kOnnx,
  kTensorflow,
  kFlax,
  kOpenvino,
  kCoreml,
  kTflite,
  kOther,
};

// "safetensors", "GGUF", "PyTorch", …
std::string_view ToString(FileFormat format);

// What the name of a file, and the names beside it, say about it.
struct FileKind {
  FileFormat format = FileFormat::kPlain;

  // False for what only accompanies weights of `format`: an index of shards, the small files in an `onnx/`
  // folder.
  bool is_weight = false;

  // By name a Python pickle, which runs code when it is loaded. Content has the last word, later.
  bool is_pickle = false;

  // By name a program: source, script, notebook, native code.
  bool is_code = false;

  // State of a training run (optimizer, schedule, random numbers): of no use to whoever only uses the model.
  bool is_training_state = false;

  // The part of the model that it belongs to: its folder, without what only says the format (`unet` for
  // `unet/onnx/x`).
  std::string component;

  friend bool operator==(const FileKind&, const FileKind&) = default;
};

// The kind of every entry, in the tree's order. In datasets and spaces nothing counts as weights, and a bare
// `.bin` not as a pickle. Pure.
std::vector<FileKind> ClassifyFiles(const Tree& tree, RepoType type);

// Classes of precision that stand in a file name before the extension, as diffusers writes them
// (`model.fp16.safetensors`, `model.fp16-00001-of-00002.safetensors`,
// `model-00001-of-00002.fp16.safetensors`).
struct VariantName {
  std::string stem;     // the name without variant, shard and extension
  std::string variant;  // "fp16", …; "" = the plain file

  friend bool operator==(const VariantName&, const VariantName&) = default;
};

VariantName ParseVariantName(std::string_view file_name);

}  // namespace batuta::pull
