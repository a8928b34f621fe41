#include <filesystem>

#include <gmock/gmock.h>

#include "tests/support/pull/pull_fixture.h"
#include "tests/support/status/status_matchers.h"

// Files of a pull against each other. In the fake inspection an .index names other files, which begin with an
// s; of a file that begins with an m no pull wants anything.
namespace batuta::pull {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class AmongOthersTest : public PullFixture {
 protected:
  struct Served {
    std::string path;
    std::string content;
    char blob;
  };

  void Serve(const std::vector<Served>& files) {
    tree_ = {Commit('a'), {}};
    for (const Served& file : files) {
      contents_[std::string(64, file.blob)] = file.content;
      tree_.entries.push_back(File(file.path, file.content, file.blob));
    }
    hub_.Serve(otter_, Revision::Main(), tree_);
  }

  PullRequest Otter(std::vector<std::string> paths = {}) {
    PullRequest request = RequestFor(otter_);
    request.selection.paths = std::move(paths);
    return request;
  }

  // As another pull left it.
  void Bring(const Served& file, bool is_linked) {
    const Entry entry = File(file.path, file.content, file.blob);
    auto partial = cache_->OpenPartial(otter_, entry.blob, entry.size_bytes);
    ASSERT_THAT(partial, IsOk());
    ASSERT_THAT((*partial)->WriteAt(0, std::as_bytes(std::span(file.content))), IsOk());
    ASSERT_THAT((*partial)->Publish({}), IsOk());
    if (is_linked) {
      ASSERT_THAT(cache_->LinkExisting(otter_, Commit('a'), entry), IsOk());
    }
  }

  void Deliver(char blob) {
    for (const size_t index : transfers_->open()) {
      const std::string hex = transfers_->wanted()[index].spec.entry.blob.hex();
      if (hex.front() == blob) transfers_->Deliver(index, contents_.at(hex));
    }
    core_.RunUntilIdle();
  }

  bool IsThere(std::string_view path) const {
    return std::filesystem::exists(cache_->SnapshotPath(otter_, Commit('a')) / path);
  }

  bool HasRef() const {
    return std::filesystem::exists(folder_ / "hub" / "models--acme--otter" / "refs" / "main");
  }

  void ExpectRefused(const std::string& why) {
    ASSERT_TRUE(observer_.finished.has_value());
    EXPECT_THAT(*observer_.finished,
                AllOf(HasReason("INVALID_CONTENT"), HasMessage(AllOf(HasSubstr("m.index"), HasSubstr(why)))));
    EXPECT_FALSE(IsThere("m.index"));
    EXPECT_FALSE(HasRef());
  }

