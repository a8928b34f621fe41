#include "daemon/gguf/metadata.h"

#include <cstring>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/files/memory_file.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::gguf {
namespace {

using ::testing::HasSubstr;

// Writes a header by hand, so that it can also be wrong.
class Writer {
 public:
  template <typename Number>
  Writer& Raw(Number value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    return *this;
  }

  Writer& Head(uint64_t keys, uint32_t version = 3, uint64_t tensors = 0) {
    bytes_ += "GGUF";
    return Raw(version).Raw(tensors).Raw(keys);
  }

  Writer& Text(std::string_view text) {
    Raw(static_cast<uint64_t>(text.size()));
    bytes_ += text;
    return *this;
  }

  Writer& Key(std::string_view key, uint32_t type) { return Text(key).Raw(type); }

  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

absl::StatusOr<Metadata> ReadAll(std::string content, const Limits& limits = {}) {
  MemoryFile file(std::move(content));
  return ReadMetadata(
      file, [](std::string_view) { return true; }, limits);
}

TEST(GgufMetadataTest, ReadsTextsAndNumbersOfAnyWidth) {
  const std::string content = Writer()
                                  .Head(5, 3, 0)
                                  .Key("general.name", 8)
                                  .Text("Otter")
                                  .Key("otter.u16", 2)
                                  .Raw(uint16_t{7})
                                  .Key("otter.i32", 5)
                                  .Raw(int32_t{-7})
                                  .Key("otter.u64", 10)
                                  .Raw(~uint64_t{0})
                                  .Key("otter.f32", 6)
                                  .Raw(1.5F)
                                  .Take();

  const auto metadata = ReadAll(content);

  ASSERT_THAT(metadata, IsOk());
  EXPECT_EQ(metadata->Text("general.name"), "Otter");
  EXPECT_EQ(metadata->Number("otter.u16"), 7);
  EXPECT_EQ(metadata->Number("otter.i32"), -7);
  EXPECT_EQ(metadata->values.at("otter.u64"), Value(~uint64_t{0}));
  EXPECT_EQ(metadata->values.at("otter.f32"), Value(1.5));
  EXPECT_EQ(metadata->Text("otter.u16"), std::nullopt);
  EXPECT_EQ(metadata->Number("general.name"), std::nullopt);
  EXPECT_EQ(metadata->end_offset, content.size());
}

TEST(GgufMetadataTest, TellsOfArraysAndPassesOverTheirElements) {
  const std::string content = Writer()
                                  .Head(3)
                                  .Key("tokens", 9)
                                  .Raw(uint32_t{8})
                                  .Raw(uint64_t{2})
                                  .Text("a")
                                  .Text("bc")
                                  .Key("scores", 9)
                                  .Raw(uint32_t{6})
                                  .Raw(uint64_t{2})
                                  .Raw(0.0F)
                                  .Raw(1.0F)
                                  .Key("behind", 4)
                                  .Raw(uint32_t{1})
                                  .Take();

  const auto metadata = ReadAll(content);

  ASSERT_THAT(metadata, IsOk());
  EXPECT_EQ(metadata->values.at("tokens"), Value(Array{8, 2}));
  EXPECT_EQ(metadata->values.at("scores"), Value(Array{6, 2}));
  EXPECT_EQ(metadata->Number("behind"), 1);
}

TEST(GgufMetadataTest, KeepsWhatIsWantedOnlyAndStillReadsOn) {
  const std::string long_text(3'000, 'x');
  const std::string content = Writer().Head(2).Key("big", 8).Text(long_text).Key("small", 8).Text("s").Take();
  MemoryFile file(content);

  const auto metadata =
      ReadMetadata(file, [](std::string_view key) { return key == "small"; }, {.text_bytes = 1'000});

  ASSERT_THAT(metadata, IsOk());
  EXPECT_EQ(metadata->values.size(), 1U);
  EXPECT_EQ(metadata->Text("small"), "s");
}

struct Broken {
  std::string name;
  std::string content;
  std::string says;
};

class GgufBrokenTest : public ::testing::TestWithParam<Broken> {};

TEST_P(GgufBrokenTest, IsRefusedWithTheReason) {
  const auto metadata = ReadAll(GetParam().content);

  ASSERT_TRUE(absl::IsDataLoss(metadata.status())) << metadata.status();
  EXPECT_THAT(std::string(metadata.status().message()), HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    Headers, GgufBrokenTest,
    ::testing::Values(
        Broken{"Empty", "", "ends too early"}, Broken{"OtherMagic", "GGJT0123456789abcdef0123", "magic"},
        Broken{"Version1", Writer().Head(0, 1).Take(), "version 1"},
        Broken{"Version4", Writer().Head(0, 4).Take(), "version 4"},
        Broken{"BigEndian", Writer().Head(0, 3U << 24U).Take(), "big-endian"},
        Broken{"MoreKeysThanBytes", Writer().Head(uint64_t{1} << 60U).Take(), "more keys"},
        Broken{"MoreTensorsThanBytes", Writer().Head(0, 3, uint64_t{1} << 60U).Take(), "more tensors"},
        Broken{"EmptyKey", Writer().Head(1).Key("", 4).Raw(uint64_t{0}).Take(), "key is empty"},
        Broken{"KeyTwice", Writer().Head(2).Key("k", 4).Raw(uint32_t{1}).Key("k", 4).Raw(uint32_t{1}).Take(),
               "twice"},
        Broken{"UnknownType", Writer().Head(1).Key("key", 13).Raw(uint64_t{0}).Take(), "value type 13"},
        Broken{"TextBeyondTheEnd", Writer().Head(1).Key("key", 8).Raw(~uint64_t{0}).Take(),
               "longer than the file"},
        Broken{"ArrayBeyondTheEnd", Writer().Head(1).Key("key", 9).Raw(uint32_t{8}).Raw(~uint64_t{0}).Take(),
               "more elements"},
        Broken{"DeepArrays",
               Writer()
                   .Head(1)
                   .Key("key", 9)
                   .Raw(uint32_t{9})
                   .Raw(uint64_t{1})
                   .Raw(uint32_t{9})
                   .Raw(uint64_t{1})
                   .Raw(uint32_t{9})
                   .Raw(uint64_t{1})
                   .Raw(uint32_t{9})
                   .Raw(uint64_t{1})
                   .Raw(uint32_t{9})
                   .Raw(uint64_t{0})
                   .Take(),
               "arrays within arrays"}),
    [](const auto& test) { return test.param.name; });

TEST(GgufMetadataTest, EveryCutOffHeaderIsMalformed) {
  const std::string whole = Writer()
                                .Head(2)
                                .Key("general.name", 8)
                                .Text("Otter")
                                .Key("tokens", 9)
                                .Raw(uint32_t{8})
                                .Raw(uint64_t{1})
                                .Text("a")
                                .Take();
  ASSERT_THAT(ReadAll(whole), IsOk());

  for (size_t length = 0; length < whole.size(); ++length) {
    EXPECT_TRUE(absl::IsDataLoss(ReadAll(whole.substr(0, length)).status())) << length;
  }
}

TEST(GgufMetadataTest, StopsAtItsLimits) {
  const std::string content =
      Writer().Head(2).Key("one", 8).Text("0123456789").Key("two", 8).Text("0123456789").Take();

  EXPECT_THAT(ReadAll(content, {.header_bytes = 60}).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(ReadAll(content, {.text_bytes = 9}).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(ReadAll(content, {.kept_bytes = 25}).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(ReadAll(content, {.key_count = 1}).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(ReadAll(content, {.text_bytes = 10, .kept_bytes = 26, .key_count = 2}), IsOk());
}

}  // namespace
}  // namespace batuta::gguf
