#include "daemon/gguf/header.h"

#include <algorithm>
#include <random>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/formats/gguf.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::gguf {
namespace {

using formats::GgufArray;
using formats::GgufFile;
using formats::GgufNumber;
using formats::GgufPair;
using formats::GgufString;
using formats::GgufText;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Raw(auto value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

GgufPair Tokens(uint64_t count) {
  std::string tokens;
  for (uint64_t i = 0; i < count; ++i) tokens += GgufString(fmt::format("token{}", i));
  return GgufArray("tokenizer.ggml.tokens", ValueType::kString, count, tokens);
}

GgufPair Scores(uint64_t count) {
  return GgufArray("tokenizer.ggml.scores", ValueType::kF32, count, std::string(count * 4, 's'));
}

// A model of two layers, as the converter writes it and llama-quantize leaves it.
GgufFile Otter() {
  GgufFile file{.pairs = {}, .tensors = {}};
  file.pairs = {
      GgufText("general.architecture", "otter"),
      GgufText("general.name", "Otter"),
      GgufNumber("otter.block_count", ValueType::kU64, 2),
      GgufArray("otter.attention.head_count_kv", ValueType::kI32, 2, Raw(int32_t{4}) + Raw(int32_t{0})),
      GgufArray("otter.sliding", ValueType::kBool, 2, std::string("\1\0", 2)),
      GgufNumber("otter.causal", ValueType::kBool, 1),
      GgufArray("otter.one", ValueType::kU32, 1, Raw(uint32_t{7})),
      GgufText("other.name", "not ours"),
      GgufText("tokenizer.ggml.model", "gpt2"),
      Tokens(500),
      Scores(500),
      GgufNumber("general.file_type", ValueType::kU32, 15),
      GgufText("quantize.imatrix.file", "/tmp/otter.imatrix"),
  };
  file.tensors = {{"output.weight", {256, 500}, 14},
                  {"token_embd.weight", {256, 500}, 12},
                  {"blk.0.attn_q.weight", {256, 256}, 12},
                  {"blk.1.ffn_norm.weight", {250}, 0}};
  return file;
}

absl::StatusOr<Header> Read(const GgufFile& file) {
  const std::string bytes = file.Bytes();
  WindowSource source(bytes, bytes.size());
  return ReadHeader(source);
}

TEST(GgufHyperParametersTest, NeedNoByteBehindTheCountOfTokens) {
  const std::string bytes = Otter().Bytes();
  const size_t tokens = bytes.find("tokenizer.ggml.tokens") + 21 + 4 + 4 + 8;

  WindowSource enough(std::string_view(bytes).substr(0, tokens), bytes.size());
  const auto read = ReadHyperParameters(enough);
  WindowSource less(std::string_view(bytes).substr(0, tokens - 1), bytes.size());

  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->architecture, "otter");
  EXPECT_EQ(read->token_count, 500U);
  EXPECT_EQ(read->Number("block_count"), 2);
  EXPECT_EQ(ReadHyperParameters(less).status().code(), absl::StatusCode::kOutOfRange);
}

TEST(GgufHyperParametersTest, HaveNumbersForTheModelOrForEachLayer) {
  const std::string bytes = Otter().Bytes();
  WindowSource source(bytes, bytes.size());

  const auto read = ReadHyperParameters(source);

  ASSERT_THAT(read, IsOk());
  EXPECT_THAT(read->Numbers("attention.head_count_kv"), ElementsAre(4, 0));
  EXPECT_EQ(read->Number("attention.head_count_kv"), std::nullopt);
  EXPECT_THAT(read->Numbers("sliding"), ElementsAre(1, 0));
  EXPECT_EQ(read->Number("causal"), 1);
  EXPECT_EQ(read->Number("one"), 7);
  EXPECT_THAT(read->Numbers("missing"), ElementsAre());
  EXPECT_FALSE(read->metadata.values.contains("other.name"));
  EXPECT_FALSE(read->metadata.values.contains("tokenizer.ggml.model"));
}

TEST(GgufHyperParametersTest, AreSoughtBehindAVocabularyThatComesFirst) {
  GgufFile file = Otter();
  std::rotate(file.pairs.begin(), file.pairs.begin() + 9, file.pairs.begin() + 11);
  const std::string bytes = file.Bytes();
  WindowSource source(bytes, bytes.size());

  const auto read = ReadHyperParameters(source);

  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->token_count, 500U);
  EXPECT_EQ(read->Number("block_count"), 2);
}

TEST(GgufHyperParametersTest, OfALaterPartAreItsSplitKeys) {
  GgufFile file{.pairs = {GgufNumber("split.no", ValueType::kU16, 1)}, .tensors = {{"blk.9.a", {32}, 0}}};
  const std::string bytes = file.Bytes();
  WindowSource source(bytes, bytes.size());

  const auto read = ReadHyperParameters(source);

  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->architecture, "");
  EXPECT_EQ(read->metadata.Number("split.no"), 1);
}

