#include "daemon/pull/hub_scan.h"

#include <algorithm>
#include <utility>

#include <gmock/gmock.h>

#include "tests/support/pull/pull_fixture.h"
#include "tests/support/status/status_matchers.h"

// What the hub's own scanners say of files: it can only add a reason to refuse.
namespace batuta::pull {
namespace {

using hub::ScanLevel;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using Action = PlannedFile::Action;

Tree TreeOf(const std::vector<std::string>& paths) {
  Tree tree{CommitId::Parse(std::string(40, 'a')).value(), {}};
  for (const std::string& path : paths) {
    tree.entries.push_back(
        {.path = *RepoPath::Parse(path), .size_bytes = 1, .blob = *BlobId::Parse(std::string(40, 'c'))});
  }
  return tree;
}

SelectionRequest Allowing(std::vector<std::string> classes, RepoType type = RepoType::kModel) {
  SelectionRequest request;
  request.repo_type = type;
  request.allow_unsafe = std::move(classes);
  return request;
}

// The paths to which there are objections, each with what admits it.
std::vector<std::string> Objected(const std::vector<hub::ScanIssue>& issues,
                                  const SelectionRequest& request) {
  const Tree tree = TreeOf({"config.json", "model.safetensors", "pytorch_model.bin", "run.py"});
  std::vector<std::string> objected;
  for (const auto& [path, objection] : OpinionOf(issues, tree, request).objections) {
    objected.push_back(path + ": " + objection.admitted_by);
  }
  return objected;
}

const std::vector<hub::ScanIssue> kSuspicious = {{"model.safetensors", ScanLevel::kSuspicious},
                                                 {"pytorch_model.bin", ScanLevel::kCaution},
                                                 {"run.py", ScanLevel::kSuspicious},
                                                 {"gone.bin", ScanLevel::kUnsafe}};

TEST(OpinionTest, WhatTheHubSuspectsIsAdmittedByTheClassOfTheFile) {
  EXPECT_THAT(Objected(kSuspicious, {}),
              ElementsAre("model.safetensors: unknown", "pytorch_model.bin: pickle", "run.py: code"));
  EXPECT_THAT(Objected(kSuspicious, Allowing({"pickle"})),
              ElementsAre("model.safetensors: unknown", "run.py: code"));
  EXPECT_THAT(Objected(kSuspicious, Allowing({"pickle", "code", "unknown"})), IsEmpty());
}

TEST(OpinionTest, WhatTheHubCallsUnsafeIsAdmittedByNoClass) {
  const std::vector<hub::ScanIssue> issues = {{"pytorch_model.bin", ScanLevel::kUnsafe}};
  EXPECT_THAT(Objected(issues, Allowing({"pickle", "code", "invalid", "unknown"})),
              ElementsAre("pytorch_model.bin: "));
  SelectionRequest malicious;
  malicious.allow_malicious = true;
  EXPECT_THAT(Objected(issues, malicious), IsEmpty());
}

TEST(OpinionTest, CodeOfASpaceIsSuspectedInVain) {
  EXPECT_THAT(Objected({{"run.py", ScanLevel::kSuspicious}}, Allowing({}, RepoType::kSpace)), IsEmpty());
  EXPECT_THAT(Objected({{"run.py", ScanLevel::kUnsafe}}, Allowing({}, RepoType::kSpace)), SizeIs(1));
}

TEST(OpinionTest, WhatIsAdmittedIsWarnedOf) {
  const ScanOpinion opinion =
      OpinionOf({{"a.bin", ScanLevel::kCaution}}, TreeOf({"a.bin"}), Allowing({"pickle"}));
  EXPECT_THAT(opinion.warnings, ElementsAre(testing::Pair("a.bin", "the hub's scanners call it caution")));
}

TEST(PathsToScanTest, WhatMayDoHarmComesFirst) {
  EXPECT_THAT(PathsToScan(TreeOf({"a.csv", "b.py", "c.csv", "d.pkl"}), RepoType::kDataset),
              ElementsAre("b.py", "d.pkl", "a.csv", "c.csv"));
  std::vector<std::string> many(2 * hub::kMostScanPaths, "a.csv");
  many.emplace_back("z.pkl");
  EXPECT_THAT(PathsToScan(TreeOf(many), RepoType::kDataset),
              AllOf(SizeIs(hub::kMostScanPaths), testing::Contains("z.pkl")));
}

class HubScanTest : public PullFixture {
 protected:
  // As main of the repo; what is no safetensors is called so only.
  void Serve(const RepoId& repo, const std::vector<std::string>& paths) {
    Tree tree{Commit('a'), {}};
    char digit = '1';
    for (const std::string& path : paths) {
      contents_[std::string(64, digit)] = "safe";
      tree.entries.push_back(File(path, "safe", digit++));
    }
    hub_.Serve(repo, Revision::Main(), tree);
  }

