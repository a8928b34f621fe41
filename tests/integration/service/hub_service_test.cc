#include <algorithm>
#include <future>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>

#include "common/rpc/metadata_keys.h"
#include "common/rpc/status_codec.h"
#include "common/status/status.h"
#include "tests/integration/service/service_fixture.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::service {

namespace {

class HubServiceTest : public ServiceFixture {
 protected:
  // A search under way on a thread of its own.
  struct Search {
    CallContext context;
    v1::SearchResponse response;
    std::future<absl::Status> status;
  };

  std::unique_ptr<Search> StartSearch() {
    auto search = std::make_unique<Search>();
    search->status = std::async(std::launch::async, [this, search = search.get()] {
      v1::SearchRequest request;
      request.set_type(v1::REPO_TYPE_MODEL);
      return FromGrpcStatus(stub_->Search(&search->context, request, &search->response));
    });
    return search;
  }

  std::unique_ptr<grpc::ClientReader<v1::ListFilesResponse>> ListFiles(CallContext& context) {
    v1::ListFilesRequest request;
    *request.mutable_repo() = Model("acme/otter");
    return stub_->ListFiles(&context, request);
  }

  // Answers the two questions behind a listing.
  void AnswerListing() {
    ASSERT_TRUE(hub_.WaitForQuestions(1));
    ASSERT_TRUE(hub_.Answer());
    ASSERT_TRUE(hub_.WaitForQuestions(2));
    ASSERT_TRUE(hub_.Answer());
  }

