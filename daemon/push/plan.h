#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/types/blob_id.h"
#include "common/types/repo_path.h"
#include "common/types/revision.h"
#include "daemon/card/card.h"
#include "daemon/push/commit_parts.h"
#include "daemon/push/local_file.h"
#include "daemon/secrets/finding.h"

namespace batuta::push {

enum class Change { kAdded, kModified, kUnchanged, kDeleted, kIgnored };

// Does it bring bytes to the repo?
inline bool IsSent(Change change) {
  return change == Change::kAdded || change == Change::kModified;
}

// Does it need a commit?
inline bool IsChange(Change change) {
  return IsSent(change) || change == Change::kDeleted;
}

// What becomes of one path.
struct PlannedPushFile {
  std::string path;  // a RepoPath, but for what is ignored: there a folder ends in `/`
  uint64_t size_bytes = 0;
  Change change = Change::kUnchanged;
  bool is_lfs = false;  // as far as is known: the hub decides when it is asked for a place
  std::string reason = {};
  std::string warning = {};
  std::string copy_of = {};  // path in the repo that has the same bytes; empty: none

  // Of what is sent: its names, and where its bytes are: in the file as it was then, or here.
  std::optional<BlobId> sha256 = {};
  std::optional<BlobId> git_sha1 = {};
  FileStamp stamp = {};
  std::shared_ptr<const std::string> made = {};  // a card, or its curve; null: a file

  // The name that the repo gives it; empty when not known.
  std::string blob_text() const;
};

// What stands in the way of the push.
struct Refusal {
  std::string path;         // empty: of the push as a whole
  std::string_view reason;  // see reasons.h
  std::string text;

  friend bool operator==(const Refusal&, const Refusal&) = default;
};

struct PushPlan {
  std::string digest = {};            // of all that would change
  std::string folder = {};            // names what the folder holds, whatever the repo has of it
  std::optional<CommitId> head = {};  // what it was held against; nothing: there is nothing yet
  bool creates_repo = false;
  bool creates_branch = false;
  bool is_private = false;
  std::string license = {};
  card::CardKind card = card::CardKind::kNone;
  std::string card_diff = {};
  std::vector<std::string> card_sources = {};
  std::vector<secrets::Finding> findings = {};  // that block
  uint64_t findings_allowed = 0;
  std::vector<Refusal> refusals = {};  // the findings not among them
  std::vector<std::string> warnings = {};
  uint64_t bytes_to_send = 0;
  size_t commits = 0;
  uint64_t bytes_read = 0;
  std::vector<PlannedPushFile> files = {};  // by path; those that are ignored last
};

// Why the push cannot be, as one error; OK when it can. The gravest: secrets, then what is unsafe, what is no
// file of its format, what the hub does not take.
//   kFailedPrecondition (SECRETS_FOUND, UNSAFE_CONTENT, INVALID_CONTENT, NOT_PUSHABLE)
absl::Status RefusalOf(const PushPlan& plan);

// The changes as commits take them, and where each stands in `plan.files`. Pure.
struct PlannedCommits {
  std::vector<PlannedChange> changes;
  std::vector<size_t> files;  // of each change
  std::vector<CommitPart> parts;
};

PlannedCommits CommitsOf(const PushPlan& plan, std::string_view message);

// Names all that the push would change, and against what. Pure.
std::string DigestOf(const PushPlan& plan);

}  // namespace batuta::push
