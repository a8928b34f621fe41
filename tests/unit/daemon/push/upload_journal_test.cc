#include "daemon/push/upload_journal.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/clock/fake_clock.h"
#include "tests/support/metadata/fake_metadata_store.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::push {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr char kHub[] = "https://hub.test";
const RepoId kRepo = *RepoId::Parse(RepoType::kModel, "acme/model");

hub::LfsUpload Multipart(char digit, const std::string& id) {
  return {.object = {*BlobId::Parse(std::string(64, digit)), 25},
          .upload = {.url = "https://hub.test/complete?uploadId=" + id, .headers = {{"X-One", "1"}}},
          .part_bytes = 10,
          .part_urls = {"https://s.test/1", "https://s.test/2", "https://s.test/3"},
          .verify = hub::LfsLink{.url = "https://hub.test/verify", .headers = {{"X-Two", "2"}}}};
}

class UploadJournalTest : public ::testing::Test {
 protected:
  metadata::FakeMetadataStore store_;
  FakeClock clock_;
  UploadJournal journal_{store_, kHub, kRepo};
  const hub::LfsUpload upload_ = Multipart('a', "u1");
};

TEST_F(UploadJournalTest, FindsWhatWasBegunWithTheTagsOfItsParts) {
  journal_.Begin({upload_, {}}, clock_.wall());
  journal_.Keep(upload_.object.sha256, {2, "\"two\""});
  journal_.Keep(upload_.object.sha256, {1, "\"one\""});

  const std::optional<BegunUpload> found = UploadJournal(store_, kHub, kRepo).Find(upload_.object);

  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->upload.upload.url, upload_.upload.url);
  EXPECT_EQ(found->upload.upload.headers.at(0).value, "1");
  EXPECT_EQ(found->upload.part_bytes, 10u);
  EXPECT_EQ(found->upload.part_urls, upload_.part_urls);
  EXPECT_EQ(found->upload.verify->headers.at(0).name, "X-Two");
  EXPECT_THAT(found->etags, ElementsAre(Pair(1, "\"one\""), Pair(2, "\"two\"")));
}

TEST_F(UploadJournalTest, FindsNothingOfOtherHubsReposObjectsAndSizes) {
  journal_.Begin({upload_, {}}, clock_.wall());
  const RepoId other = *RepoId::Parse(RepoType::kModel, "acme/other");
  EXPECT_FALSE(UploadJournal(store_, kHub, other).Find(upload_.object).has_value());
  EXPECT_FALSE(UploadJournal(store_, "https://other.test", kRepo).Find(upload_.object).has_value());
  EXPECT_FALSE(journal_.Find({upload_.object.sha256, 26}).has_value());
  EXPECT_FALSE(journal_.Find(Multipart('b', "u1").object).has_value());
}

TEST_F(UploadJournalTest, KeepsNoTokenThatALinkBrought) {
  hub::LfsUpload upload = upload_;
  upload.upload.headers.push_back({"authorization", "Basic c2VjcmV0"});
  upload.verify->headers.push_back({"Authorization", "Basic c2VjcmV0"});
  journal_.Begin({upload, {}}, clock_.wall());
  const std::optional<BegunUpload> found = journal_.Find(upload.object);
  ASSERT_TRUE(found.has_value());
  EXPECT_THAT(found->upload.upload.headers, SizeIs(upload_.upload.headers.size()));
  EXPECT_THAT(found->upload.verify->headers, SizeIs(upload_.verify->headers.size()));
}

TEST_F(UploadJournalTest, ForgetsWhatWasBeforeWhenItBegins) {
  journal_.Begin({upload_, {}}, clock_.wall());
  journal_.Keep(upload_.object.sha256, {2, "old"});
  journal_.Begin({Multipart('a', "u2"), {{1, "kept"}}}, clock_.wall());

  EXPECT_THAT(journal_.Find(upload_.object)->etags, ElementsAre(Pair(1, "kept")));
  EXPECT_EQ(journal_.Find(upload_.object)->upload.upload.url, "https://hub.test/complete?uploadId=u2");
}

