#include "daemon/inventory/inventory.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/log/log.h"
#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/dependency/sources.h"
#include "daemon/gguf/metadata.h"

namespace batuta::inventory {
namespace {

using metadata::Durability;
using metadata::Table;

constexpr size_t kMostEvidence = 8;  // files of a kind that are read for dependencies

std::string SnapshotKey(const RepoId& repo, const CommitId& commit) {
  return fmt::format("{}/{}/", repo.folder(), commit.hex());
}

std::string EncodePulled(const PulledSelection& pulled) {
  return nlohmann::json{{"v", 1}, {"label", pulled.label}, {"paths", pulled.paths}}.dump();
}

std::optional<PulledSelection> DecodePulled(std::string_view id, std::string_view text) {
  const nlohmann::json record = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!record.is_object() || !record.contains("label") || !record["label"].is_string()) return std::nullopt;
  if (!record.contains("paths") || !record["paths"].is_array()) return std::nullopt;
  PulledSelection pulled{std::string(id), record["label"].get<std::string>(), {}};
  for (const nlohmann::json& path : record["paths"]) {
    if (path.is_string()) pulled.paths.push_back(path.get<std::string>());
  }
  return pulled;
}

std::string EncodeAccess(WallTime at) {
  return nlohmann::json{{"v", 1}, {"at_ms", ToUnixMillis(at)}}.dump();
}

std::optional<WallTime> DecodeAccess(std::string_view text) {
  const nlohmann::json record = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!record.is_object() || !record.contains("at_ms") || !record["at_ms"].is_number_integer()) {
    return std::nullopt;
  }
  return FromUnixMillis(record["at_ms"].get<int64_t>());
}

// The text of a small file; empty when it cannot be had.
std::string TextOf(cache::Cache& cache, const RepoId& repo, const CommitId& commit, const std::string& path) {
  constexpr uint64_t kLimitBytes = 1 << 20;
  const auto file = cache.OpenForReading(repo, commit, path);
  if (!file.ok()) return {};
  const auto info = (*file)->Info();
  if (!info.ok() || info->size_bytes > kLimitBytes) return {};
  std::string text(static_cast<size_t>(info->size_bytes), '\0');
  const auto count = (*file)->ReadAt(0, std::as_writable_bytes(std::span(text)));
  if (!count.ok()) return {};
  text.resize(*count);
  return text;
}

bool HasSameFiles(const Snapshot& snapshot, const cache::SurveyedSnapshot& surveyed) {
  std::set<std::pair<std::string_view, FileKey>> before;
  for (const Selection& selection : snapshot.selections) {
    for (const File& file : selection.files) before.emplace(file.path, file.key);
  }
  if (before.size() != surveyed.files.size()) return false;
  return std::all_of(surveyed.files.begin(), surveyed.files.end(),
                     [&before](const cache::SurveyedFile& file) {
                       return before.count({file.path, {file.device, file.inode}}) == 1;
                     });
}

const Snapshot* SnapshotOf(const Repo* repo, const CommitId& commit) {
  if (repo == nullptr) return nullptr;
  const auto found = std::find_if(repo->snapshots.begin(), repo->snapshots.end(),
                                  [&commit](const Snapshot& known) { return known.commit == commit; });
  return found == repo->snapshots.end() ? nullptr : &*found;
}

WallTime LastModified(const cache::SurveyedSnapshot& snapshot) {
  if (snapshot.files.empty()) return snapshot.modified;
  return std::max_element(snapshot.files.begin(), snapshot.files.end(),
                          [](const cache::SurveyedFile& a, const cache::SurveyedFile& b) {
                            return a.modified < b.modified;
                          })
      ->modified;
}

// Nothing that a decision rests on has changed.
bool IsSame(const Repo* before, const Repo& now) {
  if (before == nullptr || before->snapshots.size() != now.snapshots.size()) return false;
  for (size_t i = 0; i < now.snapshots.size(); ++i) {
    const Snapshot& a = before->snapshots[i];
    const Snapshot& b = now.snapshots[i];
    if (a.commit != b.commit || a.refs != b.refs || a.needs != b.needs) return false;
    if (a.selections.size() != b.selections.size()) return false;
    for (size_t j = 0; j < a.selections.size(); ++j) {
      const Selection& x = a.selections[j];
      const Selection& y = b.selections[j];
      if (x.id != y.id || x.accessed != y.accessed || x.files != y.files) return false;
    }
  }
  return true;
}

}  // namespace

absl::Status Inventory::Rescan() {
  return Update(/*only_changed=*/false);
}

absl::Status Inventory::RefreshChanged() {
  return Update(/*only_changed=*/true);
}

