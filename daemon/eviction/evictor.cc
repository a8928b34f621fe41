#include "daemon/eviction/evictor.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "common/log/log.h"
#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/metrics/daemon_metrics.h"

namespace batuta::eviction {
namespace {

// Each round is made necessary by a change of the tree; a tree that never rests is left alone.
constexpr int kMostRounds = 16;
constexpr uint64_t kEverything = ~uint64_t{0};

bool IsInUse(const absl::Status& status) {
  return ReasonOf(status) == reason::kInUse;
}

absl::Status NotCached(const RepoId& repo) {
  return MakeError(absl::StatusCode::kNotFound, reason::kOfflineMiss,
                   fmt::format("{} {}: nothing of that is in the cache", ToString(repo.type()), repo.id()),
                   "batuta hf cache ls  lists what is");
}

// The selection as it is now; nothing when it is gone.
std::optional<std::vector<std::string>> PathsOf(const inventory::Repo* repo, const SelectionName& name) {
  if (repo == nullptr) return std::nullopt;
  for (const inventory::Snapshot& snapshot : repo->snapshots) {
    if (snapshot.commit != name.commit) continue;
    std::set<std::string_view> elsewhere;  // a file of several selections stays with the others
    std::optional<std::vector<std::string>> paths;
    for (const inventory::Selection& selection : snapshot.selections) {
      if (selection.id == name.id) {
        paths.emplace();
        for (const inventory::File& file : selection.files) paths->push_back(file.path);
      } else {
        for (const inventory::File& file : selection.files) elsewhere.insert(file.path);
      }
    }
    if (paths) std::erase_if(*paths, [&](const std::string& path) { return elsewhere.count(path) == 1; });
    return paths;
  }
  return std::nullopt;
}

// What a person can remove at most: the sum of each reason, largest first.
std::string WhatStays(const Report& report, const std::function<bool(const RepoId&)>& may_name) {
  std::map<std::string, uint64_t> bytes;
  for (const Line& line : report.lines) {
    if (line.goes) continue;
    const RepoId& repo = line.selection.repo;
    const std::string name = NameAmongOthers(repo, may_name);
    // Of one that may not be named not even the reason is told: it may be what its owner wrote when he pinned
    // it.
    const bool is_named = !may_name || may_name(repo);
    bytes[is_named ? fmt::format("{} ({})", name, line.why) : name] += line.size_bytes;
  }
  std::vector<std::pair<uint64_t, std::string>> sorted;
  for (const auto& [what, size] : bytes) sorted.emplace_back(size, what);
  std::sort(sorted.rbegin(), sorted.rend());
  constexpr size_t kMost = 3;
  std::string text;
  for (size_t i = 0; i < std::min(kMost, sorted.size()); ++i) {
    text += fmt::format("{}{} {}", i == 0 ? "" : "; ", FormatBytes(sorted[i].first), sorted[i].second);
  }
  if (sorted.size() > kMost) text += fmt::format("; and {} more", sorted.size() - kMost);
  return text;
}

}  // namespace

void Evictor::SetQuota(const Quota& quota) {
  const MutexLock lock(quota_mutex_);
  quota_ = quota;
}

Quota Evictor::quota() const {
  const MutexLock lock(quota_mutex_);
  return quota_;
}

absl::Status Evictor::MakeRoom(const cache::Demand& demand) {
  const Quota quota = this->quota();
  ASSIGN_OR_RETURN(const SpaceInfo space, cache_.Space());
  const bool fits_on_disk = demand.unwritten_bytes + quota.min_free_bytes <= space.free_bytes;
  if (quota.max_bytes == 0 && fits_on_disk) return absl::OkStatus();
  MutexLock lock(removing_);
  RETURN_IF_ERROR(inventory_.RefreshChanged());
  RETURN_IF_ERROR(RefreshGrowing());
  const View view = Look();
  const Goal goal = GoalFor(quota, {.used_bytes = view.used_bytes(),
                                    .unwritten_bytes = demand.unwritten_bytes,
                                    .free_bytes = space.free_bytes});
  if (goal.wanted_bytes == 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Report report, Carry(goal, /*act=*/true, /*all_or_nothing=*/true));
  return report.is_enough ? absl::OkStatus() : NoRoom(quota, view, demand, goal, report);
}

// A file on its way in grows unseen by its folder.
absl::Status Evictor::RefreshGrowing() {
  for (const auto& repo : inventory_.All()) {
    const bool is_growing = std::any_of(repo->loose.begin(), repo->loose.end(),
                                        [](const cache::LooseFile& file) { return file.is_unfinished; });
    if (is_growing) RETURN_IF_ERROR(inventory_.Refresh(repo->repo).status());
  }
  return absl::OkStatus();
}

absl::Status Evictor::NoRoom(const Quota& quota, const View& view, const cache::Demand& demand,
                             const Goal& goal, const Report& report) const {
  const std::string limit = quota.max_bytes == 0 ? std::string("no quota")
                                                 : fmt::format("a quota of {}", FormatBytes(quota.max_bytes));
  const std::string stays = WhatStays(report, options_.may_name);
  return MakeError(
      absl::StatusCode::kResourceExhausted, reason::kDiskFull,
      fmt::format("the pull needs {} and does not fit: the cache holds {}, with {} and {} to be left free; "
                  "{} would have "
                  "to go, and only {} may{}",
                  FormatBytes(demand.asked_bytes), FormatBytes(view.used_bytes()), limit,
                  FormatBytes(quota.min_free_bytes), FormatBytes(goal.must_bytes),
                  FormatBytes(report.freed_bytes), stays.empty() ? "" : ". What stays: " + stays),
      "unpin or remove something (batuta hf cache why, unpin, rm), pull fewer files (--include, "
      "--quantization), "
      "or raise cache.max_size",
      {{"needed_bytes", std::to_string(demand.asked_bytes)},
       {"must_free_bytes", std::to_string(goal.must_bytes)},
       {"can_free_bytes", std::to_string(report.freed_bytes)}});
}

absl::StatusOr<Report> Evictor::Free(uint64_t bytes, bool act) {
  MutexLock lock(removing_);
  RETURN_IF_ERROR(inventory_.RefreshChanged());
  return Carry({bytes, bytes}, act, /*all_or_nothing=*/false);
}

absl::StatusOr<Report> Evictor::Why(const std::optional<RepoId>& only) {
  MutexLock lock(removing_);
  RETURN_IF_ERROR(inventory_.RefreshChanged());
  ASSIGN_OR_RETURN(Report report, Carry({kEverything, kEverything}, /*act=*/false, /*all_or_nothing=*/false));
  size_t turn = 0;
  for (Line& line : report.lines) {
    if (line.goes) line.why = fmt::format("number {} to go; {}", ++turn, line.why);
  }
  if (!only) return report;
  std::erase_if(report.lines, [&only](const Line& line) { return line.selection.repo != *only; });
  if (report.lines.empty()) return NotCached(*only);
  return report;
}

// Plans until a plan rests on what is there, then does it.
absl::StatusOr<Report> Evictor::Carry(const Goal& goal, bool act, bool all_or_nothing) {
  std::set<SelectionName> open;  // as it turns out
  Report done;
  uint64_t loose_files = 0;
  ASSIGN_OR_RETURN(const uint64_t loose_bytes, RemoveLoose(act && goal.wanted_bytes > 0, &loose_files));
  done.freed_bytes = loose_bytes;
  done.loose_files = loose_files;
  for (int round = 0; round < kMostRounds; ++round) {
    const View view =
        MakeView(inventory_, inventory_.pins(), inventory_.leases(), open, FilledSince(), options_.may_name);
    const auto left = [&done](uint64_t bytes) { return bytes - std::min(bytes, done.freed_bytes); };
    const Plan plan = PlanEviction(view.inventory, {left(goal.must_bytes), left(goal.wanted_bytes)});
    if (!act || (all_or_nothing && !plan.is_enough) || plan.evicted.empty()) {
      Report report = ReportOf(view, plan);
      report.lines.insert(report.lines.begin(), done.lines.begin(), done.lines.end());
      report.freed_bytes += done.freed_bytes;
      report.loose_files = done.loose_files;
      return report;
    }
    std::vector<uint32_t> selections;
    for (const Decision& decision : plan.evicted) selections.push_back(decision.selection);
    ASSIGN_OR_RETURN(const bool is_up_to_date, IsUpToDate(view, selections));
    if (!is_up_to_date) continue;
    for (const Decision& decision : plan.evicted) {
      const absl::Status removed =
          RemoveOne(view.places[decision.selection].name(), /*is_asked_for=*/false, &done.freed_bytes);
      if (IsInUse(removed)) {
        open.insert(view.places[decision.selection].name());
        break;  // the rest of the plan may rest on its going
      }
      RETURN_IF_ERROR(removed);
      done.lines.push_back(LineOf(view, decision, true));
    }
  }
  done.is_enough = done.freed_bytes >= goal.must_bytes;
  return done;
}

absl::StatusOr<bool> Evictor::IsUpToDate(const View& view, const std::vector<uint32_t>& selections) {
  std::set<RepoId> repos;
  for (const uint32_t selection : selections) repos.insert(view.places[selection].repo->repo);
  bool is_up_to_date = true;
  for (const RepoId& repo : repos) {
    ASSIGN_OR_RETURN(const bool has_changed, inventory_.Refresh(repo));
    is_up_to_date = is_up_to_date && !has_changed;
  }
  return is_up_to_date;
}

absl::Status Evictor::RemoveOne(const SelectionName& name, bool is_asked_for, uint64_t* freed_bytes) {
  if (is_stopping_) {
    return MakeError(absl::StatusCode::kUnavailable, reason::kDaemonStopping, "the daemon is stopping",
                     "repeat it; what is left then goes");
  }
  const auto repo = inventory_.Find(name.repo);
  const std::optional<std::vector<std::string>> paths = PathsOf(repo.get(), name);
  if (!paths) return absl::OkStatus();
  bool is_being_filled = false;
  const auto may_go = [&] {
    is_being_filled = IsBeingFilled(name.repo);
    return inventory_.leases().Count(name.repo, name.commit) == 0 &&
           !inventory_.pins().Of(name.repo, name.commit) && (is_asked_for || !is_being_filled);
  };
  if (!may_go()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, reason::kInUse, "it is in use by now");
  }
  RETURN_IF_ERROR(inventory_.Forget(name.repo, name.commit, name.id));
  const auto removal = cache_.Remove(name.repo, name.commit, *paths, may_go);
  RETURN_IF_ERROR(inventory_.Refresh(name.repo).status());
  RETURN_IF_ERROR(removal.status());
  if (!is_being_filled) inventory_.NoteOwnWrites(name.repo);
  *freed_bytes += removal->freed_bytes;
  if (options_.metrics != nullptr) {
    options_.metrics->evictions.Add();
    options_.metrics->evicted_bytes.Add(removal->freed_bytes);
  }
  LogInfo("evicted", Field("repo", name.repo.folder()), Field("commit", name.commit.hex()),
          Field("selection", name.id), Field("freed_bytes", removal->freed_bytes));
  return absl::OkStatus();
}

