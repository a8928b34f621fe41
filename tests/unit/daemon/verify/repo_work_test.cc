#include "daemon/verify/repo_work.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta::verify {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;

RepoId Otter() {
  return *RepoId::Parse(RepoType::kModel, "acme/otter");
}

CommitId Commit(char digit) {
  return *CommitId::Parse(std::string(40, digit));
}

BlobId Blob(char digit) {
  return *BlobId::Parse(std::string(64, digit));
}

cache::SurveyedFile FileAt(std::string path, std::string blob, uint64_t size_bytes) {
  cache::SurveyedFile file;
  file.path = std::move(path);
  file.blob = std::move(blob);
  file.size_bytes = size_bytes;
  return file;
}

Entry MakeEntry(std::string_view path, const BlobId& blob, uint64_t size_bytes) {
  return {*RepoPath::Parse(path), size_bytes, blob};
}

TEST(RepoWorkTest, EachBlobIsReadOnceHoweverManyLinksLeadToIt) {
  RepoWork work(Otter());
  work.AddSnapshot({Commit('1'), {}, {FileAt("a", Blob('a').hex(), 5), FileAt("b", Blob('a').hex(), 5)}},
                   std::nullopt, {});
  work.AddSnapshot({Commit('2'), {}, {FileAt("a", Blob('a').hex(), 5), FileAt("c", Blob('c').hex(), 7)}},
                   std::nullopt, {});
  ASSERT_EQ(work.items().size(), 2U);
  EXPECT_EQ(work.items()[0].blob, Blob('a'));
  EXPECT_EQ(work.items()[0].commit, Commit('1').hex());
  EXPECT_EQ(work.items()[0].path, "a");
  EXPECT_EQ(work.items()[1].blob, Blob('c'));
  EXPECT_THAT(work.findings(), IsEmpty());
}

TEST(RepoWorkTest, TheListingSaysHowLongAFileShouldBe) {
  RepoWork work(Otter());
  work.AddSnapshot({Commit('1'), {}, {FileAt("a", Blob('a').hex(), 5)}},
                   Tree{Commit('1'), {MakeEntry("a", Blob('a'), 9)}}, {});
  ASSERT_EQ(work.items().size(), 1U);
  EXPECT_EQ(work.items()[0].size_bytes, 9U);
}

TEST(RepoWorkTest, ALinkToAnotherBlobThanTheListingSaysIsJudgedByItsOwnName) {
  RepoWork work(Otter());
  work.AddSnapshot({Commit('1'), {}, {FileAt("a", Blob('e').hex(), 5)}},
                   Tree{Commit('1'), {MakeEntry("a", Blob('a'), 5)}}, {});
  ASSERT_EQ(work.items().size(), 1U);
  EXPECT_EQ(work.items()[0].blob, Blob('e'));
  EXPECT_EQ(work.items()[0].listed_as, Blob('a'));
}

TEST(RepoWorkTest, AFileInTheSnapshotItselfIsWhatTheListingSays) {
  RepoWork work(Otter());
  work.AddSnapshot({Commit('1'), {}, {FileAt("a", "", 5), FileAt("b", "", 5)}},
                   Tree{Commit('1'), {MakeEntry("a", Blob('a'), 6)}}, {});
  ASSERT_EQ(work.items().size(), 1U);
  EXPECT_EQ(work.items()[0].place.path, "a");
  EXPECT_EQ(work.items()[0].place.commit, Commit('1'));
  EXPECT_EQ(work.items()[0].size_bytes, 6U);
  EXPECT_EQ(work.unchecked_files(), 1U);
}

TEST(RepoWorkTest, WhatIsNotThereIsFoundWithoutReading) {
  RepoWork work(Otter());
  cache::SurveyedSnapshot snapshot{Commit('1')};
  snapshot.files = {FileAt("here", Blob('a').hex(), 5)};
  snapshot.broken_links = {"broken"};
  work.AddSnapshot(snapshot, Tree{Commit('1'), {MakeEntry("gone", Blob('c'), 8)}},
                   {{"1", "default", {"here", "broken", "gone"}}, {"2", "again", {"gone"}}});
  ASSERT_EQ(work.findings().size(), 2U);
  EXPECT_EQ(work.findings()[0].problem, Problem::kMissing);
  EXPECT_EQ(work.findings()[0].path, "broken");
  EXPECT_EQ(work.findings()[1].problem, Problem::kIncomplete);
  EXPECT_EQ(work.findings()[1].path, "gone");
  EXPECT_EQ(work.findings()[1].blob, Blob('c').hex());
  EXPECT_EQ(work.findings()[1].size_bytes, 8U);
}

TEST(RepoWorkTest, LooseBlobsAreReadAndOtherNamesAreNot) {
  RepoWork work(Otter());
  work.AddSnapshot({Commit('1'), {}, {FileAt("odd", "etag-without-a-hash", 5)}}, std::nullopt, {});
  work.AddLoose({{Blob('a').hex(), 5, {}, false},
                 {Blob('c').hex() + ".incomplete", 5, {}, true},
                 {"readme", 5, {}, false}});
  EXPECT_THAT(work.items(), ElementsAre(Field(&Item::blob, Blob('a'))));
  EXPECT_EQ(work.unchecked_files(), 2U);
}

}  // namespace
}  // namespace batuta::verify