  std::vector<std::string> Taken(const PullRequest& request) {
    const absl::StatusOr<PullPlan> plan = Plan(request);
    EXPECT_THAT(plan, IsOk());
    std::vector<std::string> taken;
    if (!plan.ok()) return taken;
    for (const PlannedFile& file : plan->files) {
      if (file.action != Action::kSkip) taken.push_back(file.entry.path.text());
    }
    return taken;
  }

  PullRequest Otter(std::vector<std::string> allowed = {}) {
    PullRequest request = RequestFor(otter_);
    request.selection.allow_unsafe = std::move(allowed);
    return request;
  }

  size_t Scans() const {
    return static_cast<size_t>(std::ranges::count_if(
        hub_.asked(), [](const std::string& asked) { return asked.starts_with("scan "); }));
  }

  const RepoId otter_ = Model("acme/otter");
};

TEST_F(HubScanTest, WhatTheHubCallsUnsafeIsRefusedByItsNameAndNothingButMaliciousAdmitsIt) {
  Serve(otter_, {"config.json", "model.safetensors"});
  hub_.Accuse(otter_, {{"model.safetensors", ScanLevel::kUnsafe}});
  for (const std::vector<std::string>& allowed :
       {std::vector<std::string>(), {"pickle"}, {"pickle", "code", "invalid", "unknown"}}) {
    const absl::StatusOr<PullPlan> plan = Plan(Otter(allowed));
    EXPECT_THAT(plan, HasReason("UNSAFE_CONTENT"));
    EXPECT_THAT(plan, HasMessage(AllOf(HasSubstr("the hub's own scanners"), HasSubstr("unsafe"),
                                       HasSubstr("model.safetensors"), Not(HasSubstr("config.json")))));
    EXPECT_THAT(HintOf(plan.status()), AllOf(HasSubstr("--allow-malicious"), HasSubstr("--exclude")));
  }

  PullRequest request = Otter();
  request.selection.allow_malicious = true;
  const absl::StatusOr<PullPlan> plan = Plan(request);
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->files[1].warning, "the hub's scanners call it unsafe");
}

TEST_F(HubScanTest, ASuspicionIsAdmittedWithAWarningThatThePullRepeats) {
  Serve(otter_, {"pytorch_model.bin"});
  hub_.Accuse(otter_, {{"pytorch_model.bin", ScanLevel::kSuspicious}});
  const auto run = StartRun(Otter({"pickle"}));
  DeliverAll();

  ASSERT_THAT(observer_.finished, testing::Optional(IsOk()));
  EXPECT_THAT(observer_.warnings[0], HasSubstr("the hub's scanners call it suspicious"));
}

TEST_F(HubScanTest, AFileThatIsLeftOutAnywayIsNoReason) {
  Serve(otter_, {"config.json", "model.safetensors", "original/consolidated.pth", "pytorch_model.bin"});
  hub_.Accuse(otter_,
              {{"pytorch_model.bin", ScanLevel::kUnsafe}, {"original/consolidated.pth", ScanLevel::kUnsafe}});
  EXPECT_THAT(Taken(Otter()), ElementsAre("config.json", "model.safetensors"));
}

TEST_F(HubScanTest, ASafeTwinIsTakenInstead) {
  Serve(otter_, {"config.json", "model.fp16.safetensors", "model.safetensors"});
  hub_.Accuse(otter_, {{"model.safetensors", ScanLevel::kUnsafe}});
  const absl::StatusOr<PullPlan> plan = Plan(Otter());
  ASSERT_THAT(plan, IsOk());
  EXPECT_TRUE(plan->tree_is_new);
  EXPECT_THAT(plan->tree.entries, SizeIs(3));
  EXPECT_EQ(plan->files[1].action, Action::kDownload);
  EXPECT_EQ(plan->files[2].action, Action::kSkip);
  EXPECT_EQ(plan->files[2].reason, "the hub's scanners call it unsafe");
}

TEST_F(HubScanTest, OtherFormatsAreTwinsTooAndPicklesOnlyForThoseWhoAdmitThem) {
  Serve(otter_,
        {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "pytorch_model.bin"});
  hub_.Accuse(otter_, {{"model-00002-of-00002.safetensors", ScanLevel::kSuspicious}});
  EXPECT_THAT(Plan(Otter()),
              AllOf(HasReason("UNSAFE_CONTENT"), HasMessage(HasSubstr("model-00002-of-00002.safetensors"))));
  EXPECT_THAT(Taken(Otter({"pickle"})), ElementsAre("pytorch_model.bin"));
}

TEST_F(HubScanTest, NoPartOfAModelIsTakenForItsTwin) {
  Serve(otter_, {"unet/model.safetensors", "vae/model.safetensors"});
  hub_.Accuse(otter_, {{"vae/model.safetensors", ScanLevel::kUnsafe}});
  EXPECT_THAT(Plan(Otter()), HasReason("UNSAFE_CONTENT"));
  Serve(otter_, {"adapter.safetensors", "model.safetensors"});
  hub_.Accuse(otter_, {{"model.safetensors", ScanLevel::kUnsafe}});
  EXPECT_THAT(Plan(Otter()), HasReason("UNSAFE_CONTENT"));
}

TEST_F(HubScanTest, WhoeverNamesAFileGetsNoOther) {
  Serve(otter_, {"model.fp16.safetensors", "model.safetensors"});
  hub_.Accuse(otter_, {{"model.safetensors", ScanLevel::kUnsafe}});
  PullRequest request = Otter();
  request.selection.paths = {"model.safetensors"};
  EXPECT_THAT(Plan(request), HasReason("UNSAFE_CONTENT"));
  request.selection.paths = {"model.fp16.safetensors"};
  EXPECT_THAT(Taken(request), ElementsAre("model.fp16.safetensors"));
}

TEST_F(HubScanTest, OfADatasetTheFilesThatWouldBeFetchedAreAskedFor) {
  const RepoId ponds = RepoId::Parse(RepoType::kDataset, "acme/ponds").value();
  Serve(ponds, {"a.csv", "b.parquet", "c.pkl"});
  EXPECT_THAT(Taken(RequestFor(ponds)), ElementsAre("a.csv", "b.parquet"));
  EXPECT_THAT(hub_.last_scanned(), ElementsAre("a.csv", "b.parquet"));
  hub_.Accuse(ponds, {{"b.parquet", ScanLevel::kUnsafe}});
  EXPECT_THAT(Plan(RequestFor(ponds)),
              AllOf(HasReason("UNSAFE_CONTENT"), HasMessage(HasSubstr("b.parquet"))));
}

TEST_F(HubScanTest, WhatIsHereIsNotAskedAboutAndOfflineNothingIs) {
  Serve(otter_, {"config.json", "model.safetensors"});
  const auto run = StartRun(Otter());
  DeliverAll();
  ASSERT_EQ(Scans(), 1U);
  hub_.Accuse(otter_, {{"model.safetensors", ScanLevel::kUnsafe}});

  EXPECT_THAT(Plan(Otter()), IsOk());
  PullRequest offline = Otter();
  offline.offline = true;
  EXPECT_THAT(Plan(offline), IsOk());
  EXPECT_EQ(Scans(), 1U);
}

TEST_F(HubScanTest, WhatTheHubDoesNotAnswerIsNotKnownButARateLimitIsKept) {
  Serve(otter_, {"config.json", "model.safetensors"});
  const auto fail_scan = [this](absl::StatusCode code, std::string_view why) {
    hub_.FailNext(absl::OkStatus());  // resolve
    hub_.FailNext(absl::OkStatus());  // tree
    hub_.FailNext(MakeError(code, why, "no"));
    return Plan(Otter()).status();
  };
  EXPECT_THAT(fail_scan(absl::StatusCode::kUnavailable, reason::kHubUnreachable), IsOk());
  EXPECT_THAT(fail_scan(absl::StatusCode::kInternal, reason::kHubProtocol), IsOk());
  EXPECT_THAT(fail_scan(absl::StatusCode::kNotFound, reason::kRepoNotFound), IsOk());
  EXPECT_THAT(fail_scan(absl::StatusCode::kResourceExhausted, reason::kHubRateLimited),
              HasReason("HUB_RATE_LIMITED"));
}

// --- conversions ---

class ConversionTest : public HubScanTest {
 protected:
  std::string HintOfRefusal(const PullRequest& request) {
    const absl::Status status = Plan(request).status();
    EXPECT_THAT(status, HasReason("UNSAFE_CONTENT"));
    return HintOf(status);
  }

