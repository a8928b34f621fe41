#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <gmock/gmock.h>

#include "common/status/status.h"

// Matchers for absl::Status and absl::StatusOr:
//
//   EXPECT_THAT(store.Commit(id), IsOk());
//   EXPECT_THAT(RepoId::Parse(type, "gpt2"), IsOkAndHolds(Property(&RepoId::name, "gpt2")));
//   EXPECT_THAT(result, StatusIs(absl::StatusCode::kNotFound));
//   EXPECT_THAT(result, HasReason("REPO_NOT_FOUND"));
//   ASSERT_OK_AND_ASSIGN(const RepoId repo, RepoId::Parse(type, "gpt2"));
namespace batuta {

inline const absl::Status& StatusOf(const absl::Status& status) {
  return status;
}

template <typename Value>
const absl::Status& StatusOf(const absl::StatusOr<Value>& value) {
  return value.status();
}

MATCHER(IsOk, negation ? "is an error" : "is OK") {
  const absl::Status& status = StatusOf(arg);
  if (!status.ok()) *result_listener << "which is " << status.ToString();
  return status.ok();
}

MATCHER_P(StatusIs, code, "has the status code " + absl::StatusCodeToString(code)) {
  const absl::Status& status = StatusOf(arg);
  *result_listener << "which is " << status.ToString();
  return status.code() == code;
}

MATCHER_P(HasReason, reason, "has the reason " + std::string(reason)) {
  const absl::Status& status = StatusOf(arg);
  *result_listener << "which is " << status.ToString() << " with the reason '" << ReasonOf(status) << "'";
  return ReasonOf(status) == reason;
}

// The message matches `inner`, a matcher of strings.
MATCHER_P(HasMessage, inner,
          "has a message that " +
              ::testing::DescribeMatcher<std::string>(::testing::SafeMatcherCast<std::string>(inner))) {
  return ::testing::ExplainMatchResult(inner, std::string(MessageOf(StatusOf(arg))), result_listener);
}

// `inner`: a value or a matcher of it.
MATCHER_P(IsOkAndHolds, inner,
          negation ? "is an error or holds another value" : "is OK and holds the value") {
  if (!arg.ok()) {
    *result_listener << "which is " << arg.status().ToString();
    return false;
  }
  return ::testing::ExplainMatchResult(inner, *arg, result_listener);
}

}  // namespace batuta

// NOLINTBEGIN(bugprone-macro-parentheses): a declaration in parentheses is none.
#define ASSERT_OK_AND_ASSIGN(declaration, expression) \
  ASSERT_OK_AND_ASSIGN_INNER(BATUTA_STATUS_CONCAT(asserted_value_, __LINE__), declaration, expression)
#define ASSERT_OK_AND_ASSIGN_INNER(temporary, declaration, expression) \
  auto temporary = (expression);                                       \
  ASSERT_TRUE(temporary.ok()) << temporary.status();                   \
  declaration = *std::move(temporary)
// NOLINTEND(bugprone-macro-parentheses)
