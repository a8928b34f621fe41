#include "daemon/push/commit_parts.h"

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace batuta::push {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Kind = PlannedChange::Kind;

PlannedChange Inline(const std::string& path, uint64_t size = 10) {
  return {.path = *RepoPath::Parse(path), .kind = Kind::kInline, .size_bytes = size};
}

PlannedChange Lfs(const std::string& path, uint64_t size = 1'000'000'000) {
  return {.path = *RepoPath::Parse(path), .kind = Kind::kLfs, .size_bytes = size};
}

PlannedChange Deletion(const std::string& path) {
  return {.path = *RepoPath::Parse(path), .kind = Kind::kDelete};
}

// "a b | c": what each commit holds, in its order.
std::string Shape(const std::vector<PlannedChange>& changes, const CommitLimits& limits = {}) {
  std::string shape;
  for (const CommitPart& part : CutCommits(changes, "Add", limits)) {
    if (!shape.empty()) shape += " | ";
    for (size_t i = 0; i < part.changes.size(); ++i) {
      shape += (i == 0 ? "" : " ") + changes[part.changes[i]].path.text();
    }
  }
  return shape;
}

TEST(CommitParts, OneCommitWheneverItFits) {
  EXPECT_THAT(CutCommits({}, "Add"), IsEmpty());
  std::vector<PlannedChange> changes;
  for (int i = 0; i < 1'000; ++i) changes.push_back(Lfs(fmt::format("{}.bin", i)));
  const auto parts = CutCommits(changes, "Add weights");
  ASSERT_THAT(parts, SizeIs(1));
  EXPECT_EQ(parts[0].summary, "Add weights");
  changes.push_back(Lfs("one-more.bin"));
  const auto more = CutCommits(changes, "Add weights");
  ASSERT_THAT(more, SizeIs(2));
  EXPECT_EQ(more[0].summary, "Add weights (part 1 of 2)");
  EXPECT_EQ(more[1].summary, "Add weights (part 2 of 2)");
}

TEST(CommitParts, DataFirstThenDeletionsAndTheReadmeLast) {
  const std::vector<PlannedChange> changes = {Inline("README.md"),      Deletion("a-old.bin"),
                                              Inline("config.json"),    Lfs("z.safetensors"),
                                              Inline(".gitattributes"), Inline("docs/README.md")};
  EXPECT_EQ(Shape(changes), ".gitattributes z.safetensors config.json docs/README.md a-old.bin README.md");
  EXPECT_EQ(Shape(changes, {.changes = 2}),
            ".gitattributes z.safetensors | config.json docs/README.md | a-old.bin README.md");
  EXPECT_EQ(Shape(changes, {.changes = 5}),
            ".gitattributes z.safetensors config.json docs/README.md a-old.bin | README.md");
}

TEST(CommitParts, WhatStandsInTheWayIsDeletedBefore) {
  EXPECT_EQ(Shape({Lfs("data"), Deletion("data/one"), Lfs("x/y/z"), Deletion("x/y"), Deletion("w")}),
            "data/one x/y data x/y/z w");
}

TEST(CommitParts, BoundsTheBytesOfTheBodyNotThoseOfLfsFiles) {
  const CommitLimits limits = {.inline_bytes = 100};
  EXPECT_EQ(Shape({Inline("a", 60), Inline("b", 40), Inline("c", 1), Lfs("m", 500)}, limits), "m a b | c");
  EXPECT_EQ(Shape({Inline("a", 101), Inline("b", 1)}, limits), "a | b");
  EXPECT_EQ(Shape({Lfs("a"), Lfs("b"), Lfs("c"), Inline("d")}, {.lfs_files = 2}), "a b | c d");
}

TEST(CommitParts, TheOrderOfTheListDoesNotMatterAndNothingIsLost) {
  std::vector<PlannedChange> changes = {Inline("README.md"), Inline(".gitattributes")};
  for (int i = 0; i < 300; ++i) {
    changes.push_back(Lfs(fmt::format("w/{}", i)));
    changes.push_back(Inline(fmt::format("t/{}", i), static_cast<uint64_t>(i)));
    changes.push_back(Deletion(fmt::format("d/{}", i)));
  }
  const CommitLimits limits = {.changes = 70, .inline_bytes = 2'000, .lfs_files = 30};
  const std::string shape = Shape(changes, limits);
  std::mt19937 random(7);
  for (int i = 0; i < 5; ++i) {
    std::shuffle(changes.begin(), changes.end(), random);
    EXPECT_EQ(Shape(changes, limits), shape);
  }
  std::set<size_t> seen;
  for (const CommitPart& part : CutCommits(changes, "x", limits)) {
    uint64_t bytes = 0;
    for (const size_t index : part.changes) {
      EXPECT_TRUE(seen.insert(index).second);
      if (changes[index].kind == Kind::kInline) bytes += changes[index].size_bytes;
    }
    EXPECT_LE(part.changes.size(), limits.changes);
    EXPECT_LE(bytes, limits.inline_bytes);
  }
  EXPECT_THAT(seen, SizeIs(changes.size()));
}

}  // namespace
}  // namespace batuta::push
