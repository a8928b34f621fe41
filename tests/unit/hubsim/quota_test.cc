// Quotas: what counts where, what the answers tell, and what is refused.
#include <gmock/gmock.h>

#include "tests/unit/hubsim/hub_fixture.h"

namespace batuta::hubsim {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const FileSet kFiles = {
    {"config.json", "0123456789"},
    {"model.bin", Generated{.size = 6'000'000, .seed = 5}},
};

constexpr Quotas kSmall{.api = 3, .resolvers = 4, .pages = 1};

class QuotaTest : public HubTest {
 protected:
  QuotaTest()
      : QuotaTest({.anonymous = kSmall,
                   .free = {.api = 5, .resolvers = 5, .pages = 5},
                   .window = std::chrono::hours(1)}) {}

  explicit QuotaTest(const Options& options) : HubTest(options) { MakeRepo("acme/otter", kFiles); }

  const std::string kApi = "/api/models/acme/otter";
};

TEST_F(QuotaTest, EveryAnswerCountsDownAndTheSpentWindowIs429) {
  const std::string api = Url(kApi);

  EXPECT_THAT(Get(api).Header("RateLimit"), StartsWith(R"("api";r=2;t=)"));
  EXPECT_EQ(Get(api).Header("RateLimit-Policy"), R"("fixed window";"api";q=3;w=3600)");
  EXPECT_EQ(Head(Url("/api/models/acme/none")).status, 401);
  const RawAnswer spent = Get(api);
  EXPECT_EQ(spent.status, 429);
  EXPECT_THAT(spent.Header("RateLimit"), StartsWith(R"("api";r=0;t=)"));

  sim_->ResetRateLimits();
  EXPECT_EQ(Get(api).status, 200);
}

TEST_F(QuotaTest, BucketsAndIdentitiesAreCountedApartAndEveryHopCounts) {
  const std::string file = Url("/acme/otter/resolve/main/config.json");

  EXPECT_EQ(GetFollowing(file).status, 200);
  EXPECT_EQ(GetFollowing(file).status, 200);
  EXPECT_EQ(Head(file).status, 429);
  EXPECT_EQ(Get(Url(kApi)).status, 200);
  EXPECT_THAT(Head(file, kMira).Header("RateLimit"), StartsWith(R"("resolvers";r=4;)"));
  EXPECT_EQ(Get(Url("/acme/otter")).status, 200);
  EXPECT_EQ(Get(Url("/acme/otter")).status, 429);
}

TEST_F(QuotaTest, HeadsRedirectsAndErrorsCountAndCarryTheFields) {
  const RawAnswer head = Head(Url("/acme/otter/resolve/main/model.bin"));
  EXPECT_EQ(head.status, 302);
  EXPECT_THAT(head.Header("RateLimit"), StartsWith(R"("resolvers";r=3;)"));
  const RawAnswer hop = Get(Url("/acme/otter/resolve/main/config.json"));
  EXPECT_EQ(hop.status, 307);
  EXPECT_THAT(hop.Header("RateLimit"), StartsWith(R"("resolvers";r=2;)"));
  EXPECT_THAT(Get(Url(hop.Header("Location"))).Header("RateLimit"), StartsWith(R"("resolvers";r=1;)"));
  const RawAnswer missing = Get(Url("/acme/otter/raw/main/none"));
  EXPECT_EQ(missing.status, 404);
  EXPECT_THAT(missing.Header("RateLimit"), StartsWith(R"("resolvers";r=0;)"));
  EXPECT_TRUE(missing.HasHeader("RateLimit-Policy"));

  sim_->AddFault({.kind = FaultKind::kStatus, .path = kApi, .status = 500});
  const RawAnswer broken = Get(Url(kApi));
  EXPECT_EQ(broken.status, 500);
  EXPECT_THAT(broken.Header("RateLimit"), StartsWith(R"("api";r=2;)"));
  EXPECT_THAT(Get(Url(kApi), {{"Authorization", "Bearer hf_nobody"}}).Header("RateLimit"),
              StartsWith(R"("api";r=1;)"))
      << "a token that is none counts for the address";
}

TEST_F(QuotaTest, CdnIsNotCounted) {
  const std::string link = Head(Url("/acme/otter/resolve/main/model.bin")).Header("Location");

  for (int i = 0; i < 10; ++i) EXPECT_EQ(Head(link).status, 200);
  EXPECT_FALSE(Head(link).HasHeader("RateLimit"));
}

TEST_F(QuotaTest, EveryWindowIsKeptWithItsUseAndItsRefusals) {
  for (int i = 0; i < 5; ++i) Get(Url(kApi));
  sim_->ResetRateLimits();
  GetFollowing(Url("/acme/otter/resolve/main/config.json"));

  const json windows = GetJson("/__hubsim/windows");
  ASSERT_EQ(windows.size(), 2U);
  EXPECT_THAT(windows[0].at("identity").get<std::string>(), StartsWith("address "));
  EXPECT_EQ(windows[0].at("used"), json({{"api", 3}}));
  EXPECT_EQ(windows[0].at("refused"), json({{"api", 2}}));
  EXPECT_EQ(windows[1].at("used"), json({{"resolvers", 2}}));
  EXPECT_EQ(windows[1].at("refused"), json::object());
  EXPECT_GE(windows[1].at("start_ms"), windows[0].at("start_ms"));

  const json stats = GetJson("/__hubsim/stats");
  EXPECT_EQ(stats.at("by_status"), json({{"200", 4}, {"307", 1}, {"429", 2}}));
  EXPECT_EQ(stats.at("refused_by_bucket"), json({{"api", 2}}));
}

class ShortWindowTest : public QuotaTest {
 protected:
  ShortWindowTest()
      : QuotaTest({.anonymous = {.api = 1, .resolvers = 1, .pages = 1},
                   .window = std::chrono::milliseconds(200)}) {}
};

TEST_F(ShortWindowTest, WindowEndsByItself) {
  EXPECT_EQ(Get(Url(kApi)).status, 200);

  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  int status = 429;
  while (status == 429 && std::chrono::steady_clock::now() < deadline) status = Get(Url(kApi)).status;

  EXPECT_EQ(status, 200);
}

class RefusalsOnlyTest : public QuotaTest {
 protected:
  RefusalsOnlyTest()
      : QuotaTest({.anonymous = kSmall,
                   .window = std::chrono::hours(1),
                   .quota_fields = QuotaFields::kRefusalsOnly}) {}
};

TEST_F(RefusalsOnlyTest, NothingWarnsAndTheRefusalSaysForHowLong) {
  for (int i = 0; i < 3; ++i) {
    const RawAnswer answer = Get(Url(kApi));
    EXPECT_EQ(answer.status, 200);
    EXPECT_FALSE(answer.HasHeader("RateLimit"));
    EXPECT_FALSE(answer.HasHeader("RateLimit-Policy"));
  }
  const RawAnswer refusal = Get(Url(kApi));
  EXPECT_EQ(refusal.status, 429);
  EXPECT_EQ(refusal.Header("Retry-After"), "3600");
  EXPECT_FALSE(refusal.HasHeader("RateLimit"));
}

class HiddenQuotaTest : public QuotaTest {
 protected:
  HiddenQuotaTest()
      : QuotaTest(
            {.anonymous = kSmall, .window = std::chrono::hours(1), .quota_fields = QuotaFields::kNone}) {}
};

TEST_F(HiddenQuotaTest, NotEvenTheRefusalSaysForHowLong) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Get(Url(kApi)).status, 200);
  const RawAnswer refusal = Get(Url(kApi));
  EXPECT_EQ(refusal.status, 429);
  EXPECT_FALSE(refusal.HasHeader("Retry-After"));
  EXPECT_FALSE(refusal.HasHeader("RateLimit"));
}

