#include <atomic>
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include "daemon/hub/exchange.h"
#include "daemon/hub/hub_client.h"
#include "tests/support/clock/fake_clock.h"
#include "tests/support/runner/manual_task_runner.h"
#include "tests/support/status/status_matchers.h"
#include "tests/support/transport/fake_transport.h"

namespace batuta::hub {
namespace {

using transport::CallId;
using transport::DataResult;

const std::string kCommit(40, 'a');
constexpr uint64_t kSize = 64'000;

std::shared_ptr<transport::RangeSource> OpenFile(HubClient& client, const Access& access) {
  const Entry entry{
      .path = *RepoPath::Parse("w.bin"), .size_bytes = kSize, .blob = *BlobId::Parse(std::string(64, '7'))};
  return client.OpenFile(*RepoId::Parse(RepoType::kModel, "acme/otter"), *CommitId::Parse(kCommit), entry,
                         access);
}

// Counts, pauses once on the way, and may be asked from any thread.
class Counter final : public transport::RangeHandler {
 public:
  void OnStart(uint64_t offset) override { static_cast<void>(offset); }

  DataResult OnData(std::span<const std::byte> bytes) override {
    if (!has_paused.exchange(true)) return DataResult::kPause;
    received += bytes.size();
    return DataResult::kContinue;
  }

  void OnDone(const absl::Status& status) override {
    is_ok = status.ok();
    ++done;
  }

  void OnWaiting(const transport::WaitInfo& info) override { waits.push_back(info.reason); }

  std::atomic<bool> has_paused = false;
  std::atomic<uint64_t> received = 0;
  std::atomic<bool> is_ok = false;
  std::atomic<int> done = 0;
  std::vector<std::string> waits;
};

// Runs the transport's side on a thread of its own and everything else on the caller's.
TEST(FileSourceThreadsTest, FetchesCancelsAndResumesFromOtherThreads) {
  constexpr size_t kFetches = 200;
  const FakeClock clock;
  const std::unique_ptr<Sequence> thread = Sequence::Start("transport");
  FakeTransport http(thread.get());
  http.On("https://hub.test/acme/otter/resolve/" + kCommit + "/w.bin")
      .Reply(302, {{"Location", "https://cdn.test/w"}, {"X-Repo-Commit", kCommit}});
  http.On("https://cdn.test/w").Serve(std::string(kSize, 'x')).InPieces(100);
  const auto asker = MakeHttpAsker({"https://hub.test", http, clock});
  const auto client = MakeHubClient("https://hub.test", *asker, http, *thread, clock);
  const auto source = OpenFile(*client, {});

  std::vector<std::shared_ptr<Counter>> counters;
  std::vector<CallId> calls;
  for (size_t i = 0; i < kFetches; ++i) {
    counters.push_back(std::make_shared<Counter>());
    calls.push_back(source->Fetch({i * 300, i * 300 + 300}, counters.back()));
    if (i % 3 == 0) source->Cancel(calls.back());
    if (i % 7 == 0) source->Cancel(calls[i / 2]);
  }
  const auto all_done = [&] {
    for (size_t i = 0; i < kFetches; ++i) {
      if (counters[i]->done == 0) return false;
    }
    return true;
  };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!all_done() && std::chrono::steady_clock::now() < deadline) {
    for (const CallId call : calls) source->Resume(call);
    std::this_thread::yield();
  }
  thread->Stop();

  size_t whole = 0;
  for (size_t i = 0; i < kFetches; ++i) {
    EXPECT_EQ(counters[i]->done, 1) << i;
    if (!counters[i]->is_ok) continue;
    ++whole;
    EXPECT_EQ(counters[i]->received, 300U) << i;
  }
  EXPECT_GE(whole, kFetches / 2);  // those that nobody cancelled
  EXPECT_EQ(http.RunningCount(), 0U);
}

// A transport that holds everything back.
class HoldingTransport final : public transport::HttpTransport {
 public:
  CallId Start(transport::HttpRequest, std::shared_ptr<transport::HttpHandler> handler) override {
    handlers.push_back(std::move(handler));
    return handlers.size();
  }

  void Cancel(CallId) override {}

  void Resume(CallId) override {}

  std::vector<std::shared_ptr<transport::HttpHandler>> handlers;
};

TEST(FileSourceThreadsTest, TellsWhoFetchesAndWhoOpenedThatItIsHeldBack) {
  ManualTaskRunner runner;
  HoldingTransport http;
  std::vector<std::string> told;
  Access access;
  access.on_waiting = [&](const transport::WaitInfo& info) { told.push_back(info.reason); };
  const auto asker = MakeHttpAsker({"https://hub.test", http, runner.clock()});
  const auto client = MakeHubClient("https://hub.test", *asker, http, runner, runner.clock());
  const auto source = OpenFile(*client, access);
  const auto counter = std::make_shared<Counter>();
  source->Fetch({0, 10}, counter);
  ASSERT_EQ(http.handlers.size(), 1U);

  http.handlers[0]->OnWaiting({"rate limit", "resolvers", runner.clock().wall()});

  EXPECT_THAT(counter->waits, ::testing::ElementsAre("rate limit"));
  EXPECT_THAT(told, ::testing::ElementsAre("rate limit"));
  http.handlers[0]->OnDone(absl::CancelledError("over"));
  EXPECT_EQ(counter->done, 1);
}

}  // namespace
}  // namespace batuta::hub
