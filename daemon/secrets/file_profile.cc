#include "daemon/secrets/file_profile.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "common/text/glob.h"
#include "daemon/secrets/encoding.h"
#include "daemon/secrets/placeholder.h"

namespace batuta::secrets {
namespace {

constexpr uint64_t kLargeDataBytes = 1 << 20;
constexpr size_t kShortestSecret = 6;

std::string Lowered(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return lowered;
}

// Of a member of an archive, the archive is a folder.
std::string_view LastNames(std::string_view path, int count) {
  size_t from = path.size();
  for (int i = 0; i < count && from != std::string_view::npos; ++i) {
    from = from == 0 ? std::string_view::npos : path.find_last_of("/!", from - 1);
  }
  return from == std::string_view::npos ? path : path.substr(from + 1);
}

bool MatchesAny(std::string_view globs, std::string_view path) {
  const std::string_view name = LastNames(path, 1);
  const std::string_view names = LastNames(path, 2);
  while (!globs.empty()) {
    const std::string_view glob = globs.substr(0, globs.find('|'));
    if (MatchesGlob(glob, glob.find('/') == std::string_view::npos ? name : names)) return true;
    globs.remove_prefix(std::min(globs.size(), glob.size() + 1));
  }
  return false;
}

// Full of words that look like names of secrets, of hashes, or of text in codings; none of it is a secret
// unless it says so itself.
constexpr std::string_view kOnlyCertain =
    "tokenizer.json|vocab.json|vocab.txt|merges.txt|added_tokens.json|special_tokens_map.json|tokenizer_"
    "config.json|"
    "*.tiktoken|*.vocab|*.bpe|*.index.json|"
    "package-lock.json|npm-shrinkwrap.json|yarn.lock|pnpm-lock.yaml|deno.lock|bun.lock|poetry.lock|pipfile."
    "lock|uv.lock|"
    "pdm.lock|conda-lock.yml|cargo.lock|go.sum|go.mod|composer.lock|gemfile.lock|podfile.lock|package."
    "resolved|"
    "flake.lock|gradle.lockfile|verification-metadata.xml|dvc.lock|*.dvc|"
    "*.min.js|*.min.css|*.map|*.svg|*.css|*.woff|*.woff2|*.ttf|*.smi|*.fasta|*.fa|*.pdb|*.pgn|*.b64|*.base64|"
    "sha256sums|sha512sums|md5sums|*.sha256|*.sha512|*.md5|*.sum";

// Kinds up to those beside the name of their vendor; prose may speak of passwords.
constexpr std::string_view kOnlyLikely =
    "config.json|generation_config.json|preprocessor_config.json|adapter_config.json|model_index.json|"
    "trainer_state.json|*.html|*.htm|*.rst|*.tex|*.bib|*.arrow|*.log";

constexpr std::string_view kData = "*.jsonl|*.csv|*.tsv|*.txt|*.ndjson|*.json|*.md";

// Values need no quotes here. In programs, what has none is an expression.
constexpr std::string_view kBare =
    ".env|.env.*|*.env|.envrc|.flaskenv|*.ini|*.cfg|*.conf|*.config|*.properties|*.yaml|*.yml|*.toml|*.sh|*."
    "bash|*.zsh|"
    "*.fish|*.bat|*.ps1|dockerfile|dockerfile.*|*.dockerfile|makefile|*.mk|*.tf|*.tfvars|*.service|*.desktop|"
    ".npmrc|"
    ".netrc|.pypirc|*.cnf|*.xml|*.plist|.*rc|*credentials*|*secret*|*.txt|*.log|*.out|.bash_history|.zsh_"
    "history";

bool IsValueLine(std::string_view line, std::string_view& value) {
  const size_t equals = line.find_first_of("=:");
  if (equals == std::string_view::npos || line.find_first_not_of(" \t") == line.find('#')) return false;
  value = line.substr(equals + 1);
  constexpr std::string_view kTrim = " \t\r\"'";
  const size_t begin = value.find_first_not_of(kTrim);
  value =
      begin == std::string_view::npos ? "" : value.substr(begin, value.find_last_not_of(kTrim) + 1 - begin);
  return true;
}

// A value under a name that speaks of secrets: not any value of an environment is one.
bool IsSecretName(std::string_view name) {
  constexpr std::array<std::string_view, 8> kNames = {"key", "token", "secret", "pass",
                                                      "pwd", "auth",  "cred",   "dsn"};
  return std::ranges::any_of(
      kNames, [&](std::string_view word) { return FindAnyCase(name, word) != std::string_view::npos; });
}

std::optional<uint64_t> LineOfAssignment(std::string_view text) {
  uint64_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    std::string_view value;
    if (!IsValueLine(line, value) || value.size() < kShortestSecret || IsPlaceholder(value)) continue;
    const std::string_view name = line.substr(0, line.find_first_of("=:"));
    if (IsSecretName(name) && !IsHarmlessName(name)) return number;
  }
  return std::nullopt;
}

bool IsPublicOrEncrypted(std::string_view text) {
  constexpr std::array<std::string_view, 10> kSigns = {
      "BEGIN CERTIFICATE", "BEGIN PUBLIC KEY", "BEGIN SSH2 PUBLIC",  "BEGIN RSA PUBLIC", "ENC[AES256",
      "$ANSIBLE_VAULT",    "GITCRYPT",         "age-encryption.org", "SealedSecret",     "sops:"};
  if (text.starts_with("ssh-") || text.starts_with("ecdsa-")) return true;
  return std::ranges::any_of(
      kSigns, [&](std::string_view sign) { return text.find(sign) != std::string_view::npos; });
}

bool IsKeyStore(std::string_view text) {
  return text.starts_with("\xFE\xED\xFE\xED") || text.starts_with("\x03\xD9\xA2\x9A") ||
         text.starts_with("\xCE\xCE\xCE\xCE") ||
         (text.starts_with("\x30\x82") &&
          text.substr(0, 16).find(std::string_view("\x02\x01\x03", 3)) != std::string_view::npos);
}

}  // namespace

