// Pushes through the whole daemon, over its socket, against the simulated hub.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>

#include "batuta/v1/hub_service.grpc.pb.h"
#include "batuta/v1/job_service.grpc.pb.h"
#include "batuta/v1/push_service.grpc.pb.h"

#include "client/serving/folder_answers.h"
#include "common/folder/opened_folder.h"
#include "common/rpc/metadata_keys.h"
#include "common/rpc/socket_address.h"
#include "common/rpc/status_codec.h"
#include "common/status/status.h"
#include "daemon/app/daemon.h"
#include "tests/hubsim/hub_sim.h"
#include "tests/support/files/temp_folder.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::app {

namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using hubsim::FaultKind;
using hubsim::HubSim;
using testing::IsEmpty;
using testing::SizeIs;

constexpr char kToken[] = "hf_mirasTokenForTheSimulatedHub1234567";

// A token of the shape of the hub's, made here so that no scanner finds one in this file.
std::string FakeSecret() {
  return std::string("hf_") + "kXvPzQwLmNsTbYcRdJfHgUeAiOpKxVzWqM";
}

class CallContext : public grpc::ClientContext {
 public:
  CallContext() {
    set_deadline(std::chrono::system_clock::now() + 120s);
    AddMetadata(kHubTokenKey, kToken);
  }
};

struct Planned {
  v1::PushPlan plan;
  std::vector<v1::PushFile> files;
};

// A client that serves a folder as long as this lives.
class Serving {
 public:
  Serving(const std::shared_ptr<grpc::Channel>& channel, const std::filesystem::path& path)
      : answers_(client::FolderAnswers(OpenedFolder::Open(path).value())) {
    context_.AddMetadata(kHubTokenKey, kToken);
    stream_ = v1::PushService::NewStub(channel)->ServeFolder(&context_);
    v1::ServeFolderRequest request;
    request.mutable_folder()->set_path(path.string());
    v1::ServeFolderResponse greeting;
    EXPECT_TRUE(stream_->Write(request) && stream_->Read(&greeting));
    id_ = greeting.folder_id();
    thread_ = std::thread([this] { Run(); });
  }

  ~Serving() {
    context_.TryCancel();
    thread_.join();
    stream_->Finish();
  }

  const std::string& id() const { return id_; }

  // Bytes that it has answered with.
  uint64_t sent_bytes() const { return sent_bytes_; }

 private:
  void Run() {
    for (v1::ServeFolderResponse question; stream_->Read(&question);) {
      answers_.Answer(question, [this](v1::ServeFolderRequest answer, const client::Block& data) {
        answer.set_data(std::string(data.bytes.get(), data.size));
        sent_bytes_ += data.size;
        return stream_->Write(answer);
      });
    }
  }

  client::FolderAnswers answers_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::ServeFolderRequest, v1::ServeFolderResponse>> stream_;
  std::string id_;
  std::atomic<uint64_t> sent_bytes_ = 0;
  std::thread thread_;
};

class PushTest : public testing::Test {
 protected:
  PushTest() {
    hubsim::Options options;
    options.multipart_chunk_bytes = 100'000;
    options.lfs_threshold_bytes = 50'000;
    hub_ = std::move(HubSim::Start(options)).value();
    hub_->AddUser({.name = "mira", .token = kToken});
    std::filesystem::create_directories(source());
    Start();
  }

  ~PushTest() override {
    daemon_.reset();
    EXPECT_EQ(hub_->leaked_tokens(), 0);
  }

  std::filesystem::path source() const { return folder_ / "model"; }

  void Write(const std::string& path, const std::string& content) const {
    std::filesystem::create_directories((source() / path).parent_path());
    std::ofstream(source() / path, std::ios::binary) << content;
  }

  void Start() {
    CommandLine line;
    line.flags = {{"--socket", (folder_ / "run" / "d.sock").string()},
                  {"--state-dir", (folder_ / "state").string()},
                  {"--cache-dir", (folder_ / "hub").string()},
                  {"--endpoint", hub_->endpoint()},
                  {"--log-level", "error"}};
    const Options options = ResolveOptions(line, [this](std::string_view name) -> std::optional<std::string> {
                              if (name == "XDG_CONFIG_HOME") return (folder_ / "config").string();
                              return std::nullopt;
                            }).value();
    daemon_ = std::move(Daemon::Start(options, manager_, [] {})).value();
    channel_ =
        grpc::CreateChannel(SocketAddress::Parse((folder_ / "run" / "d.sock").string()).value().grpc_target(),
                            grpc::InsecureChannelCredentials());
  }

