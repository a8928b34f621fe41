#include "common/status/status.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <iterator>
#include <system_error>
#include <utility>

#include "absl/strings/cord.h"
#include <fmt/format.h>

namespace batuta {
namespace {

constexpr char kTypeUrl[] = "type.batuta.dev/error-details";

// The details travel in HTTP/2 headers, so they are kept small: an oversized hint is cut, an oversized fact
// left out.
constexpr size_t kMaxReasonBytes = 64;
constexpr size_t kMaxHintBytes = 2048;
constexpr size_t kMaxFactsBytes = 1024;
constexpr size_t kMaxFactCount = 64;
constexpr size_t kMaxPayloadBytes = 8192;
constexpr char kFormatVersion = 1;

constexpr std::string_view kRetryAfterFact = "retry_after_ms";

absl::string_view ToAbsl(std::string_view text) {
  return absl::string_view(text.data(), text.size());
}

// The payload: a version byte, then strings, each after its length in four bytes, little endian: the reason,
// the hint, and name and value of each fact.
void AppendString(std::string& out, std::string_view text) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>((text.size() >> shift) & 0xff);
  out += text;
}

std::optional<std::string> TakeString(std::string_view& in) {
  if (in.size() < 4) return std::nullopt;
  size_t length = 0;
  for (size_t i = 0; i < 4; ++i) length |= static_cast<size_t>(static_cast<unsigned char>(in[i])) << (8 * i);
  in.remove_prefix(4);
  if (length > in.size()) return std::nullopt;
  std::string text(in.substr(0, length));
  in.remove_prefix(length);
  return text;
}

std::string_view CutUtf8(std::string_view text, size_t limit) {
  if (text.size() <= limit) return text;
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xc0) == 0x80) --limit;
  return text.substr(0, limit);
}

std::string Encode(const ErrorDetails& details) {
  std::string out(1, kFormatVersion);
  AppendString(out, CutUtf8(details.reason, kMaxReasonBytes));
  AppendString(out, CutUtf8(details.hint, kMaxHintBytes));
  size_t bytes = 0;
  size_t count = 0;
  for (const auto& [name, value] : details.facts) {
    if (count == kMaxFactCount || name.size() + value.size() > kMaxFactsBytes - bytes) continue;
    bytes += name.size() + value.size();
    ++count;
    AppendString(out, name);
    AppendString(out, value);
  }
  return out;
}

std::optional<ErrorDetails> Decode(std::string_view in) {
  if (in.empty() || in.size() > kMaxPayloadBytes || in.front() != kFormatVersion) return std::nullopt;
  in.remove_prefix(1);
  ErrorDetails details;
  std::optional<std::string> reason = TakeString(in);
  if (!reason) return std::nullopt;
  std::optional<std::string> hint = TakeString(in);
  if (!hint) return std::nullopt;
  details.reason = *std::move(reason);
  details.hint = *std::move(hint);
  while (!in.empty()) {
    std::optional<std::string> name = TakeString(in);
    if (!name) return std::nullopt;
    std::optional<std::string> value = TakeString(in);
    if (!value) return std::nullopt;
    details.facts.insert_or_assign(*std::move(name), *std::move(value));
  }
  return details;
}

void SetDetails(absl::Status& status, const ErrorDetails& details) {
  status.SetPayload(kTypeUrl, absl::Cord(Encode(details)));
}

struct ErrnoMeaning {
  absl::StatusCode code;
  std::string_view reason;
  std::string_view hint;
};

ErrnoMeaning MeaningOf(int error_number) {
  switch (error_number) {
    case ENOSPC:
      return {absl::StatusCode::kResourceExhausted, reason::kDiskFull,
              "free space on that disk, then try again"};
    case EDQUOT:
      return {absl::StatusCode::kResourceExhausted, reason::kDiskFull,
              "free space within your quota on that disk, then try again"};
    case EROFS:
    case EACCES:
    case EPERM:
      return {absl::StatusCode::kPermissionDenied, reason::kStorageReadOnly,
              "check the owner, the permissions and the mount options of that path"};
    case ENOENT:
      return {absl::StatusCode::kNotFound, {}, {}};
    case EEXIST:
      return {absl::StatusCode::kAlreadyExists, {}, {}};
    default:
      return {absl::StatusCode::kUnavailable, reason::kStorageFailed, {}};
  }
}