// What another program is doing shows only in what it writes. The last survey may be of some time ago.
bool Evictor::IsBeingFilled(const RepoId& repo) const {
  const auto survey = cache_.Survey(repo);
  if (!survey.ok()) return false;  // whoever removes it will say so
  const WallTime written = cache::LastWrite(survey->stamps, survey->loose);
  return inventory_.LastWriteByOthers(repo, written) > FilledSince();
}

WallTime Evictor::FilledSince() const {
  return options_.grace.count() == 0 ? WallTime::max() : clock_.wall() - options_.grace;
}

// Those of this installation belong to jobs that go on.
absl::StatusOr<uint64_t> Evictor::RemoveLoose(bool act, uint64_t* files) {
  constexpr int kUnfinishedFactor = 24;
  const WallTime now = clock_.wall();
  uint64_t bytes = 0;
  for (const auto& repo : inventory_.All()) {
    std::vector<std::string> names;
    uint64_t size_bytes = 0;
    for (const cache::LooseFile& file : repo->loose) {
      const auto age = file.is_unfinished ? options_.loose_age * kUnfinishedFactor : options_.loose_age;
      if (file.name.ends_with(".batuta-part") || now - file.modified < age) continue;
      names.push_back(file.name);
      size_bytes += file.size_bytes;
    }
    // Whoever brings files to a repo is about to link some: a blob that it shares with another is old
    // already.
    if (names.empty() || inventory_.leases().HasAny(repo->repo) || IsBeingFilled(repo->repo)) continue;
    if (act) {
      ASSIGN_OR_RETURN(const cache::Removal removal, cache_.RemoveLoose(repo->repo, names));
      RETURN_IF_ERROR(inventory_.Refresh(repo->repo).status());
      inventory_.NoteOwnWrites(repo->repo);
      size_bytes = removal.freed_bytes;
      if (options_.metrics != nullptr) options_.metrics->evicted_bytes.Add(removal.freed_bytes);
    }
    bytes += size_bytes;
    *files += names.size();
  }
  return bytes;
}

