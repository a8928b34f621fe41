#include "common/text/glob.h"

#include <string>

#include <gtest/gtest.h>

namespace batuta {
namespace {

struct Case {
  std::string_view pattern;
  std::string_view path;
  bool matches;
};

// Every line was checked against fnmatch.fnmatchcase() of CPython 3.11 (with the `*` that the library adds
// after a `/`).
constexpr Case kCases[] = {
    {"", "", true},
    {"", "a", false},
    {"*", "", true},
    {"*", "a/b/.c", true},
    {"?", "", false},
    {"?", "é", true},
    {"?", "/", true},
    {"??", "é", false},
    {"*.json", "config.json", true},
    {"*.json", "a/b/config.json", true},
    {"*.json", "config.jsonl", false},
    {"*.JSON", "config.json", false},
    {"config.json", "a/config.json", false},
    {"onnx/", "onnx/model.onnx", true},
    {"onnx/", "onnx/", true},
    {"onnx/", "onnx", false},
    {"onnx/", "a/onnx/x", false},
    {"onnx", "onnx/model.onnx", false},
    {"onnx/*", "onnx/a/b", true},
    {"**/x", "a/b/x", true},
    {"**/x", "x", false},
    {"model-*-of-*.safetensors", "model-00001-of-00002.safetensors", true},
    {"model-????\?-of-*.gguf", "model-00001-of-00002.gguf", true},
    {"a*b*c", "axxbyyc", true},
    {"a*b*c", "axxbyy", false},
    {"*a*a*a*", "aa", false},
    {"[abc]", "b", true},
    {"[abc]", "d", false},
    {"[a-c]x", "bx", true},
    {"[!a-c]x", "bx", false},
    {"[!a-c]x", "dx", true},
    {"[!a]", "/", true},
    {"[!]", "[!]", true},
    {"[]", "[]", true},
    {"[", "[", true},
    {"[a", "[a", true},
    {"[a", "a", false},
    {"x[", "x[", true},
    {"[[]", "[", true},
    {"[]]", "]", true},
    {"[]a]", "a", true},
    {"[!]]", "]", false},
    {"[!]]", "a", true},
    {"[!]a-]", "-", false},
    {"[a-]", "-", true},
    {"[-a]", "-", true},
    {"[--a]", "0", true},
    {"[a-c-e]", "-", true},
    {"[a-c-e]", "d", false},
    {"[a-c-e]", "e", true},
    {"[z-a]", "m", false},
    {"[z-a]", "z", false},
    {"[!z-a]", "m", true},
    {"[^a]", "^", true},
    {"[^a]", "b", false},
    {"[\\]", "\\", true},
    {"\\*", "\\abc", true},
    {"\\*", "*", false},
    {"[*]", "*", true},
    {"[*]", "a", false},
    {"[?]", "?", true},
    {"[α-ω]", "λ", true},
    {"[!α-ω]", "λ", false},
    {"*\n*", "a\nb", true},
    {"*.bin", "a\n.bin", true},
    {"a.c", "abc", false},
    {"a+", "aa", false},
    {"(a|b)", "a", false},
    {"$", "", false},
};

TEST(MatchesGlobTest, AgreesWithThePythonLibrary) {
  for (const Case& expected : kCases) {
    EXPECT_EQ(MatchesGlob(expected.pattern, expected.path), expected.matches)
        << "pattern '" << expected.pattern << "', path '" << expected.path << "'";
  }
}

TEST(MatchesGlobTest, AByteThatIsNotUtf8IsACharacterThatEqualsItselfOnly) {
  EXPECT_TRUE(MatchesGlob("a?b",
                          "a\xff"
                          "b"));
  EXPECT_TRUE(
      MatchesGlob("a\xff"
                  "b",
                  "a\xff"
                  "b"));
  EXPECT_FALSE(
      MatchesGlob("a\xff"
                  "b",
                  "a\xfe"
                  "b"));
  EXPECT_FALSE(MatchesGlob("\xff", "\xc3\xbf")) << "U+00FF is not the byte FF";
}

TEST(MatchesGlobTest, HostilePatternsTakeNoExponentialTime) {
  std::string stars;
  for (int i = 0; i < 200; ++i) stars += "*a";
  const std::string text(4'000, 'a');
  EXPECT_FALSE(MatchesGlob(stars + "b", text));
  EXPECT_TRUE(MatchesGlob(stars, text));
  EXPECT_FALSE(MatchesGlob(std::string(20'000, '*') + "b", text));
  EXPECT_FALSE(MatchesGlob(std::string(20'000, '['), text)) << "brackets that never close";
  EXPECT_FALSE(MatchesGlob("*" + std::string(2'000, '?'), std::string(1'999, 'x')));
}

}  // namespace
}  // namespace batuta
