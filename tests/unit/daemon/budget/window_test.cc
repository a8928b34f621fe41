#include "daemon/budget/window.h"

#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta::budget {
namespace {

using std::chrono::seconds;
using ::testing::Eq;
using ::testing::Optional;

std::optional<RateLimitHeaders> Parse(std::string limit, std::string policy = {}) {
  transport::HttpHead head;
  head.status = 200;
  head.headers.push_back({"ratelimit", std::move(limit)});
  if (!policy.empty()) head.headers.push_back({"RATELIMIT-POLICY", std::move(policy)});
  return ParseRateLimit(head);
}

TEST(KindOfTest, ChargesEachPathToItsWindow) {
  const struct {
    const char* path;
    WindowKind kind;
  } cases[] = {
      {"/api/models/a/b", WindowKind::kApi},
      {"/api/models/a/b/tree/main?recursive=true", WindowKind::kApi},
      {"/api/resolve-cache/models/a/b/abc/config.json", WindowKind::kResolvers},
      {"/a/b/resolve/main/config.json", WindowKind::kResolvers},
      {"/datasets/a/b/resolve/refs%2Fpr%2F1/x/y.parquet", WindowKind::kResolvers},
      {"/a/b/raw/main/README.md", WindowKind::kResolvers},
      {"/a/b", WindowKind::kPages},
      {"/", WindowKind::kPages},
      {"", WindowKind::kPages},
      {"/api", WindowKind::kPages},
      {"/apis/x", WindowKind::kPages},
      {"/a/b?next=/resolve/", WindowKind::kPages},
  };

  for (const auto& [path, kind] : cases) {
    EXPECT_THAT(KindOf("https://hub.test", std::string("https://hub.test") + path), Optional(Eq(kind)))
        << path;
  }
}

TEST(KindOfTest, KnowsItsOwnOriginInAnySpelling) {
  EXPECT_THAT(KindOf("https://Hub.Test/", "HTTPS://hub.test:443/api/x"), Optional(Eq(WindowKind::kApi)));
  EXPECT_THAT(KindOf("http://127.0.0.1:8080/hf", "http://127.0.0.1:8080/hf/api/x"),
              Optional(Eq(WindowKind::kApi)));
  for (const char* url :
       {"http://hub.test/api/x", "https://hub.test:8443/api/x", "https://cdn.test/api/x",
        "https://hub.test.evil.test/api/x", "https://hub.test@evil.test/api/x", "rubbish", ""}) {
    EXPECT_EQ(KindOf("https://hub.test", url), std::nullopt) << url;
  }
}

TEST(WindowKindTest, HasANameForEveryKind) {
  for (const WindowKind kind : kWindowKinds) EXPECT_THAT(ParseWindowKind(ToString(kind)), Optional(Eq(kind)));
  EXPECT_EQ(ParseWindowKind("discussions"), std::nullopt);
}

TEST(ActionOfTest, KnowsCommitsAndNewRepos) {
  using transport::HttpMethod;
  constexpr char kHub[] = "https://hub.test/hf";

  const struct {
    HttpMethod method;
    const char* url;
    std::optional<WindowKind> expected;
  } cases[] = {
      {HttpMethod::kPost, "https://hub.test/hf/api/models/acme/otter/commit/main", WindowKind::kCommits},
      {HttpMethod::kPost, "https://hub.test/hf/api/datasets/acme/otter/commit/refs%2Fpr%2F1?create_pr=1",
       WindowKind::kCommits},
      {HttpMethod::kPost, "https://hub.test/hf/api/repos/create", WindowKind::kRepoCreations},
      {HttpMethod::kPost, "https://hub.test/hf/api/models/acme/otter/preupload/main", std::nullopt},
      {HttpMethod::kGet, "https://hub.test/hf/api/models/acme/otter/commits/main", std::nullopt},
      {HttpMethod::kGet, "https://hub.test/hf/api/repos/create", std::nullopt},
      {HttpMethod::kPost, "https://elsewhere.test/api/repos/create", std::nullopt},
      {HttpMethod::kPost, "https://hub.test/hf/acme/commit/x", std::nullopt},
  };

  for (const auto& c : cases) EXPECT_EQ(ActionOf(kHub, c.method, c.url), c.expected) << c.url;
}

TEST(ParseRateLimitTest, ReadsWhatTheHubSends) {
  const auto headers = Parse(R"("api";r=489;t=189)", R"("fixed window";"api";q=500;w=300)");
  ASSERT_TRUE(headers.has_value());
  EXPECT_EQ(headers->bucket, "api");
  EXPECT_EQ(headers->remaining, 489u);
  EXPECT_EQ(headers->reset_in, seconds(189));
  EXPECT_THAT(headers->quota, Optional(Eq(500u)));
  EXPECT_THAT(headers->length, Optional(Eq(seconds(300))));
}

TEST(ParseRateLimitTest, IsLenientInBlanksCaseAndOrder) {
  const auto headers = Parse("  \"API\" ; T = 5 ;\tx=1; R=0 , \"pages\";r=7;t=7", "W=60 ; q=10;\"a;b,c\"");
  ASSERT_TRUE(headers.has_value());
  EXPECT_EQ(headers->bucket, "api");
  EXPECT_EQ(headers->remaining, 0u);
  EXPECT_EQ(headers->reset_in, seconds(5));
  EXPECT_THAT(headers->quota, Optional(Eq(10u)));
  EXPECT_THAT(headers->length, Optional(Eq(seconds(60))));
}

TEST(ParseRateLimitTest, StandsWithoutAPolicyAndWithABrokenOne) {
  for (const char* policy : {"", "rubbish", "q=-1;w=x", ";;;=;q=;w=1e9", "q"}) {
    const auto headers = Parse(R"("resolvers";r=1;t=2)", policy);
    ASSERT_TRUE(headers.has_value()) << policy;
    EXPECT_EQ(headers->quota, std::nullopt) << policy;
    EXPECT_EQ(headers->length, std::nullopt) << policy;
  }
}

TEST(ParseRateLimitTest, RefusesWhatIsMalformed) {
  for (const char* text :
       {"", "api;r=1;t=2", "\"\";r=1;t=2", "\"api\"", "\"api\";r=1", "\"api\";t=1", "\"api\";r=-1;t=2",
        "\"api\";r=1;t=-2", "\"api\";r=1.5;t=2", "\"api\";r=;t=", "\"api\";r=0x10;t=2", "\"a b\";r=1;t=2",
        "\"api;r=1;t=2", "\"\x01\";r=1;t=2", ";;;", "\"api\"r=1;t=2"}) {
    EXPECT_EQ(Parse(text), std::nullopt) << text;
  }
  EXPECT_EQ(Parse("\"api\";r=1;t=2;" + std::string(100'000, 'x')), std::nullopt);
  EXPECT_EQ(ParseRateLimit({}), std::nullopt);
}

TEST(ParseRateLimitTest, SurvivesNumbersThatFitNowhere) {
  const auto headers = Parse("\"api\";r=99999999999999999999999;t=99999999999999999999999");
  ASSERT_TRUE(headers.has_value());
  EXPECT_EQ(headers->remaining, UINT64_MAX);
  EXPECT_GT(headers->reset_in, seconds(0));
  // Time arithmetic stays inside the clock.
  EXPECT_LT(headers->reset_in, std::chrono::hours(24 * 1000));
}

}  // namespace
}  // namespace batuta::budget
