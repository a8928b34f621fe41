#include "daemon/transport/curl_error.h"

#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/status.h"
#include "daemon/transport/http_transport.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::transport {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

CurlFailure Failure(CURLcode code) {
  CurlFailure failure;
  failure.code = code;
  failure.host = "hub.test";
  failure.connect_timeout = std::chrono::seconds(10);
  return failure;
}

TEST(CurlErrorTest, SaysInWordsWhatFailedBeforeTheConnection) {
  CurlFailure refused = Failure(CURLE_COULDNT_CONNECT);
  refused.os_error = ECONNREFUSED;
  CurlFailure badfile = Failure(CURLE_SSL_CACERT_BADFILE);
  badfile.ca_file = "/etc/mine.pem";
  CurlFailure untrusted = Failure(CURLE_PEER_FAILED_VERIFICATION);
  untrusted.detail = "SSL certificate problem: self-signed certificate";

  const struct {
    CurlFailure failure;
    const char* words;
  } cases[] = {
      {refused, "cannot connect to hub.test: connection refused"},
      {Failure(CURLE_OPERATION_TIMEDOUT), "cannot connect to hub.test: no answer in 10.0 s"},
      {Failure(CURLE_COULDNT_RESOLVE_HOST), "the name hub.test does not resolve"},
      {Failure(CURLE_COULDNT_RESOLVE_PROXY), "the name of the proxy does not resolve"},
      {untrusted,
       "TLS: the certificate of hub.test cannot be trusted: SSL certificate problem: self-signed "
       "certificate"},
      {badfile, "TLS: cannot read certificates from /etc/mine.pem"},
      {Failure(CURLE_SSL_CONNECT_ERROR), "TLS: no secure connection to hub.test"},
  };

  for (const auto& [failure, words] : cases) {
    const absl::Status status = ToStatus(failure);
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable));
    EXPECT_THAT(status, HasReason(reason::kHubUnreachable));
    EXPECT_THAT(status, HasMessage(HasSubstr(words)));
    EXPECT_TRUE(NeverSent(status)) << words;
    EXPECT_TRUE(IsTransient(status)) << words;
    EXPECT_NE(HintOf(status), "") << words;
  }
}

TEST(CurlErrorTest, SaysInWordsHowFarAnAnswerCame) {
  CurlFailure cut = Failure(CURLE_PARTIAL_FILE);
  cut.was_connected = cut.has_head = true;
  cut.received = 5;
  cut.expected = 10;
  EXPECT_THAT(ToStatus(cut),
              HasMessage(HasSubstr("answer of hub.test cut short: connection closed after 5 of 10 bytes")));
  EXPECT_FALSE(NeverSent(ToStatus(cut)));
  cut.expected = std::nullopt;
  EXPECT_THAT(ToStatus(cut), HasMessage(HasSubstr("after 5 bytes")));
  cut.code = CURLE_RECV_ERROR;
  cut.detail = "Recv failure: Connection reset by peer";
  EXPECT_THAT(ToStatus(cut),
              HasMessage(HasSubstr("lost after 5 bytes: Recv failure: Connection reset by peer")));
  cut.has_head = false;
  EXPECT_THAT(ToStatus(cut), HasMessage(HasSubstr("closed the connection without an answer")));
}

TEST(CurlErrorTest, CallsALineWithoutEndTooLarge) {
  CurlFailure endless = Failure(CURLE_OUT_OF_MEMORY);
  endless.was_connected = true;
  EXPECT_THAT(ToStatus(endless), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(ToStatus(endless), HasReason(reason::kAnswerTooLarge));
}

TEST(CurlErrorTest, NamesTheLimitThatWasReached) {
  CurlFailure failure = Failure(CURLE_OPERATION_TIMEDOUT);
  failure.was_connected = true;
  EXPECT_THAT(IdleTooLong(failure, std::chrono::seconds(30)),
              HasMessage(HasSubstr("sent no bytes for 30.0 s")));
  EXPECT_THAT(TookTooLong(failure, std::chrono::seconds(30)), HasMessage(HasSubstr("within 30.0 s")));
  failure.has_head = true;
  failure.received = 7;
  EXPECT_THAT(IdleTooLong(failure, std::chrono::seconds(30)), HasMessage(HasSubstr("after 7 bytes")));
  EXPECT_THAT(IdleTooLong(failure, std::chrono::seconds(30)), HasReason(reason::kHubUnreachable));
}

TEST(CurlErrorTest, HasWordsForEveryCodeAndLeaksNoneOfItsOwn) {
  for (int code = 1; code < CURL_LAST; ++code) {
    CurlFailure failure = Failure(static_cast<CURLcode>(code));
    failure.detail = "\x1b[31mred\n";
    const absl::Status status = ToStatus(failure);
    EXPECT_FALSE(status.ok()) << code;
    EXPECT_NE(ReasonOf(status), "") << code;
    EXPECT_THAT(status, HasMessage(AllOf(Not(HasSubstr("\x1b")), Not(HasSubstr("\n"))))) << code;
  }
}

}  // namespace
}  // namespace batuta::transport
