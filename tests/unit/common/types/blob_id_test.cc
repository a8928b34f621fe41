#include "common/types/blob_id.h"

#include <string>
#include <unordered_set>

#include <gtest/gtest.h>

#include "tests/support/status/status_matchers.h"

namespace batuta {
namespace {

const std::string kSha1 = "c0ffee00112233445566778899aabbccddeeff00";
const std::string kSha256 = "7b041122334455667788990011223344556677889900112233445566778899ab";

TEST(BlobIdTest, KindFollowsFromTheLength) {
  ASSERT_OK_AND_ASSIGN(const BlobId git, BlobId::Parse(kSha1));
  EXPECT_EQ(git.kind(), BlobId::Kind::kGitSha1);
  ASSERT_OK_AND_ASSIGN(const BlobId lfs, BlobId::Parse(kSha256));
  EXPECT_EQ(lfs.kind(), BlobId::Kind::kSha256);
  EXPECT_EQ(lfs.hex(), kSha256);
}

TEST(BlobIdTest, TakesEveryFormOfEtag) {
  for (const std::string& etag : {"\"" + kSha1 + "\"", "W/\"" + kSha1 + "\"", "W/" + kSha1, kSha1}) {
    const auto blob = BlobId::Parse(etag);
    ASSERT_THAT(blob, IsOk()) << etag;
    EXPECT_EQ(blob->hex(), kSha1);
  }
}

TEST(BlobIdTest, NeverBecomesAnythingButHex) {
  for (const std::string& text : {std::string(),
                                  std::string("\"\""),
                                  std::string("W/"),
                                  std::string("\""),
                                  kSha1.substr(1),
                                  kSha1 + "0",
                                  "C0FFEE" + kSha1.substr(6),
                                  "../" + kSha1,
                                  kSha1 + "/..",
                                  "..%2f" + kSha1.substr(5),
                                  "/" + kSha1 + "/",
                                  "\"" + kSha1,
                                  kSha1 + "\"",
                                  " " + kSha1,
                                  kSha1 + "\n",
                                  std::string(40, '.'),
                                  std::string(64, '/'),
                                  std::string(40, '\0'),
                                  kSha1 + "-gzip",
                                  "\"\"" + kSha1 + "\"\"",
                                  std::string(50, 'a'),
                                  std::string(1'000'000, 'W')}) {
    const auto blob = BlobId::Parse(text);
    EXPECT_THAT(blob, StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(blob, HasReason("INVALID_ETAG"));
    EXPECT_LT(MessageOf(blob.status()).size(), 1'000u);
  }
}

TEST(BlobIdTest, EqualAndHashByHex) {
  ASSERT_OK_AND_ASSIGN(const BlobId bare, BlobId::Parse(kSha1));
  ASSERT_OK_AND_ASSIGN(const BlobId quoted, BlobId::Parse("\"" + kSha1 + "\""));
  ASSERT_OK_AND_ASSIGN(const BlobId other, BlobId::Parse(kSha256));
  EXPECT_EQ(bare, quoted);
  EXPECT_EQ((std::unordered_set<BlobId>{bare, quoted, other}).size(), 2u);
}

}  // namespace
}  // namespace batuta
