#include "daemon/pull/selection.h"

#include <map>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>

#include "common/status/status.h"
#include "tests/support/status/status_matchers.h"
#include "tests/unit/daemon/pull/selection_requests.h"

namespace batuta::pull {
namespace {

// One shape of a repo: what is taken of it, and why the others are not.
struct Shape {
  std::string name;
  Files files;
  Files taken;
  std::map<std::string, std::string> left = {};  // path → reason; all that are not taken
  SelectionRequest request = {};
};

void ExpectSelection(const Shape& shape) {
  SCOPED_TRACE(shape.name);
  const auto selection = PlanSelection(TreeOf(shape.files), shape.request);
  ASSERT_THAT(selection, IsOk());
  ASSERT_EQ(selection->entries.size(), shape.files.size());
  Files taken;
  std::map<std::string, std::string> left;
  for (size_t i = 0; i < shape.files.size(); ++i) {
    const SelectedEntry& item = selection->entries[i];
    EXPECT_EQ(item.entry.path.text(), shape.files[i]);
    EXPECT_EQ(item.selected, item.reason.empty());
    if (item.selected) {
      taken.push_back(item.entry.path.text());
    } else {
      left[item.entry.path.text()] = item.reason;
    }
  }
  EXPECT_EQ(taken, shape.taken);
  EXPECT_EQ(left, shape.left);
}

constexpr const char* kSafetensorsInstead = "safetensors is taken instead";
constexpr const char* kGgufInstead = "GGUF is taken instead";
constexpr const char* kPickle = "pickle: may run code when loaded";
constexpr const char* kCode = "code: --allow-unsafe=code takes it";
constexpr const char* kOtherFormat = "not the format asked for";
constexpr const char* kCompanion = "belongs to weights that are left out";
constexpr const char* kTraining = "state of a training run";
constexpr const char* kOtherLayout = "second layout of the same weights";
constexpr const char* kImatrix = "importance matrix: used only to quantise";

TEST(PlanSelectionTest, TakesOneFormatOfAModel) {
  const std::vector<Shape> shapes = {
      {"safetensors only",
       {".gitattributes", "README.md", "config.json", "model.safetensors", "tokenizer.json"},
       {".gitattributes", "README.md", "config.json", "model.safetensors", "tokenizer.json"}},
      {"sharded, with index",
       {"config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
        "model.safetensors.index.json"},
       {"config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
        "model.safetensors.index.json"}},
      {"safetensors and its PyTorch twin",
       {"config.json", "model.safetensors", "pytorch_model.bin"},
       {"config.json", "model.safetensors"},
       {{"pytorch_model.bin", kSafetensorsInstead}}},
      {"a sharded PyTorch twin goes with its index",
       {"model.safetensors", "pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin",
        "pytorch_model.bin.index.json"},
       {"model.safetensors"},
       {{"pytorch_model-00001-of-00002.bin", kSafetensorsInstead},
        {"pytorch_model-00002-of-00002.bin", kSafetensorsInstead},
        {"pytorch_model.bin.index.json", kSafetensorsInstead}}},
      {"every framework at once",
       {"config.json", "coreml/m.mlpackage/Manifest.json", "flax_model.msgpack", "model.onnx",
        "model.safetensors", "onnx/config.json", "onnx/model_fp16.onnx", "openvino/openvino_model.bin",
        "openvino/openvino_model.xml", "pytorch_model.bin", "rust_model.ot", "tf_model.h5", "x.tflite"},
       {"config.json", "model.safetensors"},
       {{"coreml/m.mlpackage/Manifest.json", kSafetensorsInstead},
        {"flax_model.msgpack", kSafetensorsInstead},
        {"model.onnx", kSafetensorsInstead},
        {"onnx/config.json", kSafetensorsInstead},
        {"onnx/model_fp16.onnx", kSafetensorsInstead},
        {"openvino/openvino_model.bin", kSafetensorsInstead},
        {"openvino/openvino_model.xml", kSafetensorsInstead},
        {"pytorch_model.bin", kSafetensorsInstead},
        {"rust_model.ot", kSafetensorsInstead},
        {"tf_model.h5", kSafetensorsInstead},
        {"x.tflite", kSafetensorsInstead}}},
      {"the publisher's own checkpoint in original/",
       {"config.json", "model-00001-of-00001.safetensors", "original/consolidated.00.pth",
        "original/params.json", "original/tokenizer.model"},
       {"config.json", "model-00001-of-00001.safetensors"},
       {{"original/consolidated.00.pth", kSafetensorsInstead},
        {"original/params.json", kSafetensorsInstead},
        {"original/tokenizer.model", kSafetensorsInstead}}},
      {"copies for two other runtimes in folders",
       {"metal/model.bin", "model.safetensors", "original/model.safetensors"},
       {"model.safetensors"},
       {{"metal/model.bin", kSafetensorsInstead}, {"original/model.safetensors", kSafetensorsInstead}}},
      {"consolidated beside shards",
       {"consolidated.safetensors", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
        "params.json"},
       {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "params.json"},
       {{"consolidated.safetensors", kOtherLayout}}},
      {"consolidated alone",
       {"consolidated.safetensors", "params.json"},
       {"consolidated.safetensors", "params.json"}},
      {"half precision beside the plain file",
       {"model.fp16.safetensors", "model.safetensors"},
       {"model.safetensors"},
       {{"model.fp16.safetensors", "fp16 copy; another precision is taken"}}},
      {"half precision alone", {"model.fp16.safetensors"}, {"model.fp16.safetensors"}},
      {"two precisions without a plain file",
       {"model.bf16.safetensors", "model.fp16.safetensors"},
       {"model.fp16.safetensors"},
       {{"model.bf16.safetensors", "bf16 copy; another precision is taken"}}},
      {"a sharded variant and its index",
       {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
        "model.fp16-00001-of-00002.safetensors", "model.fp16-00002-of-00002.safetensors",
        "model.safetensors.index.fp16.json", "model.safetensors.index.json"},
       {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
        "model.safetensors.index.json"},
       {{"model.fp16-00001-of-00002.safetensors", "fp16 copy; another precision is taken"},
        {"model.fp16-00002-of-00002.safetensors", "fp16 copy; another precision is taken"},
        {"model.safetensors.index.fp16.json", "fp16 copy; another precision is taken"}}},
      {"an adapter",
       {"README.md", "adapter_config.json", "adapter_model.bin", "adapter_model.safetensors",
        "training_args.bin"},
       {"README.md", "adapter_config.json", "adapter_model.safetensors"},
       {{"adapter_model.bin", kSafetensorsInstead}, {"training_args.bin", kTraining}}},
      {"sentence transformers",
       {"1_Pooling/config.json", "2_Dense/model.safetensors", "2_Dense/pytorch_model.bin",
        "model.safetensors", "modules.json"},
       {"1_Pooling/config.json", "2_Dense/model.safetensors", "model.safetensors", "modules.json"},
       {{"2_Dense/pytorch_model.bin", kSafetensorsInstead}}},
      {"training checkpoints",
       {"checkpoint-5/model.safetensors", "checkpoint-5/optimizer.pt", "checkpoint-5/rng_state.pth",
        "checkpoint-5/scheduler.pt", "checkpoint-5/trainer_state.json", "model.safetensors"},
       {"checkpoint-5/model.safetensors", "checkpoint-5/trainer_state.json", "model.safetensors"},
       {{"checkpoint-5/optimizer.pt", kTraining},
        {"checkpoint-5/rng_state.pth", kTraining},
        {"checkpoint-5/scheduler.pt", kTraining}}},
      {"a component that exists only as a pickle",
       {"model.safetensors", "speaker/model.pt", "vae/diffusion_pytorch_model.bin",
        "vae/diffusion_pytorch_model.bin.index.json"},
       {"model.safetensors"},
       {{"speaker/model.pt", kPickle},
        {"vae/diffusion_pytorch_model.bin", kPickle},
        {"vae/diffusion_pytorch_model.bin.index.json", kCompanion}}},
      {"the same with pickles allowed",
       {"model.safetensors", "pytorch_model.bin", "speaker/model.pt", "training_args.bin"},
       {"model.safetensors", "speaker/model.pt"},
       {{"pytorch_model.bin", kSafetensorsInstead}, {"training_args.bin", kTraining}},
       WithPickle()},
      {"a component that exists only as ONNX",
       {"model.safetensors", "vad/silero_vad.onnx"},
       {"model.safetensors", "vad/silero_vad.onnx"}},
      {"several different models in one folder",
       {"style-one.safetensors", "style-two.safetensors"},
       {"style-one.safetensors", "style-two.safetensors"}},
      {"programs are left out",
       {"config.json", "model.safetensors", "modeling_x.py", "run.ipynb", "lib/kernel.so"},
       {"config.json", "model.safetensors"},
       {{"modeling_x.py", kCode}, {"run.ipynb", kCode}, {"lib/kernel.so", kCode}}},
      {"no weights at all",
       {"README.md", "tokenizer.json", "vocab.txt"},
       {"README.md", "tokenizer.json", "vocab.txt"}},
      {"ONNX only",
       {"config.json", "onnx/model.onnx", "onnx/model.onnx_data", "onnx/model_q4.onnx"},
       {"config.json", "onnx/model.onnx", "onnx/model.onnx_data", "onnx/model_q4.onnx"}},
      {"one ONNX file and nothing else", {"silero_vad.onnx"}, {"silero_vad.onnx"}},
      {"pickle and ONNX",
       {"model.onnx", "pytorch_model.bin"},
       {"model.onnx"},
       {{"pytorch_model.bin", "ONNX is taken instead"}}},
      {"pickle and ONNX with pickles allowed",
       {"model.onnx", "pytorch_model.bin"},
       {"pytorch_model.bin"},
       {{"model.onnx", "PyTorch is taken instead"}},
       WithPickle()},
      {"TensorFlow and Flax",
       {"flax_model.msgpack", "tf_model.h5"},
       {"tf_model.h5"},
       {{"flax_model.msgpack", "TensorFlow is taken instead"}}},
      {"only pickles, allowed",
       {"config.json", "pytorch_model.bin"},
       {"config.json", "pytorch_model.bin"},
       {},
       WithPickle()},
      {"CTranslate2",
       {"config.json", "model.bin", "vocabulary.txt"},
       {"config.json", "model.bin", "vocabulary.txt"}},
      {"whisper.cpp",
       {"README.md", "ggml-base.en.bin", "ggml-tiny.bin"},
       {"README.md", "ggml-base.en.bin", "ggml-tiny.bin"}},
      {"state of a training run alone is no reason to refuse",
       {"config.json", "training_args.bin"},
       {"config.json"},
       {{"training_args.bin", kTraining}}},
  };
  for (const Shape& shape : shapes) ExpectSelection(shape);
}

TEST(PlanSelectionTest, JudgesAPipelineFolderByFolder) {
  const std::vector<Shape> shapes = {
      {"diffusers, with single-file copies at the top",
       {"model_index.json", "safety_checker/model.safetensors", "safety_checker/pytorch_model.bin",
        "scheduler/scheduler_config.json", "text_encoder/model.fp16.safetensors",
        "text_encoder/model.safetensors", "unet/diffusion_pytorch_model.bin",
        "unet/diffusion_pytorch_model.non_ema.safetensors", "unet/diffusion_pytorch_model.safetensors",
        "v1-5-pruned.ckpt", "v1-5-pruned.safetensors", "vae/diffusion_pytorch_model.safetensors",
        "vae_decoder/model.onnx"},
       {"model_index.json", "safety_checker/model.safetensors", "scheduler/scheduler_config.json",
        "text_encoder/model.safetensors", "unet/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model.safetensors", "vae_decoder/model.onnx"},
       {{"safety_checker/pytorch_model.bin", kSafetensorsInstead},
        {"text_encoder/model.fp16.safetensors", "fp16 copy; another precision is taken"},
        {"unet/diffusion_pytorch_model.bin", kSafetensorsInstead},
        {"unet/diffusion_pytorch_model.non_ema.safetensors", "non_ema copy; another precision is taken"},
        {"v1-5-pruned.ckpt", "single-file copy of the pipeline; its folders are taken"},
        {"v1-5-pruned.safetensors", "single-file copy of the pipeline; its folders are taken"}}},
      {"a single file without folders",
       {"model_index.json", "sd_xl_base_1.0.safetensors"},
       {"model_index.json", "sd_xl_base_1.0.safetensors"}},
      {"folders that hold only pickles do not hide the single file",
       {"model_index.json", "sd.safetensors", "unet/diffusion_pytorch_model.bin"},
       {"model_index.json", "sd.safetensors"},
       {{"unet/diffusion_pytorch_model.bin", kPickle}}},
      {"a variant that only one component has",
       {"model_index.json", "text_encoder/model.safetensors",
        "unet/diffusion_pytorch_model.fp16.safetensors"},
       {"model_index.json", "text_encoder/model.safetensors",
        "unet/diffusion_pytorch_model.fp16.safetensors"}},
  };
  for (const Shape& shape : shapes) ExpectSelection(shape);
}

TEST(PlanSelectionTest, TakesOneGgufVariantWithAllItsParts) {
  const std::vector<Shape> shapes = {
      {"one variant", {"README.md", "m-Q4_K_M.gguf"}, {"README.md", "m-Q4_K_M.gguf"}},
      {"one variant in parts",
       {"m-Q8_0-00001-of-00002.gguf", "m-Q8_0-00002-of-00002.gguf"},
       {"m-Q8_0-00001-of-00002.gguf", "m-Q8_0-00002-of-00002.gguf"}},
      {"one variant in byte cuts",
       {"m.i1-Q6_K.gguf.part1of2", "m.i1-Q6_K.gguf.part2of2"},
       {"m.i1-Q6_K.gguf.part1of2", "m.i1-Q6_K.gguf.part2of2"}},
      {"GGUF beside safetensors",
       {"m-Q4_K_M.gguf", "model.safetensors"},
       {"model.safetensors"},
       {{"m-Q4_K_M.gguf", kSafetensorsInstead}}},
      {"GGUF beside pickles and ONNX",
       {"m-Q4_K_M.gguf", "onnx/model.onnx", "pytorch_model.bin"},
       {"m-Q4_K_M.gguf"},
       {{"onnx/model.onnx", kGgufInstead}, {"pytorch_model.bin", kGgufInstead}}},
      {"chosen by label, in any letter case",
       {"m-Q4_K_M.gguf", "m-Q8_0-00001-of-00002.gguf", "m-Q8_0-00002-of-00002.gguf"},
       {"m-Q8_0-00001-of-00002.gguf", "m-Q8_0-00002-of-00002.gguf"},
       {{"m-Q4_K_M.gguf", "another variant is taken: Q8_0"}},
       Quantization("q8_0")},
      {"chosen by label although there is safetensors",
       {"m-Q4_K_M.gguf", "m-Q8_0.gguf", "model.safetensors"},
       {"m-Q4_K_M.gguf"},
       {{"m-Q8_0.gguf", "another variant is taken: Q4_K_M"}, {"model.safetensors", kOtherFormat}},
       Quantization("Q4_K_M")},
      {"a folder for each",
       {"BF16/m-BF16-00001-of-00002.gguf", "BF16/m-BF16-00002-of-00002.gguf", "Q4_K_M/m-Q4_K_M.gguf"},
       {"Q4_K_M/m-Q4_K_M.gguf"},
       {{"BF16/m-BF16-00001-of-00002.gguf", "another variant is taken: Q4_K_M"},
        {"BF16/m-BF16-00002-of-00002.gguf", "another variant is taken: Q4_K_M"}},
       Quantization("Q4_K")},
      {"a dynamic quantisation without its prefix",
       {"m-Q4_K_M.gguf", "m-UD-Q4_K_XL.gguf"},
       {"m-UD-Q4_K_XL.gguf"},
       {{"m-Q4_K_M.gguf", "another variant is taken: UD-Q4_K_XL"}},
       Quantization("q4_k_xl")},
      {"the exact label before the dynamic one",
       {"m-Q4_K_M.gguf", "m-UD-Q4_K_M.gguf"},
       {"m-Q4_K_M.gguf"},
       {{"m-UD-Q4_K_M.gguf", "another variant is taken: Q4_K_M"}},
       Quantization("q4_k_m")},
      {"two models with one label: the one with more variants",
       {"m-Q4_K_M.gguf", "m-Q8_0.gguf", "m-v2-Q4_K_M.gguf"},
       {"m-Q4_K_M.gguf"},
       {{"m-Q8_0.gguf", "another variant is taken: Q4_K_M"},
        {"m-v2-Q4_K_M.gguf", "another variant is taken: Q4_K_M"}},
       Quantization("Q4_K_M")},
      {"one projector, in half precision",
       {"m-Q4_K_M.gguf", "mmproj-BF16.gguf", "mmproj-F16.gguf", "mmproj-F32.gguf"},
       {"m-Q4_K_M.gguf", "mmproj-F16.gguf"},
       {{"mmproj-BF16.gguf", "another projector is taken: mmproj-F16.gguf"},
        {"mmproj-F32.gguf", "another projector is taken: mmproj-F16.gguf"}}},
      {"the projector that matches the variant",
       {"m-BF16.gguf", "m-Q4_0.gguf", "mmproj-BF16.gguf", "mmproj-F16.gguf"},
       {"m-BF16.gguf", "mmproj-BF16.gguf"},
       {{"m-Q4_0.gguf", "another variant is taken: BF16"},
        {"mmproj-F16.gguf", "another projector is taken: mmproj-BF16.gguf"}},
       Quantization("bf16")},
      {"the projector of the same folder",
       {"4B/m-Q4_0.gguf", "4B/mmproj-F32.gguf", "mmproj-F16.gguf"},
       {"4B/m-Q4_0.gguf", "4B/mmproj-F32.gguf"},
       {{"mmproj-F16.gguf", "another projector is taken: 4B/mmproj-F32.gguf"}}},
      {"companions stay behind",
       {"config.json", "ggml-vocab-x.gguf", "imatrix.dat", "m-Q4_0.gguf", "m-lora.gguf", "mtp-m-Q8_0.gguf"},
       {"config.json", "m-Q4_0.gguf"},
       {{"ggml-vocab-x.gguf", "vocabulary without weights"},
        {"imatrix.dat", kImatrix},
        {"m-lora.gguf", "adapter, not part of the model"},
        {"mtp-m-Q8_0.gguf", "draft model, not part of the model"}}},
      {"a repo of adapters", {"a-lora.gguf", "b-lora.gguf"}, {"a-lora.gguf", "b-lora.gguf"}},
      {"all variants",
       {"m-Q4_0.gguf", "m-Q8_0.gguf", "model.safetensors", "pytorch_model.bin"},
       {"m-Q4_0.gguf", "m-Q8_0.gguf", "model.safetensors"},
       {{"pytorch_model.bin", kPickle}},
       Format("all")},
      {"a repo without a label in the name", {"phi-2.gguf"}, {"phi-2.gguf"}},
      {"chosen by name where there is no label",
       {"phi-2.gguf", "phi-3.gguf"},
       {"phi-2.gguf"},
       {{"phi-3.gguf", "another variant is taken: phi-2"}},
       Quantization("phi-2")},
  };
  for (const Shape& shape : shapes) ExpectSelection(shape);
}

TEST(PlanSelectionTest, TakesOnePrecisionOfOtherFormats) {
  const Files pipeline = {"model_index.json",
                          "text_encoder/model.fp16.safetensors",
                          "text_encoder/model.safetensors",
                          "unet/diffusion_pytorch_model.fp16-00001-of-00002.safetensors",
                          "unet/diffusion_pytorch_model.fp16-00002-of-00002.safetensors",
                          "unet/diffusion_pytorch_model.non_ema.safetensors",
                          "unet/diffusion_pytorch_model.safetensors",
                          "unet/diffusion_pytorch_model.safetensors.index.fp16.json",
                          "vae/diffusion_pytorch_model.safetensors"};
  const std::string plain = "default copy; another precision is taken";
  const std::string half = "fp16 copy; another precision is taken";
  const std::string non_ema = "non_ema copy; another precision is taken";
  const Files browser = {"config.json",
                         "onnx/decoder_model_merged.onnx",
                         "onnx/decoder_model_merged_q4f16.onnx",
                         "onnx/decoder_model_merged_q4f16.onnx_data",
                         "onnx/decoder_model_merged_quantized.onnx",
                         "onnx/encoder_model.onnx",
                         "onnx/encoder_model_fp16.onnx",
                         "onnx/encoder_model_quantized.onnx"};
  const std::string full = "default copy; another precision is taken";
  const std::vector<Shape> shapes = {
      {"one for the whole pipeline; what lacks it comes as it is",
       pipeline,
       {"model_index.json", "text_encoder/model.fp16.safetensors",
        "unet/diffusion_pytorch_model.fp16-00001-of-00002.safetensors",
        "unet/diffusion_pytorch_model.fp16-00002-of-00002.safetensors",
        "unet/diffusion_pytorch_model.safetensors.index.fp16.json",
        "vae/diffusion_pytorch_model.safetensors"},
       {{"text_encoder/model.safetensors", plain},
        {"unet/diffusion_pytorch_model.non_ema.safetensors", non_ema},
        {"unet/diffusion_pytorch_model.safetensors", plain}},
       Quantization("FP16")},
      {"the default by its name",
       pipeline,
       {"model_index.json", "text_encoder/model.safetensors", "unet/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model.safetensors"},
       {{"text_encoder/model.fp16.safetensors", half},
        {"unet/diffusion_pytorch_model.fp16-00001-of-00002.safetensors", half},
        {"unet/diffusion_pytorch_model.fp16-00002-of-00002.safetensors", half},
        {"unet/diffusion_pytorch_model.non_ema.safetensors", non_ema},
        {"unet/diffusion_pytorch_model.safetensors.index.fp16.json", half}},
       Quantization("default")},
      {"ONNX, with its data; a part that lacks it in full precision",
       browser,
       {"config.json", "onnx/decoder_model_merged_q4f16.onnx", "onnx/decoder_model_merged_q4f16.onnx_data",
        "onnx/encoder_model.onnx"},
       {{"onnx/decoder_model_merged.onnx", full},
        {"onnx/decoder_model_merged_quantized.onnx", "q8 copy; another precision is taken"},
        {"onnx/encoder_model_fp16.onnx", half},
        {"onnx/encoder_model_quantized.onnx", "q8 copy; another precision is taken"}},
       Quantization("Q4F16")},
      {"ONNX by what it is called in names",
       browser,
       {"config.json", "onnx/decoder_model_merged_quantized.onnx", "onnx/encoder_model_quantized.onnx"},
       {{"onnx/decoder_model_merged.onnx", full},
        {"onnx/decoder_model_merged_q4f16.onnx", "q4f16 copy; another precision is taken"},
        {"onnx/decoder_model_merged_q4f16.onnx_data", "q4f16 copy; another precision is taken"},
        {"onnx/encoder_model.onnx", full},
        {"onnx/encoder_model_fp16.onnx", half}},
       Quantization("quantized")},
      {"a precision that only ONNX has, beside safetensors",
       {"model.safetensors", "onnx/model.onnx", "onnx/model_q4.onnx"},
       {"onnx/model_q4.onnx"},
       {{"model.safetensors", kOtherFormat}, {"onnx/model.onnx", full}},
       Quantization("q4")},
      {"GGUF before the others where it has the label",
       {"m-F16.gguf", "m-Q4_0.gguf", "model.fp16.safetensors", "model.safetensors"},
       {"m-F16.gguf"},
       {{"m-Q4_0.gguf", "another variant is taken: F16"},
        {"model.fp16.safetensors", kOtherFormat},
        {"model.safetensors", kOtherFormat}},
       Quantization("fp16")},
  };
  for (const Shape& shape : shapes) ExpectSelection(shape);
}

TEST(PlanSelectionTest, TakesTheFormatThatWasAskedFor) {
  const std::vector<Shape> shapes = {
      {"ONNX",
       {"config.json", "model.safetensors", "onnx/model.onnx", "onnx/vocab.txt"},
       {"config.json", "onnx/model.onnx", "onnx/vocab.txt"},
       {{"model.safetensors", kOtherFormat}},
       Format("ONNX")},
      {"safetensors although GGUF would do",
       {"m-Q4_0.gguf", "m-Q8_0.gguf", "model.safetensors"},
       {"model.safetensors"},
       {{"m-Q4_0.gguf", kOtherFormat}, {"m-Q8_0.gguf", kOtherFormat}},
       Format("safetensors")},
      {"GGUF although safetensors would do",
       {"m-Q4_0.gguf", "model.safetensors"},
       {"m-Q4_0.gguf"},
       {{"model.safetensors", kOtherFormat}},
       Format("gguf")},
      {"PyTorch, allowed",
       {"model.safetensors", "pytorch_model.bin"},
       {"pytorch_model.bin"},
       {{"model.safetensors", kOtherFormat}},
       WithPickle(Format("pytorch"))},
      {"PyTorch means the original checkpoint where there is no other",
       {"config.json", "original/consolidated.00.pth", "original/params.json"},
       {"config.json", "original/consolidated.00.pth", "original/params.json"},
       {},
       WithPickle(Format("pytorch"))},
      {"all",
       {"model.fp16.safetensors", "model.safetensors", "optimizer.pt", "tf_model.h5"},
       {"model.fp16.safetensors", "model.safetensors", "optimizer.pt", "tf_model.h5"},
       {},
       WithPickle(Format("all"))},
  };
  for (const Shape& shape : shapes) ExpectSelection(shape);
}

TEST(PlanSelectionTest, TakesEverythingOfDatasetsAndSpaces) {
  const std::vector<Shape> shapes = {
      {"a dataset",
       {"README.md", "data/train-00000-of-00002.parquet", "train.bin", "x.safetensors"},
       {"README.md", "data/train-00000-of-00002.parquet", "train.bin", "x.safetensors"},
       {},
       Of(RepoType::kDataset)},
      {"a dataset with a pickle",
       {"a.csv", "b.pkl"},
       {"a.csv"},
       {{"b.pkl", kPickle}},
       Of(RepoType::kDataset)},
      {"a space",
       {"app.py", "model.pt", "style.css"},
       {"app.py", "style.css"},
       {{"model.pt", kPickle}},
       Of(RepoType::kSpace)},
      {"a pickle allowed", {"b.pkl"}, {"b.pkl"}, {}, WithPickle(Of(RepoType::kDataset))},
      {"format all",
       {"a.csv"},
       {"a.csv"},
       {},
       [] {
         SelectionRequest request = Format("all");
         request.repo_type = RepoType::kDataset;
         return request;
       }()},
  };
  for (const Shape& shape : shapes) ExpectSelection(shape);
}

TEST(PlanSelectionTest, TakesExactlyWhatIsNamed) {
  const std::string unnamed = "not asked for";
  const std::vector<Shape> shapes = {
      {"a path",
       {"a.json", "m-Q4_0.gguf", "m-Q8_0.gguf"},
       {"m-Q8_0.gguf"},
       {{"a.json", unnamed}, {"m-Q4_0.gguf", unnamed}},
       Named({"m-Q8_0.gguf"})},
      {"a path and globs",
       {"a.json", "b.json", "c.txt", "tf_model.h5", "x/d.json"},
       {"a.json", "b.json", "tf_model.h5", "x/d.json"},
       {{"c.txt", unnamed}},
       Named({"tf_model.h5"}, {"*.json"})},
      {"a folder",
       {"a.txt", "x/b.txt", "x/y/c.txt"},
       {"x/b.txt", "x/y/c.txt"},
       {{"a.txt", unnamed}},
       Named({}, {"x/"})},
      {"globs are case-sensitive", {"A.TXT", "a.txt"}, {"a.txt"}, {{"A.TXT", unnamed}}, Named({}, {"*.txt"})},
      {"exclude wins",
       {"a.json", "b.json"},
       {"a.json"},
       {{"b.json", "excluded"}},
       Named({"b.json"}, {"*.json"}, {"b*"})},
      {"a pickle that only a glob matches",
       {"config.json", "pytorch_model.bin"},
       {"config.json"},
       {{"pytorch_model.bin", kPickle}},
       Named({}, {"*"})},
      {"a pickle that is allowed",
       {"pytorch_model.bin"},
       {"pytorch_model.bin"},
       {},
       WithPickle(Named({"pytorch_model.bin"}))},
      {"format does not apply",
       {"a.onnx", "b.safetensors"},
       {"a.onnx"},
       {{"b.safetensors", unnamed}},
       [] {
         SelectionRequest request = Named({"a.onnx"});
         request.format = "safetensors";
         return request;
       }()},
  };
  for (const Shape& shape : shapes) ExpectSelection(shape);
}

TEST(PlanSelectionTest, WhatIsExcludedDoesNotTakePartInTheChoice) {
  const std::vector<Shape> shapes = {
      {"one variant remains",
       {"m-Q4_0.gguf", "m-Q8_0.gguf"},
       {"m-Q4_0.gguf"},
       {{"m-Q8_0.gguf", "excluded"}},
       Named({}, {}, {"*Q8*"})},
      {"the next format",
       {"m.onnx", "model.safetensors"},
       {"m.onnx"},
       {{"model.safetensors", "excluded"}},
       Named({}, {}, {"*.safetensors"})},
      {"a file of a dataset",
       {"a.csv", "b.csv"},
       {"b.csv"},
       {{"a.csv", "excluded"}},
       [] {
         SelectionRequest request = Named({}, {}, {"a*"});
         request.repo_type = RepoType::kDataset;
         return request;
       }()},
  };
  for (const Shape& shape : shapes) ExpectSelection(shape);
}

// What is refused.

}  // namespace
}  // namespace batuta::pull
