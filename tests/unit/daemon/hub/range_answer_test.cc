#include "daemon/hub/range_answer.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tests/support/status/status_matchers.h"

namespace batuta::hub {
namespace {

using ::testing::AllOf;
using transport::HttpHead;
using transport::HttpHeader;

const CommitId kCommit = *CommitId::Parse(std::string(40, 'a'));
const std::string kSha(64, '7');
const Entry kEntry{.path = *RepoPath::Parse("w.bin"), .size_bytes = 1'000, .blob = *BlobId::Parse(kSha)};
const ExpectedRange kExpected{kCommit, kEntry, {100, 200}};

TEST(CheckIdentityTest, AcceptsWhatAgreesAndWhatSaysNothing) {
  const std::vector<HttpHead> heads = {
      {302, {}},
      {302,
       {{"X-Repo-Commit", kCommit.hex()}, {"X-Linked-Etag", "\"" + kSha + "\""}, {"X-Linked-Size", "1000"}}},
      {206, {{"ETag", "W/\"" + kSha + "\""}}},
      {206, {{"ETag", kSha}}},
      {302, {{"ETag", "\"" + std::string(64, '0') + "\""}}},  // the redirect's own
      {200, {{"ETag", "\"../../etc\""}}},
      {200, {{"ETag", "\"" + std::string(64, '0') + "\""}, {"X-Linked-Etag", kSha}}},
      {200, {{"X-Linked-Size", "much"}}},
  };
  for (const HttpHead& head : heads) EXPECT_THAT(CheckIdentity(head, kExpected), IsOk());
}

TEST(CheckIdentityTest, NoticesAnotherCommitBlobOrSize) {
  const std::vector<HttpHead> heads = {
      {302, {{"X-Repo-Commit", std::string(40, 'b')}}},
      {302, {{"X-Repo-Commit", "main"}}},
      {302, {{"X-Linked-Etag", "\"" + std::string(64, '0') + "\""}}},
      {200, {{"ETag", std::string(40, '0')}}},
      {302, {{"X-Linked-Size", "999"}}},
  };
  for (const HttpHead& head : heads) {
    EXPECT_THAT(CheckIdentity(head, kExpected),
                AllOf(HasReason("UPSTREAM_CHANGED"), StatusIs(absl::StatusCode::kAborted)));
  }
}

struct BodyCase {
  int status;
  std::vector<HttpHeader> headers;
  std::string_view reason;  // "" = OK
  uint64_t begin = 0;
};

TEST(BeginOfBodyTest, TellsWhereTheBytesBegin) {
  const std::vector<BodyCase> cases = {
      {206, {{"Content-Range", "bytes 100-199/1000"}}, "", 100},
      {206, {{"Content-Range", "bytes 100-199/*"}}, "", 100},
      {206, {{"Content-Range", "bytes 100-149/1000"}, {"Content-Encoding", "identity"}}, "", 100},
      {200, {{"Content-Length", "1000"}}, "", 0},
      {200, {}, "", 0},
      {206, {{"Content-Range", "bytes 100-199/1001"}}, "UPSTREAM_CHANGED"},
      {200, {{"Content-Length", "999"}}, "UPSTREAM_CHANGED"},
      {206, {{"Content-Range", "bytes 0-99/1000"}}, "HUB_UNREACHABLE"},
      {206, {{"Content-Range", "bytes 101-199/1000"}}, "HUB_UNREACHABLE"},
      {206, {}, "HUB_UNREACHABLE"},
      {206, {{"Content-Range", "bytes 100-99/1000"}}, "HUB_UNREACHABLE"},
      {206, {{"Content-Range", "bytes -100/1000"}}, "HUB_UNREACHABLE"},
      {206, {{"Content-Range", "items 100-199/1000"}}, "HUB_UNREACHABLE"},
      {206, {{"Content-Range", "bytes 100-199"}}, "HUB_UNREACHABLE"},
      {206, {{"Content-Range", "bytes 100-199/x"}}, "HUB_UNREACHABLE"},
      {206, {{"Content-Range", "bytes 99999999999999999999-199/1000"}}, "HUB_UNREACHABLE"},
      {206, {{"Content-Range", "bytes 100-199/1000"}, {"Content-Encoding", "gzip"}}, "HUB_PROTOCOL"},
      {200, {{"Content-Encoding", "br"}}, "HUB_PROTOCOL"},
      {204, {}, "HUB_PROTOCOL"},
  };
  for (const BodyCase& c : cases) {
    const auto begin = BeginOfBody({c.status, c.headers}, kExpected);
    const std::string shown = c.headers.empty() ? "" : c.headers[0].value;
    if (c.reason.empty()) {
      EXPECT_THAT(begin, IsOkAndHolds(c.begin)) << c.status << shown;
    } else {
      EXPECT_THAT(begin, HasReason(c.reason)) << c.status << shown;
    }
  }
}

TEST(LinkExpiryTest, ReadsBothStylesOfSignedLinks) {
  EXPECT_EQ(FormatRfc3339(*LinkExpiry("https://cdn.test/x?Policy=p&Expires=1793607330&Signature=s")),
            "2026-11-02T08:15:30.000Z");
  EXPECT_EQ(FormatRfc3339(*LinkExpiry(
                "https://s3.test/x?X-Amz-Date=20261102T081530Z&X-Amz-Expires=3600&X-Amz-Signature=s")),
            "2026-11-02T09:15:30.000Z");
  for (const std::string_view url :
       {"https://cdn.test/x", "https://cdn.test/x?Expires=soon", "https://cdn.test/x?Expires=99999999999999",
        "https://cdn.test/x?X-Amz-Expires=3600", "https://cdn.test/x?NotExpires=1793607330", "no url"}) {
    EXPECT_EQ(LinkExpiry(url), std::nullopt) << url;
  }
}

}  // namespace
}  // namespace batuta::hub
