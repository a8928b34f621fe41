// Stored listings.
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/cache/cache.h"
#include "tests/support/status/status_matchers.h"
#include "tests/unit/daemon/cache/cache_fixture.h"

namespace batuta::cache {
namespace {

namespace fs = std::filesystem;

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const char* const kSha1 = "cccccccccccccccccccccccccccccccccccccccc";
const char* const kPointer = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";
const char* const kSha256 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

class TreeTest : public CacheTest {
 protected:
  std::optional<std::vector<Entry>> ReadTree() {
    const auto tree = cache_->ReadTree(repo_, commit_);
    EXPECT_THAT(tree, IsOk());
    if (!tree.ok() || !tree->has_value()) return std::nullopt;
    EXPECT_EQ((*tree)->commit, commit_);
    return (*tree)->entries;
  }

  const fs::path path_ = fs::path("models--acme--otter/trees") / (commit_.hex() + ".json");
  const Entry config_ = MakeEntry("config.json", GitSha1('c'), 519);
  const Entry model_ = MakeEntry("onnx/model.onnx", Sha256('a'), 1234);
};

TEST_F(TreeTest, IsWrittenByteForByteAsThePythonLibraryWouldWriteIt) {
  const Entry odd = MakeEntry("Z \"é\"\U0001F600", GitSha1('c'), 0);
  ASSERT_THAT(cache_->WriteTree(repo_, {commit_, {model_, odd, config_}}), IsOk());
  EXPECT_EQ(Read(path_),
            std::string("{\n \"format_version\": 1,\n \"files\": {\n"
                        "  \"Z \\\"\\u00e9\\\"\\ud83d\\ude00\": {\n   \"size\": 0,\n   \"blob_id\": \"") +
                kSha1 + "\"\n  },\n  \"config.json\": {\n   \"size\": 519,\n   \"blob_id\": \"" + kSha1 +
                "\"\n  },\n  \"onnx/model.onnx\": {\n   \"size\": 1234,\n   \"blob_id\": \"" + kPointer +
                "\",\n   \"lfs_sha256\": \"" + kSha256 + "\",\n   \"lfs_size\": 1234\n  }\n }\n}");
}

TEST_F(TreeTest, OfAnEmptyRepoIsWrittenAsThePythonLibraryWould) {
  ASSERT_THAT(cache_->WriteTree(repo_, {commit_, {}}), IsOk());
  EXPECT_EQ(Read(path_), "{\n \"format_version\": 1,\n \"files\": {}\n}");
  EXPECT_THAT(ReadTree(), testing::Optional(IsEmpty()));
}

TEST_F(TreeTest, ReadsBackWhatItWrote) {
  const Entry odd = MakeEntry("Z \"é\"\U0001F600", GitSha1('c'), 0);
  ASSERT_THAT(cache_->WriteTree(repo_, {commit_, {model_, odd, config_}}), IsOk());
  EXPECT_THAT(ReadTree(), testing::Optional(ElementsAre(odd, config_, model_)));
}

// The Python library warns of a repo without snapshots, and the JavaScript one cannot scan one without refs.
TEST_F(TreeTest, WithItTheRepoLooksLikeOneToOtherTools) {
  ASSERT_THAT(cache_->WriteTree(repo_, {commit_, {model_}}), IsOk());
  EXPECT_THAT(Tree("models--acme--otter"),
              ElementsAre("refs/", "snapshots/", "trees/", "trees/" + commit_.hex() + ".json"));
}

TEST_F(TreeTest, AGitOidThatIsNotKnownIsWrittenAsEmptyAndReadBackAsUnknown) {
  Entry unknown = model_;
  unknown.git_oid.clear();
  ASSERT_THAT(cache_->WriteTree(repo_, {commit_, {unknown}}), IsOk());
  EXPECT_THAT(Read(path_), testing::HasSubstr("\"blob_id\": \"\",\n   \"lfs_sha256\": "));
  EXPECT_THAT(ReadTree(), testing::Optional(ElementsAre(unknown)));
}

TEST_F(TreeTest, ReadsAListingWithFieldsItDoesNotKnow) {
  Given(path_,
        std::string(
            R"({"new":[{"files":{"x":1}}],"files":{"onnx/model.onnx":{"xet_hash":"77","lfs_sha256":")") +
            kSha256 + R"(","extra":{"size":9,"deep":[1,{"size":8}]},"lfs_size":1234,"blob_id":")" + kPointer +
            R"(","size":1234}},"more":null,"format_version":1})");
  EXPECT_THAT(ReadTree(), testing::Optional(ElementsAre(model_)));
}

TEST_F(TreeTest, ALargeListingIsReadInPieces) {
  std::vector<Entry> entries;
  for (int i = 10'000; i < 15'000; ++i)
    entries.push_back(MakeEntry("data/" + std::to_string(i), Sha256('a'), 7));
  ASSERT_THAT(cache_->WriteTree(repo_, {commit_, entries}), IsOk());
  EXPECT_EQ(ReadTree(), entries);
}

TEST_F(TreeTest, WhatIsNoListingCountsAsNone) {
  const std::string good = R"("size":1,"blob_id":")" + std::string(kSha1) + "\"";
  const std::vector<std::string> all_bad = {
      "",
      "{",
      "[]",
      "null",
      "{}",
      R"({"files":{"a":{)" + good + "}}}",
      R"({"format_version":2,"files":{"a":{)" + good + "}}}",
      R"({"format_version":"1","files":{"a":{)" + good + "}}}",
      R"({"format_version":1,"files":[{)" + good + "}]}",
      R"({"format_version":1,"files":7})",
      R"({"format_version":1,"files":{"a":7}})",
      R"({"format_version":1,"files":{"a":[{)" + good + "}]}}",
      R"({"format_version":1,"files":{"a":{}}})",
      R"({"format_version":1,"files":{"a":{"size":1}}})",
      R"({"format_version":1,"files":{"a":{"size":-1,"blob_id":")" + std::string(kSha1) + "\"}}}",
      R"({"format_version":1,"files":{"a":{"size":1.5,"blob_id":")" + std::string(kSha1) + "\"}}}",
      R"({"format_version":1,"files":{"a":{"size":1,"blob_id":")" + std::string(kSha256) + "\"}}}",
      R"({"format_version":1,"files":{"a":{"size":1,"blob_id":""}}})",
      R"({"format_version":1,"files":{"a":{"size":1,"blob_id":"x","lfs_sha256":")" + std::string(kSha256) +
          "\"}}}",
      R"({"format_version":1,"files":{"a":{)" + good + R"(,"lfs_sha256":")" + std::string(kSha1) + "\"}}}",
      R"({"format_version":1,"files":{"../a":{)" + good + "}}}",
      R"({"format_version":1,"files":{"/etc/passwd":{)" + good + "}}}",
      R"({"format_version":1,"files":{"a":{)" + good + "}}} trailing",
      std::string(100'000, '['),
  };
  for (const std::string& bad : all_bad) {
    Given(path_, bad);
    EXPECT_EQ(ReadTree(), std::nullopt) << bad.substr(0, 120);
  }
}

TEST_F(TreeTest, ADamagedListingIsReplaced) {
  Given(path_, "{");
  ASSERT_THAT(cache_->WriteTree(repo_, {commit_, {config_}}), IsOk());
  EXPECT_THAT(ReadTree(), testing::Optional(ElementsAre(config_)));
}

}  // namespace
}  // namespace batuta::cache
