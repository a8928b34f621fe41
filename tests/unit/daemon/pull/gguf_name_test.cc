#include "daemon/pull/gguf_name.h"

#include <ostream>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "daemon/pull/quant_label.h"

namespace batuta::pull {
namespace {

using Kind = GgufName::Kind;

struct Name {
  std::string_view path;
  Kind kind;
  std::string_view label;
  uint32_t part = 0;
  uint32_t parts = 0;
};

constexpr Kind kModel = Kind::kModel;

// As publishers write them.
const std::vector<Name>& Names() {
  static const std::vector<Name> names = {
      // The capital style: Model-Q4_K_M.gguf, large ones in a folder.
      {"Llama-3.1-8B-Instruct-Q4_K_M.gguf", kModel, "Q4_K_M"},
      {"Meta-Llama-3.1-8B-Instruct-IQ2_M.gguf", kModel, "IQ2_M"},
      {"Meta-Llama-3.1-8B-Instruct-IQ3_XS.gguf", kModel, "IQ3_XS"},
      {"Meta-Llama-3.1-8B-Instruct-IQ4_XS.gguf", kModel, "IQ4_XS"},
      {"Meta-Llama-3.1-8B-Instruct-IQ4_NL.gguf", kModel, "IQ4_NL"},
      {"Meta-Llama-3.1-8B-Instruct-Q2_K.gguf", kModel, "Q2_K"},
      {"Meta-Llama-3.1-8B-Instruct-Q2_K_L.gguf", kModel, "Q2_K_L"},
      {"Meta-Llama-3.1-8B-Instruct-Q3_K_L.gguf", kModel, "Q3_K_L"},
      {"Meta-Llama-3.1-8B-Instruct-Q3_K_M.gguf", kModel, "Q3_K_M"},
      {"Meta-Llama-3.1-8B-Instruct-Q3_K_S.gguf", kModel, "Q3_K_S"},
      {"Meta-Llama-3.1-8B-Instruct-Q3_K_XL.gguf", kModel, "Q3_K_XL"},
      {"Meta-Llama-3.1-8B-Instruct-Q4_0.gguf", kModel, "Q4_0"},
      {"Meta-Llama-3.1-8B-Instruct-Q4_0_4_4.gguf", kModel, "Q4_0_4_4"},
      {"Meta-Llama-3.1-8B-Instruct-Q4_0_4_8.gguf", kModel, "Q4_0_4_8"},
      {"Meta-Llama-3.1-8B-Instruct-Q4_0_8_8.gguf", kModel, "Q4_0_8_8"},
      {"Meta-Llama-3.1-8B-Instruct-Q4_1.gguf", kModel, "Q4_1"},
      {"Meta-Llama-3.1-8B-Instruct-Q4_K_L.gguf", kModel, "Q4_K_L"},
      {"Meta-Llama-3.1-8B-Instruct-Q4_K_S.gguf", kModel, "Q4_K_S"},
      {"Meta-Llama-3.1-8B-Instruct-Q5_K_L.gguf", kModel, "Q5_K_L"},
      {"Meta-Llama-3.1-8B-Instruct-Q5_K_M.gguf", kModel, "Q5_K_M"},
      {"Meta-Llama-3.1-8B-Instruct-Q5_K_S.gguf", kModel, "Q5_K_S"},
      {"Meta-Llama-3.1-8B-Instruct-Q6_K.gguf", kModel, "Q6_K"},
      {"Meta-Llama-3.1-8B-Instruct-Q6_K_L.gguf", kModel, "Q6_K_L"},
      {"Meta-Llama-3.1-8B-Instruct-Q8_0.gguf", kModel, "Q8_0"},
      {"Meta-Llama-3.1-8B-Instruct-f32.gguf", kModel, "F32"},
      {"Meta-Llama-3.1-8B-Instruct-bf16.gguf", kModel, "BF16"},
      {"Mistral-Large-Instruct-2407-Q8_0/Mistral-Large-Instruct-2407-Q8_0-00001-of-00004.gguf", kModel,
       "Q8_0", 1, 4},
      {"Mistral-Large-Instruct-2407-Q8_0/Mistral-Large-Instruct-2407-Q8_0-00004-of-00004.gguf", kModel,
       "Q8_0", 4, 4},
      {"Codestral-22B-v0.1-IQ4_XS.gguf", kModel, "IQ4_XS"},
      {"gemma-2-27b-it-IQ1_S.gguf", kModel, "IQ1_S"},
      {"gemma-2-27b-it-IQ1_M.gguf", kModel, "IQ1_M"},
      {"gemma-2-27b-it-IQ2_XXS.gguf", kModel, "IQ2_XXS"},
      {"gemma-2-27b-it-IQ2_XS.gguf", kModel, "IQ2_XS"},
      {"gemma-2-27b-it-IQ2_S.gguf", kModel, "IQ2_S"},
      {"gemma-2-27b-it-IQ3_XXS.gguf", kModel, "IQ3_XXS"},
      {"gemma-2-27b-it-IQ3_S.gguf", kModel, "IQ3_S"},
      {"gemma-2-27b-it-IQ3_M.gguf", kModel, "IQ3_M"},
      {"Qwen_Qwen3-30B-A3B-Q4_K_M.gguf", kModel, "Q4_K_M"},
      {"google_gemma-3-12b-it-qat-Q4_0.gguf", kModel, "Q4_0"},
      {"phi-4-Q5_K_M.gguf", kModel, "Q5_K_M"},
      {"aya-expanse-32b-Q4_K_M.gguf", kModel, "Q4_K_M"},
      {"c4ai-command-r-08-2024-Q4_K_M.gguf", kModel, "Q4_K_M"},
      // The lower-case style with dots: model.Q4_K_M.gguf.
      {"tinyllama-1.1b-chat-v1.0.Q4_K_M.gguf", kModel, "Q4_K_M"},
      {"llama-2-7b-chat.Q2_K.gguf", kModel, "Q2_K"},
      {"llama-2-7b-chat.Q3_K_L.gguf", kModel, "Q3_K_L"},
      {"llama-2-7b-chat.Q4_0.gguf", kModel, "Q4_0"},
      {"llama-2-7b-chat.Q5_0.gguf", kModel, "Q5_0"},
      {"llama-2-7b-chat.Q5_1.gguf", kModel, "Q5_1"},
      {"llama-2-7b-chat.q4_K_M.gguf", kModel, "Q4_K_M"},
      {"mistral-7b-instruct-v0.2.Q6_K.gguf", kModel, "Q6_K"},
      {"mixtral-8x7b-v0.1.Q8_0.gguf", kModel, "Q8_0"},
      {"falcon-180b-chat.Q4_K_M.gguf-split-a", kModel, "Q4_K_M", 1, 0},
      {"falcon-180b-chat.Q4_K_M.gguf-split-b", kModel, "Q4_K_M", 2, 0},
      {"falcon-180b.Q6_K.gguf-split-c", kModel, "Q6_K", 3, 0},
      {"goliath-120b.Q8_0.gguf.split-a", kModel, "Q8_0", 1, 0},
      {"phi-2.Q4_K.gguf", kModel, "Q4_K_M"},
      {"codellama-34b.Q3_K.gguf", kModel, "Q3_K_M"},
      {"codellama-34b.Q5_K.gguf", kModel, "Q5_K_M"},
      // All lower case, split by the tool of llama.cpp.
      {"qwen2.5-7b-instruct-q4_k_m-00001-of-00002.gguf", kModel, "Q4_K_M", 1, 2},
      {"qwen2.5-7b-instruct-q4_k_m-00002-of-00002.gguf", kModel, "Q4_K_M", 2, 2},
      {"qwen2.5-7b-instruct-fp16-00001-of-00004.gguf", kModel, "F16", 1, 4},
      {"qwen2.5-7b-instruct-q2_k.gguf", kModel, "Q2_K"},
      {"qwen2.5-7b-instruct-q3_k_m.gguf", kModel, "Q3_K_M"},
      {"qwen2.5-7b-instruct-q5_0-00001-of-00002.gguf", kModel, "Q5_0", 1, 2},
      {"qwen2.5-72b-instruct-q8_0-00021-of-00021.gguf", kModel, "Q8_0", 21, 21},
      {"qwen1_5-7b-chat-q4_0.gguf", kModel, "Q4_0"},
      {"qwen2-0_5b-instruct-q8_0.gguf", kModel, "Q8_0"},
      {"deepseek-coder-1.3b-instruct.q5_k_s.gguf", kModel, "Q5_K_S"},
      {"smollm2-360m-instruct-q8_0.gguf", kModel, "Q8_0"},
      {"Phi-3-mini-4k-instruct-q4.gguf", kModel, "Q4"},
      {"Phi-3-mini-4k-instruct-fp16.gguf", kModel, "F16"},
      // Dynamic quantisations, folders for each.
      {"Qwen3-8B-UD-Q4_K_XL.gguf", kModel, "UD-Q4_K_XL"},
      {"Qwen3-8B-UD-IQ1_S.gguf", kModel, "UD-IQ1_S"},
      {"Qwen3-8B-UD-IQ2_XXS.gguf", kModel, "UD-IQ2_XXS"},
      {"Qwen3-8B-UD-Q8_K_XL.gguf", kModel, "UD-Q8_K_XL"},
      {"UD-Q2_K_XL/DeepSeek-V3-0324-UD-Q2_K_XL-00001-of-00006.gguf", kModel, "UD-Q2_K_XL", 1, 6},
      {"UD-Q2_K_XL/DeepSeek-V3-0324-UD-Q2_K_XL-00006-of-00006.gguf", kModel, "UD-Q2_K_XL", 6, 6},
      {"UD-IQ1_M/DeepSeek-R1-UD-IQ1_M-00002-of-00005.gguf", kModel, "UD-IQ1_M", 2, 5},
      {"DeepSeek-R1-UD-IQ1_S/DeepSeek-R1-UD-IQ1_S-00001-of-00003.gguf", kModel, "UD-IQ1_S", 1, 3},
      {"UD-TQ1_0/Kimi-K2-Instruct-UD-TQ1_0-00001-of-00005.gguf", kModel, "UD-TQ1_0", 1, 5},
      {"BF16/gemma-3-27b-it-BF16-00001-of-00002.gguf", kModel, "BF16", 1, 2},
      {"BF16/model-00001-of-00002.gguf", kModel, "BF16", 1, 2},
      {"Q4_K_M/part-00002-of-00003.gguf", kModel, "Q4_K_M", 2, 3},
      {"gguf/Q8_0/weights/model.gguf", kModel, "Q8_0"},
      {"Q8_0/Q4_K_M/model.gguf", kModel, "Q4_K_M"},
      {"Qwen3-Coder-480B-A35B-Instruct-1M-UD-Q4_K_XL.gguf", kModel, "UD-Q4_K_XL"},
      {"gemma-3-4b-it-UD-Q6_K_XL.gguf", kModel, "UD-Q6_K_XL"},
      {"Devstral-Small-2507-UD-Q5_K_XL.gguf", kModel, "UD-Q5_K_XL"},
      // With an importance matrix (i1), byte cuts.
      {"Model.i1-IQ2_XXS.gguf", kModel, "IQ2_XXS"},
      {"Model.i1-Q4_K_M.gguf", kModel, "Q4_K_M"},
      {"Midnight-Miqu-70B-v1.5.i1-Q6_K.gguf.part1of2", kModel, "Q6_K", 1, 2},
      {"Midnight-Miqu-70B-v1.5.i1-Q6_K.gguf.part2of2", kModel, "Q6_K", 2, 2},
      {"Qwen3-30B-A3B.f16.gguf.part1of2", kModel, "F16", 1, 2},
      {"Qwen3-235B-A22B.Q8_0.gguf.part5of10", kModel, "Q8_0", 5, 10},
      {"L3-8B-Stheno-v3.2.Q5_K_S.gguf", kModel, "Q5_K_S"},
      {"bagel-dpo-34b-v0.5.i1-IQ3_XXS.gguf", kModel, "IQ3_XXS"},
      {"ReadyArt_x.Q4_K_S.gguf", kModel, "Q4_K_S"},
      // Microscaling and other newer types.
      {"gpt-oss-20b-mxfp4.gguf", kModel, "MXFP4_MOE"},
      {"gpt-oss-120b-mxfp4-00001-of-00003.gguf", kModel, "MXFP4_MOE", 1, 3},
      {"gpt-oss-20b-MXFP4_MOE.gguf", kModel, "MXFP4_MOE"},
      {"gpt-oss-20b-UD-Q8_K_XL.gguf", kModel, "UD-Q8_K_XL"},
      {"gpt-oss-20b-F16.gguf", kModel, "F16"},
      {"Nemotron-Nano-9B-v2-NVFP4.gguf", kModel, "NVFP4"},
      {"ggml-model-i2_s.gguf", kModel, "I2_S"},
      {"Falcon3-10B-Instruct-1.58bit-TQ2_0.gguf", kModel, "TQ2_0"},
      {"Llama3-8B-1.58-100B-tokens-TQ1_0.gguf", kModel, "TQ1_0"},
      {"Bonsai-8B-Q1_0.gguf", kModel, "Q1_0"},
      // Quantisation-aware training.
      {"gemma-3-4b-it-q4_0.gguf", kModel, "Q4_0"},
      {"gemma-3-27b-it-qat-q4_0.gguf", kModel, "Q4_0"},
      {"gemma-3-1b-it.Q8_0.gguf", kModel, "Q8_0"},
      // Forks.
      {"IQ4_KSS/DeepSeek-R1-0528-IQ4_KSS-00001-of-00008.gguf", kModel, "IQ4_KSS", 1, 8},
      {"Qwen3-235B-A22B-smol-IQ2_KS-00001-of-00003.gguf", kModel, "IQ2_KS", 1, 3},
      {"DeepSeek-V3-0324-IQ2_K_R4-00001-of-00005.gguf", kModel, "IQ2_K_R4", 1, 5},
      {"GLM-4.5-IQ5_K.gguf", kModel, "IQ5_K"},
      {"GLM-4.5-IQ3_KT.gguf", kModel, "IQ3_KT"},
      {"GLM-4.5-IQ4_KS.gguf", kModel, "IQ4_KS"},
      {"GLM-4.5-IQ2_KL.gguf", kModel, "IQ2_KL"},
      // The last label wins; numbers in names are none.
      {"Model-F32-Q2_K.gguf", kModel, "Q2_K"},
      {"Meta-Llama-3-8B-Instruct-fp16-q8_0.gguf", kModel, "Q8_0"},
      {"model-Q4_K_M-bf16.gguf", kModel, "BF16"},
      {"Model.Q6_K.F16.gguf", kModel, "F16"},
      {"Yi-1.5-9B-Chat-16K-Q4_K_M.gguf", kModel, "Q4_K_M"},
      {"Mistral-7B-v0.3-Q8_0.gguf", kModel, "Q8_0"},
      {"WizardLM-2-8x22B.Q2_K.gguf", kModel, "Q2_K"},
      {"stablelm-2-zephyr-1_6b-Q5_K_M.gguf", kModel, "Q5_K_M"},
      {"Qwen2.5-Coder-32B-Instruct-128k-Q4_K_M.gguf", kModel, "Q4_K_M"},
      {"EXAONE-4.0-32B-Q4_K_M.gguf", kModel, "Q4_K_M"},
      {"granite-3.3-8b-instruct-Q4_K_M.gguf", kModel, "Q4_K_M"},
      {"gemma-2b-it-q4_k_m-v2.gguf", kModel, "Q4_K_M"},
      {"Hermes-3-Llama-3.1-8B.Q4_K_M.gguf", kModel, "Q4_K_M"},
      {"nomic-embed-text-v1.5.f16.gguf", kModel, "F16"},
      {"nomic-embed-text-v1.5.f32.gguf", kModel, "F32"},
      {"bge-m3-FP16.gguf", kModel, "F16"},
      {"bge-reranker-v2-m3-FP32.gguf", kModel, "F32"},
      {"all-MiniLM-L6-v2-ggml-model-f16.gguf", kModel, "F16"},
      {"flux1-dev-Q4_0.gguf", kModel, "Q4_0"},
      {"flux1-schnell-F16.gguf", kModel, "F16"},
      {"wan2.1-i2v-14b-480p-Q3_K_S.gguf", kModel, "Q3_K_S"},
      {"t5-v1_1-xxl-encoder-Q5_K_M.gguf", kModel, "Q5_K_M"},
      {"sd3.5_large-Q8_0.gguf", kModel, "Q8_0"},
      {"Llama-3-8B-lora-merged-Q4_K_M.gguf", kModel, "Q4_K_M"},
      {"model-imatrix-Q4_K_M.gguf", kModel, "Q4_K_M"},
      {"MODEL-Q4_K_M.GGUF", kModel, "Q4_K_M"},
      {"Model-Q4_K_M.Q8_0.gguf", kModel, "Q8_0"},
      // No label at all.
      {"phi-2.gguf", kModel, ""},
      {"model.gguf", kModel, ""},
      {"model-00001-of-00002.gguf", kModel, "", 1, 2},
      {"Qwen-7B.gguf", kModel, ""},
      {"model-Q9.5.gguf", kModel, "Q9"},
      {"FAQ4_K_M.gguf", kModel, ""},
      {"Q4_K_Mixed.gguf", kModel, "Q4_K_M"},
      {"llama-7B-v1.0.gguf", kModel, ""},
      // Not splits, although they look a little like ones.
      {"model-Q8_0-0001-of-0002.gguf", kModel, "Q8_0"},
      {"model-Q8_0-00000-of-00002.gguf", kModel, "Q8_0"},
      {"model-Q8_0-00003-of-00002.gguf", kModel, "Q8_0"},
      {"model-Q8_0-00001-of-0000x.gguf", kModel, "Q8_0"},
      // Projectors.
      {"mmproj-F16.gguf", Kind::kProjector, "F16"},
      {"mmproj-BF16.gguf", Kind::kProjector, "BF16"},
      {"mmproj-F32.gguf", Kind::kProjector, "F32"},
      {"mmproj-model-f16-4B.gguf", Kind::kProjector, "F16"},
      {"mmproj-model-f16.gguf", Kind::kProjector, "F16"},
      {"Model.mmproj-Q8_0.gguf", Kind::kProjector, "Q8_0"},
      {"llava-v1.6-mistral-7b-mmproj-f16.gguf", Kind::kProjector, "F16"},
      {"Qwen2.5-VL-7B-Instruct.mmproj-fp16.gguf", Kind::kProjector, "F16"},
      {"mmproj.gguf", Kind::kProjector, ""},
      // Other companions.
      {"Model.imatrix", Kind::kImatrix, ""},
      {"imatrix.dat", Kind::kImatrix, ""},
      {"imatrix_unsloth.dat", Kind::kImatrix, ""},
      {"imatrix_unsloth.gguf", Kind::kImatrix, ""},
      {"imatrix_unsloth.gguf_file", Kind::kImatrix, ""},
      {"Model.imatrix.gguf", Kind::kImatrix, ""},
      {"Meta-Llama-3.1-8B-Instruct-imatrix.dat", Kind::kImatrix, ""},
      {"ggml-vocab-llama-bpe.gguf", Kind::kVocabulary, ""},
      {"Model-8B-vocab.gguf", Kind::kVocabulary, ""},
      {"Llama-3-8B-F16-LoRA.gguf", Kind::kAdapter, "F16"},
      {"lora-adapter-f16.gguf", Kind::kAdapter, "F16"},
      {"adapter.gguf", Kind::kAdapter, ""},
      {"llama3-control-vector-happy.gguf", Kind::kAdapter, ""},
      {"creative_writing_control_vector.gguf", Kind::kAdapter, ""},
      {"mtp-GLM-4.6-Q8_0.gguf", Kind::kDraft, "Q8_0"},
      {"Qwen3-draft-0.6B-Q4_0.gguf", Kind::kDraft, "Q4_0"},
  };
  return names;
}

TEST(GgufNameTest, UnderstandsTheStylesOfManyPublishers) {
  ASSERT_GE(Names().size(), 150U);
  for (const Name& expected : Names()) {
    const auto name = ParseGgufName(expected.path);
    ASSERT_TRUE(name) << expected.path;
    EXPECT_EQ(name->kind, expected.kind) << expected.path;
    EXPECT_EQ(name->label, expected.label) << expected.path;
    EXPECT_EQ(name->part, expected.part) << expected.path;
    EXPECT_EQ(name->parts, expected.parts) << expected.path;
  }
}

TEST(GgufNameTest, KnowsWhatIsNoGgufFile) {
  for (const std::string_view path :
       {"README.md", "config.json", ".gguf", "dir.gguf/README.md", "model.gguf.json", "model.gguf.md",
        "model.gguf.part1", "model.gguf.part0of2", "model.gguf.part3of2", "model.gguf.partXofY",
        "model.gguf-split-", "model.gguf-split-aa", "model.gguf-split-A1", "imatrix.png", "imatrix.txt",
        "calibration_data.dat", "model.safetensors", ""}) {
    EXPECT_FALSE(ParseGgufName(path)) << path;
  }
}

TEST(GgufNameTest, AllPartsOfAVariantShareFolderAndStem) {
  const auto shard = ParseGgufName("Q8_0/Model-Q8_0-00002-of-00004.gguf");
  EXPECT_EQ(shard->folder, "Q8_0");
  EXPECT_EQ(shard->stem, "Model-Q8_0");
  EXPECT_FALSE(shard->is_byte_cut);
  const auto piece = ParseGgufName("a/b/Model.i1-Q6_K.gguf.part1of2");
  EXPECT_EQ(piece->folder, "a/b");
  EXPECT_EQ(piece->stem, "Model.i1-Q6_K");
  EXPECT_TRUE(piece->is_byte_cut);
  EXPECT_TRUE(piece->has_imatrix);
  EXPECT_EQ(ParseGgufName("x.Q6_K.gguf-split-a")->stem, "x.Q6_K");
}

TEST(QuantLabelTest, SaysWhereTheLabelStands) {
  const auto dynamic = FindQuantLabel("Qwen3-8B-UD-Q4_K_XL");
  ASSERT_TRUE(dynamic);
  EXPECT_EQ(dynamic->begin, 9U);
  EXPECT_EQ(dynamic->end, 19U);
  EXPECT_FALSE(dynamic->has_imatrix);
  EXPECT_TRUE(FindQuantLabel("Model.i1-Q4_K_M")->has_imatrix);
  EXPECT_FALSE(FindQuantLabel("Modeli1-Q4_K_M")->has_imatrix);
  EXPECT_FALSE(FindQuantLabel(""));
  EXPECT_FALSE(FindQuantLabel("Q"));
  EXPECT_FALSE(FindQuantLabel("IQ4_"));
  EXPECT_FALSE(FindQuantLabel("IQ4"));
}

TEST(QuantLabelTest, ReadsWhatAUserWrites) {
  struct Case {
    std::string_view text;
    std::string_view label;
  };

  for (const Case& c : std::vector<Case>{{"q4_k_m", "Q4_K_M"},
                                         {"Q4_K", "Q4_K_M"},
                                         {"fp16", "F16"},
                                         {"f16", "F16"},
                                         {"bf16", "BF16"},
                                         {"mxfp4", "MXFP4_MOE"},
                                         {"ud-q4_k_xl", "UD-Q4_K_XL"},
                                         {"i1-q4_k_m", "Q4_K_M"},
                                         {"q4", "Q4"},
                                         {"fast", "FAST"},
                                         {"model-q4_0", "MODEL-Q4_0"},
                                         {"", ""}}) {
    EXPECT_EQ(CanonicalLabel(c.text), c.label) << c.text;
  }
}

}  // namespace
}  // namespace batuta::pull
