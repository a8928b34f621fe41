#include "daemon/entitlement/admission.h"

#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/status/status.h"
#include "tests/support/files/temp_folder.h"
#include "tests/support/hub/fake_hub_client.h"
#include "tests/support/metadata/fake_metadata_store.h"
#include "tests/support/runner/manual_task_runner.h"
#include "tests/support/runner/manual_worker_pool.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::entitlement {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint32_t kAna = 1001;
constexpr uint32_t kRoot = 0;
const RepoId kOtter = *RepoId::Parse(RepoType::kModel, "acme/otter");
const CommitId kCommit = *CommitId::Parse(std::string(40, '3'));

class AdmissionTest : public ::testing::Test {
 protected:
  AdmissionTest() {
    cache::CacheOptions options{.root = folder_ / "hub"};
    options.readers_of = [this](const RepoId& repo) { return entitlements_.ReadersOf(repo); };
    cache_ = cache::Cache::Open(options, *files_, store_).value();
    EXPECT_THAT(cache_->WriteTree(kOtter, Tree{kCommit, {}}), IsOk());
    Make(/*offline=*/false);
    Serve("", false);
  }

  void Make(bool offline) {
    admission_.emplace(Admission::Context{.entitlements = entitlements_,
                                          .hub = hub_,
                                          .cache = *cache_,
                                          .core = core_,
                                          .disk = disk_,
                                          .offline = offline});
  }

  void Serve(const std::string& gated, bool is_private) {
    hub_.Serve(kOtter, Revision::Main(), Tree{kCommit, {}});
    hub_.Describe({.summary = {.repo = kOtter, .is_private = is_private, .gated = gated}, .commit = kCommit});
  }

  absl::Status Admit(uint32_t uid, const std::string& token, hub::Memory memory = hub::Memory::kUse,
                     const std::optional<CommitId>& brings = {}) {
    std::optional<absl::Status> outcome;
    const hub::Access access{
        .principal = {.uid = uid, .tool = "test"}, .token = Secret(token), .memory = memory};
    admission_->Admit(kOtter, Revision::Main(), access, brings,
                      [&outcome](const absl::Status& admitted) { outcome = admitted; });
    EXPECT_FALSE(outcome.has_value()) << "called inside Admit()";
    core_.RunUntilIdle();
    return outcome.value_or(absl::InternalError("not called"));
  }

  void End(uint32_t uid, const std::string& token, const absl::Status& why) {
    std::optional<absl::Status> told;
    admission_->OnEnded(kOtter, {.principal = {.uid = uid, .tool = "test"}, .token = Secret(token)}, why,
                        [&told](const absl::Status& status) { told = status; });
    core_.RunUntilIdle();
    EXPECT_EQ(told, why);
  }

  // The bits of the folder's mode for its group: with an access control list they are its mask.
  mode_t GroupMode() const {
    struct stat info {};

    EXPECT_EQ(stat((folder_ / "hub" / kOtter.folder()).c_str(), &info), 0);
    return info.st_mode & S_IRWXG;
  }

  ManualTaskRunner core_;
  ManualWorkerPool disk_{core_};
  TempFolder folder_;
  metadata::FakeMetadataStore store_;
  const std::unique_ptr<FileSystem> files_ = MakePosixFileSystem();
  Entitlements entitlements_{
      store_, core_.clock(),
      Entitlements::Options{.lifetimes = {.grant = 1h, .proof = 5min}, .exempt = {kRoot}}};
  std::unique_ptr<cache::Cache> cache_;
  hub::FakeHubClient hub_{core_};
  std::optional<Admission> admission_;
};

TEST_F(AdmissionTest, PublicContentIsOpenedToTheGroup) {
  EXPECT_EQ(GroupMode(), 0U);
  EXPECT_THAT(Admit(kAna, ""), IsOk());
  EXPECT_EQ(GroupMode(), S_IRGRP | S_IXGRP);
  EXPECT_THAT(hub_.asked(), ElementsAre("info model/acme/otter main"));
}

