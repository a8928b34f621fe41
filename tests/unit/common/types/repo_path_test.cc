#include "common/types/repo_path.h"

#include <string>
#include <unordered_set>

#include <gtest/gtest.h>

#include "tests/support/status/status_matchers.h"

namespace batuta {
namespace {

using ::testing::HasSubstr;

struct Good {
  std::string_view text;
  std::string_view name;
  size_t depth;
};

class SafePath : public ::testing::TestWithParam<Good> {};

TEST_P(SafePath, IsTaken) {
  ASSERT_OK_AND_ASSIGN(const RepoPath path, RepoPath::Parse(GetParam().text));
  EXPECT_EQ(path.text(), GetParam().text);
  EXPECT_EQ(path.name(), GetParam().name);
  EXPECT_EQ(path.depth(), GetParam().depth);
}

INSTANTIATE_TEST_SUITE_P(
    Paths, SafePath,
    ::testing::Values(Good{"config.json", "config.json", 1}, Good{"onnx/model.onnx", "model.onnx", 2},
                      Good{".gitattributes", ".gitattributes", 1}, Good{".github/x", "x", 2},
                      Good{"a/.gitx/b", "b", 3}, Good{"..a/b..", "b..", 2}, Good{"...", "...", 1},
                      Good{"with blank", "with blank", 1}, Good{"日本/モデル.bin", "モデル.bin", 2},
                      Good{"ab:c", "ab:c", 1}, Good{"a/C:/b", "b", 3}, Good{"%2e%2e/x", "x", 2},
                      Good{"*?[]", "*?[]", 1}, Good{"-rf", "-rf", 1}));

TEST(RepoPathTest, ComponentsAndWholeHaveLimits) {
  const std::string component(255, 'x');
  EXPECT_THAT(RepoPath::Parse(component), IsOk());
  EXPECT_THAT(RepoPath::Parse(component + "x"), HasReason("INVALID_PATH"));
  std::string deep = "x";
  for (int i = 1; i < 64; ++i) deep += "/x";
  EXPECT_THAT(RepoPath::Parse(deep), IsOk());
  EXPECT_THAT(RepoPath::Parse(deep + "/x"), HasReason("INVALID_PATH"));
  std::string longest;
  while (longest.size() + 251 <= 4'000) longest += std::string(249, 'x') + "/";
  longest += std::string(4'000 - longest.size(), 'x');
  EXPECT_THAT(RepoPath::Parse(longest), IsOk());
  EXPECT_THAT(RepoPath::Parse(longest + "x"), HasReason("INVALID_PATH"));
  EXPECT_THAT(RepoPath::Parse(std::string(5'000'000, '/')), HasReason("INVALID_PATH"));
}

class UnsafePath : public ::testing::TestWithParam<std::string_view> {};

TEST_P(UnsafePath, IsRefused) {
  const auto path = RepoPath::Parse(GetParam());
  EXPECT_THAT(path, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(path, HasReason("INVALID_PATH"));
}

INSTANTIATE_TEST_SUITE_P(Paths, UnsafePath,
                         ::testing::Values("", "/", "/etc/passwd", "//host/share", "..", ".", "../x", "a/..",
                                           "a/../b", "a/./b", "./a", "a/", "a//b", "a/.", "\\\\host\\x",
                                           "a\\b", "..\\x", "C:", "C:\\x", "c:/x", "C:x", ".git",
                                           ".git/config", "a/.GIT/hooks", "a/.gIt",
                                           std::string_view("a\0b", 3), std::string_view("\0", 1), "a\nb",
                                           "a\rb", "a\tb", "\x1b[31m", "a\x7f", "a\xc2\x85z", "\xff",
                                           "a\xc0\xaf..", "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                           "\xc0\xae\xc0\xae/x"));

TEST(RepoPathTest, ErrorEscapesWhatItQuotes) {
  EXPECT_THAT(RepoPath::Parse("a\x1b]0;x\x07"), HasMessage(HasSubstr("a\\x1b]0;x\\x07")));
}

TEST(RepoPathTest, EqualAndHashByText) {
  ASSERT_OK_AND_ASSIGN(const RepoPath a, RepoPath::Parse("a/b"));
  ASSERT_OK_AND_ASSIGN(const RepoPath same, RepoPath::Parse("a/b"));
  ASSERT_OK_AND_ASSIGN(const RepoPath b, RepoPath::Parse("a/c"));
  EXPECT_LT(a, b);
  EXPECT_EQ((std::unordered_set<RepoPath>{a, same, b}).size(), 2u);
}

}  // namespace
}  // namespace batuta
