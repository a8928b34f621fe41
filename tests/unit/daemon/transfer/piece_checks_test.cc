#include "daemon/transfer/piece_checks.h"

#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_transfer/transfer_world.h"

namespace batuta::transfer {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint64_t kPiece = 4 << 20;
constexpr uint64_t kSize = 2 * kPiece + 1'000;

class PieceChecksTest : public ::testing::Test {
 protected:
  std::span<const std::byte> Bytes(Extent extent) const {
    return std::as_bytes(std::span(content_)).subspan(extent.begin, extent.end - extent.begin);
  }

  void Arrive(PieceChecks& checks, Extent extent) const { checks.OnArrived(extent.begin, Bytes(extent)); }

  uint64_t SumOf(Extent extent) const {
    RunningSum sum;
    sum.Update(Bytes(extent));
    return sum.value();
  }

  const std::string content_ = MakeContent(kSize);
};

TEST_F(PieceChecksTest, APieceHasItsSumOnceAllItsBytesHaveArrivedInOrder) {
  PieceChecks checks(kSize, {});
  Arrive(checks, {0, kPiece - 1});
  EXPECT_EQ(checks.SumAt(0), std::nullopt);
  Arrive(checks, {kPiece - 1, kPiece});
  EXPECT_EQ(checks.SumAt(0), SumOf({0, kPiece}));
}

TEST_F(PieceChecksTest, BytesMayCrossPiecesAndTheLastPieceIsShort) {
  PieceChecks checks(kSize, {});
  Arrive(checks, {0, kSize});
  EXPECT_EQ(checks.SumAt(0), SumOf({0, kPiece}));
  EXPECT_EQ(checks.SumAt(kPiece), SumOf({kPiece, 2 * kPiece}));
  EXPECT_EQ(checks.SumAt(2 * kPiece), SumOf({2 * kPiece, kSize}));
  EXPECT_EQ(checks.PieceAt(kSize - 1), (Extent{2 * kPiece, kSize}));
}

TEST_F(PieceChecksTest, PiecesMayArriveSideBySide) {
  PieceChecks checks(kSize, {});
  Arrive(checks, {kPiece, kPiece + 100});
  Arrive(checks, {0, 100});
  Arrive(checks, {kPiece + 100, 2 * kPiece});
  Arrive(checks, {100, kPiece});
  EXPECT_EQ(checks.SumAt(0), SumOf({0, kPiece}));
  EXPECT_EQ(checks.SumAt(kPiece), SumOf({kPiece, 2 * kPiece}));
}

TEST_F(PieceChecksTest, APieceThatArrivedOutOfOrderHasNoSum) {
  PieceChecks checks(kSize, {});
  Arrive(checks, {100, kPiece});
  Arrive(checks, {0, 100});
  EXPECT_THAT(checks.sums().by_piece, IsEmpty());
}

TEST_F(PieceChecksTest, OnlyTheBeginningOfAPieceHasASum) {
  PieceChecks checks(kSize, {});
  Arrive(checks, {0, kSize});
  EXPECT_EQ(checks.SumAt(1), std::nullopt);
}

TEST_F(PieceChecksTest, SumsOfAnEarlierRunAreGoodForPiecesOfTheSameSizeOnly) {
  PieceChecks before(kSize, {});
  Arrive(before, {0, kPiece});
  EXPECT_EQ(PieceChecks(kSize, before.sums()).SumAt(0), SumOf({0, kPiece}));

  cache::PieceSums other = before.sums();
  other.piece_bytes /= 2;
  EXPECT_EQ(PieceChecks(kSize, other).SumAt(0), std::nullopt);
}

TEST_F(PieceChecksTest, APieceThatArrivesAgainIsSummedAgain) {
  PieceChecks checks(kSize, {.piece_bytes = kPiece, .by_piece = {{0, 7}, {1, 8}}});
  checks.Forget({0, kPiece});
  EXPECT_EQ(checks.SumAt(0), std::nullopt);
  Arrive(checks, {0, kPiece});
  EXPECT_EQ(checks.SumAt(0), SumOf({0, kPiece}));
  EXPECT_EQ(checks.SumAt(kPiece), 8u);
}

TEST_F(PieceChecksTest, ALargeBlobHasFewPieces) {
  constexpr uint64_t kTerabyte = 1'000'000'000'000;
  const PieceChecks checks(kTerabyte, {});
  const Extent first = checks.PieceAt(0);
  EXPECT_LE(kTerabyte / (first.end - first.begin), 256u);
  EXPECT_GE(kTerabyte / (first.end - first.begin), 64u);
}

}  // namespace
}  // namespace batuta::transfer
