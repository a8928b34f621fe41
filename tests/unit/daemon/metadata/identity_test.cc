#include "daemon/metadata/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/metadata/fake_metadata_store.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::metadata {
namespace {

using ::testing::MatchesRegex;

TEST(IdentityTest, IsRandomHexThatSurvivesAPowerCut) {
  FakeMetadataStore store;
  ASSERT_OK_AND_ASSIGN(const std::string first, InstanceId(store));
  EXPECT_THAT(first, MatchesRegex("[0-9a-f]{32}"));
  store.CutPower();
  EXPECT_THAT(InstanceId(store), IsOkAndHolds(first));
}

TEST(IdentityTest, DiffersFromCatalogToCatalogAndFromTheSalt) {
  FakeMetadataStore one;
  FakeMetadataStore other;
  ASSERT_OK_AND_ASSIGN(const std::string id, InstanceId(one));
  ASSERT_OK_AND_ASSIGN(const std::string other_id, InstanceId(other));
  ASSERT_OK_AND_ASSIGN(const std::string salt, Salt(one));
  EXPECT_NE(id, other_id);
  EXPECT_NE(id, salt);
}

TEST(IdentityTest, RefusesAStoredValueThatIsNone) {
  for (const char* const bad :
       {"", "0123", "ZZ23456789abcdef0123456789abcdef", "../../../../../../../../etc/pass"}) {
    FakeMetadataStore store;
    ASSERT_THAT(Put(store, Table::kMeta, "instance_id", bad, Durability::kPower), IsOk());
    EXPECT_THAT(InstanceId(store), HasReason("CATALOG_DAMAGED")) << bad;
  }
}

TEST(IdentityTest, HandsOnWhatTheStoreSays) {
  FakeMetadataStore store;
  store.FailWrites(MakeError(absl::StatusCode::kResourceExhausted, reason::kDiskFull, "full"));
  EXPECT_THAT(Salt(store), HasReason("DISK_FULL"));
}

}  // namespace
}  // namespace batuta::metadata
