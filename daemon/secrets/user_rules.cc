#include "daemon/secrets/user_rules.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <re2/re2.h>
#include <toml++/toml.h>

#include "common/status/status.h"
#include "daemon/secrets/randomness.h"
#include "daemon/secrets/rule_set.h"

namespace batuta::secrets {
namespace {

constexpr size_t kMostRules = 2000;

std::string Lowered(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return lowered;
}

absl::Status Wrong(std::string_view where, std::string_view why) {
  return absl::InvalidArgumentError(fmt::format("{}: {}", where, why));
}

bool Contains(const re2::RE2& pattern, std::string_view text) {
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), pattern);
}

// The texts of a list; a single text counts as a list of one.
std::vector<std::string> Texts(const toml::table& table, std::string_view key) {
  std::vector<std::string> texts;
  if (const auto one = table[key].value<std::string>()) texts.push_back(*one);
  if (const toml::array* list = table[key].as_array(); list != nullptr) {
    for (const toml::node& item : *list) {
      if (const auto text = item.value<std::string>()) texts.push_back(*text);
    }
  }
  return texts;
}

// Tables under a key, be it one or a list of them.
std::vector<const toml::table*> Tables(const toml::table& table, std::string_view key) {
  std::vector<const toml::table*> tables;
  if (const toml::table* one = table[key].as_table(); one != nullptr) tables.push_back(one);
  if (const toml::array* list = table[key].as_array(); list != nullptr) {
    for (const toml::node& item : *list) {
      if (item.is_table()) tables.push_back(item.as_table());
    }
  }
  return tables;
}

class Parser {
 public:
  absl::StatusOr<UserRules> Parse(std::string_view text) {
    toml::table file;
    try {
      file = toml::parse(text);
    } catch (const toml::parse_error& error) {
      return Wrong(fmt::format("line {}", error.source().begin.line), error.description());
    }
    WarnOfExtension(file);
    for (const toml::table* table : Tables(file, "rules")) RETURN_IF_ERROR(AddRule(*table));
    for (const std::string_view key : {"allowlist", "allowlists"}) {
      for (const toml::table* table : Tables(file, key)) {
        ASSIGN_OR_RETURN(UserAllowance allowance, ParseAllowance(*table, "allowlist"));
        allowance.rules = Texts(*table, "targetRules");
        rules_.allowances.push_back(std::move(allowance));
      }
    }
    return std::move(rules_);
  }

 private:
  void Warn(std::string text) { rules_.warnings.push_back(std::move(text)); }

  void WarnOfExtension(const toml::table& file) {
    const toml::table* extend = file["extend"].as_table();
    if (extend == nullptr) return;
    if (extend->contains("path")) Warn("extend.path is not followed: name that file itself");
    if (extend->contains("url")) Warn("extend.url is not followed");
    if (extend->contains("disabledRules")) Warn("extend.disabledRules: the built-in rules stay");
  }

  absl::Status AddRule(const toml::table& table) {
    UserRule rule;
    rule.id = table["id"].value_or(std::string());
    if (rule.id.empty()) return Wrong("a rule", "it has no id");
    const std::string where = fmt::format("rule {}", rule.id);
    if (rules_.rules.size() >= kMostRules) return Wrong(where, "too many rules");
    rule.description = table["description"].value_or(rule.id);
    rule.pattern = table["regex"].value_or(std::string());
    rule.entropy = table["entropy"].value_or(0.0);
    rule.group = table["secretGroup"].value_or(0);
    const std::string path = table["path"].value_or(std::string());
    if (rule.pattern.empty() && path.empty()) return Wrong(where, "neither regex nor path");
    if (!path.empty()) {
      ASSIGN_OR_RETURN(rule.path, Compile(path, where));
    }
    for (const std::string_view key : {"required", "validate", "filter", "prefilter"}) {
      if (!table.contains(key)) continue;
      Warn(fmt::format("{}: left out, for `{}` is not supported", where, key));
      return absl::OkStatus();
    }
    if (table["skipReport"].value_or(false)) {
      Warn(fmt::format("{}: left out, for it is not to be reported", where));
      return absl::OkStatus();
    }
    if (rule.pattern.empty()) {
      Warn(fmt::format("{}: left out, for it looks at names alone", where));
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const std::unique_ptr<re2::RE2> pattern, Compile(rule.pattern, where));
    if (rule.group < 0 || rule.group > pattern->NumberOfCapturingGroups())
      return Wrong(where, "no such secretGroup");
    for (const std::string& keyword : Texts(table, "keywords")) {
      // `|` separates them.
      if (keyword.empty() || keyword.find('|') != std::string::npos) continue;
      rule.keywords += (rule.keywords.empty() ? "" : "|") + Lowered(keyword);
    }
    if (rule.keywords.empty())
      Warn(fmt::format("{}: without keywords it is tried everywhere, which is slow", where));
    for (const std::string_view key : {"allowlist", "allowlists"}) {
      for (const toml::table* allowance : Tables(table, key)) {
        ASSIGN_OR_RETURN(UserAllowance parsed, ParseAllowance(*allowance, where));
        rule.allowances.push_back(std::move(parsed));
      }
    }
    std::erase_if(rules_.rules, [&](const UserRule& other) { return other.id == rule.id; });
    rules_.rules.push_back(std::move(rule));
    return absl::OkStatus();
  }

