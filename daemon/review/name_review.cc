#include "daemon/review/name_review.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "daemon/review/look_alikes.h"
#include "daemon/review/resemblance.h"
#include "daemon/review/words.h"

namespace batuta::review {
namespace {

constexpr size_t kMostBytes = 200;  // of each part that are looked at; the hub allows 96
constexpr size_t kLeastWithAffix = 4;
constexpr size_t kLeastPart = 4;  // letters of a part that says anything
constexpr size_t kLeastMention = 5;
constexpr size_t kMostNotes = 4;

// The name that is judged.
struct Asked {
  std::string repo_namespace;  // as written
  std::string name;
  std::string plain;  // of the namespace
  std::string skeleton;
  std::string letters;
  std::vector<std::string> stems;
};

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

bool AreSame(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, LowerOf, LowerOf);
}

// Digits at the end, with what joins them to the name.
std::string_view WithoutNumber(std::string_view text) {
  size_t end = text.size();
  while (end > 0 && IsDigit(text[end - 1])) --end;
  if (end == text.size() || end == 0) return {};
  if (end > 1 && (text[end - 1] == 'v' || text[end - 1] == 'V') && text[end - 2] == '-') --end;
  return text.substr(0, end);
}

Asked ReadId(std::string_view id) {
  const size_t slash = id.find('/');
  Asked asked;
  asked.name = slash == std::string_view::npos ? id : id.substr(slash + 1);
  if (slash != std::string_view::npos) asked.repo_namespace = id.substr(0, slash);
  asked.name.resize(std::min(asked.name.size(), kMostBytes));
  asked.repo_namespace.resize(std::min(asked.repo_namespace.size(), kMostBytes));
  asked.plain = PlainForm(asked.repo_namespace);
  asked.skeleton = Skeleton(asked.plain);
  asked.letters = Letters(asked.plain);
  asked.stems = Stems(asked.skeleton, kLeastWithAffix, Affixes::kOnBothSides);
  return asked;
}

// How far apart two names may be and still be mistaken for each other. A short name has many neighbours that
// are names of their own; so have those that this cache trusts, of which nobody else has heard.
uint32_t FarthestOf(const KnownName& known) {
  const size_t letters = known.letters.size();
  if (letters < 4) return 0;
  if (letters == 4) return 30;
  if (letters == 5) return 50;
  if (letters == 6 || known.is_trusted) return 60;
  return letters < 12 ? kOneLetter : kOneLetter + 60;
}

// The first word of a repo's name: "Llama" of `Llama-3.1-8B`, "Qwen" of `Qwen2.5-7B`. Empty when it is short.
std::string FamilyOf(std::string_view repo) {
  const size_t end = std::min(repo.find_first_of("-_.0123456789"), repo.size());
  std::string family = Lower(repo.substr(0, end));
  return family.size() < kLeastPart ? std::string() : family;
}

bool HasRepo(const KnownName& known, std::string_view name) {
  return std::ranges::any_of(known.repos, [name](const std::string& repo) { return AreSame(repo, name); });
}

bool HasFamily(const KnownName& known, std::string_view family) {
  return !family.empty() && std::ranges::any_of(known.repos, [family](const std::string& repo) {
    return FamilyOf(repo) == family;
  });
}

bool HasWord(std::string_view name, std::string_view word) {
  return std::ranges::any_of(Split(name, "-_."),
                             [word](std::string_view other) { return AreSame(other, word); });
}

// Each of these says why the name asked for may be mistaken for the known one; empty when it may not.

std::string LooksTheSame(const Asked& asked, const KnownName& known) {
  if (asked.skeleton != known.skeleton) return {};
  if (asked.plain != asked.repo_namespace) return "it has letters of another alphabet that look the same";
  if (asked.letters == known.letters) return "only `-`, `_` and `.` differ";
  return "it has letters that look the same, such as 1 and l, 0 and O, rn and m";
}

std::string IsMisspelt(const Asked& asked, const KnownName& known) {
  const uint32_t farthest = FarthestOf(known);
  const uint32_t distance = std::min(Distance(asked.letters, known.letters, farthest),
                                     Distance(asked.skeleton, known.skeleton, farthest));
  if (farthest == 0 || distance > farthest) return {};
  return distance <= kOneLetter ? "it is one slip or letter away" : "it is two slips away";
}

std::string HasAffix(const Asked& asked, const KnownName& known) {
  if (known.skeleton.size() < kLeastWithAffix) return {};
  const auto is_known = [&](std::string_view text) {
    return text == known.skeleton || std::ranges::find(known.stems, text) != known.stems.end();
  };
  if (is_known(asked.skeleton)) return "a word such as `-ai` or `-labs` is missing";
  if (std::ranges::any_of(asked.stems, is_known)) return "only a word such as `-ai` or `-official` was added";
  const std::string_view unnumbered = WithoutNumber(asked.plain);
  if (!known.is_trusted && !unnumbered.empty() && Skeleton(unnumbered) == known.skeleton) {
    return "only a number was added";
  }
  return {};
}

std::string IsSwapped(const Asked& asked, const KnownName& known) {
  if (Skeleton(asked.name) != known.skeleton) return {};
  const std::string& other = asked.plain;
  const bool fits = HasRepo(known, other) || HasFamily(known, FamilyOf(other)) || HasWord(known.name, other);
  return fits ? "namespace and name may be swapped" : std::string();
}

// `mistral/Mistral-7B-v0.1`: a piece of the known namespace, and a repo of the kind that is found there.
std::string IsPartOf(const Asked& asked, const KnownName& known) {
  const std::string &part = asked.letters, &whole = known.letters;
  const bool is_part = part.size() >= kLeastPart && part.size() < whole.size() &&
                       (whole.starts_with(part) || whole.ends_with(part) || HasWord(known.name, part));
  const bool is_more =
      whole.size() >= kLeastMention && part.size() > whole.size() && part.find(whole) != std::string::npos;
  if (is_more && HasRepo(known, asked.name)) return "it holds that name, and the name of a repo there";
  if (!is_part || !(HasRepo(known, asked.name) || HasFamily(known, FamilyOf(asked.name)))) return {};
  return "it is a part of that name, and the repo is named like those there";
}

// The surest first. A name under which such a repo is found goes before one that was found by a surer test.
constexpr std::array kTests = {LooksTheSame, IsMisspelt, HasAffix, IsSwapped, IsPartOf};

std::vector<std::string> NotesOf(const Asked& asked, const KnownNames& known) {
  std::vector<std::string> notes;
  const bool has_words = Split(asked.plain, "-_.").size() > 1;
  for (const KnownName& other : known.names()) {
    if (other.is_trusted || notes.size() >= kMostNotes) continue;
    if (HasRepo(other, asked.name)) {
      notes.push_back(fmt::format("the well-known repo of this name is {}/{}", other.name, asked.name));
    }
    const bool is_mentioned =
        other.letters.size() >= kLeastMention && has_words && HasWord(asked.plain, other.name);
    if (is_mentioned) {
      notes.push_back(fmt::format("its namespace holds the name of {}, which is another one", other.name));
    }
    if (other.letters.size() >= kLeastMention && AreSame(other.name, asked.name)) {
      notes.push_back(fmt::format("{} is a well-known namespace, here it is the name of a repo", other.name));
    }
  }
  return notes;
}

}  // namespace

NameReview ReviewName(std::string_view id, const KnownNames& known) {
  const Asked asked = ReadId(id);
  if (asked.repo_namespace.empty() || known.Contains(asked.repo_namespace)) {
    return {.is_known = true, .confusable_with = {}, .is_trusted = false, .why = {}, .notes = {}};
  }
  NameReview review;
  const std::string family = FamilyOf(asked.name);
  size_t best = 0;
  for (const KnownName& other : known.names()) {
    const size_t rank = HasRepo(other, asked.name) ? 2 : HasFamily(other, family) ? 1 : 0;
    for (size_t i = 0; i < kTests.size(); ++i) {
      const size_t weight = (rank + 1) * kTests.size() - i;
      if (weight <= best) break;
      std::string why = kTests[i](asked, other);
      if (why.empty()) continue;
      best = weight;
      review.confusable_with = other.name;
      review.is_trusted = other.is_trusted;
      review.why = std::move(why);
      break;
    }
  }
  review.notes = NotesOf(asked, known);
  return review;
}

}  // namespace batuta::review
