#include <filesystem>

#include <gmock/gmock.h>

#include "tests/support/fake_transfer/fake_range_source.h"
#include "tests/support/pull/pull_fixture.h"
#include "tests/support/status/status_matchers.h"

// What the guard keeps out of a snapshot. The fake inspection goes by the first byte: p is a pickle, m
// malicious, i invalid.
namespace batuta::pull {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class GuardedRunTest : public PullFixture {
 protected:
  // As main of acme/otter: entries by path, each with its content.
  void Serve(const std::vector<std::pair<std::string, std::string>>& files) {
    Tree tree{Commit('a'), {}};
    char digit = '1';
    for (const auto& [path, content] : files) {
      contents_[std::string(64, digit)] = content;
      tree.entries.push_back(File(path, content, digit++));
    }
    hub_.Serve(otter_, Revision::Main(), tree);
  }

  PullRequest Otter(std::vector<std::string> allowed = {}) {
    PullRequest request = RequestFor(otter_);
    request.selection.allow_unsafe = std::move(allowed);
    return request;
  }

  bool IsThere(std::string_view path) const {
    std::error_code error;
    return std::filesystem::exists(cache_->SnapshotPath(otter_, Commit('a')) / path, error);
  }

  bool HasRef() const {
    std::error_code error;
    return std::filesystem::exists(folder_ / "hub" / "models--acme--otter" / "refs" / "main", error);
  }

  // Puts the blob into the cache without a link, as another revision would.
  void Bring(const RepoId& repo, std::string_view content, char digit) {
    auto partial = cache_->OpenPartial(repo, *BlobId::Parse(std::string(64, digit)), content.size());
    ASSERT_THAT(partial, IsOk());
    ASSERT_THAT((*partial)->WriteAt(0, std::as_bytes(std::span(content))), IsOk());
    ASSERT_THAT((*partial)->Publish({}), IsOk());
  }

