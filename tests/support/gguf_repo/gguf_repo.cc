#include "tests/support/gguf_repo/gguf_repo.h"

#include <algorithm>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "daemon/gguf/tensor_type.h"
#include "tests/support/formats/gguf.h"

namespace batuta::formats {
namespace {

using gguf::ValueType;

constexpr uint64_t kTokens = 128'256;
constexpr uint64_t kLayers = 32;
constexpr uint64_t kEmbedding = 4'096;
constexpr uint64_t kKeyValues = 1'024;
constexpr uint64_t kFeedForward = 14'336;
constexpr uint32_t kF32 = 0;

// The later, the longer, as in real ones.
std::string Texts(uint64_t count, uint64_t bytes_each) {
  std::string texts;
  texts.reserve(count * (10 + bytes_each));
  for (uint64_t i = 0; i < count; ++i) {
    texts += GgufString(fmt::format("{:0{}}", i, bytes_each + 2 * i / count));
  }
  return texts;
}

std::vector<GgufPair> MakeVocabulary(uint64_t tokens, uint64_t merges) {
  return {GgufText("tokenizer.ggml.model", "gpt2"),
          GgufArray("tokenizer.ggml.tokens", ValueType::kString, tokens, Texts(tokens, 6)),
          GgufArray("tokenizer.ggml.token_type", ValueType::kI32, tokens, std::string(tokens * 4, '\1')),
          GgufArray("tokenizer.ggml.merges", ValueType::kString, merges, Texts(merges, 10))};
}

// Made once: 8 MB, as in the files of Llama 3, and 13 MB.
const std::vector<GgufPair>& Vocabulary(bool is_large) {
  static const std::vector<GgufPair> usual = MakeVocabulary(kTokens, 280'147);
  static const std::vector<GgufPair> large = MakeVocabulary(201'088, 490'000);
  return is_large ? large : usual;
}

GgufPair Count(const std::string& key, uint64_t value) {
  return GgufNumber("llama." + key, ValueType::kU32, value);
}

std::vector<GgufTensor> Tensors(uint32_t type) {
  std::vector<GgufTensor> tensors = {{"output.weight", {kEmbedding, kTokens}, type},
                                     {"output_norm.weight", {kEmbedding}, kF32},
                                     {"token_embd.weight", {kEmbedding, kTokens}, type}};
  for (uint64_t layer = 0; layer < kLayers; ++layer) {
    const auto add = [&](const std::string& name, std::vector<uint64_t> shape) {
      const uint32_t of_norms = shape.size() == 1 ? kF32 : type;
      tensors.push_back({fmt::format("blk.{}.{}.weight", layer, name), std::move(shape), of_norms});
    };
    add("attn_k", {kEmbedding, kKeyValues});
    add("attn_norm", {kEmbedding});
    add("attn_output", {kEmbedding, kEmbedding});
    add("attn_q", {kEmbedding, kEmbedding});
    add("attn_v", {kEmbedding, kKeyValues});
    add("ffn_down", {kFeedForward, kEmbedding});
    add("ffn_gate", {kEmbedding, kFeedForward});
    add("ffn_norm", {kEmbedding});
    add("ffn_up", {kEmbedding, kFeedForward});
  }
  return tensors;
}

uint64_t Up(uint64_t size) {
  constexpr uint64_t kAlignment = 32;
  return (size + kAlignment - 1) / kAlignment * kAlignment;
}

uint64_t DataBytes(const std::vector<GgufTensor>& tensors) {
  uint64_t bytes = 0;
  for (const GgufTensor& tensor : tensors) {
    const gguf::TensorType& type = *gguf::FindTensorType(tensor.type);
    uint64_t elements = 1;
    for (const uint64_t size : tensor.shape) elements *= size;
    bytes += Up(elements / type.block_elements * type.block_bytes);
  }
  return bytes;
}

}  // namespace

GgufModel LlamaModel(uint32_t type, const std::string& note, bool has_large_vocabulary) {
  GgufFile file{.pairs = {GgufText("general.architecture", "llama"), GgufText("general.name", "Otter"),
                          Count("block_count", kLayers), Count("context_length", 131'072),
                          Count("embedding_length", kEmbedding), Count("feed_forward_length", kFeedForward),
                          Count("attention.head_count", 32), Count("attention.head_count_kv", 8),
                          Count("vocab_size", kTokens)},
                .tensors = Tensors(type)};
  const std::vector<GgufPair>& vocabulary = Vocabulary(has_large_vocabulary);
  file.pairs.insert(file.pairs.end(), vocabulary.begin(), vocabulary.end());
  file.pairs.push_back(GgufNumber("general.file_type", ValueType::kU32, 7));
  if (!note.empty()) file.pairs.push_back(GgufText("quantize.imatrix.file", note));
  GgufModel model{file.Header(), 0};
  model.size_bytes = Up(model.header.size()) + DataBytes(file.tensors);
  return model;
}

transport::CallId HeaderSource::Fetch(transport::ByteRange range,
                                      std::shared_ptr<transport::RangeHandler> handler) {
  absl::Status refusal = on_fetch_(range);
  thread_.Post([range, handler = std::move(handler), refusal = std::move(refusal), &model = model_] {
    if (!refusal.ok()) return handler->OnDone(refusal);
    std::string bytes(static_cast<size_t>(range.size()), '\0');
    if (range.begin < model.header.size()) {
      model.header.copy(bytes.data(), bytes.size(), static_cast<size_t>(range.begin));
    }
    handler->OnStart(range.begin);
    handler->OnData(std::as_bytes(std::span(bytes)));
    handler->OnDone(absl::OkStatus());
  });
  return 1;
}

}  // namespace batuta::formats