absl::Status Inventory::Update(bool only_changed) {
  RETURN_IF_ERROR(LoadAccesses());
  ASSIGN_OR_RETURN(cache::RootListing root, cache_.ListRoot());
  std::map<RepoId, std::string> unreadable;
  for (const RepoId& repo : root.repos) {
    const auto before = Find(repo);
    if (only_changed && before != nullptr) {
      const auto fingerprint = cache_.Fingerprint(repo);
      if (fingerprint.ok() && *fingerprint == before->fingerprint) continue;
    }
    const auto refreshed = Refresh(repo);
    if (!refreshed.ok()) {
      LogWarn("repo not surveyed", Field("repo", repo.folder()),
              Field("error", std::string(MessageOf(refreshed.status()))));
      unreadable.emplace(repo, MessageOf(refreshed.status()));
    }
  }
  const std::set<RepoId> present(root.repos.begin(), root.repos.end());
  MutexLock lock(mutex_);
  unreadable_ = std::move(unreadable);
  strays_ = std::move(root.strays);
  std::erase_if(repos_, [&present](const auto& known) { return present.count(known.first) == 0; });
  return absl::OkStatus();
}

absl::StatusOr<bool> Inventory::Refresh(const RepoId& repo) {
  const auto before = Find(repo);
  ASSIGN_OR_RETURN(std::shared_ptr<const Repo> now, SurveyNow(repo, before.get()));
  const bool is_same = IsSame(before.get(), *now);
  MutexLock lock(mutex_);
  if (now->snapshots.empty() && now->loose.empty() && now->warnings.empty()) {
    repos_.erase(repo);
  } else {
    repos_[repo] = std::move(now);
  }
  return !is_same;
}

absl::StatusOr<std::shared_ptr<const Repo>> Inventory::SurveyNow(const RepoId& repo, const Repo* before) {
  // First the fingerprint: what changes during the survey makes it differ the next time.
  ASSIGN_OR_RETURN(std::string fingerprint, cache_.Fingerprint(repo));
  ASSIGN_OR_RETURN(cache::RepoSurvey survey, cache_.Survey(repo));
  auto now = std::make_shared<Repo>(
      Repo{repo, std::move(fingerprint), {}, std::move(survey.loose), std::move(survey.warnings)});
  for (const cache::SurveyedSnapshot& surveyed : survey.snapshots) {
    Snapshot snapshot{surveyed.commit, surveyed.refs, surveyed.modified, LastModified(surveyed), {}, {}};
    ASSIGN_OR_RETURN(const std::vector<PulledSelection> pulled, PulledOf(repo, surveyed.commit));
    snapshot.selections = SelectionsOf(surveyed, pulled);
    const Snapshot* known = SnapshotOf(before, surveyed.commit);
    snapshot.needs =
        known != nullptr && HasSameFiles(*known, surveyed) ? known->needs : NeedsOf(repo, surveyed);
    now->snapshots.push_back(std::move(snapshot));
  }
  return now;
}

std::vector<dependency::Dependency> Inventory::NeedsOf(const RepoId& repo,
                                                       const cache::SurveyedSnapshot& snapshot) {
  if (repo.type() != RepoType::kModel) return {};
  dependency::Evidence evidence;
  std::set<std::string> stems;
  for (const cache::SurveyedFile& file : snapshot.files) {
    const std::string_view name = std::string_view(file.path).substr(file.path.rfind('/') + 1);
    if (file.path == "README.md") evidence.readme = TextOf(cache_, repo, snapshot.commit, file.path);
    if (name == "adapter_config.json" && evidence.adapter_configs.size() < kMostEvidence) {
      evidence.adapter_configs.push_back(TextOf(cache_, repo, snapshot.commit, file.path));
    }
    const std::string stem = GgufStem(file.path);
    // Only the first part of a variant says where it comes from.
    if (stem.empty() || evidence.ggufs.size() == kMostEvidence || !stems.insert(stem).second) continue;
    const auto opened = cache_.OpenForReading(repo, snapshot.commit, file.path);
    if (!opened.ok()) continue;
    auto metadata = gguf::ReadMetadata(**opened, dependency::IsGgufKey);
    if (metadata.ok()) evidence.ggufs.push_back(*std::move(metadata));
  }
  std::vector<dependency::Dependency> needs = dependency::DependenciesOf(evidence);
  std::erase_if(needs, [&repo](const dependency::Dependency& need) { return need.base.repo == repo; });
  return needs;
}

absl::StatusOr<std::vector<PulledSelection>> Inventory::PulledOf(const RepoId& repo, const CommitId& commit) {
  std::vector<PulledSelection> pulled;
  const std::string prefix = SnapshotKey(repo, commit);
  RETURN_IF_ERROR(store_.Scan(Table::kSelections, prefix, [&](std::string_view key, std::string_view value) {
    if (auto record = DecodePulled(key.substr(prefix.size()), value)) pulled.push_back(*std::move(record));
    return true;
  }));
  return pulled;
}

absl::Status Inventory::LoadAccesses() {
  {
    MutexLock lock(mutex_);
    if (has_accesses_) return absl::OkStatus();
  }
  Accesses accesses;
  RETURN_IF_ERROR(store_.Scan(Table::kAccesses, "", [&](std::string_view key, std::string_view value) {
    if (const auto at = DecodeAccess(value)) accesses.emplace(key, *at);
    return true;
  }));
  MutexLock lock(mutex_);
  for (auto& [key, at] : accesses_) {
    WallTime& known = accesses[key];
    known = std::max(known, at);
  }
  accesses_ = std::move(accesses);
  has_accesses_ = true;
  return absl::OkStatus();
}

