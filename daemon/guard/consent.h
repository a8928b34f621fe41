#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "common/types/repo_id.h"
#include "daemon/safety/base/verdict.h"

namespace batuta::guard {

// What the caller of a pull admits in spite of what the inspection finds. The default admits what is safe.
struct Consent {
  safety::Grades admitted;

  friend bool operator==(const Consent&, const Consent&) = default;
};

// `classes` are "pickle" (harmless ones, and those of which that is not known), "code", "invalid" and
// "unknown". `allow_malicious` admits all of them and what does harm when it is loaded. Nothing admits a
// bomb.
//   kInvalidArgument (INVALID_ARGUMENT)  another class.
absl::StatusOr<Consent> MakeConsent(const std::vector<std::string>& classes, bool allow_malicious);

// The same for a repo of that type: a space is code by nature.
absl::StatusOr<Consent> MakeConsent(RepoType type, std::vector<std::string> classes, bool allow_malicious);

bool Admits(const Consent& consent, const safety::Verdict& verdict);

// Why a file may not come in, and the ways out. `path`: as the repo calls it.
//   kFailedPrecondition (UNSAFE_CONTENT)  it is unsafe, or nobody knows what it is.
//   kDataLoss (INVALID_CONTENT)           it only breaks the rules of its format.
absl::Status Refusal(std::string_view path, const safety::Verdict& verdict);

// Is the error one of Refusal()?
bool IsRefusal(const absl::Status& status);

// Is it a refusal of pickles, for which there may be a copy in a format that is none?
bool IsOfPickles(const absl::Status& refusal);

// Could it be that the bytes were damaged on their way? Of a refusal: what is invalid or of no known format
// may be; what is recognised as unsafe is so.
bool MayBeDamage(const absl::Status& refusal);

// "a pickle: every import is known to be harmless", "calls posix.system (runs a command)": the finding that
// decided, in one line for a person; empty for a safe file.
std::string Explanation(const safety::Verdict& verdict);

}  // namespace batuta::guard
