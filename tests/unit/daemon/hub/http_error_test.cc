#include "daemon/hub/http_error.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "common/status/status.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::hub {
namespace {

using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using transport::HttpHead;
using transport::HttpHeader;
using Kind = Asked::Kind;

const WallTime kNow = FromUnixMillis(1'793'607'330'000);  // 2026-11-02T08:15:30Z

Asked Ask(Kind kind, bool with_token) {
  return {.what = "model acme/otter",
          .with_token = with_token,
          .kind = kind,
          .page = "https://hub.test/acme/otter"};
}

struct Case {
  int status;
  std::vector<HttpHeader> headers;
  std::string body;
  Kind kind;
  bool with_token;
  absl::StatusCode code;
  std::string_view reason;
};

constexpr std::string_view kCode = "X-Error-Code";

HttpHeader Code(std::string value) {
  return {std::string(kCode), std::move(value)};
}

using absl::StatusCode;

// The rows of hub-protocol 3.8, each with and without what the hub may leave out.
const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {
      // Codes win, whatever the status.
      {404, {Code("RevisionNotFound")}, "", Kind::kFile, false, StatusCode::kNotFound, "REVISION_NOT_FOUND"},
      {404, {Code("RevisionNotFound")}, "", Kind::kRepo, true, StatusCode::kNotFound, "REVISION_NOT_FOUND"},
      {404, {Code("EntryNotFound")}, "", Kind::kRevision, false, StatusCode::kNotFound, "ENTRY_NOT_FOUND"},
      {401, {Code("GatedRepo")}, "", Kind::kFile, false, StatusCode::kPermissionDenied, "REPO_GATED"},
      {403, {Code("GatedRepo")}, "", Kind::kFile, true, StatusCode::kPermissionDenied, "REPO_GATED"},
      {404, {Code("RepoNotFound")}, "", Kind::kFile, true, StatusCode::kNotFound, "REPO_NOT_FOUND"},
      {401, {Code("RepoNotFound")}, "", Kind::kOther, false, StatusCode::kNotFound, "REPO_NOT_FOUND"},
      // Disabled repos are told by their message alone.
      {403,
       {{"X-Error-Message", "Access to this resource is disabled."}},
       "",
       Kind::kFile,
       true,
       StatusCode::kPermissionDenied,
       "REPO_DISABLED"},
      {403,
       {},
       R"({"error":"Access to this resource is disabled."})",
       Kind::kFile,
       true,
       StatusCode::kPermissionDenied,
       "REPO_DISABLED"},
      // Anonymous 401 about a repo: missing or private.
      {401,
       {},
       "Invalid username or password.",
       Kind::kRevision,
       false,
       StatusCode::kNotFound,
       "REPO_NOT_FOUND"},
      {401, {}, "", Kind::kFile, false, StatusCode::kNotFound, "REPO_NOT_FOUND"},
      {401, {}, "", Kind::kRepo, true, StatusCode::kNotFound, "REPO_NOT_FOUND"},
      // Bad tokens.
      {401,
       {{"X-Error-Message", "Invalid credentials in Authorization header"}},
       "",
       Kind::kRevision,
       true,
       StatusCode::kUnauthenticated,
       "TOKEN_REJECTED"},
      {401,
       {},
       R"({"error":"Invalid credentials in Authorization header"})",
       Kind::kFile,
       true,
       StatusCode::kUnauthenticated,
       "TOKEN_REJECTED"},
      {401, {}, "", Kind::kOther, true, StatusCode::kUnauthenticated, "TOKEN_REJECTED"},
      {401, {}, "", Kind::kOther, false, StatusCode::kUnauthenticated, "TOKEN_MISSING"},
      // 404 without a code, by what was asked.
      {404, {}, "", Kind::kRepo, false, StatusCode::kNotFound, "REPO_NOT_FOUND"},
      {404, {}, "", Kind::kRevision, false, StatusCode::kNotFound, "REVISION_NOT_FOUND"},
      {404, {}, "Not Found", Kind::kFile, false, StatusCode::kNotFound, "ENTRY_NOT_FOUND"},
      {404, {}, "", Kind::kOther, false, StatusCode::kInternal, "HUB_ERROR"},
      {404, {Code("SomethingNew")}, "", Kind::kFile, false, StatusCode::kNotFound, "ENTRY_NOT_FOUND"},
      // The rest by status.
      {403,
       {},
       R"({"error":"SSO needed"})",
       Kind::kFile,
       true,
       StatusCode::kPermissionDenied,
       "HUB_FORBIDDEN"},
      {451, {}, "", Kind::kFile, false, StatusCode::kPermissionDenied, "HUB_FORBIDDEN"},
      {429, {}, "", Kind::kFile, true, StatusCode::kResourceExhausted, "HUB_RATE_LIMITED"},
      {416, {}, "", Kind::kFile, true, StatusCode::kAborted, "UPSTREAM_CHANGED"},
      {408, {}, "", Kind::kFile, true, StatusCode::kUnavailable, "HUB_UNREACHABLE"},
      {500, {}, "", Kind::kRepo, true, StatusCode::kUnavailable, "HUB_UNREACHABLE"},
      {502, {}, "<html>Bad gateway</html>", Kind::kRepo, true, StatusCode::kUnavailable, "HUB_UNREACHABLE"},
      {503, {}, "", Kind::kOther, false, StatusCode::kUnavailable, "HUB_UNREACHABLE"},
      {504, {}, "", Kind::kFile, false, StatusCode::kUnavailable, "HUB_UNREACHABLE"},
      {400,
       {},
       R"({"error":"bad expand"})",
       Kind::kRevision,
       false,
       StatusCode::kInvalidArgument,
       "HUB_ERROR"},
      {422, {}, "", Kind::kOther, false, StatusCode::kInvalidArgument, "HUB_ERROR"},
      {405, {}, "", Kind::kOther, false, StatusCode::kInternal, "HUB_ERROR"},
      {418, {}, "", Kind::kFile, false, StatusCode::kInternal, "HUB_ERROR"},
      {304, {}, "", Kind::kFile, false, StatusCode::kInternal, "HUB_ERROR"},
  };
  return cases;
}

