// BudgetService, CacheService and DaemonService.

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <unistd.h>

#include "common/rpc/metadata_keys.h"
#include "common/rpc/status_codec.h"
#include "common/status/status.h"
#include "tests/integration/service/service_fixture.h"
#include "tests/support/files/followed_link.h"
#include "tests/support/status/status_matchers.h"
#include "tests/support/transport/recording_handler.h"

namespace batuta::service {

namespace {

class BudgetServiceTest : public ServiceFixture {
 protected:
  using Watch = std::unique_ptr<grpc::ClientReader<v1::WatchLimitsResponse>>;

  // Something passes through the windows of this token.
  void AskTheHub(const std::string& token) {
    http_.Otherwise([](const transport::HttpRequest&) { return FakeAnswer{}; });
    transport::HttpRequest request;
    request.url = hub_.endpoint() + "/api/models";
    request.bearer = Secret(token);
    const size_t before = http_.RequestCount();
    budget_->Start(std::move(request), std::make_shared<RecordingHandler>());
    ASSERT_TRUE(WaitUntil([&] { return http_.RequestCount() > before && http_.RunningCount() == 0; }));
  }

  v1::GetLimitsResponse Limits(const std::string& token, uint32_t uid = kOwner) {
    CallContext context;
    if (!token.empty()) context.AddMetadata(kHubTokenKey, token);
    v1::GetLimitsResponse response;
    EXPECT_TRUE(v1::BudgetService::NewStub(Connect(uid))->GetLimits(&context, {}, &response).ok());
    return response;
  }

  static std::vector<std::string> Identities(const v1::GetLimitsResponse& limits) {
    std::vector<std::string> identities;
    for (const v1::Window& window : limits.windows()) {
      if (std::find(identities.begin(), identities.end(), window.identity()) == identities.end())
        identities.push_back(window.identity());
    }
    return identities;
  }

  std::unique_ptr<v1::BudgetService::Stub> stub_ = v1::BudgetService::NewStub(Connect());
};

TEST_F(BudgetServiceTest, CallerSeesAnonymousWindowsAndThoseOfHisOwnToken) {
  AskTheHub("hf_mira");
  AskTheHub("hf_noor");
  const std::string mira = budget_->IdentityOf(Secret("hf_mira"));
  const std::string noor = budget_->IdentityOf(Secret("hf_noor"));
  EXPECT_THAT(Identities(Limits("")), testing::ElementsAre("anonymous"));
  EXPECT_THAT(Identities(Limits("hf_mira")), testing::UnorderedElementsAre("anonymous", mira));
  EXPECT_THAT(Identities(Limits("", 0)), testing::UnorderedElementsAre("anonymous", mira, noor));
}

TEST_F(BudgetServiceTest, ManyWatchersAllGetTheFirstStateAndTheNews) {
  std::vector<std::unique_ptr<CallContext>> contexts;
  std::vector<Watch> watches;
  v1::WatchLimitsResponse limits;
  for (int i = 0; i < 100; ++i) {
    contexts.push_back(std::make_unique<CallContext>());
    watches.push_back(stub_->WatchLimits(contexts.back().get(), {}));
    ASSERT_TRUE(watches.back()->Read(&limits));
  }
  AskTheHub("");
  for (const Watch& watch : watches) {
    ASSERT_TRUE(watch->Read(&limits));
    EXPECT_GT(limits.windows_size(), 0);
  }
  for (const auto& context : contexts) context->TryCancel();
  for (const Watch& watch : watches) EXPECT_FALSE(watch->Read(&limits));
  EXPECT_TRUE(HasNoCalls());
  AskTheHub("");  // nobody is left to be told
}

TEST_F(BudgetServiceTest, WatchersThatAreGoneBeforeTheyBeganDoNoHarm) {
  for (int i = 0; i < 50; ++i) {
    CallContext context;
    const Watch watch = stub_->WatchLimits(&context, {});
    context.TryCancel();
  }
  EXPECT_TRUE(HasNoCalls());
}

// Every thread of a pool waits until it is released.
class HeldPool {
 public:
  HeldPool(WorkerPool& pool, int threads) {
    for (int i = 0; i < threads; ++i) {
      pool.Post([held = held_, released = released_] {
        ++*held;
        released.wait();
      });
    }
    EXPECT_TRUE(WaitUntil([this, threads] { return *held_ == threads; }));
  }