TEST_F(AdmissionTest, WhatWasAskedAMomentAgoIsNotAskedAgain) {
  ASSERT_THAT(Admit(kAna, ""), IsOk());
  EXPECT_THAT(Admit(kAna + 1, ""), IsOk());
  EXPECT_EQ(hub_.asked().size(), 1U);
  core_.clock().Advance(5min);
  EXPECT_THAT(Admit(kAna, ""), IsOk());
  EXPECT_EQ(hub_.asked().size(), 2U);
}

TEST_F(AdmissionTest, OfAGatedRepoTheTokenOfTheCallerIsAskedAbout) {
  Serve("manual", false);
  EXPECT_THAT(Admit(kAna, "hf_ana"), IsOk());
  EXPECT_THAT(hub_.asked(), ElementsAre("info model/acme/otter main", "access model/acme/otter"));
  EXPECT_EQ(hub_.last_access().token.Reveal(), "hf_ana");
  EXPECT_TRUE(entitlements_.MayRead(kOtter, kAna));
  EXPECT_FALSE(entitlements_.MayRead(kOtter, kAna + 1));
}

TEST_F(AdmissionTest, ARefusalIsPassedOnAndEndsWhatWasProvedBefore) {
  Serve("manual", false);
  ASSERT_THAT(Admit(kAna, "hf_ana"), IsOk());
  core_.clock().Advance(5min);
  hub_.FailNext(absl::OkStatus());  // the repo is told of
  hub_.FailNext(MakeError(absl::StatusCode::kPermissionDenied, reason::kRepoGated, "gated"));
  EXPECT_THAT(Admit(kAna, "hf_ana"), HasReason(reason::kRepoGated));
  EXPECT_FALSE(entitlements_.MayRead(kOtter, kAna));
  EXPECT_EQ(GroupMode(), 0U);
}

TEST_F(AdmissionTest, AProofIsNothingThatIsRemembered) {
  Serve("", true);
  ASSERT_THAT(Admit(kAna, "hf_ana"), IsOk());
  EXPECT_EQ(hub_.last_access().memory, hub::Memory::kRenew);
}

TEST_F(AdmissionTest, ANewCommitOfAPublicRepoIsAskedAboutBeforeItIsBrought) {
  ASSERT_THAT(Admit(kAna, "hf_ana", hub::Memory::kUse, kCommit), IsOk());
  ASSERT_THAT(Admit(kAna, "hf_ana", hub::Memory::kUse, kCommit), IsOk());
  EXPECT_EQ(hub_.asked().size(), 1U);
  Serve("", true);
  const CommitId newer = *CommitId::Parse(std::string(40, '4'));
  EXPECT_THAT(Admit(kAna, "hf_ana", hub::Memory::kUse, newer), IsOk());
  EXPECT_FALSE(entitlements_.MayRead(kOtter, kAna + 1));
  EXPECT_TRUE(entitlements_.MayRead(kOtter, kAna));
}

TEST_F(AdmissionTest, WhatIsRefusedToSomebodyIsNotPublic) {
  for (const std::string& token : {std::string(), std::string("hf_ben")}) {
    ASSERT_THAT(entitlements_.Learn(kOtter, Gate::kPublic), IsOk());
    core_.clock().Advance(5min);
    hub_.FailNext(MakeError(absl::StatusCode::kNotFound, reason::kRepoNotFound, "no such repo"));
    EXPECT_THAT(Admit(kAna, token), HasReason(reason::kRepoNotFound));
    EXPECT_FALSE(entitlements_.MayRead(kOtter, kAna + 1)) << "token " << token;
    EXPECT_EQ(GroupMode(), 0U);
  }
}

