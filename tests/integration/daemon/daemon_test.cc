// The whole daemon in one process, over a temp folder, against the simulated hub, through its socket.

#include "daemon/app/daemon.h"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <poll.h>

#include "batuta/v1/budget_service.grpc.pb.h"
#include "batuta/v1/daemon_service.grpc.pb.h"
#include "batuta/v1/hub_service.grpc.pb.h"
#include "batuta/v1/job_service.grpc.pb.h"

#include "common/io/unique_fd.h"
#include "common/rpc/socket_address.h"
#include "common/rpc/status_codec.h"
#include "common/status/status.h"
#include "tests/hubsim/hub_sim.h"
#include "tests/support/files/temp_folder.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::app {

namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using hubsim::FaultKind;
using hubsim::Generated;
using hubsim::HubSim;
using hubsim::kAlways;

constexpr auto kPatience = 60s;

bool WaitUntil(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    poll(nullptr, 0, 2);
  }
  return true;
}

// One call's context, with a deadline that ends a test that hangs.
class CallContext : public grpc::ClientContext {
 public:
  CallContext() { set_deadline(std::chrono::system_clock::now() + 2 * kPatience); }
};

v1::RepoId Otter() {
  v1::RepoId repo;
  repo.set_type(v1::REPO_TYPE_MODEL);
  repo.set_id("acme/otter");
  return repo;
}

class DaemonTest : public testing::Test {
 protected:
  DaemonTest() : hub_(std::move(HubSim::Start({})).value()) {
    const hubsim::RepoRef repo = hub_->CreateRepo(hubsim::RepoKind::kModel, "acme/otter").value();
    hub_->CommitFiles(repo, "main", {{"config.json", "{}"}, {"model.safetensors", kWeights}}).value();
    flags_ = {{"--socket", (folder_ / "run" / "d.sock").string()},
              {"--state-dir", (folder_ / "state").string()},
              {"--cache-dir", (folder_ / "hub").string()},
              {"--endpoint", hub_->endpoint()},
              {"--log-level", "error"}};
  }

  ~DaemonTest() override {
    daemon_.reset();
    EXPECT_EQ(hub_->leaked_tokens(), 0);
  }

  Options MakeOptions() const {
    CommandLine line;
    line.flags = flags_;
    absl::StatusOr<Options> options =
        ResolveOptions(line, [this](std::string_view name) -> std::optional<std::string> {
          if (name == "XDG_CONFIG_HOME") return (folder_ / "config").string();
          return std::nullopt;
        });
    return std::move(options).value();
  }

  absl::Status Start() {
    absl::StatusOr<std::unique_ptr<Daemon>> daemon =
        Daemon::Start(MakeOptions(), manager_, [this] { ++wants_to_stop_; });
    if (!daemon.ok()) return daemon.status();
    daemon_ = *std::move(daemon);
    return absl::OkStatus();
  }

  // How long the stop took.
  std::chrono::steady_clock::duration Stop() {
    const auto begin = std::chrono::steady_clock::now();
    daemon_->Stop();
    daemon_.reset();
    EXPECT_FALSE(std::filesystem::exists(flags_.at("--socket")));
    return std::chrono::steady_clock::now() - begin;
  }