  static absl::StatusOr<std::unique_ptr<re2::RE2>> Compile(const std::string& pattern,
                                                           std::string_view where) {
    absl::StatusOr<std::unique_ptr<re2::RE2>> compiled = CompilePattern(pattern);
    if (!compiled.ok()) return Wrong(where, MessageOf(compiled.status()));
    return compiled;
  }

  absl::StatusOr<UserAllowance> ParseAllowance(const toml::table& table, std::string_view where) {
    UserAllowance allowance;
    for (const std::string& path : Texts(table, "paths")) {
      ASSIGN_OR_RETURN(allowance.paths.emplace_back(), Compile(path, where));
    }
    for (const std::string& regex : Texts(table, "regexes")) {
      ASSIGN_OR_RETURN(allowance.regexes.emplace_back(), Compile(regex, where));
    }
    for (const std::string& word : Texts(table, "stopwords")) allowance.stopwords.push_back(Lowered(word));
    if (table.contains("commits")) Warn(fmt::format("{}: commits of an allowlist do not count here", where));
    const std::string target = table["regexTarget"].value_or("secret");
    if (target != "secret" && target != "match" && target != "line")
      return Wrong(where, "no such regexTarget");
    allowance.target = target == "line"    ? UserAllowance::Target::kLine
                       : target == "match" ? UserAllowance::Target::kMatch
                                           : UserAllowance::Target::kSecret;
    const std::string condition = Lowered(table["condition"].value_or("or"));
    if (condition != "or" && condition != "||" && condition != "and" && condition != "&&")
      return Wrong(where, "no such condition");
    allowance.needs_all = condition == "and" || condition == "&&";
    return allowance;
  }

  UserRules rules_;
};

bool Allows(const UserAllowance& allowance, std::string_view path, std::string_view secret,
            std::string_view match, std::string_view line) {
  const auto any = [](const std::vector<std::unique_ptr<re2::RE2>>& patterns, std::string_view text) {
    return std::ranges::any_of(patterns, [text](const auto& pattern) { return Contains(*pattern, text); });
  };
  const std::string_view target = allowance.target == UserAllowance::Target::kLine    ? line
                                  : allowance.target == UserAllowance::Target::kMatch ? match
                                                                                      : secret;
  const std::string lowered = Lowered(secret);
  const bool has_path = any(allowance.paths, path);
  const bool has_regex = any(allowance.regexes, target);
  const bool has_word = std::ranges::any_of(
      allowance.stopwords, [&](const std::string& word) { return lowered.find(word) != std::string::npos; });
  if (!allowance.needs_all) return has_path || has_regex || has_word;
  return (allowance.paths.empty() || has_path) && (allowance.regexes.empty() || has_regex) &&
         (allowance.stopwords.empty() || has_word) &&
         !(allowance.paths.empty() && allowance.regexes.empty() && allowance.stopwords.empty());
}

}  // namespace

UserAllowance::UserAllowance() = default;
UserAllowance::UserAllowance(UserAllowance&&) noexcept = default;
UserAllowance& UserAllowance::operator=(UserAllowance&&) noexcept = default;
UserAllowance::~UserAllowance() = default;
UserRule::UserRule() = default;
UserRule::UserRule(UserRule&&) noexcept = default;
UserRule& UserRule::operator=(UserRule&&) noexcept = default;
UserRule::~UserRule() = default;
UserRules::UserRules() = default;
UserRules::UserRules(UserRules&&) noexcept = default;
UserRules& UserRules::operator=(UserRules&&) noexcept = default;
UserRules::~UserRules() = default;

bool UserRules::look_at_paths() const {
  const auto looks = [](const UserAllowance& allowance) { return !allowance.paths.empty(); };
  return std::ranges::any_of(allowances, looks) || std::ranges::any_of(rules, [&](const UserRule& rule) {
           return rule.path != nullptr || std::ranges::any_of(rule.allowances, looks);
         });
}

absl::StatusOr<UserRules> ParseGitleaksToml(std::string_view text) {
  return Parser().Parse(text);
}

bool IsAllowed(const UserRules& rules, const UserRule& rule, std::string_view path, std::string_view secret,
               std::string_view match, std::string_view line) {
  if (rule.path != nullptr && !Contains(*rule.path, path)) return true;
  if (rule.entropy > 0 && Entropy(secret) <= rule.entropy) return true;
  const auto allows = [&](const UserAllowance& allowance) {
    return Allows(allowance, path, secret, match, line);
  };
  if (std::ranges::any_of(rule.allowances, allows)) return true;
  return std::ranges::any_of(rules.allowances, [&](const UserAllowance& allowance) {
    const bool is_for_it =
        allowance.rules.empty() || std::ranges::find(allowance.rules, rule.id) != allowance.rules.end();
    return is_for_it && allows(allowance);
  });
}

}  // namespace batuta::secrets
