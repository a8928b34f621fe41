#pragma once

#include <string>
#include <string_view>

#include "absl/container/flat_hash_set.h"

#include "daemon/secrets/finding.h"

namespace batuta::secrets {

// Findings that somebody has looked at and let be: the lines of a `.gitleaksignore`. Each is a fingerprint,
// `path:kind:line`, also with a commit before it; `#` begins a comment. Immutable.
class IgnoreList {
 public:
  IgnoreList() = default;

  static IgnoreList Parse(std::string_view text);

  bool Has(const Finding& finding) const { return fingerprints_.contains(finding.fingerprint); }

  // Takes out of a report what is listed; answers how many.
  uint64_t Remove(ScanReport& report) const;

 private:
  absl::flat_hash_set<std::string> fingerprints_;
};

// Does a line say that what stands on it is no secret: `batuta:allow-secret`, `gitleaks:allow`,
// `trufflehog:ignore`, `pragma: allowlist secret`?
bool HasAllowComment(std::string_view line);

}  // namespace batuta::secrets
