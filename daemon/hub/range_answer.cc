#include "daemon/hub/range_answer.h"

#include <algorithm>
#include <chrono>
#include <string>

#include <fmt/core.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "common/text/url.h"
#include "common/types/blob_id.h"
#include "daemon/hub/exchange.h"
#include "daemon/hub/wire_time.h"

namespace batuta::hub {
namespace {

absl::Status Changed(std::string_view message) {
  return MakeError(absl::StatusCode::kAborted, reason::kUpstreamChanged, message);
}

absl::Status Garbled(std::string_view message) {
  return MakeError(absl::StatusCode::kUnavailable, reason::kHubUnreachable, message);
}

absl::Status CheckSize(std::optional<uint64_t> said, const ExpectedRange& expected) {
  if (!said || *said == expected.entry.size_bytes) return absl::OkStatus();
  return Changed(
      fmt::format("the file has {} bytes now, {} were announced", *said, expected.entry.size_bytes));
}

std::optional<uint64_t> NumberIn(const transport::HttpHead& head, std::string_view name) {
  const auto text = head.Find(name);
  return text ? ParseDecimal(*text) : std::nullopt;
}

// `bytes 100-199/5000`, the total also as `*`.
struct ContentRange {
  uint64_t first = 0;
  uint64_t last = 0;
  std::optional<uint64_t> total;
};

std::optional<ContentRange> ParseContentRange(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  if (!text.starts_with(kUnit)) return std::nullopt;
  text.remove_prefix(kUnit.size());
  const size_t dash = text.find('-');
  const size_t slash = text.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || dash > slash) return std::nullopt;
  const auto first = ParseDecimal(text.substr(0, dash));
  const auto last = ParseDecimal(text.substr(dash + 1, slash - dash - 1));
  const std::string_view total = text.substr(slash + 1);
  if (!first || !last || *last < *first) return std::nullopt;
  ContentRange range{*first, *last, ParseDecimal(total)};
  if (!range.total && total != "*") return std::nullopt;
  return range;
}

absl::StatusOr<uint64_t> BeginOfPart(const transport::HttpHead& head, const ExpectedRange& expected) {
  const std::string_view text = head.Find("Content-Range").value_or(std::string_view());
  const auto range = ParseContentRange(text);
  if (!range)
    return Garbled(fmt::format("the server sent a part without saying which ({})", Quoted(text, 60)));
  RETURN_IF_ERROR(CheckSize(range->total, expected));
  if (range->first != expected.range.begin) {
    return Garbled(fmt::format("the server sent the bytes from {} on, those from {} on were asked for",
                               range->first, expected.range.begin));
  }
  return range->first;
}

// The value of one parameter of a query, undecoded; empty when absent.
std::string_view QueryValue(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=') {
      return pair.substr(name.size() + 1);
    }
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return {};
}

}  // namespace

absl::Status CheckIdentity(const transport::HttpHead& head, const ExpectedRange& expected) {
  const auto commit = head.Find("X-Repo-Commit");
  if (commit && *commit != expected.commit.hex()) {
    return Changed(
        fmt::format("the hub served it from commit {}, not {}", Quoted(*commit, 60), expected.commit.hex()));
  }
  auto etag = head.Find("X-Linked-Etag");
  // The etag of a redirect is its own.
  if (!etag && head.status / 100 == 2) etag = head.Find("ETag");
  if (etag) {
    const absl::StatusOr<BlobId> blob = BlobId::Parse(*etag);
    if (blob.ok() && *blob != expected.entry.blob) {
      return Changed(fmt::format("the hub names the blob {} now, {} was announced", blob->hex(),
                                 expected.entry.blob.hex()));
    }
  }
  return CheckSize(NumberIn(head, "X-Linked-Size"), expected);
}

absl::StatusOr<uint64_t> BeginOfBody(const transport::HttpHead& head, const ExpectedRange& expected) {
  if (!IsPlainBody(head)) {
    return MakeError(absl::StatusCode::kInternal, reason::kHubProtocol,
                     "the bytes come compressed, although that was not asked for");
  }
  if (head.status == 206) return BeginOfPart(head, expected);
  if (head.status != 200) {
    return MakeError(absl::StatusCode::kInternal, reason::kHubProtocol,
                     fmt::format("HTTP {} is no answer to a request for bytes", head.status));
  }
  RETURN_IF_ERROR(CheckSize(NumberIn(head, "Content-Length"), expected));
  return uint64_t{0};
}

std::optional<WallTime> LinkExpiry(std::string_view url) {
  const absl::StatusOr<UrlParts> parts = SplitUrl(url);
  if (!parts.ok()) return std::nullopt;
  constexpr uint64_t kLatestEpoch = 7'000'000'000;  // in the year 2191
  if (const auto epoch = ParseDecimal(QueryValue(parts->query, "Expires")); epoch && *epoch < kLatestEpoch) {
    return WallTime(std::chrono::seconds(*epoch));
  }
  const auto signed_at = ParseCompactTime(QueryValue(parts->query, "X-Amz-Date"));
  const auto lifetime = ParseDecimal(QueryValue(parts->query, "X-Amz-Expires"));
  if (!signed_at || !lifetime || *lifetime > kLatestEpoch / 10) return std::nullopt;
  return *signed_at + std::chrono::seconds(*lifetime);
}

}  // namespace batuta::hub