// What to try when the one who says no knows nothing better; for errors that come from outside.
std::string_view UsualHint(std::string_view reason) {
  constexpr std::pair<std::string_view, std::string_view> kHints[] = {
      {reason::kHubUnreachable,
       "check network, proxy and HF_ENDPOINT; a pull that may wait tries again by itself"},
      {reason::kHubRateLimited, "try again later; a pull that may wait goes on by itself"},
      {reason::kHubError, "check HF_ENDPOINT, and try again later: the hub may be in trouble"},
      {reason::kHubProtocol, "check HF_ENDPOINT and proxies: something else than the hub may have answered"},
      {reason::kAnswerTooLarge, "check HF_ENDPOINT and proxies: no hub answers like that"},
      {reason::kLinkExpired, "try again, and check the clock of this machine"},
      {reason::kUpstreamChanged, "try again, or name a commit with --revision"},
      {reason::kStorageFailed, "look at the kernel's log: the disk reported an error"},
  };
  const auto* const row = std::find_if(std::begin(kHints), std::end(kHints),
                                       [&](const auto& pair) { return pair.first == reason; });
  return row == std::end(kHints) ? std::string_view() : row->second;
}

}  // namespace

absl::Status MakeError(absl::StatusCode code, std::string_view reason, std::string_view message,
                       std::string_view hint, Facts facts) {
  // An error that says OK would be dropped on the floor by everyone who checks ok().
  if (code == absl::StatusCode::kOk) code = absl::StatusCode::kInternal;
  if (hint.empty()) hint = UsualHint(reason);
  absl::Status status(code, ToAbsl(message));
  if (!reason.empty() || !hint.empty() || !facts.empty()) {
    SetDetails(status, {std::string(reason), std::string(hint), std::move(facts)});
  }
  return status;
}

ErrorDetails DetailsOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kTypeUrl);
  if (!payload.has_value() || payload->size() > kMaxPayloadBytes) return {};
  return Decode(std::string(*payload)).value_or(ErrorDetails{});
}

std::string ReasonOf(const absl::Status& status) {
  return DetailsOf(status).reason;
}

std::string HintOf(const absl::Status& status) {
  return DetailsOf(status).hint;
}

std::string_view MessageOf(const absl::Status& status) {
  return std::string_view(status.message().data(), status.message().size());
}

absl::Status Annotate(const absl::Status& status, std::string_view context) {
  if (status.ok() || context.empty()) return status;
  absl::Status annotated(status.code(), fmt::format("{}: {}", context, MessageOf(status)));
  status.ForEachPayload(
      [&annotated](absl::string_view url, const absl::Cord& payload) { annotated.SetPayload(url, payload); });
  return annotated;
}

absl::Status WithFact(absl::Status status, std::string_view name, std::string_view value) {
  if (status.ok()) return status;
  ErrorDetails details = DetailsOf(status);
  details.facts.insert_or_assign(std::string(name), std::string(value));
  SetDetails(status, details);
  return status;
}

std::optional<std::chrono::milliseconds> RetryAfterOf(const absl::Status& status) {
  const ErrorDetails details = DetailsOf(status);
  const auto fact = details.facts.find(kRetryAfterFact);
  if (fact == details.facts.end()) return std::nullopt;
  const std::string& text = fact->second;
  int64_t millis = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), millis);
  if (error != std::errc() || end != text.data() + text.size() || millis < 0) return std::nullopt;
  return std::chrono::milliseconds(millis);
}

absl::Status WithRetryAfter(absl::Status status, std::chrono::milliseconds delay) {
  return WithFact(std::move(status), kRetryAfterFact, fmt::format("{}", delay.count()));
}

bool IsTransient(const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  return reason == reason::kHubUnreachable || reason == reason::kHubRateLimited ||
         reason == reason::kLinkExpired || reason == reason::kUpstreamChanged;
}

absl::Status ErrnoError(int error_number, std::string_view what) {
  const ErrnoMeaning meaning = MeaningOf(error_number);
  return MakeError(meaning.code, meaning.reason,
                   fmt::format("{}: {}", what, std::generic_category().message(error_number)), meaning.hint,
                   {{"errno", fmt::format("{}", error_number)}});
}

}  // namespace batuta