  void ServeConversion() {
    hub_.Serve(otter_, *Revision::Parse("refs/convert/safetensors"), Tree{Commit('b'), {}});
  }
};

TEST_F(ConversionTest, AConversionIsNamedWhereTheHubHasOne) {
  Serve(otter_, {"pytorch_model.bin"});
  EXPECT_THAT(HintOfRefusal(Otter()), Not(HasSubstr("refs/convert")));
  ServeConversion();
  const std::string hint = HintOfRefusal(Otter());
  EXPECT_THAT(hint, AllOf(HasSubstr("--revision refs/convert/safetensors"), HasSubstr("--allow-unsafe")));
  EXPECT_FALSE(hub_.last_access().may_wait) << "nobody waits for a hint";
}

TEST_F(ConversionTest, ItIsNamedForWhatOnlyTheContentShows) {
  Serve(otter_, {"config.json", "model.safetensors"});
  contents_[std::string(64, '2')] = "pick";
  ServeConversion();
  const auto run = StartRun(Otter());
  DeliverAll();
  ASSERT_TRUE(observer_.finished.has_value());
  EXPECT_THAT(*observer_.finished, HasReason("UNSAFE_CONTENT"));
  EXPECT_THAT(HintOf(*observer_.finished), HasSubstr("--revision refs/convert/safetensors"));
}

TEST_F(ConversionTest, NobodyIsAskedWhereItWouldNotHelp) {
  const auto asks = [this] {
    return testing::Value(hub_.asked(), Contains("resolve model/acme/otter refs/convert/safetensors"));
  };
  ServeConversion();
  Serve(otter_, {"config.json", "model.safetensors"});
  EXPECT_THAT(Plan(Otter()), IsOk());
  hub_.Accuse(otter_, {{"model.safetensors", ScanLevel::kUnsafe}});
  EXPECT_THAT(HintOfRefusal(Otter()), Not(HasSubstr("refs/convert")));
  EXPECT_FALSE(asks());
}

TEST_F(ConversionTest, AnErrorOfThatQuestionHidesNoRefusal) {
  Serve(otter_, {"pytorch_model.bin"});
  ServeConversion();
  hub_.FailNext(absl::OkStatus());  // resolve
  hub_.FailNext(absl::OkStatus());  // tree
  hub_.FailNext(MakeError(absl::StatusCode::kResourceExhausted, reason::kHubRateLimited, "no"));
  EXPECT_THAT(HintOfRefusal(Otter()), Not(HasSubstr("refs/convert")));
}

}  // namespace
}  // namespace batuta::pull
