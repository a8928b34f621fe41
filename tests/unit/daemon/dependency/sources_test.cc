#include "daemon/dependency/sources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta::dependency {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

BaseName Base(std::string_view id, std::string_view revision = {}) {
  BaseName base{*RepoId::Parse(RepoType::kModel, id)};
  if (!revision.empty()) base.revision = *Revision::Parse(revision);
  return base;
}

TEST(AdapterConfigTest, NamesTheBaseAndItsRevision) {
  EXPECT_THAT(FromAdapterConfig(R"({"base_model_name_or_path": "acme/otter", "revision": "v1"})"),
              ElementsAre(Dependency{Base("acme/otter", "v1"), Relation::kAdapter, Source::kAdapterConfig}));
  EXPECT_THAT(FromAdapterConfig(R"({"base_model_name_or_path": "acme/otter", "revision": null})"),
              ElementsAre(Dependency{Base("acme/otter"), Relation::kAdapter, Source::kAdapterConfig}));
}

TEST(AdapterConfigTest, APathIntoACacheKeepsItsOwnCommit) {
  const std::string commit(40, '3');

  EXPECT_THAT(
      FromAdapterConfig(
          R"({"revision": "v1", "base_model_name_or_path": "/hub/models--acme--otter/snapshots/)" + commit +
          R"("})"),
      ElementsAre(Dependency{Base("acme/otter", commit), Relation::kAdapter, Source::kAdapterConfig}));
}

TEST(AdapterConfigTest, SaysNothingWhenItCannotBeUnderstood) {
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[]"), std::string(R"({"base_model_name_or_path": 7})"),
        std::string(R"({"base_model_name_or_path": "/home/anna/otter"})"), std::string(2 << 20, '[')}) {
    EXPECT_THAT(FromAdapterConfig(text), IsEmpty()) << text.substr(0, 60);
  }
}

TEST(CardTest, ReadsOneBaseOrAListOfThem) {
  EXPECT_THAT(ParseCard("---\nbase_model: acme/otter\n---\ntext").bases, ElementsAre(Base("acme/otter")));
  EXPECT_THAT(ParseCard("\n---\r\nbase_model:\r\n- acme/otter\r\n- 'acme/stoat'\r\n--- \r\n").bases,
              ElementsAre(Base("acme/otter"), Base("acme/stoat")));
  EXPECT_THAT(ParseCard("---\nbase_model: {a: b}\n---\n").bases, IsEmpty());
}

TEST(CardTest, WithoutAnEndOfTheFrontMatterItSaysNothing) {
  EXPECT_THAT(ParseCard("---\nbase_model: acme/otter\n").bases, IsEmpty());
  EXPECT_THAT(ParseCard("# Otter\n---\nbase_model: acme/otter\n---\n").bases, IsEmpty());
}

