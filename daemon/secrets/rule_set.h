#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/call_once.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "daemon/secrets/literal_index.h"
#include "daemon/secrets/rule.h"
#include "daemon/secrets/user_rules.h"

namespace re2 {
class RE2;
}

namespace batuta::secrets {

// A pattern of our own tables, compiled when it is first asked for: most of them never are, and all of them
// together take longer than to scan twenty megabytes. Thread-safe.
class TablePattern {
 public:
  // `text` outlives it.
  explicit TablePattern(std::string_view text);

  ~TablePattern();
  TablePattern(const TablePattern&) = delete;
  TablePattern& operator=(const TablePattern&) = delete;

  const re2::RE2& get() const;

 private:
  const std::string_view text_;
  mutable absl::once_flag once_;
  mutable std::unique_ptr<re2::RE2> compiled_;
};

struct CompiledRule {
  CompiledRule() = default;
  CompiledRule(CompiledRule&&) noexcept;
  CompiledRule& operator=(CompiledRule&&) noexcept;
  ~CompiledRule();

  // Not for kAssignment.
  const re2::RE2& pattern() const;

  Rule rule;                                          // views into the tables, or into `user`
  std::unique_ptr<const TablePattern> table_pattern;  // of our own
  std::unique_ptr<const re2::RE2> user_pattern;       // of a user's
  const UserRule* user = nullptr;                     // null for our own; owned by the RuleSet
  size_t least_bytes = 16;                            // that a value of kAfter has
};

// All rules, ready to be used. Immutable; any number of threads may use one.
class RuleSet {
 public:
  // Some milliseconds; our own rules alone are made once per process by BuiltIn().
  //   kInvalidArgument  a pattern of `user` does not compile; says which
  //   kInternal         as for LiteralIndex
  static absl::StatusOr<std::shared_ptr<const RuleSet>> Make(UserRules user);
  static absl::StatusOr<std::shared_ptr<const RuleSet>> BuiltIn();

  RuleSet(const RuleSet&) = delete;
  RuleSet& operator=(const RuleSet&) = delete;

  // A first look for all rules up to a tier.
  struct Search {
    struct Literal {
      size_t length = 0;
      std::vector<const CompiledRule*> rules;
    };

    const LiteralIndex* index = nullptr;
    std::vector<Literal> literals;                     // by the numbers of the index
    std::vector<const CompiledRule*> without_literal;  // to be tried on every block
  };

  // Those of kCertain, or all.
  const Search& SearchFor(Tier most) const { return most == Tier::kCertain ? certain_ : all_; }

  std::span<const CompiledRule> rules() const { return rules_; }

  const UserRules& user() const { return user_; }

 private:
  RuleSet() = default;

  void AddRules(std::span<const Rule> rules);
  absl::Status AddUserRules();
  absl::Status BuildSearch(Tier most, std::unique_ptr<LiteralIndex>& index, Search& search) const;

  UserRules user_;
  std::vector<CompiledRule> rules_;
  std::unique_ptr<LiteralIndex> certain_index_;
  std::unique_ptr<LiteralIndex> all_index_;
  Search certain_;
  Search all_;
};

// As rules are to be compiled: bytes, bounded memory. Null, and why, for what is no pattern.
absl::StatusOr<std::unique_ptr<re2::RE2>> CompilePattern(std::string_view pattern);

}  // namespace batuta::secrets