  const RepoId otter_ = Model("acme/otter");
  const Served index_{"m.index", "1.json 2.json", 'a'};
  const Served one_{"1.json", "safe", '1'};
  const Served two_{"2.json", "safe too", '2'};
  const Served other_{"2.json", "other", '3'};
  Tree tree_{Commit('a'), {}};
};

TEST_F(AmongOthersTest, AnIndexIsLinkedWhenAllThatItNamesIsHere) {
  Serve({index_, one_, two_});
  const auto run = StartRun(Otter());
  Deliver('a');
  Deliver('1');
  EXPECT_TRUE(IsThere("1.json"));
  EXPECT_FALSE(IsThere("m.index")) << "2.json is on its way";
  EXPECT_THAT(observer_.files_done, ElementsAre(1));

  Deliver('2');

  EXPECT_TRUE(IsThere("m.index"));
  EXPECT_THAT(observer_.files_done, ElementsAre(1, 2, 0));
  EXPECT_THAT(*observer_.finished, IsOk());
}

TEST_F(AmongOthersTest, AnIndexThatAgreesWithNothingIsRefusedAndTheOthersComeIn) {
  Serve({index_, one_, other_});
  const auto run = StartRun(Otter());
  DeliverAll();

  ExpectRefused("2.json is another");
  EXPECT_THAT(observer_.failed, ElementsAre(0));
  EXPECT_TRUE(IsThere("2.json"));
}

TEST_F(AmongOthersTest, WhatTheCommitDoesNotHaveIsMissing) {
  Serve({index_, one_});
  const auto run = StartRun(Otter());
  DeliverAll();
  ExpectRefused("2.json is missing");
}

TEST_F(AmongOthersTest, WhatThePullLeavesOutIsNotMissing) {
  Serve({index_, one_, other_});
  const auto run = StartRun(Otter({"m.index", "1.json"}));
  DeliverAll();
  EXPECT_THAT(*observer_.finished, IsOk());
  EXPECT_TRUE(IsThere("m.index"));
}

TEST_F(AmongOthersTest, WhatIsCachedCountsAsThereWhetherThePullTakesItOrNot) {
  Serve({index_, one_, other_});
  Bring(other_, /*is_linked=*/true);
  const auto run = StartRun(Otter({"m.index", "1.json"}));
  DeliverAll();
  ExpectRefused("2.json is another");
}

TEST_F(AmongOthersTest, AnIndexWhoseBlobIsHereWaitsForTheRestAndCountsAsCached) {
  Serve({index_, one_, two_});
  Bring(index_, /*is_linked=*/false);
  const auto run = StartRun(Otter());
  EXPECT_FALSE(IsThere("m.index"));
  EXPECT_THAT(observer_.cached, IsEmpty());

  DeliverAll();

  EXPECT_TRUE(IsThere("m.index"));
  EXPECT_THAT(observer_.cached, ElementsAre(0));
  EXPECT_THAT(observer_.files_done, UnorderedElementsAre(1, 2));
  EXPECT_THAT(*observer_.finished, IsOk());
}

TEST_F(AmongOthersTest, AnIndexThatStandsInTheSnapshotIsJudgedWithWhatComes) {
  Serve({index_, one_, other_});
  Bring(index_, /*is_linked=*/true);
  const auto run = StartRun(Otter());
  DeliverAll();

  EXPECT_THAT(*observer_.finished, AllOf(HasReason("INVALID_CONTENT"), HasMessage(HasSubstr("m.index"))));
  EXPECT_FALSE(HasRef());
  EXPECT_THAT(observer_.failed, ElementsAre(0));

  observer_ = RecordingObserver();
  const auto again = StartRun(Otter());
  EXPECT_THAT(*observer_.finished, HasReason("INVALID_CONTENT")) << "all is cached now";
}

TEST_F(AmongOthersTest, AnIndexThatStandsInTheSnapshotAndAgreesIsToldOfOnce) {
  Serve({index_, one_, two_});
  Bring(index_, /*is_linked=*/true);
  const auto run = StartRun(Otter());
  DeliverAll();
  EXPECT_THAT(*observer_.finished, IsOk());
  EXPECT_THAT(observer_.cached, IsEmpty()) << "the plan has said so";
  EXPECT_THAT(observer_.files_done, UnorderedElementsAre(1, 2));
}

TEST_F(AmongOthersTest, WhatIsRefusedIsNotWaitedFor) {
  Serve({index_, one_, {"2.json", "malicious", '3'}});
  const auto run = StartRun(Otter());
  DeliverAll();
  ASSERT_TRUE(observer_.finished.has_value());
  EXPECT_THAT(*observer_.finished, AllOf(HasReason("UNSAFE_CONTENT"), HasMessage(HasSubstr("2.json"))));
  EXPECT_TRUE(IsThere("m.index"));
  EXPECT_THAT(observer_.failed, ElementsAre(2));
}

TEST_F(AmongOthersTest, WhoAdmitsWhatIsInvalidGetsItWithAWarningAndIsRemembered) {
  Serve({index_, one_});
  PullRequest request = Otter();
  request.selection.allow_unsafe = {"invalid"};
  const auto run = StartRun(request);
  DeliverAll();
  EXPECT_THAT(*observer_.finished, IsOk());
  EXPECT_THAT(observer_.warnings, ElementsAre(testing::Pair(0, HasSubstr("2.json is missing"))));
  EXPECT_TRUE(HasRef());
  EXPECT_THAT(*consents_.Of(otter_), testing::SizeIs(1));

  observer_ = RecordingObserver();
  const auto again = StartRun(Otter());
  EXPECT_THAT(*observer_.finished, IsOk());
}

TEST_F(AmongOthersTest, WhereNobodyListedTheCommitNothingIsMissing) {
  Serve({index_, one_});
  Bring(index_, /*is_linked=*/true);
  Bring(one_, /*is_linked=*/true);
  ASSERT_THAT(cache_->WriteRef(otter_, Revision::Main(), Commit('a')), IsOk());
  planner_ = std::make_unique<Planner>(PlannerOptions{.offline = true}, hub_, *cache_, core_, disk_);
  const auto run = StartRun(Otter());
  EXPECT_THAT(*observer_.finished, IsOk());
}

}  // namespace
}  // namespace batuta::pull
