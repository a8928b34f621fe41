#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/status/reasons.h"

// Errors of Batuta: an absl::Status whose payload carries a stable reason, a hint (the next thing to try) and
// small facts. The payload travels from where the error is born, over the wire, to the exit code of the
// client.
namespace batuta {

// Facts are short `name → value` strings ("needed_bytes" → "4976698672"), ≤ 1 KiB together, never a secret or
// a signed URL.
using Facts = std::map<std::string, std::string, std::less<>>;

// What the payload of a Status says.
struct ErrorDetails {
  std::string reason;  // one of batuta::reason, or empty
  std::string hint;    // may be empty
  Facts facts;
};

// `message` says what went wrong and on what. `hint` says what to do next; left empty, an error that comes
// from outside (the hub, the disk) gets the usual one of its reason.
absl::Status MakeError(absl::StatusCode code, std::string_view reason, std::string_view message,
                       std::string_view hint = {}, Facts facts = {});

// Empty details when the status is OK or foreign.
ErrorDetails DetailsOf(const absl::Status& status);
std::string ReasonOf(const absl::Status& status);
std::string HintOf(const absl::Status& status);

// status.message() as std::string_view.
std::string_view MessageOf(const absl::Status& status);

// Puts `context: ` before the message and keeps code and payload. OK stays OK.
absl::Status Annotate(const absl::Status& status, std::string_view context);

// The same error with one more fact.
absl::Status WithFact(absl::Status status, std::string_view name, std::string_view value);

// How long the server asked us to wait, when it did (fact "retry_after_ms").
std::optional<std::chrono::milliseconds> RetryAfterOf(const absl::Status& status);
absl::Status WithRetryAfter(absl::Status status, std::chrono::milliseconds delay);

// May the same call succeed later without anybody changing anything? True for HUB_UNREACHABLE,
// HUB_RATE_LIMITED, LINK_EXPIRED and UPSTREAM_CHANGED.
bool IsTransient(const absl::Status& status);

// The Status of a failed system call: ENOSPC and EDQUOT → kResourceExhausted (DISK_FULL), EROFS, EACCES and
// EPERM → kPermissionDenied (STORAGE_READ_ONLY), ENOENT → kNotFound (no reason), EEXIST → kAlreadyExists,
// others → kUnavailable (STORAGE_FAILED). `what` names the call and the path. The number itself is the fact
// "errno", for callers that fall back on EXDEV or EMLINK.
absl::Status ErrnoError(int error_number, std::string_view what);

}  // namespace batuta

#define BATUTA_STATUS_CONCAT_INNER(a, b) a##b
#define BATUTA_STATUS_CONCAT(a, b) BATUTA_STATUS_CONCAT_INNER(a, b)

#define RETURN_IF_ERROR(expression)                                                 \
  do {                                                                              \
    if (absl::Status status_macro_value = (expression); !status_macro_value.ok()) { \
      return status_macro_value;                                                    \
    }                                                                               \
  } while (false)

// NOLINTBEGIN(bugprone-macro-parentheses): a declaration in parentheses is none.
#define ASSIGN_OR_RETURN(declaration, expression) \
  ASSIGN_OR_RETURN_INNER(BATUTA_STATUS_CONCAT(status_or_value_, __LINE__), declaration, expression)
#define ASSIGN_OR_RETURN_INNER(temporary, declaration, expression) \
  auto temporary = (expression);                                   \
  if (!temporary.ok()) return temporary.status();                  \
  declaration = *std::move(temporary)
// NOLINTEND(bugprone-macro-parentheses)
