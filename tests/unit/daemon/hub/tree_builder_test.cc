#include "daemon/hub/tree_builder.h"

#include <string>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>

#include "tests/support/status/status_matchers.h"

namespace batuta::hub {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kOid(40, 'c');
const std::string kSha(64, '7');

std::string File(std::string_view path, uint64_t size = 3) {
  return fmt::format(R"({{"type":"file","oid":"{}","size":{},"path":"{}"}})", kOid, size, path);
}

std::string Folder(std::string_view path) {
  return fmt::format(R"({{"type":"directory","oid":"{}","size":0,"path":"{}"}})", kOid, path);
}

absl::StatusOr<Tree> Build(const std::vector<std::string>& pages, size_t max_entries = 1'000) {
  TreeBuilder builder(*CommitId::Parse(std::string(40, 'a')), max_entries);
  for (const std::string& page : pages) {
    if (absl::Status status = builder.AddPage(page); !status.ok()) return status;
  }
  return builder.Finish();
}

absl::StatusOr<std::vector<std::string>> Paths(const std::vector<std::string>& pages) {
  absl::StatusOr<Tree> tree = Build(pages);
  if (!tree.ok()) return tree.status();
  std::vector<std::string> paths;
  for (const Entry& entry : tree->entries) paths.push_back(entry.path.text());
  return paths;
}

TEST(TreeBuilderTest, KeepsTheFilesOfAllPagesInTheirOrder) {
  EXPECT_THAT(Paths({"[" + Folder("onnx") + "," + File("z.json") + "]", "[]", "[" + File("onnx/a") + "]"}),
              IsOkAndHolds(ElementsAre("z.json", "onnx/a")));
}

TEST(TreeBuilderTest, NamesAnLfsFileByItsContentAndKeepsThePointer) {
  const std::string page = fmt::format(
      R"([{{"type":"file","oid":"{}","size":9,"path":"w","lfs":{{"oid":"{}","size":4965799096,"pointerSize":135}},"xetHash":"x"}}])",
      kOid, kSha);
  ASSERT_OK_AND_ASSIGN(const Tree tree, Build({page}));
  EXPECT_EQ(tree.entries[0].blob.hex(), kSha);
  EXPECT_EQ(tree.entries[0].size_bytes, 4965799096U);
  EXPECT_EQ(tree.entries[0].git_oid, kOid);
}

TEST(TreeBuilderTest, ToleratesWhatItDoesNotNeed) {
  const std::string page = fmt::format(
      R"([{{"oid":"{}","size":1,"path":"a","lfs":null,"lastCommit":[1,{{}}],"securityFileStatus":7,"new":{{"x":[]}}}},)"
      R"({{"type":"submodule","path":"../..","oid":1}}])",
      kOid);
  EXPECT_THAT(Paths({page}), IsOkAndHolds(ElementsAre("a")));
}

TEST(TreeBuilderTest, AcceptsUnusualButHarmlessNames) {
  EXPECT_THAT(Paths({"[" + File("a b#?%+.txt") + "," + File("名前/é") + "," + File(".hidden") + "," +
                     File(std::string(255, 'x')) + "]"}),
              IsOk());
}

TEST(TreeBuilderTest, RefusesPathsThatCouldEscape) {
  for (const std::string path :
       {"../x", "a/../../x", "/etc/passwd", "a//b", "a/./b", "..", ".", "", "C:/x", "a\\\\b", ".git/config",
        "a/.GIT/hooks/x", "a\\u0000b", "a\\nb", "a\\u007f", "a/"}) {
    const auto tree = Build({"[" + File(path) + "]"});
    EXPECT_THAT(tree, HasReason("INVALID_PATH")) << path;
    EXPECT_THAT(tree, StatusIs(absl::StatusCode::kDataLoss)) << path;
    EXPECT_THAT(Build({"[" + Folder(path) + "]"}), HasReason("INVALID_PATH")) << path;
  }
  EXPECT_THAT(Build({"[" + File(std::string(256, 'x')) + "]"}), HasReason("INVALID_PATH"));
}

TEST(TreeBuilderTest, RefusesHashesThatAreNone) {
  for (const std::string oid : {"", "..", "../../../../tmp/x", "CCCC", "abc"}) {
    const auto tree = Build({fmt::format(R"([{{"type":"file","oid":"{}","size":1,"path":"a"}}])", oid)});
    EXPECT_THAT(tree, HasReason("INVALID_ETAG")) << oid;
    EXPECT_THAT(tree, StatusIs(absl::StatusCode::kDataLoss)) << oid;
  }
  const auto git_only = Build({fmt::format(
      R"([{{"type":"file","oid":"{0}","size":1,"path":"a","lfs":{{"oid":"{0}","size":1}}}}])", kOid)});
  EXPECT_THAT(git_only, HasReason("INVALID_ETAG"));
}

TEST(TreeBuilderTest, RefusesEntriesWithoutSizeAndListsOfOtherThings) {
  EXPECT_THAT(Build({fmt::format(R"([{{"type":"file","oid":"{}","path":"a"}}])", kOid)}),
              HasReason("HUB_PROTOCOL"));
  EXPECT_THAT(Build({fmt::format(R"([{{"type":"file","oid":"{}","path":"a","size":-1}}])", kOid)}),
              HasReason("HUB_PROTOCOL"));
  EXPECT_THAT(Build({"[7]"}), HasReason("HUB_PROTOCOL"));
  EXPECT_THAT(Build({R"({"error":"x"})"}), HasReason("HUB_PROTOCOL"));
}

TEST(TreeBuilderTest, RefusesAFileThatIsListedTwice) {
  EXPECT_THAT(Build({"[" + File("b") + "," + File("a") + "]", "[" + File("b") + "]"}),
              AllOf(HasReason("HUB_PROTOCOL"), HasMessage(HasSubstr("\"b\" twice"))));
  EXPECT_THAT(Build({"[" + Folder("d") + "," + Folder("d") + "]"}), IsOk());
}

TEST(TreeBuilderTest, RefusesAPathThatIsFileAndFolder) {
  const std::vector<std::vector<std::string>> pages = {
      {"[" + File("a") + "," + Folder("a") + "]"},
      {"[" + File("a/b") + "]", "[" + File("a") + "]"},
      {"[" + File("a") + "," + File("a-x") + "," + File("a.b") + "," + File("a/b/c") + "]"},
      {"[" + File("a") + "," + Folder("a/b") + "]"},
      {"[" + Folder("a") + "," + File("a") + "," + File("a/b") + "]"}};
  for (const auto& list : pages) {
    EXPECT_THAT(Build(list), AllOf(HasReason("INVALID_PATH"), StatusIs(absl::StatusCode::kDataLoss)))
        << list[0];
  }
  EXPECT_THAT(Build({"[" + File("a") + "," + File("ab") + "," + File("a-b/c") + "," + File("a.b") + "]"}),
              IsOk());
}

TEST(TreeBuilderTest, BoundsTheNumberOfEntries) {
  const std::string two = "[" + File("a") + "," + Folder("b") + "]";
  EXPECT_THAT(Build({two}, 2), IsOk());
  EXPECT_THAT(Build({two, "[" + File("c") + "]"}, 2),
              AllOf(HasReason("ANSWER_TOO_LARGE"), StatusIs(absl::StatusCode::kOutOfRange)));
}

}  // namespace
}  // namespace batuta::hub