TEST(HttpErrorTest, NamesEveryRefusal) {
  for (const Case& c : Cases()) {
    const absl::Status status = HttpError({c.status, c.headers}, c.body, Ask(c.kind, c.with_token), kNow);
    EXPECT_THAT(status,
                AllOf(StatusIs(c.code), HasReason(c.reason), HasMessage(HasSubstr("model acme/otter"))))
        << c.status << " " << c.body;
    EXPECT_EQ(DetailsOf(status).facts.at("http_status"), std::to_string(c.status));
  }
}

TEST(HttpErrorTest, OtherHostsHaveNoCodesOfTheHub) {
  Asked asked = Ask(Kind::kFile, false);
  asked.on_endpoint = false;
  EXPECT_THAT(HttpError({403, {Code("GatedRepo")}}, "<Error/>", asked, kNow), HasReason("HUB_FORBIDDEN"));
  EXPECT_THAT(HttpError({404, {Code("RepoNotFound")}}, "", asked, kNow), HasReason("HUB_ERROR"));
  EXPECT_THAT(HttpError({503, {}}, "", asked, kNow), HasReason("HUB_UNREACHABLE"));
}

TEST(HttpErrorTest, SaysWhatToDoNext) {
  const auto hint = [](int status, std::vector<HttpHeader> headers, Kind kind, bool with_token) {
    return HintOf(HttpError({status, std::move(headers)}, "", Ask(kind, with_token), kNow));
  };
  EXPECT_THAT(
      hint(401, {Code("GatedRepo")}, Kind::kFile, false),
      AllOf(HasSubstr("ask for access at https://hub.test/acme/otter"), HasSubstr("batuta hf login")));
  EXPECT_THAT(hint(403, {Code("GatedRepo")}, Kind::kFile, true),
              AllOf(HasSubstr("https://hub.test/acme/otter"), Not(HasSubstr("login"))));
  EXPECT_THAT(hint(401, {}, Kind::kRepo, false), AllOf(HasSubstr("spelling"), HasSubstr("HF_TOKEN")));
  EXPECT_THAT(hint(404, {Code("RepoNotFound")}, Kind::kRepo, true), HasSubstr("batuta hf whoami"));
  EXPECT_THAT(hint(404, {Code("RevisionNotFound")}, Kind::kRepo, true), HasSubstr("--revision"));
  EXPECT_THAT(hint(404, {Code("EntryNotFound")}, Kind::kFile, true), HasSubstr("batuta hf files"));
  EXPECT_THAT(hint(401, {}, Kind::kOther, false), HasSubstr("batuta hf login"));
}

