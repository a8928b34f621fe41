#include "common/sync/sequence.h"

#include <array>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

namespace batuta {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using ::testing::ElementsAre;

TEST(SequenceTest, RunsOnOneNamedThreadOfItsOwn) {
  const auto sequence = Sequence::Start("a-name-that-is-too-long");
  const std::string name = RunOn(*sequence, [] {
    std::array<char, 32> buffer{};
    pthread_getname_np(pthread_self(), buffer.data(), buffer.size());
    return std::string(buffer.data());
  });
  EXPECT_EQ(name, "a-name-that-is-");
  const auto id = [] { return std::this_thread::get_id(); };
  EXPECT_NE(RunOn(*sequence, id), std::this_thread::get_id());
  EXPECT_EQ(RunOn(*sequence, id), RunOn(*sequence, id));
}

TEST(SequenceTest, StopRunsWhatIsPostedAndDropsWhatIsDelayed) {
  const auto sequence = Sequence::Start("test");
  std::promise<void> gate;
  std::vector<std::string> ran;
  auto delayed = std::make_shared<int>(0);
  const std::weak_ptr<int> delayed_capture = delayed;
  sequence->Post([&gate] { gate.get_future().wait(); });
  sequence->Post([&] {
    ran.emplace_back("posted");
    sequence->Post([&ran] { ran.emplace_back("posted by a task"); });
  });
  sequence->PostAfter(hours(1), [&ran, delayed = std::move(delayed)] { ran.emplace_back("delayed"); });

  std::thread stopper([&sequence] { sequence->Stop(); });
  gate.set_value();
  stopper.join();

  ASSERT_FALSE(ran.empty());
  EXPECT_EQ(ran.front(), "posted");
  EXPECT_THAT(ran, ::testing::Not(::testing::Contains("delayed")));
  EXPECT_TRUE(delayed_capture.expired()) << "its captures are released";
}

TEST(SequenceTest, AfterStopTasksAreDestroyedUnrun) {
  const auto sequence = Sequence::Start("test");
  sequence->Stop();
  sequence->Stop();
  bool ran = false;
  auto captured = std::make_shared<int>(0);
  const std::weak_ptr<int> weak = captured;
  sequence->Post([&ran, captured] { ran = true; });
  sequence->PostAfter(milliseconds(0), [&ran, captured = std::move(captured)] { ran = true; });
  EXPECT_TRUE(weak.expired());
  EXPECT_FALSE(ran);
}

TEST(SequenceTest, DelayedTaskDoesNotRunTooEarly) {
  const auto sequence = Sequence::Start("test");
  const SteadyTime posted = std::chrono::steady_clock::now();
  std::promise<SteadyTime> ran;
  sequence->PostAfter(milliseconds(20), [&ran] { ran.set_value(std::chrono::steady_clock::now()); });
  EXPECT_GE(ran.get_future().get() - posted, milliseconds(20));
}

TEST(SequenceTest, ALaterEarlierDelayOvertakes) {
  const auto sequence = Sequence::Start("test");
  std::vector<int> order;
  std::promise<void> done;
  sequence->PostAfter(milliseconds(40), [&] {
    order.push_back(2);
    done.set_value();
  });
  sequence->PostAfter(milliseconds(1), [&order] { order.push_back(1); });
  done.get_future().wait();
  sequence->Stop();
  EXPECT_THAT(order, ElementsAre(1, 2));
}

TEST(SequenceTest, TasksFromManyThreadsRunOneAtATime) {
  const auto sequence = Sequence::Start("test");
  int unguarded = 0;  // the sequence is its guard; ThreadSanitizer would tell
  std::vector<std::thread> posters;
  posters.reserve(4);
  for (int i = 0; i < 4; ++i) {
    posters.emplace_back([&] {
      for (int n = 0; n < 500; ++n) sequence->Post([&unguarded] { ++unguarded; });
    });
  }
  for (std::thread& poster : posters) poster.join();
  EXPECT_EQ(RunOn(*sequence, [&unguarded] { return unguarded; }), 2'000);
}

TEST(SequenceDeathTest, MisuseAborts) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(Sequence::Start("test")->AssertCurrent(), "called outside its sequence");
  EXPECT_DEATH(
      {
        const auto sequence = Sequence::Start("test");
        RunOn(*sequence, [&sequence] {
          sequence->Stop();
          return 0;
        });
      },
      "stopped from its own thread");
}

}  // namespace
}  // namespace batuta
