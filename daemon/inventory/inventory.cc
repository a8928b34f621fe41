#include "daemon/inventory/inventory.h"

#include <algorithm>
#include <thread>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/log/log.h"
#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/dependency/sources.h"
#include "daemon/gguf/metadata.h"
#include "daemon/inventory/index.h"

namespace batuta::inventory {
namespace {

using metadata::Durability;
using metadata::Table;

constexpr size_t kMostEvidence = 8;  // files of a kind that are read for dependencies

// What is used again and again is written down once in such a while.
constexpr std::chrono::seconds kCoarse{60};

std::string SnapshotKey(const RepoId& repo, const CommitId& commit) {
  return fmt::format("{}/{}/", repo.folder(), commit.hex());
}

std::string EncodePulled(const PulledSelection& pulled) {
  nlohmann::json record{{"v", 1}, {"label", pulled.label}, {"paths", pulled.paths}};
  if (!pulled.why.empty()) {
    record["why"] = pulled.why;
    record["chosen_ms"] = ToUnixMillis(pulled.chosen_at);
  }
  return record.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::optional<PulledSelection> DecodePulled(std::string_view id, std::string_view text) {
  const nlohmann::json record = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!record.is_object() || !record.contains("label") || !record["label"].is_string()) return std::nullopt;
  if (!record.contains("paths") || !record["paths"].is_array()) return std::nullopt;
  PulledSelection pulled{std::string(id), record["label"].get<std::string>(), {}};
  for (const nlohmann::json& path : record["paths"]) {
    if (path.is_string()) pulled.paths.push_back(path.get<std::string>());
  }
  if (record.contains("why") && record["why"].is_string()) pulled.why = record["why"].get<std::string>();
  if (record.contains("chosen_ms") && record["chosen_ms"].is_number_integer()) {
    pulled.chosen_at = FromUnixMillis(record["chosen_ms"].get<int64_t>());
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

// The accesses that a use of the snapshot, or of one file of it, is noted under. `repo` may be null.
std::vector<std::string> UsedKeys(const Repo* repo, const CommitId& commit,
                                  const std::optional<std::string>& path) {
  std::vector<std::string> keys;
  const Snapshot* snapshot = SnapshotOf(repo, commit);
  if (snapshot == nullptr) return keys;
  for (const Selection& selection : snapshot->selections) {
    const bool is_meant = !path || std::any_of(selection.files.begin(), selection.files.end(),
                                               [&path](const File& file) { return file.path == *path; });
    if (is_meant) keys.push_back(SnapshotKey(repo->repo, commit) + selection.id);
  }
  return keys;
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
  if (before == nullptr) return false;
  return std::equal(before->snapshots.begin(), before->snapshots.end(), now.snapshots.begin(),
                    now.snapshots.end(), [](const Snapshot& a, const Snapshot& b) {
                      return a.commit == b.commit && a.refs == b.refs && a.needs == b.needs &&
                             a.selections == b.selections;
                    });
}

// Times of files are told in steps, of two seconds at most: what changes again in the same step cannot be
// seen by them.
bool IsSettled(const cache::RepoSurvey& survey, WallTime begun) {
  constexpr std::chrono::seconds kStep{2};
  return std::all_of(
      survey.stamps.begin(), survey.stamps.end(),
      [latest = begun - kStep](const cache::Stamp& stamp) { return stamp.modified <= latest; });
}

// The indices of the repos in `known` whose folders are not as their stamps say, or were not settled yet.
// Nearly all of it is the kernel looking up names, so with many repos it is shared among a few threads.
std::vector<size_t> Changed(cache::Cache& cache, const std::vector<std::shared_ptr<const Repo>>& known) {
  constexpr size_t kWorthAThread = 100;
  std::vector<char> is_changed(known.size());
  const auto compare = [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      is_changed[i] = known[i]->stamps.empty() || !cache.IsAsStamped(known[i]->repo, known[i]->stamps);
    }
  };
  const size_t cores = std::clamp<size_t>(std::thread::hardware_concurrency(), 1, 4);
  const size_t shares = std::min(cores, known.size() / kWorthAThread + 1);
  std::vector<std::thread> others;
  for (size_t share = 1; share < shares; ++share) {
    others.emplace_back(compare, known.size() * share / shares, known.size() * (share + 1) / shares);
  }
  compare(0, known.size() / shares);
  for (std::thread& other : others) other.join();
  std::vector<size_t> changed;
  for (size_t i = 0; i < known.size(); ++i) {
    if (is_changed[i] != 0) changed.push_back(i);
  }
  return changed;
}

}  // namespace

absl::Status Inventory::Rescan() {
  return Update(/*only_changed=*/false);
}

absl::Status Inventory::RefreshChanged() {
  return Update(/*only_changed=*/true);
}

absl::Status Inventory::Update(bool only_changed) {
  MutexLock updating(updating_);
  RETURN_IF_ERROR(Load());
  std::vector<std::shared_ptr<const Repo>> known = All();
  ASSIGN_OR_RETURN(cache::RootListing root, cache_.ListRoot());
  std::set<RepoId> repos(root.repos.begin(), root.repos.end());
  if (only_changed) {
    for (const auto& one : known) repos.erase(one->repo);
    for (const size_t i : Changed(cache_, known)) repos.insert(known[i]->repo);
  } else {
    for (const auto& one : known) repos.insert(one->repo);  // those that are gone by now are forgotten
  }
  std::map<RepoId, std::string> unreadable;
  for (const RepoId& repo : repos) {
    if (is_stopping_) {
      return MakeError(absl::StatusCode::kUnavailable, reason::kDaemonStopping, "the daemon is stopping");
    }
    const auto before = Find(repo);
    const auto surveyed = SurveyAgain(repo, only_changed ? before.get() : nullptr);
    if (!surveyed.ok()) {
      LogWarn("repo not surveyed", Field("repo", repo.folder()),
              Field("error", std::string(MessageOf(surveyed.status()))));
      unreadable.emplace(repo, MessageOf(surveyed.status()));
    }
  }
  MutexLock lock(mutex_);
  unreadable_ = std::move(unreadable);
  strays_ = std::move(root.strays);
  return absl::OkStatus();
}

absl::StatusOr<bool> Inventory::Refresh(const RepoId& repo) {
  RETURN_IF_ERROR(Load());
  return SurveyAgain(repo, Find(repo).get());
}

// What `before` says a model needs is believed while its files are the same.
absl::StatusOr<bool> Inventory::SurveyAgain(const RepoId& repo, const Repo* before) {
  uint64_t survey = 0;
  {
    MutexLock lock(mutex_);
    survey = ++surveys_;
  }
  ASSIGN_OR_RETURN(std::shared_ptr<const Repo> now, SurveyNow(repo, before));
  if (now->snapshots.empty() && now->loose.empty() && now->warnings.empty()) now = nullptr;
  std::shared_ptr<const Repo> last;
  bool is_kept = false;
  {
    MutexLock lock(mutex_);
    Known& known = repos_[repo];
    if (known.survey > survey) return true;  // somebody looked later, and was done first
    last = std::exchange(known.repo, now);
    known.survey = survey;
    known.is_kept = known.is_kept && (last == now || (last != nullptr && now != nullptr && *last == *now));
    is_kept = known.is_kept;
  }
  if (!is_kept) {
    // The tree is the truth: the next start finds the difference.
    const absl::Status saved = Save(repo);
    if (!saved.ok())
      LogWarn("survey not kept", Field("repo", repo.folder()), Field("error", saved.ToString()));
  }
  return now == nullptr ? last != nullptr : !IsSame(last.get(), *now);
}

// Always the latest that is known, so that of two who save at the same time neither undoes the other.
absl::Status Inventory::Save(const RepoId& repo) {
  MutexLock saving(saving_);
  const auto now = Find(repo);
  RETURN_IF_ERROR(now == nullptr
                      ? Delete(store_, Table::kSurveys, repo.folder(), Durability::kProcess)
                      : Put(store_, Table::kSurveys, repo.folder(), EncodeRepo(*now), Durability::kProcess));
  MutexLock lock(mutex_);
  Known& known = repos_[repo];
  known.is_kept = known.repo == now;
  return absl::OkStatus();
}

// What is written with `batch` makes another survey of the repo necessary, also after a crash.
void Inventory::Outdate(const RepoId& repo, metadata::WriteBatch* batch) {
  batch->Delete(Table::kSurveys, repo.folder());
  MutexLock lock(mutex_);
  if (const auto known = repos_.find(repo); known != repos_.end()) known->second.is_kept = false;
}

absl::StatusOr<std::shared_ptr<const Repo>> Inventory::SurveyNow(const RepoId& repo, const Repo* before) {
  const WallTime begun = clock_.wall();
  ASSIGN_OR_RETURN(cache::RepoSurvey survey, cache_.Survey(repo));
  auto now = std::make_shared<Repo>(Repo{repo, {}, {}, std::move(survey.loose), std::move(survey.warnings)});
  now->written = cache::LastWrite(survey.stamps, now->loose);
  if (IsSettled(survey, begun)) now->stamps = std::move(survey.stamps);
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

// Once.
absl::Status Inventory::Load() {
  MutexLock loading(loading_);
  if (is_loaded_) return absl::OkStatus();
  RETURN_IF_ERROR(LoadAccesses());
  RETURN_IF_ERROR(LoadSurveys());
  RETURN_IF_ERROR(hub_facts_.Load());
  is_loaded_ = true;
  return absl::OkStatus();
}

absl::Status Inventory::LoadAccesses() {
  Accesses accesses;
  RETURN_IF_ERROR(store_.Scan(Table::kAccesses, "", [&](std::string_view key, std::string_view value) {
    if (const auto at = DecodeAccess(value)) accesses.emplace(key, Access{*at, *at});
    return true;
  }));
  MutexLock lock(mutex_);
  accesses_ = std::move(accesses);
  return absl::OkStatus();
}

absl::Status Inventory::LoadSurveys() {
  std::map<RepoId, Known> repos;
  metadata::WriteBatch useless;
  RETURN_IF_ERROR(store_.Scan(Table::kSurveys, "", [&](std::string_view key, std::string_view value) {
    const auto id = RepoId::FromFolder(key);
    auto repo = id.ok() ? DecodeRepo(*id, value) : std::nullopt;
    if (repo) {
      repos[*id] = {std::make_shared<const Repo>(*std::move(repo)), 0, /*is_kept=*/true};
    } else {
      useless.Delete(Table::kSurveys, std::string(key));
    }
    return true;
  }));
  RETURN_IF_ERROR(store_.Write(useless, Durability::kProcess));
  MutexLock lock(mutex_);
  repos_ = std::move(repos);
  return absl::OkStatus();
}

absl::Status Inventory::RecordPull(const RepoId& repo, const CommitId& commit, std::string label,
                                   std::vector<std::string> paths, bool is_new, std::string why) {
  RETURN_IF_ERROR(Load());
  PulledSelection pulled{SelectionId(paths), std::move(label), std::move(paths)};
  const std::string key = SnapshotKey(repo, commit) + pulled.id;
  const WallTime now = clock_.wall();
  RETURN_IF_ERROR(Remember(key, std::move(why), now, &pulled));
  const auto known = Find(repo);
  const Snapshot* snapshot = SnapshotOf(known.get(), commit);
  const bool is_known = !is_new && snapshot != nullptr &&
                        std::any_of(snapshot->selections.begin(), snapshot->selections.end(),
                                    [&pulled](const Selection& one) { return one.id == pulled.id; });
  metadata::WriteBatch batch;
  if (!is_known) Outdate(repo, &batch);
  if (!is_known || pulled.chosen_at == now) batch.Put(Table::kSelections, key, EncodePulled(pulled));
  batch.Put(Table::kAccesses, key, EncodeAccess(now));
  RETURN_IF_ERROR(store_.Write(batch, Durability::kProcess));
  {
    MutexLock lock(mutex_);
    accesses_[key] = {now, now};
  }
  if (is_known) return absl::OkStatus();
  RETURN_IF_ERROR(Refresh(repo).status());
  NoteOwnWrites(repo);
  return absl::OkStatus();
}

// What was chosen now, or what is remembered of a choice made before.
absl::Status Inventory::Remember(const std::string& key, std::string why, WallTime now,
                                 PulledSelection* pulled) {
  pulled->why = std::move(why);
  pulled->chosen_at = now;
  if (!pulled->why.empty()) return absl::OkStatus();
  pulled->chosen_at = {};
  ASSIGN_OR_RETURN(const std::optional<std::string> record, store_.Get(Table::kSelections, key));
  const auto before = record ? DecodePulled(pulled->id, *record) : std::nullopt;
  if (!before) return absl::OkStatus();
  pulled->why = before->why;
  pulled->chosen_at = before->chosen_at;
  return absl::OkStatus();
}

void Inventory::NoteOwnWrites(const RepoId& repo) {
  MutexLock lock(mutex_);
  const auto known = repos_.find(repo);
  if (known == repos_.end() || known->second.repo == nullptr) {
    own_writes_.erase(repo);
  } else {
    own_writes_[repo] = known->second.repo->written;
  }
}

WallTime Inventory::LastWriteByOthers(const RepoId& repo, WallTime written) const {
  MutexLock lock(mutex_);
  const auto own = own_writes_.find(repo);
  if (own == own_writes_.end() || written > own->second) return written;
  const auto others = others_writes_.find(repo);
  return others == others_writes_.end() ? WallTime::min() : others->second;
}

void Inventory::NoteOthersWrites(const RepoId& repo) {
  const auto before = Find(repo);
  const bool is_as_known =
      before != nullptr && !before->stamps.empty() && cache_.IsAsStamped(repo, before->stamps);
  if (!is_as_known && !Refresh(repo).ok()) return;  // what cannot be surveyed is not removed either
  const auto now = Find(repo);
  if (now == nullptr) return;
  const WallTime written = LastWriteByOthers(repo, now->written);
  MutexLock lock(mutex_);
  WallTime& known = others_writes_.emplace(repo, written).first->second;
  known = std::max(known, written);
}

absl::Status Inventory::Forget(const RepoId& repo, const CommitId& commit, const std::string& selection) {
  RETURN_IF_ERROR(Load());
  const std::string key = SnapshotKey(repo, commit) + selection;
  metadata::WriteBatch batch;
  Outdate(repo, &batch);
  batch.Delete(Table::kSelections, key);
  batch.Delete(Table::kAccesses, key);
  RETURN_IF_ERROR(store_.Write(batch, Durability::kPower));
  MutexLock lock(mutex_);
  accesses_.erase(key);
  return absl::OkStatus();
}

absl::Status Inventory::Touch(const RepoId& repo, const CommitId& commit,
                              const std::optional<std::string>& path) {
  RETURN_IF_ERROR(Load());
  const std::vector<std::string> keys = UsedKeys(Find(repo).get(), commit, path);
  const WallTime now = clock_.wall();
  metadata::WriteBatch batch;
  {
    MutexLock lock(mutex_);
    for (const std::string& key : keys) {
      Access& access = accesses_[key];
      access.at = std::max(access.at, now);
      if (now - access.kept < kCoarse) continue;
      access.kept = now;
      batch.Put(Table::kAccesses, key, EncodeAccess(now));
    }
  }
  return batch.changes().empty() ? absl::OkStatus() : store_.Write(batch, Durability::kProcess);
}

bool Inventory::TouchInMemory(const RepoId& repo, const CommitId& commit,
                              const std::optional<std::string>& path) {
  const std::vector<std::string> keys = UsedKeys(Find(repo).get(), commit, path);
  const WallTime now = clock_.wall();
  bool is_kept = !keys.empty();
  MutexLock lock(mutex_);
  for (const std::string& key : keys) {
    Access& access = accesses_[key];
    access.at = std::max(access.at, now);
    is_kept = is_kept && now - access.kept < kCoarse;
  }
  return is_kept;
}

Repos Inventory::All() const {
  MutexLock lock(mutex_);
  Repos all;
  all.reserve(repos_.size());
  for (const auto& [id, known] : repos_) {
    if (known.repo != nullptr) all.push_back(known.repo);
  }
  return all;
}

std::shared_ptr<const Repo> Inventory::Find(const RepoId& repo) const {
  MutexLock lock(mutex_);
  const auto found = repos_.find(repo);
  return found == repos_.end() ? nullptr : found->second.repo;
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
  for (const auto& [id, known] : repos_) {
    if (known.repo == nullptr || !is_meant(id)) continue;
    const std::vector<std::string>& more = known.repo->warnings;
    warnings.insert(warnings.end(), more.begin(), more.end());
  }
  if (warnings.size() > kMostWarnings) {
    const size_t unsaid = warnings.size() - kMostWarnings;
    warnings.resize(kMostWarnings);
    warnings.push_back(fmt::format("… and {} more warnings", unsaid));
  }
  return warnings;
}

std::vector<std::optional<RepoId>> Inventory::HoldersOf(
    const std::vector<Entry>& entries, const RepoId& but,
    const std::function<bool(const RepoId&)>& lends) const {
  std::vector<std::optional<RepoId>> holders(entries.size());
  std::unordered_map<uint64_t, size_t> wanted;  // mark → position
  for (size_t i = 0; i < entries.size(); ++i) wanted.emplace(BlobMark(entries[i].blob.hex()), i);
  wanted.erase(0);
  for (const auto& repo : All()) {
    if (repo->repo == but || (lends && !lends(repo->repo))) continue;
    for (const Snapshot& snapshot : repo->snapshots) {
      for (const Selection& selection : snapshot.selections) {
        for (const File& file : selection.files) {
          const auto found = wanted.find(file.blob_mark);
          if (found == wanted.end() || entries[found->second].size_bytes != file.size_bytes) continue;
          holders[found->second] = repo->repo;
          wanted.erase(found);
          if (wanted.empty()) return holders;
        }
      }
    }
  }
  return holders;
}

WallTime Inventory::LastAccess(const RepoId& repo, const Snapshot& snapshot,
                               const Selection& selection) const {
  MutexLock lock(mutex_);
  const auto recorded = accesses_.find(SnapshotKey(repo, snapshot.commit) + selection.id);
  return recorded == accesses_.end() ? selection.accessed : std::max(selection.accessed, recorded->second.at);
}

}  // namespace batuta::inventory