TEST_F(AdmissionTest, ABadTokenSaysNothingOfAPublicRepo) {
  ASSERT_THAT(Admit(kAna, ""), IsOk());
  End(kAna, "hf_bad", MakeError(absl::StatusCode::kUnauthenticated, reason::kTokenRejected, "bad"));
  End(kAna, "hf_ana", MakeError(absl::StatusCode::kPermissionDenied, reason::kHubForbidden, "CDN"));
  End(kAna, "", MakeError(absl::StatusCode::kNotFound, reason::kRevisionNotFound, "no such branch"));
  EXPECT_TRUE(entitlements_.MayRead(kOtter, kAna + 1));
}

TEST_F(AdmissionTest, ARefusalElsewhereEndsWhatWasProvedBefore) {
  Serve("", true);
  ASSERT_THAT(Admit(kAna, "hf_ana"), IsOk());
  ASSERT_NE(GroupMode(), 0U);
  End(kAna, "hf_ana", MakeError(absl::StatusCode::kUnauthenticated, reason::kTokenRejected, "bad"));
  EXPECT_FALSE(entitlements_.MayRead(kOtter, kAna));
  EXPECT_EQ(GroupMode(), 0U);
}

TEST_F(AdmissionTest, NoTokenProvesNothingAndTakesNothingAway) {
  Serve("", true);
  ASSERT_THAT(Admit(kAna, "hf_ana"), IsOk());
  core_.clock().Advance(5min);
  EXPECT_THAT(Admit(kAna + 1, ""), HasReason(reason::kOfflineMiss));
  EXPECT_FALSE(entitlements_.MayRead(kOtter, kAna + 1));
  hub_.FailNext(MakeError(absl::StatusCode::kNotFound, reason::kRepoNotFound, "no such repo"));
  EXPECT_THAT(Admit(kAna, ""), HasReason(reason::kRepoNotFound));
  EXPECT_TRUE(entitlements_.MayRead(kOtter, kAna));
}

TEST_F(AdmissionTest, AHubOutOfReachLeavesInWhoHasProvedAccess) {
  Serve("manual", false);
  ASSERT_THAT(Admit(kAna, "hf_ana"), IsOk());
  core_.clock().Advance(5min);
  const absl::Status away = MakeError(absl::StatusCode::kUnavailable, reason::kHubUnreachable, "no network");
  hub_.FailNext(away);
  EXPECT_THAT(Admit(kAna, "hf_ana"), IsOk());
  hub_.FailNext(away);
  EXPECT_THAT(Admit(kAna + 1, "hf_ben"), HasReason(reason::kHubUnreachable));
}

TEST_F(AdmissionTest, OfflineNobodyIsAsked) {
  Serve("manual", false);
  EXPECT_THAT(Admit(kAna, "hf_ana", hub::Memory::kOnly), HasReason(reason::kOfflineMiss));
  Make(/*offline=*/true);
  EXPECT_THAT(Admit(kAna, "hf_ana"), HasReason(reason::kOfflineMiss));
  EXPECT_THAT(hub_.asked(), IsEmpty());
  EXPECT_THAT(Admit(kRoot, ""), IsOk());
}

TEST_F(AdmissionTest, RootMayReadAllAndProvesNothingForOthers) {
  Serve("manual", false);
  EXPECT_THAT(Admit(kRoot, "hf_root"), IsOk());
  EXPECT_EQ(GroupMode(), 0U);
  EXPECT_EQ(entitlements_.ReadersOf(kOtter), cache::Readers());
}

TEST_F(AdmissionTest, AGrantThatEndsClosesTheFolderByItself) {
  Serve("manual", false);
  admission_->Start();
  ASSERT_THAT(Admit(kAna, "hf_ana"), IsOk());
  ASSERT_NE(GroupMode(), 0U);
  core_.AdvanceAndRunUntilIdle(1h + 10s);
  EXPECT_EQ(GroupMode(), 0U);
}

TEST_F(AdmissionTest, WhatCannotBeKeptAdmitsNobody) {
  Serve("manual", false);
  store_.FailWrites(absl::UnavailableError("disk"));
  EXPECT_THAT(Admit(kAna, "hf_ana"), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(GroupMode(), 0U);
}

}  // namespace
}  // namespace batuta::entitlement
