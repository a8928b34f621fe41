#include "daemon/push/committer.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "common/status/status.h"
#include "tests/support/hub/fake_hub_client.h"
#include "tests/support/hub/fake_repo_writer.h"
#include "tests/support/runner/manual_task_runner.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::push {
namespace {

using namespace std::chrono_literals;
using hub::CommitFate;
using hub::CommitTitle;
using Kind = HistorySays::Kind;
using ::testing::SizeIs;

const RepoId kRepo = *RepoId::Parse(RepoType::kModel, "acme/otter");
const std::string kBlob(64, 'b');
const std::string kOtherBlob(64, 'd');

CommitId Id(char digit) {
  return *CommitId::Parse(std::string(40, digit));
}

absl::Status Lost() {
  return MakeError(absl::StatusCode::kUnavailable, reason::kHubUnreachable, "connection lost");
}

absl::Status Nonsense() {
  return MakeError(absl::StatusCode::kInternal, reason::kHubProtocol, "no JSON");
}

absl::Status Refused() {
  return MakeError(absl::StatusCode::kPermissionDenied, reason::kHubForbidden, "read only");
}

// The judgement over a history, newest first, of commits with titles.
HistorySays JudgeOf(std::optional<char> parent, const std::string& summary,
                    const std::vector<std::pair<char, std::string>>& history) {
  CommitIntent intent{.summary = summary};
  if (parent) intent.parent = Id(*parent);
  std::vector<CommitTitle> titles;
  for (const auto& [digit, title] : history)
    titles.push_back({.commit = Id(digit), .title = title, .message = ""});
  return Judge(intent, titles);
}

TEST(JudgeTest, TheBranchStandsAtTheParent) {
  EXPECT_EQ(JudgeOf('1', "Add", {{'1', "Add"}, {'0', "x"}}).kind, Kind::kNotMade);
}

TEST(JudgeTest, TheCommitAboveTheParentCounts) {
  const HistorySays says = JudgeOf('1', "Add", {{'2', "Add"}, {'1', "x"}});
  EXPECT_EQ(says.kind, Kind::kPerhaps);
  EXPECT_EQ(says.candidate, Id('2'));
}

TEST(JudgeTest, WhatOthersAddedOnTopDoesNotHideIt) {
  EXPECT_EQ(JudgeOf('1', "Add", {{'3', "more"}, {'2', "Add"}, {'1', "x"}}).candidate, Id('2'));
}

TEST(JudgeTest, SomebodyElsesCommitAboveTheParentIsAMove) {
  EXPECT_EQ(JudgeOf('1', "Add", {{'3', "Add"}, {'2', "theirs"}, {'1', "x"}}).kind, Kind::kMoved);
}

TEST(JudgeTest, AHistoryWithoutTheParentIsAMove) {
  EXPECT_EQ(JudgeOf('1', "Add", {{'3', "Add"}}).kind, Kind::kMoved);
  EXPECT_EQ(JudgeOf('1', "Add", {}).kind, Kind::kMoved);
}

TEST(JudgeTest, ATitleIsKnownByItsFirstLine) {
  EXPECT_EQ(JudgeOf('1', " Add otters \nand more", {{'2', "Add otters"}, {'1', "x"}}).kind, Kind::kPerhaps);
  EXPECT_EQ(JudgeOf('1', "Add otters", {{'2', "Add"}, {'1', "x"}}).kind, Kind::kMoved);
}

TEST(JudgeTest, TheFirstOfABranchIsItsOldest) {
  EXPECT_EQ(JudgeOf(std::nullopt, "Add", {}).kind, Kind::kNotMade);
  EXPECT_EQ(JudgeOf(std::nullopt, "Add", {{'2', "more"}, {'1', "Add"}}).candidate, Id('1'));
  EXPECT_EQ(JudgeOf(std::nullopt, "Add", {{'1', "theirs"}}).kind, Kind::kMoved);
}

TEST(FitsTest, EveryPathIsAsItWasIntended) {
  const Tree tree{
      .commit = Id('1'),
      .entries = {{.path = *RepoPath::Parse("a"), .size_bytes = 1, .blob = *BlobId::Parse(kBlob)},
                  {.path = *RepoPath::Parse("z"), .size_bytes = 1, .blob = *BlobId::Parse(kBlob)}}};
  const auto fits = [&tree](std::vector<IntendedFile> files) {
    return Fits({.files = std::move(files)}, tree);
  };
  EXPECT_TRUE(fits({{"a", kBlob}, {"gone", ""}}));
  EXPECT_FALSE(fits({{"a", kOtherBlob}}));
  EXPECT_FALSE(fits({{"missing", kBlob}}));
  EXPECT_FALSE(fits({{"a", ""}}));
}

// A repo, and one commit that is to be made in it.
struct CommitterWorld {
  CommitterWorld() { parent_ = writer_.CommitOfOthers(kRepo, Revision::Main(), "initial commit"); }