  v1::PushSpec Spec(const std::string& id = "mira/otter", v1::RepoType type = v1::REPO_TYPE_DATASET) const {
    v1::PushSpec spec;
    spec.mutable_repo()->set_type(type);
    spec.mutable_repo()->set_id(id);
    spec.set_path(source().string());
    return spec;
  }

  absl::StatusOr<Planned> Plan(const v1::PushSpec& spec) const {
    CallContext context;
    v1::PlanPushRequest request;
    *request.mutable_spec() = spec;
    const auto stream = v1::PushService::NewStub(channel_)->PlanPush(&context, request);
    Planned planned;
    for (v1::PlanPushResponse response; stream->Read(&response);) {
      if (response.has_plan()) planned.plan = response.plan();
      planned.files.insert(planned.files.end(), response.files().begin(), response.files().end());
    }
    const grpc::Status status = stream->Finish();
    if (!status.ok()) return FromGrpcStatus(status);
    return planned;
  }

  // The job when it has ended.
  absl::StatusOr<v1::Job> Push(const v1::PushSpec& spec, const std::string& digest = "") const {
    const absl::StatusOr<std::string> job = StartPush(spec, digest);
    if (!job.ok()) return job.status();
    return Await(*job);
  }

  // Its id.
  absl::StatusOr<std::string> StartPush(const v1::PushSpec& spec, const std::string& digest = "") const {
    CallContext context;
    v1::StartPushRequest request;
    *request.mutable_spec() = spec;
    request.set_plan_digest(digest);
    v1::StartPushResponse response;
    const grpc::Status status = v1::PushService::NewStub(channel_)->StartPush(&context, request, &response);
    if (!status.ok()) return FromGrpcStatus(status);
    return response.job().id();
  }

  // As soon as it waits for that.
  absl::StatusOr<v1::Job> AwaitWaiting(const std::string& id, const std::string& reason) const {
    return Await(id, [&reason](const v1::Job& job) {
      return job.state() == v1::Job::STATE_WAITING && job.waiting_reason() == reason;
    });
  }

  absl::StatusOr<v1::Job> Await(
      const std::string& id,
      const std::function<bool(const v1::Job&)>& is_it = [](const auto&) { return false; }) const {
    CallContext context;
    v1::WatchJobRequest request;
    request.set_job_id(id);
    const auto stream = v1::JobService::NewStub(channel_)->WatchJob(&context, request);
    v1::Job job;
    for (v1::WatchJobResponse response; stream->Read(&response);) {
      job = response.job();
      if (!is_it(job)) continue;
      context.TryCancel();
      stream->Finish();
      return job;
    }
    const grpc::Status status = stream->Finish();
    if (!status.ok()) return FromGrpcStatus(status);
    return job;
  }

  size_t Requests(const std::string& method, const std::string& part) const {
    return hub_->CountRequests([&](const hubsim::LoggedRequest& request) {
      return request.method == method && request.path.find(part) != std::string::npos;
    });
  }

  TempFolder folder_;
  std::unique_ptr<HubSim> hub_;
  ServiceManager manager_;  // nobody
  std::unique_ptr<Daemon> daemon_;
  std::shared_ptr<grpc::Channel> channel_;
};

const hubsim::RepoRef kOtter{hubsim::RepoKind::kDataset, "mira/otter"};

