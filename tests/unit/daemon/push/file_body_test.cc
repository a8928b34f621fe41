#include "daemon/push/file_body.h"

#include <algorithm>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/status.h"
#include "tests/support/runner/manual_worker_pool.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::push {
namespace {

constexpr size_t kBlock = FileBody::kBlockBytes;

// Counts what is read of it, and can be shorter than it says.
class Source final : public SentBytes {
 public:
  explicit Source(size_t size) : bytes(size, '\0') {
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31 + i / 251);
  }

  uint64_t size_bytes() const override { return bytes.size(); }

  absl::Status Read(uint64_t offset, std::span<char> out) override {
    if (offset + out.size() > good_bytes)
      return MakeError(absl::StatusCode::kAborted, reason::kFileChanged, "it has become shorter");
    std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(offset), out.size(), out.begin());
    read_bytes += out.size();
    return absl::OkStatus();
  }

  absl::StatusOr<size_t> ReadAtOnce(uint64_t offset, std::span<char> out) override {
    if (!at_once_error.ok()) return at_once_error;
    if (offset >= bytes_in_memory) return size_t{0};
    const size_t count = std::min<size_t>(out.size(), bytes_in_memory - offset);
    bytes.copy(out.data(), count, offset);
    return count;
  }

  std::string bytes;
  uint64_t bytes_in_memory = 0;
  absl::Status at_once_error;
  uint64_t good_bytes = UINT64_MAX;
  uint64_t read_bytes = 0;
};

class FileBodyTest : public ::testing::Test {
 protected:
  std::shared_ptr<FileBody> Make(uint64_t offset, uint64_t size) {
    auto body = FileBody::Make(source_, offset, size, pool_);
    body->Rewind([this] { ++ready_; });
    return body;
  }

  absl::StatusOr<std::string> Take(FileBody& body, size_t most) {
    std::string piece(most, '\0');
    absl::StatusOr<size_t> count = body.Read(std::as_writable_bytes(std::span(piece)));
    if (!count.ok()) return count.status();
    piece.resize(*count);
    return piece;
  }

  // All of it, with the pool running whenever there is nothing at hand.
  absl::StatusOr<std::string> TakeAll(FileBody& body, size_t piece_bytes) {
    std::string all;
    while (all.size() < body.size_bytes()) {
      absl::StatusOr<std::string> piece = Take(body, piece_bytes);
      if (!piece.ok()) return piece.status();
      if (piece->empty() && pool_.RunUntilIdle() == 0) return absl::InternalError("nothing comes any more");
      all += *piece;
    }
    return all;
  }

  std::shared_ptr<Source> source_ = std::make_shared<Source>(10 * kBlock + 7);
  ManualWorkerPool pool_;
  int ready_ = 0;
};

TEST_F(FileBodyTest, GivesTheRunOfBytesInPiecesOfAnySize) {
  for (const auto& [offset, size] : {std::pair<uint64_t, uint64_t>{0, 10 * kBlock + 7},
                                     {kBlock - 3, 2 * kBlock + 5},
                                     {5, kBlock},
                                     {10 * kBlock + 6, 1},
                                     {3, 0}}) {
    for (const size_t piece : {kBlock / 3, 3 * kBlock}) {
      const auto body = Make(offset, size);
      const absl::StatusOr<std::string> all = TakeAll(*body, piece);
      ASSERT_THAT(all, IsOk());
      EXPECT_TRUE(*all == source_->bytes.substr(offset, size)) << offset << " " << size;
    }
  }
}

TEST_F(FileBodyTest, ReadsAheadAndNotFurtherThanAFewBlocks) {
  const auto body = Make(0, source_->size_bytes());
  EXPECT_THAT(Take(*body, 1), IsOkAndHolds(""));
  EXPECT_EQ(source_->read_bytes, 0u);  // the caller's thread reads nothing
  pool_.RunUntilIdle();
  EXPECT_EQ(source_->read_bytes, FileBody::kBlocksAhead * kBlock);
  for (size_t taken = 0; taken < kBlock; taken += kBlock / 4) ASSERT_THAT(Take(*body, kBlock / 4), IsOk());
  pool_.RunUntilIdle();
  EXPECT_EQ(source_->read_bytes, (FileBody::kBlocksAhead + 1) * kBlock);
}

