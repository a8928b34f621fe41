#include "daemon/transport/curl_error.h"

#include <cstring>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/transport/http_transport.h"

namespace batuta::transport {
namespace {

constexpr std::string_view kNetworkHint =
    "check the network; behind a proxy set HTTPS_PROXY, and NO_PROXY for hosts that need none; with "
    "HF_HUB_OFFLINE=1 "
    "what this machine knows answers";
constexpr std::string_view kCertificateHint =
    "if a company proxy or a private hub signs with its own authority, name its certificate file in "
    "SSL_CERT_FILE; also "
    "check the clock of this machine";
constexpr std::string_view kRetryHint = "what has arrived is kept; the next try goes on from there";

absl::Status Unreachable(std::string_view message, std::string_view hint) {
  return MakeError(absl::StatusCode::kUnavailable, reason::kHubUnreachable, message, hint);
}

std::string Detail(const CurlFailure& failure) {
  constexpr size_t kLongest = 200;
  const std::string_view words =
      failure.detail.empty() ? std::string_view(curl_easy_strerror(failure.code)) : failure.detail;
  return Printable(words.substr(0, kLongest));
}

// "connection refused"; the words of the C library, which do not depend on the locale here.
std::string OsWords(int os_error) {
  std::string words = std::generic_category().message(os_error);
  if (!words.empty() && words[0] >= 'A' && words[0] <= 'Z')
    words[0] = static_cast<char>(words[0] - 'A' + 'a');
  return words;
}

std::string Progress(const CurlFailure& failure) {
  if (failure.expected) return fmt::format("{} of {} bytes", failure.received, *failure.expected);
  return fmt::format("{} bytes", failure.received);
}

absl::Status CannotConnect(const CurlFailure& failure) {
  const std::string why = failure.os_error != 0 ? OsWords(failure.os_error) : Detail(failure);
  return Unreachable(fmt::format("cannot connect to {}: {}", failure.host, why), kNetworkHint);
}

absl::Status ConnectTimedOut(const CurlFailure& failure) {
  return Unreachable(fmt::format("cannot connect to {}: no answer in {}", failure.host,
                                 FormatDuration(failure.connect_timeout)),
                     kNetworkHint);
}

absl::Status TlsRefused(const CurlFailure& failure) {
  if (failure.code == CURLE_SSL_CACERT_BADFILE && !failure.ca_file.empty()) {
    return Unreachable(fmt::format("TLS: cannot read certificates from {}", Printable(failure.ca_file)),
                       "SSL_CERT_FILE must name a readable file of PEM certificates");
  }
  if (failure.code == CURLE_PEER_FAILED_VERIFICATION || failure.code == CURLE_SSL_CACERT_BADFILE ||
      failure.code == CURLE_SSL_ISSUER_ERROR) {
    return Unreachable(
        fmt::format("TLS: the certificate of {} cannot be trusted: {}", failure.host, Detail(failure)),
        kCertificateHint);
  }
  return Unreachable(fmt::format("TLS: no secure connection to {}: {}", failure.host, Detail(failure)),
                     kNetworkHint);
}

absl::Status ConnectionLost(const CurlFailure& failure) {
  if (!failure.has_head) {
    return Unreachable(
        fmt::format("{} closed the connection without an answer: {}", failure.host, Detail(failure)),
        kRetryHint);
  }
  return Unreachable(
      fmt::format("connection to {} lost after {}: {}", failure.host, Progress(failure), Detail(failure)),
      kRetryHint);
}

absl::Status HeaderLineTooLong(const CurlFailure& failure) {
  return MakeError(absl::StatusCode::kOutOfRange, reason::kAnswerTooLarge,
                   fmt::format("{} answered with a header line without end", failure.host),
                   "is this address a hub? `batuta daemon config` shows the endpoint");
}

absl::Status Translate(const CurlFailure& failure) {
  switch (failure.code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return Unreachable(fmt::format("the name {} does not resolve", failure.host), kNetworkHint);
    case CURLE_COULDNT_RESOLVE_PROXY:
      return Unreachable(fmt::format("cannot reach {}: the name of the proxy does not resolve", failure.host),
                         "check HTTPS_PROXY and HTTP_PROXY in the environment of the daemon");
    case CURLE_COULDNT_CONNECT:
      return CannotConnect(failure);
    case CURLE_OPERATION_TIMEDOUT:
      return ConnectTimedOut(failure);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CERTPROBLEM:
      return TlsRefused(failure);
    case CURLE_PARTIAL_FILE:
      return Unreachable(
          fmt::format("answer of {} cut short: connection closed after {}", failure.host, Progress(failure)),
          kRetryHint);
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return ConnectionLost(failure);
    case CURLE_OUT_OF_MEMORY:
      // libcurl says so too when one header line outgrows its buffer.
      if (failure.was_connected && !failure.has_head) return HeaderLineTooLong(failure);
      break;
    default:
      break;
  }
  return Unreachable(fmt::format("{}: {}", failure.host, curl_easy_strerror(failure.code)), kNetworkHint);
}

}  // namespace

absl::Status ToStatus(const CurlFailure& failure) {
  absl::Status status = Translate(failure);
  return failure.was_connected ? status : MarkNeverSent(std::move(status));
}

absl::Status IdleTooLong(const CurlFailure& failure, std::chrono::milliseconds limit) {
  if (!failure.has_head) {
    return Unreachable(
        fmt::format("{} took the request and sent no bytes for {}", failure.host, FormatDuration(limit)),
        kRetryHint);
  }
  return Unreachable(fmt::format("{} sent no bytes for {}, after {}", failure.host, FormatDuration(limit),
                                 Progress(failure)),
                     kRetryHint);
}

absl::Status TookTooLong(const CurlFailure& failure, std::chrono::milliseconds limit) {
  absl::Status status = Unreachable(fmt::format("{} did not answer whole within {}: {} so far", failure.host,
                                                FormatDuration(limit), Progress(failure)),
                                    kRetryHint);
  return failure.was_connected ? status : MarkNeverSent(std::move(status));
}

}  // namespace batuta::transport
