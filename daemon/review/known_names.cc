#include "daemon/review/known_names.h"

#include <array>
#include <utility>

#include "daemon/review/look_alikes.h"
#include "daemon/review/words.h"

namespace batuta::embedded {
std::string_view WellKnownText();
}  // namespace batuta::embedded

namespace batuta::review {
namespace {

constexpr size_t kLeastStem = 5;
constexpr size_t kMostAffixes = 3;

constexpr std::array kBefore = {"the", "real", "true", "official", "original", "team", "hf"};
constexpr std::array kAfter = {
    "ai",      "org",   "hf",        "official", "labs",     "lab",        "inc",    "team",     "corp",
    "company", "group", "project",   "dev",      "research", "hub",        "models", "model",    "llm",
    "llms",    "ml",    "community", "release",  "real",     "foundation", "hq",     "original", "mirror"};

std::vector<std::string> SkeletonsOf(const auto& words) {
  std::vector<std::string> skeletons;
  for (const std::string_view word : words) skeletons.push_back(Skeleton(word));
  return skeletons;
}

// Takes one word off; says whether there was one.
bool TakeOff(std::string_view& text, size_t least, Affixes affixes) {
  static const std::vector<std::string> before = SkeletonsOf(kBefore);
  static const std::vector<std::string> after = SkeletonsOf(kAfter);
  for (const std::string& word : after) {
    if (text.size() < word.size() + least || !text.ends_with(word)) continue;
    text.remove_suffix(word.size());
    return true;
  }
  if (affixes == Affixes::kBehind) return false;
  for (const std::string& word : before) {
    if (text.size() < word.size() + least || !text.starts_with(word)) continue;
    text.remove_prefix(word.size());
    return true;
  }
  return false;
}

}  // namespace

std::vector<std::string> Stems(std::string_view skeleton, size_t least, Affixes affixes) {
  std::vector<std::string> stems;
  while (stems.size() < kMostAffixes && TakeOff(skeleton, least, affixes)) stems.emplace_back(skeleton);
  return stems;
}

KnownNames::KnownNames() {
  for (const std::string_view line : Split(embedded::WellKnownText(), "\n")) {
    if (line.starts_with('#')) continue;
    const std::vector<std::string_view> words = Split(line, ": ");
    Add(words.front(), /*is_trusted=*/false, {words.begin() + 1, words.end()});
  }
}

void KnownNames::Trust(std::string_view repo_namespace) {
  if (!repo_namespace.empty()) Add(repo_namespace, /*is_trusted=*/true, {});
}

void KnownNames::Add(std::string_view name, bool is_trusted, std::vector<std::string> repos) {
  if (!keys_.insert(Lower(name)).second) return;
  const std::string skeleton = Skeleton(name);
  names_.push_back({.name = std::string(name),
                    .is_trusted = is_trusted,
                    .repos = std::move(repos),
                    .skeleton = skeleton,
                    .letters = Letters(name),
                    .stems = Stems(skeleton, kLeastStem, Affixes::kBehind)});
}

bool KnownNames::Contains(std::string_view repo_namespace) const {
  return keys_.contains(Lower(repo_namespace));
}

}  // namespace batuta::review