  const RepoId otter_ = Model("acme/otter");
};

TEST_F(GuardedRunTest, ARefusedFileDoesNotHoldUpTheOthersAndThereIsNoRef) {
  Serve({{"config.json", "{}"},
         {"a.safetensors", "pickle"},
         {"b.safetensors", "safe"},
         {"c.safetensors", "invalid"}});
  const auto run = StartRun(Otter());
  DeliverAll();

  ASSERT_TRUE(observer_.finished.has_value());
  EXPECT_THAT(*observer_.finished,
              AllOf(HasReason("UNSAFE_CONTENT"),
                    HasMessage(AllOf(HasSubstr("a.safetensors"), HasSubstr("c.safetensors"),
                                     Not(HasSubstr("b.safetensors"))))));
  EXPECT_THAT(observer_.failed, testing::UnorderedElementsAre(1, 3));
  EXPECT_TRUE(IsThere("b.safetensors"));
  EXPECT_FALSE(IsThere("a.safetensors"));
  EXPECT_FALSE(HasRef());
}

TEST_F(GuardedRunTest, WhatIsOnlyInvalidIsToldFromWhatIsUnsafe) {
  Serve({{"a.safetensors", "invalid"}});
  const auto run = StartRun(Otter());
  DeliverAll();
  EXPECT_THAT(*observer_.finished, HasReason("INVALID_CONTENT"));
}

TEST_F(GuardedRunTest, WhatTheCallerAdmitsComesInWithAWarning) {
  Serve({{"pytorch_model.bin", "pickle"}, {"config.json", "{}"}});
  const auto run = StartRun(Otter({"pickle"}));
  DeliverAll();

  EXPECT_THAT(*observer_.finished, IsOk());
  EXPECT_TRUE(IsThere("pytorch_model.bin"));
  EXPECT_THAT(observer_.warnings, ElementsAre(testing::Pair(0, HasSubstr("looks bad"))));
}

TEST_F(GuardedRunTest, TheNextPullOfThatCommitGoesByTheConsent) {
  Serve({{"a.safetensors", "pickle"}});
  const auto first = StartRun(Otter({"pickle"}));
  DeliverAll();
  observer_ = RecordingObserver();

  const auto second = StartRun(Otter());

  EXPECT_THAT(*observer_.finished, IsOk());
  EXPECT_THAT(observer_.warnings, SizeIs(1));
}

TEST_F(GuardedRunTest, WhatIsInTheCacheAlreadyIsJudgedBeforeItIsLinked) {
  Serve({{"a.safetensors", "pickle"}, {"b.safetensors", "safe"}});
  Bring(otter_, "pickle", '1');
  Bring(otter_, "safe", '2');

  const auto run = StartRun(Otter());

  EXPECT_THAT(transfers_->wanted(), IsEmpty());
  EXPECT_THAT(*observer_.finished, HasReason("UNSAFE_CONTENT"));
  EXPECT_FALSE(IsThere("a.safetensors"));
  EXPECT_TRUE(IsThere("b.safetensors"));
}

TEST_F(GuardedRunTest, WhatAnotherToolPutIntoTheSnapshotIsRefusedToo) {
  Serve({{"a.safetensors", "malicious"}});
  Bring(otter_, "malicious", '1');
  ASSERT_THAT(cache_->LinkExisting(otter_, Commit('a'), File("a.safetensors", "malicious", '1')), IsOk());

  const auto run = StartRun(Otter({"pickle", "code"}));

  EXPECT_THAT(*observer_.finished, HasReason("UNSAFE_CONTENT"));
  EXPECT_TRUE(IsThere("a.safetensors")) << "what others have put there is theirs";
}

TEST_F(GuardedRunTest, WhatALookByRangesRefusesIsNeverFetched) {
  const std::string large = "m" + std::string(8 << 20, 'x');
  Serve({{"a.safetensors", large}, {"b.safetensors", "safe"}});
  const auto source = transfer::FakeRangeSource::Make(core_, large, 64 << 10);
  hub_.ServeFile(*BlobId::Parse(std::string(64, '1')), source);

  const auto run = StartRun(Otter());
  ASSERT_THAT(transfers_->wanted(), SizeIs(1)) << "the other one is fetched";
  DeliverAll();

  EXPECT_THAT(*observer_.finished,
              AllOf(HasReason("UNSAFE_CONTENT"), HasMessage(HasSubstr("a.safetensors"))));
  EXPECT_LE(source->sent_bytes(), 128U << 10);
  EXPECT_TRUE(IsThere("b.safetensors"));
}

TEST_F(GuardedRunTest, ALookThatCannotBeHadRefusesNothing) {
  const std::string large = "s" + std::string(2 << 20, 'x');
  Serve({{"a.safetensors", large}});
  const auto source = transfer::FakeRangeSource::Make(core_, large, 64 << 10);
  source->SetScript([](int, transport::ByteRange) {
    transfer::FakeRangeSource::Answer answer;
    answer.refusal = absl::UnavailableError("no");
    return answer;
  });
  hub_.ServeFile(*BlobId::Parse(std::string(64, '1')), source);

  const auto run = StartRun(Otter());
  ASSERT_THAT(transfers_->wanted(), SizeIs(1));
  DeliverAll();

  EXPECT_THAT(*observer_.finished, IsOk());
}

TEST_F(GuardedRunTest, OnlyWhatLooksInvalidTwiceIsRefusedBeforeItIsFetched) {
  const std::string large = "I" + std::string(2 << 20, 'x');  // damaged, it begins with i
  Serve({{"once.safetensors", large}, {"always.safetensors", large + "x"}});
  std::vector<std::shared_ptr<transfer::FakeRangeSource>> sources;
  for (const int damaged : {1, 100}) {
    const char digit = damaged == 1 ? '1' : '2';
    sources.push_back(transfer::FakeRangeSource::Make(core_, contents_[std::string(64, digit)], 64 << 10));
    sources.back()->SetScript([damaged](int fetch, transport::ByteRange) {
      transfer::FakeRangeSource::Answer answer;
      if (fetch < damaged) answer.wrong_byte_at = 0;
      return answer;
    });
    hub_.ServeFile(*BlobId::Parse(std::string(64, digit)), sources.back());
  }

  const auto run = StartRun(Otter());
  EXPECT_THAT(transfers_->wanted(), SizeIs(1));
  DeliverAll();

  ASSERT_TRUE(observer_.finished.has_value());
  EXPECT_THAT(*observer_.finished,
              AllOf(HasReason("INVALID_CONTENT"), HasMessage(HasSubstr("always.safetensors"))));
  EXPECT_TRUE(IsThere("once.safetensors"));
}

TEST_F(GuardedRunTest, ALookThatIsNeverAnsweredIsGivenUp) {
  const std::string large = "s" + std::string(2 << 20, 'x');
  Serve({{"a.safetensors", large}});
  const auto source = transfer::FakeRangeSource::Make(core_, large, 64 << 10);
  source->SetScript([](int, transport::ByteRange) {
    transfer::FakeRangeSource::Answer answer;
    answer.stall_after_bytes = 10;
    return answer;
  });
  hub_.ServeFile(*BlobId::Parse(std::string(64, '1')), source);

  const auto run = StartRun(Otter());
  EXPECT_THAT(transfers_->wanted(), IsEmpty());
  core_.AdvanceAndRunUntilIdle(std::chrono::seconds(30));
  EXPECT_THAT(transfers_->wanted(), SizeIs(1));
}

TEST_F(GuardedRunTest, WhatTheLookFetchedIsNotFetchedAgainAndIsCounted) {
  const std::string large = "s" + std::string(2 << 20, 'x');
  Serve({{"a.safetensors", large}});
  const auto source = transfer::FakeRangeSource::Make(core_, large, 64 << 10);
  hub_.ServeFile(*BlobId::Parse(std::string(64, '1')), source);

  const auto run = StartRun(Otter());

  const auto partial = cache_->OpenPartial(otter_, *BlobId::Parse(std::string(64, '1')), large.size());
  ASSERT_THAT(partial, IsOk());
  uint64_t believed = 0;
  for (const cache::Extent& extent : (*partial)->believed()) believed += extent.end - extent.begin;
  EXPECT_GT(believed, 0U);
  EXPECT_EQ(believed, source->sent_bytes());
  EXPECT_EQ(observer_.received, source->sent_bytes());
}

TEST_F(GuardedRunTest, OfTwoRunsThatWantABlobOneLooksAtIt) {
  const std::string large = "s" + std::string(2 << 20, 'x');
  Serve({{"a.safetensors", large}});
  const auto source = transfer::FakeRangeSource::Make(core_, large, 64 << 10);
  hub_.ServeFile(*BlobId::Parse(std::string(64, '1')), source);
  RecordingObserver other;
  const auto first = PullRun::Start(Context(), Otter(), hub::Access{}, observer_);
  const auto second = PullRun::Start(Context(), Otter(), hub::Access{}, other);
  core_.RunUntilIdle();

  EXPECT_THAT(transfers_->wanted(), SizeIs(2));
  EXPECT_THAT(source->requests(), SizeIs(2)) << "the beginning and the end, once";
}

TEST_F(GuardedRunTest, AStoppedRunEndsItsLook) {
  const std::string large = "s" + std::string(2 << 20, 'x');
  Serve({{"a.safetensors", large}});
  const auto source = transfer::FakeRangeSource::Make(core_, large, 64 << 10);
  source->SetScript([](int, transport::ByteRange) {
    transfer::FakeRangeSource::Answer answer;
    answer.stall_after_bytes = 10;
    return answer;
  });
  hub_.ServeFile(*BlobId::Parse(std::string(64, '1')), source);
  const auto run = StartRun(Otter());

  run->Stop();
  core_.RunUntilIdle();

  EXPECT_EQ(source->open(), 0);
}

}  // namespace
}  // namespace batuta::pull
