#include "client/connection/exit_code.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"

namespace batuta::client {
namespace {

struct Row {
  std::string_view reason;
  int exit_code;
};

// The mask of VerifyOutcome(), and the facts by which its error is known.
constexpr int kNotAllRight = 1;
constexpr int kDamage = 8;
constexpr int kUnchecked = 16;
constexpr std::string_view kDamagedFact = "damaged_files";
constexpr std::string_view kUnreadableFact = "unreadable_files";

constexpr Row kByReason[] = {
    {reason::kInvalidRepoId, 2},
    {reason::kInvalidRevision, 2},
    {reason::kInvalidArgument, 2},
    {reason::kChoiceNeeded, 2},
    {reason::kDaemonUnreachable, 3},
    {reason::kDaemonBusy, 3},
    {reason::kDaemonMismatch, 3},
    {reason::kDaemonStopping, 3},
    {reason::kNothingSelected, 4},
    {reason::kRepoNotFound, 4},
    {reason::kRevisionNotFound, 4},
    {reason::kEntryNotFound, 4},
    {reason::kJobNotFound, 4},
    {reason::kTokenMissing, 5},
    {reason::kTokenRejected, 5},
    {reason::kRepoGated, 5},
    {reason::kRepoDisabled, 5},
    {reason::kHubForbidden, 5},
    {reason::kNotPermitted, 5},
    {reason::kHubRateLimited, 6},
    {reason::kHubUnreachable, 6},
    {reason::kLinkExpired, 6},
    {reason::kDiskFull, 7},
    {reason::kNoVariantFits, 7},
    {reason::kSecretsFound, 8},
    {reason::kNotPushable, 1},
    {reason::kFileChanged, 1},
    {reason::kRevisionMoved, 1},
    {reason::kPlanChanged, 1},
    {reason::kUnsafeContent, 8},
    {reason::kInvalidContent, 9},
    {reason::kNameConfusable, 8},
    {reason::kNamespaceNew, 8},
    {reason::kRepoReplaced, 8},
    {reason::kInvalidEtag, 9},
    {reason::kDigestMismatch, 9},
    {reason::kCatalogDamaged, 9},
    {reason::kOfflineMiss, 10},
    {reason::kHubError, 1},
    {reason::kHubProtocol, 1},
    {reason::kAnswerTooLarge, 1},
    {reason::kUpstreamChanged, 1},
    {reason::kStorageFailed, 1},
    {reason::kStorageReadOnly, 1},
    {reason::kJobFinished, 1},
    {reason::kConfigInvalid, 2},
    {reason::kCatalogNewer, 1},
    {reason::kInternal, 1},
    {reason::kReservationNotFound, 4},
    {reason::kLockMismatch, 9},
    {reason::kPinned, 1},
    {reason::kInUse, 1},
};

int ByCode(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return 0;
    case absl::StatusCode::kInvalidArgument:
      return 2;
    case absl::StatusCode::kNotFound:
      return 4;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return 5;
    case absl::StatusCode::kDataLoss:
      return 9;
    case absl::StatusCode::kCancelled:
      return 130;
    default:
      return 1;
  }
}

}  // namespace

int ExitCode(absl::StatusCode code, std::string_view reason) {
  if (code == absl::StatusCode::kOk) return 0;
  // The same reason means another thing by who is to blame: a path from a user, or a path from a hub.
  if (reason == reason::kInvalidPath) return code == absl::StatusCode::kInvalidArgument ? 2 : 9;
  if (reason == reason::kCancelled) return code == absl::StatusCode::kCancelled ? 130 : 1;
  const auto* const row = std::find_if(std::begin(kByReason), std::end(kByReason),
                                       [&](const Row& r) { return r.reason == reason; });
  return row == std::end(kByReason) ? ByCode(code) : row->exit_code;
}

int ExitCode(const absl::Status& status) {
  const Facts facts = DetailsOf(status).facts;
  const bool is_damaged = facts.count(kDamagedFact) == 1;
  const bool is_unchecked = facts.count(kUnreadableFact) == 1;
  if (is_damaged || is_unchecked)
    return kNotAllRight | (is_damaged ? kDamage : 0) | (is_unchecked ? kUnchecked : 0);
  return ExitCode(status.code(), ReasonOf(status));
}

absl::Status VerifyOutcome(uint64_t damaged_files, uint64_t unreadable_files) {
  if (damaged_files == 0 && unreadable_files == 0) return absl::OkStatus();
  Facts facts;
  std::string message = "the cache:";
  if (damaged_files > 0) {
    facts.emplace(kDamagedFact, fmt::format("{}", damaged_files));
    message +=
        fmt::format(" {} file{} damaged or missing", damaged_files, damaged_files == 1 ? " is" : "s are");
  }
  if (unreadable_files > 0) {
    facts.emplace(kUnreadableFact, fmt::format("{}", unreadable_files));
    message += fmt::format("{} {} could not be read", damaged_files > 0 ? ", and" : "", unreadable_files);
  }
  return MakeError(
      absl::StatusCode::kDataLoss, {}, message,
      damaged_files > 0 ? "batuta hf cache verify --repair" : "check the disk that holds the cache",
      std::move(facts));
}

}  // namespace batuta::client