absl::StatusOr<Report> Evictor::Remove(const RemoveRequest& request, bool act) {
  MutexLock lock(removing_);
  RETURN_IF_ERROR(inventory_.Refresh(request.repo).status());
  const View view = Look();
  std::vector<uint32_t> meant;
  for (uint32_t i = 0; i < view.places.size(); ++i) {
    const View::Place& place = view.places[i];
    if (place.repo->repo != request.repo) continue;
    const auto& refs = place.snapshot->refs;
    if (request.revision && place.snapshot->commit.hex() != request.revision->text() &&
        std::find(refs.begin(), refs.end(), request.revision->text()) == refs.end()) {
      continue;
    }
    if (!request.label.empty() && place.selection->label != request.label) continue;
    meant.push_back(i);
  }
  if (meant.empty()) {
    return NotCached(request.repo);
  }
  for (const uint32_t i : meant) RETURN_IF_ERROR(CheckMayGo(view, i, request.force));
  Report report;
  RETURN_IF_ERROR(RemoveAll(view, meant, "asked for", /*is_asked_for=*/true, act, &report));
  for (const Line& line : report.lines) {
    if (line.goes) continue;
    return MakeError(absl::StatusCode::kFailedPrecondition, reason::kInUse, line.why,
                     "end what uses it, or wait for it, and try again");
  }
  return report;
}

