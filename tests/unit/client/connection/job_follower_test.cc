#include "client/connection/job_follower.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>

#include "tests/support/files/temp_folder.h"
#include "tests/support/status/status_matchers.h"
#include "tests/unit/client/support/fake_daemon.h"

namespace batuta::client {
namespace {

using Kind = JobFollower::Event::Kind;

class JobFollowerTest : public ::testing::Test {
 protected:
  JobFollowerTest()
      : connector_({.environment = [this](std::string_view name) -> std::optional<std::string> {
                      if (name == "HOME") return folder_.path().native();
                      if (name == "BATUTA_SOCKET") return socket_path();
                      if (name == "BATUTA_NO_SPAWN") return "1";
                      return std::nullopt;
                    },
                    .socket_flag = "",
                    .this_program = ""}),
        daemon_(std::make_unique<FakeDaemon>(socket_path())) {}

  std::string socket_path() { return (folder_ / "d.sock").native(); }

  void SetPull(std::vector<v1::WatchJobResponse> updates, size_t break_after = 0) {
    FakeDaemon::Answers answers = daemon_->answers();
    answers.pulls = {std::move(updates)};
    answers.break_first_watch_after = break_after;
    daemon_->Set(answers);
  }

  std::unique_ptr<JobFollower> Follow(JobFollower::Options options = {}) {
    absl::StatusOr<Connection> connection = connector_.Open({});
    EXPECT_THAT(connection, IsOk());
    EXPECT_THAT(connection->client->StartPull({}), IsOk());
    return std::make_unique<JobFollower>(connector_, *std::move(connection), "job0", options);
  }

  // Waits for the next event.
  static JobFollower::Event Next(JobFollower& follower) {
    while (true) {
      if (auto event = follower.Next()) return *std::move(event);
      pollfd ready{follower.ready_fd(), POLLIN, 0};
      if (::poll(&ready, 1, 30'000) != 1)
        return {Kind::kEnd, {}, absl::DeadlineExceededError("no event came")};
    }
  }

  // All events up to the last.
  static std::vector<JobFollower::Event> All(JobFollower& follower) {
    std::vector<JobFollower::Event> events;
    do events.push_back(Next(follower));
    while (events.back().kind != Kind::kEnd);
    return events;
  }

  static std::vector<uint64_t> Sequences(const std::vector<JobFollower::Event>& events) {
    std::vector<uint64_t> sequences;
    for (const auto& event : events) {
      if (event.kind == Kind::kUpdate) sequences.push_back(event.update.sequence());
    }
    return sequences;
  }

  TempFolder folder_;
  Connector connector_;
  std::unique_ptr<FakeDaemon> daemon_;
};

TEST_F(JobFollowerTest, HearsEverythingUpToTheEnd) {
  SetPull({Update(v1::Job::STATE_QUEUED), Update(v1::Job::STATE_RUNNING), Update(v1::Job::STATE_DONE)});

  const auto follower = Follow();
  const auto events = All(*follower);

  EXPECT_EQ(Sequences(events), (std::vector<uint64_t>{1, 2, 3}));
  EXPECT_THAT(events.back().status, IsOk());
}

TEST_F(JobFollowerTest, GoesOnWhereABrokenStreamStopped) {
  SetPull({Update(v1::Job::STATE_RUNNING), Update(v1::Job::STATE_RUNNING), Update(v1::Job::STATE_DONE)}, 2);

  const auto follower = Follow();
  const auto events = All(*follower);

  EXPECT_EQ(Sequences(events), (std::vector<uint64_t>{1, 2, 3}));
  ASSERT_EQ(daemon_->calls().watches.size(), 2u);
  EXPECT_EQ(daemon_->calls().watches[1].after_sequence(), 2u);
  EXPECT_THAT(events.back().status, IsOk());
}

TEST_F(JobFollowerTest, StartsOverWithAnotherDaemon) {
  SetPull({Update(v1::Job::STATE_RUNNING), Update(v1::Job::STATE_RUNNING)});
  const auto follower = Follow();
  EXPECT_EQ(Next(*follower).update.sequence(), 1u);
  EXPECT_EQ(Next(*follower).update.sequence(), 2u);

  daemon_.reset();
  daemon_ = std::make_unique<FakeDaemon>(socket_path());
  FakeDaemon::Answers answers = daemon_->answers();
  answers.status.set_pid(4712);
  daemon_->Set(answers);
  daemon_->AddUpdate("job0", Update(v1::Job::STATE_DONE));
  const auto events = All(*follower);

  EXPECT_EQ(Sequences(events), (std::vector<uint64_t>{1}));
  EXPECT_TRUE(
      std::any_of(events.begin(), events.end(), [](const auto& event) { return event.kind == Kind::kLost; }));
  EXPECT_TRUE(std::any_of(events.begin(), events.end(),
                          [](const auto& event) { return event.kind == Kind::kFromStart; }));
  EXPECT_THAT(events.back().status, IsOk());
}

TEST_F(JobFollowerTest, GivesUpWhenNoDaemonComesBack) {
  SetPull({Update(v1::Job::STATE_RUNNING)});
  const auto follower = Follow({.give_up_after = std::chrono::milliseconds(100)});
  EXPECT_EQ(Next(*follower).kind, Kind::kUpdate);

  daemon_->Stop();
  const auto events = All(*follower);

  EXPECT_THAT(events.back().status, HasReason(reason::kDaemonUnreachable));
}

TEST_F(JobFollowerTest, AnErrorOfTheWatchIsTheEnd) {
  FakeDaemon::Answers answers = daemon_->answers();
  answers.errors["WatchJob"] = MakeError(absl::StatusCode::kNotFound, reason::kJobNotFound, "no such job");
  daemon_->Set(answers);

  const auto follower = Follow();

  EXPECT_THAT(Next(*follower).status, HasReason(reason::kJobNotFound));
}

TEST_F(JobFollowerTest, CanBeLeftAtAnyTime) {
  std::vector<v1::WatchJobResponse> updates(100, Update(v1::Job::STATE_RUNNING));
  SetPull(updates);

  auto follower = Follow();
  EXPECT_EQ(Next(*follower).kind, Kind::kUpdate);
  follower.reset();  // with the reader waiting for room, and the job still running

  EXPECT_EQ(daemon_->calls().cancelled.size(), 0u);
}

}  // namespace
}  // namespace batuta::client
