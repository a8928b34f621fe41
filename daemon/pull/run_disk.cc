#include "daemon/pull/run_disk.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "common/log/log.h"
#include "common/status/status.h"
#include "daemon/pull/blob_sharing.h"

namespace batuta::pull {
namespace {

using Action = PlannedFile::Action;

// May the file stand in the snapshot, as far as it is known by itself? `place` as for AdmitCached().
absl::Status Admit(const Disk& disk, const Entry& entry, const cache::FilePlace& place) {
  if (disk.guard == nullptr) return absl::OkStatus();
  return AdmitCached(disk.cache, disk.verified, *disk.guard, entry, place);
}

// And for what it says of others? False: not all that it speaks of is here.
absl::StatusOr<bool> AdmitAmongOthers(const Disk& disk, const Entry& entry, const cache::FilePlace& place) {
  RETURN_IF_ERROR(Admit(disk, entry, place));
  if (disk.guard == nullptr) return true;
  disk.files->TakeMissed();
  const absl::Status admitted = disk.guard->AdmitAmongOthers(entry, *disk.files);
  if (absl::IsNotFound(admitted)) return true;  // it is not here itself, and will not be linked
  RETURN_IF_ERROR(admitted);
  return !disk.files->TakeMissed();
}

cache::FilePlace InSnapshot(const Disk& disk, const PullPlan& plan, const Entry& entry) {
  return {.repo = disk.repo, .blob = "", .commit = plan.commit, .path = entry.path.text()};
}

// False where the cache has no such blob. An objection of the hub's scanners that was overridden goes on
// record.
absl::StatusOr<bool> LinkFile(const Disk& disk, const PullPlan& plan, const PlannedFile& file) {
  ASSIGN_OR_RETURN(const bool is_linked, disk.cache.LinkExisting(disk.repo, plan.commit, file.entry));
  if (is_linked && !file.warning.empty() && disk.guard != nullptr) {
    RETURN_IF_ERROR(disk.guard->RecordObjection(file.entry));
  }
  return is_linked;
}

cache::FilePlace AmongBlobs(const RepoId& repo, const Entry& entry) {
  return {.repo = repo, .blob = entry.blob.hex()};
}

// False: one of them has to wait for files that it speaks of.
absl::StatusOr<bool> LinkGroup(const Disk& disk, const PullPlan& plan, const std::vector<size_t>& files,
                               bool is_last_try) {
  for (const size_t index : files) {
    const Entry& entry = plan.files[index].entry;
    ASSIGN_OR_RETURN(const bool is_judged, AdmitAmongOthers(disk, entry, AmongBlobs(disk.repo, entry)));
    if (!is_judged && !is_last_try) return false;
    ASSIGN_OR_RETURN(const bool linked, LinkFile(disk, plan, plan.files[index]));
    if (!linked) {
      return MakeError(absl::StatusCode::kAborted, reason::kUpstreamChanged,
                       "the blob vanished from the cache before it could be linked",
                       "another program is deleting from the cache; run the pull again");
    }
  }
  return true;
}

// Links the groups whose blobs other repos have.
absl::Status ShareWithOthers(const Disk& disk, const PullPlan& plan, Work* work) {
  if (disk.inventory == nullptr || work->groups.empty()) return absl::OkStatus();
  std::vector<Entry> entries;
  entries.reserve(work->groups.size());
  for (const std::vector<size_t>& group : work->groups) {
    entries.push_back(plan.files[group.front()].entry);
  }
  const auto lends = [&disk](const RepoId& repo) {
    return disk.admission == nullptr || disk.admission->Shares(repo);
  };
  const std::vector<std::optional<RepoId>> holders = disk.inventory->HoldersOf(entries, disk.repo, lends);
  std::vector<HeldBlob> held;
  std::vector<size_t> groups;
  for (size_t i = 0; i < holders.size(); ++i) {
    if (!holders[i].has_value()) continue;
    const absl::Status admitted = Admit(disk, entries[i], AmongBlobs(*holders[i], entries[i]));
    if (guard::IsRefusal(admitted)) {
      for (const size_t index : work->groups[i]) work->refused.emplace_back(index, admitted);
      work->groups[i].clear();
      continue;
    }
    held.push_back({entries[i], *holders[i]});
    groups.push_back(i);
  }
  const std::vector<bool> is_shared =
      ShareBlobs(disk.cache, disk.verified, disk.repo, held, [&] { return !*disk.is_over; });
  for (size_t i = 0; i < held.size(); ++i) {
    std::vector<size_t>& files = work->groups[groups[i]];
    const absl::StatusOr<bool> is_linked =
        is_shared[i] ? LinkGroup(disk, plan, files, /*is_last_try=*/false) : absl::CancelledError();
    if (!is_linked.ok()) continue;
    if (*is_linked) {
      work->linked.insert(work->linked.end(), files.begin(), files.end());
      files.clear();
    } else {
      work->held_back.push_back(std::exchange(files, {}));
    }
  }
  std::erase_if(work->groups, [](const std::vector<size_t>& files) { return files.empty(); });
  return absl::OkStatus();
}

// One file of the plan: linked, refused, or left to be moved.
absl::Status Sort(const Disk& disk, const PullPlan& plan, size_t index,
                  std::map<std::string_view, size_t>* group_of, Work* work) {
  const PlannedFile& file = plan.files[index];
  if (file.action == Action::kSkip) return absl::OkStatus();
  const bool is_there = file.action == Action::kCached;
  const absl::StatusOr<bool> admitted = AdmitAmongOthers(
      disk, file.entry, is_there ? InSnapshot(disk, plan, file.entry) : AmongBlobs(disk.repo, file.entry));
  if (guard::IsRefusal(admitted.status())) {
    work->refused.emplace_back(index, admitted.status());
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(admitted.status());
  if (!*admitted) {
    work->held_back.push_back({index});
    return absl::OkStatus();
  }
  if (is_there) return absl::OkStatus();
  ASSIGN_OR_RETURN(const bool linked, LinkFile(disk, plan, file));
  if (linked) {
    work->linked.push_back(index);
    return absl::OkStatus();
  }
  const auto [known, is_new] = group_of->emplace(file.entry.blob.hex(), work->groups.size());
  if (is_new) work->groups.emplace_back();
  work->groups[known->second].push_back(index);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Work> LinkAndMeasure(const Disk& disk, const PullPlan& plan) {
  if (disk.inventory != nullptr) disk.inventory->NoteOthersWrites(disk.repo);
  if (plan.tree_is_new) RETURN_IF_ERROR(disk.cache.WriteTree(disk.repo, plan.tree));
  Work work;
  std::map<std::string_view, size_t> group_of;
  for (size_t index = 0; index < plan.files.size(); ++index) {
    RETURN_IF_ERROR(Sort(disk, plan, index, &group_of, &work));
  }
  RETURN_IF_ERROR(ShareWithOthers(disk, plan, &work));
  for (const std::vector<size_t>& group : work.groups) {
    const Entry& entry = plan.files[group.front()].entry;
    ASSIGN_OR_RETURN(const uint64_t written_bytes, disk.cache.PartialBytes(disk.repo, entry.blob));
    work.unwritten_bytes.push_back(entry.size_bytes - std::min(entry.size_bytes, written_bytes));
    work.needed_bytes += work.unwritten_bytes.back();
  }
  // A pull that is refused now has written this, and nothing more.
  if (disk.inventory != nullptr && (plan.tree_is_new || !work.linked.empty())) {
    RETURN_IF_ERROR(disk.inventory->Refresh(disk.repo).status());
    disk.inventory->NoteOwnWrites(disk.repo);
  }
  return work;
}

void Sow(const Disk& disk, Seed* seed) {
  const auto partial = disk.cache.OpenPartial(disk.repo, seed->entry.blob, seed->entry.size_bytes);
  if (!partial.ok() || !(*partial)->believed().empty()) return;
  std::vector<cache::Extent> written;
  uint64_t bytes = 0;
  for (const auto& [offset, run] : seed->bytes->runs()) {
    if (!(*partial)->WriteAt(offset, std::as_bytes(std::span(run))).ok()) return;
    written.push_back({offset, offset + run.size()});
    bytes += run.size();
  }
  if ((*partial)->Journal(written, {}).ok()) seed->kept_bytes = bytes;
}

void Link(const Disk& disk, const PullPlan& plan, LinkTask* task) {
  if (task->elsewhere.has_value()) {
    const HeldBlob held{plan.files[task->files.front()].entry, *task->elsewhere};
    task->must_move =
        !ShareBlobs(disk.cache, disk.verified, disk.repo, {held}, [&] { return !*disk.is_over; }).front();
  }
  if (task->must_move) return;
  const absl::StatusOr<bool> is_linked = LinkGroup(disk, plan, task->files, task->is_last_try);
  task->result = is_linked.status();
  task->must_wait = is_linked.ok() && !*is_linked;
}

absl::Status PutUp(const Disk& disk, const PullPlan& plan, const std::string& label, bool is_new) {
  RETURN_IF_ERROR(disk.cache.WriteRef(disk.repo, disk.revision, plan.commit));
  if (disk.reviewer != nullptr && is_new) {
    const absl::Status trusted = disk.reviewer->Trust(disk.repo, disk.who);
    if (!trusted.ok()) LogWarn("namespace not recorded", Field("error", std::string(MessageOf(trusted))));
  }
  if (disk.inventory == nullptr) return absl::OkStatus();
  std::vector<std::string> paths;
  for (const PlannedFile& file : plan.files) {
    if (file.action != Action::kSkip) paths.push_back(file.entry.path.text());
  }
  const VariantChoice chosen =
      plan.choice.value_or(VariantChoice{.label = label, .quantization = {}, .why = {}});
  const absl::Status kept =
      disk.inventory->RecordPull(disk.repo, plan.commit, chosen.label, std::move(paths), is_new, chosen.why);
  if (!kept.ok()) LogWarn("selection not recorded", Field("error", std::string(MessageOf(kept))));
  return absl::OkStatus();
}

}  // namespace batuta::pull
