#include "common/text/url.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/support/status/status_matchers.h"

namespace batuta {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(SplitUrlTest, TakesUrlsApart) {
  struct {
    std::string_view url;
    UrlParts parts;
  } const cases[] = {
      {"https://huggingface.co", {"https", "huggingface.co", 443, "/", ""}},
      {"HTTP://Example.COM:8080/A/b?x=Y&z=/?", {"http", "example.com", 8080, "/A/b", "x=Y&z=/?"}},
      {"http://127.0.0.1:80/", {"http", "127.0.0.1", 80, "/", ""}},
      {"http://[::1]:3000/x", {"http", "[::1]", 3000, "/x", ""}},
      {"https://[2001:DB8::1]", {"https", "[2001:db8::1]", 443, "/", ""}},
      {"http://host?q", {"http", "host", 80, "/", "q"}},
      {"http://host:/", {"http", "host", 80, "/", ""}},
      {"http://host/p#fragment?not-a-query", {"http", "host", 80, "/p", ""}},
      {"https://a_b-c.d/%2F/@x:y", {"https", "a_b-c.d", 443, "/%2F/@x:y", ""}},
      {"http://h//a//b", {"http", "h", 80, "//a//b", ""}},
  };

  for (const auto& expected : cases)
    EXPECT_THAT(SplitUrl(expected.url), IsOkAndHolds(expected.parts)) << expected.url;
}

class RefusedUrl : public ::testing::TestWithParam<std::string_view> {};

TEST_P(RefusedUrl, IsAnError) {
  EXPECT_THAT(SplitUrl(GetParam()), HasReason("INVALID_ARGUMENT"));
}

INSTANTIATE_TEST_SUITE_P(
    Urls, RefusedUrl,
    ::testing::Values("", "huggingface.co", "//host", "/path", "http:", "http:/", "http://", "http:///x",
                      "http://?q", "http://:80/", "ftp://host/", "file:///etc/passwd", "javascript:alert(1)",
                      "gopher://h/", "https:host", "http://user@host/", "http://user:pw@host/",
                      "http://good.com@evil.com/", "http://good.com:80@evil.com/", "http://host:0/",
                      "http://host:65536/", "http://host:-1/", "http://host:8o/", "http://host:80:80/",
                      "http://ho st/", "http://host/a b", "http://host/\n", "http://host/\r\nX: y",
                      "http://host\t/", "http://host/\x7f", "http://hôst/", "http://host/é", "http://ho%73t/",
                      "http://host\\@evil/", "http:\\\\host", "http://[::1", "http://::1/", "http://[]/",
                      "http://[evil]/", "http://[::1]x/", "http://h[o]st/", "http://host,evil/",
                      " http://host/", std::string_view("http://h\0st/", 12)));

TEST(SplitUrlTest, HasLimits) {
  EXPECT_THAT(SplitUrl("http://h/" + std::string(16'000, 'x')), IsOk());
  EXPECT_THAT(SplitUrl("http://h/" + std::string(17'000, 'x')), HasReason("INVALID_ARGUMENT"));
  EXPECT_THAT(SplitUrl("http://" + std::string(256, 'h') + "/"), HasReason("INVALID_ARGUMENT"));
}

TEST(SplitUrlTest, ErrorsShowNeitherQueryNorPassword) {
  EXPECT_THAT(SplitUrl("ftp://host/x?signature=canary"), HasMessage(Not(HasSubstr("canary"))));
  EXPECT_THAT(SplitUrl("http://user:canary@host/"), HasMessage(Not(HasSubstr("canary"))));
}

TEST(JoinUrlTest, IsTheInverseUpToSpelling) {
  for (const std::string url : {"https://huggingface.co/", "http://h:8080/a?b", "http://[::1]:1/x"}) {
    ASSERT_OK_AND_ASSIGN(const UrlParts parts, SplitUrl(url));
    EXPECT_EQ(JoinUrl(parts), url);
  }
  ASSERT_OK_AND_ASSIGN(const UrlParts parts, SplitUrl("HTTPS://H:443?q#f"));
  EXPECT_EQ(JoinUrl(parts), "https://h/?q");
}

TEST(SameOriginTest, ComparesSchemeHostAndPort) {
  struct {
    std::string_view a, b;
    bool same;
  } const cases[] = {{"https://h/a", "https://h/b?c", true},
                     {"https://h", "HTTPS://H:443/", true},
                     {"http://h", "http://h:80", true},
                     {"http://h", "https://h", false},
                     {"https://h", "https://h:444", false},
                     {"https://h", "https://h.evil.com", false},
                     {"https://h", "https://sub.h", false},
                     {"https://h", "https://h@evil.com", false},
                     {"https://h", "https://h\\.evil.com", false},
                     {"https://h", "", false},
                     {"", "", false},
                     {"https://h", "https://h.", false},
                     {"http://h", "http://h:443", false}};

  for (const auto& expected : cases) {
    EXPECT_EQ(SameOrigin(expected.a, expected.b), expected.same) << expected.a << " " << expected.b;
    EXPECT_EQ(SameOrigin(expected.b, expected.a), expected.same) << expected.b << " " << expected.a;
  }
}

TEST(ResolveReferenceTest, FollowsEveryForm) {
  constexpr std::string_view kBase = "https://h:8443/a/b/c?q=1";

  struct {
    std::string_view reference, url;
  } const cases[] = {
      {"https://cdn.example/x?sig=1", "https://cdn.example/x?sig=1"},
      {"HTTP://Other/x", "http://other/x"},
      {"//cdn.example/x", "https://cdn.example/x"},
      {"/api/x?y", "https://h:8443/api/x?y"},
      {"/api/x", "https://h:8443/api/x"},
      {"?cursor=2", "https://h:8443/a/b/c?cursor=2"},
      {"", "https://h:8443/a/b/c?q=1"},
      {"#f", "https://h:8443/a/b/c?q=1"},
      {"d", "https://h:8443/a/b/d"},
      {"d/e?f#g", "https://h:8443/a/b/d/e?f"},
      {"../d", "https://h:8443/a/d"},
      {"../../../../d", "https://h:8443/d"},
      {"./", "https://h:8443/a/b/"},
      {"..", "https://h:8443/a/"},
      {"/a/./b/../c", "https://h:8443/a/c"},
      {"/..", "https://h:8443/"},
      {"/a/..//b", "https://h:8443//b"},
      {"/x%2F..%2Fy", "https://h:8443/x%2F..%2Fy"},
      {"x:y/z", ""},
      {"1:2", "https://h:8443/a/b/1:2"},
  };

  for (const auto& expected : cases) {
    const auto url = ResolveReference(kBase, expected.reference);
    if (expected.url.empty()) {
      EXPECT_THAT(url, HasReason("INVALID_ARGUMENT")) << expected.reference;
    } else {
      EXPECT_THAT(url, IsOkAndHolds(std::string(expected.url))) << expected.reference;
    }
  }
}

TEST(ResolveReferenceTest, RefusesHostileReferences) {
  for (const std::string_view reference :
       {"file:///etc/passwd", "javascript:x", "http://", "//", "///x", "//user@evil/", "http://evil\\@h/",
        "/a b", "/\r\nX: y", "\\\\evil\\x", "/é", "https:evil"}) {
    EXPECT_THAT(ResolveReference("https://h/", reference), HasReason("INVALID_ARGUMENT")) << reference;
  }
  EXPECT_THAT(ResolveReference("not a url", "/x"), HasReason("INVALID_ARGUMENT"));
  EXPECT_THAT(ResolveReference("https://h/", std::string(1'000'000, '/')), HasReason("INVALID_ARGUMENT"));
  EXPECT_THAT(ResolveReference("https://h/" + std::string(16'000, 'x') + "/y", std::string(16'000, 'z')),
              HasReason("INVALID_ARGUMENT"));
}

TEST(ResolveReferenceTest, ItsResultIsAUrlWithTheOriginItShows) {
  for (const std::string_view reference : {"/.//evil.com/x", "/..//evil.com", "..//evil.com/", ".//x"}) {
    const auto url = ResolveReference("https://h/a/", reference);
    ASSERT_THAT(url, IsOk()) << reference;
    EXPECT_TRUE(SameOrigin("https://h/", *url)) << *url;
  }
}

TEST(WithoutQueryTest, HidesWhatSignsALink) {
  EXPECT_EQ(WithoutQuery("https://cdn/x?Signature=canary&Key=1"), "https://cdn/x");
  EXPECT_EQ(WithoutQuery("https://cdn/x#canary"), "https://cdn/x");
  EXPECT_EQ(WithoutQuery("https://user:canary@cdn/x"), "[not a URL]");  // batuta:allow-secret
  EXPECT_EQ(WithoutQuery("canary"), "[not a URL]");
}

TEST(PercentEncodeTest, KeepsUnreservedCharactersOnly) {
  EXPECT_EQ(PercentEncode("refs/pr/1"), "refs%2Fpr%2F1");
  EXPECT_EQ(PercentEncode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(PercentEncode(" %?#&+=:@"), "%20%25%3F%23%26%2B%3D%3A%40");
  EXPECT_EQ(PercentEncode("é\xff\n"), "%C3%A9%FF%0A");
  EXPECT_EQ(PercentEncode(std::string_view("\0", 1)), "%00");
  EXPECT_EQ(PercentEncodePath("a b/c?d/é"), "a%20b/c%3Fd/%C3%A9");
}

TEST(PercentDecodeTest, DecodesOnce) {
  EXPECT_THAT(PercentDecode("refs%2Fpr%2f1"), IsOkAndHolds(std::string("refs/pr/1")));
  EXPECT_THAT(PercentDecode("%252F"), IsOkAndHolds(std::string("%2F")));
  EXPECT_THAT(PercentDecode("a+b"), IsOkAndHolds(std::string("a+b")));
  EXPECT_THAT(PercentDecode("%00"), IsOkAndHolds(std::string(1, '\0')));
  EXPECT_THAT(PercentDecode(""), IsOkAndHolds(std::string()));
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) every_byte += static_cast<char>(byte);
  EXPECT_THAT(PercentDecode(PercentEncode(every_byte)), IsOkAndHolds(every_byte));
}

TEST(PercentDecodeTest, RefusesBrokenEscapes) {
  for (const std::string_view text : {"%", "%2", "a%", "%zz", "%2g", "%-1", "%%41", "% 1", "%+1"}) {
    EXPECT_THAT(PercentDecode(text), HasReason("INVALID_ARGUMENT")) << text;
  }
}

}  // namespace
}  // namespace batuta
