#include "client/connection/exit_code.h"

#include <string_view>

#include <gtest/gtest.h>

#include "batuta/v1/error.pb.h"

#include "common/status/status.h"

namespace batuta::client {
namespace {

using absl::StatusCode;

TEST(ExitCodeTest, EveryReasonHasItsCode) {
  const struct {
    std::string_view reason;
    StatusCode code;
    int exit_code;
  } rows[] = {
      {"INVALID_REPO_ID", StatusCode::kInvalidArgument, 2},
      {"INVALID_REVISION", StatusCode::kInvalidArgument, 2},
      {"INVALID_PATH", StatusCode::kInvalidArgument, 2},
      {"INVALID_PATH", StatusCode::kDataLoss, 9},
      {"INVALID_ETAG", StatusCode::kInvalidArgument, 9},
      {"INVALID_ARGUMENT", StatusCode::kInvalidArgument, 2},
      {"CHOICE_NEEDED", StatusCode::kInvalidArgument, 2},
      {"NOTHING_SELECTED", StatusCode::kNotFound, 4},
      {"REPO_NOT_FOUND", StatusCode::kNotFound, 4},
      {"REVISION_NOT_FOUND", StatusCode::kNotFound, 4},
      {"ENTRY_NOT_FOUND", StatusCode::kNotFound, 4},
      {"JOB_NOT_FOUND", StatusCode::kNotFound, 4},
      {"TOKEN_MISSING", StatusCode::kUnauthenticated, 5},
      {"TOKEN_REJECTED", StatusCode::kUnauthenticated, 5},
      {"REPO_GATED", StatusCode::kPermissionDenied, 5},
      {"REPO_DISABLED", StatusCode::kPermissionDenied, 5},
      {"HUB_FORBIDDEN", StatusCode::kPermissionDenied, 5},
      {"HUB_RATE_LIMITED", StatusCode::kResourceExhausted, 6},
      {"HUB_UNREACHABLE", StatusCode::kUnavailable, 6},
      {"HUB_ERROR", StatusCode::kUnknown, 1},
      {"HUB_PROTOCOL", StatusCode::kInternal, 1},
      {"ANSWER_TOO_LARGE", StatusCode::kResourceExhausted, 1},
      {"LINK_EXPIRED", StatusCode::kUnavailable, 6},
      {"UPSTREAM_CHANGED", StatusCode::kAborted, 1},
      {"DIGEST_MISMATCH", StatusCode::kDataLoss, 9},
      {"DISK_FULL", StatusCode::kResourceExhausted, 7},
      {"STORAGE_FAILED", StatusCode::kUnavailable, 1},
      {"STORAGE_READ_ONLY", StatusCode::kPermissionDenied, 1},
      {"UNSAFE_CONTENT", StatusCode::kFailedPrecondition, 8},
      {"INVALID_CONTENT", StatusCode::kDataLoss, 9},
      {"NAME_CONFUSABLE", StatusCode::kFailedPrecondition, 8},
      {"NAMESPACE_NEW", StatusCode::kFailedPrecondition, 8},
      {"REPO_REPLACED", StatusCode::kFailedPrecondition, 8},
      {"NO_VARIANT_FITS", StatusCode::kFailedPrecondition, 7},
      {"SECRETS_FOUND", StatusCode::kFailedPrecondition, 8},
      {"NOT_PUSHABLE", StatusCode::kFailedPrecondition, 1},
      {"FILE_CHANGED", StatusCode::kAborted, 1},
      {"REVISION_MOVED", StatusCode::kAborted, 1},
      {"PLAN_CHANGED", StatusCode::kAborted, 1},
      {"OFFLINE_MISS", StatusCode::kNotFound, 10},
      {"CANCELLED", StatusCode::kCancelled, 130},
      {"CANCELLED", StatusCode::kAborted, 1},
      {"NOT_PERMITTED", StatusCode::kPermissionDenied, 5},
      {"JOB_FINISHED", StatusCode::kFailedPrecondition, 1},
      {"DAEMON_UNREACHABLE", StatusCode::kUnavailable, 3},
      {"DAEMON_BUSY", StatusCode::kFailedPrecondition, 3},
      {"DAEMON_MISMATCH", StatusCode::kFailedPrecondition, 3},
      {"DAEMON_STOPPING", StatusCode::kUnavailable, 3},
      {"CONFIG_INVALID", StatusCode::kInvalidArgument, 2},
      {"CATALOG_NEWER", StatusCode::kFailedPrecondition, 1},
      {"CATALOG_DAMAGED", StatusCode::kDataLoss, 9},
      {"INTERNAL", StatusCode::kInternal, 1},
      {"RESERVATION_NOT_FOUND", StatusCode::kNotFound, 4},
      {"LOCK_MISMATCH", StatusCode::kDataLoss, 9},
      {"PINNED", StatusCode::kFailedPrecondition, 1},
      {"IN_USE", StatusCode::kFailedPrecondition, 1},
  };

  for (const auto& row : rows) {
    EXPECT_EQ(ExitCode(row.code, row.reason), row.exit_code) << row.reason;
  }
  // The table above is whole: every reason of the API stands in it.
  const google::protobuf::EnumDescriptor& reasons = *v1::Reason_descriptor();
  for (int i = 1; i < reasons.value_count(); ++i) {
    const std::string name = reasons.value(i)->name().substr(std::string_view("REASON_").size());
    EXPECT_TRUE(std::any_of(std::begin(rows), std::end(rows), [&](const auto& row) {
      return row.reason == name;
    })) << name;
  }
}

TEST(ExitCodeTest, WithoutAReasonTheCodeDecides) {
  const struct {
    StatusCode code;
    int exit_code;
  } rows[] = {
      {StatusCode::kOk, 0},
      {StatusCode::kInvalidArgument, 2},
      {StatusCode::kNotFound, 4},
      {StatusCode::kPermissionDenied, 5},
      {StatusCode::kUnauthenticated, 5},
      {StatusCode::kDataLoss, 9},
      {StatusCode::kCancelled, 130},
      {StatusCode::kInternal, 1},
      {StatusCode::kUnavailable, 1},
      {StatusCode::kUnknown, 1},
      {StatusCode::kResourceExhausted, 1},
      {StatusCode::kUnimplemented, 1},
  };

  for (const auto& row : rows) EXPECT_EQ(ExitCode(row.code, ""), row.exit_code) << static_cast<int>(row.code);
}

TEST(ExitCodeTest, AReasonOfALaterVersionFallsBackToItsCode) {
  EXPECT_EQ(ExitCode(StatusCode::kNotFound, "SOMETHING_NEW"), 4);
}

TEST(ExitCodeTest, ReadsCodeAndReasonOfAStatus) {
  EXPECT_EQ(ExitCode(absl::OkStatus()), 0);
  EXPECT_EQ(ExitCode(MakeError(StatusCode::kResourceExhausted, reason::kDiskFull, "full")), 7);
}

TEST(ExitCodeTest, AVerificationEndsWithAMask) {
  EXPECT_EQ(ExitCode(VerifyOutcome(0, 0)), 0);
  EXPECT_EQ(ExitCode(VerifyOutcome(3, 0)), 9);
  EXPECT_EQ(ExitCode(VerifyOutcome(0, 1)), 17);
  EXPECT_EQ(ExitCode(VerifyOutcome(1, 2)), 25);
}

}  // namespace
}  // namespace batuta::client
