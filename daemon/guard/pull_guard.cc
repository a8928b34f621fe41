#include "daemon/guard/pull_guard.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/log/log.h"
#include "common/status/status.h"

namespace batuta::guard {
namespace {

using safety::Grades;
using safety::Verdict;

// A configuration that names Python files of its own repo. They are left out by their names unless code is
// admitted, and the rest of the repo is of use without them.
bool OnlyNamesCode(const Verdict& verdict) {
  if (verdict.grades != Grades{safety::Grade::kCode} || verdict.findings_left_out > 0) return false;
  return std::all_of(verdict.findings.begin(), verdict.findings.end(),
                     [](const safety::Finding& finding) { return finding.code == "config-auto-map"; });
}

class GuardOfOne final : public transfer::BlobGuard {
 public:
  GuardOfOne(std::shared_ptr<PullGuard> pull, std::vector<Entry> files)
      : pull_(std::move(pull)), files_(std::move(files)) {}

  absl::Status Check(safety::ByteSource& bytes, transfer::Arrived arrived) override {
    for (const Entry& entry : files_) {
      const bool is_whole = arrived == transfer::Arrived::kWhole;
      absl::Status status = is_whole ? pull_->AdmitWhole(entry, bytes) : pull_->AdmitGlimpse(entry, bytes);
      // What nobody has verified is fetched again when its hash is wrong, and that may be why it looks so.
      if (!is_whole && MayBeDamage(status)) continue;
      if (!status.ok() && !absl::IsOutOfRange(status)) return status;
    }
    return absl::OkStatus();
  }

 private:
  const std::shared_ptr<PullGuard> pull_;
  const std::vector<Entry> files_;
};

}  // namespace

PullGuard::PullGuard(const GuardContext& context, RepoId repo, CommitId commit, Consent consent,
                     Principal who)
    : context_(context),
      repo_(std::move(repo)),
      commit_(std::move(commit)),
      consent_(consent),
      who_(std::move(who)) {}

absl::Status PullGuard::AdmitWhole(const Entry& entry, safety::ByteSource& bytes) {
  ASSIGN_OR_RETURN(const Verdict verdict, context_.verdicts.Of(entry.blob, entry.path.text(), bytes));
  return Decide(entry, verdict);
}

absl::Status PullGuard::AdmitFound(const Entry& entry, safety::ByteSource& bytes) {
  const Verdicts::Glimpse glimpse = context_.verdicts.Look(entry.path.text(), bytes);
  RETURN_IF_ERROR(glimpse.status);
  return Decide(entry, glimpse.verdict);
}

std::optional<absl::Status> PullGuard::AdmitKnown(const Entry& entry) {
  const std::optional<Verdict> verdict = context_.verdicts.Find(entry.blob, entry.path.text());
  if (!verdict.has_value()) return std::nullopt;
  return Decide(entry, *verdict);
}

absl::Status PullGuard::AdmitAmongOthers(const Entry& entry, safety::Snapshot& files) {
  ASSIGN_OR_RETURN(const Verdict verdict, context_.verdicts.AmongOthers(entry.path.text(), files));
  return Decide(entry, verdict);
}

absl::Status PullGuard::AdmitGlimpse(const Entry& entry, safety::ByteSource& bytes) {
  const Verdicts::Glimpse glimpse = context_.verdicts.Look(entry.path.text(), bytes);
  bool is_new = false;
  if (!IsAdmitted(entry, glimpse.verdict, &is_new)) return Refusal(entry.path.text(), glimpse.verdict);
  return glimpse.status;
}

std::shared_ptr<transfer::BlobGuard> PullGuard::GuardOf(std::vector<Entry> files) {
  return std::make_shared<GuardOfOne>(shared_from_this(), std::move(files));
}

std::string PullGuard::WarningOf(std::string_view path) const {
  MutexLock lock(mutex_);
  const auto found = warnings_.find(path);
  return found == warnings_.end() ? std::string() : fmt::format("{}", fmt::join(found->second, "; "));
}

bool PullGuard::IsAdmitted(const Entry& entry, const Verdict& verdict, bool* is_new) {
  if (verdict.grades.empty() || OnlyNamesCode(verdict)) return true;
  *is_new = Admits(consent_, verdict);
  if (*is_new) return true;
  // Who wants what does harm says so each time: it may be somebody else than the one who did before.
  const absl::StatusOr<Grades> before = context_.consents.Find(repo_, commit_, entry.blob, who_);
  return before.ok() && Admits(Consent{before->Without({safety::Grade::kMalicious})}, verdict);
}

absl::Status PullGuard::Decide(const Entry& entry, const Verdict& verdict) {
  bool is_new = false;
  if (!IsAdmitted(entry, verdict, &is_new)) return Refusal(entry.path.text(), verdict);
  if (verdict.grades.empty()) return absl::OkStatus();
  {
    MutexLock lock(mutex_);
    warnings_[entry.path.text()].insert(Explanation(verdict));
  }
  if (!is_new) return absl::OkStatus();
  LogWarn("unsafe file admitted", Field("repo", repo_.id()), Field("commit", commit_.hex()),
          Field("entry", entry.path.text()), Field("blob", entry.blob.hex()),
          Field("why", Explanation(verdict)), Field("uid", who_.uid), Field("tool", who_.tool));
  return Record(entry, verdict.grades, /*is_objected=*/false);
}

absl::Status PullGuard::RecordObjection(const Entry& entry) {
  LogWarn("file admitted to which the hub's scanners object", Field("repo", repo_.id()),
          Field("commit", commit_.hex()), Field("entry", entry.path.text()), Field("blob", entry.blob.hex()),
          Field("uid", who_.uid), Field("tool", who_.tool));
  return Record(entry, {}, /*is_objected=*/true);
}

absl::Status PullGuard::Record(const Entry& entry, Grades grades, bool is_objected) {
  return context_.consents.Record(repo_, {.path = entry.path.text(),
                                          .commit = commit_,
                                          .blob = entry.blob,
                                          .grades = grades,
                                          .is_objected = is_objected,
                                          .who = who_,
                                          .at = context_.clock.wall()});
}

std::string PullGuard::Foresee(const Entry& entry) {
  const std::optional<Verdict> verdict = context_.verdicts.Find(entry.blob, entry.path.text());
  if (!verdict.has_value() || verdict->grades.empty()) return {};
  bool is_new = false;
  const std::string what = Explanation(*verdict);
  return IsAdmitted(entry, *verdict, &is_new) ? what : fmt::format("a pull refuses it: {}", what);
}

}  // namespace batuta::guard
