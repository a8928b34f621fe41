#include "daemon/hub/saving_asker.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include "common/status/status.h"
#include "tests/support/metadata/fake_metadata_store.h"
#include "tests/support/runner/manual_task_runner.h"
#include "tests/support/runner/manual_worker_pool.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::hub {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using transport::WaitInfo;

// A hub that answers when told.
class HeldHub final : public Asker {
 public:
  struct Asked {
    Question question;
    Access access;
    Done done;
  };

  void Ask(Question question, const Access& access, Done done) override {
    asked.push_back({std::move(question), access, std::move(done)});
  }

  std::vector<Asked> asked;
};

absl::Status NotFound(std::string_view reason, std::string_view http_status) {
  return MakeError(absl::StatusCode::kNotFound, reason, "not there", "",
                   {{"http_status", std::string(http_status)}});
}

absl::Status RateLimited() {
  return MakeError(absl::StatusCode::kResourceExhausted, reason::kHubRateLimited, "used up");
}

class SavingAskerTest : public testing::Test {
 protected:
  // What a caller got: an answer's body or an error's reason, and whether it was remembered.
  struct Got {
    std::vector<std::string> answers;
    std::optional<WallTime> remembered_since;
    std::vector<std::string> waits;
  };

  static Question About(Subject subject, std::string url = "https://hub.test/x") {
    return {.url = std::move(url), .what = "x", .subject = subject};
  }

  static Access Job(std::string_view token = "hf_one", std::string_view tool = "a") {
    return {.principal = {.uid = 7, .tool = std::string(tool)}, .token = Secret(std::string(token))};
  }

  static Access Person() {
    Access access = Job();
    access.priority = Priority::kInteractive;
    access.may_wait = false;
    return access;
  }

  std::shared_ptr<Got> Ask(Question question, Access access) {
    auto got = std::make_shared<Got>();
    access.on_waiting = [got](const WaitInfo& info) { got->waits.push_back(info.window); };
    asker_->Ask(std::move(question), access, [got](const absl::StatusOr<Answer>& answer) {
      got->answers.push_back(answer.ok() ? answer->body : ReasonOf(answer.status()));
      if (answer.ok()) got->remembered_since = answer->remembered_since;
    });
    runner_.RunUntilIdle();
    return got;
  }

  void Reply(size_t index, absl::StatusOr<Answer> answer) {
    std::exchange(hub_.asked.at(index).done, nullptr)(std::move(answer));
    runner_.RunUntilIdle();
  }

  static Answer Body(std::string body, std::string etag = {}) {
    Answer answer{
        .head = {.status = 200, .headers = {}}, .body = std::move(body), .url = "https://hub.test/final"};
    if (!etag.empty()) answer.head.headers.push_back({"ETag", std::move(etag)});
    return answer;
  }

  static Answer Unchanged() { return {.head = {.status = 304, .headers = {}}, .body = "", .url = "u"}; }

  // Asks and is answered.
  void Learn(const Question& question, const Access& access, Answer answer) {
    Ask(question, access);
    Reply(hub_.asked.size() - 1, std::move(answer));
    hub_.asked.clear();
  }

  void HoldBack(size_t index) {
    hub_.asked.at(index).access.on_waiting({.reason = "rate limit", .window = "api", .until = {}});
    runner_.RunUntilIdle();
  }

  ManualTaskRunner runner_;
  ManualWorkerPool disk_{runner_};
  metadata::FakeMetadataStore store_;
  AnswerMemory memory_{store_, 1 << 20};
  HeldHub hub_;
  SavingOptions options_{.lifetimes = {}, .salt = "salt", .max_refusals = 3};
  std::unique_ptr<Asker> asker_ = MakeSavingAsker(options_, hub_, memory_, disk_, runner_.clock());
};

// --- what is remembered -----------------------------------------------------------

TEST_F(SavingAskerTest, AFreshAnswerIsGivenAgainWithItsAgeAndNobodyIsAsked) {
  const WallTime then = runner_.clock().wall();
  Learn(About(Subject::kRevision), Job(), Body("main"));
  runner_.AdvanceAndRunUntilIdle(59s);

  const auto got = Ask(About(Subject::kRevision), Job());

  EXPECT_THAT(got->answers, ElementsAre("main"));
  EXPECT_EQ(got->remembered_since, then);
  EXPECT_THAT(hub_.asked, IsEmpty());
}

