#include "daemon/guard/consent.h"

#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::guard {
namespace {

using safety::Finding;
using safety::Grade;
using safety::Grades;

constexpr std::string_view kVerdictFact = "verdict";
constexpr std::string_view kPickleFact = "pickle";

constexpr std::pair<std::string_view, Grades> kClasses[] = {
    {"pickle", {Grade::kPickle, Grade::kUnverified}},
    {"code", {Grade::kCode}},
    {"invalid", {Grade::kInvalid}},
    {"unknown", {Grade::kUnknown}},
};

constexpr Grades kAllButBombs = {Grade::kPickle,  Grade::kUnverified, Grade::kCode,
                                 Grade::kInvalid, Grade::kUnknown,    Grade::kMalicious};

// The classes that would have to be allowed, as the flag takes them.
std::string ClassesFor(Grades grades) {
  std::string list;
  for (const auto& [name, members] : kClasses) {
    if (grades.Without(members) == grades) continue;
    if (!list.empty()) list += ',';
    list += name;
  }
  return list;
}

std::string WaysOut(const safety::Verdict& verdict) {
  const Grades grades = verdict.grades;
  if (grades.Has(Grade::kBomb)) return "leave the file out; nothing admits it";
  if (grades.Has(Grade::kMalicious)) {
    return "do not use this file, and tell its author and the hub; --allow-malicious admits it all the same, "
           "for those "
           "who study such files";
  }
  const std::string classes = ClassesFor(grades);
  const std::string flag = classes == "pickle" ? "--allow-unsafe" : fmt::format("--allow-unsafe={}", classes);
  if (verdict.has_pickle) {
    return fmt::format(
        "look for a copy as safetensors or GGUF in another repo, or admit it with {} if you trust the author",
        flag);
  }
  return fmt::format(
      "take another revision or leave the file out (--exclude), or admit it with {} if you trust the author",
      flag);
}

}  // namespace

absl::StatusOr<Consent> MakeConsent(const std::vector<std::string>& classes, bool allow_malicious) {
  Consent consent;
  for (const std::string& name : classes) {
    bool is_known = false;
    for (const auto& [known, grades] : kClasses) {
      if (name != known) continue;
      consent.admitted.Add(grades);
      is_known = true;
    }
    if (!is_known) {
      return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                       fmt::format("unknown class of unsafe content {}", Quoted(name, 60)),
                       "classes are pickle, code, invalid and unknown");
    }
  }
  if (allow_malicious) consent.admitted.Add(kAllButBombs);
  return consent;
}

absl::StatusOr<Consent> MakeConsent(RepoType type, std::vector<std::string> classes, bool allow_malicious) {
  if (type == RepoType::kSpace) classes.emplace_back("code");
  return MakeConsent(classes, allow_malicious);
}

bool Admits(const Consent& consent, const safety::Verdict& verdict) {
  return verdict.grades.Without(consent.admitted).empty();
}

std::string Explanation(const safety::Verdict& verdict) {
  const Finding* const worst = safety::Worst(verdict);
  if (worst == nullptr) return {};
  return worst->place.empty() ? worst->text : fmt::format("{} (in {})", worst->text, worst->place);
}

bool MayBeDamage(const absl::Status& refusal) {
  const Facts facts = DetailsOf(refusal).facts;
  const auto verdict = facts.find(std::string(kVerdictFact));
  return verdict != facts.end() && (verdict->second == "invalid" || verdict->second == "unknown");
}

absl::Status Refusal(std::string_view path, const safety::Verdict& verdict) {
  const bool is_merely_invalid = safety::Judgement(verdict) == "invalid";
  const Finding* const worst = safety::Worst(verdict);
  Facts facts = {{"path", std::string(path.substr(0, 200))},
                 {"format", verdict.format},
                 {std::string(kVerdictFact), std::string(safety::Judgement(verdict))}};
  if (worst != nullptr) facts.emplace("code", worst->code);
  if (verdict.has_pickle) facts.emplace(kPickleFact, "true");
  return MakeError(is_merely_invalid ? absl::StatusCode::kDataLoss : absl::StatusCode::kFailedPrecondition,
                   is_merely_invalid ? reason::kInvalidContent : reason::kUnsafeContent,
                   fmt::format("refused: {}", Explanation(verdict)), WaysOut(verdict), std::move(facts));
}

bool IsOfPickles(const absl::Status& refusal) {
  return DetailsOf(refusal).facts.contains(kPickleFact);
}

bool IsRefusal(const absl::Status& status) {
  const std::string why = ReasonOf(status);
  return why == reason::kUnsafeContent || why == reason::kInvalidContent;
}

}  // namespace batuta::guard
