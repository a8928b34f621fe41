#include "daemon/transfer/content_hash.h"

#include <span>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/status/status_matchers.h"

namespace batuta::transfer {
namespace {

std::span<const std::byte> Bytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

TEST(ContentHashTest, NamesBytesAsTheHubDoes) {
  struct Case {
    BlobId::Kind kind;
    std::string content;
    std::string expected;  // from sha256sum and git hash-object
  };

  const Case kCases[] = {
      {BlobId::Kind::kSha256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {BlobId::Kind::kSha256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {BlobId::Kind::kGitSha1, "", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"},
      {BlobId::Kind::kGitSha1, "hello\n", "ce013625030ba8dba906f756967f9e9ca394464a"},
  };
  for (const Case& each : kCases) {
    ContentHash hash(each.kind, each.content.size());
    hash.Update(Bytes(each.content));
    EXPECT_THAT(hash.Finish(), IsOkAndHolds(each.expected));
  }
}

TEST(ContentHashTest, PiecesDoNotMatter) {
  ContentHash hash(BlobId::Kind::kGitSha1, 6);
  for (const char* piece : {"he", "", "llo", "\n"}) hash.Update(Bytes(piece));
  EXPECT_THAT(hash.Finish(), IsOkAndHolds("ce013625030ba8dba906f756967f9e9ca394464a"));
}

}  // namespace
}  // namespace batuta::transfer
