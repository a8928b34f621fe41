#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"

#include "common/sync/sequence.h"
#include "common/time/backoff.h"
#include "common/time/clock.h"
#include "common/types/entry.h"
#include "common/types/revision.h"
#include "daemon/hub/hub_client.h"
#include "daemon/hub/repo_writer.h"

namespace batuta::push {

// What a commit does to one path.
struct IntendedFile {
  std::string path;
  std::string blob;  // as the repo will name it; empty: the path is deleted

  friend bool operator==(const IntendedFile&, const IntendedFile&) = default;
};

// A commit that is about to be made, so that it is known again when its answer was lost.
struct CommitIntent {
  Revision branch = Revision::Main();
  std::optional<CommitId> parent = {};  // nothing: it is the first of the branch
  std::string summary = {};
  std::vector<IntendedFile> files = {};

  friend bool operator==(const CommitIntent&, const CommitIntent&) = default;
};

// What the history of the branch says of the intent.
struct HistorySays {
  enum class Kind {
    kNotMade,  // the branch stands at the parent
    kPerhaps,  // the commit above the parent has its summary: see whether it has its files
    kMoved,    // somebody else's commit follows the parent
  };

  Kind kind = Kind::kMoved;
  std::optional<CommitId> candidate = {};  // of kPerhaps
};

inline constexpr size_t kHistoryLooked = 100;

// `history`: the latest commits of the branch, newest first. Pure.
HistorySays Judge(const CommitIntent& intent, const std::vector<hub::CommitTitle>& history);

// Has the tree what the intent would make of its paths? Pure.
bool Fits(const CommitIntent& intent, const Tree& tree);

// What a committer works with. Everything outlives it.
struct CommitterContext {
  hub::HubClient& hub;
  hub::RepoWriter& writer;
  Sequence& core;
  const Clock& clock;
  BackoffPolicy backoff;
};

// In whose name, and how patiently.
struct CommitterCaller {
  RepoId repo;
  hub::Access access;
  bool may_wait = true;
  std::function<void(const transport::WaitInfo& info, const absl::Status& cause, int attempt)> on_waiting;
};

// Committer makes one commit, exactly once. An answer that does not come leaves open whether the commit was
// made: then the history of the branch is read, and the commit is sent again only where it stands at the
// parent still. One that was sent before and arrives late does no harm: both name the parent, so the hub
// refuses the second.
//
// Lives on the core sequence, as its callbacks do. Dropping it ends it; what was sent may still take effect.
class Committer {
 public:
  using Outcome = std::optional<hub::CommitResult>;  // nothing: it was not made
  using Done = absl::AnyInvocable<void(absl::StatusOr<Outcome>)>;

  virtual ~Committer() = default;

  // Was it made? By a run before this one, for example.
  //   kAborted (REVISION_MOVED)  no, and the branch stands elsewhere now.
  static std::unique_ptr<Committer> Settle(const CommitterContext& context, CommitterCaller caller,
                                           CommitIntent intent, Done done);

  // Makes it. `commit` is what `intent` says, with the bytes.
  //   kAborted (REVISION_MOVED)
  //   errors of RepoWriter::Commit; transient ones only when the caller may not wait.
  static std::unique_ptr<Committer> Make(const CommitterContext& context, CommitterCaller caller,
                                         CommitIntent intent, hub::CommitRequest commit, Done done);
};

}  // namespace batuta::push
