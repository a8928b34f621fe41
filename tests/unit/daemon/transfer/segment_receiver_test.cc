#include "daemon/transfer/segment_receiver.h"

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_transfer/transfer_world.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::transfer {
namespace {

using ::testing::ElementsAre;
using transport::DataResult;

// The test plays the transport.
class SilentSource final : public transport::RangeSource {
 public:
  transport::CallId Fetch(transport::ByteRange range, std::shared_ptr<transport::RangeHandler>) override {
    asked = range;
    return 7;
  }

  void Cancel(transport::CallId call) override { cancelled.push_back(call); }

  void Resume(transport::CallId call) override { resumed.push_back(call); }

  std::optional<transport::ByteRange> asked;
  std::vector<transport::CallId> cancelled;
  std::vector<transport::CallId> resumed;
};

class CollectingSink final : public SegmentSink {
 public:
  void Write(uint64_t offset, Buffer buffer, size_t length) override {
    offsets.push_back(offset);
    const std::span<std::byte> bytes = buffer.memory().first(length);
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (keeps_buffers) kept.push_back(std::move(buffer));
  }

  bool IsIdle() const override { return is_idle; }

  bool is_idle = false;
  std::vector<uint64_t> offsets;
  std::string text;
  bool keeps_buffers = false;
  std::vector<Buffer> kept;
};

class SegmentReceiverTest : public ::testing::Test {
 protected:
  std::shared_ptr<SegmentReceiver> Start(
      Extent range, SegmentReceiver::WholeObject whole = SegmentReceiver::WholeObject::kGiveUp) {
    return SegmentReceiver::Start(
        range, whole, source_, sink_, pool_, gate_,
        {[](const transport::WaitInfo&) {}, [this](const absl::Status& status) { ends_.push_back(status); }});
  }

  static DataResult Send(SegmentReceiver& receiver, const std::string& text) {
    return receiver.OnData(std::as_bytes(std::span(text)));
  }

  BufferPool pool_{2, 4};
  ManualTaskRunner timer_;
  std::shared_ptr<BandwidthLimit> limit_ = std::make_shared<BandwidthLimit>();
  std::shared_ptr<BandwidthGate> gate_ = std::make_shared<BandwidthGate>(limit_, timer_, timer_.clock());
  std::shared_ptr<SilentSource> source_ = std::make_shared<SilentSource>();
  std::shared_ptr<CollectingSink> sink_ = std::make_shared<CollectingSink>();
  std::vector<absl::Status> ends_;
};

TEST_F(SegmentReceiverTest, HandsOverFullBuffersAndTheRest) {
  const auto receiver = Start({10, 20});
  EXPECT_EQ(source_->asked, (transport::ByteRange{10, 20}));
  receiver->OnStart(10);

  EXPECT_EQ(Send(*receiver, "abcdef"), DataResult::kContinue);
  EXPECT_EQ(sink_->text, "abcd");
  EXPECT_EQ(receiver->Look().cursor, 16u);

  EXPECT_EQ(Send(*receiver, "ghij"), DataResult::kContinue)
      << "an answer that is over must not cost its connection";
  receiver->OnDone(absl::OkStatus());
  EXPECT_EQ(sink_->text, "abcdefghij");
  EXPECT_THAT(sink_->offsets, ElementsAre(10, 14, 18));
  EXPECT_THAT(ends_, ElementsAre(IsOk()));
}

TEST_F(SegmentReceiverTest, WhatCameBeforeACutIsHandedOver) {
  const auto receiver = Start({0, 10});
  receiver->OnStart(0);
  Send(*receiver, "abc");
  receiver->OnDone(Unreachable());

  EXPECT_EQ(sink_->text, "abc");
  EXPECT_EQ(receiver->Look().cursor, 3u);
  EXPECT_THAT(ends_, ElementsAre(HasReason(reason::kHubUnreachable)));
}

TEST_F(SegmentReceiverTest, PausesWithoutABufferAndTakesEachByteOnceWhenTheyComeAgain) {
  sink_->keeps_buffers = true;
  const auto receiver = Start({0, 12});
  receiver->OnStart(0);

  EXPECT_EQ(Send(*receiver, "abcdefghijkl"), DataResult::kPause);
  EXPECT_EQ(sink_->text, "abcdefgh");
  EXPECT_TRUE(receiver->Look().is_paused);
  EXPECT_TRUE(source_->resumed.empty());

  sink_->kept.clear();
  EXPECT_THAT(source_->resumed, ElementsAre(7));
  EXPECT_FALSE(receiver->Look().is_paused);
  // The same bytes, cut in another way.
  EXPECT_EQ(Send(*receiver, "abcde"), DataResult::kContinue);
  EXPECT_EQ(Send(*receiver, "fghijkl"), DataResult::kContinue);
  EXPECT_EQ(sink_->text, "abcdefghijkl");
  EXPECT_EQ(receiver->Look().received_bytes, 12u);
}

TEST_F(SegmentReceiverTest, PausesAtAClosedGateAndGoesOnWhenItOpens) {
  limit_->Set(10'000);  // pieces of 1 KiB
  const std::string text(4'000, 'x');
  const auto receiver = Start({0, 4'000});
  receiver->OnStart(0);

  EXPECT_EQ(Send(*receiver, text), DataResult::kPause);
  EXPECT_TRUE(receiver->Look().is_paused);
  const uint64_t at_first = receiver->Look().cursor;
  EXPECT_LT(at_first, 4'000u);

  timer_.AdvanceAndRunUntilIdle(std::chrono::milliseconds(200));
  EXPECT_FALSE(source_->resumed.empty());
  Send(*receiver, text);
  EXPECT_GT(receiver->Look().cursor, at_first);

  limit_->Set(0);
  timer_.AdvanceAndRunUntilIdle(std::chrono::milliseconds(200));
  Send(*receiver, text);
  EXPECT_EQ(sink_->text, text) << "each byte once, though they came three times";
}

TEST_F(SegmentReceiverTest, StopsAtAnEndThatWasMovedCloser) {
  const auto receiver = Start({0, 100});
  receiver->OnStart(0);
  Send(*receiver, "abc");

  EXPECT_FALSE(receiver->Shorten(3)) << "that far it has come already";
  EXPECT_FALSE(receiver->Shorten(100)) << "that is no shorter";
  EXPECT_TRUE(receiver->Shorten(5));
  EXPECT_EQ(Send(*receiver, "defgh"), DataResult::kStop);
  receiver->OnDone(absl::OkStatus());

  EXPECT_EQ(sink_->text, "abcde");
  EXPECT_EQ(receiver->Look().cursor, 5u);
  EXPECT_EQ(receiver->Look().range, (Extent{0, 5}));
}

TEST_F(SegmentReceiverTest, GivesUpOnAWholeObject) {
  const auto receiver = Start({5, 8});
  receiver->OnStart(0);

  EXPECT_TRUE(receiver->Look().is_range_ignored);
  EXPECT_EQ(Send(*receiver, "abcdefgh"), DataResult::kStop);
  EXPECT_EQ(sink_->text, "");
  EXPECT_EQ(receiver->Look().cursor, 5u);
}

TEST_F(SegmentReceiverTest, OrSkipsToTheRange) {
  const auto receiver = Start({5, 8}, SegmentReceiver::WholeObject::kSkip);
  receiver->OnStart(0);

  EXPECT_EQ(Send(*receiver, "abc"), DataResult::kContinue);
  EXPECT_EQ(Send(*receiver, "defg"), DataResult::kContinue);
  EXPECT_EQ(Send(*receiver, "hij"), DataResult::kStop);
  EXPECT_EQ(sink_->text, "fgh");
  EXPECT_THAT(sink_->offsets, ElementsAre(5));
}

TEST_F(SegmentReceiverTest, TakesNothingFromAnAnswerThatBeginsTooLate) {
  const auto receiver = Start({5, 8}, SegmentReceiver::WholeObject::kSkip);
  receiver->OnStart(6);
  EXPECT_EQ(Send(*receiver, "gh"), DataResult::kStop);
  EXPECT_EQ(sink_->text, "");
}

TEST_F(SegmentReceiverTest, AFlushHandsOverABufferThatIsNotFull) {
  const auto receiver = Start({0, 10});
  receiver->OnStart(0);
  Send(*receiver, "a");
  EXPECT_EQ(sink_->text, "");
  receiver->Flush();
  Send(*receiver, "b");
  EXPECT_EQ(sink_->text, "ab");
  Send(*receiver, "c");
  EXPECT_EQ(sink_->text, "ab");
}

}  // namespace
}  // namespace batuta::transfer