TEST(CardTest, BrokenOrHostileYamlSaysNothing) {
  std::string deep = "---\na: ";
  for (int i = 0; i < 20'000; ++i) deep += '[';
  EXPECT_THAT(ParseCard(deep + "\n---\n").bases, IsEmpty());
  EXPECT_THAT(ParseCard("---\nbase_model: [acme/otter\n---\n").bases, IsEmpty());
  EXPECT_THAT(ParseCard("---\n*undefined\n---\n").bases, IsEmpty());
}

TEST(TagsTest, OnlyThoseWithARelationCount) {
  EXPECT_THAT(
      FromTags({"base_model:acme/otter", "base_model:adapter:acme/otter", "base_model:quantized:acme/stoat",
                "base_model:odd:acme/otter", "base_model:adapter:", "lora"}),
      ElementsAre(Dependency{Base("acme/otter"), Relation::kAdapter, Source::kTag},
                  Dependency{Base("acme/stoat"), Relation::kQuantized, Source::kTag}));
}

gguf::Metadata Metadata(std::map<std::string, gguf::Value, std::less<>> values) {
  gguf::Metadata metadata;
  metadata.values = std::move(values);
  return metadata;
}

TEST(GgufSourceTest, ReadsTheUrlElseOrganizationAndName) {
  EXPECT_THAT(FromGguf(Metadata({{"general.base_model.count", int64_t{2}},
                                 {"general.base_model.0.repo_url", "https://huggingface.co/acme/otter-7b"},
                                 {"general.base_model.1.organization", "Acme"},
                                 {"general.base_model.1.name", "Stoat 7B"}})),
              ElementsAre(Dependency{Base("acme/otter-7b"), Relation::kQuantized, Source::kGguf},
                          Dependency{Base("Acme/Stoat-7B"), Relation::kQuantized, Source::kGguf}));
}

TEST(GgufSourceTest, AnAdapterSaysSo) {
  EXPECT_THAT(FromGguf(Metadata({{"general.type", "adapter"},
                                 {"general.base_model.0.repo_url", "https://huggingface.co/acme/otter-7b"}})),
              ElementsAre(Dependency{Base("acme/otter-7b"), Relation::kAdapter, Source::kGguf}));
}

TEST(GgufSourceTest, AnAbsurdCountIsBounded) {
  EXPECT_THAT(FromGguf(Metadata({{"general.base_model.count", int64_t{1} << 60}})), IsEmpty());
  EXPECT_THAT(FromGguf(Metadata({{"general.base_model.count", int64_t{-1}}})), IsEmpty());
}

struct Inferred {
  std::string name;
  Evidence evidence;
  Relation relation;
};

class InferredRelationTest : public ::testing::TestWithParam<Inferred> {};

TEST_P(InferredRelationTest, IsUnderstoodAsTheHubDoes) {
  const std::vector<Dependency> found = DependenciesOf(GetParam().evidence);

  ASSERT_THAT(found, SizeIs(testing::Ge(1U)));
  EXPECT_EQ(found.front().relation, GetParam().relation);
}

Evidence WithCard(std::string card) {
  return {.adapter_configs = {},
          .readme = "---\nbase_model: acme/otter\n" + card + "---\n",
          .ggufs = {},
          .tags = {}};
}

INSTANTIATE_TEST_SUITE_P(
    Cards, InferredRelationTest,
    ::testing::Values(Inferred{"Stated", WithCard("base_model_relation: quantized\n"), Relation::kQuantized},
                      Inferred{"Library", WithCard("library_name: peft\n"), Relation::kAdapter},
                      Inferred{"LoraTag", WithCard("tags: [lora]\n"), Relation::kAdapter},
                      Inferred{"GgufTag", WithCard("tags: [gguf]\n"), Relation::kQuantized},
                      Inferred{"Plain", WithCard(""), Relation::kFinetune},
                      Inferred{"Files",
                               {.adapter_configs = {"{}"},
                                .readme = "---\nbase_model: acme/otter\n---\n",
                                .ggufs = {},
                                .tags = {}},
                               Relation::kAdapter},
                      Inferred{"SeveralBases",
                               {.adapter_configs = {},
                                .readme = "---\nbase_model: [acme/otter, acme/stoat]\n---\n",
                                .ggufs = {},
                                .tags = {}},
                               Relation::kMerge}),
    [](const auto& test) { return test.param.name; });

TEST(EvidenceTest, AllSourcesTogetherNameEachBaseOnce) {
  Evidence evidence = WithCard("tags: ['base_model:adapter:acme/otter']\n");
  evidence.adapter_configs = {R"({"base_model_name_or_path": "acme/otter"})"};
  evidence.tags = {"base_model:adapter:Acme/Otter"};

  EXPECT_THAT(DependenciesOf(evidence),
              ElementsAre(Dependency{Base("acme/otter"), Relation::kAdapter, Source::kAdapterConfig}));
}

}  // namespace
}  // namespace batuta::dependency
