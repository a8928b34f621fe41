#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <string>
#include <thread>

#include <pthread.h>

#include "tests/unit/client/commands/client_test.h"

namespace batuta::client {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A pull in a thread of its own, so that the test can interrupt it.
class PullSessionTest : public ClientTest {
 protected:
  PullSessionTest() {
    Answer([](FakeDaemon::Answers& answers) {
      v1::WatchJobResponse running =
          Update(v1::Job::STATE_RUNNING, {File("a.bin", 100, v1::PullFile::STATUS_RUNNING)});
      running.mutable_job()->set_total_bytes(100);
      running.mutable_job()->set_done_bytes(40);
      answers.pulls = {{running}};
    });
  }

  void Start(std::vector<std::string> words) {
    runner_ = std::thread([this, words = std::move(words)] {
      result_ = Run(words);
      is_over_ = true;
    });
  }

  static bool WaitFor(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

  bool WaitUntilWatching() {
    return WaitFor([this] { return !daemon_.calls().watches.empty(); });
  }

  // Ctrl-C, for the thread that runs the program.
  void Interrupt() { ::pthread_kill(runner_.native_handle(), SIGINT); }

  RunResult Join() {
    runner_.join();
    return result_;
  }

  std::thread runner_;
  std::atomic<bool> is_over_{false};
  RunResult result_;
};

TEST_F(PullSessionTest, CtrlCWithoutATerminalLeavesTheJobRunningAndSaysItsId) {
  Start({"hf", "pull", "model", "a/b"});
  ASSERT_TRUE(WaitUntilWatching());

  Interrupt();
  const RunResult result = Join();

  EXPECT_EQ(result.code, 130);
  EXPECT_THAT(result.err, HasSubstr("job job0 goes on in the background"));
  EXPECT_TRUE(daemon_.calls().cancelled.empty());
}

TEST_F(PullSessionTest, CtrlCInJsonModeGivesTheIdAsADocument) {
  Start({"hf", "pull", "model", "a/b", "--format", "json"});
  ASSERT_TRUE(WaitUntilWatching());

  Interrupt();
  const RunResult result = Join();

  EXPECT_EQ(result.code, 130);
  EXPECT_EQ(nlohmann::json::parse(result.out)["job_id"], "job0");
  EXPECT_EQ(ErrorOf(result)["reason"], "CANCELLED");
}

TEST_F(PullSessionTest, CtrlCOnATerminalAsksAndYesLeavesTheJob) {
  client_.console.is_terminal = true;
  Start({"hf", "pull", "model", "a/b"});
  ASSERT_TRUE(WaitUntilWatching());

  Interrupt();
  ASSERT_TRUE(WaitFor([this] { return client_.talk.text().find("[Y/n]") != std::string::npos; }));
  client_.console.Type("\n");
  const RunResult result = Join();

  EXPECT_EQ(result.code, 130);
  EXPECT_TRUE(daemon_.calls().cancelled.empty());
}

TEST_F(PullSessionTest, NoToTheQuestionCancelsTheJob) {
  client_.console.is_terminal = true;
  Start({"hf", "pull", "model", "a/b"});
  ASSERT_TRUE(WaitUntilWatching());

  Interrupt();
  ASSERT_TRUE(WaitFor([this] { return client_.talk.text().find("[Y/n]") != std::string::npos; }));
  client_.console.Type("n\n");
  const RunResult result = Join();

  EXPECT_EQ(result.code, 130);
  EXPECT_THAT(daemon_.calls().cancelled, ::testing::ElementsAre("job0"));
  EXPECT_THAT(result.err, HasSubstr("job job0 was cancelled"));
}

TEST_F(PullSessionTest, ASecondCtrlCCancelsTheJob) {
  client_.console.is_terminal = true;
  Start({"hf", "pull", "model", "a/b"});
  ASSERT_TRUE(WaitUntilWatching());

  Interrupt();
  ASSERT_TRUE(WaitFor([this] { return client_.talk.text().find("[Y/n]") != std::string::npos; }));
  Interrupt();
  const RunResult result = Join();

  EXPECT_EQ(result.code, 130);
  EXPECT_THAT(daemon_.calls().cancelled, ::testing::ElementsAre("job0"));
}

TEST_F(PullSessionTest, AJobThatEndsDuringTheQuestionAnswersIt) {
  client_.console.is_terminal = true;
  Start({"hf", "pull", "model", "a/b"});
  ASSERT_TRUE(WaitUntilWatching());
  Interrupt();
  ASSERT_TRUE(WaitFor([this] { return client_.talk.text().find("[Y/n]") != std::string::npos; }));

  daemon_.AddUpdate("job0", Update(v1::Job::STATE_DONE));

  EXPECT_EQ(Join().code, 0);
}

TEST_F(PullSessionTest, WatchingAJobEndsWithTheFirstCtrlCAndLeavesTheJob) {
  client_.console.is_terminal = true;
  Run({"hf", "pull", "model", "a/b", "--detach"});
  Start({"hf", "jobs", "watch"});
  ASSERT_TRUE(WaitUntilWatching());

  Interrupt();

  EXPECT_EQ(Join().code, 130);
  EXPECT_TRUE(daemon_.calls().cancelled.empty());
}

TEST_F(PullSessionTest, BarsOnATerminalLeaveItAsItWas) {
  client_.has_terminal = true;
  Start({"hf", "pull", "model", "a/b"});
  ASSERT_TRUE(WaitFor([this] { return client_.talk.text().find("40 %") != std::string::npos; }));
  daemon_.AddUpdate("job0", Update(v1::Job::STATE_DONE));

  const RunResult result = Join();

  EXPECT_EQ(result.code, 0);
  const size_t hidden = result.err.find("\x1b[?25l");
  const size_t shown = result.err.rfind("\x1b[?25h");
  ASSERT_NE(hidden, std::string::npos);
  ASSERT_NE(shown, std::string::npos);
  EXPECT_LT(hidden, shown);
  EXPECT_EQ(result.err.find("\x1b[?25l", shown), std::string::npos);
}

TEST_F(PullSessionTest, NoProgressMeansNoBars) {
  client_.has_terminal = true;
  Start({"hf", "pull", "model", "a/b", "--no-progress"});
  ASSERT_TRUE(WaitUntilWatching());
  daemon_.AddUpdate("job0", Update(v1::Job::STATE_DONE));

  EXPECT_THAT(Join().err, Not(HasSubstr("\x1b[?25l")));
}

}  // namespace
}  // namespace batuta::client