TEST_F(SavingAskerTest, AnAnswerJustGivenIsNotCalledRemembered) {
  const auto got = Ask(About(Subject::kRevision), Job());
  Reply(0, Body("main"));
  EXPECT_THAT(got->answers, ElementsAre("main"));
  EXPECT_EQ(got->remembered_since, std::nullopt);
}

TEST_F(SavingAskerTest, RememberedAnswersKeepTheirAddressAndTheirNextPage) {
  Answer page = Body("[]");
  page.head.headers.push_back({"Link", "<?cursor=2>; rel=\"next\""});
  Learn(About(Subject::kTree), Job(), page);
  std::optional<Answer> got;
  asker_->Ask(About(Subject::kTree), Job(), [&](absl::StatusOr<Answer> answer) { got = *std::move(answer); });
  runner_.RunUntilIdle();
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->url, "https://hub.test/final");
  EXPECT_EQ(got->head.Find("Link"), "<?cursor=2>; rel=\"next\"");
  EXPECT_EQ(got->head.status, 200);
}

TEST_F(SavingAskerTest, NoTokenSeesWhatAnotherOneLearned) {
  Learn(About(Subject::kTree), Job("hf_one"), Body("private"));
  Ask(About(Subject::kTree), Job("hf_two"));
  Ask(About(Subject::kTree), Job(""));
  EXPECT_THAT(hub_.asked, SizeIs(2));
}

TEST_F(SavingAskerTest, AStaleAnswerIsAskedForWithItsEtagAndHoldsAgainWhenNothingChanged) {
  Learn(About(Subject::kRevision), Job(), Body("main", "W/\"4-a\""));
  runner_.AdvanceAndRunUntilIdle(61s);

  const auto renewed = Ask(About(Subject::kRevision), Job());
  ASSERT_THAT(hub_.asked, SizeIs(1));
  EXPECT_EQ(hub_.asked[0].question.etag, "W/\"4-a\"");
  Reply(0, Unchanged());
  EXPECT_THAT(renewed->answers, ElementsAre("main"));
  EXPECT_EQ(renewed->remembered_since, std::nullopt);

  runner_.AdvanceAndRunUntilIdle(59s);
  EXPECT_THAT(Ask(About(Subject::kRevision), Job())->answers, ElementsAre("main"));
  EXPECT_THAT(hub_.asked, SizeIs(1));
}

TEST_F(SavingAskerTest, AChangedAnswerReplacesTheOldOne) {
  Learn(About(Subject::kRevision), Job(), Body("old", "\"1\""));
  runner_.AdvanceAndRunUntilIdle(61s);
  Learn(About(Subject::kRevision), Job(), Body("new", "\"2\""));
  EXPECT_THAT(Ask(About(Subject::kRevision), Job())->answers, ElementsAre("new"));
  runner_.AdvanceAndRunUntilIdle(61s);
  Ask(About(Subject::kRevision), Job());
  EXPECT_EQ(hub_.asked.at(0).question.etag, "\"2\"");
}

TEST_F(SavingAskerTest, ARequestToRenewAsksAndWhatItLearnsServesTheNext) {
  Learn(About(Subject::kSearch), Job(), Body("old"));
  Access renewing = Job();
  renewing.memory = Memory::kRenew;
  Learn(About(Subject::kSearch), renewing, Body("new"));
  EXPECT_THAT(Ask(About(Subject::kSearch), Job())->answers, ElementsAre("new"));
  EXPECT_THAT(hub_.asked, IsEmpty());
}

TEST_F(SavingAskerTest, OfflineGivesAnyAgeAndNeverAsks) {
  Learn(About(Subject::kSearch), Job(), Body("found"));
  runner_.AdvanceAndRunUntilIdle(std::chrono::hours(100));
  Access offline = Job();
  offline.memory = Memory::kOnly;
  EXPECT_THAT(Ask(About(Subject::kSearch), offline)->answers, ElementsAre("found"));
  EXPECT_THAT(Ask(About(Subject::kSearch, "https://hub.test/other"), offline)->answers,
              ElementsAre("OFFLINE_MISS"));
  EXPECT_THAT(hub_.asked, IsEmpty());
}