  CommitIntent Intent() const {
    return {.parent = parent_, .summary = "Add otters", .files = {{"model.bin", kBlob}}};
  }

  hub::CommitRequest Request() const {
    return {.repo = kRepo,
            .summary = "Add otters",
            .parent = parent_,
            .changes = {hub::LfsFile{*RepoPath::Parse("model.bin"), {*BlobId::Parse(kBlob), 1}}}};
  }

  CommitterContext Context() {
    return {.hub = hub_, .writer = writer_, .core = core_, .clock = core_.clock(), .backoff = {}};
  }

  CommitterCaller Caller(bool may_wait = true) {
    return {.repo = kRepo,
            .access = {},
            .may_wait = may_wait,
            .on_waiting = [this](const auto&, const absl::Status&, int) { ++waits_; }};
  }

  Committer::Done Done() {
    return [this](absl::StatusOr<Committer::Outcome> outcome) {
      outcome_ = std::move(outcome);
      ++calls_;
    };
  }

  void Begin(std::unique_ptr<Committer> committer) {
    committer_ = std::move(committer);
    core_.RunUntilIdle();
  }

  // Until it is through, or for so many waits.
  void RunOn(int most = 40) {
    core_.RunUntilIdle();
    for (int i = 0; i < most && calls_ == 0 && core_.next_delay(); ++i)
      core_.AdvanceAndRunUntilIdle(*core_.next_delay());
  }

  void Make(bool may_wait = true) {
    Begin(Committer::Make(Context(), Caller(may_wait), Intent(), Request(), Done()));
    RunOn();
  }

  void Settle() {
    Begin(Committer::Settle(Context(), Caller(), Intent(), Done()));
    RunOn();
  }

  // How many commits of the history are ours.
  size_t Ours() {
    size_t ours = 0;
    for (const CommitTitle& commit : writer_.history(Revision::Main()))
      ours += commit.title == "Add otters" ? 1U : 0U;
    return ours;
  }

  void ExpectMadeOnce() {
    ASSERT_EQ(calls_, 1);
    ASSERT_THAT(outcome_, IsOk());
    ASSERT_TRUE(outcome_->has_value());
    EXPECT_EQ(Ours(), 1U);
    for (const CommitTitle& commit : writer_.history(Revision::Main())) {
      if (commit.title == "Add otters") {
        EXPECT_EQ((*outcome_)->commit, commit.commit);
      }
    }
  }