  // A connection of its own each time.
  std::shared_ptr<grpc::Channel> Connect() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(SocketAddress::Parse(flags_.at("--socket")).value().grpc_target(),
                                     grpc::InsecureChannelCredentials(), arguments);
  }

  absl::StatusOr<v1::GetStatusResponse> Status() const {
    CallContext context;
    v1::GetStatusResponse response;
    const grpc::Status status = v1::DaemonService::NewStub(Connect())->GetStatus(&context, {}, &response);
    if (!status.ok()) return FromGrpcStatus(status);
    return response;
  }

  absl::StatusOr<v1::Job> StartPull() const {
    CallContext context;
    v1::StartPullRequest request;
    *request.mutable_spec()->mutable_repo() = Otter();
    v1::StartPullResponse response;
    const grpc::Status status = v1::JobService::NewStub(Connect())->StartPull(&context, request, &response);
    if (!status.ok()) return FromGrpcStatus(status);
    return response.job();
  }

  absl::StatusOr<v1::Job> GetJob(const std::string& id) const {
    CallContext context;
    v1::GetJobRequest request;
    request.set_job_id(id);
    v1::GetJobResponse response;
    const grpc::Status status = v1::JobService::NewStub(Connect())->GetJob(&context, request, &response);
    if (!status.ok()) return FromGrpcStatus(status);
    return response.job();
  }

  // The job as it stands when its watch ends by itself.
  absl::StatusOr<v1::Job> WatchToTheEnd(const std::string& id) const {
    CallContext context;
    v1::WatchJobRequest request;
    request.set_job_id(id);
    const auto stub = v1::JobService::NewStub(Connect());
    const auto watch = stub->WatchJob(&context, request);
    v1::Job job;
    v1::WatchJobResponse change;
    while (watch->Read(&change)) job = change.job();
    const grpc::Status status = watch->Finish();
    if (!status.ok()) return FromGrpcStatus(status);
    return job;
  }

  // A search under way.
  std::future<absl::Status> StartSearch() const {
    return std::async(std::launch::async, [channel = Connect()] {
      CallContext context;
      v1::SearchRequest request;
      request.set_type(v1::REPO_TYPE_MODEL);
      v1::SearchResponse response;
      return FromGrpcStatus(v1::HubService::NewStub(channel)->Search(&context, request, &response));
    });
  }

  // The user's config.toml, before Start().
  void WriteConfig(std::string_view text) const {
    std::filesystem::create_directories(folder_ / "config" / "batuta");
    std::ofstream(folder_ / "config" / "batuta" / "config.toml") << text;
  }

  bool WaitForRequest(std::string_view part) const {
    return hub_->WaitFor(
        [part](const HubSim::Log& log) {
          return std::ranges::any_of(
              log, [part](const auto& request) { return request.path.find(part) != std::string::npos; });
        },
        kPatience);
  }

  size_t Count(std::string_view part) const {
    return hub_->CountRequests(
        [part](const auto& request) { return request.path.find(part) != std::string::npos; });
  }

  static std::string ContentOf(const std::filesystem::path& path) {
    std::ifstream stream(path, std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
  }

  static constexpr Generated kWeights{.size = 8'000'000, .seed = 7};

  TempFolder folder_;
  const std::unique_ptr<HubSim> hub_;
  FlagValues flags_;
  std::atomic<int> wants_to_stop_ = 0;
  ServiceManager manager_;  // nobody
  std::unique_ptr<Daemon> daemon_;
};

TEST_F(DaemonTest, PullsVerifiesAndPublishes) {
  ASSERT_THAT(Start(), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::Job job, StartPull());
  ASSERT_OK_AND_ASSIGN(const v1::Job done, WatchToTheEnd(job.id()));
  EXPECT_EQ(done.state(), v1::Job::STATE_DONE);
  EXPECT_EQ(ContentOf(std::filesystem::path(done.snapshot_path()) / "model.safetensors"),
            GeneratedBytes("model.safetensors", kWeights));
  EXPECT_LT(Stop(), kPatience);
}

TEST_F(DaemonTest, StartsAndStopsManyTimesInARow) {
  for (int i = 0; i < 20; ++i) {
    ASSERT_THAT(Start(), IsOk()) << i;
    ASSERT_OK_AND_ASSIGN(const v1::GetStatusResponse status, Status());
    EXPECT_EQ(status.endpoint(), hub_->endpoint());
    Stop();
  }
}

TEST_F(DaemonTest, StopIsIdempotentAndTheDestructorStops) {
  ASSERT_THAT(Start(), IsOk());
  daemon_->Stop();
  daemon_->Stop();
  daemon_.reset();
  ASSERT_THAT(Start(), IsOk());
  daemon_.reset();
  EXPECT_FALSE(std::filesystem::exists(flags_.at("--socket")));
}

