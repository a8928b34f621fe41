#include "daemon/secrets/rule_set.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <re2/re2.h>

#include "common/status/status.h"

namespace batuta::secrets {
namespace {

constexpr int64_t kPatternMemoryBytes = 16 << 20;

bool IsAnyCase(Place place) {
  return place == Place::kAfter || place == Place::kAssignment || place == Place::kAnywhere;
}

// Of a pattern with one counted part, that count; of any other, `least`.
size_t LeastBytes(std::string_view pattern, size_t least) {
  const size_t open = pattern.find('{');
  if (open == std::string_view::npos || pattern.find('{', open + 1) != std::string_view::npos) return least;
  size_t count = 0;
  for (size_t i = open + 1; i < pattern.size() && pattern[i] >= '0' && pattern[i] <= '9'; ++i) {
    count = count * 10 + static_cast<size_t>(pattern[i] - '0');
  }
  return std::max(count, least);
}

re2::RE2::Options PatternOptions() {
  re2::RE2::Options options;
  options.set_encoding(re2::RE2::Options::EncodingLatin1);
  options.set_log_errors(false);
  options.set_max_mem(kPatternMemoryBytes);
  return options;
}

template <typename Use>
void ForEachLiteral(std::string_view literals, Use use) {
  while (!literals.empty()) {
    const size_t end = std::min(literals.find('|'), literals.size());
    use(literals.substr(0, end));
    literals.remove_prefix(std::min(literals.size(), end + 1));
  }
}

}  // namespace

CompiledRule::CompiledRule(CompiledRule&&) noexcept = default;
CompiledRule& CompiledRule::operator=(CompiledRule&&) noexcept = default;
CompiledRule::~CompiledRule() = default;

const re2::RE2& CompiledRule::pattern() const {
  return table_pattern != nullptr ? table_pattern->get() : *user_pattern;
}

TablePattern::TablePattern(std::string_view text) : text_(text) {}

TablePattern::~TablePattern() = default;

const re2::RE2& TablePattern::get() const {
  absl::call_once(once_, [this] {
    compiled_ = std::make_unique<re2::RE2>(re2::StringPiece(text_.data(), text_.size()), PatternOptions());
  });
  return *compiled_;
}

absl::StatusOr<std::unique_ptr<re2::RE2>> CompilePattern(std::string_view pattern) {
  auto compiled =
      std::make_unique<re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), PatternOptions());
  if (!compiled->ok()) return absl::InvalidArgumentError(compiled->error());
  return compiled;
}

absl::StatusOr<std::shared_ptr<const RuleSet>> RuleSet::Make(UserRules user) {
  std::shared_ptr<RuleSet> set(new RuleSet);
  set->user_ = std::move(user);
  for (const std::span<const Rule> table :
       {MachineLearningRules(), CloudRules(), ServiceRules(), StructureRules()}) {
    set->AddRules(table);
  }
  RETURN_IF_ERROR(set->AddUserRules());
  RETURN_IF_ERROR(set->BuildSearch(Tier::kCertain, set->certain_index_, set->certain_));
  RETURN_IF_ERROR(set->BuildSearch(Tier::kPossible, set->all_index_, set->all_));
  return set;
}

absl::StatusOr<std::shared_ptr<const RuleSet>> RuleSet::BuiltIn() {
  static const auto* const built = new absl::StatusOr<std::shared_ptr<const RuleSet>>(Make({}));
  return *built;
}

void RuleSet::AddRules(std::span<const Rule> rules) {
  for (const Rule& rule : rules) {
    CompiledRule& compiled = rules_.emplace_back();
    compiled.rule = rule;
    if (rule.pattern.empty()) continue;
    compiled.table_pattern = std::make_unique<TablePattern>(rule.pattern);
    if (rule.place == Place::kAfter) compiled.least_bytes = LeastBytes(rule.pattern, compiled.least_bytes);
  }
}

absl::Status RuleSet::AddUserRules() {
  for (const UserRule& user : user_.rules) {
    if (user.pattern.empty()) continue;
    CompiledRule& compiled = rules_.emplace_back();
    compiled.user = &user;
    compiled.rule = {.id = user.id,
                     .description = user.description,
                     .tier = Tier::kPossible,
                     .place = Place::kAnywhere,
                     .literals = user.keywords,
                     .pattern = user.pattern};
    absl::StatusOr<std::unique_ptr<re2::RE2>> pattern = CompilePattern(user.pattern);
    if (!pattern.ok()) {
      return absl::InvalidArgumentError(
          fmt::format("rule {}: {}", user.id, std::string(pattern.status().message())));
    }
    compiled.user_pattern = *std::move(pattern);
  }
  return absl::OkStatus();
}

absl::Status RuleSet::BuildSearch(Tier most, std::unique_ptr<LiteralIndex>& index, Search& search) const {
  std::map<std::pair<std::string, bool>, std::vector<const CompiledRule*>> uses;
  for (const CompiledRule& compiled : rules_) {
    const Rule& rule = compiled.rule;
    if (rule.tier > most) continue;
    if (rule.literals.empty()) search.without_literal.push_back(&compiled);
    ForEachLiteral(rule.literals, [&](std::string_view literal) {
      uses[{std::string(literal), IsAnyCase(rule.place)}].push_back(&compiled);
    });
  }
  std::vector<LiteralIndex::Literal> literals;
  for (auto& [literal, rules] : uses) {
    literals.push_back({.text = literal.first, .any_case = literal.second});
    search.literals.push_back({.length = literal.first.size(), .rules = std::move(rules)});
  }
  ASSIGN_OR_RETURN(LiteralIndex built, LiteralIndex::Build(literals));
  index = std::make_unique<LiteralIndex>(std::move(built));
  search.index = index.get();
  return absl::OkStatus();
}

}  // namespace batuta::secrets
