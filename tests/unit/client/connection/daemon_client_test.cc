#include "client/connection/daemon_client.h"

#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "client/connection/socket_search.h"
#include "tests/support/files/temp_folder.h"
#include "tests/support/status/status_matchers.h"
#include "tests/unit/client/support/fake_daemon.h"

namespace batuta::client {
namespace {

class DaemonClientTest : public ::testing::Test {
 protected:
  DaemonClientTest() : daemon_((folder_ / "d.sock").native()) {}

  std::unique_ptr<DaemonClient> Client(CallIdentity identity = {}) {
    absl::StatusOr<UniqueFd> socket =
        ConnectTo({*SocketAddress::Parse((folder_ / "d.sock").native()), false});
    EXPECT_THAT(socket, IsOk());
    return std::make_unique<DaemonClient>(*std::move(socket), std::move(identity));
  }

  TempFolder folder_;
  FakeDaemon daemon_;
};

TEST_F(DaemonClientTest, SendsTokenAndToolWithEveryCall) {
  const auto client = Client({.tool = "cook", .token = Secret("hf_abc")});

  EXPECT_THAT(client->GetStatus(), IsOk());

  EXPECT_EQ(daemon_.calls().token, "hf_abc");
  EXPECT_EQ(daemon_.calls().tool, "cook");
}

TEST_F(DaemonClientTest, SendsNoTokenWhenThereIsNone) {
  EXPECT_THAT(Client()->GetStatus(), IsOk());

  EXPECT_EQ(daemon_.calls().token, "");
}

TEST_F(DaemonClientTest, ErrorsKeepReasonHintAndFacts) {
  FakeDaemon::Answers answers = daemon_.answers();
  answers.errors["GetRepo"] =
      MakeError(absl::StatusCode::kPermissionDenied, reason::kRepoGated, "gated", "ask", {{"a", "b"}});
  daemon_.Set(answers);

  const auto repo = Client()->GetRepo({});

  EXPECT_THAT(repo, HasReason(reason::kRepoGated));
  EXPECT_EQ(HintOf(repo.status()), "ask");
  EXPECT_EQ(DetailsOf(repo.status()).facts.at("a"), "b");
}

TEST_F(DaemonClientTest, ALostConnectionHasAReasonOfItsOwn) {
  const auto client = Client();
  EXPECT_THAT(client->GetStatus(), IsOk());

  daemon_.Stop();

  EXPECT_THAT(client->GetStatus(), HasReason(reason::kDaemonUnreachable));
}

TEST_F(DaemonClientTest, AStreamEndsWhenTheCallerHasEnough) {
  FakeDaemon::Answers answers = daemon_.answers();
  answers.files.resize(5);
  daemon_.Set(answers);
  int seen = 0;

  EXPECT_THAT(Client()->ListFiles({}, [&](const v1::ListFilesResponse&) { return ++seen < 2; }), IsOk());

  EXPECT_EQ(seen, 2);
}

TEST_F(DaemonClientTest, AStopFromAnotherThreadEndsAWatch) {
  FakeDaemon::Answers answers = daemon_.answers();
  answers.pulls = {{Update(v1::Job::STATE_RUNNING)}};
  daemon_.Set(answers);
  const auto client = Client();
  ASSERT_OK_AND_ASSIGN(const v1::Job job, client->StartPull({}));
  CallStop stop;
  v1::WatchJobRequest request;
  request.set_job_id(job.id());
  std::thread stopper;

  const absl::Status status = client->WatchJob(request, stop, [&](const v1::WatchJobResponse&) {
    stopper = std::thread([&] { stop.Stop(); });
    return true;
  });
  stopper.join();

  EXPECT_THAT(status, StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(client->WatchJob(request, stop, [](const auto&) { return true; }),
              StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace batuta::client
