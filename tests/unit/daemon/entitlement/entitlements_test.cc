#include "daemon/entitlement/entitlements.h"

#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/clock/fake_clock.h"
#include "tests/support/metadata/fake_metadata_store.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::entitlement {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint32_t kAna = 1001;
constexpr uint32_t kBen = 1002;
const RepoId kOtter = *RepoId::Parse(RepoType::kModel, "acme/otter");
const RepoId kHeron = *RepoId::Parse(RepoType::kModel, "acme/heron");

class EntitlementsTest : public ::testing::Test {
 protected:
  EntitlementsTest() { Reopen(); }

  void Reopen() {
    entitlements_ = std::make_unique<Entitlements>(
        store_, clock_, Entitlements::Options{.lifetimes = {.grant = 1h, .proof = 5min}, .exempt = {0}});
    EXPECT_THAT(entitlements_->Load(), IsOk());
  }

  bool MayRead(uint32_t uid, const RepoId& repo = kOtter) const { return entitlements_->MayRead(repo, uid); }

  FakeClock clock_;
  metadata::FakeMetadataStore store_;
  std::unique_ptr<Entitlements> entitlements_;
};

TEST_F(EntitlementsTest, ARepoOfWhichNothingIsKnownIsClosedButToTheExempt) {
  EXPECT_FALSE(MayRead(kAna));
  EXPECT_TRUE(MayRead(0));
  EXPECT_EQ(entitlements_->ReadersOf(kOtter), cache::Readers());
}

TEST_F(EntitlementsTest, AGrantIsOneUsersAndOutlivesTheDaemon) {
  ASSERT_THAT(entitlements_->Learn(kOtter, Gate::kGated), IsOk());
  ASSERT_THAT(entitlements_->Grant(kOtter, kAna), IsOk());
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(MayRead(kAna));
    EXPECT_FALSE(MayRead(kBen));
    EXPECT_FALSE(MayRead(kAna, kHeron));
    EXPECT_THAT(entitlements_->ReadersOf(kOtter).uids, ElementsAre(kAna));
    Reopen();
  }
}

TEST_F(EntitlementsTest, ARevokedGrantIsGoneAlsoAfterAPowerCut) {
  ASSERT_THAT(entitlements_->Grant(kOtter, kAna), IsOk());
  ASSERT_THAT(entitlements_->Revoke(kOtter, kAna), IsOk());
  EXPECT_FALSE(MayRead(kAna));
  store_.CutPower();
  Reopen();
  EXPECT_FALSE(MayRead(kAna));
}

TEST_F(EntitlementsTest, AGrantEndsByItselfAndIsThenForgotten) {
  ASSERT_THAT(entitlements_->Grant(kOtter, kAna), IsOk());
  clock_.Advance(30min);
  ASSERT_THAT(entitlements_->Grant(kHeron, kBen), IsOk());
  EXPECT_THAT(entitlements_->DropExpired(), IsOkAndHolds(IsEmpty()));
  clock_.Advance(30min);
  EXPECT_FALSE(MayRead(kAna));
  EXPECT_TRUE(MayRead(kBen, kHeron));
  EXPECT_THAT(entitlements_->DropExpired(), IsOkAndHolds(ElementsAre(kOtter)));
  EXPECT_THAT(entitlements_->DropExpired(), IsOkAndHolds(IsEmpty()));
}

TEST_F(EntitlementsTest, WhatWasPublicLeavesNobodyInWhenItIsClosed) {
  ASSERT_THAT(entitlements_->Grant(kOtter, kAna), IsOk());
  ASSERT_THAT(entitlements_->Learn(kOtter, Gate::kPublic), IsOk());
  EXPECT_TRUE(MayRead(kBen));
  ASSERT_THAT(entitlements_->Learn(kOtter, Gate::kPrivate), IsOk());
  EXPECT_FALSE(MayRead(kBen));
  EXPECT_FALSE(MayRead(kAna));
}

TEST_F(EntitlementsTest, OfNamesThatAreOnlyTriedNothingIsKept) {
  ASSERT_THAT(entitlements_->Revoke(kOtter, kAna), IsOk());
  ASSERT_THAT(entitlements_->Close(kHeron, Gate::kPrivate), IsOk());
  size_t records = 0;
  ASSERT_THAT(store_.Scan(metadata::Table::kGrants, {},
                          [&records](std::string_view, std::string_view) {
                            ++records;
                            return true;
                          }),
              IsOk());
  EXPECT_EQ(records, 0U);
}

TEST_F(EntitlementsTest, OnlyWhatWasPublicIsClosed) {
  ASSERT_THAT(entitlements_->Learn(kOtter, Gate::kPublic), IsOk());
  ASSERT_THAT(entitlements_->Close(kOtter, Gate::kGated), IsOk());
  EXPECT_FALSE(MayRead(kBen));
  ASSERT_THAT(entitlements_->Grant(kOtter, kAna), IsOk());
  ASSERT_THAT(entitlements_->Close(kOtter, Gate::kPrivate), IsOk());
  EXPECT_TRUE(MayRead(kAna));
}

TEST_F(EntitlementsTest, WhatCannotBeKeptIsNotBelieved) {
  store_.FailWrites(absl::UnavailableError("disk"));
  EXPECT_THAT(entitlements_->Grant(kOtter, kAna), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_FALSE(MayRead(kAna));
}

}  // namespace
}  // namespace batuta::entitlement
