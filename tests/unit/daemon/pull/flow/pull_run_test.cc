#include <chrono>
#include <filesystem>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/support/pull/pull_fixture.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::pull {

namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class PullRunTest : public PullFixture {
 protected:
  std::string Ref(std::string_view name) const {
    std::error_code error;
    const auto path = folder_ / "hub" / "models--acme--otter" / "refs" / name;
    if (!std::filesystem::exists(path, error)) return {};
    absl::StatusOr<std::string> text = ReadSmallFile(*files_, path);
    return text.ok() ? *text : std::string();
  }
};

TEST_F(PullRunTest, PublishesEveryFileThenTreeAndRef) {
  ServeOtter();
  const std::unique_ptr<PullRun> run = StartRun(RequestFor(Model("acme/otter")));
  EXPECT_EQ(Ref("main"), "");

  DeliverAll();

  ASSERT_TRUE(observer_.finished.has_value());
  EXPECT_THAT(*observer_.finished, IsOk());
  EXPECT_THAT(observer_.files_done, UnorderedElementsAre(0, 1, 2));
  EXPECT_EQ(SnapshotFile(Model("acme/otter"), Commit('a'), "model-00002-of-00002.safetensors"),
            contents_[std::string(64, '3')]);
  EXPECT_EQ(Ref("main"), std::string(40, 'a'));
  ASSERT_OK_AND_ASSIGN(const std::optional<Tree> tree, cache_->ReadTree(Model("acme/otter"), Commit('a')));
  EXPECT_TRUE(tree.has_value());
}

TEST_F(PullRunTest, RefIsNotWrittenWhileOneFileIsMissing) {
  ServeOtter();
  const std::unique_ptr<PullRun> run = StartRun(RequestFor(Model("acme/otter")));

  transfers_->Deliver(0, "{}");
  core_.RunUntilIdle();

  EXPECT_FALSE(observer_.finished.has_value());
  EXPECT_EQ(Ref("main"), "");
}

TEST_F(PullRunTest, FilesWithTheSameBlobAreMovedOnce) {
  contents_[std::string(64, '4')] = "same";
  hub_.Serve(Model("acme/twins"), Revision::Main(),
             Tree{Commit('b'), {File("a.txt", "same", '4'), File("b/c.txt", "same", '4')}});

  const std::unique_ptr<PullRun> run = StartRun(RequestFor(Model("acme/twins")));
  EXPECT_THAT(transfers_->wanted(), SizeIs(1));
  DeliverAll();

  EXPECT_THAT(*observer_.finished, IsOk());
  EXPECT_EQ(SnapshotFile(Model("acme/twins"), Commit('b'), "b/c.txt"), "same");
  EXPECT_THAT(observer_.files_done, UnorderedElementsAre(0, 1));
}

TEST_F(PullRunTest, BlobOfAnOlderCommitIsLinkedNotMoved) {
  ServeOtter();
  const std::unique_ptr<PullRun> first = StartRun(RequestFor(Model("acme/otter")));
  DeliverAll();
  hub_.Serve(Model("acme/otter"), Revision::Parse("v2").value(),
             Tree{Commit('c'), {File("renamed.json", "{}", '1'), File("new.txt", "new", '5')}});
  contents_[std::string(64, '5')] = "new";
  observer_ = RecordingObserver();
  PullRequest request = RequestFor(Model("acme/otter"));
  request.revision = Revision::Parse("v2").value();
  const size_t before = transfers_->wanted().size();

  const std::unique_ptr<PullRun> run = StartRun(request);

  EXPECT_EQ(transfers_->wanted().size(), before + 1);
  EXPECT_THAT(observer_.cached, ElementsAre(0));
  DeliverAll();
  EXPECT_EQ(SnapshotFile(Model("acme/otter"), Commit('c'), "renamed.json"), "{}");
}

TEST_F(PullRunTest, TransientErrorWhilePlanningIsWaitedOut) {
  ServeOtter();
  hub_.FailNext(MakeError(absl::StatusCode::kUnavailable, reason::kHubUnreachable, "no route"));
  const std::unique_ptr<PullRun> run = StartRun(RequestFor(Model("acme/otter")));
  EXPECT_THAT(observer_.waits, ElementsAre("network"));
  EXPECT_EQ(observer_.attempts, 1);

  core_.AdvanceAndRunUntilIdle(1s);
  DeliverAll();

  ASSERT_TRUE(observer_.finished.has_value());
  EXPECT_THAT(*observer_.finished, IsOk());
}