TEST_F(SavingAskerTest, OfflineDoesNotWaitForARequestUnderWay) {
  Ask(About(Subject::kSearch), Job());
  Access offline = Job();
  offline.memory = Memory::kOnly;
  EXPECT_THAT(Ask(About(Subject::kSearch), offline)->answers, ElementsAre("OFFLINE_MISS"));
}

TEST_F(SavingAskerTest, TheNewerOfTwoAnswersCounts) {
  Question narrow = About(Subject::kRevision, "https://hub.test/sha");
  narrow.wider_url = "https://hub.test/info";
  Learn(About(Subject::kRevision, "https://hub.test/info"), Job(), Body("info"));
  EXPECT_THAT(Ask(narrow, Job())->answers, ElementsAre("info"));

  runner_.AdvanceAndRunUntilIdle(61s);
  Learn(narrow, Job(), Body("sha"));
  EXPECT_THAT(Ask(narrow, Job())->answers, ElementsAre("sha"));

  runner_.AdvanceAndRunUntilIdle(1s);
  Learn(About(Subject::kRevision, "https://hub.test/info"), Job(), Body("newer info"));
  EXPECT_THAT(Ask(narrow, Job())->answers, ElementsAre("newer info"));
}

TEST_F(SavingAskerTest, ARenewedAnswerDropsTheWiderOneThatIsOlder) {
  const Question info = About(Subject::kRevision, "https://hub.test/info");
  Question narrow = About(Subject::kRevision, "https://hub.test/sha");
  narrow.wider_url = info.url;
  Learn(info, Job(), Body("old"));
  Access renewing = Job();
  renewing.memory = Memory::kRenew;
  Learn(narrow, renewing, Body("new"));
  Ask(info, Job());
  EXPECT_THAT(hub_.asked, SizeIs(1));
}

TEST_F(SavingAskerTest, AWiderAnswersEtagIsNotUsedForTheNarrowQuestion) {
  Question narrow = About(Subject::kRevision, "https://hub.test/sha");
  narrow.wider_url = "https://hub.test/info";
  Learn(About(Subject::kRevision, "https://hub.test/info"), Job(), Body("info", "\"wide\""));
  runner_.AdvanceAndRunUntilIdle(61s);
  Ask(narrow, Job());
  EXPECT_EQ(hub_.asked.at(0).question.etag, "");
}

TEST_F(SavingAskerTest, WhatADiskCannotKeepIsStillAnswered) {
  store_.FailWrites(MakeError(absl::StatusCode::kResourceExhausted, reason::kDiskFull, "full"), 10);
  const auto got = Ask(About(Subject::kRevision), Job());
  Reply(0, Body("main"));
  EXPECT_THAT(got->answers, ElementsAre("main"));
}

// --- refusals ---------------------------------------------------------------------

TEST_F(SavingAskerTest, NotThereIsRememberedForAShortWhile) {
  for (const std::string_view reason : {reason::kRepoNotFound, reason::kRevisionNotFound}) {
    const Question question = About(Subject::kRevision, "https://hub.test/" + std::string(reason));
    hub_.asked.clear();
    Ask(question, Job());
    Reply(0, NotFound(reason, "404"));
    EXPECT_THAT(Ask(question, Job())->answers, ElementsAre(std::string(reason)));
    EXPECT_THAT(hub_.asked, SizeIs(1)) << reason;
    runner_.AdvanceAndRunUntilIdle(30s);
    Ask(question, Job());
    EXPECT_THAT(hub_.asked, SizeIs(2)) << reason;
  }
}

TEST_F(SavingAskerTest, NotThereForOneTokenSaysNothingToAnother) {
  Ask(About(Subject::kRevision), Job("hf_one"));
  Reply(0, NotFound(reason::kRepoNotFound, "404"));
  Ask(About(Subject::kRevision), Job("hf_two"));
  EXPECT_THAT(hub_.asked, SizeIs(2));
}

