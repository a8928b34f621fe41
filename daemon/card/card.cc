#include "daemon/card/card.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/utf8.h"
#include "daemon/card/completion.h"
#include "daemon/card/facts.h"
#include "daemon/card/front_matter.h"
#include "daemon/card/loss_curve.h"
#include "daemon/card/readers.h"
#include "daemon/card/sections.h"

namespace batuta::card {
namespace {

constexpr std::string_view kReadme = "README.md";
constexpr std::string_view kCurve = "training_loss.svg";
constexpr size_t kMostReadmeBytes = 4 << 20;

bool Has(FolderView& folder, std::string_view path) {
  return std::any_of(folder.Files().begin(), folder.Files().end(),
                     [path](const FolderFile& file) { return file.path == path; });
}

void TellSources(Facts facts, Card* card) {
  for (const SourceNote& note : facts.sources) {
    card->sources.push_back(fmt::format("{}: {}", note.path, fmt::join(note.told, ", ")));
  }
  std::move(facts.warnings.begin(), facts.warnings.end(), std::back_inserter(card->warnings));
}

// A path is told in a table of the card; one that is not UTF-8 cannot be.
void DropOddPaths(Facts* facts) {
  std::erase_if(facts->sources, [](const SourceNote& note) { return !IsValidUtf8(note.path); });
}

Card Generated(FolderView& folder, const RepoId& repo) {
  Facts facts = GatherFacts(folder, repo);
  DropOddPaths(&facts);
  Card card;
  card.kind = CardKind::kGenerated;
  std::string curve = LossCurve(facts.losses);
  if (!curve.empty() && Has(folder, kCurve)) {
    facts.Warn(kCurve, "a file of this name is there, so the curve of the losses is left out");
    curve.clear();
  }
  const std::vector<Field> fields = FrontMatterFields(facts, repo.name());
  if (!fields.empty()) {
    card.readme = "---\n";
    for (const Field& field : fields) {
      for (const std::string& line : field.lines) card.readme += line + "\n";
    }
    card.readme += "---\n\n";
  }
  card.readme += CardSections(facts, repo.name(), curve.empty() ? std::string_view() : kCurve);
  if (!curve.empty()) card.files.push_back({std::string(kCurve), std::move(curve)});
  card.diff = InsertionDiff("", card.readme, kReadme);
  TellSources(std::move(facts), &card);
  return card;
}

absl::StatusOr<Card> Completed(FolderView& folder, const RepoId& repo, const std::string& readme) {
  Facts facts = GatherFacts(folder, repo);
  ASSIGN_OR_RETURN(Completion completion, CompleteCard(readme, FrontMatterFields(facts, repo.name())));
  Card card;
  card.kind = completion.added.empty() ? CardKind::kPresent : CardKind::kCompleted;
  card.diff = InsertionDiff(readme, completion.text, kReadme);
  card.readme = std::move(completion.text);
  card.added = std::move(completion.added);
  card.warnings = std::move(completion.warnings);
  TellSources(std::move(facts), &card);
  if (card.added.empty()) card.sources.clear();
  return card;
}

Card Present(std::string readme) {
  Card card;
  card.kind = CardKind::kPresent;
  card.readme = std::move(readme);
  return card;
}

}  // namespace

std::string_view ToString(CardKind kind) {
  switch (kind) {
    case CardKind::kNone:
      return "none";
    case CardKind::kPresent:
      return "present";
    case CardKind::kGenerated:
      return "generated";
    case CardKind::kCompleted:
      return "completed";
  }
  return "";
}

absl::StatusOr<Card> MakeCard(FolderView& folder, const RepoId& repo) {
  const bool is_model = repo.type() == RepoType::kModel;
  if (!Has(folder, kReadme)) return is_model ? Generated(folder, repo) : Card();
  absl::StatusOr<std::string> readme = ReadWhole(folder, kReadme, kMostReadmeBytes);
  if (absl::IsResourceExhausted(readme.status())) {
    Card card = Present({});
    card.warnings.push_back(fmt::format("{}: {}", kReadme, MessageOf(readme.status())));
    return card;
  }
  if (!readme.ok()) return Annotate(readme.status(), kReadme);
  return is_model ? Completed(folder, repo, *readme) : Present(*std::move(readme));
}

}  // namespace batuta::card
