// The resolver, the CDN, ranges, renames and access.
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

class ResolveTest : public HubTest {
 protected:
  std::string Bytes() const { return GeneratedBytes("model.bin", {.size = 6'000'000, .seed = 5}); }

  // The signed link to the LFS file.
  std::string Link() const { return Get(Url("/acme/otter/resolve/main/model.bin")).Header("Location"); }
};

TEST_F(ResolveTest, RegularFileHopsThroughTheCache) {
  const RepoRef repo = MakeRepo("acme/otter", kFiles);
  const std::string commit = *sim_->ResolveRevision(repo, "main");

  const RawAnswer hop = Head(Url("/acme/otter/resolve/main/config.json"));
  const RawAnswer file = Get(Url(hop.Header("Location")));

  const std::string etag = "\"" + sim_->Stat(repo, "main", "config.json")->oid + "\"";
  EXPECT_EQ(hop.status, 307);
  EXPECT_THAT(hop.Header("Location"),
              StartsWith("/api/resolve-cache/models/acme/otter/" + commit + "/config.json?"));
  EXPECT_EQ(hop.Header("X-Repo-Commit"), commit);
  EXPECT_EQ(file.status, 200);
  EXPECT_EQ(file.body, "0123456789");
  EXPECT_EQ(file.Header("ETag"), etag);
  EXPECT_EQ(file.Header("X-Repo-Commit"), commit);
  EXPECT_EQ(file.Header("Accept-Ranges"), "bytes");
  EXPECT_EQ(Get(Url("/api/resolve-cache/models/acme/otter/main/config.json")).status, 400);
}

TEST_F(ResolveTest, LfsFileGoesToTheCdnByAnAbsoluteSignedLink) {
  const RepoRef repo = MakeRepo("acme/otter", kFiles);
  const FileFacts facts = *sim_->Stat(repo, "main", "model.bin");

  const RawAnswer hop = Head(Url("/acme/otter/resolve/main/model.bin"), kMira);
  const RawAnswer file = Get(hop.Header("Location"));

  EXPECT_EQ(hop.status, 302);
  EXPECT_THAT(hop.Header("Location"), StartsWith(sim_->cdn_endpoint() + "/"));
  EXPECT_EQ(hop.Header("X-Linked-ETag"), "\"" + facts.sha256 + "\"");
  EXPECT_EQ(hop.Header("X-Linked-Size"), "6000000");
  EXPECT_EQ(hop.Header("Cache-Control"), "no-store");
  EXPECT_NE(hop.Header("Content-Length"), "6000000");
  EXPECT_EQ(file.status, 200);
  EXPECT_EQ(file.body, Bytes());
  EXPECT_NE(file.Header("ETag"), hop.Header("X-Linked-ETag"));
  EXPECT_EQ(sim_->leaked_tokens(), 0U);
}

TEST_F(ResolveTest, CdnRefusesAndFlagsATokenAndAForgedOrExpiredLink) {
  MakeRepo("acme/otter", kFiles);
  const std::string link = Link();

  EXPECT_EQ(Get(link, kMira).status, 400);
  EXPECT_EQ(sim_->leaked_tokens(), 1U);
  EXPECT_EQ(Get(link.substr(0, link.size() - 1) + "z").status, 403);
  sim_->AddFault({.kind = FaultKind::kExpired, .listener = Listener::kHub});
  const RawAnswer expired = Get(Link());
  EXPECT_EQ(expired.status, 403);
  EXPECT_THAT(expired.body, HasSubstr("expired"));
}

TEST_F(ResolveTest, RangesAreServedByTheBook) {
  MakeRepo("acme/otter", kFiles);
  const std::string link = Link();
  const std::string bytes = Bytes();
  const std::string etag = Head(link).Header("ETag");

  const RawAnswer middle = Get(link, {{"Range", "bytes=1000-1999"}});
  EXPECT_EQ(middle.status, 206);
  EXPECT_EQ(middle.Header("Content-Range"), "bytes 1000-1999/6000000");
  EXPECT_EQ(middle.body, bytes.substr(1000, 1000));
  EXPECT_EQ(Get(link, {{"Range", "bytes=5999990-"}}).body, bytes.substr(5999990));
  EXPECT_EQ(Get(link, {{"Range", "bytes=-10"}}).body, bytes.substr(5999990));
  EXPECT_EQ(Get(link, {{"Range", "bytes=5999990-99999999"}}).Header("Content-Range"),
            "bytes 5999990-5999999/6000000");

  const RawAnswer outside = Get(link, {{"Range", "bytes=6000000-"}});
  EXPECT_EQ(outside.status, 416);
  EXPECT_EQ(outside.Header("Content-Range"), "bytes */6000000");
  EXPECT_EQ(Get(link, {{"Range", "bytes=5-1"}}).status, 200);
  EXPECT_EQ(Get(link, {{"Range", "bytes=0-1"}, {"If-Range", etag}}).status, 206);
  EXPECT_EQ(Get(link, {{"Range", "bytes=0-1"}, {"If-Range", "\"other\""}}).status, 200);
  EXPECT_EQ(Get(link, {{"If-None-Match", etag}}).status, 304);
}