TEST_F(SavingAskerTest, NoOtherErrorIsRemembered) {
  const std::vector<absl::Status> errors = {
      NotFound(reason::kRepoNotFound, "401"),
      NotFound(reason::kRepoNotFound, "403"),
      MakeError(absl::StatusCode::kUnauthenticated, reason::kTokenRejected, "no", "",
                {{"http_status", "401"}}),
      MakeError(absl::StatusCode::kPermissionDenied, reason::kRepoGated, "no", "", {{"http_status", "403"}}),
      MakeError(absl::StatusCode::kUnavailable, reason::kHubUnreachable, "cut"),
      RateLimited()};
  size_t asked = 0;
  for (const absl::Status& error : errors) {
    Ask(About(Subject::kRevision), Job());
    ASSERT_THAT(hub_.asked, SizeIs(asked + 1)) << error;
    Reply(asked++, error);
  }
}

TEST_F(SavingAskerTest, ARequestToRenewAsksAgainForWhatWasNotThere) {
  Ask(About(Subject::kRevision), Job());
  Reply(0, NotFound(reason::kRepoNotFound, "404"));
  Access renewing = Job();
  renewing.memory = Memory::kRenew;
  Ask(About(Subject::kRevision), renewing);
  ASSERT_THAT(hub_.asked, SizeIs(2));
  Reply(1, Body("there"));
  EXPECT_THAT(Ask(About(Subject::kRevision), Job())->answers, ElementsAre("there"));
}

TEST_F(SavingAskerTest, WhatIsGoneIsNotRememberedAsBeingThere) {
  Learn(About(Subject::kRevision), Job(), Body("main"));
  Access renewing = Job();
  renewing.memory = Memory::kRenew;
  Ask(About(Subject::kRevision), renewing);
  Reply(0, NotFound(reason::kRevisionNotFound, "404"));
  runner_.AdvanceAndRunUntilIdle(31s);
  Ask(About(Subject::kRevision), Job());
  EXPECT_THAT(hub_.asked, SizeIs(2));
}

TEST_F(SavingAskerTest, RefusalsAreBoundedAndExpiredOnesMakeRoom) {
  const auto url = [](int number) { return "https://hub.test/" + std::to_string(number); };
  for (int i = 0; i < 4; ++i) {
    Ask(About(Subject::kRevision, url(i)), Job());
    Reply(hub_.asked.size() - 1, NotFound(reason::kRepoNotFound, "404"));
  }
  Ask(About(Subject::kRevision, url(0)), Job());
  EXPECT_THAT(hub_.asked, SizeIs(4));
  Ask(About(Subject::kRevision, url(3)), Job());
  EXPECT_THAT(hub_.asked, SizeIs(5)) << "the fourth did not fit";
  Reply(4, NotFound(reason::kRepoNotFound, "404"));
  runner_.AdvanceAndRunUntilIdle(31s);
  Ask(About(Subject::kRevision, url(4)), Job());
  Reply(5, NotFound(reason::kRepoNotFound, "404"));
  Ask(About(Subject::kRevision, url(4)), Job());
  EXPECT_THAT(hub_.asked, SizeIs(6));
}

// --- one request for all ----------------------------------------------------------

TEST_F(SavingAskerTest, FiftyWhoAskTheSameShareOneRequest) {
  std::vector<std::shared_ptr<Got>> all;
  for (int i = 0; i < 50; ++i) all.push_back(Ask(About(Subject::kRevision), Job()));
  ASSERT_THAT(hub_.asked, SizeIs(1));
  Reply(0, Body("main"));
  for (const auto& got : all) EXPECT_THAT(got->answers, ElementsAre("main"));
}

TEST_F(SavingAskerTest, AnErrorIsSharedToo) {
  const auto first = Ask(About(Subject::kRevision), Job());
  const auto second = Ask(About(Subject::kRevision), Job());
  Reply(0, MakeError(absl::StatusCode::kUnavailable, reason::kHubUnreachable, "cut"));
  EXPECT_THAT(first->answers, ElementsAre("HUB_UNREACHABLE"));
  EXPECT_THAT(second->answers, ElementsAre("HUB_UNREACHABLE"));
}