  std::unique_ptr<v1::HubService::Stub> stub_ = v1::HubService::NewStub(Connect());
};

TEST_F(HubServiceTest, SearchAnswersWithWhatTheHubFound) {
  hub_.SetFound({{.repo = RepoId::Parse(RepoType::kModel, "acme/otter").value(),
                  .downloads = 7,
                  .gated = {},
                  .task = {},
                  .library = {},
                  .tags = {},
                  .created = {},
                  .last_modified = {}}});
  const auto search = StartSearch();
  ASSERT_TRUE(hub_.WaitForQuestions(1));
  hub_.Answer();
  EXPECT_THAT(search->status.get(), IsOk());
  ASSERT_EQ(search->response.repos_size(), 1);
  EXPECT_EQ(search->response.repos(0).repo().id(), "acme/otter");
  EXPECT_EQ(search->response.repos(0).downloads(), 7);
  EXPECT_TRUE(HasNoCalls());
}

TEST_F(HubServiceTest, ErrorOfTheHubReachesTheCallerWithItsReason) {
  const auto search = StartSearch();
  ASSERT_TRUE(hub_.WaitForQuestions(1));
  hub_.Answer(
      MakeError(absl::StatusCode::kUnavailable, reason::kHubUnreachable, "cut", "look at the network"));
  const absl::Status status = search->status.get();
  EXPECT_THAT(status, HasReason(reason::kHubUnreachable));
  EXPECT_EQ(HintOf(status), "look at the network");
}

TEST_F(HubServiceTest, CancelledCallEndsAtOnceAndTheLateAnswerIsDropped) {
  const auto search = StartSearch();
  ASSERT_TRUE(hub_.WaitForQuestions(1));
  search->context.TryCancel();
  EXPECT_THAT(search->status.get(), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_TRUE(HasNoCalls());
  EXPECT_TRUE(hub_.Answer());
  OnCore([] {});
}

TEST_F(HubServiceTest, StopEndsACallThatWaitsForTheHub) {
  const auto search = StartSearch();
  ASSERT_TRUE(hub_.WaitForQuestions(1));
  EXPECT_TRUE(StopServing());
  EXPECT_THAT(search->status.get(), HasReason(reason::kDaemonStopping));
  EXPECT_TRUE(hub_.Answer());
  OnCore([] {});
}

TEST_F(HubServiceTest, CallThatComesWhileTheDaemonStopsIsRefused) {
  calls_.Stop();
  EXPECT_THAT(StartSearch()->status.get(), HasReason(reason::kDaemonStopping));
  CallContext context;
  v1::ListFilesResponse response;
  const auto stream = ListFiles(context);
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_THAT(FromGrpcStatus(stream->Finish()), HasReason(reason::kDaemonStopping));
}

TEST_F(HubServiceTest, BadRequestNeverReachesTheHub) {
  CallContext context;
  v1::GetRepoRequest request;
  *request.mutable_repo() = Model("../etc");
  v1::GetRepoResponse response;
  EXPECT_THAT(FromGrpcStatus(stub_->GetRepo(&context, request, &response)),
              HasReason(reason::kInvalidRepoId));
  CallContext second;
  *request.mutable_repo() = Model("acme/otter");
  request.set_revision("a/../b");
  EXPECT_THAT(FromGrpcStatus(stub_->GetRepo(&second, request, &response)),
              HasReason(reason::kInvalidRevision));
  EXPECT_EQ(hub_.questions(), 0);
}

TEST_F(HubServiceTest, OfflineDaemonTakesOnlyWhatIsRememberedAndSaysWhyItHasNothing) {
  facts_.offline = true;
  const absl::Status miss = MakeError(absl::StatusCode::kNotFound, reason::kOfflineMiss, "nothing", "hint");
  const auto expect_explained = [&](const absl::Status& status) {
    EXPECT_EQ(hub_.last_access().memory, hub::Memory::kOnly);
    EXPECT_THAT(status, HasReason(reason::kOfflineMiss));
    EXPECT_THAT(HintOf(status), testing::HasSubstr("batuta daemon stop"));
  };
  const auto search = StartSearch();
  ASSERT_TRUE(hub_.WaitForQuestions(1));
  hub_.Answer(miss);
  expect_explained(search->status.get());

  CallContext files;
  const auto stream = ListFiles(files);
  ASSERT_TRUE(hub_.WaitForQuestions(2));
  hub_.Answer(miss);
  v1::ListFilesResponse piece;
  EXPECT_FALSE(stream->Read(&piece));
  expect_explained(FromGrpcStatus(stream->Finish()));
}

TEST_F(HubServiceTest, ACallSaysWhatMayAnswerIt) {
  const auto ask = [this](bool refresh, bool offline) {
    return std::async(std::launch::async, [this, refresh, offline] {
      CallContext context;
      v1::GetRepoRequest request;
      *request.mutable_repo() = Model("acme/otter");
      request.set_refresh(refresh);
      request.set_offline(offline);
      v1::GetRepoResponse response;
      return FromGrpcStatus(stub_->GetRepo(&context, request, &response));
    });
  };
  size_t questions = 0;
  for (const auto& [refresh, offline, memory] :
       {std::tuple(false, false, hub::Memory::kUse), std::tuple(true, false, hub::Memory::kRenew),
        std::tuple(false, true, hub::Memory::kOnly)}) {
    auto status = ask(refresh, offline);
    ASSERT_TRUE(hub_.WaitForQuestions(++questions));
    EXPECT_EQ(hub_.last_access().memory, memory);
    hub_.Answer();
    EXPECT_THAT(status.get(), IsOk());
  }
  EXPECT_THAT(ask(true, true).get(), HasReason(reason::kInvalidArgument));
  EXPECT_EQ(hub_.questions(), questions);
}

TEST_F(HubServiceTest, ARememberedAnswerIsDatedInItsFirstMessage) {
  hub_.SetRememberedSince(FromUnixMillis(1'700'000'000'000));
  hub_.SetTree(TreeOf(1'500));
  CallContext context;
  const auto stream = ListFiles(context);
  AnswerListing();
  v1::ListFilesResponse piece;
  ASSERT_TRUE(stream->Read(&piece));
  EXPECT_EQ(piece.as_of().seconds(), 1'700'000'000);
  while (stream->Read(&piece)) {
  }
  EXPECT_THAT(FromGrpcStatus(stream->Finish()), IsOk());

  const auto search = StartSearch();
  ASSERT_TRUE(hub_.WaitForQuestions(3));
  hub_.Answer();
  EXPECT_THAT(search->status.get(), IsOk());
  EXPECT_EQ(search->response.as_of().seconds(), 1'700'000'000);
}

TEST_F(HubServiceTest, WhoAmIWithoutATokenAsksNobody) {
  CallContext context;
  v1::WhoAmIResponse response;
  EXPECT_THAT(FromGrpcStatus(stub_->WhoAmI(&context, {}, &response)), HasReason(reason::kTokenMissing));
  EXPECT_EQ(hub_.questions(), 0);
}

TEST_F(HubServiceTest, ListingComesInPiecesEachEntryOnce) {
  hub_.SetTree(TreeOf(2'500));
  CallContext context;
  const auto stream = ListFiles(context);
  AnswerListing();
  v1::ListFilesResponse piece;
  std::vector<int> sizes;
  std::vector<std::string> paths;
  while (stream->Read(&piece)) {
    EXPECT_EQ(piece.commit(), std::string(40, 'a'));
    sizes.push_back(piece.entries_size());
    for (const v1::Entry& entry : piece.entries()) paths.push_back(entry.path());
  }
  EXPECT_THAT(FromGrpcStatus(stream->Finish()), IsOk());
  EXPECT_THAT(sizes, testing::ElementsAre(1'000, 1'000, 500));
  EXPECT_TRUE(std::is_sorted(paths.begin(), paths.end()));
  EXPECT_EQ(paths.size(), 2'500);
}

TEST_F(HubServiceTest, ListingOfAnEmptyTreeCarriesTheCommit) {
  CallContext context;
  const auto stream = ListFiles(context);
  AnswerListing();
  v1::ListFilesResponse piece;
  ASSERT_TRUE(stream->Read(&piece));
  EXPECT_EQ(piece.commit(), std::string(40, 'a'));
  EXPECT_EQ(piece.entries_size(), 0);
  EXPECT_FALSE(stream->Read(&piece));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(HubServiceTest, ListingThatWasCancelledBetweenItsQuestionsAsksNoMore) {
  CallContext context;
  const auto stream = ListFiles(context);
  ASSERT_TRUE(hub_.WaitForQuestions(1));
  context.TryCancel();
  EXPECT_THAT(FromGrpcStatus(stream->Finish()), StatusIs(absl::StatusCode::kCancelled));
  ASSERT_TRUE(HasNoCalls());
  hub_.Answer();
  OnCore([] {});
  EXPECT_EQ(hub_.questions(), 1);
}

TEST_F(HubServiceTest, ListingCancelledMidwayEnds) {
  hub_.SetTree(TreeOf(100'000));
  CallContext context;
  const auto stream = ListFiles(context);
  AnswerListing();
  v1::ListFilesResponse piece;
  ASSERT_TRUE(stream->Read(&piece));
  context.TryCancel();
  EXPECT_THAT(FromGrpcStatus(stream->Finish()), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_TRUE(HasNoCalls());
}

TEST_F(HubServiceTest, ListingThatNobodyReadsDoesNotHoldUpTheStop) {
  hub_.SetTree(TreeOf(200'000));
  CallContext context;
  const auto stream = ListFiles(context);
  AnswerListing();
  v1::ListFilesResponse piece;
  ASSERT_TRUE(stream->Read(&piece));
  EXPECT_TRUE(StopServing());
}

TEST_F(HubServiceTest, SlowReaderGetsEverything) {
  hub_.SetTree(TreeOf(50'000));
  CallContext context;
  const auto stream = ListFiles(context);
  AnswerListing();
  v1::ListFilesResponse piece;
  int entries = 0;
  while (stream->Read(&piece)) {
    entries += piece.entries_size();
    OnCore([] {});  // the reader does something else; the daemon goes on
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(entries, 50'000);
}

TEST_F(HubServiceTest, ManyCallsAtOnceAreAllEndedByTheStop) {
  std::vector<std::unique_ptr<Search>> searches;
  for (int i = 0; i < 50; ++i) searches.push_back(StartSearch());
  ASSERT_TRUE(hub_.WaitForQuestions(50));
  for (int i = 0; i < 10; ++i) hub_.Answer();
  EXPECT_TRUE(StopServing());
  int answered = 0;
  for (const auto& search : searches) {
    const absl::Status status = search->status.get();
    if (status.ok())
      ++answered;
    else
      EXPECT_THAT(status, HasReason(reason::kDaemonStopping));
  }
  EXPECT_LE(answered, 10);
}

}  // namespace

}  // namespace batuta::service