TEST_F(ResolveTest, EmptyFileIs200WithLengthZero) {
  MakeRepo("acme/otter", {{"empty.bin", ""}});

  const RawAnswer answer = GetFollowing(Url("/acme/otter/resolve/main/empty.bin"));

  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.Header("Content-Length"), "0");
  EXPECT_EQ(GetFollowing(Url("/acme/otter/resolve/main/empty.bin"), {{"Range", "bytes=0-0"}}).status, 416);
}

TEST_F(ResolveTest, RawGivesThePointerOfAnLfsFile) {
  const RepoRef repo = MakeRepo("acme/otter", kFiles);

  const RawAnswer pointer = Get(Url("/acme/otter/raw/main/model.bin"));

  EXPECT_THAT(pointer.body,
              HasSubstr("oid sha256:" + sim_->Stat(repo, "main", "model.bin")->sha256 + "\nsize 6000000\n"));
  EXPECT_EQ(Get(Url("/acme/otter/raw/main/config.json")).body, "0123456789");
}

TEST_F(ResolveTest, MissingThingsHaveTheirCodes) {
  const RepoRef repo = MakeRepo("acme/otter", kFiles);

  const RawAnswer no_file = Head(Url("/acme/otter/resolve/main/none.bin"));
  const RawAnswer no_revision = Head(Url("/acme/otter/resolve/none/config.json"));
  const RawAnswer anonymous = Head(Url("/acme/none/resolve/main/config.json"));
  const RawAnswer known = Head(Url("/acme/none/resolve/main/config.json"), kMira);

  EXPECT_EQ(no_file.status, 404);
  EXPECT_EQ(no_file.Header("X-Error-Code"), "EntryNotFound");
  EXPECT_EQ(no_file.Header("X-Repo-Commit"), *sim_->ResolveRevision(repo, "main"));
  EXPECT_EQ(no_revision.status, 404);
  EXPECT_EQ(no_revision.Header("X-Error-Code"), "RevisionNotFound");
  EXPECT_EQ(anonymous.status, 401);
  EXPECT_FALSE(anonymous.HasHeader("X-Error-Code"));
  EXPECT_EQ(known.status, 404);
  EXPECT_EQ(known.Header("X-Error-Code"), "RepoNotFound");
}

TEST_F(ResolveTest, PrivateRepoLooksMissingToOthers) {
  MakeRepo("acme/secret", kFiles, {.is_private = true});

  EXPECT_EQ(Get(Url("/api/models/acme/secret")).status, 401);
  EXPECT_EQ(Get(Url("/api/models/acme/secret"), kStranger).status, 404);
  EXPECT_EQ(Get(Url("/api/models/acme/secret"), kMira).status, 200);
  EXPECT_EQ(GetFollowing(Url("/acme/secret/resolve/main/config.json"), kMira).body, "0123456789");
}

TEST_F(ResolveTest, GatedRepoShowsItsListButNotItsFiles) {
  const RepoRef repo = MakeRepo("acme/gated", kFiles, {.gated = "manual"});
  const std::string file = Url("/acme/gated/resolve/main/config.json");

  EXPECT_EQ(GetJson("/api/models/acme/gated").at("gated"), "manual");
  EXPECT_EQ(Get(Url("/api/models/acme/gated/tree/main")).status, 200);
  EXPECT_EQ(Get(Url("/api/models/acme/gated/commits/main")).status, 401);
  EXPECT_EQ(Head(file).status, 401);
  EXPECT_EQ(Head(file).Header("X-Error-Code"), "GatedRepo");
  EXPECT_EQ(Head(file, kStranger).status, 403);
  EXPECT_EQ(Get(Url("/api/models/acme/gated/auth-check"), kStranger).Header("X-Error-Code"), "GatedRepo");
  const auto grant = [&](std::vector<std::string> names) {
    ASSERT_TRUE(sim_->EditSettings(repo, [&](RepoSettings& settings) { settings.granted = names; }).ok());
  };
  grant({"stranger"});
  EXPECT_EQ(GetFollowing(file, kStranger).status, 200);
  grant({});
  EXPECT_EQ(Head(file, kStranger).status, 403);
}

