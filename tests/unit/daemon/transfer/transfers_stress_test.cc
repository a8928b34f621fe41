#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/status.h"
#include "daemon/transfer/transfer.h"
#include "tests/support/fake_transfer/fake_cache.h"
#include "tests/support/fake_transfer/fake_range_source.h"
#include "tests/support/fake_transfer/transfer_world.h"

// Everything at once on real threads; under the thread and address sanitizers it shows that nobody touches
// what is not theirs.
namespace batuta::transfer {
namespace {

using ::testing::IsEmpty;

constexpr auto kPatience = std::chrono::seconds(100);

class CountingObserver final : public TransferObserver {
 public:
  explicit CountingObserver(std::atomic<int>& finished) : finished_(finished) {}

  void OnProgress(uint64_t done_bytes, uint64_t) override {
    if (has_left || is_finished) ++misplaced_calls;
    last_done_bytes = done_bytes;
  }

  void OnWaiting(const transport::WaitInfo&, const absl::Status&, int) override {
    if (has_left || is_finished) ++misplaced_calls;
  }

  void OnFinished(const absl::Status& status) override {
    if (has_left || is_finished) ++misplaced_calls;
    is_finished = true;
    is_ok = status.ok();
    finished_.fetch_add(1);
  }

  bool has_left = false;
  bool is_finished = false;
  bool is_ok = false;
  int misplaced_calls = 0;
  uint64_t last_done_bytes = 0;

 private:
  std::atomic<int>& finished_;
};

class TransfersStressTest : public ::testing::Test {
 protected:
  struct Blob {
    std::string content;
    Entry entry;
    std::shared_ptr<FakeRangeSource> source;
  };

  struct Joined {
    size_t blob = 0;
    TransferId id = 0;
    std::shared_ptr<CountingObserver> observer;
  };

  static TransferOptions Options() {
    TransferOptions options = SmallOptions();
    options.backoff = {std::chrono::milliseconds(10), 1.5, std::chrono::milliseconds(20)};
    options.blobs_in_flight = 6;
    options.connections = 24;
    return options;
  }

  // One fetch of four is cut somewhere, one of eight expires, one of sixteen has its range ignored.
  static FakeRangeSource::Script Flaky(uint32_t seed) {
    return [random = std::mt19937(seed)](int, transport::ByteRange range) mutable {
      FakeRangeSource::Answer answer;
      if (random() % 4 == 0) answer.cut_after_bytes = random() % (range.size() + 1);
      if (random() % 8 == 0) {
        answer.refusal =
            MakeError(absl::StatusCode::kUnavailable, reason::kLinkExpired, "the link has run out");
      }
      answer.ignores_range = random() % 16 == 0;
      return answer;
    };
  }

  void Make(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      const auto seed = static_cast<uint32_t>(i + 1);
      std::string content = MakeContent(i % 3 == 0 ? 3'000 * i : 90'000 * (i % 11 + 1), seed);
      const Entry entry = EntryOf(content, i % 2 == 0 ? BlobId::Kind::kSha256 : BlobId::Kind::kGitSha1);
      auto source = FakeRangeSource::Make(*network_, content, 16 * 1024);
      source->SetScript(Flaky(seed));
      blobs_.push_back({std::move(content), entry, std::move(source)});
    }
  }

  void Join(size_t blob) {
    const auto priority = static_cast<Priority>(blob % 3);
    auto observer = std::make_shared<CountingObserver>(finished_);
    const TransferId id =
        transfers_->Join({TestRepo(), blobs_[blob].entry, blobs_[blob].source, priority, true}, observer);
    joined_.push_back({blob, id, observer});
  }

  // A third of those who are not finished leave.
  void LeaveSome(std::mt19937& random) {
    for (Joined& each : joined_) {
      if (each.observer->is_finished || each.observer->has_left || random() % 3 != 0) continue;
      each.observer->has_left = true;
      ++left_;
      transfers_->Leave(each.id);
    }
  }

  // False when it does not come true in time.
  static bool WaitFor(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }

