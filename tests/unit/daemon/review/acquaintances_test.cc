#include "daemon/review/acquaintances.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/metadata/fake_metadata_store.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::review {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

constexpr std::string_view kEndpoint = "https://hub.test";

RepoId Model(std::string_view id) {
  return *RepoId::Parse(RepoType::kModel, id);
}

WallTime At(int64_t millis) {
  return FromUnixMillis(millis);
}

class AcquaintancesTest : public ::testing::Test {
 protected:
  metadata::FakeMetadataStore store_;
  Acquaintances friends_{store_, std::string(kEndpoint)};
  const Principal who_{.uid = 1000, .tool = "test"};
};

TEST_F(AcquaintancesTest, NobodyIsTrustedAtFirst) {
  EXPECT_THAT(friends_.TrustedNamespaces(), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(friends_.IdentityOf(Model("acme/otter")), IsOkAndHolds(std::nullopt));
}

TEST_F(AcquaintancesTest, WhoWasTrustedIsTrustedAcrossARestart) {
  ASSERT_THAT(friends_.Trust("Acme", who_, At(1)), IsOk());
  ASSERT_THAT(friends_.Trust("river-people", who_, At(2)), IsOk());

  Acquaintances later(store_, std::string(kEndpoint));

  EXPECT_THAT(later.TrustedNamespaces(), IsOkAndHolds(ElementsAre("acme", "river-people")));
}

TEST_F(AcquaintancesTest, TrustIsWrittenOnce) {
  ASSERT_THAT(friends_.Trust("acme", who_, At(1)), IsOk());
  ASSERT_THAT(friends_.Trust("ACME", who_, At(2)), IsOk());
  ASSERT_THAT(friends_.Trust("", who_, At(3)), IsOk());

  EXPECT_EQ(store_.writes(metadata::Durability::kProcess), 1u);
}

TEST_F(AcquaintancesTest, ANamespaceOfAnotherEndpointIsAStranger) {
  ASSERT_THAT(friends_.Trust("acme", who_, At(1)), IsOk());
  ASSERT_THAT(friends_.Remember(Model("acme/otter"), {.hub_id = "1"}), IsOk());

  Acquaintances elsewhere(store_, "https://other.test");

  EXPECT_THAT(elsewhere.TrustedNamespaces(), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(elsewhere.IdentityOf(Model("acme/otter")), IsOkAndHolds(std::nullopt));
}

TEST_F(AcquaintancesTest, ARepoIsKnownByItsIdAndByItsAge) {
  const RepoIdentity identity{.hub_id = "66a1f0c2d3e4f5a6b7c8d9e0", .created = At(1'741'083'072'000)};

  ASSERT_THAT(friends_.Remember(Model("acme/otter"), identity), IsOk());

  EXPECT_THAT(friends_.IdentityOf(Model("Acme/Otter")), IsOkAndHolds(Optional(identity)));
  EXPECT_THAT(friends_.IdentityOf(*RepoId::Parse(RepoType::kDataset, "acme/otter")),
              IsOkAndHolds(std::nullopt));
}

TEST_F(AcquaintancesTest, ARecordThatMakesNoSenseIsNone) {
  ASSERT_THAT(friends_.Remember(Model("acme/otter"), {.hub_id = "1"}), IsOk());
  metadata::WriteBatch batch;
  batch.Put(metadata::Table::kNames, "https://hub.test\nrepo\nmodels--acme--otter", "[]");
  ASSERT_THAT(store_.Write(batch, metadata::Durability::kProcess), IsOk());

  EXPECT_THAT(friends_.IdentityOf(Model("acme/otter")), IsOkAndHolds(std::nullopt));
}

TEST(IsAnotherTest, AnotherIdIsAnotherRepo) {
  EXPECT_TRUE(IsAnother({.hub_id = "1"}, {.hub_id = "2"}));
  EXPECT_FALSE(IsAnother({.hub_id = "1"}, {.hub_id = "1"}));
}

TEST(IsAnotherTest, TheIdSaysMoreThanTheAge) {
  EXPECT_FALSE(IsAnother({.hub_id = "1", .created = At(1)}, {.hub_id = "1", .created = At(2)}));
  EXPECT_TRUE(IsAnother({.hub_id = "1", .created = At(2)}, {.hub_id = "2", .created = At(2)}));
}

TEST(IsAnotherTest, WithoutAnIdALaterBeginningIsAnotherRepo) {
  EXPECT_TRUE(IsAnother({.created = At(1)}, {.hub_id = "2", .created = At(2)}));
  EXPECT_FALSE(IsAnother({.created = At(2)}, {.created = At(2)}));
  EXPECT_FALSE(IsAnother({.created = At(2)}, {.created = At(1)}));
}

TEST(IsAnotherTest, WhoSaysNothingIsNotDoubted) {
  EXPECT_FALSE(IsAnother({}, {.hub_id = "2", .created = At(2)}));
  EXPECT_FALSE(IsAnother({.hub_id = "1", .created = At(1)}, {}));
}

}  // namespace
}  // namespace batuta::review
