#include "daemon/inventory/selections.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta::inventory {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

cache::SurveyedSnapshot Snapshot(const std::vector<std::string>& paths) {
  cache::SurveyedSnapshot snapshot{*CommitId::Parse(std::string(40, '3'))};
  uint64_t inode = 1;
  for (const std::string& path : paths) {
    snapshot.files.push_back({path, "", 1, inode, 10 * inode, WallTime(std::chrono::seconds(inode)), {}});
    ++inode;
  }
  return snapshot;
}

std::vector<std::string> Paths(const Selection& selection) {
  std::vector<std::string> paths;
  for (const File& file : selection.files) paths.push_back(file.path);
  return paths;
}

std::vector<std::vector<std::string>> AllPaths(const std::vector<Selection>& selections) {
  std::vector<std::vector<std::string>> all;
  for (const Selection& selection : selections) all.push_back(Paths(selection));
  return all;
}

PulledSelection Pulled(const std::string& label, std::vector<std::string> paths) {
  return {SelectionId(paths), label, std::move(paths)};
}

TEST(GgufStemTest, PartsOfAVariantHaveTheSame) {
  EXPECT_EQ(GgufStem("a/otter-Q4_K_M-00001-of-00002.gguf"), "a/otter-Q4_K_M");
  EXPECT_EQ(GgufStem("a/otter-Q4_K_M-00002-of-00002.gguf"), "a/otter-Q4_K_M");
  EXPECT_EQ(GgufStem("otter.gguf"), "otter");
  EXPECT_EQ(GgufStem("otter-0001-of-0002.gguf"), "otter-0001-of-0002");
  EXPECT_EQ(GgufStem("config.json"), "");
}

TEST(SelectionIdTest, NamesTheSetAndNotItsOrder) {
  EXPECT_EQ(SelectionId({"a", "b"}), SelectionId({"b", "a", "b"}));
  EXPECT_NE(SelectionId({"a", "b"}), SelectionId({"ab"}));
}

TEST(SelectionsOfTest, WhatOtherToolsBroughtIsOneUnlessThereAreVariants) {
  EXPECT_THAT(AllPaths(SelectionsOf(Snapshot({"config.json", "model.safetensors"}), {})),
              ElementsAre(ElementsAre("config.json", "model.safetensors")));
  EXPECT_THAT(AllPaths(SelectionsOf(Snapshot({"README.md", "otter.gguf"}), {})),
              ElementsAre(ElementsAre("README.md", "otter.gguf")));
  EXPECT_THAT(
      AllPaths(SelectionsOf(
          Snapshot({"README.md", "o-Q4-00001-of-00002.gguf", "o-Q4-00002-of-00002.gguf", "o-Q8.gguf"}), {})),
      ElementsAre(ElementsAre("README.md"),
                  ElementsAre("o-Q4-00001-of-00002.gguf", "o-Q4-00002-of-00002.gguf"),
                  ElementsAre("o-Q8.gguf")));
}

TEST(SelectionsOfTest, PulledOnesShareFilesAndTheRestIsAnother) {
  const auto selections = SelectionsOf(
      Snapshot({"README.md", "a.gguf", "b.gguf", "extra.bin"}),
      {Pulled("A", {"README.md", "a.gguf"}), Pulled("B", {"README.md", "b.gguf"}), Pulled("gone", {"x"})});

  EXPECT_THAT(AllPaths(selections),
              ElementsAre(ElementsAre("README.md", "a.gguf"), ElementsAre("README.md", "b.gguf"),
                          ElementsAre("extra.bin")));
  EXPECT_EQ(selections[0].label, "A");
  EXPECT_EQ(selections[2].label, "files");
}

TEST(SelectionsOfTest, IsUsedWhenItsLastFileWas) {
  const auto selections = SelectionsOf(Snapshot({"a", "b"}), {});

  EXPECT_EQ(selections.front().accessed, WallTime(std::chrono::seconds(2)));
}

TEST(SelectionsOfTest, AnEmptySnapshotHasNone) {
  EXPECT_THAT(SelectionsOf(Snapshot({}), {Pulled("A", {"a"})}), IsEmpty());
}

}  // namespace
}  // namespace batuta::inventory