absl::Status Evictor::CheckMayGo(const View& view, uint32_t selection, bool force) const {
  const Inventory::Selection& state = view.inventory.selections[selection];
  const std::string& name = view.inventory.snapshots[state.snapshot].name;
  if (state.pin) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition, reason::kPinned,
        fmt::format("{} is pinned{}{}", name, state.pin->empty() ? "" : ": ", Printable(*state.pin)),
        "batuta hf cache unpin lets it go");
  }
  if (state.leases > 0) {
    return MakeError(absl::StatusCode::kFailedPrecondition, reason::kInUse,
                     fmt::format("{} is in use by a job or a client", name),
                     "wait for it, or cancel it (batuta hf jobs ls)");
  }
  if (const auto& dependents = view.needed_by[state.snapshot]; !force && !dependents.empty()) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition, reason::kInUse,
        fmt::format("{} needs {} as its base", view.inventory.snapshots[dependents.front()].name, name),
        "remove that first, or repeat with --force");
  }
  return absl::OkStatus();
}

absl::StatusOr<Report> Evictor::Prune(const PruneRequest& request, bool act) {
  MutexLock lock(removing_);
  RETURN_IF_ERROR(inventory_.RefreshChanged());
  const View view = Look();
  Report report;
  std::vector<uint32_t> going;
  for (uint32_t i = 0; i < view.places.size(); ++i) {
    if (!view.places[i].snapshot->refs.empty()) continue;
    Line line = PruneLine(view, i, request);
    if (line.goes) {
      going.push_back(i);
    } else {
      report.lines.push_back(std::move(line));
    }
  }
  ASSIGN_OR_RETURN(report.freed_bytes, RemoveLoose(act, &report.loose_files));
  RETURN_IF_ERROR(
      RemoveAll(view, going, "no branch or tag leads to it", /*is_asked_for=*/false, act, &report));
  if (act) RETURN_IF_ERROR(RemoveEmptySnapshots());
  return report;
}

Line Evictor::PruneLine(const View& view, uint32_t selection, const PruneRequest& request) const {
  const View::Place& place = view.places[selection];
  const auto& snapshots = place.repo->snapshots;
  const auto newer = std::count_if(snapshots.begin(), snapshots.end(), [&place](const auto& other) {
    return other.modified > place.snapshot->modified;
  });
  Line line = LineOf(view, {.selection = selection}, false);
  const absl::Status may_go = CheckMayGo(view, selection, /*force=*/false);
  if (newer < static_cast<int64_t>(request.keep_last)) {
    line.why = fmt::format("one of the last {} of its repo", request.keep_last);
  } else if (request.older_than && clock_.wall() - line.last_access < *request.older_than) {
    line.why = "used too lately";
  } else if (!may_go.ok()) {
    line.why = std::string(MessageOf(may_go));
  } else if (view.inventory.selections[selection].is_being_filled) {
    line.why = Explain({.selection = selection, .reason = Reason::kFilled}, view.inventory, clock_.wall());
  } else {
    line.goes = true;
  }
  return line;
}

