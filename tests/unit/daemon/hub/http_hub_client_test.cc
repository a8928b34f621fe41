#include <string>
#include <vector>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include "common/status/status.h"
#include "daemon/hub/exchange.h"
#include "daemon/hub/hub_client.h"
#include "nlohmann/json.hpp"
#include "tests/support/runner/manual_task_runner.h"
#include "tests/support/status/status_matchers.h"
#include "tests/support/transport/fake_transport.h"

namespace batuta::hub {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using transport::HttpHeader;
using transport::HttpRequest;

const std::string kHost = "https://hub.test";
const std::string kCommit(40, 'a');
const std::string kPlainInfo = kHost + "/api/models/acme/otter/revision/main";
const std::string kInfo = kPlainInfo + "?securityStatus=true";
const std::string kBriefInfo = kPlainInfo + "?expand=sha&expand=tags";
const std::string kTree = kHost + "/api/models/acme/otter/tree/" + kCommit + "?recursive=true";
const std::string kSearch =
    kHost +
    "/api/models?search=otter&limit=3&expand=private&expand=likes&expand=tags&expand=createdAt&"
    "expand=lastModified&expand=downloads&expand=gated&expand=pipeline_tag&expand=library_name";
const RepoId kRepo = *RepoId::Parse(RepoType::kModel, "acme/otter");

std::string Info() {
  return fmt::format(R"({{"id":"acme/otter","sha":"{}"}})", kCommit);
}

std::string Page(std::initializer_list<std::string_view> paths) {
  std::string page = "[";
  for (const std::string_view path : paths) {
    page += fmt::format(R"({}{{"type":"file","oid":"{}","size":1,"path":"{}"}})", page.size() > 1 ? "," : "",
                        std::string(40, 'c'), path);
  }
  return page + "]";
}

HttpHeader Next(const std::string& url) {
  return {"Link", "<" + url + ">; rel=\"next\""};
}

class HttpHubClientTest : public ::testing::Test {
 protected:
  Access WithToken() const {
    return {.principal = {.uid = 7, .tool = "test"}, .token = Secret("hf_secret"), .on_waiting = {}};
  }

  // Runs one question to its end.
  template <typename T, typename Ask>
  absl::StatusOr<T> Get(Ask ask) {
    absl::StatusOr<T> result = absl::UnknownError("never called back");
    int calls = 0;
    ask([&](absl::StatusOr<T> answer) {
      result = std::move(answer);
      ++calls;
    });
    runner_.RunUntilIdle();
    EXPECT_EQ(calls, 1);
    return result;
  }

  absl::StatusOr<RepoInfo> GetRepo() {
    return Get<RepoInfo>(
        [&](auto done) { client_->GetRepo(kRepo, Revision::Main(), WithToken(), std::move(done)); });
  }

  absl::StatusOr<CommitId> Resolve(std::string_view revision) {
    return Get<CommitId>([&](auto done) {
      client_->ResolveRevision(kRepo, *Revision::Parse(revision), WithToken(), std::move(done));
    });
  }

  absl::StatusOr<Tree> ListTree() {
    return Get<Tree>([&](auto done) {
      client_->ListTree(kRepo, *CommitId::Parse(kCommit), WithToken(), std::move(done));
    });
  }

  absl::StatusOr<std::vector<ScanIssue>> Scan(const RepoId& repo, const std::vector<std::string>& paths) {
    return Get<std::vector<ScanIssue>>([&](auto done) {
      client_->GetScan(repo, *CommitId::Parse(kCommit), paths, WithToken(), std::move(done));
    });
  }

  absl::StatusOr<std::vector<RepoSummary>> Search(SearchQuery query) {
    return Get<std::vector<RepoSummary>>(
        [&](auto done) { client_->Search(query, WithToken(), std::move(done)); });
  }

  SearchQuery Otters(uint32_t limit) {
    SearchQuery query;
    query.text = "otter";
    query.limit = limit;
    return query;
  }

  std::vector<std::string> TokensSent() const {
    std::vector<std::string> tokens;
    for (const HttpRequest& request : http_.Requests()) tokens.push_back(request.bearer.Reveal());
    return tokens;
  }

