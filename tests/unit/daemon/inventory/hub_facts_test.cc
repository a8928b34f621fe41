#include "daemon/inventory/hub_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/metadata/fake_metadata_store.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::inventory {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

RepoId Model(std::string_view id) {
  return *RepoId::Parse(RepoType::kModel, id);
}

class HubFactsTest : public ::testing::Test {
 protected:
  metadata::FakeMetadataStore store_;
  HubFacts facts_{store_};
};

TEST_F(HubFactsTest, ARenameIsKnownAcrossARestart) {
  ASSERT_THAT(facts_.Learn(Model("acme/old"), Model("acme/new"), {}), IsOk());

  HubFacts later(store_);
  ASSERT_THAT(later.Load(), IsOk());

  EXPECT_THAT(later.Renames(), ElementsAre(Pair("acme/old", "acme/new")));
}

TEST_F(HubFactsTest, OnlyTagsThatProtectABaseAreKept) {
  ASSERT_THAT(facts_.Learn(Model("acme/lora"), Model("acme/lora"),
                           {"peft", "base_model:acme/otter", "base_model:adapter:acme/otter",
                            "base_model:finetune:acme/stoat"}),
              IsOk());

  const auto needs = facts_.NeedsOf(Model("acme/lora"));
  ASSERT_THAT(needs, SizeIs(1));
  EXPECT_EQ(needs.front().base.repo, Model("acme/otter"));
  EXPECT_THAT(facts_.Renames(), IsEmpty());
}

TEST_F(HubFactsTest, TagsOfARenamedModelHoldForBothNames) {
  ASSERT_THAT(facts_.Learn(Model("acme/old"), Model("acme/new"), {"base_model:adapter:acme/otter"}), IsOk());

  EXPECT_THAT(facts_.NeedsOf(Model("acme/old")), SizeIs(1));
  EXPECT_THAT(facts_.NeedsOf(Model("acme/new")), SizeIs(1));
}

TEST_F(HubFactsTest, TheLatestAnswerHolds) {
  ASSERT_THAT(facts_.Learn(Model("acme/old"), Model("acme/new"), {}), IsOk());
  // Somebody took the old name for another model.
  ASSERT_THAT(facts_.Learn(Model("acme/old"), Model("acme/old"), {}), IsOk());

  EXPECT_THAT(facts_.Renames(), IsEmpty());
  HubFacts later(store_);
  ASSERT_THAT(later.Load(), IsOk());
  EXPECT_THAT(later.Renames(), IsEmpty());
}

TEST_F(HubFactsTest, WhatIsNotNewIsNotWritten) {
  ASSERT_THAT(facts_.Learn(Model("acme/old"), Model("acme/new"), {}), IsOk());
  const uint64_t writes = store_.writes(metadata::Durability::kProcess);

  ASSERT_THAT(facts_.Learn(Model("acme/old"), Model("acme/new"), {"pytorch"}), IsOk());
  ASSERT_THAT(facts_.Learn(Model("acme/otter"), Model("acme/otter"), {"pytorch"}), IsOk());
  ASSERT_THAT(facts_.Learn(Model("Acme/Otter"), Model("acme/otter"), {}), IsOk());

  EXPECT_EQ(store_.writes(metadata::Durability::kProcess), writes);
}

TEST_F(HubFactsTest, AreBounded) {
  for (int i = 0; i < 1'500; ++i) {
    ASSERT_THAT(facts_.Learn(Model("acme/old-" + std::to_string(i)), Model("acme/new"), {}), IsOk());
  }
  EXPECT_THAT(facts_.Renames(), SizeIs(1'000));
}

}  // namespace
}  // namespace batuta::inventory
