#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"

#include "daemon/secrets/checks.h"
#include "daemon/secrets/rule_set.h"

namespace batuta::secrets {

// How a text is looked at, by what kind of file it is from.
struct Profile {
  Tier most = Tier::kPossible;
  bool has_bare_values = true;  // configuration: a value need not stand in quotes
  bool decodes = true;          // look for text inside of text
};

// The longest that a match reaches behind its literal, but for private keys; and before it.
inline constexpr size_t kReachBytes = 32 << 10;
inline constexpr size_t kLeadBytes = 1 << 10;

// Where the literal of a rule was found in `text`: tells each secret there. Pure.
void MatchAround(const CompiledRule& rule, std::string_view text, Span literal, const Profile& profile,
                 absl::FunctionRef<void(Span secret)> found);

// A user's rule on a whole block; matches that begin in `zone` count.
void MatchEverywhere(const CompiledRule& rule, std::string_view text, Span zone,
                     absl::FunctionRef<void(Span secret, Span match)> found);

// The value that is assigned to a name of which `word` is a part; nothing where none is, or where only
// quoted values count and it is bare.
std::optional<Span> FindAssignedValue(std::string_view text, Span word, bool has_bare_values);

}  // namespace batuta::secrets
