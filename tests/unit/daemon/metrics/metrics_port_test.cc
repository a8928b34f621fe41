#include "daemon/metrics/metrics_port.h"

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/io/unique_fd.h"
#include "common/status/status.h"
#include "daemon/metrics/port_address.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::metrics {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class MetricsPortTest : public testing::Test {
 protected:
  void Listen(MetricsPort::Report report) {
    auto port = MetricsPort::Listen(ParseLoopback("127.0.0.1:0").value(), std::move(report));
    ASSERT_TRUE(port.ok()) << port.status();
    port_ = *std::move(port);
  }

  // What comes back for `request`, until the other end closes.
  std::string Ask(const std::string& request) const {
    const sockaddr_storage address = ParseLoopback(port_->address()).value();
    const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    constexpr timeval kPatience{.tv_sec = 30, .tv_usec = 0};
    setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
    EXPECT_EQ(connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(sockaddr_in)), 0);
    EXPECT_EQ(send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
    std::string answer;
    std::array<char, 1'024> bytes{};
    for (ssize_t got = 0; (got = recv(socket.get(), bytes.data(), bytes.size(), 0)) > 0;) {
      answer.append(bytes.data(), static_cast<size_t>(got));
    }
    return answer;
  }

  static std::string Request(const std::string& line) {
    return line + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  }

  std::unique_ptr<MetricsPort> port_;
};

TEST_F(MetricsPortTest, ServesTheTextAsItIs) {
  Listen([](auto done) { done("a 1\n"); });
  const std::string answer = Ask(Request("GET /metrics"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(answer, testing::EndsWith("\r\n\r\na 1\n"));
}

TEST_F(MetricsPortTest, ThereIsNothingElse) {
  Listen([](auto done) { done("a 1\n"); });
  EXPECT_THAT(Ask(Request("GET /")), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Ask(Request("GET /metrics/../etc/passwd")), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Ask(Request("DELETE /metrics")), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(Ask(Request("HEAD /metrics")), Not(HasSubstr("a 1")));
}

TEST_F(MetricsPortTest, AReportThatNeverComesIsAnErrorAtOnce) {
  Listen([](auto) {});  // dropped, as by a daemon that stops
  EXPECT_THAT(Ask(Request("GET /metrics")), StartsWith("HTTP/1.1 503 "));
}

TEST_F(MetricsPortTest, NonsenseEndsTheConnectionAndNothingElse) {
  Listen([](auto done) { done("a 1\n"); });
  Ask("\x16\x03\x01 nonsense\r\n\r\n");
  Ask(Request("GET /" + std::string(100'000, 'x')));
  EXPECT_THAT(Ask(Request("GET /metrics")), StartsWith("HTTP/1.1 200 "));
}

TEST_F(MetricsPortTest, APortThatIsTakenIsSaidSo) {
  Listen([](auto done) { done(""); });
  EXPECT_THAT(MetricsPort::Listen(ParseLoopback(port_->address()).value(), [](auto) {}),
              HasReason(reason::kConfigInvalid));
}

}  // namespace
}  // namespace batuta::metrics
