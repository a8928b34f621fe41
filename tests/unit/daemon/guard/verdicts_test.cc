#include "daemon/guard/verdicts.h"

#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/guard/fake_inspection.h"
#include "tests/support/metadata/fake_metadata_store.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::guard {
namespace {

class VerdictsTest : public ::testing::Test {
 protected:
  absl::StatusOr<safety::Verdict> Of(std::string_view path, std::string_view content) {
    safety::MemorySource bytes(content);
    return verdicts_.Of(blob_, path, bytes);
  }

  const BlobId blob_ = *BlobId::Parse(std::string(64, 'a'));
  metadata::FakeMetadataStore store_;
  FakeInspection inspection_;
  Verdicts verdicts_{store_, inspection_};
};

TEST_F(VerdictsTest, ABlobIsInspectedOncePerClassOfNames) {
  ASSERT_OK_AND_ASSIGN(const safety::Verdict first, Of("model.bin", "pickle"));
  ASSERT_OK_AND_ASSIGN(const safety::Verdict again, Of("other/weights.bin", "pickle"));
  EXPECT_EQ(first, again);
  EXPECT_EQ(inspection_.inspections, 1);
  EXPECT_THAT(Of("model.safetensors", "pickle"), IsOk());
  EXPECT_EQ(inspection_.inspections, 2);
}

TEST_F(VerdictsTest, WhatWasFoundIsKeptWhole) {
  ASSERT_OK_AND_ASSIGN(const safety::Verdict made, Of("model.bin", "pickle"));
  EXPECT_EQ(verdicts_.Find(blob_, "model.bin"), made);
}

TEST_F(VerdictsTest, AVerdictOfAnOlderInspectorIsMadeAnew) {
  ASSERT_THAT(Of("model.bin", "pickle"), IsOk());
  std::string key;
  std::string value;
  ASSERT_THAT(store_.Scan(metadata::Table::kVerdicts, "",
                          [&](std::string_view k, std::string_view v) {
                            key = k;
                            value = v;
                            return true;
                          }),
              IsOk());
  const std::string now = "\"inspector\":" + std::to_string(safety::kInspectorVersion);
  const size_t at = value.find(now);
  ASSERT_NE(at, std::string::npos);
  value.replace(at, now.size(), "\"inspector\":0");
  ASSERT_THAT(metadata::Put(store_, metadata::Table::kVerdicts, key, value, metadata::Durability::kProcess),
              IsOk());

  EXPECT_EQ(verdicts_.Find(blob_, "model.bin"), std::nullopt);
  ASSERT_THAT(Of("model.bin", "pickle"), IsOk());
  EXPECT_EQ(inspection_.inspections, 2);
}

TEST_F(VerdictsTest, AVerdictThatCouldNotBeReadToItsEndIsNotKept) {
  struct Broken final : safety::ByteSource {
    uint64_t size_bytes() const override { return 10; }

    absl::Status Read(uint64_t offset, std::span<char> out) override {
      if (offset > 0) return absl::UnavailableError("the disk failed");
      out[0] = 'p';
      return absl::OkStatus();
    }
  } broken;

  EXPECT_THAT(verdicts_.Of(blob_, "model.bin", broken), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(verdicts_.Find(blob_, "model.bin"), std::nullopt);
}

TEST_F(VerdictsTest, WhatIsGoneIsForgottenHoweverMuchItIs) {
  constexpr size_t kGone = 2'500;
  ASSERT_THAT(Of("model.bin", "pickle"), IsOk());
  ASSERT_THAT(Of("model.safetensors", "pickle"), IsOk());
  for (size_t i = 0; i < kGone; ++i) {
    safety::MemorySource bytes("safe");
    const BlobId gone = *BlobId::Parse(fmt::format("{:064x}", i));
    ASSERT_THAT(verdicts_.Of(gone, "a.json", bytes), IsOk());
  }
  ASSERT_THAT(metadata::Put(store_, metadata::Table::kVerdicts, "what?", "", metadata::Durability::kProcess),
              IsOk());

  EXPECT_THAT(verdicts_.ForgetGone([this](const BlobId& blob) { return blob == blob_; }),
              IsOkAndHolds(kGone + 1));

  size_t left = 0;
  ASSERT_THAT(store_.Scan(metadata::Table::kVerdicts, "",
                          [&left](std::string_view, std::string_view) {
                            ++left;
                            return true;
                          }),
              IsOk());
  EXPECT_EQ(left, 2u);
  EXPECT_NE(verdicts_.Find(blob_, "model.bin"), std::nullopt);
}

}  // namespace
}  // namespace batuta::guard