TEST_F(DaemonTest, SecondDaemonOfTheStateFolderIsRefusedAndTheFirstServesOn) {
  ASSERT_THAT(Start(), IsOk());
  const Options options = MakeOptions();
  EXPECT_THAT(Daemon::Start(options, manager_, [] {}), HasReason(reason::kDaemonBusy));
  EXPECT_THAT(Status(), IsOk());
}

TEST_F(DaemonTest, StartThatFailsAtTheSocketLeavesNothingRunning) {
  ASSERT_THAT(Start(), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::Job job, StartPull());
  Stop();  // the job may not have ended: the next start resumes it
  std::filesystem::create_directories(flags_.at("--socket"));
  EXPECT_THAT(Start(), HasReason(reason::kDaemonBusy));
  EXPECT_TRUE(std::filesystem::is_directory(flags_.at("--socket")));

  std::filesystem::remove(flags_.at("--socket"));
  ASSERT_THAT(Start(), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::Job done, WatchToTheEnd(job.id()));
  EXPECT_EQ(done.state(), v1::Job::STATE_DONE);
}

TEST_F(DaemonTest, StartThatFailsAtTheCacheLeavesNothingRunning) {
  std::ofstream(folder_ / "file") << "text";
  flags_["--cache-dir"] = (folder_ / "file" / "hub").string();
  EXPECT_FALSE(Start().ok());
  EXPECT_FALSE(std::filesystem::exists(flags_.at("--socket")));
  flags_["--cache-dir"] = (folder_ / "hub").string();
  EXPECT_THAT(Start(), IsOk());
}

TEST_F(DaemonTest, StopDuringAPullKeepsTheJobAndWhatArrived) {
  hub_->AddFault(
      {.kind = FaultKind::kStall, .path = "model.safetensors", .count = kAlways, .at_bytes = 1'000'000});
  ASSERT_THAT(Start(), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::Job job, StartPull());
  ASSERT_TRUE(WaitUntil([&] {
    const auto now = GetJob(job.id());
    return now.ok() && now->downloaded_bytes() > 500'000;
  }));

  EXPECT_LT(Stop(), 20s);

  hub_->ClearFaults();
  ASSERT_THAT(Start(), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::Job done, WatchToTheEnd(job.id()));
  EXPECT_EQ(done.state(), v1::Job::STATE_DONE);
  EXPECT_EQ(ContentOf(std::filesystem::path(done.snapshot_path()) / "model.safetensors"),
            GeneratedBytes("model.safetensors", kWeights));
}

TEST_F(DaemonTest, StopEndsASearchThatTheHubDoesNotAnswer) {
  hub_->AddFault({.kind = FaultKind::kLatency, .path = "/api/models", .count = kAlways, .duration = 10min});
  ASSERT_THAT(Start(), IsOk());
  std::future<absl::Status> search = StartSearch();
  ASSERT_TRUE(WaitForRequest("/api/models"));

  EXPECT_LT(Stop(), 20s);

  EXPECT_THAT(search.get(), HasReason(reason::kDaemonStopping));
}

TEST_F(DaemonTest, StopEndsWatchesWithAReasonToComeBack) {
  hub_->AddFault({.kind = FaultKind::kLatency, .path = "/api/models", .count = kAlways, .duration = 10min});
  ASSERT_THAT(Start(), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::Job job, StartPull());
  std::vector<std::future<absl::StatusOr<v1::Job>>> watches;
  for (int i = 0; i < 10; ++i) {
    watches.push_back(std::async(std::launch::async, [this, &job] { return WatchToTheEnd(job.id()); }));
  }
  CallContext context;
  const auto stub = v1::BudgetService::NewStub(Connect());
  const auto limits = stub->WatchLimits(&context, {});
  v1::WatchLimitsResponse first;
  ASSERT_TRUE(limits->Read(&first));
  ASSERT_TRUE(WaitUntil([this] {
    const auto status = Status();
    return status.ok() && status->connections() >= 11;
  }));

  EXPECT_LT(Stop(), 20s);

  for (auto& watch : watches) {
    const absl::Status status = watch.get().status();
    // One that had not got through to the daemon yet finds nobody.
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable));
  }
  v1::WatchLimitsResponse next;
  while (limits->Read(&next)) {
  }
  EXPECT_THAT(FromGrpcStatus(limits->Finish()), HasReason(reason::kDaemonStopping));
}

