#include "daemon/fit/inference.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/daemon/fit/model_files.h"

namespace batuta::fit {
namespace {

constexpr uint64_t kKeyBytes = 7'000'000;  // a vocabulary

// As it is read from a file, with what stands before the tensors.
gguf::Header Read(gguf::Header header) {
  header.infos.begin = 24 + kKeyBytes;
  return header;
}

uint64_t Padded(uint64_t bytes) {
  return (bytes + 31) / 32 * 32;
}

// Of tensors from `begin` to `end`, as they stand in a file of their own.
uint64_t FileBytes(const gguf::Header& header, size_t begin, size_t end, uint64_t key_bytes) {
  uint64_t head = 24 + key_bytes;
  uint64_t data = 0;
  for (size_t i = begin; i < end; ++i) {
    const gguf::Tensor& tensor = header.tensors[i];
    head +=
        24 + tensor.name.size() + (tensor.dimensions[1] > 1 ? 16 : 8) + (tensor.dimensions[2] > 1 ? 8 : 0);
    data += Padded(tensor.size_bytes);
  }
  return Padded(head) + data;
}

uint64_t FileBytes(const gguf::Header& header) {
  return FileBytes(header, 0, header.tensors.size(), kKeyBytes);
}

// Cut into files at these tensors; the first header with what it says of the split.
struct Split {
  gguf::Header first;
  std::vector<uint64_t> part_bytes;
};

Split Cut(const gguf::Header& whole, const std::vector<size_t>& cuts) {
  Split split{Read(whole), {}};
  split.first.tensors.resize(cuts.front());
  split.first.parameters.metadata.values["split.tensors.count"] = static_cast<int64_t>(whole.tensors.size());
  split.part_bytes.push_back(FileBytes(whole, 0, cuts.front(), kKeyBytes + 82));
  for (size_t i = 0; i < cuts.size(); ++i) {
    const size_t end = i + 1 < cuts.size() ? cuts[i + 1] : whole.tensors.size();
    split.part_bytes.push_back(FileBytes(whole, cuts[i], end, 82));
  }
  return split;
}

std::optional<Weights> InferredOf(const gguf::Header& seen, std::string_view label,
                                  const std::vector<uint64_t>& part_bytes, bool is_own = false) {
  return Inferred(seen, is_own, {label, part_bytes});
}

TEST(Inference, WeightsFollowFromAnotherVariantAndTheSizeOfTheFile) {
  for (const ModelSpec& spec : {Llama8B(), Qwen7B(), Mixtral()}) {
    const gguf::Header seen = Read(HeaderOf(spec, kF16));
    const gguf::Header other = HeaderOf(spec, kQ8);
    const auto weights = InferredOf(seen, "Q8_0", {FileBytes(other) + 300});
    ASSERT_TRUE(weights.has_value()) << spec.architecture;
    const auto real = WeightsOf(spec, kQ8);
    EXPECT_EQ(weights->total_bytes, real->total_bytes);
    EXPECT_EQ(weights->embedding_bytes, real->embedding_bytes);
    EXPECT_EQ(weights->layers.back().bytes, real->layers.back().bytes);
  }
}

TEST(Inference, WhatDoesNotAccountForTheFileIsNotBelieved) {
  const gguf::Header seen = Read(HeaderOf(Llama8B(), kF16));
  const uint64_t bytes = FileBytes(HeaderOf(Llama8B(), kQ8));
  EXPECT_TRUE(InferredOf(seen, "Q8_0", {bytes}).has_value());
  for (const uint64_t wrong : {bytes - 20'000, bytes + 20'000, uint64_t{0}, uint64_t{1'000}}) {
    EXPECT_FALSE(InferredOf(seen, "Q8_0", {wrong}).has_value()) << wrong;
  }
  EXPECT_FALSE(InferredOf(seen, "Q6_K", {bytes}).has_value());
  EXPECT_FALSE(InferredOf(seen, "UD-Q8_K_XL", {bytes}).has_value()) << "of a mix of which no rules are known";
  EXPECT_FALSE(InferredOf(seen, "Q8_0", {}).has_value());
}

TEST(Inference, LayersOfLaterPartsAreLikeThoseOfTheFirst) {
  const gguf::Header whole = HeaderOf(Llama8B(), kQ8);
  for (const std::vector<size_t>& cuts : {std::vector<size_t>{100, 180}, {57}, {60, 130, 200}}) {
    const Split split = Cut(whole, cuts);
    const auto own = InferredOf(split.first, "Q8_0", split.part_bytes, /*is_own=*/true);
    ASSERT_TRUE(own.has_value()) << cuts.front();
    EXPECT_EQ(own->total_bytes, WeightsOf(Llama8B(), kQ8)->total_bytes);
    EXPECT_EQ(own->layers.size(), 32U);
    // Another variant, in one file.
    EXPECT_TRUE(InferredOf(split.first, "F16", {FileBytes(HeaderOf(Llama8B(), kF16))}).has_value());
    // A part that is longer than its tensors, and one that ends within one.
    for (const uint64_t more : {uint64_t{4'096}, uint64_t{1'000'000}}) {
      std::vector<uint64_t> wrong = split.part_bytes;
      wrong.back() += more;
      EXPECT_FALSE(InferredOf(split.first, "Q8_0", wrong, /*is_own=*/true).has_value());
      wrong[0] -= more;
      EXPECT_FALSE(InferredOf(split.first, "Q8_0", wrong, /*is_own=*/true).has_value())
          << "moved by " << more;
    }
  }
}

TEST(Inference, NeedsWholeLayersAndTheirNumber) {
  const gguf::Header whole = HeaderOf(Llama8B(), kQ8);
  Split split = Cut(whole, {7});  // not even the first layer
  EXPECT_FALSE(InferredOf(split.first, "Q8_0", split.part_bytes, /*is_own=*/true).has_value());
  split = Cut(whole, {100});
  split.first.parameters.metadata.values["split.tensors.count"] = int64_t{1} << 60;
  EXPECT_FALSE(InferredOf(split.first, "Q8_0", split.part_bytes, /*is_own=*/true).has_value());
  split.first.parameters.metadata.values["split.tensors.count"] = static_cast<int64_t>(whole.tensors.size());
  Set(split.first.parameters, "block_count", int64_t{1} << 40);
  EXPECT_FALSE(InferredOf(split.first, "Q8_0", split.part_bytes, /*is_own=*/true).has_value());
}

TEST(Inference, AnOwnHeaderThatContradictsTheRulesIsBelievedAndNotThem) {
  const gguf::Header whole = HeaderOf(Llama8B(), kQ8);
  Split split = Cut(whole, {100, 180});
  for (gguf::Tensor& tensor : split.first.tensors) {
    if (tensor.name == "blk.3.attn_k.weight") tensor.type = 7;  // as large for the files, and another
  }
  EXPECT_FALSE(InferredOf(split.first, "Q8_0", split.part_bytes, /*is_own=*/true).has_value());
}

}  // namespace
}  // namespace batuta::fit
