#include "daemon/transport/http_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/status.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::transport {
namespace {

using ::testing::Eq;
using ::testing::Optional;

TEST(HttpHeadTest, FindsTheFirstHeaderOfThatName) {
  const HttpHead head{.status = 200, .headers = {{"etag", "1"}, {"ETag", "2"}}};
  EXPECT_THAT(head.Find("ETAG"), Optional(Eq("1")));
  EXPECT_EQ(head.Find("Link"), std::nullopt);
}

TEST(HttpTransportTest, MarksAnErrorAsNeverSentAndKeepsTheRest) {
  const absl::Status error =
      MakeError(absl::StatusCode::kUnavailable, reason::kHubUnreachable, "no way", "walk");
  EXPECT_FALSE(NeverSent(error));
  EXPECT_FALSE(NeverSent(absl::OkStatus()));

  const absl::Status marked = MarkNeverSent(error);

  EXPECT_TRUE(NeverSent(marked));
  EXPECT_THAT(marked, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(marked, HasReason(reason::kHubUnreachable));
  EXPECT_EQ(HintOf(marked), "walk");
}

}  // namespace
}  // namespace batuta::transport
