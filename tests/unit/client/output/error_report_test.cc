#include "client/output/error_report.h"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/status/status.h"
#include "tests/unit/client/output/string_sink.h"

namespace batuta::client {
namespace {

absl::Status Gated() {
  return MakeError(absl::StatusCode::kPermissionDenied, reason::kRepoGated, "repo \"a/b\" is gated",
                   "ask for access");
}

TEST(ErrorReportTest, PeopleGetMessageAndHint) {
  EXPECT_EQ(HumanError(Gated()), "batuta: repo \"a/b\" is gated\n  ask for access\n");
  EXPECT_EQ(HumanError(absl::InternalError("broke")), "batuta: broke\n");
}

TEST(ErrorReportTest, ScriptsGetCodeReasonMessageAndHint) {
  EXPECT_EQ(JsonError(Gated()),
            "{\"error\":{\"code\":\"PERMISSION_DENIED\",\"reason\":\"REPO_GATED\",\"message\":\"repo "
            "\\\"a/b\\\" is gated\","
            "\"hint\":\"ask for access\"}}\n");
}

TEST(ErrorReportTest, TextOfTheHubCannotMoveTheTerminal) {
  const absl::Status status =
      MakeError(absl::StatusCode::kUnavailable, reason::kHubError, "bad\x1b[2J\rline\nnext", "h\x07");

  const std::string text = HumanError(status);

  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\r'), std::string::npos);
  EXPECT_EQ(text.find('\x07'), std::string::npos);
  EXPECT_NE(text.find("\n  next"), std::string::npos) << "lines stay lines";
}

TEST(ErrorReportTest, TheFormatOfTheOutputDecides) {
  TestOutput json({.format = OutputFormat::kJson});
  TestOutput human({});
  ReportError(json.output, Gated());
  ReportError(human.output, Gated());

  EXPECT_EQ(nlohmann::json::parse(json.talk.text)["error"]["reason"], "REPO_GATED");
  EXPECT_TRUE(human.talk.text.starts_with("batuta: "));
  EXPECT_EQ(json.data.text, "");
}

}  // namespace
}  // namespace batuta::client
