#include "common/config/proxies.h"

#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta {
namespace {

Environment With(std::map<std::string, std::string, std::less<>> variables) {
  return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

TEST(Proxies, LowerCaseComesFirstAndHttpInLowerCaseAlone) {
  const Proxies proxies = ReadProxies(With({{"https_proxy", "http://a:1"},
                                            {"HTTPS_PROXY", "http://b:1"},
                                            {"HTTP_PROXY", "http://c:1"},
                                            {"no_proxy", ""},
                                            {"NO_PROXY", "lan"}}));
  EXPECT_EQ(proxies.https->value, "http://a:1");
  EXPECT_FALSE(proxies.http.has_value());
  EXPECT_TRUE(proxies.has_ignored_http);
  EXPECT_EQ(proxies.none->value, "lan") << "an empty variable counts as unset";
}

TEST(Proxies, WhichOneAUrlGoesThrough) {
  const Proxies proxies = ReadProxies(With({{"https_proxy", "http://secure:1"},
                                            {"http_proxy", "http://plain:1"},
                                            {"all_proxy", "socks5://all:1"},
                                            {"no_proxy", "localhost, .lan"}}));
  EXPECT_EQ(ProxyFor(proxies, "https://huggingface.co"), "http://secure:1");
  EXPECT_EQ(ProxyFor(proxies, "http://huggingface.co"), "http://plain:1");
  EXPECT_EQ(ProxyFor(proxies, "http://hub.lan:8000/x"), "");
  EXPECT_EQ(ProxyFor(ReadProxies(With({{"all_proxy", "socks5://all:1"}})), "https://a.b"), "socks5://all:1");
  EXPECT_EQ(ProxyFor(proxies, "no url"), "");
}

TEST(Proxies, NoProxyNamesHostsAndDomains) {
  EXPECT_TRUE(IsExempt("a.com,b.com", "b.com"));
  EXPECT_TRUE(IsExempt("b.com", "x.b.com"));
  EXPECT_TRUE(IsExempt(".b.com", "B.COM"));
  EXPECT_TRUE(IsExempt("*", "anything"));
  EXPECT_FALSE(IsExempt("b.com", "ab.com"));
  EXPECT_FALSE(IsExempt("", "b.com"));
  EXPECT_FALSE(IsExempt(" , ", "b.com"));
}

TEST(Proxies, NoPasswordIsShown) {
  EXPECT_EQ(WithoutPassword("http://mira:p@ss@proxy:3128"), "http://***@proxy:3128");
  EXPECT_EQ(WithoutPassword("mira:p@proxy:3128"), "***@proxy:3128");
  EXPECT_EQ(WithoutPassword("http://proxy:3128"), "http://proxy:3128");
  EXPECT_EQ(Describe(ReadProxies(With({{"HTTPS_PROXY", "http://mira:pw@proxy:1"}, {"no_proxy", "lan"}}))),
            "HTTPS_PROXY=http://***@proxy:1, no_proxy=lan");
  EXPECT_EQ(Describe(ReadProxies(With({}))), "none");
}

}  // namespace
}  // namespace batuta
