#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "common/types/repo_id.h"
#include "daemon/card/folder_view.h"

// Cards: from the facts that a folder holds to the README.md of its repo.
namespace batuta::card {

enum class CardKind {
  kNone,       // there is no README.md, and none is made: not a model
  kPresent,    // README.md stays as it is
  kGenerated,  // README.md is made
  kCompleted,  // README.md gets fields that its metadata has not
};

// "none", "present", "generated", "completed".
std::string_view ToString(CardKind kind);

struct CardFile {
  std::string path;
  std::string content;
};

struct Card {
  CardKind kind = CardKind::kNone;
  std::string readme;  // the whole text; empty for kNone, and where it is too large to be looked into
  std::vector<CardFile> files;        // beside it: the curve of the losses, which the text shows
  std::string diff;                   // unified; empty unless generated or completed
  std::vector<std::string> sources;   // "config.json: architecture, task"
  std::vector<std::string> warnings;  // a source that was left out and why, fields that were not added
  std::vector<std::string> added;     // keys of the fields that a completion added
};

// Makes or completes the card of a model; those of datasets and spaces are left alone. The same folder gives
// the same bytes: nothing is told of the time, the machine or the user. Work and memory are bounded whatever
// the files hold. Blocking, as the folder is.
//   kInvalidArgument (INVALID_CONTENT)  README.md has metadata that is wrong, see CompleteCard().
//   Else what reading README.md says; other files that cannot be read are warnings.
absl::StatusOr<Card> MakeCard(FolderView& folder, const RepoId& repo);

}  // namespace batuta::card