  bool AllFinished() {
    return RunOn(*core_, [this] { return finished_.load() + left_ == static_cast<int>(joined_.size()); });
  }

  void Drain() {
    std::atomic<bool> is_drained = false;
    core_->Post([this, &is_drained] { transfers_->Drain([&is_drained] { is_drained = true; }); });
    ASSERT_TRUE(WaitFor([&is_drained] { return is_drained.load(); }));
  }

  FakeCache cache_;
  BufferPool buffers_{12, 16 * 1024};
  SystemClock clock_;
  std::unique_ptr<Sequence> network_ = Sequence::Start("network");
  std::unique_ptr<WorkerPool> disk_ = WorkerPool::Start("disk", 3);
  std::unique_ptr<Sequence> core_ = Sequence::Start("core");
  std::unique_ptr<Transfers> transfers_ =
      Transfers::Create(Options(), cache_, *core_, *disk_, buffers_, clock_);
  std::vector<Blob> blobs_;
  std::vector<Joined> joined_;
  std::atomic<int> finished_ = 0;
  int left_ = 0;
};

TEST_F(TransfersStressTest, ManyBlobsOverABadNetworkWithPeopleComingAndGoing) {
  Make(40);
  std::mt19937 random(11);
  for (int round = 0; round < 6; ++round) {
    RunOn(*core_, [&] {
      for (int i = 0; i < 15; ++i) Join(random() % blobs_.size());
      if (round % 2 == 1) LeaveSome(random);
    });
  }
  RunOn(*core_, [&] {
    for (size_t i = 0; i < blobs_.size(); ++i) Join(i);
  });
  ASSERT_TRUE(WaitFor([this] { return AllFinished(); }));
  Drain();

  for (const Blob& blob : blobs_) {
    EXPECT_EQ(cache_.Published(TestRepo(), blob.entry.blob), blob.content);
  }
  for (const Joined& each : joined_) {
    EXPECT_EQ(each.observer->misplaced_calls, 0);
    EXPECT_TRUE(each.observer->has_left || each.observer->is_ok);
  }
  EXPECT_THAT(cache_.complaints(), IsEmpty());
  EXPECT_EQ(cache_.open_partials(), 0);
}

TEST_F(TransfersStressTest, DrainInTheMiddleLeavesNothingHalf) {
  Make(30);
  RunOn(*core_, [&] {
    for (size_t i = 0; i < blobs_.size(); ++i) Join(i);
  });
  ASSERT_TRUE(WaitFor([this] { return finished_.load() >= 5; }));
  Drain();

  EXPECT_EQ(finished_.load(), 30);
  EXPECT_EQ(cache_.open_partials(), 0);
  for (const Joined& each : joined_) {
    const Blob& blob = blobs_[each.blob];
    EXPECT_EQ(each.observer->misplaced_calls, 0);
    const auto published = cache_.Published(TestRepo(), blob.entry.blob);
    EXPECT_EQ(published.has_value(), each.observer->is_ok);
    EXPECT_EQ(published.value_or(blob.content), blob.content);
  }
  EXPECT_THAT(cache_.complaints(), IsEmpty());
  RunOn(*core_, [this] { transfers_.reset(); });
}

TEST_F(TransfersStressTest, FiveThousandSmallFilesCostLittle) {
  constexpr size_t kCount = 5'000;
  for (uint32_t i = 0; i < kCount; ++i) {
    std::string content = MakeContent(4'096, i + 1);
    const Entry entry = EntryOf(content, BlobId::Kind::kGitSha1);
    auto source = FakeRangeSource::Make(*network_, content, 16 * 1024);
    blobs_.push_back({std::move(content), entry, std::move(source)});
  }
  RunOn(*core_, [&] {
    for (size_t i = 0; i < kCount; ++i) Join(i);
  });
  ASSERT_TRUE(WaitFor([this] { return finished_.load() == static_cast<int>(kCount); }));
  Drain();
  for (const Joined& each : joined_) ASSERT_TRUE(each.observer->is_ok);
}

}  // namespace
}  // namespace batuta::transfer