  ManualTaskRunner runner_;
  FakeTransport http_{&runner_};
  const std::unique_ptr<Asker> asker_ = MakeHttpAsker({kHost, http_, runner_.clock()});
  std::unique_ptr<HubClient> client_ = MakeHubClient(kHost + "/", *asker_, http_, runner_, runner_.clock());
};

TEST_F(HttpHubClientTest, AsksForARepoInTheCallersName) {
  http_.On(kInfo).Reply(200, {}, Info());

  EXPECT_THAT(GetRepo(), IsOk());

  const HttpRequest request = http_.Requests().at(0);
  EXPECT_EQ(request.bearer.Reveal(), "hf_secret");
  EXPECT_EQ(request.principal.uid, 7U);
  EXPECT_LE(request.max_body_bytes, uint64_t{32} << 20);
  EXPECT_EQ(client_->endpoint(), kHost);
}

TEST_F(HttpHubClientTest, FollowsARenameWithTheTokenAndTellsTheNewName) {
  const std::string renamed = kHost + "/api/models/acme/new-otter/revision/main?securityStatus=true";
  http_.On(kInfo).Reply(307, {{"Location", "/api/models/acme/new-otter/revision/main?securityStatus=true"}},
                        "moved");
  http_.On(renamed).Reply(200, {}, fmt::format(R"({{"id":"acme/new-otter","sha":"{}"}})", kCommit));

  const auto info = GetRepo();

  ASSERT_THAT(info, IsOk());
  EXPECT_EQ(info->summary.repo.id(), "acme/new-otter");
  EXPECT_THAT(TokensSent(), ElementsAre("hf_secret", "hf_secret"));
}

TEST_F(HttpHubClientTest, ARedirectToAnotherHostLosesTheToken) {
  http_.On(kInfo).Reply(302, {{"Location", "https://elsewhere.test/info"}});
  http_.On("https://elsewhere.test/info").Reply(200, {}, Info());

  EXPECT_THAT(GetRepo(), IsOk());
  EXPECT_THAT(TokensSent(), ElementsAre("hf_secret", ""));
}

TEST_F(HttpHubClientTest, EndsARedirectLoop) {
  http_.On(kInfo).Reply(307, {{"Location", kInfo}});

  EXPECT_THAT(GetRepo(), AllOf(HasReason("HUB_PROTOCOL"), HasMessage(HasSubstr("acme/otter@main"))));
  EXPECT_EQ(http_.RequestCount(), 11U);
}

TEST_F(HttpHubClientTest, AnswersThatCannotBeUnderstoodAreErrorsThatNameTheRepo) {
  http_.On(kInfo)
      .Reply(200, {}, "<html>")
      .ThenReply(200, {}, "<html>")
      .ThenReply(200, {}, R"({"id":"acme/otter"})")
      .ThenReply(200, {}, R"({"id":"acme/otter"})")
      .ThenReply(200, {{"Content-Encoding", "gzip"}}, "\x1f\x8b")
      .ThenReply(204)
      .ThenReply(204)
      .ThenReply(302)
      .ThenReply(302, {{"Location", "http://hub.test/x"}});
  for (int i = 0; i < 6; ++i) {
    EXPECT_THAT(GetRepo(), AllOf(HasReason("HUB_PROTOCOL"), HasMessage(HasSubstr("model acme/otter@main"))))
        << i;
  }
}

TEST_F(HttpHubClientTest, AnAnswerThatMakesNoSenseIsAskedForOnceMore) {
  http_.On(kInfo).Reply(200, {}, "<html>").ThenReply(200, {}, Info());
  EXPECT_THAT(GetRepo(), IsOk());
  EXPECT_EQ(http_.RequestCount(), 2U);
}

TEST_F(HttpHubClientTest, APageThatMakesNoSenseIsAskedForOnceMoreAndCountsOnce) {
  const std::string second = kHost + "/p?cursor=2";
  http_.On(kTree).Reply(200, {Next(second)}, Page({"a"}));
  http_.On(second)
      .Reply(200, {}, Page({"b"}).substr(0, 20))
      .ThenReply(200, {}, Page({"b", "../c"}))
      .ThenReply(200, {}, Page({"b", "c"}));
  EXPECT_THAT(ListTree(), HasReason("INVALID_PATH"));
  EXPECT_THAT(ListTree(), IsOkAndHolds(testing::Field(&Tree::entries, SizeIs(3))));
}

TEST_F(HttpHubClientTest, AnAnswerWithoutEndIsCutOff) {
  http_.On(kInfo).Reply(200, {}, std::string((33 << 20), ' '));
  EXPECT_THAT(GetRepo(), HasReason("ANSWER_TOO_LARGE"));
}

TEST_F(HttpHubClientTest, AnErrorPageWithoutEndIsCutOffAndUnderstood) {
  http_.On(kInfo).Reply(404, {{"X-Error-Code", "RevisionNotFound"}}, std::string(4 << 20, 'x'));
  EXPECT_THAT(GetRepo(), HasReason("REVISION_NOT_FOUND"));
}

TEST_F(HttpHubClientTest, PassesOnWhatTheTransportSays) {
  http_.On(kInfo).Fail(MakeError(absl::StatusCode::kUnavailable, reason::kHubUnreachable, "no route"));
  EXPECT_THAT(GetRepo(), AllOf(HasReason("HUB_UNREACHABLE"), HasMessage("model acme/otter@main: no route")));
}

TEST_F(HttpHubClientTest, ACommitResolvesToItselfWithoutARequest) {
  EXPECT_THAT(Resolve(kCommit), IsOkAndHolds(*CommitId::Parse(kCommit)));
  EXPECT_EQ(http_.RequestCount(), 0U);
}

TEST_F(HttpHubClientTest, AsksForLittleMoreThanTheCommit) {
  http_.On(kHost + "/api/models/acme/otter/revision/refs%2Fpr%2F1?expand=sha&expand=tags")
      .Reply(200, {}, fmt::format(R"({{"_id":"x","id":"acme/otter","sha":"{}"}})", kCommit));
  EXPECT_THAT(Resolve("refs/pr/1"), IsOkAndHolds(*CommitId::Parse(kCommit)));
  EXPECT_EQ(http_.RequestCount(), 1U);
}

TEST_F(HttpHubClientTest, AnyAnswerAboutARevisionTellsTheNameAndTheTagsOfTheRepo) {
  std::vector<std::string> news;
  client_ = MakeHubClient(kHost, *asker_, http_, runner_, runner_.clock(), std::chrono::seconds(10),
                          [&news](const RepoNews& heard) {
                            news.push_back(fmt::format("{} is {}: {}", heard.asked.id(), heard.repo.id(),
                                                       fmt::join(heard.tags, " ")));
                          });
  const std::string info = fmt::format(R"({{"id":"acme/new","sha":"{}","tags":["a","b"]}})", kCommit);
  http_.On(kBriefInfo).Reply(200, {}, info);
  http_.On(kInfo).Reply(200, {}, info);

  EXPECT_THAT(Resolve("main"), IsOk());
  EXPECT_THAT(GetRepo(), IsOk());

  EXPECT_THAT(news, ElementsAre("acme/otter is acme/new: a b", "acme/otter is acme/new: a b"));
}

TEST_F(HttpHubClientTest, WhoAsksHearsAsWhichRepoTheHubHasIt) {
  std::vector<std::string> heard;
  Access access = WithToken();
  access.on_news = [&heard](const RepoNews& news) { heard.push_back(news.hub_id); };
  http_.On(kBriefInfo)
      .Reply(200, {}, fmt::format(R"({{"_id":"66a1","id":"acme/otter","sha":"{}"}})", kCommit));
  http_.On(kInfo).Reply(200, {}, fmt::format(R"({{"_id":"66a2","id":"acme/otter","sha":"{}"}})", kCommit));

  client_->ResolveRevision(kRepo, Revision::Main(), access, [](const auto&) {});
  runner_.RunUntilIdle();
  client_->GetRepo(kRepo, Revision::Main(), access, [](const auto&) {});
  runner_.RunUntilIdle();

  EXPECT_THAT(heard, ElementsAre("66a1", "66a2"));
}

TEST_F(HttpHubClientTest, AHubThatKnowsNoExpandIsAskedPlainlyFromThenOn) {
  http_.On(kBriefInfo).Reply(400, {}, R"({"error":"unknown expand"})");
  http_.On(kPlainInfo).Reply(200, {}, Info());

  EXPECT_THAT(Resolve("main"), IsOk());
  EXPECT_THAT(Resolve("main"), IsOk());
  EXPECT_THAT(http_.RequestedUrls(), ElementsAre(kBriefInfo, kPlainInfo, kPlainInfo));
}

TEST_F(HttpHubClientTest, ARevisionThatTheHubRefusesKeepsTheShortQuestion) {
  http_.On(kBriefInfo).Reply(400).ThenReply(200, {}, Info());
  http_.On(kPlainInfo).Reply(400);

  EXPECT_THAT(Resolve("main"), HasReason("HUB_ERROR"));
  EXPECT_THAT(Resolve("main"), IsOk());
}

TEST_F(HttpHubClientTest, AHubThatKnowsNoScannersTellsOfARepoAllTheSame) {
  http_.On(kInfo).Reply(400, {}, R"({"error":"unknown parameter"})");
  http_.On(kPlainInfo).Reply(200, {}, Info());

  EXPECT_THAT(GetRepo(), IsOk());
  EXPECT_THAT(http_.RequestedUrls(), ElementsAre(kInfo, kPlainInfo));
}

TEST_F(HttpHubClientTest, TheScannersOpinionOfAModelComesWithWhatIsSaidOfItsCommit) {
  http_.On(kHost + "/api/models/acme/otter/revision/" + kCommit + "?securityStatus=true")
      .Reply(200, {},
             fmt::format(R"({{"id":"acme/otter","sha":"{}","securityRepoStatus":{{"scansDone":true,)"
                         R"("filesWithIssues":[{{"path":"a.bin","level":"unsafe"}}]}}}})",
                         kCommit));

  EXPECT_THAT(Scan(kRepo, {"b.bin"}), IsOkAndHolds(ElementsAre(ScanIssue{"a.bin", ScanLevel::kUnsafe})));
}

TEST_F(HttpHubClientTest, OfOtherReposTheFilesThemselvesAreAskedFor) {
  http_.On(kHost + "/api/datasets/acme/ponds/paths-info/" + kCommit)
      .Reply(200, {},
             R"([{"type":"file","path":"b.pkl","securityFileStatus":{"status":"suspicious"}},)"
             R"({"type":"file","path":"c.csv","securityFileStatus":{"status":"safe"}},)"
             R"({"type":"file","path":"d.csv"}])");
  std::vector<std::string> paths = {"b.pkl", "c.csv", "d.csv"};
  paths.resize(kMostScanPaths + 7, "e.csv");

  const auto issues = Scan(*RepoId::Parse(RepoType::kDataset, "acme/ponds"), paths);

  EXPECT_THAT(issues, IsOkAndHolds(ElementsAre(ScanIssue{"b.pkl", ScanLevel::kSuspicious})));
  const HttpRequest request = http_.Requests().at(0);
  EXPECT_EQ(request.method, transport::HttpMethod::kPost);
  EXPECT_EQ(request.bearer.Reveal(), "hf_secret");
  const auto body = nlohmann::json::parse(request.body);
  EXPECT_EQ(body.at("expand"), true);
  EXPECT_THAT(body.at("paths"), SizeIs(kMostScanPaths));
  EXPECT_EQ(body.at("paths")[0], "b.pkl");
}

TEST_F(HttpHubClientTest, ListsAllPagesOfATree) {
  const std::string second = kHost + "/api/models/acme/otter/tree/x?cursor=2";
  const std::string third = kHost + "/api/models/acme/otter/tree/x?cursor=3";
  http_.On(kTree).Reply(200, {Next(second)}, Page({"a", "b"}));
  http_.On(second).Reply(200, {Next("?cursor=3")}, Page({"c/d"}));
  http_.On(third).Reply(200, {}, Page({"e"}));

  const auto tree = ListTree();

  ASSERT_THAT(tree, IsOk());
  EXPECT_THAT(tree->entries, SizeIs(4));
  EXPECT_EQ(tree->commit.hex(), kCommit);
  EXPECT_THAT(TokensSent(), Each("hf_secret"));
}

TEST_F(HttpHubClientTest, NextPagesAreRelativeToWhereARenameLed) {
  http_.On(kTree).Reply(307, {{"Location", "/api/models/n/o/tree/" + kCommit}});
  http_.On(kHost + "/api/models/n/o/tree/" + kCommit + "?recursive=true")
      .Reply(200, {Next("?cursor=2")}, Page({"a"}));
  http_.On(kHost + "/api/models/n/o/tree/" + kCommit + "?cursor=2").Reply(200, {}, Page({"b"}));
  EXPECT_THAT(ListTree(), IsOk());
}

TEST_F(HttpHubClientTest, DoesNotFollowAPageToAnotherServer) {
  http_.On(kTree).Reply(200, {Next("https://evil.test/tree")}, Page({"a"}));
  EXPECT_THAT(ListTree(), HasReason("HUB_PROTOCOL"));
  EXPECT_THAT(http_.RequestedUrls(), Each(kTree));
}

TEST_F(HttpHubClientTest, NoticesPagesThatGoInACircle) {
  const std::string second = kHost + "/p?cursor=2";
  http_.On(kTree).Reply(200, {Next(second)}, "[]");
  http_.On(second).Reply(200, {Next(second)}, "[]");
  EXPECT_THAT(ListTree(), HasReason("HUB_PROTOCOL"));
  EXPECT_LE(http_.RequestCount(), 3U);
}

TEST_F(HttpHubClientTest, ABadEntryOrAFailingPageSpoilsTheTree) {
  const std::string second = kHost + "/p?cursor=2";
  http_.On(kTree).Reply(200, {Next(second)}, Page({"a"}));
  http_.On(second)
      .Reply(200, {}, Page({"../x"}))
      .ThenReply(200, {}, Page({"../x"}))
      .ThenReply(503)
      .ThenReply(200, {}, Page({"a"}));
  EXPECT_THAT(ListTree(), AllOf(HasReason("INVALID_PATH"), StatusIs(absl::StatusCode::kDataLoss)));
  EXPECT_THAT(ListTree(), HasReason("HUB_UNREACHABLE"));
  EXPECT_THAT(ListTree(), HasReason("HUB_PROTOCOL"));
}

TEST_F(HttpHubClientTest, SearchesOverPagesUpToItsLimit) {
  http_.On(kSearch).Reply(200, {Next(kHost + "/api/models?cursor=2")}, R"([{"id":"a/one"},{"id":"a/two"}])");
  http_.On(kHost + "/api/models?cursor=2")
      .Reply(200, {Next(kHost + "/api/models?cursor=3")}, R"([{"id":"a/three"},{"id":"a/four"}])");

  const auto found = Search(Otters(3));

  ASSERT_THAT(found, IsOkAndHolds(SizeIs(3)));
  EXPECT_EQ(found->at(2).repo.id(), "a/three");
  EXPECT_EQ(http_.RequestCount(), 2U);
}

TEST_F(HttpHubClientTest, SearchesAHubThatKnowsNoFields) {
  http_.On(kSearch).Reply(400);
  http_.On(kHost + "/api/models?search=otter&limit=3").Reply(200, {}, R"([{"id":"a/one"}])");
  EXPECT_THAT(Search(Otters(3)), IsOkAndHolds(SizeIs(1)));
}

TEST_F(HttpHubClientTest, ASortOrderThatDoesNotExistCostsNoRequest) {
  SearchQuery query = Otters(3);
  query.sort = "weight";
  EXPECT_THAT(Search(query), HasReason("INVALID_ARGUMENT"));
  EXPECT_EQ(http_.RequestCount(), 0U);
}

TEST_F(HttpHubClientTest, WhoAmINeedsAToken) {
  const auto who = [&](const Access& access) {
    return Get<Identity>([&](auto done) { client_->WhoAmI(access, std::move(done)); });
  };
  EXPECT_THAT(who({.principal = {}, .token = {}, .on_waiting = {}}), HasReason("TOKEN_MISSING"));
  EXPECT_EQ(http_.RequestCount(), 0U);

  http_.On(kHost + "/api/whoami-v2").Reply(200, {}, R"({"name":"mira"})").ThenReply(401);
  EXPECT_THAT(who(WithToken()), IsOk());
  EXPECT_THAT(who(WithToken()), HasReason("TOKEN_REJECTED"));
}

TEST_F(HttpHubClientTest, MayGoAwayWhileAQuestionIsUnderWay) {
  http_.On(kBriefInfo).Reply(400).Held();
  http_.On(kPlainInfo).Reply(200, {}, Info());
  absl::StatusOr<CommitId> result = absl::UnknownError("not yet");
  client_->ResolveRevision(kRepo, Revision::Main(), WithToken(),
                           [&](auto answer) { result = std::move(answer); });
  client_.reset();
  http_.Release(kBriefInfo);
  runner_.RunUntilIdle();
  EXPECT_THAT(result, IsOk());
}

}  // namespace
}  // namespace batuta::hub
