#include "common/status/status.h"

#include <cerrno>
#include <string>

#include "absl/strings/cord.h"
#include <gtest/gtest.h>

#include "tests/support/status/status_matchers.h"

namespace batuta {
namespace {

using absl::StatusCode;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::Pair;

constexpr char kTypeUrl[] = "type.batuta.dev/error-details";

TEST(StatusTest, ErrorCarriesReasonHintAndFacts) {
  const absl::Status status =
      MakeError(StatusCode::kResourceExhausted, reason::kDiskFull, "disk full on /cache", "free some space",
                {{"needed_bytes", "4976698672"}, {"free_bytes", "12"}});
  EXPECT_THAT(status, StatusIs(StatusCode::kResourceExhausted));
  EXPECT_EQ(MessageOf(status), "disk full on /cache");
  EXPECT_EQ(ReasonOf(status), "DISK_FULL");
  EXPECT_EQ(HintOf(status), "free some space");
  EXPECT_THAT(DetailsOf(status).facts,
              ElementsAre(Pair("free_bytes", "12"), Pair("needed_bytes", "4976698672")));
}

TEST(StatusTest, WhatComesFromOutsideNeverGoesWithoutAHint) {
  for (const std::string_view reason :
       {reason::kHubUnreachable, reason::kHubRateLimited, reason::kHubError, reason::kHubProtocol,
        reason::kAnswerTooLarge, reason::kLinkExpired, reason::kUpstreamChanged, reason::kStorageFailed}) {
    EXPECT_NE(HintOf(MakeError(StatusCode::kUnavailable, reason, "m")), "") << reason;
    EXPECT_EQ(HintOf(MakeError(StatusCode::kUnavailable, reason, "m", "own words")), "own words") << reason;
  }
  EXPECT_EQ(HintOf(MakeError(StatusCode::kInternal, reason::kInternal, "m")), "");
}

TEST(StatusTest, AnErrorIsNeverOk) {
  EXPECT_THAT(MakeError(StatusCode::kOk, reason::kInternal, "oops"), StatusIs(StatusCode::kInternal));
}

TEST(StatusTest, DetailsTakeAnyBytes) {
  const std::string odd("a\0\xff\n\x01", 5);
  const absl::Status status = MakeError(StatusCode::kUnknown, odd, "m", odd, {{odd, odd}, {"", ""}});
  EXPECT_EQ(ReasonOf(status), odd);
  EXPECT_EQ(HintOf(status), odd);
  EXPECT_THAT(DetailsOf(status).facts, ElementsAre(Pair("", ""), Pair(odd, odd)));
}

TEST(StatusTest, DetailsStaySmall) {
  Facts facts = {{"big", std::string(2'000, 'x')}, {"small", "1"}};
  for (int i = 0; i < 1'000; ++i) facts["n" + std::to_string(i)] = "x";
  const absl::Status status =
      MakeError(StatusCode::kUnknown, "R", "m", std::string(100'000, 'h'), std::move(facts));
  const auto payload = status.GetPayload(kTypeUrl);
  ASSERT_TRUE(payload.has_value());
  EXPECT_LT(payload->size(), 5'000u);
  EXPECT_EQ(DetailsOf(status).facts.count("big"), 0u);
  EXPECT_LE(DetailsOf(status).facts.size(), 64u);
  EXPECT_EQ(ReasonOf(status), "R");
}

TEST(StatusTest, AHintIsNotCutInsideACharacter) {
  const absl::Status status = MakeError(StatusCode::kUnknown, "R", "m", std::string(2'047, 'h') + "é");
  EXPECT_EQ(HintOf(status), std::string(2'047, 'h'));
}

TEST(StatusTest, OkAndForeignStatusesHaveNoDetails) {
  for (const absl::Status& status : {absl::OkStatus(), absl::NotFoundError("x")}) {
    EXPECT_THAT(ReasonOf(status), IsEmpty());
    EXPECT_THAT(HintOf(status), IsEmpty());
    EXPECT_THAT(DetailsOf(status).facts, IsEmpty());
  }
}

TEST(StatusTest, AHostilePayloadIsNoDetails) {
  const absl::Status good = MakeError(StatusCode::kUnknown, "R", "m", "hint", {{"a", "b"}});
  const std::string bytes(*good.GetPayload(kTypeUrl));
  const auto details_of = [](const std::string& payload) {
    absl::Status status = absl::UnknownError("m");
    status.SetPayload(kTypeUrl, absl::Cord(payload));
    return DetailsOf(status);
  };
  ASSERT_EQ(details_of(bytes).reason, "R");
  // Cut anywhere but between two strings pairs, and garbage.
  size_t whole = 0;
  for (size_t length = 0; length < bytes.size(); ++length) {
    if (details_of(bytes.substr(0, length)).reason == "R") ++whole;
  }
  EXPECT_EQ(whole, 1u) << "only the payload that ends before its fact is whole";
  for (const std::string& payload :
       {std::string(), std::string("\x01"), std::string("\x02") + bytes.substr(1), std::string(9, '\xff'),
        "\x01" + std::string(4, '\xff'), std::string("{\"reason\":\"R\"}"), bytes + std::string(10'000, '\0'),
        std::string(1'000'000, '\x01')}) {
    EXPECT_THAT(details_of(payload).reason, IsEmpty());
    EXPECT_THAT(details_of(payload).facts, IsEmpty());
  }
}

TEST(StatusTest, AnnotateAddsContextAndKeepsTheRest) {
  absl::Status status =
      MakeError(StatusCode::kNotFound, reason::kEntryNotFound, "no such file", "look at `hf files`");
  status.SetPayload("other", absl::Cord("kept"));
  const absl::Status annotated = Annotate(Annotate(status, "entry a.bin"), "pull org/model");
  EXPECT_EQ(MessageOf(annotated), "pull org/model: entry a.bin: no such file");
  EXPECT_THAT(annotated, StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(annotated, HasReason("ENTRY_NOT_FOUND"));
  EXPECT_EQ(HintOf(annotated), "look at `hf files`");
  EXPECT_TRUE(annotated.GetPayload("other").has_value());
  EXPECT_THAT(Annotate(absl::OkStatus(), "x"), IsOk());
}

TEST(StatusTest, WithFactAddsToForeignErrorsToo) {
  EXPECT_THAT(DetailsOf(WithFact(absl::UnknownError("x"), "a", "1")).facts, ElementsAre(Pair("a", "1")));
  EXPECT_THAT(DetailsOf(WithFact(WithFact(absl::UnknownError("x"), "a", "1"), "a", "2")).facts,
              ElementsAre(Pair("a", "2")));
  EXPECT_THAT(WithFact(absl::OkStatus(), "a", "1"), IsOk());
}

TEST(StatusTest, RetryAfterTravelsAsAFact) {
  const absl::Status status = MakeError(StatusCode::kResourceExhausted, reason::kHubRateLimited, "429");
  EXPECT_EQ(RetryAfterOf(status), std::nullopt);
  EXPECT_THAT(RetryAfterOf(WithRetryAfter(status, milliseconds(37'000))), Optional(milliseconds(37'000)));
  EXPECT_THAT(WithRetryAfter(status, milliseconds(1)), HasReason("HUB_RATE_LIMITED"));
  for (const std::string_view bad : {"", "-1", "1.5", "9999999999999999999999", "soon", "1 "}) {
    EXPECT_EQ(RetryAfterOf(WithFact(status, "retry_after_ms", bad)), std::nullopt) << bad;
  }
}

TEST(StatusTest, OnlyWhatMayPassByItselfIsTransient) {
  for (const auto reason :
       {reason::kHubUnreachable, reason::kHubRateLimited, reason::kLinkExpired, reason::kUpstreamChanged}) {
    EXPECT_TRUE(IsTransient(MakeError(StatusCode::kUnavailable, reason, "x"))) << reason;
  }
  for (const auto reason :
       {reason::kDiskFull, reason::kDigestMismatch, reason::kRepoNotFound, reason::kInternal}) {
    EXPECT_FALSE(IsTransient(MakeError(StatusCode::kUnavailable, reason, "x"))) << reason;
  }
  EXPECT_FALSE(IsTransient(absl::OkStatus()));
  EXPECT_FALSE(IsTransient(absl::UnavailableError("x")));
}

TEST(StatusTest, ErrnoBecomesCodeAndReason) {
  struct {
    int error_number;
    StatusCode code;
    std::string_view reason;
  } const cases[] = {{ENOSPC, StatusCode::kResourceExhausted, "DISK_FULL"},
                     {EDQUOT, StatusCode::kResourceExhausted, "DISK_FULL"},
                     {EROFS, StatusCode::kPermissionDenied, "STORAGE_READ_ONLY"},
                     {EACCES, StatusCode::kPermissionDenied, "STORAGE_READ_ONLY"},
                     {EPERM, StatusCode::kPermissionDenied, "STORAGE_READ_ONLY"},
                     {ENOENT, StatusCode::kNotFound, ""},
                     {EEXIST, StatusCode::kAlreadyExists, ""},
                     {EIO, StatusCode::kUnavailable, "STORAGE_FAILED"},
                     {EXDEV, StatusCode::kUnavailable, "STORAGE_FAILED"}};

  for (const auto& expected : cases) {
    const absl::Status status = ErrnoError(expected.error_number, "open /x");
    EXPECT_THAT(status, StatusIs(expected.code));
    EXPECT_THAT(status, HasReason(expected.reason));
    EXPECT_THAT(status, HasMessage(::testing::StartsWith("open /x: ")));
    EXPECT_EQ(DetailsOf(status).facts["errno"], std::to_string(expected.error_number));
  }
}

absl::Status ReturnsOnError(const absl::Status& inner, bool* went_on) {
  RETURN_IF_ERROR(inner);
  *went_on = true;
  return absl::OkStatus();
}

absl::StatusOr<int> AddsOne(absl::StatusOr<int> inner) {
  ASSIGN_OR_RETURN(const int value, std::move(inner));
  return value + 1;
}

TEST(StatusMacrosTest, PassErrorsOnAndValuesThrough) {
  bool went_on = false;
  EXPECT_THAT(ReturnsOnError(absl::NotFoundError("x"), &went_on), StatusIs(StatusCode::kNotFound));
  EXPECT_FALSE(went_on);
  EXPECT_THAT(ReturnsOnError(absl::OkStatus(), &went_on), IsOk());
  EXPECT_TRUE(went_on);
  EXPECT_THAT(AddsOne(1), IsOkAndHolds(2));
  EXPECT_THAT(AddsOne(MakeError(StatusCode::kAborted, reason::kInternal, "m")), HasReason("INTERNAL"));
}

}  // namespace
}  // namespace batuta