TEST_F(SavingAskerTest, TwoTokensAskTwiceEvenAtTheSameTime) {
  const auto one = Ask(About(Subject::kRevision), Job("hf_one"));
  const auto two = Ask(About(Subject::kRevision), Job("hf_two"));
  ASSERT_THAT(hub_.asked, SizeIs(2));
  Reply(0, Body("of one"));
  Reply(1, Body("of two"));
  EXPECT_THAT(one->answers, ElementsAre("of one"));
  EXPECT_THAT(two->answers, ElementsAre("of two"));
}

TEST_F(SavingAskerTest, APersonDoesNotWaitInThePlaceOfABackgroundJob) {
  Access background = Job();
  background.priority = Priority::kBackground;
  Ask(About(Subject::kRevision), background);
  Ask(About(Subject::kRevision), Person());
  ASSERT_THAT(hub_.asked, SizeIs(2));
  EXPECT_EQ(hub_.asked[1].access.priority, Priority::kInteractive);
}

TEST_F(SavingAskerTest, WhileARequestIsHeldBackAllWhoShareItAreTold) {
  const auto first = Ask(About(Subject::kRevision), Job());
  const auto second = Ask(About(Subject::kRevision), Job());
  HoldBack(0);
  const auto late = Ask(About(Subject::kRevision), Job());
  EXPECT_THAT(hub_.asked, SizeIs(1));
  EXPECT_THAT(first->waits, ElementsAre("api"));
  EXPECT_THAT(second->waits, ElementsAre("api"));
  EXPECT_THAT(late->waits, ElementsAre("api"));
  Reply(0, Body("main"));
  EXPECT_THAT(late->answers, ElementsAre("main"));
}

TEST_F(SavingAskerTest, WhoeverMayNotWaitLeavesARequestThatIsHeldBack) {
  Access impatient = Job();
  impatient.may_wait = false;
  const auto waiting = Ask(About(Subject::kRevision), Job());
  const auto leaving = Ask(About(Subject::kRevision), impatient);
  ASSERT_THAT(hub_.asked, SizeIs(1));

  HoldBack(0);

  ASSERT_THAT(hub_.asked, SizeIs(2));
  EXPECT_FALSE(hub_.asked[1].access.may_wait);
  Reply(1, RateLimited());
  EXPECT_THAT(leaving->answers, ElementsAre("HUB_RATE_LIMITED"));
  EXPECT_THAT(waiting->answers, IsEmpty());
  Reply(0, Body("main"));
  EXPECT_THAT(waiting->answers, ElementsAre("main"));
  EXPECT_THAT(leaving->answers, SizeIs(1));
}

TEST_F(SavingAskerTest, AnotherPrincipalHasAPlaceOfItsOwn) {
  Ask(About(Subject::kRevision), Job("hf_one", "greedy"));
  const auto other = Ask(About(Subject::kRevision), Job("hf_one", "modest"));
  HoldBack(0);
  ASSERT_THAT(hub_.asked, SizeIs(2));
  EXPECT_EQ(hub_.asked[1].access.principal.tool, "modest");
  Reply(1, Body("main"));
  EXPECT_THAT(other->answers, ElementsAre("main"));
}

TEST_F(SavingAskerTest, APatientCallerIsNotRefusedForAnImpatientOne) {
  const auto person = Ask(About(Subject::kRevision), Person());
  const auto job = Ask(About(Subject::kRevision), Job());
  ASSERT_THAT(hub_.asked, SizeIs(1));
  Reply(0, RateLimited());
  EXPECT_THAT(person->answers, ElementsAre("HUB_RATE_LIMITED"));
  ASSERT_THAT(hub_.asked, SizeIs(2));
  EXPECT_TRUE(hub_.asked[1].access.may_wait);
  Reply(1, Body("main"));
  EXPECT_THAT(job->answers, ElementsAre("main"));
}

TEST_F(SavingAskerTest, MayGoAwayWhileAQuestionIsUnderWay) {
  const auto got = Ask(About(Subject::kRevision), Job());
  asker_.reset();
  Reply(0, Body("main"));
  EXPECT_THAT(got->answers, ElementsAre("main"));
}

}  // namespace
}  // namespace batuta::hub