  ~HeldPool() { Release(); }

  void Release() {
    if (!std::exchange(is_released_, true)) release_.set_value();
  }

 private:
  const std::shared_ptr<std::atomic<int>> held_ = std::make_shared<std::atomic<int>>(0);
  std::promise<void> release_;
  const std::shared_future<void> released_ = release_.get_future().share();
  bool is_released_ = false;
};

class CacheServiceTest : public ServiceFixture {
 protected:
  static RepoId Otter() { return RepoId::Parse(RepoType::kModel, "acme/otter").value(); }

  bool IsUseNoted() {
    bool is_noted = false;
    EXPECT_THAT(store_.Scan(metadata::Table::kAccesses, "",
                            [&is_noted](std::string_view, std::string_view) { return is_noted = true; }),
                IsOk());
    return is_noted;
  }

  absl::StatusOr<v1::ResolveResponse> Resolve(const std::string& id, const std::string& revision,
                                              const std::string& path) {
    CallContext context;
    v1::ResolveRequest request;
    *request.mutable_repo() = Model(id);
    request.set_revision(revision);
    request.set_path(path);
    v1::ResolveResponse response;
    const grpc::Status status = stub_->Resolve(&context, request, &response);
    if (!status.ok()) return FromGrpcStatus(status);
    return response;
  }

  // As another tool does it.
  void Bring(const std::string& id, const std::string& content) {
    const std::filesystem::path repo = folder_ / "hub" / RepoId::Parse(RepoType::kModel, id)->folder();
    const std::filesystem::path snapshot = repo / "snapshots" / std::string(40, 'a');
    for (const auto& folder : {repo / "blobs", repo / "refs", snapshot})
      std::filesystem::create_directories(folder);
    std::ofstream(repo / "blobs" / std::string(64, 'b')) << content;
    std::filesystem::create_symlink("../../blobs/" + std::string(64, 'b'), snapshot / "model.bin");
    std::ofstream(repo / "refs/main") << std::string(40, 'a');
  }

  absl::Status Remove(const std::string& id) {
    CallContext context;
    v1::RemoveRequest request;
    *request.mutable_repo() = Model(id);
    v1::RemoveResponse response;
    return FromGrpcStatus(stub_->Remove(&context, request, &response));
  }

  std::unique_ptr<v1::CacheService::Stub> stub_ = v1::CacheService::NewStub(Connect());
};

TEST_F(CacheServiceTest, ListingOfAnEmptyCacheNamesItsFolder) {
  CallContext context;
  v1::ListReposResponse response;
  ASSERT_TRUE(stub_->ListRepos(&context, {}, &response).ok());
  EXPECT_EQ(response.cache_path(), (folder_ / "hub").string());
  EXPECT_EQ(response.repos_size(), 0);
}

TEST_F(CacheServiceTest, TellsWhatAnotherToolBroughtAndWhatKeepsIt) {
  Bring("acme/otter", "weights");
  CallContext pin_context;
  v1::PinRequest pin;
  *pin.mutable_repo() = Model("acme/otter");
  pin.set_reason("demo");
  v1::PinResponse pinned;
  ASSERT_TRUE(stub_->Pin(&pin_context, pin, &pinned).ok());

  CallContext context;
  v1::ListReposResponse response;
  ASSERT_TRUE(stub_->ListRepos(&context, {}, &response).ok());

  ASSERT_EQ(response.repos_size(), 1);
  const v1::CachedRepo& repo = response.repos(0);
  EXPECT_TRUE(repo.pinned());
  EXPECT_EQ(repo.path(), (folder_ / "hub/models--acme--otter").string());
  ASSERT_EQ(repo.selections_size(), 1);
  EXPECT_EQ(repo.selections(0).pin_reason(), "demo");
  EXPECT_EQ(repo.selections(0).size_bytes(), 7u);

  EXPECT_THAT(Remove("acme/otter"), HasReason(reason::kPinned));
  CallContext unpin_context;
  v1::UnpinRequest unpin;
  *unpin.mutable_repo() = Model("acme/otter");
  v1::UnpinResponse unpinned;
  ASSERT_TRUE(stub_->Unpin(&unpin_context, unpin, &unpinned).ok());
  EXPECT_EQ(unpinned.removed(), 1u);
  EXPECT_THAT(Remove("acme/otter"), IsOk());
  EXPECT_THAT(Remove("acme/otter"), HasReason(reason::kOfflineMiss));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "hub/models--acme--otter"));
}

