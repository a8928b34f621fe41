#pragma once

#include <string_view>

// Every reason an error of Batuta can carry. Stable: clients and scripts switch on them. The same list, with
// its prose, stands in proto/batuta/v1/error.proto; tests/structure compares the two.
namespace batuta::reason {

inline constexpr std::string_view kInvalidRepoId = "INVALID_REPO_ID";
inline constexpr std::string_view kInvalidRevision = "INVALID_REVISION";
inline constexpr std::string_view kInvalidPath = "INVALID_PATH";
inline constexpr std::string_view kInvalidEtag = "INVALID_ETAG";
inline constexpr std::string_view kInvalidArgument = "INVALID_ARGUMENT";
inline constexpr std::string_view kChoiceNeeded = "CHOICE_NEEDED";
inline constexpr std::string_view kNothingSelected = "NOTHING_SELECTED";
inline constexpr std::string_view kRepoNotFound = "REPO_NOT_FOUND";
inline constexpr std::string_view kRevisionNotFound = "REVISION_NOT_FOUND";
inline constexpr std::string_view kEntryNotFound = "ENTRY_NOT_FOUND";
inline constexpr std::string_view kJobNotFound = "JOB_NOT_FOUND";
inline constexpr std::string_view kTokenMissing = "TOKEN_MISSING";
inline constexpr std::string_view kTokenRejected = "TOKEN_REJECTED";
inline constexpr std::string_view kRepoGated = "REPO_GATED";
inline constexpr std::string_view kRepoDisabled = "REPO_DISABLED";
inline constexpr std::string_view kHubForbidden = "HUB_FORBIDDEN";
inline constexpr std::string_view kHubRateLimited = "HUB_RATE_LIMITED";
inline constexpr std::string_view kHubUnreachable = "HUB_UNREACHABLE";
inline constexpr std::string_view kHubError = "HUB_ERROR";
inline constexpr std::string_view kHubProtocol = "HUB_PROTOCOL";
inline constexpr std::string_view kAnswerTooLarge = "ANSWER_TOO_LARGE";
inline constexpr std::string_view kLinkExpired = "LINK_EXPIRED";
inline constexpr std::string_view kUpstreamChanged = "UPSTREAM_CHANGED";
inline constexpr std::string_view kDigestMismatch = "DIGEST_MISMATCH";
inline constexpr std::string_view kDiskFull = "DISK_FULL";
inline constexpr std::string_view kStorageFailed = "STORAGE_FAILED";
inline constexpr std::string_view kStorageReadOnly = "STORAGE_READ_ONLY";
inline constexpr std::string_view kUnsafeContent = "UNSAFE_CONTENT";
inline constexpr std::string_view kOfflineMiss = "OFFLINE_MISS";
inline constexpr std::string_view kCancelled = "CANCELLED";
inline constexpr std::string_view kNotPermitted = "NOT_PERMITTED";
inline constexpr std::string_view kJobFinished = "JOB_FINISHED";
inline constexpr std::string_view kDaemonUnreachable = "DAEMON_UNREACHABLE";
inline constexpr std::string_view kDaemonBusy = "DAEMON_BUSY";
inline constexpr std::string_view kDaemonMismatch = "DAEMON_MISMATCH";
inline constexpr std::string_view kDaemonStopping = "DAEMON_STOPPING";
inline constexpr std::string_view kConfigInvalid = "CONFIG_INVALID";
inline constexpr std::string_view kCatalogNewer = "CATALOG_NEWER";
inline constexpr std::string_view kCatalogDamaged = "CATALOG_DAMAGED";
inline constexpr std::string_view kInternal = "INTERNAL";
inline constexpr std::string_view kReservationNotFound = "RESERVATION_NOT_FOUND";
inline constexpr std::string_view kLockMismatch = "LOCK_MISMATCH";
inline constexpr std::string_view kPinned = "PINNED";
inline constexpr std::string_view kInUse = "IN_USE";
inline constexpr std::string_view kInvalidContent = "INVALID_CONTENT";
inline constexpr std::string_view kNameConfusable = "NAME_CONFUSABLE";
inline constexpr std::string_view kNamespaceNew = "NAMESPACE_NEW";
inline constexpr std::string_view kRepoReplaced = "REPO_REPLACED";
inline constexpr std::string_view kNoVariantFits = "NO_VARIANT_FITS";
inline constexpr std::string_view kSecretsFound = "SECRETS_FOUND";
inline constexpr std::string_view kNotPushable = "NOT_PUSHABLE";
inline constexpr std::string_view kFileChanged = "FILE_CHANGED";
inline constexpr std::string_view kRevisionMoved = "REVISION_MOVED";
inline constexpr std::string_view kPlanChanged = "PLAN_CHANGED";

}  // namespace batuta::reason
