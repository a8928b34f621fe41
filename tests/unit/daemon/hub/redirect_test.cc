#include "daemon/hub/redirect.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tests/support/status/status_matchers.h"

namespace batuta::hub {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kEndpoint = "https://hub.test";

TEST(NextHopTest, SendsTheTokenToTheOriginOfTheEndpointOnly) {
  struct Case {
    std::string_view location;
    std::string_view url;
    bool send_token;
  };

  const std::vector<Case> cases = {
      {"/new/name/resolve/main/x", "https://hub.test/new/name/resolve/main/x", true},
      {"https://hub.test/b", "https://hub.test/b", true},
      {"https://HUB.test:443/b", "https://hub.test/b", true},
      {"c?x=1", "https://hub.test/a/c?x=1", true},
      {"https://hub.test:8443/b", "https://hub.test:8443/b", false},
      {"https://cdn.hub.test/b?Signature=s", "https://cdn.hub.test/b?Signature=s", false},
      {"//other.test/b", "https://other.test/b", false},
      {"https://hub.test.evil.test/b", "https://hub.test.evil.test/b", false},
  };
  for (const Case& c : cases) {
    const auto hop = NextHop(kEndpoint, Hop::First("https://hub.test/a/b"), c.location);
    ASSERT_THAT(hop, IsOk()) << c.location;
    EXPECT_EQ(hop->url, c.url);
    EXPECT_EQ(hop->send_token, c.send_token) << c.location;
    EXPECT_EQ(hop->number, 1);
  }
}

TEST(NextHopTest, AChainThatLeftDoesNotGetTheTokenBack) {
  ASSERT_OK_AND_ASSIGN(const Hop away,
                       NextHop(kEndpoint, Hop::First("https://hub.test/a"), "https://cdn.test/a"));
  ASSERT_OK_AND_ASSIGN(const Hop back, NextHop(kEndpoint, away, "https://hub.test/api/settings"));
  EXPECT_FALSE(back.send_token);
  ASSERT_OK_AND_ASSIGN(const Hop further, NextHop(kEndpoint, back, "/x"));
  EXPECT_FALSE(further.send_token);
}

TEST(NextHopTest, KeepsTheQueryThatARenameDrops) {
  const Hop tree = Hop::First("https://hub.test/api/models/a/b/tree/c?recursive=true");
  EXPECT_EQ(NextHop(kEndpoint, tree, "/api/models/n/b/tree/c")->url,
            "https://hub.test/api/models/n/b/tree/c?recursive=true");
  EXPECT_EQ(NextHop(kEndpoint, tree, "/api/models/n/b/tree/c?recursive=false")->url,
            "https://hub.test/api/models/n/b/tree/c?recursive=false");
  EXPECT_EQ(NextHop(kEndpoint, tree, "https://cdn.test/c")->url, "https://cdn.test/c");
}

TEST(NextHopTest, RefusesBadTargetsWithoutRepeatingThem) {
  for (const std::string_view location :
       {"", "  ", "ftp://hub.test/x", "file:///etc/passwd", "javascript:alert(1)",
        "https://user:secret@hub.test/", "https:///x", "https://hub.test:0/", "https://hub.test:99999/",
        "http://hub.test/secret", "http://cdn.test/secret", "https://hub.test/\tsecret",
        "https://h\xc3\xa9.test/secret"}) {
    const auto hop = NextHop(kEndpoint, Hop::First("https://hub.test/a"), location);
    EXPECT_THAT(hop, HasReason("HUB_PROTOCOL")) << location;
    EXPECT_THAT(hop, HasMessage(Not(HasSubstr("secret")))) << location;
  }
}

TEST(NextHopTest, MayGoFromHttpToHttps) {
  EXPECT_THAT(NextHop("http://localhost:8080", Hop::First("http://localhost:8080/a"), "https://cdn.test/a"),
              IsOk());
}

TEST(NextHopTest, EndsAnEndlessLoop) {
  Hop hop = Hop::First("https://hub.test/a");
  for (int i = 0; i < kMaxHops; ++i) {
    ASSERT_OK_AND_ASSIGN(hop, NextHop(kEndpoint, hop, "/a"));
  }
  EXPECT_THAT(NextHop(kEndpoint, hop, "/a"), HasReason("HUB_PROTOCOL"));
}

absl::StatusOr<std::optional<std::string>> Next(const std::vector<transport::HttpHeader>& headers) {
  return NextPage(kEndpoint, "https://hub.test/api/models?limit=2", transport::HttpHead{200, headers});
}

TEST(NextPageTest, FindsTheNextPageInItsManyForms) {
  const std::string page = "https://hub.test/api/models?cursor=a,b";
  for (const std::string& value :
       std::vector<std::string>{"<" + page + ">; rel=\"next\"", "<" + page + ">;rel=next",
                                "<" + page + "> ; title=\"x\"; REL=\"Next\"",
                                "<https://hub.test/x>; rel=\"prev\", <" + page + ">; rel=\"next\"",
                                "</api/models?cursor=a,b>; rel=\"next\"", "<?cursor=a,b>; rel=\"next\""}) {
    EXPECT_THAT(Next({{"link", value}}), IsOkAndHolds(std::optional(page))) << value;
  }
  EXPECT_THAT(
      Next({{"Link", "<https://hub.test/x>; rel=\"first\""}, {"Link", "<" + page + ">; rel=\"next\""}}),
      IsOkAndHolds(std::optional(page)));
}

TEST(NextPageTest, NoLinkEndsTheList) {
  for (const std::string value : {"", "<https://hub.test/x>; rel=\"prev\"", "<https://hub.test/x",
                                  "rel=\"next\"", "<https://hub.test/x>; rel=\"nextish\""}) {
    EXPECT_THAT(Next({{"Link", value}}), IsOkAndHolds(std::optional<std::string>())) << value;
  }
  EXPECT_THAT(Next({}), IsOkAndHolds(std::optional<std::string>()));
}

TEST(NextPageTest, RefusesPagesOfOtherServers) {
  for (const std::string value :
       {"<https://evil.test/x>; rel=\"next\"", "<http://hub.test/x>; rel=\"next\"",
        "<https://hub.test:444/x>; rel=\"next\"", "<ftp://hub.test/x>; rel=\"next\""}) {
    EXPECT_THAT(Next({{"Link", value}}), HasReason("HUB_PROTOCOL")) << value;
  }
}

}  // namespace
}  // namespace batuta::hub