TEST_F(CacheServiceTest, ALeaseKeepsWhatItTellsOfUntilItsStreamEnds) {
  Bring("acme/otter", "weights");
  CallContext context;
  v1::LeaseRequest request;
  *request.mutable_repo() = Model("acme/otter");
  const auto lease = stub_->Lease(&context, request);
  v1::LeaseResponse told;
  ASSERT_TRUE(lease->Read(&told));
  ASSERT_EQ(told.files_size(), 1);
  EXPECT_EQ(told.files(0).path(), "model.bin");
  EXPECT_EQ(told.files(0).blob(), std::string(64, 'b'));
  EXPECT_THAT(told.refs(), testing::ElementsAre("main"));

  EXPECT_THAT(Remove("acme/otter"), HasReason(reason::kInUse));
  context.TryCancel();
  EXPECT_TRUE(HasNoCalls());
  EXPECT_THAT(Remove("acme/otter"), IsOk());
}

TEST_F(CacheServiceTest, ALeaseOnWhatIsNotCachedIsRefused) {
  for (const auto& [id, expected] :
       {std::pair("acme/otter", reason::kOfflineMiss), {"../x", reason::kInvalidRepoId}}) {
    CallContext context;
    v1::LeaseRequest request;
    *request.mutable_repo() = Model(id);
    EXPECT_THAT(FromGrpcStatus(stub_->Lease(&context, request)->Finish()), HasReason(expected));
  }
}

TEST_F(CacheServiceTest, UsageWhyAndRescanTellTheSameBytes) {
  Bring("acme/otter", "weights");
  CallContext rescan_context;
  v1::RescanResponse rescan;
  ASSERT_TRUE(stub_->Rescan(&rescan_context, {}, &rescan).ok());
  EXPECT_EQ(rescan.repos(), 1u);
  EXPECT_EQ(rescan.files(), 1u);
  EXPECT_EQ(rescan.size_bytes(), 7u);

  CallContext usage_context;
  v1::GetUsageResponse usage;
  ASSERT_TRUE(stub_->GetUsage(&usage_context, {}, &usage).ok());
  EXPECT_EQ(usage.used_bytes(), 7u);
  EXPECT_EQ(usage.reclaimable_bytes(), 7u);

  CallContext why_context;
  v1::ExplainEvictionResponse why;
  ASSERT_TRUE(stub_->ExplainEviction(&why_context, {}, &why).ok());
  ASSERT_EQ(why.lines_size(), 1);
  EXPECT_TRUE(why.lines(0).goes());
  EXPECT_EQ(why.lines(0).freed_bytes(), 7u);
}

TEST_F(CacheServiceTest, PruneByAgeOrBySizeButNotBoth) {
  Bring("acme/otter", "weights");
  v1::PruneRequest request;
  request.set_free_bytes(1);
  request.set_keep_last(1);
  v1::PruneResponse response;
  CallContext refused;
  EXPECT_THAT(FromGrpcStatus(stub_->Prune(&refused, request, &response)),
              HasReason(reason::kInvalidArgument));
  request.set_keep_last(0);
  request.set_dry_run(true);
  CallContext dry;
  ASSERT_TRUE(stub_->Prune(&dry, request, &response).ok());
  EXPECT_EQ(response.freed_bytes(), 7u);
  EXPECT_TRUE(Resolve("acme/otter", "", "model.bin").ok());
  request.set_dry_run(false);
  CallContext wet;
  ASSERT_TRUE(stub_->Prune(&wet, request, &response).ok());
  EXPECT_EQ(response.freed_bytes(), 7u);
  EXPECT_THAT(Resolve("acme/otter", "", "model.bin"), HasReason(reason::kOfflineMiss));
}

