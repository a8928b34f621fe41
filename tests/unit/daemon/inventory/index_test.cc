#include "daemon/inventory/index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta::inventory {
namespace {

using ::testing::Optional;

const RepoId kOtter = *RepoId::Parse(RepoType::kModel, "acme/otter");

WallTime At(int64_t nanoseconds) {
  return WallTime(std::chrono::nanoseconds(nanoseconds));
}

Repo FullRepo() {
  const RepoId base = *RepoId::Parse(RepoType::kModel, "acme/base");
  Snapshot first{*CommitId::Parse(std::string(40, '3')), {"main", "refs/pr/1"}, At(-5), At(-7), {}, {}};
  first.needs = {{{base, Revision::Main()}, dependency::Relation::kAdapter, dependency::Source::kTag},
                 {{base, std::nullopt}, dependency::Relation::kFinetune, dependency::Source::kGguf}};
  first.selections = {
      {"00ff",
       "default",
       {{"config.json", {7, 900}, 2}, {"onnx/model.onnx", {7, 12}, ~uint64_t{0}, 0x7b04000000000001}},
       At(1'790'000'000'123'456'789)},
      {"01ff", "", {{"config.json", {8, 900}, 2}}, At(0)}};
  Snapshot second{*CommitId::Parse(std::string(40, '4')), {}, At(77), At(78), {}, {}};
  return {kOtter,
          {{"snapshots", 5, At(1)}, {"refs", 0, At(0)}},
          {first, second},
          {{"aa.incomplete", 1 << 20, At(4), true}, {"bb", 0, At(5), false}},
          {"refs/old points to nothing"},
          At(4)};
}

TEST(IndexTest, ARepoIsReadAsItWasWritten) {
  EXPECT_THAT(DecodeRepo(kOtter, EncodeRepo(FullRepo())), Optional(FullRepo()));
  EXPECT_THAT(DecodeRepo(kOtter, EncodeRepo({kOtter, {}, {}, {}, {}})),
              Optional(Repo{kOtter, {}, {}, {}, {}}));
}

TEST(IndexTest, WhatIsCutOffOrLongerIsNoRecord) {
  const std::string record = EncodeRepo(FullRepo());

  for (size_t length = 0; length < record.size(); ++length) {
    EXPECT_EQ(DecodeRepo(kOtter, record.substr(0, length)), std::nullopt) << length;
  }
  EXPECT_EQ(DecodeRepo(kOtter, record + '\0'), std::nullopt);
}

TEST(IndexTest, AnotherVersionIsNoRecord) {
  std::string record = EncodeRepo(FullRepo());
  ++record[0];

  EXPECT_EQ(DecodeRepo(kOtter, record), std::nullopt);
}

// Whatever it makes of it, it comes to an end within bounds: sanitizers look on.
TEST(IndexTest, DamageIsReadToAnEnd) {
  const std::string record = EncodeRepo(FullRepo());
  for (size_t at = 1; at < record.size(); ++at) {
    for (const char damage : {'\x00', '\x7F', '\x80', '\xFF'}) {
      std::string damaged = record;
      damaged[at] = damage;
      const auto repo = DecodeRepo(kOtter, damaged);
      EXPECT_TRUE(!repo || repo->snapshots.size() == 2U);
    }
  }
}

// A start at a million files rests on it.
TEST(IndexTest, AFileTakesFewBytes) {
  constexpr uint64_t kSnapshots = 20;
  constexpr uint64_t kFiles = 50;
  Repo repo{kOtter, {}, {}, {}, {}};
  uint64_t inode = 1'000'000;
  for (uint64_t i = 0; i < kSnapshots; ++i) {
    Snapshot snapshot{
        *CommitId::Parse(std::string(40, static_cast<char>('a' + i % 6))), {}, At(0), At(0), {}, {}};
    Selection selection{"0123456789abcdef", "default", {}, At(0)};
    for (uint64_t file = 0; file < kFiles; ++file) {
      selection.files.push_back({"weights/model-" + std::to_string(file) + "-of-50.safetensors",
                                 {64, ++inode},
                                 4'000'000'000,
                                 ~inode});
    }
    snapshot.selections.push_back(std::move(selection));
    repo.snapshots.push_back(std::move(snapshot));
  }

  EXPECT_LE(EncodeRepo(repo).size(), kSnapshots * kFiles * 22);
}

}  // namespace
}  // namespace batuta::inventory
