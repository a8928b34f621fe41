#include "daemon/push/ignore_pattern.h"

#include <string>

#include <gtest/gtest.h>

namespace batuta::push {
namespace {

struct Case {
  std::string line;
  std::string path;
  bool matches = false;
  bool is_folder = false;
};

bool Matches(const Case& c) {
  const std::optional<IgnorePattern> pattern = IgnorePattern::Parse(c.line);
  const size_t slash = c.path.rfind('/');
  const std::string name = slash == std::string::npos ? c.path : c.path.substr(slash + 1);
  return pattern.has_value() && pattern->Matches(c.path, name, c.is_folder);
}

TEST(IgnorePattern, ReadsALineAsGitDoes) {
  const Case cases[] = {
      {"*.tmp", "a.tmp", true},          {"*.tmp", "deep/down/a.tmp", true},
      {"a.txt", "x/a.txt", true},        {"/a.txt", "x/a.txt", false},
      {"/a.txt", "a.txt", true},         {"x/a.txt", "x/a.txt", true},
      {"x/a.txt", "y/x/a.txt", false},   {"build/", "build", false},
      {"build/", "build", true, true},   {"build/", "x/build", true, true},
      {"x/*.bin", "x/a.bin", true},      {"x/*.bin", "x/y/a.bin", false},
      {"**/foo", "foo", true},           {"**/foo", "a/b/foo", true},
      {"**/foo/bar", "x/foo/bar", true}, {"abc/**", "abc/x/y", true},
      {"abc/**", "abc", false, true},    {"a/**/b", "a/b", true},
      {"a/**/b", "a/x/y/b", true},       {"a/**/b", "a/x/yb", false},
      {"a**b/c", "a/b/c", false},        {"?.txt", "a.txt", true},
      {"x?y/z", "x/y/z", false},         {"[abc].t", "b.t", true},
      {"[!abc].t", "b.t", false},        {"[^abc].t", "d.t", true},
      {"[a-c-e].t", "-.t", true},        {"[]].t", "].t", true},
      {"[[:digit:]]*.t", "7up.t", true}, {"[[:nonsense:]].t", "7.t", false},
      {"[\\]].t", "].t", true},          {"[\\\\-a].t", "^.t", true},
      {"x[/]y/z", "x/y/z", false},       {"[ab", "[ab", false},
      {"\\#note", "#note", true},        {"\\!loud", "!loud", true},
      {"trail  ", "trail", true},        {"trail\\ ", "trail ", true},
      {"trail\\", "trail", false},       {"a//", "a", false, true},
  };
  for (const Case& c : cases) EXPECT_EQ(Matches(c), c.matches) << c.line << " on " << c.path;
}

TEST(IgnorePattern, TakesNoCommentAndNoEmptyLineForAPattern) {
  for (const char* line : {"", "# note", "   ", "/", "!", "!/"}) {
    EXPECT_FALSE(IgnorePattern::Parse(line).has_value()) << line;
  }
}

TEST(IgnorePattern, AManyStarredPatternIsNoTrap) {
  std::string line;
  for (int i = 0; i < 40; ++i) line += "**/a*a*";
  const std::string path(4'000, 'a');
  EXPECT_FALSE(Matches({line + "b", path, false}));
}

}  // namespace
}  // namespace batuta::push