TEST_F(PushTest, ANewRepoIsMadeAndHoldsWhatTheFolderHolds) {
  Write("data/a.txt", "alpha\n");
  Write("data/weights.bin", std::string(250'000, 'w'));
  Write("small.bin", std::string(60'000, 's'));
  ASSERT_OK_AND_ASSIGN(const Planned planned, Plan(Spec()));
  EXPECT_TRUE(planned.plan.creates_repo());
  EXPECT_THAT(planned.files, SizeIs(3));
  EXPECT_THAT(planned.plan.refusals(), IsEmpty());
  ASSERT_OK_AND_ASSIGN(const v1::Job job, Push(Spec(), planned.plan.digest()));
  EXPECT_EQ(job.state(), v1::Job::STATE_DONE) << job.error().message();
  EXPECT_EQ(job.commit(), hub_->ResolveRevision(kOtter, "main").value());
  EXPECT_EQ(hub_->ReadFile(kOtter, "main", "data/a.txt").value(), "alpha\n");
  EXPECT_EQ(hub_->ReadFile(kOtter, "main", "data/weights.bin").value(), std::string(250'000, 'w'));
  EXPECT_EQ(hub_->ReadFile(kOtter, "main", "small.bin").value(), std::string(60'000, 's'));
}

TEST_F(PushTest, WhatIsUnchangedIsNotSentAndMakesNoCommit) {
  Write("a.txt", "alpha\n");
  Write("b.bin", std::string(60'000, 'b'));
  ASSERT_OK_AND_ASSIGN(const v1::Job first, Push(Spec()));
  ASSERT_EQ(first.state(), v1::Job::STATE_DONE) << first.error().message();
  hub_->ClearLog();
  ASSERT_OK_AND_ASSIGN(const Planned planned, Plan(Spec()));
  EXPECT_EQ(planned.plan.commits(), 0u);
  EXPECT_EQ(planned.plan.bytes_to_send(), 0u);
  ASSERT_OK_AND_ASSIGN(const v1::Job again, Push(Spec(), planned.plan.digest()));
  EXPECT_EQ(again.state(), v1::Job::STATE_DONE) << again.error().message();
  EXPECT_EQ(again.commit(), first.commit());
  EXPECT_EQ(Requests("POST", "/commit/"), 0u);
  EXPECT_EQ(Requests("PUT", ""), 0u);
}

TEST_F(PushTest, OnlyWhatChangedIsSent) {
  Write("a.txt", "alpha\n");
  Write("b.bin", std::string(60'000, 'b'));
  ASSERT_OK_AND_ASSIGN(const v1::Job first, Push(Spec()));
  ASSERT_EQ(first.state(), v1::Job::STATE_DONE) << first.error().message();
  hub_->ClearLog();
  Write("c.bin", std::string(70'000, 'c'));
  Write("copy.bin", std::string(60'000, 'b'));
  ASSERT_OK_AND_ASSIGN(const v1::Job again, Push(Spec()));
  EXPECT_EQ(again.state(), v1::Job::STATE_DONE) << again.error().message();
  EXPECT_EQ(Requests("PUT", ""), 1u);
  EXPECT_EQ(Requests("POST", "/commit/"), 1u);
  EXPECT_EQ(again.uploaded_bytes(), 70'000u);
  EXPECT_EQ(hub_->ReadFile(kOtter, "main", "copy.bin").value(), std::string(60'000, 'b'));
}

TEST_F(PushTest, WhatTheFolderHasNotIsDeletedWhereThatIsAskedFor) {
  Write("a.txt", "alpha\n");
  Write("old/b.txt", "beta\n");
  ASSERT_THAT(Push(Spec()), IsOk());
  std::filesystem::remove_all(source() / "old");
  v1::PushSpec spec = Spec();
  spec.add_delete_globs("old/*");
  ASSERT_OK_AND_ASSIGN(const v1::Job job, Push(spec));
  EXPECT_EQ(job.state(), v1::Job::STATE_DONE) << job.error().message();
  EXPECT_FALSE(hub_->Stat(kOtter, "main", "old/b.txt").ok());
  EXPECT_TRUE(hub_->Stat(kOtter, "main", "a.txt").ok());
}

TEST_F(PushTest, ASecretBlocksAndNothingIsSent) {
  Write("a.txt", "alpha\n");
  Write("config.yaml", "token: " + FakeSecret() + "\n");
  ASSERT_OK_AND_ASSIGN(const Planned planned, Plan(Spec()));
  ASSERT_THAT(planned.plan.findings(), SizeIs(1));
  EXPECT_EQ(planned.plan.findings(0).path(), "config.yaml");
  EXPECT_EQ(planned.plan.findings(0).line(), 1u);
  EXPECT_EQ(planned.plan.ShortDebugString().find(FakeSecret()), std::string::npos);
  ASSERT_OK_AND_ASSIGN(const v1::Job job, Push(Spec()));
  EXPECT_EQ(job.state(), v1::Job::STATE_FAILED);
  EXPECT_EQ(job.error().reason(), "SECRETS_FOUND");
  EXPECT_EQ(Requests("POST", "/commit/"), 0u);
  EXPECT_EQ(Requests("POST", "/api/repos/create"), 0u);
  v1::PushSpec allowed = Spec();
  allowed.add_allow_secrets(planned.plan.findings(0).fingerprint());
  ASSERT_OK_AND_ASSIGN(const v1::Job second, Push(allowed));
  EXPECT_EQ(second.state(), v1::Job::STATE_DONE) << second.error().message();
}

TEST_F(PushTest, APlanThatIsNoLongerTrueIsNotCarriedOut) {
  Write("a.txt", "alpha\n");
  ASSERT_OK_AND_ASSIGN(const Planned planned, Plan(Spec()));
  Write("b.txt", "beta\n");
  ASSERT_OK_AND_ASSIGN(const v1::Job job, Push(Spec(), planned.plan.digest()));
  EXPECT_EQ(job.state(), v1::Job::STATE_FAILED);
  EXPECT_EQ(job.error().reason(), "PLAN_CHANGED");
  EXPECT_EQ(Requests("POST", "/commit/"), 0u);
}

TEST_F(PushTest, AnAnswerThatIsLostAfterTheCommitMakesNoSecondOne) {
  Write("a.txt", "alpha\n");
  ASSERT_THAT(Push(Spec()), IsOk());
  Write("a.txt", "alpha and omega\n");
  hub_->AddFault({.kind = FaultKind::kStatusAfter, .path = "/commit/", .status = 504});
  const std::string before = hub_->ResolveRevision(kOtter, "main").value();
  ASSERT_OK_AND_ASSIGN(const v1::Job job, Push(Spec()));
  EXPECT_EQ(job.state(), v1::Job::STATE_DONE) << job.error().message();
  EXPECT_EQ(job.commit(), hub_->ResolveRevision(kOtter, "main").value());
  EXPECT_NE(job.commit(), before);
  EXPECT_EQ(Requests("POST", "/commit/"), 2u);  // with the first push
}

TEST_F(PushTest, WhoeverAsksAfterAPushIsToldOfIt) {
  Write("a.txt", "alpha\n");
  ASSERT_THAT(Push(Spec()), IsOk());
  Write("a.txt", "alpha and omega\n");
  ASSERT_OK_AND_ASSIGN(const Planned planned, Plan(Spec()));  // remembers the head before the push
  ASSERT_OK_AND_ASSIGN(const v1::Job job, Push(Spec(), planned.plan.digest()));
  CallContext context;
  v1::GetRepoRequest request;
  *request.mutable_repo() = Spec().repo();
  v1::GetRepoResponse response;
  const grpc::Status status = v1::HubService::NewStub(channel_)->GetRepo(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.commit(), job.commit());
}

TEST_F(PushTest, AFolderThatChangesAfterAPushBeganIsNotPushedUnseen) {
  Write("a.txt", "alpha\n");
  ASSERT_OK_AND_ASSIGN(const Planned planned, Plan(Spec()));
  hub_->AddFault({.kind = FaultKind::kLatency, .path = "/api/repos/create", .duration = 1s});
  CallContext context;
  v1::StartPushRequest request;
  *request.mutable_spec() = Spec();
  request.set_plan_digest(planned.plan.digest());
  v1::StartPushResponse response;
  ASSERT_TRUE(v1::PushService::NewStub(channel_)->StartPush(&context, request, &response).ok());
  ASSERT_TRUE(hub_->WaitFor(
      [](const HubSim::Log& log) {
        return std::ranges::any_of(log, [](const auto& one) { return one.path == "/api/repos/create"; });
      },
      60s));
  Write("b.txt", "nobody has seen this in the plan\n");
  ASSERT_OK_AND_ASSIGN(const v1::Job job, Await(response.job().id()));
  EXPECT_EQ(job.state(), v1::Job::STATE_FAILED);
  EXPECT_EQ(job.error().reason(), "PLAN_CHANGED");
  EXPECT_EQ(Requests("POST", "/commit/"), 0u);
}

TEST_F(PushTest, NothingOfWhoeverMadeTheRepoMeanwhileIsReplaced) {
  Write("a.txt", "alpha\n");
  ASSERT_OK_AND_ASSIGN(const Planned planned, Plan(Spec()));
  ASSERT_TRUE(planned.plan.creates_repo());
  const hubsim::RepoRef repo = hub_->CreateRepo(hubsim::RepoKind::kDataset, "mira/otter").value();
  hub_->CommitFiles(repo, "main", {{"a.txt", "somebody else's"}}).value();
  ASSERT_OK_AND_ASSIGN(const v1::Job job, Push(Spec(), planned.plan.digest()));
  EXPECT_EQ(job.state(), v1::Job::STATE_FAILED);
  EXPECT_EQ(hub_->ReadFile(kOtter, "main", "a.txt").value(), "somebody else's");
}

TEST_F(PushTest, ChangesGoIntoAPullRequest) {
  Write("a.txt", "alpha\n");
  ASSERT_THAT(Push(Spec()), IsOk());
  const std::string before = hub_->ResolveRevision(kOtter, "main").value();
  Write("b.txt", "beta\n");
  v1::PushSpec spec = Spec();
  spec.set_create_pr(true);
  ASSERT_OK_AND_ASSIGN(const v1::Job job, Push(spec));
  EXPECT_EQ(job.state(), v1::Job::STATE_DONE) << job.error().message();
  EXPECT_EQ(hub_->ResolveRevision(kOtter, "main").value(), before);
  EXPECT_EQ(hub_->ReadFile(kOtter, "refs/pr/1", "b.txt").value(), "beta\n");
  EXPECT_THAT(job.url(), testing::EndsWith("/discussions/1"));
}

TEST_F(PushTest, AModelWithoutACardGetsOne) {
  Write("config.json", R"({"architectures": ["OtterForCausalLM"], "model_type": "otter"})");
  const v1::PushSpec spec = Spec("mira/otter-7b", v1::REPO_TYPE_MODEL);
  ASSERT_OK_AND_ASSIGN(const Planned planned, Plan(spec));
  EXPECT_EQ(planned.plan.card(), "generated");
  ASSERT_OK_AND_ASSIGN(const v1::Job job, Push(spec, planned.plan.digest()));
  EXPECT_EQ(job.state(), v1::Job::STATE_DONE) << job.error().message();
  EXPECT_EQ(job.card(), "generated");
  EXPECT_THAT(hub_->ReadFile({hubsim::RepoKind::kModel, "mira/otter-7b"}, "main", "README.md").value(),
              testing::StartsWith("---\n"));
  ASSERT_OK_AND_ASSIGN(const Planned again, Plan(spec));
  EXPECT_EQ(again.plan.commits(), 0u);
  EXPECT_EQ(again.plan.card(), "present");
}

class ServedPushTest : public PushTest {
 protected:
  v1::PushSpec ServedSpec(const Serving& serving) const {
    v1::PushSpec spec = Spec();
    spec.set_folder_id(serving.id());
    return spec;
  }
};

TEST_F(ServedPushTest, SendsWhatTheClientServes) {
  Write("data/a.txt", "alpha\n");
  Write("weights.bin", std::string(3'250'000, 'w'));
  Write("skipped.log", "not this\n");
  Write(".gitignore", "*.log\n");
  const Serving serving(channel_, source());
  ASSERT_OK_AND_ASSIGN(const Planned planned, Plan(ServedSpec(serving)));
  EXPECT_THAT(planned.plan.refusals(), IsEmpty());
  EXPECT_GE(serving.sent_bytes(), 3'250'000u);
  ASSERT_OK_AND_ASSIGN(const v1::Job job, Push(ServedSpec(serving), planned.plan.digest()));
  EXPECT_EQ(job.state(), v1::Job::STATE_DONE) << job.error().message();
  EXPECT_EQ(hub_->ReadFile(kOtter, "main", "data/a.txt").value(), "alpha\n");
  EXPECT_TRUE(hub_->ReadFile(kOtter, "main", "weights.bin").value() == std::string(3'250'000, 'w'));
  EXPECT_FALSE(hub_->Stat(kOtter, "main", "skipped.log").ok());
}

TEST_F(ServedPushTest, ASecretBlocksAndNothingIsSent) {
  Write("config.yaml", "token: " + FakeSecret() + "\n");
  const Serving serving(channel_, source());
  ASSERT_OK_AND_ASSIGN(const Planned planned, Plan(ServedSpec(serving)));
  EXPECT_THAT(planned.plan.findings(), SizeIs(1));
  ASSERT_OK_AND_ASSIGN(const v1::Job job, Push(ServedSpec(serving)));
  EXPECT_EQ(job.error().reason(), "SECRETS_FOUND");
  EXPECT_EQ(Requests("POST", "/commit/"), 0u);
}

TEST_F(ServedPushTest, AFolderThatNobodyServesIsNotRead) {
  Write("a.txt", "alpha\n");
  v1::PushSpec spec = Spec();
  spec.set_folder_id("0123456789abcdef");
  EXPECT_THAT(Plan(spec), HasReason("NOT_PERMITTED"));
}

TEST_F(ServedPushTest, WaitsForAClientThatLeftAndSendsNothingTwice) {
  std::string weights(4'000'000, 'w');  // forty parts, eight at a time
  for (size_t i = 0; i < weights.size(); i += 1'000) weights[i] = static_cast<char>(i / 1'000);
  Write("weights.bin", weights);
  hub_->AddFault({.kind = FaultKind::kSlowUpload,
                  .listener = hubsim::Listener::kCdn,
                  .count = hubsim::kAlways,
                  .bytes_per_second = 400'000});
  const auto is_stored = [](const auto& one) { return one.method == "PUT" && one.status == 200; };
  auto serving = std::make_unique<Serving>(channel_, source());
  ASSERT_OK_AND_ASSIGN(const Planned planned, Plan(ServedSpec(*serving)));
  ASSERT_OK_AND_ASSIGN(const std::string id, StartPush(ServedSpec(*serving), planned.plan.digest()));
  ASSERT_TRUE(
      hub_->WaitFor([&](const HubSim::Log& log) { return std::ranges::any_of(log, is_stored); }, 60s));
  serving.reset();
  ASSERT_OK_AND_ASSIGN(const v1::Job left, AwaitWaiting(id, "client"));
  EXPECT_EQ(left.state(), v1::Job::STATE_WAITING);
  hub_->ClearFaults();
  serving = std::make_unique<Serving>(channel_, source());
  EXPECT_THAT(StartPush(ServedSpec(*serving), planned.plan.digest()), IsOkAndHolds(id));
  ASSERT_OK_AND_ASSIGN(const v1::Job job, Await(id));
  EXPECT_EQ(job.state(), v1::Job::STATE_DONE) << job.error().message();
  EXPECT_EQ(hub_->CountRequests(is_stored), 40u);
  EXPECT_TRUE(hub_->ReadFile(kOtter, "main", "weights.bin").value() == weights);
}

TEST_F(ServedPushTest, GoesOnAfterARestartOfTheDaemonWhenTheFolderIsServedAgain) {
  Write("weights.bin", std::string(250'000, 'w'));
  std::string id;
  {
    const Serving serving(channel_, source());
    hub_->AddFault({.kind = FaultKind::kLatency, .path = "/api/repos/create", .duration = 1s});
    id = StartPush(ServedSpec(serving)).value();
    ASSERT_TRUE(hub_->WaitFor(
        [](const HubSim::Log& log) {
          return std::ranges::any_of(log, [](const auto& one) { return one.path == "/api/repos/create"; });
        },
        60s));
    daemon_.reset();
  }
  Start();
  // Its token went with the daemon before; both come with the client.
  ASSERT_OK_AND_ASSIGN(const v1::Job left,
                       Await(id, [](const v1::Job& job) { return job.state() == v1::Job::STATE_WAITING; }));
  EXPECT_THAT(left.waiting_reason(), testing::AnyOf("client", "credentials"));
  const Serving serving(channel_, source());
  ASSERT_OK_AND_ASSIGN(const v1::Job job, Await(id));
  EXPECT_EQ(job.state(), v1::Job::STATE_DONE) << job.error().message();
  EXPECT_TRUE(hub_->ReadFile(kOtter, "main", "weights.bin").value() == std::string(250'000, 'w'));
}

TEST_F(ServedPushTest, AClientThatAnswersWhatNobodyAskedIsDropped) {
  Write("a.txt", "alpha\n");
  grpc::ClientContext context;
  const auto stream = v1::PushService::NewStub(channel_)->ServeFolder(&context);
  v1::ServeFolderRequest request;
  request.mutable_folder()->set_path(source().string());
  v1::ServeFolderResponse response;
  ASSERT_TRUE(stream->Write(request) && stream->Read(&response));
  v1::ServeFolderRequest answer;
  answer.set_number(99);
  stream->Write(answer);
  while (stream->Read(&response)) {
  }
  EXPECT_THAT(FromGrpcStatus(stream->Finish()), HasReason("NOT_PERMITTED"));
}

TEST_F(ServedPushTest, APathThatIsNoneIsNotServed) {
  for (const char* path : {"", "relative"}) {
    grpc::ClientContext context;
    const auto stream = v1::PushService::NewStub(channel_)->ServeFolder(&context);
    v1::ServeFolderRequest request;
    request.mutable_folder()->set_path(path);
    stream->Write(request);
    v1::ServeFolderResponse response;
    EXPECT_FALSE(stream->Read(&response));
    EXPECT_THAT(FromGrpcStatus(stream->Finish()), HasReason("INVALID_ARGUMENT"));
  }
}

}  // namespace

}  // namespace batuta::app