// What the kernel has in memory is answered without the disk pool, all of whose threads are held here.
TEST_F(CacheServiceTest, SaysWhereACachedFileIsWhileTheDiskIsBusy) {
  Bring("acme/otter", "weights");
  ASSERT_THAT(inventory_->RefreshChanged(), IsOk());
  const std::string commit(40, 'a');
  const std::filesystem::path snapshot = cache_->SnapshotPath(Otter(), CommitId::Parse(commit).value());
  if (!cache_at_once_->Has("models--acme--otter") || !cache_at_once_->Read("models--acme--otter/refs/main")) {
    GTEST_SKIP() << "this kernel or file system does not answer at once";
  }
  ASSERT_TRUE(MarkFollowed(snapshot / "model.bin"));
  HeldPool disk(*disk_, kDiskThreads);
  for (const auto& [revision, path] :
       {std::pair<std::string, std::string>("", "model.bin"), {"main", ""}, {commit, "model.bin"}}) {
    ASSERT_OK_AND_ASSIGN(const v1::ResolveResponse found, Resolve("acme/otter", revision, path));
    EXPECT_EQ(found.commit(), commit);
    EXPECT_EQ(found.path(), (path.empty() ? snapshot : snapshot / path).string());
  }
  EXPECT_FALSE(IsUseNoted());
  disk.Release();
  EXPECT_TRUE(WaitUntil([this] { return IsUseNoted(); }));
}

TEST_F(CacheServiceTest, WhatIsNotFoundAtOnceIsLookedForOnTheDisk) {
  Bring("acme/otter", "weights");
  std::ofstream(folder_ / "hub/models--acme--otter/refs/empty") << "";
  HeldPool disk(*disk_, kDiskThreads);
  auto none = std::async(std::launch::async, [this] { return Resolve("acme/otter", "", "none.bin"); });
  auto empty = std::async(std::launch::async, [this] { return Resolve("acme/otter", "empty", "model.bin"); });
  EXPECT_TRUE(WaitUntil([this] { return calls_.running() == 2; }));
  disk.Release();
  EXPECT_THAT(none.get(), HasReason(reason::kOfflineMiss));
  EXPECT_THAT(empty.get(), HasReason(reason::kOfflineMiss));
}

TEST_F(CacheServiceTest, WhatIsNotThereIsAMissAndWhatCannotBeIsRefused) {
  EXPECT_THAT(Resolve("acme/otter", "", ""), HasReason(reason::kOfflineMiss));
  EXPECT_THAT(Resolve("acme/otter", std::string(40, 'a'), "config.json"), HasReason(reason::kOfflineMiss));
  EXPECT_THAT(Resolve("../../etc", "", ""), HasReason(reason::kInvalidRepoId));
  EXPECT_THAT(Resolve("acme/otter", "../../../etc", ""), HasReason(reason::kInvalidRevision));
  for (const std::string path :
       {"../../../../etc/passwd", "/etc/passwd", "a//b", "a/./b", "a\nb", ".git/config"}) {
    EXPECT_THAT(Resolve("acme/otter", "", path), HasReason(reason::kInvalidPath)) << path;
  }
}

class DaemonServiceTest : public ServiceFixture {
 protected:
  grpc::Status Shutdown(uint32_t uid) {
    CallContext context;
    v1::ShutdownResponse response;
    return v1::DaemonService::NewStub(Connect(uid))->Shutdown(&context, {}, &response);
  }
};

TEST_F(DaemonServiceTest, StatusTellsWhatTheDaemonIs) {
  facts_.version = "9.8.7";
  facts_.notices = {"mended"};
  facts_.mode = "user";
  CallContext context;
  v1::GetStatusResponse status;
  ASSERT_TRUE(v1::DaemonService::NewStub(Connect())->GetStatus(&context, {}, &status).ok());
  EXPECT_EQ(status.version(), "9.8.7");
  EXPECT_EQ(status.pid(), getpid());
  EXPECT_EQ(status.uid(), kOwner);
  EXPECT_EQ(status.connections(), 3);
  EXPECT_EQ(status.active_jobs(), 0);
  EXPECT_GT(status.resident_bytes(), 0);
  EXPECT_GT(status.cache_free_bytes(), 0);
  EXPECT_THAT(status.notices(), testing::ElementsAre("mended"));
}

