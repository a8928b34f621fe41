#include "tests/hubsim/store/content.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/hubsim/store/card.h"
#include "tests/hubsim/store/git_tree.h"
#include "tests/hubsim/store/model_files.h"

namespace batuta::hubsim {
namespace {

TEST(ContentTest, DigestsAreThoseOfGitAndSha256) {
  const ContentDigests digests = DigestsOf(*MemoryContent("hello\n"));

  EXPECT_EQ(Hex(digests.git_blob), "ce013625030ba8dba906f756967f9e9ca394464a");
  EXPECT_EQ(Hex(digests.sha256), "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03");
}

TEST(ContentTest, GeneratedBytesDependOnSeedAndPositionOnly) {
  const ContentPtr content = GeneratedContent(300'000, 7);
  const std::string whole = ReadAll(*content);
  std::string part(10'001, '\0');

  ASSERT_TRUE(content->Read(65'530, part));

  EXPECT_EQ(part, whole.substr(65'530, part.size()));
  EXPECT_EQ(whole, ReadAll(*GeneratedContent(300'000, 7)));
  EXPECT_NE(whole, ReadAll(*GeneratedContent(300'000, 8)));
  EXPECT_NE(whole.substr(0, 4096), whole.substr(65'536, 4096));
}

// What the hub says about a file of one name.
nlohmann::json FactsOf(const std::string& path, std::uint64_t size) {
  Tree tree;
  tree[path].content = *SampleContent(path, size, 7);
  EXPECT_EQ(tree[path].content->size(), size) << path;
  return path.ends_with(".gguf") ? GgufFacts(tree) : SafetensorsFacts(tree);
}

TEST(ContentTest, SampleContentOfAnySizeIsWhatItsNameSays) {
  for (const std::uint64_t size : {88U, 90U, 91U, 1'000U, 6'000'000U}) {
    EXPECT_EQ(FactsOf("a.safetensors", size),
              (nlohmann::json{{"parameters", {{"U8", size - 88}}}, {"total", size - 88}}));
  }
  for (const std::uint64_t size : {128U, 129U, 6'000'000U}) {
    EXPECT_EQ(FactsOf("a.gguf", size), (nlohmann::json{{"architecture", "otter"}, {"total", size - 128}}));
  }
  EXPECT_EQ(FactsOf("a.safetensors", 10), nullptr);
  EXPECT_EQ(ReadAll(**SampleContent("a.safetensors", 12, 7)), std::string("\4\0\0\0\0\0\0\0{}  ", 12));
  EXPECT_EQ(nlohmann::json::parse(ReadAll(**SampleContent("a.json", 5'000, 7))).get<std::string>().size(),
            4'998U);
  EXPECT_EQ(ReadAll(**SampleContent("a.txt", 0, 7)), "");
  const std::string text = ReadAll(**SampleContent("sub.d/a.txt", 70'000, 7));
  EXPECT_EQ(text.find_first_not_of("abcdefghijklmnop"), std::string::npos);
  EXPECT_NE(text, ReadAll(**SampleContent("a.txt", 70'000, 8)));
}

TEST(ContentTest, SampleContentThatCannotBeWhatItsNameSaysIsRefused) {
  for (const auto& [path, size] : std::map<std::string, std::uint64_t>{{"a.safetensors", 9},
                                                                       {"a.gguf", 127},
                                                                       {"a.json", 1},
                                                                       {"a.parquet", 30},
                                                                       {"model.bin", 3},
                                                                       {"a.pkl", 1'000}}) {
    EXPECT_EQ(SampleContent(path, size, 7).status().code(), absl::StatusCode::kInvalidArgument) << path;
  }
}

TEST(ContentTest, GeneratedContentOfTwoGigabytesIsReadAtItsEnd) {
  const ContentPtr content = GeneratedContent(2ULL << 30U, 1);
  std::string tail(100, '\0');

  EXPECT_TRUE(content->Read((2ULL << 30U) - 100, tail));
  EXPECT_FALSE(content->Read((2ULL << 30U) - 99, tail));
}

TEST(ContentTest, JoinedContentCrossesItsParts) {
  const ContentPtr joined = JoinedContent({MemoryContent("abc"), MemoryContent(""), MemoryContent("defg")});
  std::string middle(3, '\0');

  ASSERT_TRUE(joined->Read(2, middle));

  EXPECT_EQ(middle, "cde");
  EXPECT_EQ(ReadAll(*joined), "abcdefg");
}

TEST(ContentTest, FlippedAndAlteredKeepTheSize) {
  const ContentPtr original = MemoryContent("abcdef");

  const std::string flipped = ReadAll(*FlippedContent(original, 2));
  const std::string altered = ReadAll(*AlteredContent(original));

  EXPECT_EQ(flipped.substr(0, 2) + flipped.substr(3), "abdef");
  EXPECT_NE(flipped[2], 'c');
  for (std::size_t i = 0; i < altered.size(); ++i) EXPECT_NE(altered[i], "abcdef"[i]);
}

TEST(ContentTest, DiskContentIsReadByRangeAndOnlyFromFiles) {
  std::string folder = (std::filesystem::temp_directory_path() / "content-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  std::ofstream(folder + "/file") << "0123456789";

  const auto content = DiskContent(folder + "/file");
  std::string part(4, '\0');
  ASSERT_TRUE(content.ok());
  EXPECT_TRUE((*content)->Read(3, part));
  EXPECT_EQ(part, "3456");
  EXPECT_EQ(DiskContent(folder + "/none").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(DiskContent(folder).status().code(), absl::StatusCode::kInvalidArgument);
  std::filesystem::remove_all(folder);
}

TEST(LfsRuleTest, FollowsAttributesThenSizeThenLook) {
  const LfsRule rule("*.bin filter=lfs diff=lfs merge=lfs -text\ndata/*.txt filter=lfs\n*.md text\n", 1000);

  EXPECT_TRUE(rule.WantsLfs("deep/x.bin", 5, "text"));
  EXPECT_TRUE(rule.WantsLfs("data/a.txt", 5, "text"));
  EXPECT_FALSE(rule.WantsLfs("a.txt", 5, "text"));
  EXPECT_TRUE(rule.WantsLfs("a.txt", 1000, "text"));
  EXPECT_TRUE(rule.WantsLfs("a.txt", 5, std::string_view("a\0b", 3)));
  EXPECT_TRUE(rule.WantsLfs("a.txt", 5, "\xff\xfe"));
  EXPECT_FALSE(rule.WantsLfs("a.txt", 5, "gr\xc3\xbc\xc3"));
  EXPECT_FALSE(rule.WantsLfs("x.bin", 0, ""));
}

TEST(GitTreeTest, CommitAndTreeIdsFollowFromContent) {
  const auto commit = [](const std::string& text) {
    Repo repo;
    TreeChange change;
    const ContentPtr content = MemoryContent(text);
    change.files["dir/hello.txt"] = RegularNode(content, DigestsOf(*content).git_blob);
    return *AppendCommit(repo, {.parent = "", .title = "t", .message = "", .date = "d", .author = "a"},
                         change);
  };

  EXPECT_EQ(commit("hello\n"), commit("hello\n"));
  EXPECT_NE(commit("hello\n"), commit("other\n"));
}

TEST(GitTreeTest, FolderIdIsThatOfGit) {
  Repo repo;
  TreeChange change;
  const ContentPtr content = MemoryContent("hello\n");
  change.files["dir/hello.txt"] = RegularNode(content, DigestsOf(*content).git_blob);

  const auto id =
      AppendCommit(repo, {.parent = "", .title = "t", .message = "", .date = "d", .author = "a"}, change);

  // `git mktree` of that one entry.
  EXPECT_EQ(Hex(repo.FindCommit(*id)->tree->find("dir")->second.oid),
            "aaa96ced2d9a1c8e72c56b253a0e2fe78393feb7");
}

TEST(GitTreeTest, RefusesPathsThatGitCannotHold) {
  for (const char* path : {"", "/a", "a/", "a//b", "../a", "a/./b", ".git/config"}) {
    Repo repo;
    TreeChange change;
    change.files[path] = RegularNode(MemoryContent("x"), {});
    EXPECT_EQ(AppendCommit(repo, {}, change).status().code(), absl::StatusCode::kInvalidArgument) << path;
  }
}

TEST(CardTest, FrontMatterIsFoundOnlyAtTheStart) {
  EXPECT_EQ(FrontMatter("---\na: 1\n---\ntext"), "a: 1\n");
  EXPECT_EQ(FrontMatter("\n  ---\r\na: 1\r\n---  \r\n"), "a: 1\n");
  EXPECT_EQ(FrontMatter("# title\n---\na: 1\n---\n"), std::nullopt);
  EXPECT_EQ(FrontMatter("---\na: 1\n"), std::nullopt);
  EXPECT_EQ(FrontMatter(""), std::nullopt);
}

TEST(CardTest, YamlKeepsTheTypesOfItsScalars) {
  const auto json = YamlToJson("a: 1\nb: '1'\nc: true\nd: 1.5\ne: [x, y]\nf:\ng: 2024-01-02\n");

  ASSERT_TRUE(json.ok());
  EXPECT_EQ(*json, nlohmann::json::parse(
                       R"({"a":1,"b":"1","c":true,"d":1.5,"e":["x","y"],"f":null,"g":"2024-01-02"})"));
  EXPECT_FALSE(YamlToJson("a: [1").ok());
}

}  // namespace
}  // namespace batuta::hubsim