TEST_F(DaemonTest, ClientThatNeverReadsDoesNotHoldUpTheStop) {
  const hubsim::RepoRef repo = hub_->CreateRepo(hubsim::RepoKind::kDataset, "acme/many").value();
  hubsim::FileSet files;
  for (int i = 0; i < 20'000; ++i)
    files.emplace(fmt::format("data/{:06}-{}.txt", i, std::string(100, 'n')), "x");
  ASSERT_THAT(hub_->CommitFiles(repo, "main", files), IsOk());
  ASSERT_THAT(Start(), IsOk());
  CallContext context;
  v1::ListFilesRequest request;
  request.mutable_repo()->set_type(v1::REPO_TYPE_DATASET);
  request.mutable_repo()->set_id("acme/many");
  const auto stub = v1::HubService::NewStub(Connect());
  const auto stream = stub->ListFiles(&context, request);
  v1::ListFilesResponse piece;
  ASSERT_TRUE(stream->Read(&piece));

  EXPECT_LT(Stop(), 20s);
}

TEST_F(DaemonTest, ClientsThatSendNothingDoNotHoldUpTheStop) {
  ASSERT_THAT(Start(), IsOk());
  std::vector<UniqueFd> silent;
  const sockaddr_un address = SocketAddress::Parse(flags_.at("--socket")).value().native();
  for (int i = 0; i < 20; ++i) {
    silent.emplace_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(connect(silent.back().get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  }
  ASSERT_TRUE(WaitUntil([this] {
    const auto status = Status();
    return status.ok() && status->connections() >= 20;
  }));
  EXPECT_LT(Stop(), 20s);
  for (const UniqueFd& socket : silent) {
    pollfd entry{socket.get(), POLLIN | POLLHUP, 0};
    EXPECT_EQ(poll(&entry, 1, 10'000), 1) << "the connection stayed open";
  }
}

TEST_F(DaemonTest, CallsThatComeWhileItStopsAreAllAnswered) {
  // So that every search is asked of the hub.
  WriteConfig("[hub]\nsearch_ttl = 0\n");
  for (int round = 0; round < 5; ++round) {
    ASSERT_THAT(Start(), IsOk());
    ASSERT_THAT(Status(), IsOk());
    std::atomic<bool> is_over = false;
    std::vector<std::future<void>> clients;
    for (int i = 0; i < 4; ++i) {
      clients.push_back(std::async(std::launch::async, [&, channel = Connect()] {
        const auto stub = v1::HubService::NewStub(channel);
        while (!is_over) {
          CallContext context;
          v1::SearchRequest request;
          request.set_type(v1::REPO_TYPE_MODEL);
          v1::SearchResponse response;
          const absl::Status status = FromGrpcStatus(stub->Search(&context, request, &response));
          EXPECT_THAT(status, testing::AnyOf(IsOk(), StatusIs(absl::StatusCode::kUnavailable),
                                             StatusIs(absl::StatusCode::kCancelled)));
        }
      }));
    }
    ASSERT_TRUE(WaitForRequest("/api/models"));
    EXPECT_LT(Stop(), 20s);
    is_over = true;
    for (std::future<void>& client : clients) client.get();
    hub_->ResetRateLimits();
    hub_->ClearLog();
  }
}

TEST_F(DaemonTest, ShutdownByRpcIsAskedOfTheOwner) {
  ASSERT_THAT(Start(), IsOk());
  CallContext context;
  v1::ShutdownResponse response;
  EXPECT_TRUE(v1::DaemonService::NewStub(Connect())->Shutdown(&context, {}, &response).ok());
  EXPECT_TRUE(WaitUntil([this] { return wants_to_stop_ == 1; }));
}

TEST_F(DaemonTest, IdleDaemonWantsToLeaveAndABusyOneDoesNot) {
  flags_["--idle-timeout"] = "100ms";
  hub_->AddFault(
      {.kind = FaultKind::kLatency, .path = "/api/models/acme", .count = kAlways, .duration = 10min});
  ASSERT_THAT(Start(), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::Job job, StartPull());
  ASSERT_TRUE(WaitForRequest("/api/models/acme"));
  CallContext context;
  const auto stub = v1::BudgetService::NewStub(Connect());
  const auto limits = stub->WatchLimits(&context, {});
  v1::WatchLimitsResponse first;
  ASSERT_TRUE(limits->Read(&first));
  EXPECT_EQ(wants_to_stop_, 0);

  CallContext cancel;
  v1::CancelJobRequest request;
  request.set_job_id(job.id());
  v1::CancelJobResponse response;
  ASSERT_TRUE(v1::JobService::NewStub(Connect())->CancelJob(&cancel, request, &response).ok());
  EXPECT_EQ(wants_to_stop_, 0);  // the watch is still open
  context.TryCancel();
  EXPECT_TRUE(WaitUntil([this] { return wants_to_stop_ == 1; }));
}

TEST_F(DaemonTest, OneBadAnswerIsNotNoticedByWhoAsks) {
  hub_->AddFault({.kind = FaultKind::kStatus, .path = "/api/models", .count = 1, .status = 502});
  ASSERT_THAT(Start(), IsOk());
  EXPECT_THAT(StartSearch().get(), IsOk());
  EXPECT_EQ(Count("/api/models"), 2);
}

TEST_F(DaemonTest, CutConnectionsAreNotNoticedByWhoAsks) {
  hub_->AddFault({.kind = FaultKind::kReset, .path = "/api/models", .count = 2});
  ASSERT_THAT(Start(), IsOk());
  EXPECT_THAT(StartSearch().get(), IsOk());
  EXPECT_EQ(Count("/api/models"), 3);
}

TEST_F(DaemonTest, HubThatIsDownIsShownAfterThreeTries) {
  hub_->AddFault({.kind = FaultKind::kStatus, .path = "/api/models", .count = kAlways, .status = 500});
  ASSERT_THAT(Start(), IsOk());
  EXPECT_THAT(StartSearch().get(), HasReason(reason::kHubUnreachable));
  EXPECT_EQ(Count("/api/models"), 3);
}

TEST_F(DaemonTest, SilentHubIsGivenUpAfterTheMetadataTimeoutAndNotAskedAgain) {
  hub_->AddFault({.kind = FaultKind::kLatency, .path = "/api/models", .count = kAlways, .duration = 10min});
  WriteConfig("[hub]\nmetadata_timeout = \"6s\"\n");
  ASSERT_THAT(Start(), IsOk());
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(StartSearch().get(), HasReason(reason::kHubUnreachable));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 6s);
  EXPECT_EQ(Count("/api/models"), 1);
}

TEST_F(DaemonTest, DamagedCatalogIsSetAsideAndSaidSo) {
  ASSERT_THAT(Start(), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::Job job, StartPull());
  ASSERT_THAT(WatchToTheEnd(job.id()), IsOk());
  Stop();
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "state" / "catalog")) {
    if (entry.path().filename().string().starts_with("MANIFEST")) std::ofstream(entry.path()) << "garbage";
  }
  ASSERT_THAT(Start(), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::GetStatusResponse status, Status());
  EXPECT_GT(status.notices_size(), 0);
}

}  // namespace

}  // namespace batuta::app