TEST_F(PullRunTest, CallerWhoWillNotWaitGetsTheTransientErrorAtOnce) {
  ServeOtter();
  hub_.FailNext(MakeError(absl::StatusCode::kUnavailable, reason::kHubUnreachable, "no route"));
  PullRequest request = RequestFor(Model("acme/otter"));
  request.may_wait = false;

  const std::unique_ptr<PullRun> run = StartRun(request);

  ASSERT_TRUE(observer_.finished.has_value());
  EXPECT_THAT(*observer_.finished, HasReason(reason::kHubUnreachable));
  EXPECT_THAT(observer_.waits, IsEmpty());
}

TEST_F(PullRunTest, WaitsWhenNoFileMovesAndNotBefore) {
  ServeOtter();
  const std::unique_ptr<PullRun> run = StartRun(RequestFor(Model("acme/otter")));
  const transport::WaitInfo limit{
      .reason = "rate limit", .window = "resolvers", .until = clock_.wall() + 60s};
  ASSERT_THAT(transfers_->wanted(), SizeIs(3));

  transfers_->Progress(1, 2, 2);
  transfers_->Wait(0, limit, absl::OkStatus(), 0);
  transfers_->Wait(2, limit, absl::OkStatus(), 0);
  EXPECT_THAT(observer_.waits, IsEmpty()) << "one still moves";
  transfers_->Deliver(1, contents_[transfers_->wanted()[1].spec.entry.blob.hex()]);
  core_.RunUntilIdle();
  EXPECT_THAT(observer_.waits, ElementsAre("rate limit"));

  transfers_->Progress(0, 1, 1);
  transfers_->Wait(0, limit, absl::OkStatus(), 0);
  EXPECT_THAT(observer_.waits, ElementsAre("rate limit", "rate limit")) << "it moved in between";
  clock_.Advance(61s);
  transfers_->Deliver(0, contents_[transfers_->wanted()[0].spec.entry.blob.hex()]);
  core_.RunUntilIdle();
  EXPECT_THAT(observer_.waits, SizeIs(2)) << "the last may go on and will be heard of";
  DeliverAll();
  EXPECT_THAT(*observer_.finished, IsOk());
}

TEST_F(PullRunTest, FailedBlobEndsTheRunNamesTheFileAndLeavesTheOthers) {
  ServeOtter();
  const std::unique_ptr<PullRun> run = StartRun(RequestFor(Model("acme/otter")));

  transfers_->Fail(1, MakeError(absl::StatusCode::kDataLoss, reason::kDigestMismatch, "wrong bytes"));
  core_.RunUntilIdle();

  ASSERT_TRUE(observer_.finished.has_value());
  EXPECT_THAT(*observer_.finished, HasReason(reason::kDigestMismatch));
  EXPECT_THAT(*observer_.finished, HasMessage(testing::StartsWith("model-00001-of-00002.safetensors: ")));
  EXPECT_THAT(observer_.failed, ElementsAre(1));
  EXPECT_THAT(transfers_->open(), IsEmpty());
  EXPECT_EQ(Ref("main"), "");
}

TEST_F(PullRunTest, StopLeavesEveryTransferAndSaysNothingMore) {
  ServeOtter();
  const std::unique_ptr<PullRun> run = StartRun(RequestFor(Model("acme/otter")));

  run->Stop();
  core_.RunUntilIdle();

  EXPECT_THAT(transfers_->open(), IsEmpty());
  EXPECT_FALSE(observer_.finished.has_value());
}

TEST_F(PullRunTest, DroppingTheRunWhilePlanningIsSafe) {
  ServeOtter();
  std::unique_ptr<PullRun> run =
      PullRun::Start(Context(), RequestFor(Model("acme/otter")), hub::Access{}, observer_);

  run.reset();
  core_.RunUntilIdle();

  EXPECT_FALSE(observer_.finished.has_value());
  EXPECT_THAT(transfers_->wanted(), IsEmpty());
}