absl::Status Inventory::RecordPull(const RepoId& repo, const CommitId& commit, std::string label,
                                   std::vector<std::string> paths, bool is_new) {
  PulledSelection pulled{SelectionId(paths), std::move(label), std::move(paths)};
  const std::string key = SnapshotKey(repo, commit) + pulled.id;
  const WallTime now = clock_.wall();
  const auto known = Find(repo);
  const Snapshot* snapshot = SnapshotOf(known.get(), commit);
  const bool is_known = !is_new && snapshot != nullptr &&
                        std::any_of(snapshot->selections.begin(), snapshot->selections.end(),
                                    [&pulled](const Selection& one) { return one.id == pulled.id; });
  metadata::WriteBatch batch;
  if (!is_known) batch.Put(Table::kSelections, key, EncodePulled(pulled));
  batch.Put(Table::kAccesses, key, EncodeAccess(now));
  RETURN_IF_ERROR(store_.Write(batch, Durability::kProcess));
  {
    MutexLock lock(mutex_);
    accesses_[key] = now;
  }
  return is_known ? absl::OkStatus() : Refresh(repo).status();
}

absl::Status Inventory::Forget(const RepoId& repo, const CommitId& commit, const std::string& selection) {
  const std::string key = SnapshotKey(repo, commit) + selection;
  metadata::WriteBatch batch;
  batch.Delete(Table::kSelections, key);
  batch.Delete(Table::kAccesses, key);
  RETURN_IF_ERROR(store_.Write(batch, Durability::kPower));
  MutexLock lock(mutex_);
  accesses_.erase(key);
  return absl::OkStatus();
}

absl::Status Inventory::Touch(const RepoId& repo, const CommitId& commit,
                              const std::optional<std::string>& path) {
  // More often than this is written down by nobody.
  constexpr std::chrono::seconds kCoarse{60};
  const auto known = Find(repo);
  const Snapshot* snapshot = SnapshotOf(known.get(), commit);
  if (snapshot == nullptr) return absl::OkStatus();
  const WallTime now = clock_.wall();
  metadata::WriteBatch batch;
  {
    MutexLock lock(mutex_);
    for (const Selection& selection : snapshot->selections) {
      const bool is_meant = !path || std::any_of(selection.files.begin(), selection.files.end(),
                                                 [&path](const File& file) { return file.path == *path; });
      if (!is_meant) continue;
      const std::string key = SnapshotKey(repo, commit) + selection.id;
      WallTime& at = accesses_[key];
      if (now - at >= kCoarse) batch.Put(Table::kAccesses, key, EncodeAccess(now));
      at = std::max(at, now);
    }
  }
  return batch.changes().empty() ? absl::OkStatus() : store_.Write(batch, Durability::kProcess);
}

Repos Inventory::All() const {
  MutexLock lock(mutex_);
  Repos all;
  all.reserve(repos_.size());
  for (const auto& [id, repo] : repos_) all.push_back(repo);
  return all;
}

std::shared_ptr<const Repo> Inventory::Find(const RepoId& repo) const {
  MutexLock lock(mutex_);
  const auto found = repos_.find(repo);
  return found == repos_.end() ? nullptr : found->second;
}

std::vector<std::string> Inventory::Warnings(const std::vector<RepoId>& only) const {
  constexpr size_t kMostWarnings = 1'000;
  std::vector<std::string> warnings;
  MutexLock lock(mutex_);
  if (only.empty()) {
    for (const std::string& name : strays_) {
      warnings.push_back(fmt::format("{} is not a repo that this version knows: left out", Printable(name)));
    }
  }
  const auto is_meant = [&only](const RepoId& repo) {
    return only.empty() || std::find(only.begin(), only.end(), repo) != only.end();
  };
  for (const auto& [repo, why] : unreadable_) {
    if (is_meant(repo)) warnings.push_back(fmt::format("{} cannot be read: {}", repo.folder(), why));
  }
  for (const auto& [id, repo] : repos_) {
    if (is_meant(id)) warnings.insert(warnings.end(), repo->warnings.begin(), repo->warnings.end());
  }
  if (warnings.size() > kMostWarnings) {
    const size_t unsaid = warnings.size() - kMostWarnings;
    warnings.resize(kMostWarnings);
    warnings.push_back(fmt::format("… and {} more warnings", unsaid));
  }
  return warnings;
}

WallTime Inventory::LastAccess(const RepoId& repo, const Snapshot& snapshot,
                               const Selection& selection) const {
  MutexLock lock(mutex_);
  const auto recorded = accesses_.find(SnapshotKey(repo, snapshot.commit) + selection.id);
  return recorded == accesses_.end() ? selection.accessed : std::max(selection.accessed, recorded->second);
}

}  // namespace batuta::inventory
