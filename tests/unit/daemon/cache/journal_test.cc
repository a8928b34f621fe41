#include "daemon/cache/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/metadata/fake_metadata_store.h"
#include "tests/support/status/status_matchers.h"
#include "tests/unit/daemon/cache/cache_fixture.h"

namespace batuta::cache {
namespace {

using metadata::Durability;
using metadata::Table;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

const PartialRecord kRecord{
    100, "boot-1", {{0, 50}, {60, 70}}, {{0, 20}}, {30, {{0, 17}, {2, ~uint64_t{0}}}}};

TEST(PartialRecordTest, SurvivesItsEncoding) {
  EXPECT_THAT(DecodePartialRecord(Encode(kRecord)), Optional(kRecord));
}

TEST(PartialRecordTest, ARecordWithoutSumsOrWithOddOnesHasNone) {
  constexpr const char* kFirst = R"({"v":1,"size":100,"boot":"b","written":[0,50],"synced":[])";
  for (const char* const rest :
       {"}", R"(,"sums":7})", R"(,"sums":{}})", R"(,"sums":{"piece":4,"of":[1]}})",
        R"(,"sums":{"piece":4,"of":[1,-2]}})", R"(,"sums":{"piece":"4","of":[1,2]}})"}) {
    const std::optional<PartialRecord> record = DecodePartialRecord(std::string(kFirst) + rest);
    ASSERT_TRUE(record.has_value()) << rest;
    EXPECT_EQ(record->sums, PieceSums()) << rest;
  }
}

TEST(ExtentListTest, CommonOfTwoListsIsWhatBothHave) {
  using List = std::vector<Extent>;
  EXPECT_EQ(CommonOf({{0, 10}, {20, 30}}, {{5, 25}}), (List{{5, 10}, {20, 25}}));
  EXPECT_EQ(CommonOf({{0, 10}}, {{10, 20}}), List());
  EXPECT_EQ(CommonOf({{0, 10}}, {{0, 10}}), (List{{0, 10}}));
  EXPECT_EQ(CommonOf({{0, 100}}, {{1, 2}, {3, 4}}), (List{{1, 2}, {3, 4}}));
  EXPECT_EQ(CommonOf({}, {{1, 2}}), List());
}

TEST(PartialRecordTest, RefusesWhatIsNoRecord) {
  for (const char* const bad : {
           "",
           "{",
           "[]",
           "null",
           R"({"v":2,"size":100,"boot":"b","written":[],"synced":[]})",
           R"({"v":1,"size":-1,"boot":"b","written":[],"synced":[]})",
           R"({"v":1,"size":100,"boot":7,"written":[],"synced":[]})",
           R"({"v":1,"size":100,"boot":"b","written":[]})",
           R"({"v":1,"size":100,"boot":"b","written":[0],"synced":[]})",
           R"({"v":1,"size":100,"boot":"b","written":[0,"1"],"synced":[]})",
           R"({"v":1,"size":100,"boot":"b","written":[0,101],"synced":[]})",
           R"({"v":1,"size":100,"boot":"b","written":[5,5],"synced":[]})",
           R"({"v":1,"size":100,"boot":"b","written":[9,5],"synced":[]})",
           R"({"v":1,"size":100,"boot":"b","written":[0,9,5,20],"synced":[]})",
           R"({"v":1,"size":100,"boot":"b","written":[],"synced":[0,-1]})",
       }) {
    EXPECT_EQ(DecodePartialRecord(bad), std::nullopt) << bad;
  }
}

TEST(PartialRecordTest, WithinTheBootWhatWasWrittenIsBelievedAfterItWhatWasSynced) {
  EXPECT_THAT(BelievedOf(kRecord, "boot-1", 100), ElementsAre(Extent{0, 50}, Extent{60, 70}));
  EXPECT_THAT(BelievedOf(kRecord, "boot-2", 100), ElementsAre(Extent{0, 20}));
}

TEST(PartialRecordTest, NothingBeyondTheEndOfTheFileIsBelieved) {
  EXPECT_THAT(BelievedOf(kRecord, "boot-1", 65), ElementsAre(Extent{0, 50}, Extent{60, 65}));
  EXPECT_THAT(BelievedOf(kRecord, "boot-1", 60), ElementsAre(Extent{0, 50}));
  EXPECT_THAT(BelievedOf(kRecord, "boot-2", 7), ElementsAre(Extent{0, 7}));
  EXPECT_THAT(BelievedOf(kRecord, "boot-1", 0), IsEmpty());
}

class PartialJournalTest : public ::testing::Test {
 protected:
  metadata::FakeMetadataStore store_;
  PartialJournal journal_{store_};
  const RepoId repo_ = Model("acme/otter");
  const BlobId blob_ = Sha256('a');
};

TEST_F(PartialJournalTest, KeepsARecordPerBlobOfARepo) {
  ASSERT_THAT(journal_.Save(repo_, blob_, kRecord, std::nullopt), IsOk());
  EXPECT_THAT(journal_.Load(repo_, blob_), IsOkAndHolds(Optional(kRecord)));
  EXPECT_THAT(journal_.Load(repo_, Sha256('b')), IsOkAndHolds(std::nullopt));
  EXPECT_THAT(journal_.Load(Model("acme/badger"), blob_), IsOkAndHolds(std::nullopt));
}

TEST_F(PartialJournalTest, OnlyAChangedPromiseAboutTheDiskCostsASync) {
  PartialRecord record{100, "boot-1", {}, {}, {}};
  ASSERT_THAT(journal_.Save(repo_, blob_, record, std::nullopt), IsOk());
  PartialRecord next = record;
  next.written = {{0, 50}};
  ASSERT_THAT(journal_.Save(repo_, blob_, next, record), IsOk());
  EXPECT_EQ(store_.writes(Durability::kPower), 0U);
  record = next;
  next.synced = {{0, 50}};
  ASSERT_THAT(journal_.Save(repo_, blob_, next, record), IsOk());
  EXPECT_EQ(store_.writes(Durability::kPower), 1U);
}

TEST_F(PartialJournalTest, APromiseTakenBackDoesNotComeBackAfterAPowerCut) {
  ASSERT_THAT(journal_.Save(repo_, blob_, kRecord, std::nullopt), IsOk());
  ASSERT_THAT(journal_.Save(repo_, blob_, {100, "boot-1", {}, {}, {}}, kRecord), IsOk());
  store_.CutPower();
  EXPECT_THAT(journal_.Load(repo_, blob_), IsOkAndHolds(Optional(PartialRecord{100, "boot-1", {}, {}, {}})));

  ASSERT_THAT(journal_.Save(repo_, blob_, kRecord, std::nullopt), IsOk());
  ASSERT_THAT(journal_.Drop(repo_, blob_, kRecord), IsOk());
  store_.CutPower();
  EXPECT_THAT(journal_.Load(repo_, blob_), IsOkAndHolds(std::nullopt));
}

TEST_F(PartialJournalTest, DropsWhatIsOfNoUseAndWhatIsNoRecord) {
  ASSERT_THAT(journal_.Save(repo_, blob_, kRecord, std::nullopt), IsOk());
  ASSERT_THAT(journal_.Save(repo_, Sha256('b'), kRecord, std::nullopt), IsOk());
  for (const char* const key : {"", "nonsense", "models--acme--otter/zz", "../../etc/passwd"}) {
    ASSERT_THAT(metadata::Put(store_, Table::kPartials, key, Encode(kRecord), Durability::kPower), IsOk());
  }

  ASSERT_THAT(journal_.DropWhere([&](const RepoId&, const BlobId& blob) { return blob == blob_; }), IsOk());

  std::vector<std::string> keys;
  ASSERT_THAT(store_.Scan(Table::kPartials, "",
                          [&](std::string_view key, std::string_view) {
                            keys.emplace_back(key);
                            return true;
                          }),
              IsOk());
  EXPECT_THAT(keys, ElementsAre("models--acme--otter/" + std::string(64, 'b')));
}

}  // namespace
}  // namespace batuta::cache