  ManualTaskRunner core_;
  hub::FakeHubClient hub_{core_};
  hub::FakeRepoWriter writer_{hub_, core_};
  CommitId parent_ = Id('0');
  absl::StatusOr<Committer::Outcome> outcome_ = absl::UnknownError("never called back");
  int calls_ = 0;
  int waits_ = 0;
  std::unique_ptr<Committer> committer_;
};

class CommitterTest : public ::testing::Test, protected CommitterWorld {};

TEST_F(CommitterTest, MakesACommit) {
  Make();
  ExpectMadeOnce();
  EXPECT_EQ(writer_.commits_sent(), 1U);
  EXPECT_EQ(writer_.history_questions(), 0U) << "an answer needs no look at the history";
}

TEST_F(CommitterTest, ACommitWhoseAnswerWasLostIsFoundInTheHistory) {
  for (const absl::Status& status :
       {Lost(), Nonsense(), MakeError(absl::StatusCode::kOutOfRange, reason::kAnswerTooLarge, "too long")}) {
    SCOPED_TRACE(status.ToString());
    CommitterWorld other;
    other.writer_.Fate({CommitFate::Kind::kLost, status});
    other.Make();
    other.ExpectMadeOnce();
    EXPECT_EQ(other.writer_.commits_sent(), 1U);
  }
}

TEST_F(CommitterTest, ACommitThatNeverArrivedIsSentAgain) {
  writer_.Fate({CommitFate::Kind::kRefused, Lost()});
  writer_.Fate({CommitFate::Kind::kRefused, Lost()});
  Make();
  ExpectMadeOnce();
  EXPECT_EQ(writer_.commits_sent(), 3U);
  EXPECT_EQ(waits_, 2);
}

// The first is still under way when it is sent again, and gets there first: the hub refuses the second.
TEST_F(CommitterTest, ACommitThatArrivesLateIsNotMadeTwice) {
  writer_.Fate({CommitFate::Kind::kLate, Lost()});
  writer_.on_commit = [this] {
    if (writer_.commits_sent() == 2) writer_.ArriveLate();
  };
  Make();
  ExpectMadeOnce();
  EXPECT_EQ(writer_.commits_sent(), 2U);
}

// And when the second gets there first, the first is refused.
TEST_F(CommitterTest, ACommitThatArrivesAfterItsRepetitionIsRefused) {
  writer_.Fate({CommitFate::Kind::kLate, Lost()});
  Make();
  writer_.ArriveLate();
  ExpectMadeOnce();
}

// The first gets through between the look and the second, which is refused for another reason.
TEST_F(CommitterTest, ARefusalAfterALostAnswerIsNotBelievedBlindly) {
  writer_.Fate({CommitFate::Kind::kLate, Lost()});
  writer_.Fate({CommitFate::Kind::kRefused, Refused()});
  writer_.on_commit = [this] {
    if (writer_.commits_sent() == 2) writer_.ArriveLate();
  };
  Make();
  ExpectMadeOnce();
}

TEST_F(CommitterTest, ARefusalAfterALostAnswerHoldsWhereNothingWasMade) {
  writer_.Fate({CommitFate::Kind::kRefused, Lost()});
  writer_.Fate({CommitFate::Kind::kRefused, Refused()});
  Make();
  EXPECT_THAT(outcome_, HasReason(reason::kHubForbidden));
  EXPECT_EQ(writer_.commits_sent(), 2U);
}

TEST_F(CommitterTest, APlainRefusalIsFinal) {
  writer_.Fate({CommitFate::Kind::kRefused, Refused()});
  Make();
  EXPECT_THAT(outcome_, HasReason(reason::kHubForbidden));
  EXPECT_EQ(writer_.history_questions(), 0U);
  EXPECT_EQ(Ours(), 0U);
}

TEST_F(CommitterTest, ABranchThatOthersMovedIsLeftAlone) {
  writer_.CommitOfOthers(kRepo, Revision::Main(), "theirs");
  Make();
  EXPECT_THAT(outcome_, HasReason(reason::kRevisionMoved));
  EXPECT_EQ(Ours(), 0U);
  EXPECT_EQ(writer_.commits_sent(), 1U);
}

TEST_F(CommitterTest, ACommitOfOthersWithOurTitleAndOtherFilesIsNotOurs) {
  writer_.CommitOfOthers(kRepo, Revision::Main(), "Add otters", {{"model.bin", kOtherBlob}});
  Make();
  EXPECT_THAT(outcome_, HasReason(reason::kRevisionMoved));
}

TEST_F(CommitterTest, WhatOthersDoRightAfterOursDoesNotHideIt) {
  writer_.Fate({CommitFate::Kind::kLost, Lost()});
  writer_.FailHistory(Lost());
  Begin(Committer::Make(Context(), Caller(), Intent(), Request(), Done()));
  writer_.CommitOfOthers(kRepo, Revision::Main(), "theirs", {{"model.bin", kOtherBlob}});
  RunOn();
  ExpectMadeOnce();
}

TEST_F(CommitterTest, AHistoryThatCannotBeReadIsReadAgainBeforeAnythingIsSent) {
  writer_.Fate({CommitFate::Kind::kLost, Lost()});
  for (int i = 0; i < 5; ++i) writer_.FailHistory(Lost());
  Make();
  ExpectMadeOnce();
  EXPECT_EQ(writer_.commits_sent(), 1U);
}

TEST_F(CommitterTest, ATreeThatCannotBeReadIsReadAgain) {
  writer_.Fate({CommitFate::Kind::kLost, Lost()});
  hub_.FailNext(Lost());
  Make();
  ExpectMadeOnce();
}

// A copy of the hub that lags says that nothing was made; the hub refuses the second, and then it shows.
TEST_F(CommitterTest, ALaggingHistoryDoesNotMakeItTwice) {
  writer_.Fate({CommitFate::Kind::kLost, Lost()});
  writer_.LagOnce();
  writer_.LagOnce();
  Make();
  ExpectMadeOnce();
}

TEST_F(CommitterTest, AHubThatAlwaysContradictsItselfIsGivenUp) {
  const absl::Status moved = MakeError(absl::StatusCode::kAborted, reason::kRevisionMoved, "moved");
  for (int i = 0; i < 50; ++i) writer_.Fate({CommitFate::Kind::kRefused, moved});
  Make();
  EXPECT_EQ(calls_, 1);
  EXPECT_THAT(outcome_, HasReason(reason::kRevisionMoved));
  EXPECT_LE(writer_.commits_sent(), 10U);
}

TEST_F(CommitterTest, AHubThatOnlyTalksNonsenseIsGivenUp) {
  for (int i = 0; i < 50; ++i) writer_.Fate({CommitFate::Kind::kRefused, Nonsense()});
  Make();
  EXPECT_EQ(calls_, 1);
  EXPECT_THAT(outcome_, HasReason(reason::kHubProtocol));
  EXPECT_LE(writer_.commits_sent(), 10U);
}

TEST_F(CommitterTest, WhoMayNotWaitIsToldOfALostAnswerThatCameToNothing) {
  writer_.Fate({CommitFate::Kind::kRefused, Lost()});
  Make(/*may_wait=*/false);
  EXPECT_THAT(outcome_, HasReason(reason::kHubUnreachable));
  EXPECT_EQ(writer_.commits_sent(), 1U);
}

TEST_F(CommitterTest, WhoMayNotWaitIsToldOfALostAnswerThatWasADone) {
  writer_.Fate({CommitFate::Kind::kLost, Lost()});
  Make(/*may_wait=*/false);
  ExpectMadeOnce();
}

TEST_F(CommitterTest, ACommitLimitIsWaitedFor) {
  const absl::Status limit = WithRetryAfter(
      MakeError(absl::StatusCode::kResourceExhausted, reason::kHubRateLimited, "too many commits"), 600s);
  writer_.Fate({CommitFate::Kind::kRefused, limit});
  Begin(Committer::Make(Context(), Caller(), Intent(), Request(), Done()));
  core_.AdvanceAndRunUntilIdle(599s);
  EXPECT_EQ(writer_.commits_sent(), 1U);
  RunOn();
  ExpectMadeOnce();
}

TEST_F(CommitterTest, SettlesWhatARunBeforeMade) {
  writer_.Fate({CommitFate::Kind::kLost, Lost()});
  Begin(Committer::Make(Context(), Caller(), Intent(), Request(), Done()));
  committer_.reset();
  calls_ = 0;

  Settle();

  ExpectMadeOnce();
  EXPECT_EQ(writer_.commits_sent(), 1U) << "settling sends nothing";
}

TEST_F(CommitterTest, SettlesWhatARunBeforeDidNotMake) {
  Settle();
  ASSERT_THAT(outcome_, IsOk());
  EXPECT_FALSE(outcome_->has_value());
  EXPECT_EQ(writer_.commits_sent(), 0U);
}

TEST_F(CommitterTest, SettlingAfterOthersMovedTheBranchSaysSo) {
  writer_.CommitOfOthers(kRepo, Revision::Main(), "theirs");
  Settle();
  EXPECT_THAT(outcome_, HasReason(reason::kRevisionMoved));
}

TEST_F(CommitterTest, SettlesTheFirstOfABranchThatIsNotThere) {
  writer_.FailHistory(MakeError(absl::StatusCode::kNotFound, reason::kRevisionNotFound, "no such branch"));
  CommitIntent intent = Intent();
  intent.parent.reset();
  Begin(Committer::Settle(Context(), Caller(), intent, Done()));
  ASSERT_THAT(outcome_, IsOk());
  EXPECT_FALSE(outcome_->has_value());
}

// Killed at any moment: the run after it settles, and makes it where it was not made.
TEST_F(CommitterTest, AKillAtAnyMomentMakesItOnce) {
  for (const CommitFate::Kind kind : {CommitFate::Kind::kAnswered, CommitFate::Kind::kLost,
                                      CommitFate::Kind::kLate, CommitFate::Kind::kRefused}) {
    for (const bool arrives_before_settling : {true, false}) {
      CommitterWorld world;
      world.writer_.Fate({kind, Lost()});
      world.committer_ =
          Committer::Make(world.Context(), world.Caller(), world.Intent(), world.Request(), world.Done());
      world.core_.RunUntilIdle();
      world.committer_.reset();
      if (arrives_before_settling) world.writer_.ArriveLate();
      world.calls_ = 0;

      world.Settle();
      ASSERT_THAT(world.outcome_, IsOk());
      if (!world.outcome_->has_value()) {
        world.calls_ = 0;
        world.writer_.on_commit = [&world] { world.writer_.ArriveLate(); };
        world.Make();
      }

      world.ExpectMadeOnce();
    }
  }
}

TEST_F(CommitterTest, WhoDropsItHearsNothingMore) {
  committer_ = Committer::Make(Context(), Caller(), Intent(), Request(), Done());
  committer_.reset();
  RunOn();
  EXPECT_EQ(calls_, 0);
}

}  // namespace
}  // namespace batuta::push
