#include "daemon/verify/blob_check.h"

#include <array>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/files/fake_file_system.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::verify {
namespace {

using cache::Extent;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint64_t kPiece = 4 << 20;

BlobId NameOf(std::string_view content, BlobId::Kind kind = BlobId::Kind::kSha256) {
  transfer::ContentHash hash(kind, content.size());
  hash.Update(std::as_bytes(std::span(content)));
  return *BlobId::Parse(*hash.Finish());
}

class BlobCheckTest : public ::testing::Test {
 protected:
  BlobCheck::Verdict Check(const BlobId& blob, const std::string& content, uint64_t size_bytes,
                           cache::PieceSums known = {}) {
    files_.Put("/f", content);
    auto file = files_.Open("/f", OpenMode::kReadDirect);
    EXPECT_THAT(file, IsOk());
    BlobCheck check(*std::move(file), *files_.Info("/f"), blob, size_bytes, std::move(known));
    while (!check.is_done()) {
      const auto length = check.ReadMore(memory_);
      EXPECT_THAT(length, IsOk());
      if (!length.ok()) break;
      read_bytes_ += *length;
    }
    auto verdict = check.Finish();
    EXPECT_THAT(verdict, IsOk());
    return *std::move(verdict);
  }

  FakeFileSystem files_;
  std::vector<std::byte> memory_ = std::vector<std::byte>(1 << 20);
  uint64_t read_bytes_ = 0;
};

TEST_F(BlobCheckTest, BothKindsOfNamesAreHashes) {
  const std::string text = "hello\n";
  EXPECT_TRUE(Check(NameOf(text), text, text.size()).is_right);
  EXPECT_TRUE(Check(NameOf(text, BlobId::Kind::kGitSha1), text, text.size()).is_right);
  EXPECT_EQ(NameOf(text, BlobId::Kind::kGitSha1).hex(), "ce013625030ba8dba906f756967f9e9ca394464a")
      << "as git hash-object says";
  EXPECT_FALSE(Check(NameOf(text), "hellO\n", text.size()).is_right);
  EXPECT_TRUE(Check(NameOf(""), "", 0).is_right);
}

TEST_F(BlobCheckTest, OfADamagedFileThePiecesThatAreKnownToBeRightAreGood) {
  std::string content(3 * kPiece + 100, 'x');
  for (size_t i = 0; i < content.size(); i += 4'096) content[i] = static_cast<char>(i >> 12);
  const BlobId blob = NameOf(content);
  const cache::PieceSums sums = Check(blob, content, content.size()).sums;
  EXPECT_EQ(sums.by_piece.size(), 4U);

  content[kPiece + 7] ^= 1;
  const BlobCheck::Verdict verdict = Check(blob, content, content.size(), sums);
  EXPECT_FALSE(verdict.is_right);
  EXPECT_THAT(verdict.good, ElementsAre(Extent{0, kPiece}, Extent{2 * kPiece, content.size()}));
  EXPECT_THAT(Check(blob, content, content.size()).good, IsEmpty()) << "nothing is known";
}

TEST_F(BlobCheckTest, AFileThatWasCutIsReadOnlyForWhatCanBeKept) {
  const std::string content(2 * kPiece, 'x');
  const BlobId blob = NameOf(content);
  const cache::PieceSums sums = Check(blob, content, content.size()).sums;
  read_bytes_ = 0;
  const std::string cut = content.substr(0, kPiece + 5);
  const BlobCheck::Verdict verdict = Check(blob, cut, content.size(), sums);
  EXPECT_FALSE(verdict.is_right);
  EXPECT_THAT(verdict.good, ElementsAre(Extent{0, kPiece}));
  EXPECT_EQ(read_bytes_, cut.size());

  read_bytes_ = 0;
  EXPECT_FALSE(Check(blob, cut, content.size()).is_right);
  EXPECT_FALSE(Check(blob, content + "more", content.size()).is_right);
  EXPECT_EQ(read_bytes_, 0U);
}

TEST_F(BlobCheckTest, WhenEveryPieceSeemsRightNoneIsBelieved) {
  const std::string content(2 * kPiece, 'x');
  const cache::PieceSums sums = Check(NameOf(content), content, content.size()).sums;
  const BlobCheck::Verdict verdict = Check(NameOf("other"), content, content.size(), sums);
  EXPECT_FALSE(verdict.is_right);
  EXPECT_THAT(verdict.good, IsEmpty());
}

}  // namespace
}  // namespace batuta::verify