TEST_F(ResolveTest, DisabledRepoHasInfoAndNoFiles) {
  MakeRepo("acme/off", kFiles, {.is_disabled = true});

  EXPECT_EQ(GetJson("/api/models/acme/off").at("disabled"), true);
  const RawAnswer file = Get(Url("/acme/off/resolve/main/config.json"));
  EXPECT_EQ(file.status, 403);
  EXPECT_EQ(file.Header("X-Error-Message"), "Access to this resource is disabled.");
}

TEST_F(ResolveTest, BadTokenIs401Everywhere) {
  MakeRepo("acme/otter", kFiles);

  for (const char* target :
       {"/api/whoami-v2", "/api/models/acme/otter", "/acme/otter/resolve/main/config.json"}) {
    const RawAnswer answer = Get(Url(target), {{"Authorization", "Bearer hf_wrong"}});
    EXPECT_EQ(answer.status, 401) << target;
    EXPECT_EQ(answer.Header("X-Error-Message"), "Invalid credentials in Authorization header") << target;
  }
}

TEST_F(ResolveTest, WhoAmIAndOverviewsDescribeTheAccount) {
  const json me = GetJson("/api/whoami-v2", kMira);

  EXPECT_EQ(me.at("name"), "mira");
  EXPECT_EQ(me.at("orgs")[0].at("name"), "acme");
  EXPECT_EQ(me.at("auth").at("accessToken").at("role"), "write");
  EXPECT_EQ(Get(Url("/api/whoami-v2")).status, 401);
  EXPECT_EQ(GetJson("/api/users/mira/overview").at("fullname"), "Mira K.");
  EXPECT_EQ(GetJson("/api/organizations/acme/overview").at("numUsers"), 1);
  EXPECT_EQ(Get(Url("/api/organizations/none/overview")).status, 404);
}

TEST_F(ResolveTest, RenamedRepoRedirectsRelativelyWithQueryKept) {
  const RepoRef old_name = MakeRepo("acme/old", kFiles);
  const std::string id = *sim_->ObjectId(old_name);
  ASSERT_TRUE(sim_->Rename(old_name, "acme/new").ok());
  const auto location = [this](const std::string& target) { return Get(Url(target)).Header("Location"); };

  EXPECT_EQ(Get(Url("/api/models/acme/old")).status, 307);
  EXPECT_EQ(location("/api/models/acme/old?expand=sha"), "/api/models/acme/new?expand=sha");
  EXPECT_EQ(location("/api/models/acme/old/tree/main?recursive=true"),
            "/api/models/acme/new/tree/main?recursive=true");
  EXPECT_EQ(location("/acme/old/resolve/refs%2Fpr%2F1/a%20b"), "/acme/new/resolve/refs%2Fpr%2F1/a%20b");
  EXPECT_EQ(*sim_->ObjectId({.kind = RepoKind::kModel, .id = "acme/new"}), id);
}

TEST_F(ResolveTest, RenamesChainLoopAndEndWhenTheNameIsTakenAgain) {
  const RepoRef a = MakeRepo("acme/a", kFiles);
  const std::string id = *sim_->ObjectId(a);
  const RepoRef b = *sim_->Rename(a, "acme/b");
  ASSERT_TRUE(sim_->Rename(b, "acme/c").ok());
  EXPECT_EQ(GetFollowing(Url("/acme/a/resolve/main/config.json")).body, "0123456789");

  MakeRepo("acme/a", {{"config.json", "other"}});
  EXPECT_NE(*sim_->ObjectId(a), id);
  EXPECT_EQ(GetFollowing(Url("/acme/a/resolve/main/config.json")).body, "other");

  sim_->AddRedirect(RepoKind::kModel, "acme/x", "acme/y");
  sim_->AddRedirect(RepoKind::kModel, "acme/y", "acme/x");
  EXPECT_EQ(GetFollowing(Url("/api/models/acme/x")).status, 307);
}

TEST_F(ResolveTest, OtherLetterCaseRedirectsToTheCanonicalName) {
  MakeRepo("acme/otter", kFiles);

  EXPECT_EQ(Get(Url("/Acme/OTTER/resolve/main/config.json")).Header("Location"),
            "/acme/otter/resolve/main/config.json");
}

class DirectResolveTest : public HubTest {
 protected:
  DirectResolveTest() : HubTest({.regular_via_resolve_cache = false}) {}
};

TEST_F(DirectResolveTest, RegularFileIs200AtOnceWithoutTheHop) {
  MakeRepo("acme/otter", kFiles);
  const std::string file = Url("/acme/otter/resolve/main/config.json");

  const RawAnswer head = Head(file);

  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.Header("Content-Length"), "10");
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(Get(file, {{"If-None-Match", head.Header("ETag")}}).status, 304);
  EXPECT_EQ(Get(file, {{"Range", "bytes=2-4"}}).body, "234");
}

}  // namespace
}  // namespace batuta::hubsim