TEST(GgufHeaderTest, TellsOfEveryTensor) {
  const GgufFile file = Otter();

  const auto header = Read(file);

  ASSERT_THAT(header, IsOk());
  EXPECT_EQ(header->parameters.token_count, 500U);
  EXPECT_EQ(header->parameters.metadata.Number("general.file_type"), 15);
  ASSERT_EQ(header->tensors.size(), 4U);
  EXPECT_EQ(header->tensors[0].name, "output.weight");
  EXPECT_EQ(header->tensors[0].size_bytes, 500U * 210);
  EXPECT_EQ(header->tensors[1].size_bytes, 500U * 144);
  EXPECT_EQ(header->tensors[1].offset, 105'024U);
  EXPECT_EQ(header->tensors[3].elements(), 250U);
  EXPECT_EQ(header->tensors[3].size_bytes, 1'000U);
  EXPECT_EQ(header->infos.end, file.Header().size());
  EXPECT_EQ(header->foreign_type, "");
}

TEST(GgufHeaderTest, JumpsOverNumbersThatAreNotHere) {
  const std::string bytes = Otter().Bytes();
  const std::string all_but_scores = [&] {
    std::string missing = bytes;
    const size_t begin = bytes.find("tokenizer.ggml.scores") + 21 + 16;
    std::fill_n(missing.begin() + static_cast<ptrdiff_t>(begin), 2'000, 'x');
    return missing;
  }();

  // A source of two windows, with nothing of the scores between them.
  class Windows final : public ByteSource {
   public:
    explicit Windows(std::string_view bytes) : bytes_(bytes) {}

    uint64_t size_bytes() const override { return bytes_.size(); }

    absl::StatusOr<size_t> ReadAt(uint64_t offset, std::span<std::byte> out) override {
      const size_t gap = bytes_.find("xxxx");
      const size_t gap_end = gap + 2'000;
      if (offset >= gap && offset < gap_end) return absl::OutOfRangeError("not here");
      const size_t end = offset < gap ? gap : bytes_.size();
      return WindowSource(bytes_.substr(0, end), bytes_.size()).ReadAt(offset, out);
    }

   private:
    std::string_view bytes_;
  };

  Windows windows(all_but_scores);

  const auto header = ReadHeader(windows);

  ASSERT_THAT(header, IsOk());
  EXPECT_EQ(header->tensors.size(), 4U);
}

TEST(GgufHeaderTest, AsksForMoreAtEveryCut) {
  const GgufFile file = Otter();
  const std::string bytes = file.Bytes();
  const size_t header_bytes = file.Header().size();

  for (size_t here = 0; here < header_bytes; here += 13) {
    WindowSource source(std::string_view(bytes).substr(0, here), bytes.size());
    EXPECT_EQ(ReadHeader(source).status().code(), absl::StatusCode::kOutOfRange) << here;
  }
  WindowSource whole(std::string_view(bytes).substr(0, header_bytes), bytes.size());
  EXPECT_THAT(ReadHeader(whole), IsOk());
}

TEST(GgufHeaderTest, ReadsWhateverIsValid) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 300; ++i) {
    const GgufFile file = formats::RandomGguf(random);
    const auto header = Read(file);
    ASSERT_THAT(header, IsOk());
    EXPECT_EQ(header->tensors.size(), file.tensors.size());
  }
}

TEST(GgufHeaderTest, SizesTensorsOfOtherProgramsByTheirPlaces) {
  GgufFile file = Otter();
  file.tensors = {{"a.weight", {256, 4}, 144}, {"b.weight", {32}, 0, 576}, {"c.weight", {64, 1}, 99, 704}};
  std::string bytes = file.Header();
  bytes.resize((bytes.size() + 31) / 32 * 32 + 704 + 48);
  WindowSource source(bytes, bytes.size());

  const auto header = ReadHeader(source);

  ASSERT_THAT(header, IsOk());
  EXPECT_EQ(header->tensors[0].size_bytes, 576U);
  EXPECT_EQ(header->tensors[2].size_bytes, 48U);
  EXPECT_EQ(header->foreign_type, "IQ4_KS");
}

struct Broken {
  std::string name;
  GgufFile file;
  std::string reason;
};

class GgufBrokenHeaderTest : public ::testing::TestWithParam<Broken> {};

TEST_P(GgufBrokenHeaderTest, IsRefusedWithTheReason) {
  const auto header = Read(GetParam().file);

  EXPECT_EQ(header.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(header.status().message()), HasSubstr(GetParam().reason));
}

GgufFile With(auto change) {
  GgufFile file = Otter();
  change(file);
  return file;
}

INSTANTIATE_TEST_SUITE_P(
    Files, GgufBrokenHeaderTest,
    ::testing::Values(
        Broken{"Version1", With([](GgufFile& f) { f.version = 1; }), "version 1"},
        Broken{"BigEndian", With([](GgufFile& f) { f.version = 3U << 24; }), "big-endian"},
        Broken{"TooManyTensors", With([](GgufFile& f) { f.tensor_count = uint64_t{1} << 60; }), "room"},
        Broken{"Alignment", With([](GgufFile& f) {
                 f.pairs.insert(f.pairs.begin(), GgufNumber("general.alignment", ValueType::kU32, 24));
               }),
               "alignment"},
        Broken{"Gap", With([](GgufFile& f) { f.tensors[1].offset = 105'056; }), "due"},
        Broken{"Overlap", With([](GgufFile& f) { f.tensors[1].offset = 0; }), "due"},
        Broken{"Rows", With([](GgufFile& f) { f.tensors[2].shape[0] = 128; }), "blocks"},
        Broken{"Dimensions", With([](GgufFile& f) {
                 f.tensors[2].shape = {256, 1, 1, 1, 1};
               }),
               "dimensions"},
        Broken{"Overflow", With([](GgufFile& f) {
                 f.tensors[2].shape = {uint64_t{1} << 40, uint64_t{1} << 40};
               }),
               "counted"},
        Broken{"NoName", With([](GgufFile& f) { f.tensors[2].name = ""; }), "name"},
        Broken{"LongName", With([](GgufFile& f) { f.tensors[2].name = std::string(128, 'n'); }), "name"},
        Broken{"TwoKeys", With([](GgufFile& f) { f.pairs.push_back(f.pairs[0]); }), "twice"}),
    [](const auto& test) { return test.param.name; });

TEST(GgufHeaderTest, RefusesAFileThatIsNotAsLongAsItsTensorsSay) {
  const std::string bytes = Otter().Bytes();
  for (const int64_t more : {-64, -32, 32, 4'000}) {
    const uint64_t size = bytes.size() + static_cast<uint64_t>(more);
    WindowSource source(bytes, size);
    EXPECT_EQ(ReadHeader(source).status().code(), absl::StatusCode::kDataLoss) << more;
  }
}

// Another variant of the same model: other types, other texts before the tensors.
GgufFile OtterQ8() {
  GgufFile file = Otter();
  file.pairs.back() = GgufText("quantize.imatrix.file", "/somewhere/else/otter-with-a-longer-name.imatrix");
  for (formats::GgufTensor& tensor : file.tensors) {
    if (tensor.type != 0) tensor.type = 8;
  }
  return file;
}

TEST(FindTensorInfosTest, FindsThoseOfASiblingInAWindow) {
  const auto sibling = Read(Otter());
  const std::string bytes = OtterQ8().Bytes();
  const auto whole = Read(OtterQ8());
  ASSERT_THAT(sibling, IsOk());
  ASSERT_THAT(whole, IsOk());
  const InfosPlace place = LikelyInfos(*sibling, bytes.size());
  const auto window = std::string_view(bytes).substr(place.begin, place.end - place.begin);

  const auto found = FindTensorInfos(*sibling, window, place.begin, bytes.size());

  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(found->infos.begin, whole->infos.begin);
  EXPECT_EQ(found->data_offset, whole->data_offset);
  EXPECT_EQ(found->data_bytes, whole->data_bytes);
  ASSERT_EQ(found->tensors.size(), 4U);
  EXPECT_EQ(found->tensors[1].name, "token_embd.weight");
  EXPECT_EQ(found->tensors[1].size_bytes, whole->tensors[1].size_bytes);
  EXPECT_EQ(found->parameters.Number("block_count"), 2);
}

TEST(FindTensorInfosTest, TakesNothingThatDoesNotFillTheFile) {
  const auto sibling = Read(Otter());
  const std::string bytes = OtterQ8().Bytes();
  ASSERT_THAT(sibling, IsOk());

  const auto found =
      FindTensorInfos(*sibling, std::string_view(bytes).substr(0, 30'000), 0, bytes.size() + 64);

  EXPECT_EQ(found.status().code(), absl::StatusCode::kNotFound);
}

TEST(FindTensorInfosTest, SaysWhetherTheyGoOnBehindTheWindow) {
  const auto sibling = Read(Otter());
  const auto whole = Read(OtterQ8());
  const std::string bytes = OtterQ8().Bytes();
  ASSERT_THAT(sibling, IsOk());
  ASSERT_THAT(whole, IsOk());

  const auto cut =
      FindTensorInfos(*sibling, std::string_view(bytes).substr(0, whole->infos.end - 1), 0, bytes.size());
  const auto none =
      FindTensorInfos(*sibling, std::string_view(bytes).substr(0, whole->infos.begin), 0, bytes.size());

  EXPECT_EQ(cut.status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(none.status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace batuta::gguf