TEST(HttpErrorTest, QuotesTheHubsWordsFromAllTheirPlaces) {
  const auto message = [](std::vector<HttpHeader> headers, std::string_view body) {
    return std::string(MessageOf(HttpError({400, std::move(headers)}, body, Ask(Kind::kOther, false), kNow)));
  };
  EXPECT_THAT(message({{"X-Error-Message", "one"}}, R"({"error":"two"})"), HasSubstr("\"one; two\""));
  EXPECT_THAT(message({{"X-Error-Message", "one"}}, R"({"error":"one"})"), HasSubstr("\"one\""));
  EXPECT_THAT(message({}, R"({"error":["a","b"]})"), HasSubstr("\"a; b\""));
  EXPECT_THAT(message({}, R"({"errors":[{"message":"m1"},{"message":"m2"},7]})"), HasSubstr("\"m1; m2\""));
  EXPECT_THAT(message({}, R"({"error":"e","error_description":"d"})"), HasSubstr("\"e; d\""));
  EXPECT_THAT(message({}, "plain words"), HasSubstr("\"plain words\""));
  for (const std::string_view nothing : {"", "<!doctype html><p>x", "{\"error\":7}", "{broken"}) {
    EXPECT_THAT(message({}, nothing), Not(HasSubstr("the hub says"))) << nothing;
  }
}

TEST(HttpErrorTest, HubsWordsCannotForgeOrFlood) {
  const std::string nasty = "line\n\x1b[31mred \xe2\x80\xae" + std::string(3'000, 'x');
  const absl::Status status = HttpError({400, {}}, nasty, Ask(Kind::kOther, false), kNow);
  EXPECT_LT(MessageOf(status).size(), 500U);
  EXPECT_EQ(MessageOf(status).find('\n'), std::string_view::npos);
  EXPECT_EQ(MessageOf(status).find('\x1b'), std::string_view::npos);
}

TEST(HttpErrorTest, NeverRepeatsTheToken) {
  const Secret token("hf_canary0123456789");
  Asked asked = Ask(Kind::kFile, true);
  asked.token = &token;
  const absl::Status status =
      HttpError({403, {{"X-Error-Message", "token hf_canary0123456789 lacks rights, hf_canary0123456789!"}}},
                R"({"error":"hf_canary0123456789"})", asked, kNow);
  EXPECT_THAT(std::string(MessageOf(status)),
              AllOf(Not(HasSubstr("canary")), HasSubstr("[redacted] lacks rights")));
}

TEST(RetryAfterTest, TakesTheServersWord) {
  const auto after = [](std::vector<HttpHeader> headers) {
    return RetryAfter({429, std::move(headers)}, kNow);
  };
  EXPECT_EQ(after({{"retry-after", "3"}}), milliseconds(3'000));
  EXPECT_EQ(after({{"Retry-After", "Mon, 02 Nov 2026 08:16:00 GMT"}}), milliseconds(30'000));
  EXPECT_EQ(after({{"Retry-After", "Mon, 02 Nov 2026 08:00:00 GMT"}}), milliseconds(0));
  EXPECT_EQ(after({{"Retry-After", "99999999"}}), std::chrono::hours(24));
  EXPECT_EQ(after({{"RateLimit", "\"api\";r=0;t=17"}}), milliseconds(17'000));
  EXPECT_EQ(after({{"ratelimit", "\"api\"; r=0 ; t=17"}}), milliseconds(17'000));
  EXPECT_EQ(after({{"RateLimit", "\"api\";r=0;t=999999999999"}}), std::chrono::hours(24));
  EXPECT_EQ(after({{"RateLimit", "\"api\";r=17;t=2"}}), std::nullopt);
  EXPECT_EQ(after({{"RateLimit", "\"api\";t=2"}}), std::nullopt);
  EXPECT_EQ(after({{"Retry-After", "soon"}, {"RateLimit", "\"api\";r=0;t=2"}}), milliseconds(2'000));
  EXPECT_EQ(after({}), std::nullopt);
}

TEST(RetryAfterTest, TravelsWithTheError) {
  const HttpHead head{429, {{"Retry-After", "3"}}};
  EXPECT_EQ(RetryAfterOf(HttpError(head, "", Ask(Kind::kFile, true), kNow)), milliseconds(3'000));
  EXPECT_EQ(RetryAfterOf(HttpError({503, head.headers}, "", Ask(Kind::kFile, true), kNow)),
            milliseconds(3'000));
  EXPECT_EQ(RetryAfterOf(HttpError({429, {}}, "", Ask(Kind::kFile, true), kNow)), std::nullopt);
}

}  // namespace
}  // namespace batuta::hub