TEST_F(UploadJournalTest, ForgetsOneObjectAndNoOther) {
  const hub::LfsUpload other = Multipart('b', "u2");
  journal_.Begin({upload_, {}}, clock_.wall());
  journal_.Keep(upload_.object.sha256, {1, "one"});
  journal_.Begin({other, {}}, clock_.wall());
  journal_.Keep(other.object.sha256, {3, "three"});

  journal_.Forget(upload_.object.sha256);

  EXPECT_FALSE(journal_.Find(upload_.object).has_value());
  EXPECT_THAT(journal_.Find(other.object)->etags, ElementsAre(Pair(3, "three")));
}

TEST_F(UploadJournalTest, ForgetsLinksThatCannotBeGoodAnyMore) {
  journal_.Begin({upload_, {}}, clock_.wall());
  journal_.Keep(upload_.object.sha256, {1, "one"});
  clock_.Advance(kLongestUpload / 2);
  const hub::LfsUpload second = Multipart('b', "u2");
  journal_.Begin({second, {}}, clock_.wall());
  journal_.Keep(second.object.sha256, {1, "one"});
  ASSERT_TRUE(journal_.Find(upload_.object).has_value());
  clock_.Advance(kLongestUpload / 2 + std::chrono::hours(1));

  journal_.Begin({Multipart('c', "u3"), {}}, clock_.wall());

  size_t left = 0;
  ASSERT_THAT(store_.Scan(metadata::Table::kUploads, "",
                          [&left](std::string_view, std::string_view) { return ++left > 0; }),
              IsOk());
  EXPECT_EQ(left, 3u);
  EXPECT_FALSE(journal_.Find(upload_.object).has_value());
  EXPECT_THAT(journal_.Find(second.object)->etags, ElementsAre(Pair(1, "one")));
}

TEST_F(UploadJournalTest, MakesNothingOfWhatItCannotRead) {
  const std::string key = std::string(kHub) + " " + kRepo.folder() + "/" + upload_.object.sha256.hex();
  for (
      const char* text :
      {"", "{", "[]", "3", R"({"v":2})", R"({"v":1,"size_bytes":25})",
       R"({"v":1,"size_bytes":25,"upload":{"url":"x","headers":[]},"part_bytes":0,"part_urls":[],"verify":null})"}) {
    ASSERT_THAT(metadata::Put(store_, metadata::Table::kUploads, key, text, metadata::Durability::kProcess),
                IsOk());
    EXPECT_FALSE(journal_.Find(upload_.object).has_value()) << text;
  }
}

TEST(IsSameUploadTest, GoesByTheIdOfTheUploadWhereverItStands) {
  const hub::LfsUpload one = Multipart('a', "u1&sig=1");
  EXPECT_TRUE(IsSameUpload(one, Multipart('a', "u1&sig=2")));
  EXPECT_FALSE(IsSameUpload(one, Multipart('a', "u2&sig=1")));
  hub::LfsUpload cut_otherwise = Multipart('a', "u1");
  cut_otherwise.part_bytes = 5;
  EXPECT_FALSE(IsSameUpload(one, cut_otherwise));
  hub::LfsUpload in_path = Multipart('a', "");
  in_path.upload.url = "https://hub.test/complete/oid/u1?sig=1";
  hub::LfsUpload same_path = in_path;
  same_path.upload.url = "https://hub.test/complete/oid/u1?sig=2";
  hub::LfsUpload other_path = in_path;
  other_path.upload.url = "https://hub.test/complete/oid/u2?sig=1";
  EXPECT_TRUE(IsSameUpload(in_path, same_path));
  EXPECT_FALSE(IsSameUpload(in_path, other_path));
  EXPECT_FALSE(IsSameUpload(in_path, one));
  hub::LfsUpload basic = Multipart('a', "u1");
  basic.part_bytes = 0;
  EXPECT_FALSE(IsSameUpload(basic, basic));
}

}  // namespace
}  // namespace batuta::push
