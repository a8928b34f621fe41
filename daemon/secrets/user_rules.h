#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace re2 {
class RE2;
}

namespace batuta::secrets {

// What is no finding of a user's rule.
struct UserAllowance {
  enum class Target { kSecret, kMatch, kLine };

  UserAllowance();
  UserAllowance(UserAllowance&&) noexcept;
  UserAllowance& operator=(UserAllowance&&) noexcept;
  ~UserAllowance();

  std::vector<std::unique_ptr<re2::RE2>> paths;
  std::vector<std::unique_ptr<re2::RE2>> regexes;
  std::vector<std::string> stopwords;  // in lower case
  Target target = Target::kSecret;
  bool needs_all = false;          // every kind of check that is there, else one
  std::vector<std::string> rules;  // that it is for; empty: all of the file
};

// A rule that a user brought, as gitleaks describes it.
struct UserRule {
  UserRule();
  UserRule(UserRule&&) noexcept;
  UserRule& operator=(UserRule&&) noexcept;
  ~UserRule();

  std::string id;
  std::string description;
  std::string pattern;   // RE2
  std::string keywords;  // in lower case, separated by `|`
  int group = 0;         // that holds the secret; 0: the first that is not empty, or everything
  double entropy = 0;    // the secret must have more; 0: not asked
  std::unique_ptr<re2::RE2> path;
  std::vector<UserAllowance> allowances;
};

// The rules of a gitleaks file, in addition to our own: it cannot switch those off.
struct UserRules {
  UserRules();
  UserRules(UserRules&&) noexcept;
  UserRules& operator=(UserRules&&) noexcept;
  ~UserRules();

  // Does what they find depend on where a file lies?
  bool look_at_paths() const;

  std::vector<UserRule> rules;
  std::vector<UserAllowance> allowances;  // for all of them
  std::vector<std::string> warnings;      // what of the file is not supported, for a person
};

// Reads a gitleaks TOML (`.gitleaks.toml`). What is not supported is left out, with a warning.
//   kInvalidArgument  no TOML, or a rule that makes no sense: says which and why
absl::StatusOr<UserRules> ParseGitleaksToml(std::string_view text);

// Is what was found no finding? `match` holds the secret, `line` the match.
bool IsAllowed(const UserRules& rules, const UserRule& rule, std::string_view path, std::string_view secret,
               std::string_view match, std::string_view line);

}  // namespace batuta::secrets