TEST_F(FileBodyTest, WhatIsInMemoryNeedsNoPool) {
  source_->bytes_in_memory = UINT64_MAX;
  const auto body = Make(kBlock - 3, 2 * kBlock);
  std::string all;
  while (all.size() < body->size_bytes()) {
    ASSERT_OK_AND_ASSIGN(const std::string piece, Take(*body, 3 * kBlock / 4));
    ASSERT_FALSE(piece.empty());
    all += piece;
  }
  EXPECT_TRUE(all == source_->bytes.substr(kBlock - 3, 2 * kBlock));
  EXPECT_EQ(pool_.RunUntilIdle(), 0u);
  EXPECT_EQ(ready_, 0);
}

TEST_F(FileBodyTest, GoesOnWithThePoolWhereMemoryEnds) {
  for (const uint64_t in_memory : {uint64_t{1}, uint64_t{kBlock}, 2 * kBlock + kBlock / 2}) {
    source_->bytes_in_memory = in_memory;
    const auto body = Make(0, 5 * kBlock + 1);
    ASSERT_OK_AND_ASSIGN(const std::string all, TakeAll(*body, kBlock / 3));
    EXPECT_TRUE(all == source_->bytes.substr(0, 5 * kBlock + 1)) << in_memory;
  }
}

TEST_F(FileBodyTest, AFileThatChangedInMemoryGivesNothing) {
  source_->at_once_error = MakeError(absl::StatusCode::kAborted, reason::kFileChanged, "it was written to");
  const auto body = Make(0, kBlock);
  EXPECT_THAT(Take(*body, 10), HasReason(reason::kFileChanged));
}

TEST_F(FileBodyTest, SaysWhenThereIsMoreToThoseWhoFoundNothing) {
  const auto body = Make(0, 2 * kBlock);
  pool_.RunUntilIdle();
  EXPECT_EQ(ready_, 0);  // nobody asked
  body->Rewind([this] { ++ready_; });
  EXPECT_THAT(Take(*body, 10), IsOkAndHolds(""));
  pool_.RunUntilIdle();
  EXPECT_EQ(ready_, 1);
  EXPECT_THAT(Take(*body, 10), IsOkAndHolds(source_->bytes.substr(0, 10)));
}

TEST_F(FileBodyTest, EndsWithTheErrorOfTheFileBehindItsGoodBytes) {
  source_->good_bytes = kBlock + 1;
  const auto body = Make(0, 3 * kBlock);
  EXPECT_THAT(Take(*body, kBlock), IsOkAndHolds(""));
  pool_.RunUntilIdle();
  EXPECT_THAT(Take(*body, kBlock), IsOkAndHolds(source_->bytes.substr(0, kBlock)));
  pool_.RunUntilIdle();
  EXPECT_THAT(Take(*body, kBlock), HasReason(reason::kFileChanged));
}

TEST_F(FileBodyTest, TellsOfAnErrorToThoseWhoFoundNothing) {
  source_->good_bytes = 0;
  const auto body = Make(0, kBlock);
  EXPECT_THAT(Take(*body, 10), IsOkAndHolds(""));
  pool_.RunUntilIdle();
  EXPECT_EQ(ready_, 1);
  EXPECT_THAT(Take(*body, 10), HasReason(reason::kFileChanged));
}

TEST_F(FileBodyTest, BeginsAtTheFrontWhereverItWas) {
  for (size_t taken = 0; taken < 5; ++taken) {
    const auto body = Make(0, 5 * kBlock);
    for (size_t i = 0; i < taken; ++i) {
      if (i % 2 == 0) pool_.RunUntilIdle();
      ASSERT_THAT(Take(*body, kBlock), IsOk());
    }
    body->Rewind([this] { ++ready_; });  // with a read under way, or not
    const absl::StatusOr<std::string> all = TakeAll(*body, kBlock / 2);
    ASSERT_THAT(all, IsOk());
    EXPECT_TRUE(*all == source_->bytes.substr(0, 5 * kBlock)) << taken;
  }
}

TEST_F(FileBodyTest, CallsNobodyOnceItsUseHasEnded) {
  const auto body = Make(0, 5 * kBlock);
  EXPECT_THAT(Take(*body, 10), IsOkAndHolds(""));
  body->Rewind(nullptr);
  pool_.RunUntilIdle();
  EXPECT_EQ(ready_, 0);
  EXPECT_EQ(source_->read_bytes, 0u);
}

TEST_F(FileBodyTest, MayBeDroppedWhileItIsRead) {
  Make(0, 5 * kBlock).reset();
  pool_.RunUntilIdle();
  EXPECT_EQ(source_->read_bytes, 0u);
}

}  // namespace
}  // namespace batuta::push