// What turns out to be in use stays, with a line that says so. Those that go come first.
absl::Status Evictor::RemoveAll(const View& view, const std::vector<uint32_t>& selections,
                                std::string_view why, bool is_asked_for, bool act, Report* report) {
  const std::vector<uint64_t> freed = FreedInOrder(view.inventory, selections);
  std::vector<Line> lines;
  for (size_t i = 0; i < selections.size(); ++i) {
    Line line = LineOf(view, {.selection = selections[i], .freed_bytes = freed[i]}, true);
    line.why = why;
    if (act) {
      line.freed_bytes = 0;
      absl::Status removed = RemoveOne(view.places[selections[i]].name(), is_asked_for, &line.freed_bytes);
      if (!removed.ok() && !IsInUse(removed)) return removed;
      line.goes = removed.ok();
      if (!removed.ok()) line.why = MessageOf(removed);
    }
    report->freed_bytes += line.freed_bytes;
    lines.push_back(std::move(line));
  }
  report->lines.insert(report->lines.begin(), lines.begin(), lines.end());
  return absl::OkStatus();
}

// What a crash leaves of a removal, or another tool.
absl::Status Evictor::RemoveEmptySnapshots() {
  for (const auto& repo : inventory_.All()) {
    for (const inventory::Snapshot& snapshot : repo->snapshots) {
      if (!snapshot.selections.empty() || !snapshot.refs.empty()) continue;
      if (clock_.wall() - snapshot.modified < options_.loose_age || IsBeingFilled(repo->repo)) continue;
      const auto may_go = [&] { return inventory_.leases().Count(repo->repo, snapshot.commit) == 0; };
      const auto removed = cache_.Remove(repo->repo, snapshot.commit, {}, may_go);
      if (!removed.ok() && !IsInUse(removed.status())) return removed.status();
      RETURN_IF_ERROR(inventory_.Refresh(repo->repo).status());
      inventory_.NoteOwnWrites(repo->repo);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<CacheUsage> Evictor::Measure() const {
  RETURN_IF_ERROR(inventory_.RefreshChanged());
  ASSIGN_OR_RETURN(const SpaceInfo space, cache_.Space());
  const View view = Look();
  const Plan plan = PlanEviction(view.inventory, {kEverything, kEverything});
  return CacheUsage{.used_bytes = view.used_bytes(),
                    .shared_bytes = view.linked_bytes - view.selected_bytes,
                    .reclaimable_bytes = plan.freed_bytes,
                    .loose_bytes = view.loose_bytes,
                    .free_bytes = space.free_bytes,
                    .total_bytes = space.total_bytes,
                    .quota = quota()};
}

View Evictor::Look() const {
  return MakeView(inventory_, inventory_.pins(), inventory_.leases(), {}, FilledSince(), options_.may_name);
}

Line Evictor::LineOf(const View& view, const Decision& decision, bool goes) const {
  const View::Place& place = view.places[decision.selection];
  const Inventory::Selection& selection = view.inventory.selections[decision.selection];
  uint64_t size_bytes = 0;
  for (const uint32_t blob : selection.blobs) size_bytes += view.inventory.blob_bytes[blob];
  return {.selection = place.name(),
          .label = place.selection->label,
          .refs = place.snapshot->refs,
          .size_bytes = size_bytes,
          .freed_bytes = decision.freed_bytes,
          .last_access = selection.last_access,
          .goes = goes,
          .why = Explain(decision, view.inventory, clock_.wall())};
}

Report Evictor::ReportOf(const View& view, const Plan& plan) const {
  Report report;
  for (const Decision& decision : plan.evicted) report.lines.push_back(LineOf(view, decision, true));
  for (const Decision& decision : plan.kept) report.lines.push_back(LineOf(view, decision, false));
  report.freed_bytes = plan.freed_bytes;
  report.is_enough = plan.is_enough;
  return report;
}

}  // namespace batuta::eviction