v1::GetStatusResponse Details(const std::shared_ptr<grpc::Channel>& channel) {
  CallContext context;
  v1::GetStatusRequest request;
  request.set_details(true);
  v1::GetStatusResponse status;
  EXPECT_TRUE(v1::DaemonService::NewStub(channel)->GetStatus(&context, request, &status).ok());
  return status;
}

TEST_F(DaemonServiceTest, DetailsTellVersionsDiskAndJobs) {
  operations_.catalog_schema = 5;
  operations_.metrics_address = "127.0.0.1:1";
  const v1::GetStatusResponse status = Details(Connect());
  EXPECT_EQ(status.api_version(), "v1");
  EXPECT_EQ(status.catalog_schema(), 5U);
  EXPECT_EQ(status.metrics_address(), "127.0.0.1:1");
  EXPECT_GT(status.open_files(), 2U);
  EXPECT_GT(status.state_free_bytes() + status.cache_free_bytes(), 0U);
  ASSERT_EQ(status.jobs_size(), 7) << "every state, also those that no job is in";
  EXPECT_EQ(status.jobs(0).state(), v1::Job::STATE_QUEUED);
}

TEST_F(DaemonServiceTest, OrdinaryUsersAreNotShownWarningsOfOthers) {
  warnings_.Add(
      {.time = clock_.wall(), .level = LogLevel::kWarn, .message = "m", .fields = "repo=acme/secret"});
  const v1::GetStatusResponse owners = Details(Connect(kOwner));
  ASSERT_EQ(owners.last_errors_size(), 1);
  EXPECT_EQ(owners.last_errors(0).level(), "warn");
  EXPECT_EQ(owners.last_errors(0).fields(), "repo=acme/secret");
  EXPECT_FALSE(owners.last_errors_hidden());
  EXPECT_EQ(Details(Connect(0)).last_errors_size(), 1);

  const v1::GetStatusResponse strangers = Details(Connect(kStranger));
  EXPECT_EQ(strangers.last_errors_size(), 0);
  EXPECT_TRUE(strangers.last_errors_hidden());
  EXPECT_EQ(strangers.ShortDebugString().find("secret"), std::string::npos);
}

TEST_F(DaemonServiceTest, OwnerAndRootMaySetTheLogLevelAndNobodyElse) {
  const LogLevel before = GetLogLevel();
  config_ = {{"log.level", "warn", "/etc/batuta/config.toml:3", "…"}};
  const auto set = [this](uint32_t uid, const std::string& level) {
    CallContext context;
    v1::SetLogLevelRequest request;
    request.set_level(level);
    v1::SetLogLevelResponse response;
    const grpc::Status status =
        v1::DaemonService::NewStub(Connect(uid))->SetLogLevel(&context, request, &response);
    return status.ok() ? absl::StatusOr<std::string>(response.level()) : FromGrpcStatus(status);
  };
  EXPECT_THAT(set(kStranger, "debug"), HasReason(reason::kNotPermitted));
  EXPECT_EQ(set(kOwner, "error").value(), "error");
  EXPECT_EQ(GetLogLevel(), LogLevel::kError);
  EXPECT_THAT(set(kOwner, "loud"), HasReason(reason::kInvalidArgument));
  EXPECT_EQ(GetLogLevel(), LogLevel::kError);

  CallContext context;
  v1::GetConfigResponse config;
  ASSERT_TRUE(v1::DaemonService::NewStub(Connect())->GetConfig(&context, {}, &config).ok());
  EXPECT_EQ(config.values(0).value(), "error") << "what is in effect";
  EXPECT_THAT(config.values(0).origin(), testing::HasSubstr("/etc/batuta/config.toml:3"));

  EXPECT_EQ(set(0, "").value(), "warn") << "as configured";
  SetLogLevel(before);
}

