#include "daemon/dependency/dependency.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta::dependency {
namespace {

using ::testing::ElementsAre;

BaseName Base(std::string_view id, std::string_view revision = {}) {
  BaseName base{*RepoId::Parse(RepoType::kModel, id)};
  if (!revision.empty()) base.revision = *Revision::Parse(revision);
  return base;
}

const std::string kCommit(40, '3');

struct Named {
  std::string text;
  std::optional<BaseName> base;
};

TEST(BaseNameTest, IsReadFromIdsPagesAndPathsIntoACache) {
  const std::vector<Named> table = {
      {"acme/otter-7b", Base("acme/otter-7b")},
      {"  acme/otter-7b\n", Base("acme/otter-7b")},
      {"gpt2", Base("gpt2")},
      {"https://huggingface.co/acme/otter-7b", Base("acme/otter-7b")},
      {"https://huggingface.co/acme/otter-7b/tree/v1?x=1", Base("acme/otter-7b", "v1")},
      {"http://mirror:8080/acme/otter-7b/", Base("acme/otter-7b")},
      {"https://huggingface.co/gpt2", Base("gpt2")},
      {"hf://acme/otter-7b", Base("acme/otter-7b")},
      {"/data/hub/models--acme--otter-7b/snapshots/" + kCommit + "/", Base("acme/otter-7b", kCommit)},
      {"../hub/models--acme--otter-7b", Base("acme/otter-7b")},
      {"", std::nullopt},
      {"/home/anna/otter-7b", std::nullopt},
      {"./output/checkpoint-500", std::nullopt},
      {"https://huggingface.co/datasets/acme/ponds", std::nullopt},
      {"https://huggingface.co", std::nullopt},
      {"/data/hub/datasets--acme--ponds/snapshots/" + kCommit, std::nullopt},
      {"acme/../otter", std::nullopt},
      {std::string(5'000, 'a'), std::nullopt},
  };
  for (const Named& row : table) EXPECT_EQ(ParseBaseName(row.text), row.base) << row.text;
}

TEST(UniteTest, KeepsTheStrongestRelationOfABaseWhateverItsLetterCase) {
  const std::vector<Dependency> found = {
      {Base("acme/otter"), Relation::kFinetune, Source::kCard},
      {Base("acme/stoat"), Relation::kQuantized, Source::kGguf},
      {Base("Acme/Otter", "v1"), Relation::kAdapter, Source::kAdapterConfig},
  };

  EXPECT_THAT(Unite(found),
              ElementsAre(Dependency{Base("acme/otter", "v1"), Relation::kAdapter, Source::kAdapterConfig},
                          Dependency{Base("acme/stoat"), Relation::kQuantized, Source::kGguf}));
}

TEST(RelationTest, OnlyAdaptersAndQuantisedFormsProtectTheirBase) {
  EXPECT_TRUE(ProtectsBase(Relation::kAdapter));
  EXPECT_TRUE(ProtectsBase(Relation::kQuantized));
  EXPECT_FALSE(ProtectsBase(Relation::kMerge));
  EXPECT_FALSE(ProtectsBase(Relation::kFinetune));
}

}  // namespace
}  // namespace batuta::dependency