bool IsText(std::string_view head) {
  if (head.find('\0') != std::string_view::npos) return false;
  size_t odd = 0;
  for (const char c : head) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 32 && !(byte >= 7 && byte <= 13) && byte != 27) ++odd;
  }
  return odd * 20 <= head.size();
}

Profile ProfileOf(std::string_view path, std::string_view head, uint64_t size_bytes) {
  const std::string lowered = Lowered(path);
  if (!IsText(head)) return {.most = Tier::kCertain, .has_bare_values = false, .decodes = false};
  if (MatchesAny(kOnlyCertain, lowered))
    return {.most = Tier::kCertain, .has_bare_values = false, .decodes = false};
  Profile profile;
  profile.has_bare_values =
      MatchesAny(kBare, lowered) || LastNames(lowered, 1).find('.') == std::string_view::npos;
  if (MatchesAny(kOnlyLikely, lowered)) profile.most = Tier::kLikely;
  if (head.starts_with("version https://git-lfs")) profile.most = Tier::kCertain;
  if (size_bytes > kLargeDataBytes && MatchesAny(kData, lowered)) profile.most = Tier::kLikely;
  return profile;
}

std::string_view WithoutPacking(std::string_view path) {
  for (const std::string_view end : {".gz", ".bz2", ".xz", ".zst", ".lz4"}) {
    if (path.ends_with(end)) return path.substr(0, path.size() - end.size());
  }
  return path;
}

std::string NameClassOf(std::string_view path) {
  const std::string lowered = Lowered(path);
  std::string name_class;
  if (MatchesAny(kOnlyCertain, lowered)) {
    name_class = "certain";
  } else {
    name_class = MatchesAny(kOnlyLikely, lowered) ? "likely" : "any";
    if (MatchesAny(kBare, lowered) || LastNames(lowered, 1).find('.') == std::string_view::npos)
      name_class += "-bare";
    if (MatchesAny(kData, lowered)) name_class += "-data";
  }
  if (const NameRule* const rule = FindNameRule(path); rule != nullptr) {
    name_class += ':';
    name_class += rule->id;
  }
  const std::string_view inner = WithoutPacking(path);
  if (inner.size() < path.size()) name_class += "!" + NameClassOf(LastNames(inner, 1));
  return name_class;
}

const NameRule* FindNameRule(std::string_view path) {
  const std::string lowered = Lowered(path);
  for (const NameRule& rule : NameRules()) {
    if (MatchesAny(rule.names, lowered) && !MatchesAny(rule.exceptions, lowered)) return &rule;
  }
  return nullptr;
}

std::optional<uint64_t> ConfirmName(const NameRule& rule, std::string_view text) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return std::nullopt;
  switch (rule.condition) {
    case NameCondition::kNotEmpty:
      return 1;
    case NameCondition::kAssigned:
      return IsText(text) ? LineOfAssignment(text) : std::nullopt;
    case NameCondition::kNotPublic:
      return IsPublicOrEncrypted(text) ? std::nullopt : std::optional<uint64_t>(1);
    case NameCondition::kMagic:
      return IsKeyStore(text) ? std::optional<uint64_t>(1) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace batuta::secrets
