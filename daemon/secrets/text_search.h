#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

#include "daemon/secrets/matcher.h"
#include "daemon/secrets/rule_set.h"

namespace batuta::secrets {

// A secret in a block of text.
struct Match {
  const CompiledRule* rule = nullptr;
  Span span;           // in the block; of what was decoded: where that stands
  std::string secret;  // as decoded
  std::string line;    // of what a user's rule found: its line
};

// Finds the secrets of one block: literals first, then patterns around them, then the same in whatever text
// stands in a coding inside of it. For one thread; memory is a few times the block.
class TextSearch {
 public:
  static constexpr int kMostDecodings = 3;  // inside each other

  static absl::StatusOr<TextSearch> Create(std::shared_ptr<const RuleSet> rules);

  // Secrets whose literal begins in `zone`, in the order of the text, none inside of another.
  std::vector<Match> Find(std::string_view text, Span zone, const Profile& profile);

 private:
  TextSearch(std::shared_ptr<const RuleSet> rules, LiteralIndex::Scratch certain, LiteralIndex::Scratch all)
      : rules_(std::move(rules)), certain_(std::move(certain)), all_(std::move(all)) {}

  void FindPlain(std::string_view text, Span zone, const Profile& profile, std::vector<Match>& matches);
  void FindDecoded(std::string_view text, Span zone, const Profile& profile, int depth,
                   std::vector<Match>& matches);
  void FindAll(std::string_view text, Span zone, const Profile& profile, int depth,
               std::vector<Match>& matches);

  std::shared_ptr<const RuleSet> rules_;
  LiteralIndex::Scratch certain_;
  LiteralIndex::Scratch all_;
};

// Of secrets that overlap, the surer one stays; of equally sure ones the longer.
void DropOverlaps(std::vector<Match>& matches);

}  // namespace batuta::secrets
