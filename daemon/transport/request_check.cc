#include "daemon/transport/request_check.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "common/text/url.h"
#include "daemon/transport/header_fields.h"

namespace batuta::transport {
namespace {

constexpr uint64_t kBulkBodyBytes = 1 << 20;
constexpr uint64_t kBulkAnswerBytes = 64 << 20;

// The characters of a token in RFC 9110: what a field name is made of.
bool IsFieldName(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

// A line end inside a value would forge a header or a request.
bool IsFieldValue(std::string_view value) {
  return std::none_of(value.begin(), value.end(), [](char c) {
    return c != '\t' && (static_cast<unsigned char>(c) < 0x20 || c == 0x7f);
  });
}

absl::Status Refuse(std::string_view problem) {
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                   fmt::format("a request cannot be sent: {}", problem),
                   "a token or a setting with a line break in it is the usual cause");
}

// The length of `bytes=a-b`; nullopt when it is open or of another form.
std::optional<uint64_t> RangeLength(std::string_view value) {
  value = Trimmed(value);
  if (value.size() < 6 || !EqualsIgnoreCase(value.substr(0, 6), "bytes=")) return std::nullopt;
  value.remove_prefix(6);
  uint64_t first = 0;
  uint64_t last = 0;
  const auto begin = std::from_chars(value.data(), value.data() + value.size(), first);
  if (begin.ec != std::errc() || begin.ptr == value.data() + value.size() || *begin.ptr != '-')
    return std::nullopt;
  const auto end = std::from_chars(begin.ptr + 1, value.data() + value.size(), last);
  if (end.ec != std::errc() || end.ptr != value.data() + value.size() || last < first) return std::nullopt;
  return last - first + 1;
}

}  // namespace

absl::StatusOr<Destination> CheckRequest(const HttpRequest& request) {
  ASSIGN_OR_RETURN(const UrlParts url, SplitUrl(request.url));
  for (const HttpHeader& header : request.headers) {
    if (!IsFieldName(header.name)) return Refuse("the name of a header is malformed");
    if (!IsFieldValue(header.value)) {
      return Refuse(fmt::format("the header {} holds a control character", header.name));
    }
  }
  if (!IsFieldValue(request.bearer.Reveal())) return Refuse("the token holds a control character");
  const bool default_port = url.port == (url.scheme == "https" ? 443 : 80);
  return Destination{.origin = fmt::format("{}://{}:{}", url.scheme, url.host, url.port),
                     .host = default_port ? url.host : fmt::format("{}:{}", url.host, url.port),
                     .is_secure = url.scheme == "https"};
}

Load LoadOf(const HttpRequest& request) {
  const uint64_t sent =
      request.body_source == nullptr ? request.body.size() : request.body_source->size_bytes();
  if (sent >= kBulkBodyBytes) return Load::kBulk;
  if (request.method != HttpMethod::kGet) return Load::kShort;
  for (const HttpHeader& header : request.headers) {
    if (!EqualsIgnoreCase(header.name, "Range")) continue;
    const std::optional<uint64_t> length = RangeLength(header.value);
    return length && *length < kBulkBodyBytes ? Load::kShort : Load::kBulk;
  }
  return request.max_body_bytes > kBulkAnswerBytes ? Load::kBulk : Load::kShort;
}

}  // namespace batuta::transport