TEST_F(DaemonServiceTest, MetricsTellWindowsJobsAndTheProcess) {
  metrics_.retries.Of({"hub"}).Add(3);
  CallContext context;
  v1::GetMetricsResponse metrics;
  ASSERT_TRUE(v1::DaemonService::NewStub(Connect(kStranger))->GetMetrics(&context, {}, &metrics).ok());
  EXPECT_EQ(metrics.content_type(), "text/plain; version=0.0.4; charset=utf-8");
  for (const char* const line :
       {"batuta_retries_total{part=\"hub\"} 3\n", "batuta_jobs{state=\"queued\"} 0\n",
        "batuta_connections 3\n", "batuta_window_remaining_requests{kind=\"api\",identity=\"anonymous\"} ",
        "process_resident_memory_bytes ", "batuta_cache_bytes "}) {
    EXPECT_THAT(metrics.text(), testing::HasSubstr(line));
  }
}

TEST_F(DaemonServiceTest, ADiagnosisIsHandedOn) {
  operations_.diagnose = [](bool without_network, Operations::Checked done) {
    done({{"a.b", without_network ? CheckStatus::kFail : CheckStatus::kOk, "found", "do it"}});
  };
  CallContext context;
  v1::DiagnoseRequest request;
  request.set_without_network(true);
  v1::DiagnoseResponse diagnosis;
  ASSERT_TRUE(v1::DaemonService::NewStub(Connect())->Diagnose(&context, request, &diagnosis).ok());
  ASSERT_EQ(diagnosis.checks_size(), 1);
  EXPECT_EQ(diagnosis.checks(0).name(), "a.b");
  EXPECT_EQ(diagnosis.checks(0).status(), v1::CHECK_STATUS_FAIL);
  EXPECT_EQ(diagnosis.checks(0).hint(), "do it");
}

TEST_F(DaemonServiceTest, ConfigTellsEverySettingWithItsOrigin) {
  config_ = {{"endpoint", "https://hub.test", "default", "Base URL."}};
  CallContext context;
  v1::GetConfigResponse config;
  ASSERT_TRUE(v1::DaemonService::NewStub(Connect())->GetConfig(&context, {}, &config).ok());
  ASSERT_EQ(config.values_size(), 1);
  EXPECT_EQ(config.values(0).key(), "endpoint");
  EXPECT_EQ(config.values(0).origin(), "default");
}

TEST_F(DaemonServiceTest, OwnerAndRootMayStopTheDaemonAndNobodyElse) {
  EXPECT_THAT(FromGrpcStatus(Shutdown(kStranger)), HasReason(reason::kNotPermitted));
  EXPECT_EQ(shut_downs_, 0);
  EXPECT_TRUE(Shutdown(kOwner).ok());
  EXPECT_TRUE(WaitUntil([this] { return shut_downs_ == 1; }));
  EXPECT_TRUE(Shutdown(0).ok());
  EXPECT_TRUE(WaitUntil([this] { return shut_downs_ == 2; }));
}

TEST_F(DaemonServiceTest, OwnerAndRootMayLimitTheBandwidthAndNobodyElse) {
  const auto limit = [this](uint32_t uid, std::optional<uint64_t> rate) {
    CallContext context;
    v1::SetBandwidthLimitRequest request;
    if (rate) request.set_limit_bytes_per_second(*rate);
    v1::SetBandwidthLimitResponse response;
    const grpc::Status status =
        v1::DaemonService::NewStub(Connect(uid))->SetBandwidthLimit(&context, request, &response);
    return status.ok() ? absl::StatusOr<uint64_t>(response.limit_bytes_per_second()) : FromGrpcStatus(status);
  };
  EXPECT_THAT(limit(kStranger, 5), HasReason(reason::kNotPermitted));
  EXPECT_EQ(limit(kOwner, 64'000).value(), 64'000u);

  CallContext context;
  v1::GetStatusResponse status;
  ASSERT_TRUE(v1::DaemonService::NewStub(Connect())->GetStatus(&context, {}, &status).ok());
  EXPECT_EQ(status.limit_bytes_per_second(), 64'000u);
  EXPECT_EQ(status.configured_limit_bytes_per_second(), 1'000'000u);
  EXPECT_EQ(limit(0, 0).value(), 0u) << "no limit";
  EXPECT_EQ(limit(kOwner, std::nullopt).value(), 1'000'000u) << "as configured";
}

}  // namespace

}  // namespace batuta::service
