#include "daemon/hub/answer_memory.h"

#include <memory>
#include <string>

#include <fmt/core.h>
#include <gmock/gmock.h>

#include "common/status/status.h"
#include "tests/support/metadata/fake_metadata_store.h"

namespace batuta::hub {
namespace {

using metadata::Table;
using testing::Le;

constexpr uint64_t kCap = 20'000;

class AnswerMemoryTest : public testing::Test {
 protected:
  static KeptAnswer Answer(std::string body) {
    return {.body = std::move(body),
            .url = "https://hub.test/x",
            .link = "<https://hub.test/y>; rel=\"next\"",
            .etag = "W/\"1-x\"",
            .at = FromUnixMillis(1'000'000'000'123)};
  }

  std::string BodyOf(std::string_view key) {
    const std::optional<KeptAnswer> found = memory_->Find(key);
    return found ? found->body : "(none)";
  }

  void Restart() { memory_ = std::make_unique<AnswerMemory>(store_, kCap); }

  // Of all rows of the table.
  uint64_t StoredBytes() {
    uint64_t bytes = 0;
    EXPECT_TRUE(store_
                    .Scan(Table::kAnswers, "",
                          [&](std::string_view key, std::string_view value) {
                            bytes += key.size() + value.size();
                            return true;
                          })
                    .ok());
    return bytes;
  }

  metadata::FakeMetadataStore store_;
  std::unique_ptr<AnswerMemory> memory_ = std::make_unique<AnswerMemory>(store_, kCap);
};

TEST_F(AnswerMemoryTest, GivesBackWhatItWasGivenAfterARestartToo) {
  const std::string body("{\"a\":\n\"\xff\"}\0x", 13);
  memory_->Keep("k", Answer(body));
  Restart();

  const std::optional<KeptAnswer> found = memory_->Find("k");

  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->body, body);
  EXPECT_EQ(found->url, "https://hub.test/x");
  EXPECT_EQ(found->link, "<https://hub.test/y>; rel=\"next\"");
  EXPECT_EQ(found->etag, "W/\"1-x\"");
  EXPECT_EQ(ToUnixMillis(found->at), 1'000'000'000'123);
}

TEST_F(AnswerMemoryTest, KnowsNothingItWasNotTold) {
  memory_->Keep("k", Answer("x"));
  EXPECT_EQ(BodyOf("other"), "(none)");
  EXPECT_EQ(BodyOf(""), "(none)");
  EXPECT_EQ(BodyOf("youngest"), "(none)");
}

TEST_F(AnswerMemoryTest, TheLatestAnswerCounts) {
  memory_->Keep("k", Answer("old"));
  memory_->Keep("k", Answer("new"));
  EXPECT_EQ(BodyOf("k"), "new");
}

TEST_F(AnswerMemoryTest, NeverTakesMoreThanItsCapAndForgetsTheOldestFirst) {
  for (int i = 0; i < 200; ++i) {
    memory_->Keep(fmt::format("{:03}", i), Answer(std::string(1'000, 'x')));
    ASSERT_THAT(StoredBytes(), Le(kCap + 100)) << i;
    if (i % 17 == 0) Restart();
  }
  EXPECT_EQ(BodyOf("000"), "(none)");
  EXPECT_EQ(BodyOf("191"), std::string(1'000, 'x'));
  EXPECT_EQ(BodyOf("199"), std::string(1'000, 'x'));
}

TEST_F(AnswerMemoryTest, TheSameAnswerRenewedOverAndOverPushesNothingOut) {
  memory_->Keep("stays", Answer(std::string(1'000, 'x')));
  for (int i = 0; i < 500; ++i) memory_->Keep("renewed", Answer(std::string(1'000, 'y')));
  EXPECT_EQ(BodyOf("stays"), std::string(1'000, 'x'));
}

TEST_F(AnswerMemoryTest, ARenewedAnswerHidesTheOneOfTheOlderGeneration) {
  memory_->Keep("k", Answer("old"));
  for (int i = 0; i < 9; ++i) memory_->Keep(fmt::format("{}", i), Answer(std::string(1'000, 'x')));
  memory_->Keep("k", Answer("new"));
  EXPECT_EQ(BodyOf("k"), "new");
  memory_->Forget("k");
  EXPECT_EQ(BodyOf("k"), "(none)");
}

TEST_F(AnswerMemoryTest, WhatIsTooLargeIsNotKept) {
  memory_->Keep("k", Answer(std::string(kCap, 'x')));
  EXPECT_EQ(BodyOf("k"), "(none)");
  AnswerMemory vast(store_, uint64_t{1} << 40);
  vast.Keep("k", Answer(std::string(AnswerMemory::kMaxBodyBytes + 1, 'x')));
  EXPECT_FALSE(vast.Find("k").has_value());
  vast.Keep("k", Answer(std::string(AnswerMemory::kMaxBodyBytes, 'x')));
  EXPECT_TRUE(vast.Find("k").has_value());
}

TEST_F(AnswerMemoryTest, ACapOfZeroKeepsNothing) {
  AnswerMemory none(store_, 0);
  none.Keep("k", Answer("x"));
  EXPECT_FALSE(none.Find("k").has_value());
}

TEST_F(AnswerMemoryTest, RowsLaidOutInAnotherWayAreClearedAway) {
  memory_->Keep("k", Answer("x"));
  metadata::WriteBatch batch;
  batch.Put(Table::kAnswers, "https://hub.test|models--acme--otter|main", R"({"v":1,"commit":"a"})");
  batch.Put(Table::kAnswers, "youngest", R"({"v":"one"})");
  ASSERT_TRUE(store_.Write(batch, metadata::Durability::kProcess).ok());

  Restart();

  EXPECT_EQ(StoredBytes(), 0U);
  memory_->Keep("k", Answer("y"));
  EXPECT_EQ(BodyOf("k"), "y");
}

TEST_F(AnswerMemoryTest, ADamagedRowIsAsGoodAsNone) {
  memory_->Keep("k", Answer("x"));
  for (const std::string damage : {"", "{}", "{}\nbody", "null\n", "{\"v\":\"one\",\"at_ms\":1}\nbody",
                                   R"({"v":1,"at_ms":"soon"})"
                                   "\n"}) {
    metadata::WriteBatch batch;
    batch.Put(Table::kAnswers, "0000000000000001|k", damage);
    ASSERT_TRUE(store_.Write(batch, metadata::Durability::kProcess).ok());
    EXPECT_EQ(BodyOf("k"), "(none)") << damage;
  }
}

TEST_F(AnswerMemoryTest, AFullDiskMeansNotRememberedAndNothingWorse) {
  store_.FailWrites(MakeError(absl::StatusCode::kResourceExhausted, reason::kDiskFull, "full"));
  memory_->Keep("k", Answer("x"));
  EXPECT_EQ(BodyOf("k"), "(none)");
  store_.FailReads(MakeError(absl::StatusCode::kUnavailable, reason::kStorageFailed, "gone"));
  EXPECT_EQ(BodyOf("k"), "(none)");
  memory_->Keep("k", Answer("x"));
  EXPECT_EQ(BodyOf("k"), "x");
}

}  // namespace
}  // namespace batuta::hub
