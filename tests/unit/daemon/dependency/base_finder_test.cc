#include "daemon/dependency/base_finder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta::dependency {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

RepoId Model(std::string_view id) {
  return *RepoId::Parse(RepoType::kModel, id);
}

TEST(BaseFinderTest, PrefersTheExactSpellingOverAnotherLetterCase) {
  const BaseFinder finder({Model("Acme/Otter"), Model("acme/otter")}, {});

  EXPECT_THAT(finder.Find(Model("acme/otter")), ElementsAre(FoundBase{Model("acme/otter"), Match::kExact}));
  EXPECT_THAT(finder.Find(Model("ACME/otter")),
              ElementsAre(FoundBase{Model("Acme/Otter"), Match::kLetterCase},
                          FoundBase{Model("acme/otter"), Match::kLetterCase}));
}

TEST(BaseFinderTest, FollowsRenamesInBothDirectionsAndOverSeveralSteps) {
  const BaseFinder::Renames renames = {{"acme/otter", "acme/otter-7b"}, {"acme/otter-7b", "zoo/Otter-7B"}};

  EXPECT_THAT(BaseFinder({Model("zoo/otter-7b")}, renames).Find(Model("acme/otter")),
              ElementsAre(FoundBase{Model("zoo/otter-7b"), Match::kRenamed}));
  EXPECT_THAT(BaseFinder({Model("acme/otter")}, renames).Find(Model("zoo/otter-7b")),
              ElementsAre(FoundBase{Model("acme/otter"), Match::kRenamed}));
}

TEST(BaseFinderTest, TakesTheSameNameElsewhereWhenNothingElseIsThere) {
  const BaseFinder finder({Model("openai-community/gpt2"), Model("acme/otter")}, {});

  EXPECT_THAT(finder.Find(Model("gpt2")),
              ElementsAre(FoundBase{Model("openai-community/gpt2"), Match::kSameName}));
  EXPECT_THAT(finder.Find(Model("other/Otter")),
              ElementsAre(FoundBase{Model("acme/otter"), Match::kSameName}));
  EXPECT_THAT(finder.Find(Model("acme/stoat")), IsEmpty());
}

TEST(BaseFinderTest, NeverFindsADataset) {
  const RepoId dataset = *RepoId::Parse(RepoType::kDataset, "acme/otter");

  EXPECT_THAT(BaseFinder({dataset}, {}).Find(Model("acme/otter")), IsEmpty());
}

}  // namespace
}  // namespace batuta::dependency