TEST_F(PullRunTest, PullThatCannotFitFailsBeforeAByteWithTheNumbers) {
  Entry huge = File("model.safetensors", "", '6');
  huge.size_bytes = uint64_t{1} << 60;
  hub_.Serve(Model("acme/huge"), Revision::Main(), Tree{Commit('d'), {huge}});

  const std::unique_ptr<PullRun> run = StartRun(RequestFor(Model("acme/huge")));

  ASSERT_TRUE(observer_.finished.has_value());
  EXPECT_THAT(*observer_.finished, HasReason(reason::kDiskFull));
  EXPECT_EQ(DetailsOf(*observer_.finished).facts.at("needed_bytes"), std::to_string(uint64_t{1} << 60));
  EXPECT_THAT(transfers_->wanted(), IsEmpty());
}

TEST_F(PullRunTest, TwoPullsAtOnceDoNotCountOnTheSameSpace) {
  const uint64_t free_bytes = cache_->Space()->free_bytes;
  Entry first = File("model.safetensors", "", '6');
  Entry second = File("model.safetensors", "", '7');
  first.size_bytes = second.size_bytes = free_bytes / 10 * 6;
  hub_.Serve(Model("acme/one"), Revision::Main(), Tree{Commit('d'), {first}});
  hub_.Serve(Model("acme/two"), Revision::Main(), Tree{Commit('e'), {second}});

  std::unique_ptr<PullRun> one = StartRun(RequestFor(Model("acme/one")));
  EXPECT_FALSE(observer_.finished.has_value());
  RecordingObserver other;
  const std::unique_ptr<PullRun> refused =
      PullRun::Start(Context(), RequestFor(Model("acme/two")), hub::Access{}, other);
  core_.RunUntilIdle();
  ASSERT_TRUE(other.finished.has_value());
  EXPECT_THAT(*other.finished, HasReason(reason::kDiskFull));

  one.reset();
  const std::unique_ptr<PullRun> two = StartRun(RequestFor(Model("acme/two")));
  EXPECT_FALSE(observer_.finished.has_value());
}

TEST_F(PullRunTest, WhatAnEarlierRunLeftNeedsNoSpaceAgain) {
  const uint64_t left_bytes = 1 << 20;
  Entry huge = File("model.safetensors", "", '6');
  huge.size_bytes = uint64_t{1} << 60;
  hub_.Serve(Model("acme/huge"), Revision::Main(), Tree{Commit('d'), {huge}});
  {
    auto partial = cache_->OpenPartial(Model("acme/huge"), huge.blob, huge.size_bytes);
    ASSERT_THAT(partial, IsOk());
    ASSERT_THAT((*partial)->WriteAt(0, std::vector<std::byte>(left_bytes)), IsOk());
    ASSERT_THAT((*partial)->Checkpoint({{0, left_bytes}}, {}), IsOk());
  }

  const std::unique_ptr<PullRun> run = StartRun(RequestFor(Model("acme/huge")));

  ASSERT_TRUE(observer_.finished.has_value());
  EXPECT_LE(std::stoull(DetailsOf(*observer_.finished).facts.at("needed_bytes")),
            huge.size_bytes - left_bytes);
}

TEST_F(PullRunTest, HugeRepoIsHandedOutAWindowAtATime) {
  Tree tree{Commit('e'), {}};
  for (int number = 0; number < 300; ++number) {
    const std::string blob = fmt::format("{:064x}", number + 1);
    contents_[blob] = fmt::format("{:04}", number);
    tree.entries.push_back({.path = RepoPath::Parse(fmt::format("data/{}.txt", number)).value(),
                            .size_bytes = 4,
                            .blob = BlobId::Parse(blob).value(),
                            .git_oid = std::string(40, '7')});
  }
  const RepoId repo = RepoId::Parse(RepoType::kDataset, "acme/many").value();
  hub_.Serve(repo, Revision::Main(), tree);

  const std::unique_ptr<PullRun> run = StartRun(RequestFor(repo));
  EXPECT_EQ(transfers_->wanted().size(), Context().window);
  DeliverAll();

  EXPECT_THAT(*observer_.finished, IsOk());
  EXPECT_THAT(observer_.files_done, SizeIs(300));
}

}  // namespace

}  // namespace batuta::pull
