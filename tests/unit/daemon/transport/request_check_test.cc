#include "daemon/transport/request_check.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status/status_matchers.h"

namespace batuta::transport {
namespace {

HttpRequest Get(std::string url) {
  HttpRequest request;
  request.url = std::move(url);
  return request;
}

TEST(CheckRequestTest, NamesOriginAndHost) {
  ASSERT_OK_AND_ASSIGN(const Destination plain, CheckRequest(Get("HTTPS://Hub.Test/api?x=1")));
  EXPECT_EQ(plain.origin, "https://hub.test:443");
  EXPECT_EQ(plain.host, "hub.test");
  EXPECT_TRUE(plain.is_secure);
  ASSERT_OK_AND_ASSIGN(const Destination port, CheckRequest(Get("http://127.0.0.1:8080")));
  EXPECT_EQ(port.origin, "http://127.0.0.1:8080");
  EXPECT_EQ(port.host, "127.0.0.1:8080");
  EXPECT_FALSE(port.is_secure);
}

TEST(CheckRequestTest, RefusesWhatWouldForgeAHeader) {
  const HttpHeader forgeries[] = {{"X-A", "1\r\nX-B: 2"},
                                  {"X-A", std::string("1\0", 2)},
                                  {"X-A: 1\r\nX-B", "2"},
                                  {"", "1"},
                                  {"X A", "1"}};
  for (const HttpHeader& header : forgeries) {
    HttpRequest request = Get("http://hub.test/");
    request.headers = {header};
    EXPECT_THAT(CheckRequest(request), StatusIs(absl::StatusCode::kInvalidArgument)) << header.name;
  }
  HttpRequest request = Get("http://hub.test/");
  request.bearer = Secret("hf_canary\nX: 1");
  const auto refused = CheckRequest(request);
  EXPECT_THAT(refused, HasReason(reason::kInvalidArgument));
  EXPECT_THAT(refused.status().ToString(), ::testing::Not(::testing::HasSubstr("canary")));
}

TEST(CheckRequestTest, AllowsHeadersWithTabsAndBytesAboveAscii) {
  HttpRequest request = Get("http://hub.test/");
  request.headers = {{"X-A", "a\tb\xc3\xa4"}, {"X-Empty", ""}};
  EXPECT_THAT(CheckRequest(request), IsOk());
}

TEST(LoadOfTest, TellsDownloadsFromCalls) {
  const auto with_range = [](std::string range) {
    HttpRequest request = Get("http://cdn.test/file");
    request.headers = {{"range", std::move(range)}};
    request.max_body_bytes = 32 << 20;
    return LoadOf(request);
  };
  EXPECT_EQ(with_range("bytes=0-0"), Load::kShort);
  EXPECT_EQ(with_range("bytes=0-1048574"), Load::kShort);
  EXPECT_EQ(with_range("bytes=0-1048575"), Load::kBulk);
  EXPECT_EQ(with_range("bytes=5-"), Load::kBulk);
  EXPECT_EQ(with_range("bytes=-5"), Load::kBulk);
  EXPECT_EQ(with_range("bytes=9-5"), Load::kBulk);
  EXPECT_EQ(with_range("rubbish"), Load::kBulk);

  HttpRequest page = Get("http://hub.test/api/models");
  page.max_body_bytes = 32 << 20;
  EXPECT_EQ(LoadOf(page), Load::kShort);
  EXPECT_EQ(LoadOf(Get("http://cdn.test/file")), Load::kBulk);

  HttpRequest put = Get("http://cdn.test/part");
  put.method = HttpMethod::kPut;
  put.body = std::string(1 << 20, 'x');
  EXPECT_EQ(LoadOf(put), Load::kBulk);
  HttpRequest head = Get("http://hub.test/file");
  head.method = HttpMethod::kHead;
  EXPECT_EQ(LoadOf(head), Load::kShort);
}

}  // namespace
}  // namespace batuta::transport