class HourlyLimitTest : public QuotaTest {
 protected:
  HourlyLimitTest() : QuotaTest({.commits_per_hour = 2, .repo_creations_per_hour = 1}) {}

  RawAnswer Commit(const std::string& path, const Fields& who = kMira) {
    Fields headers = who;
    headers.emplace_back("Content-Type", "application/x-ndjson");
    const std::string body = R"({"key":"header","value":{"summary":"s"}})"
                             "\n"
                             R"({"key":"file","value":{"path":")" +
                             path + R"(","encoding":"utf-8","content":"x"}})";
    return Send({.method = "POST",
                 .url = Url("/api/models/acme/otter/commit/main"),
                 .headers = std::move(headers),
                 .body = body});
  }
};

TEST_F(HourlyLimitTest, CommitsAreRefusedWhileTheApiBucketHasRoom) {
  EXPECT_EQ(Commit("a.txt").status, 200);
  EXPECT_EQ(Commit("b.txt").status, 200);
  const RawAnswer refusal = Commit("c.txt");
  EXPECT_EQ(refusal.status, 429);
  EXPECT_THAT(refusal.Header("RateLimit"), StartsWith(R"("api";r=997;)"));
  EXPECT_FALSE(refusal.HasHeader("Retry-After"));
  EXPECT_THAT(refusal.body, HasSubstr("commit"));
  EXPECT_EQ(Commit("d.txt", kStranger).status, 403) << "each caller has an hour of its own";
  EXPECT_EQ(Get(Url(kApi), kMira).status, 200) << "other calls go on";
}

TEST_F(HourlyLimitTest, RepoCreationsAreRefusedByThemselves) {
  EXPECT_EQ(Post("/api/repos/create", R"({"name":"one","organization":"acme"})").status, 200);
  const RawAnswer refusal = Post("/api/repos/create", R"({"name":"two","organization":"acme"})");
  EXPECT_EQ(refusal.status, 429);
  EXPECT_THAT(refusal.Header("RateLimit"), StartsWith(R"("api";r=998;)"));
  EXPECT_EQ(Commit("a.txt").status, 200);
}

}  // namespace
}  // namespace batuta::hubsim
