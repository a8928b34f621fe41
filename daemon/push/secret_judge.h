#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

#include "daemon/secrets/finding.h"
#include "daemon/secrets/ignore_list.h"

namespace batuta::push {

// What was found in the files of a push, and what of it stands in its way. What a scan of a file has left out
// is one finding, of the kind "not-listed", whose fingerprint allows the whole file.
struct SecretVerdict {
  std::vector<secrets::Finding> findings =
      {};                                // that block, by path, line, column and kind; at most kMostListed
  uint64_t findings_left_out = 0;        // that block as well, beyond that
  uint64_t allowed = 0;                  // by the caller, by `.gitleaksignore`, or by comments
  std::vector<std::string> unread = {};  // "path: why": parts that could not be looked into
  std::vector<std::string> unused_allowances = {};  // what the caller allowed and nothing was found for: a
                                                    // slip, or something that is not sent this time
  static constexpr size_t kMostListed = 1'000;

  bool blocks() const { return !findings.empty(); }
};

// OK when nothing blocks.
//   kFailedPrecondition (SECRETS_FOUND)  says how many and the first place; never anything of a secret
absl::Status StatusOf(const SecretVerdict& verdict);

// Tells which findings block. Pure; memory is bounded, whatever is found.
//
// What the caller allows is a fingerprint (`path:kind:line`), or `path:*` for all that is found in one file,
// however much. Lines of a `.gitleaksignore` are fingerprints.
class SecretJudge {
 public:
  SecretJudge(std::span<const std::string> allowances, std::string_view gitleaksignore);

  // What was found in one file. Each path once.
  void Add(std::string_view path, secrets::ScanReport report);

  // Once, last.
  SecretVerdict Finish();

 private:
  bool IsAllowed(const std::string& allowance);
  void KeepFirst();

  secrets::IgnoreList ignored_;
  std::map<std::string, bool, std::less<>> allowances_;  // → something was found for it
  SecretVerdict verdict_;
};

}  // namespace batuta::push
