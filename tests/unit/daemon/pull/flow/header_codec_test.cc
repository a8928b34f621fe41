#include "daemon/pull/header_codec.h"

#include <cstdint>
#include <limits>
#include <string>

#include <gmock/gmock.h>

#include "daemon/gguf/byte_source.h"
#include "daemon/pull/header_store.h"
#include "tests/support/clock/fake_clock.h"
#include "tests/support/gguf_repo/gguf_repo.h"
#include "tests/support/metadata/fake_metadata_store.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::pull {
namespace {

gguf::Header Sample() {
  const formats::GgufModel model = formats::LlamaModel(14);
  gguf::WindowSource file(model.header, model.size_bytes);
  gguf::Header header = gguf::ReadHeader(file).value();
  auto& values = header.parameters.metadata.values;
  values["a.text"] = std::string("with\nlines\0and zeros", 20);
  values["a.least"] = std::numeric_limits<int64_t>::min();
  values["a.most"] = std::numeric_limits<uint64_t>::max();
  values["a.half"] = 0.5;
  values["a.yes"] = true;
  values["a.list"] = gguf::Array{.element_type = 5, .count = 3, .elements = {-1, 0, 70'000}};
  header.foreign_type = "IQ4_KS";
  return header;
}

TEST(HeaderCodecTest, AHeaderComesBackAsItWas) {
  const gguf::Header header = Sample();

  ASSERT_OK_AND_ASSIGN(const gguf::Header back, DecodeHeader(EncodeHeader(header)));

  EXPECT_EQ(back.parameters.architecture, "llama");
  EXPECT_EQ(back.parameters.token_count, header.parameters.token_count);
  EXPECT_EQ(back.parameters.metadata.values, header.parameters.metadata.values);
  EXPECT_EQ(back.parameters.metadata.end_offset, header.parameters.metadata.end_offset);
  EXPECT_EQ(back.infos.begin, header.infos.begin);
  EXPECT_EQ(back.infos.end, header.infos.end);
  EXPECT_EQ(back.data_offset, header.data_offset);
  EXPECT_EQ(back.data_bytes, header.data_bytes);
  EXPECT_EQ(back.foreign_type, "IQ4_KS");
  ASSERT_EQ(back.tensors.size(), header.tensors.size());
  EXPECT_EQ(back.tensors.back().name, header.tensors.back().name);
  EXPECT_EQ(back.tensors.back().dimensions, header.tensors.back().dimensions);
  EXPECT_EQ(back.tensors.back().offset, header.tensors.back().offset);
  EXPECT_EQ(back.tensors.back().size_bytes, header.tensors.back().size_bytes);
}

TEST(HeaderCodecTest, TakesFewBytes) {
  EXPECT_LT(EncodeHeader(Sample()).size(), 16'000U);
}

TEST(HeaderCodecTest, WhatIsCutOffOrTooLongIsDamaged) {
  const std::string bytes = EncodeHeader(Sample());
  for (size_t size = 0; size < bytes.size(); size += 1 + size / 50) {
    EXPECT_THAT(DecodeHeader(bytes.substr(0, size)), HasReason("CATALOG_DAMAGED")) << size;
  }
  EXPECT_THAT(DecodeHeader(bytes + "x"), HasReason("CATALOG_DAMAGED"));
}

TEST(HeaderCodecTest, NoBytesOfAnyKindMakeItFail) {
  std::string bytes = EncodeHeader(Sample());
  for (size_t i = 0; i < bytes.size(); i += 7) {
    std::string wrong = bytes;
    wrong[i] = static_cast<char>(0xff);
    DecodeHeader(wrong).IgnoreError();
  }
}

class HeaderStoreTest : public testing::Test {
 protected:
  FakeClock clock_;
  metadata::FakeMetadataStore store_;
  HeaderStore headers_{store_, clock_};
  const BlobId blob_ = BlobId::Parse(std::string(64, 'b')).value();
};

TEST_F(HeaderStoreTest, TellsParametersFromAWholeHeader) {
  EXPECT_EQ(headers_.Find(blob_), std::nullopt);
  headers_.Keep(blob_, {.header = Sample()});
  ASSERT_TRUE(headers_.Find(blob_));
  EXPECT_FALSE(headers_.Find(blob_)->has_tensors);
  headers_.Keep(blob_, {.header = Sample(), .has_tensors = true});
  EXPECT_TRUE(headers_.Find(blob_)->has_tensors);
}

TEST_F(HeaderStoreTest, KeepsTextsAndWhyThereIsNone) {
  headers_.Keep(blob_, {.config = "{\n}"});
  EXPECT_EQ(headers_.Find(blob_)->config, "{\n}");
  headers_.Keep(blob_, {.unreadable = "no GGUF file"});
  EXPECT_EQ(headers_.Find(blob_)->unreadable, "no GGUF file");
}

TEST_F(HeaderStoreTest, ADamagedRecordIsNone) {
  for (const char* const record : {"", "x", "12 t\nnonsense", "12 ?\n", "\n", "12 p"}) {
    ASSERT_THAT(
        metadata::Put(store_, metadata::Table::kHeaders, blob_.hex(), record, metadata::Durability::kProcess),
        IsOk());
    EXPECT_EQ(headers_.Find(blob_), std::nullopt) << record;
  }
}

}  // namespace
}  // namespace batuta::pull
