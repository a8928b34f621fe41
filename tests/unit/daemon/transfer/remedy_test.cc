#include "daemon/transfer/remedy.h"

#include <string_view>

#include <gtest/gtest.h>

#include "common/status/status.h"

namespace batuta::transfer {
namespace {

TEST(ChooseRemedyTest, FollowsTheTable) {
  struct Case {
    std::string_view reason;
    int attempt;
    int start_overs;
    Remedy expected;
  };

  const Case kCases[] = {
      {reason::kHubUnreachable, 1, 0, Remedy::kRedialLater},
      {reason::kHubUnreachable, 1'000, 1, Remedy::kRedialLater},
      {reason::kHubRateLimited, 1, 0, Remedy::kRedialLater},
      {reason::kLinkExpired, 1, 0, Remedy::kRedialNow},
      {reason::kLinkExpired, 3, 0, Remedy::kRedialNow},
      {reason::kLinkExpired, 4, 0, Remedy::kRedialLater},
      {reason::kUpstreamChanged, 1, 0, Remedy::kStartOver},
      {reason::kUpstreamChanged, 1, 1, Remedy::kGiveUp},
      {reason::kDigestMismatch, 1, 0, Remedy::kStartOver},
      {reason::kDigestMismatch, 1, 1, Remedy::kGiveUp},
      {reason::kEntryNotFound, 1, 0, Remedy::kGiveUp},
      {reason::kRepoGated, 1, 0, Remedy::kGiveUp},
      {reason::kCancelled, 1, 0, Remedy::kGiveUp},
      {"", 1, 0, Remedy::kGiveUp},
  };
  for (const Case& each : kCases) {
    SCOPED_TRACE(each.reason);
    const absl::Status status = MakeError(absl::StatusCode::kUnavailable, each.reason, "it broke");
    EXPECT_EQ(ChooseRemedy(status, each.attempt, each.start_overs), each.expected);
  }
}

}  // namespace
}  // namespace batuta::transfer
