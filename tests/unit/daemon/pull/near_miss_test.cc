#include "daemon/pull/near_miss.h"

#include <string>

#include <gmock/gmock.h>

namespace batuta::pull {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Tree TreeOf(std::initializer_list<std::string_view> paths) {
  Tree tree{*CommitId::Parse(std::string(40, 'a')), {}};
  for (const std::string_view path : paths) {
    tree.entries.push_back({.path = *RepoPath::Parse(path), .blob = *BlobId::Parse(std::string(40, 'c'))});
  }
  return tree;
}

TEST(NearMissTest, OffersWhatWasProbablyMeant) {
  const Tree tree =
      TreeOf({"README.md", "config.json", "onnx/model.onnx", "model.safetensors", "tokenizer.json"});
  EXPECT_THAT(NearMisses(tree, "confg.json", 3), ElementsAre("config.json"));
  EXPECT_THAT(NearMisses(tree, "readme.md", 3), ElementsAre("README.md"));
  EXPECT_THAT(NearMisses(tree, "model.onnx", 3), ElementsAre("onnx/model.onnx"));
  EXPECT_THAT(NearMisses(tree, "something/else.txt", 3), IsEmpty());
}

TEST(NearMissTest, TheLikeliestComeFirst) {
  const Tree tree = TreeOf({"a-Q4_K_S.gguf", "a-Q5_K_M.gguf", "a-Q4_K_M.gguf", "b.txt"});
  EXPECT_THAT(NearMisses(tree, "a-Q4_K_M.guf", 2), ElementsAre("a-Q4_K_M.gguf", "a-Q4_K_S.gguf"));
}

TEST(NearMissTest, StaysCheapForLongPaths) {
  Tree tree = TreeOf({std::string(250, 'x') + "/" + std::string(250, 'y')});
  EXPECT_THAT(NearMisses(tree, std::string(4'000, 'x'), 3), IsEmpty());
}

}  // namespace
}  // namespace batuta::pull
