#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

#include "common/sync/mutex.h"
#include "common/time/clock.h"
#include "common/types/entry.h"
#include "common/types/principal.h"
#include "common/types/repo_id.h"
#include "common/types/revision.h"
#include "daemon/guard/consent.h"
#include "daemon/guard/consents.h"
#include "daemon/guard/verdicts.h"
#include "daemon/transfer/blob_guard.h"

namespace batuta::guard {

// What the guards of one daemon have in common. Outlives them.
struct GuardContext {
  Verdicts& verdicts;
  Consents& consents;
  const Clock& clock;
};

// PullGuard decides which files one pull may bring into the snapshot of its commit: what is safe, what its
// caller admits, and what somebody admitted of this very commit before. What it lets in although it is unsafe
// is recorded and logged.
//
// Thread-safe. Everything but WarningOf() blocks: run it on the disk pool. Refusals are those of
// guard::Refusal().
class PullGuard : public std::enable_shared_from_this<PullGuard> {
 public:
  PullGuard(const GuardContext& context, RepoId repo, CommitId commit, Consent consent, Principal who);

  // `bytes`: all of the entry's blob, each of them right.
  absl::Status AdmitWhole(const Entry& entry, safety::ByteSource& bytes);

  // The same, but nobody has verified them: what is found is not remembered.
  absl::Status AdmitFound(const Entry& entry, safety::ByteSource& bytes);

  // When the blob was inspected before; nothing when it was not.
  std::optional<absl::Status> AdmitKnown(const Entry& entry);

  // For what the entry's file, which was admitted by itself, says of the others. Of `files` that cannot be
  // opened nothing is said; when that one cannot, its error is the answer.
  absl::Status AdmitAmongOthers(const Entry& entry, safety::Snapshot& files);

  // Of the entry's blob only some bytes are here, and nobody has verified them. kOutOfRange: so far nothing
  // speaks against it, and more could be said of more bytes.
  absl::Status AdmitGlimpse(const Entry& entry, safety::ByteSource& bytes);

  // What deciding on a file would say, for those who only plan: nothing where it is safe or was never
  // inspected, else what is unsafe about it, and whether it is refused for that. Records nothing.
  std::string Foresee(const Entry& entry);

  // The entry's file comes in although the hub's own scanners object to it.
  absl::Status RecordObjection(const Entry& entry);

  // The guard of one blob that is wanted as all of these files.
  std::shared_ptr<transfer::BlobGuard> GuardOf(std::vector<Entry> files);

  // What is unsafe about a file that was admitted; empty when nothing is.
  std::string WarningOf(std::string_view path) const;

 private:
  absl::Status Decide(const Entry& entry, const safety::Verdict& verdict);
  bool IsAdmitted(const Entry& entry, const safety::Verdict& verdict, bool* is_new);
  absl::Status Record(const Entry& entry, safety::Grades grades, bool is_objected);

  const GuardContext context_;
  const RepoId repo_;
  const CommitId commit_;
  const Consent consent_;
  const Principal who_;
  mutable Mutex mutex_;
  std::map<std::string, std::set<std::string>, std::less<>> warnings_ ABSL_GUARDED_BY(mutex_);  // by path
};

}  // namespace batuta::guard
