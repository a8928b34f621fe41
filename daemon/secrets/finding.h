#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/secrets/rule.h"

namespace batuta::secrets {

// "certain", "likely", "possible".
std::string_view ToString(Tier tier);

// One suspected secret. Nothing in it is the secret, or would help to find it.
struct Finding {
  std::string path;         // as the file was called; of a member: "outer.zip!inner/file"
  uint64_t line = 1;        // counted from 1, after UTF-16 and compression are undone
  uint64_t column = 1;      // in bytes, from 1
  std::string kind;         // id of its rule
  std::string description;  // of the rule
  Tier tier = Tier::kCertain;
  std::string excerpt;      // redacted: "hf_…9x (37 characters)"
  std::string fingerprint;  // "path:kind:line", as gitleaks writes it

  friend bool operator==(const Finding&, const Finding&) = default;
};

inline constexpr size_t kMostFindings = 100;  // of one file

struct ScanReport {
  std::vector<Finding> findings;    // by path, line, column and kind
  uint64_t findings_left_out = 0;   // beyond kMostFindings
  uint64_t allowed = 0;             // by comments beside them, or by a user's own rules
  std::vector<std::string> unread;  // "path: why": parts that could not be looked into
};

// What may be shown of a secret: the part that all of its kind begin with, its last two characters when it is
// long, its length. Pure.
std::string Redacted(const Rule& rule, std::string_view secret);

std::string FingerprintOf(std::string_view path, std::string_view kind, uint64_t line);

}  // namespace batuta::secrets
