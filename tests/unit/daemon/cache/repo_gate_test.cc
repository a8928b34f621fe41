#include "daemon/cache/repo_gate.h"

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/daemon/cache/cache_fixture.h"

namespace batuta::cache {
namespace {

TEST(RepoGateTest, ManyEnterTogetherAndOtherReposAreNobodysBusiness) {
  RepoGate gate;
  const RepoGate::Pass first = gate.Enter(Model("acme/otter"));
  const RepoGate::Pass second = gate.Enter(Model("acme/otter"));
  const RepoGate::Pass other = gate.EnterAlone(Model("acme/stoat"));
}

TEST(RepoGateTest, WhoIsAloneIsAlone) {
  RepoGate gate;
  const RepoId repo = Model("acme/otter");
  std::atomic<int> together = 0;
  std::atomic<bool> is_alone = false;
  std::atomic<bool> was_broken = false;
  const auto body = [&](int number) {
    for (int i = 0; i < 2'000; ++i) {
      if (number == 0) {
        const RepoGate::Pass pass = gate.EnterAlone(repo);
        if (is_alone.exchange(true) || together > 0) was_broken = true;
        is_alone = false;
      } else {
        const RepoGate::Pass pass = gate.Enter(repo);
        ++together;
        if (is_alone) was_broken = true;
        --together;
      }
    }
  };
  std::vector<std::thread> threads;
  for (const int number : {0, 0, 1, 2, 3}) threads.emplace_back(body, number);
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(was_broken);
}

}  // namespace
}  // namespace batuta::cache
