#include "daemon/pull/file_kind.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace batuta::pull {
namespace {

struct Case {
  std::string_view path;
  FileFormat format;
  bool is_weight = false;
  bool is_pickle = false;
  std::string_view component = {};
  std::vector<std::string> beside = {};
};

FileKind Classify(const Case& c, RepoType type = RepoType::kModel) {
  Tree tree{*CommitId::Parse(std::string(40, 'a')), {}};
  const BlobId blob = *BlobId::Parse(std::string(40, 'c'));
  tree.entries.push_back({.path = *RepoPath::Parse(c.path), .blob = blob});
  for (const std::string& path : c.beside)
    tree.entries.push_back({.path = *RepoPath::Parse(path), .blob = blob});
  return ClassifyFiles(tree, type).front();
}

using F = FileFormat;

TEST(FileKindTest, TellsFormatsByNameAndCompany) {
  const std::vector<Case> cases = {
      {"config.json", F::kPlain},
      {"tokenizer.model", F::kPlain},
      {"modeling_x.py", F::kPlain},
      {"1_Pooling/config.json", F::kPlain, false, false, "1_Pooling"},
      {"model.safetensors", F::kSafetensors, true},
      {"MODEL.SAFETENSORS", F::kSafetensors, true},
      {"model-00001-of-00002.safetensors", F::kSafetensors, true},
      {"unet/diffusion_pytorch_model.fp16.safetensors", F::kSafetensors, true, false, "unet"},
      {"model.safetensors.index.json", F::kSafetensors},
      {"x/diffusion_pytorch_model.safetensors.index.fp16.json", F::kSafetensors, false, false, "x"},
      {"pytorch_model.bin.index.json", F::kPytorch},
      {"pytorch_model.bin", F::kPytorch, true, true},
      {"pytorch_model-00001-of-00002.bin", F::kPytorch, true, true},
      {"best.pt", F::kPytorch, true, true},
      {"v1-5-pruned.ckpt", F::kPytorch, true, true},
      {"consolidated.00.pth", F::kOriginal, true, true},
      {"consolidated.safetensors", F::kSafetensors, true},
      {"original/consolidated.00.pth", F::kOriginal, true, true},
      {"original/params.json", F::kOriginal},
      {"original/model.safetensors", F::kOriginal, true},
      {"model.onnx", F::kOnnx, true},
      {"onnx/model.onnx_data", F::kOnnx, true},
      {"onnx/decoder_model.onnx_data_1", F::kOnnx, true},
      {"onnx/tokenizer.json", F::kOnnx},
      {"unet/onnx/model.onnx", F::kOnnx, true, false, "unet"},
      {"tf_model.h5", F::kTensorflow, true},
      {"saved_model/1/saved_model.pb", F::kTensorflow, true},
      {"saved_model/1/variables/variables.data-00000-of-00001", F::kTensorflow, true},
      {"model.ckpt.index", F::kTensorflow, true},
      {"flax_model.msgpack", F::kFlax, true},
      {"rust_model.ot", F::kOther, true},
      {"openvino/openvino_model.bin", F::kOpenvino, true, false, "", {"openvino/openvino_model.xml"}},
      {"openvino_model.xml", F::kOpenvino, true, false, "", {"openvino_model.bin"}},
      {"layout.xml", F::kPlain},
      {"coreml/fill-mask/model.mlpackage/Data/weights/weight.bin", F::kCoreml, true},
      {"x.mlpackage/Manifest.json", F::kCoreml},
      {"model.tflite", F::kTflite, true},
      {"metal/model.bin", F::kOther, true},
      {"ggml-base.en.bin", F::kOther, true},
      {"model.bin", F::kOther, true, false, "", {"vocabulary.txt"}},
      {"model.bin", F::kPytorch, true, true},
      {"params_shard_0.bin", F::kOther, true, false, "", {"ndarray-cache.json"}},
      {"group1-shard1of4.bin", F::kTensorflow, true},
      {"x-Q4_K_M.gguf", F::kGguf, true},
      {"imatrix.dat", F::kGguf, true},
      {"scaler.pkl", F::kPlain, false, true},
      {"model.joblib", F::kPlain, false, true},
      {"asr.nemo", F::kOther, true, true},
  };
  for (const Case& c : cases) {
    const FileKind kind = Classify(c);
    EXPECT_EQ(kind.format, c.format) << c.path;
    EXPECT_EQ(kind.is_weight, c.is_weight) << c.path;
    EXPECT_EQ(kind.is_pickle, c.is_pickle) << c.path;
    EXPECT_EQ(kind.component, c.component) << c.path;
    EXPECT_FALSE(kind.is_training_state) << c.path;
  }
}

TEST(FileKindTest, KnowsTheStateOfTrainingRuns) {
  for (const std::string_view path : {"optimizer.pt", "checkpoint-500/scheduler.pt", "rng_state_0.pth",
                                      "training_args.bin", "scaler.pt", "optimizer.bin"}) {
    const FileKind kind = Classify({path, F::kPlain});
    EXPECT_TRUE(kind.is_training_state) << path;
    EXPECT_TRUE(kind.is_pickle) << path;
    EXPECT_EQ(kind.format, F::kPlain) << path;
    EXPECT_FALSE(kind.is_weight) << path;
  }
  EXPECT_FALSE(Classify({"optimizer.json", F::kPlain}).is_training_state);
}

TEST(FileKindTest, NothingInADatasetIsAWeight) {
  for (const std::string_view path : {"train.bin", "model.safetensors", "onnx/x.onnx", "data.parquet"}) {
    EXPECT_EQ(Classify({path, F::kPlain}, RepoType::kDataset).format, F::kPlain) << path;
    EXPECT_FALSE(Classify({path, F::kPlain}, RepoType::kDataset).is_pickle) << path;
  }
  for (const std::string_view path : {"data.pkl", "embeddings.pt", "pytorch_model.bin"}) {
    EXPECT_TRUE(Classify({path, F::kPlain}, RepoType::kDataset).is_pickle) << path;
  }
}

TEST(FileKindTest, ReadsVariantNames) {
  struct Name {
    std::string_view file;
    std::string_view stem;
    std::string_view variant;
  };

  const std::vector<Name> names = {
      {"model.safetensors", "model", ""},
      {"model.fp16.safetensors", "model", "fp16"},
      {"model-00001-of-00002.safetensors", "model", ""},
      {"model.fp16-00001-of-00002.safetensors", "model", "fp16"},
      {"model-00001-of-00002.fp16.safetensors", "model", "fp16"},
      {"diffusion_pytorch_model.non_ema.bin", "diffusion_pytorch_model", "non_ema"},
      {"model.safetensors.index.json", "model", ""},
      {"model.safetensors.index.fp16.json", "model", "fp16"},
      {"model.fp16.safetensors.index.json", "model", "fp16"},
      {"sd_xl_base_1.0.safetensors", "sd_xl_base_1.0", ""},
      {".fp16", "", ""},
      {"model-0001-of-0002.safetensors", "model-0001-of-0002", ""},
  };
  for (const Name& name : names) {
    EXPECT_EQ(ParseVariantName(name.file).stem, name.stem) << name.file;
    EXPECT_EQ(ParseVariantName(name.file).variant, name.variant) << name.file;
  }
}

}  // namespace
}  // namespace batuta::pull
