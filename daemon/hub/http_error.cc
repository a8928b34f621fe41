#include "daemon/hub/http_error.h"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/hub/json_reader.h"
#include "daemon/hub/wire_time.h"
#include "daemon/transport/header_fields.h"

namespace batuta::hub {
namespace {

using absl::StatusCode;
using std::chrono::milliseconds;

constexpr std::string_view kBadCredentials = "Invalid credentials in Authorization header";
constexpr std::string_view kDisabled = "Access to this resource is disabled.";
constexpr std::string_view kLogInHint = "log in with `batuta hf login`, or set HF_TOKEN";
constexpr size_t kMaxWordsBytes = 300;
constexpr uint64_t kLongestWaitSeconds = 86'400;

std::string_view HeaderOr(const transport::HttpHead& head, std::string_view name) {
  return head.Find(name).value_or(std::string_view());
}

void AddSentence(std::vector<std::string>& sentences, std::string_view text) {
  text = transport::Trimmed(text);
  if (text.empty() || std::find(sentences.begin(), sentences.end(), text) != sentences.end()) return;
  sentences.emplace_back(text);
}

// The sentences of an error body, in whichever of its forms; a page meant for a browser says nothing.
void AddBodySentences(std::vector<std::string>& sentences, std::string_view body) {
  body = transport::Trimmed(body);
  if (body.empty() || body.front() == '<') return;
  if (body.front() != '{') {
    AddSentence(sentences, body);
    return;
  }
  const auto object = ReadObject(body, JsonBounds{.max_values = 1'000});
  if (!object.ok()) return;
  for (const std::string& text : StringsMember(*object, "error", 8)) AddSentence(sentences, text);
  AddSentence(sentences, StringMember(*object, "error_description"));
  const nlohmann::json& errors = Member(*object, "errors");
  if (!errors.is_array()) return;
  for (const nlohmann::json& error : errors) AddSentence(sentences, StringMember(error, "message"));
}

std::string CutOut(std::string text, std::string_view secret) {
  if (secret.empty()) return text;
  for (size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at)) {
    text.replace(at, secret.size(), "[redacted]");
    at += std::string_view("[redacted]").size();
  }
  return text;
}

// One refusal and what is known about it.
struct Refusal {
  const transport::HttpHead& head;
  const Asked& asked;
  std::string words;  // of the hub: printable and bounded; may be empty
  bool says_bad_credentials = false;
  bool says_disabled = false;
};

Refusal Understand(const transport::HttpHead& head, std::string_view body, const Asked& asked) {
  std::vector<std::string> sentences;
  AddSentence(sentences, HeaderOr(head, "X-Error-Message"));
  AddBodySentences(sentences, body);

  Refusal refusal{head, asked, {}};
  std::string words;
  for (const std::string& sentence : sentences) {
    refusal.says_bad_credentials |= sentence == kBadCredentials;
    refusal.says_disabled |= sentence == kDisabled;
    words += words.empty() ? sentence : "; " + sentence;
  }
  if (asked.token != nullptr) words = CutOut(std::move(words), asked.token->Reveal());
  if (!words.empty()) refusal.words = Quoted(words, kMaxWordsBytes);
  return refusal;
}

absl::Status Make(const Refusal& refusal, StatusCode code, std::string_view reason,
                  std::string_view what_happened, std::string_view hint = {}) {
  std::string message = fmt::format("{}: {}", refusal.asked.what, what_happened);
  if (!refusal.words.empty()) message += fmt::format(" (the hub says {})", refusal.words);
  return MakeError(code, reason, message, hint, {{"http_status", fmt::format("{}", refusal.head.status)}});
}

absl::Status RevisionNotFound(const Refusal& refusal) {
  return Make(refusal, StatusCode::kNotFound, reason::kRevisionNotFound, "no such revision",
              "name an existing branch, tag or full commit with --revision; `main` is the default");
}

absl::Status EntryNotFound(const Refusal& refusal) {
  return Make(refusal, StatusCode::kNotFound, reason::kEntryNotFound, "no such file in this revision",
              "list what there is with `batuta hf files`");
}

absl::Status Gated(const Refusal& refusal) {
  std::string hint = "ask for access on the repo's page";
  if (!refusal.asked.page.empty()) hint = fmt::format("ask for access at {}", refusal.asked.page);
  if (!refusal.asked.with_token) hint += fmt::format(", then {}", kLogInHint);
  return Make(refusal, StatusCode::kPermissionDenied, reason::kRepoGated,
              refusal.asked.with_token
                  ? "this repo is gated, and the owner of the token has not been granted access"
                  : "this repo is gated: its files are served only to people who were granted access",
              hint);
}

absl::Status RepoNotFound(const Refusal& refusal) {
  if (refusal.asked.with_token) {
    return Make(
        refusal, StatusCode::kNotFound, reason::kRepoNotFound,
        "no such repo, or not one that this token may see",
        "check the spelling of the id and its type (model, dataset, space), and whose token is in use: "
        "`batuta hf whoami`");
  }
  return Make(
      refusal, StatusCode::kNotFound, reason::kRepoNotFound, "no such repo, or a private one",
      fmt::format("check the spelling of the id and its type (model, dataset, space); if it is private, {}",
                  kLogInHint));
}

absl::Status TokenRejected(const Refusal& refusal) {
  return Make(refusal, StatusCode::kUnauthenticated, reason::kTokenRejected,
              "the hub does not accept the token",
              fmt::format("it may be revoked, expired or mistyped: {}", kLogInHint));
}

absl::Status Unauthorized(const Refusal& refusal) {
  if (refusal.says_bad_credentials) return TokenRejected(refusal);
  // The hub hides whether a repo exists from those who may not know.
  if (refusal.asked.kind != Asked::Kind::kOther) return RepoNotFound(refusal);
  if (refusal.asked.with_token) return TokenRejected(refusal);
  return Make(refusal, StatusCode::kUnauthenticated, reason::kTokenMissing, "the hub wants a token for this",
              kLogInHint);
}

absl::Status NotFoundWithoutCode(const Refusal& refusal) {
  switch (refusal.asked.kind) {
    case Asked::Kind::kRepo:
      return RepoNotFound(refusal);
    case Asked::Kind::kRevision:
      return RevisionNotFound(refusal);
    case Asked::Kind::kFile:
      return EntryNotFound(refusal);
    case Asked::Kind::kOther:
      break;
  }
  return Make(refusal, StatusCode::kInternal, reason::kHubError, "the hub answered HTTP 404",
              "check the endpoint (HF_ENDPOINT): it may not be a hub");
}

absl::Status Unreachable(const Refusal& refusal, WallTime now) {
  absl::Status status =
      Make(refusal, StatusCode::kUnavailable, reason::kHubUnreachable,
           fmt::format("the {} answered HTTP {}", refusal.asked.on_endpoint ? "hub" : "file server",
                       refusal.head.status));
  const auto delay = RetryAfter(refusal.head, now);
  return delay ? WithRetryAfter(std::move(status), *delay) : status;
}

absl::Status RateLimited(const Refusal& refusal, WallTime now) {
  std::string hint;
  if (refusal.asked.on_endpoint && !refusal.asked.with_token) {
    hint = fmt::format("a token raises the limit: {}", kLogInHint);
  }
  absl::Status status = Make(refusal, StatusCode::kResourceExhausted, reason::kHubRateLimited,
                             "too many requests for the present", hint);
  const auto delay = RetryAfter(refusal.head, now);
  return delay ? WithRetryAfter(std::move(status), *delay) : status;
}

absl::Status Forbidden(const Refusal& refusal) {
  if (!refusal.asked.on_endpoint) {
    return Make(refusal, StatusCode::kPermissionDenied, reason::kHubForbidden,
                fmt::format("the file server refused a link that the hub had just made (HTTP {})",
                            refusal.head.status),
                "check the clock of this machine, and proxies on the way");
  }
  return Make(refusal, StatusCode::kPermissionDenied, reason::kHubForbidden,
              fmt::format("the hub refused (HTTP {})", refusal.head.status),
              refusal.asked.with_token
                  ? "the token may lack a right that this needs: `batuta hf whoami` shows its role"
                  : std::string(kLogInHint));
}

// What the status alone says, where the hub gave no code.
absl::Status ByStatus(const Refusal& refusal, WallTime now) {
  const int status = refusal.head.status;
  if (status == 403 || status == 451) return Forbidden(refusal);
  if (status == 429) return RateLimited(refusal, now);
  if (status == 408 || status >= 500) return Unreachable(refusal, now);
  if (status == 416) {
    return Make(refusal, StatusCode::kAborted, reason::kUpstreamChanged,
                "the file is shorter than the hub said");
  }
  if (status == 412) {
    return Make(refusal, StatusCode::kAborted, reason::kRevisionMoved,
                "the branch does not stand where it stood",
                "push again: the plan is made against what is there now");
  }
  if (status == 409)
    return Make(refusal, StatusCode::kAlreadyExists, reason::kHubError, "the hub answered HTTP 409");
  const bool is_our_question = status == 400 || status == 413 || status == 422;
  return Make(
      refusal, is_our_question ? StatusCode::kInvalidArgument : StatusCode::kInternal, reason::kHubError,
      fmt::format("the {} answered HTTP {}", refusal.asked.on_endpoint ? "hub" : "file server", status));
}

// `t` of a `RateLimit: "bucket";r=0;t=189` header.
std::optional<uint64_t> SecondsUntilReset(std::string_view header) {
  std::optional<uint64_t> remaining;
  std::optional<uint64_t> reset;
  while (!header.empty()) {
    const size_t end = std::min(header.find(';'), header.size());
    const std::string_view part = transport::Trimmed(header.substr(0, end));
    if (part.starts_with("r=")) remaining = ParseDecimal(part.substr(2));
    if (part.starts_with("t=")) reset = ParseDecimal(part.substr(2));
    header.remove_prefix(std::min(end + 1, header.size()));
  }
  if (remaining != std::optional<uint64_t>(0)) return std::nullopt;
  return reset;
}

}  // namespace

absl::Status HttpError(const transport::HttpHead& head, std::string_view body, const Asked& asked,
                       WallTime now) {
  const Refusal refusal = Understand(head, body, asked);
  if (!asked.on_endpoint) return ByStatus(refusal, now);

  const std::string_view code = HeaderOr(head, "X-Error-Code");
  if (code == "RevisionNotFound") return RevisionNotFound(refusal);
  if (code == "EntryNotFound") return EntryNotFound(refusal);
  if (code == "GatedRepo") return Gated(refusal);
  if (refusal.says_disabled) {
    return Make(refusal, StatusCode::kPermissionDenied, reason::kRepoDisabled,
                "the hub has disabled this repo");
  }
  if (code == "RepoNotFound") return RepoNotFound(refusal);
  if (head.status == 401) return Unauthorized(refusal);
  if (head.status == 404) return NotFoundWithoutCode(refusal);
  return ByStatus(refusal, now);
}

std::optional<milliseconds> RetryAfter(const transport::HttpHead& head, WallTime now) {
  if (const auto delay = transport::ParseRetryAfter(HeaderOr(head, "Retry-After"), now)) return delay;
  const std::optional<uint64_t> seconds = SecondsUntilReset(HeaderOr(head, "RateLimit"));
  if (!seconds) return std::nullopt;
  return std::chrono::seconds(std::min(*seconds, kLongestWaitSeconds));
}

}  // namespace batuta::hub
