#include "daemon/adoption/adoption.h"

#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <xxhash.h>

#include "common/log/log.h"
#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/guard/consent.h"
#include "daemon/safety/base/byte_source.h"
#include "daemon/safety/base/verdict.h"

namespace batuta::adoption {
namespace {

using inventory::Repo;
using metadata::Durability;
using metadata::Table;
using nlohmann::json;

// Which files the repo has, as a number: another one when any of them is another, or was written to.
std::string MarkOf(const Repo& repo) {
  std::string text;
  for (const inventory::Snapshot& snapshot : repo.snapshots) {
    text += fmt::format("{}:{}", snapshot.commit.hex(), snapshot.last_modified.time_since_epoch().count());
    for (const inventory::Selection& selection : snapshot.selections) {
      for (const inventory::File& file : selection.files) {
        text += fmt::format("\n{}:{}:{}:{}", file.key.device, file.key.inode, file.size_bytes, file.path);
      }
    }
  }
  return fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
}

std::string Encode(const std::string& mark, const Findings& found) {
  json files = json::array();
  for (const UnsafeFile& file : found.files) {
    files.push_back({{"commit", file.commit.hex()},
                     {"path", file.path},
                     {"verdict", file.verdict},
                     {"format", file.format},
                     {"pickle", file.pickle},
                     {"code", file.code},
                     {"reason", file.reason}});
  }
  const json record = {{"v", 1},
                       {"inspector", safety::kInspectorVersion},
                       {"mark", mark},
                       {"unread", found.has_unread},
                       {"unsafe", std::move(files)}};
  return record.dump(-1, ' ', false, json::error_handler_t::replace);
}

// Nothing when it is of other files, or of another inspector.
std::optional<Findings> Decode(std::string_view text, const std::string& mark) {
  try {
    const json record = json::parse(text);
    if (record.at("v") != 1 || record.at("inspector") != safety::kInspectorVersion ||
        record.at("mark") != mark) {
      return std::nullopt;
    }
    Findings found;
    found.has_unread = record.at("unread").get<bool>();
    for (const json& file : record.at("unsafe")) {
      auto commit = CommitId::Parse(file.at("commit").get<std::string>());
      if (!commit.ok()) return std::nullopt;
      found.files.push_back({.commit = *std::move(commit),
                             .path = file.at("path").get<std::string>(),
                             .verdict = file.at("verdict").get<std::string>(),
                             .format = file.at("format").get<std::string>(),
                             .pickle = file.at("pickle").get<std::string>(),
                             .code = file.at("code").get<std::string>(),
                             .reason = file.at("reason").get<std::string>()});
    }
    return found;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

UnsafeFile Unread(const CommitId& commit, const std::string& path, const absl::Status& why) {
  return {.commit = commit,
          .path = path,
          .verdict = "unknown",
          .format = "unknown",
          .pickle = "none",
          .code = "file-unreadable",
          .reason = fmt::format("it could not be read: {}", Printable(MessageOf(why)))};
}

}  // namespace

bool Adoption::LookAtNext() {
  MutexLock looking(looking_);
  const std::shared_ptr<const Repo> repo = Next();
  if (repo == nullptr) return false;
  const std::string mark = MarkOf(*repo);
  std::optional<Findings> found = Kept(repo->repo, mark);
  // What could not be read may be readable now.
  if (!found.has_value() || found->has_unread) {
    found = LookAt(*repo);
    const absl::Status kept = metadata::Put(store_, Table::kAdopted, repo->repo.folder(),
                                            Encode(mark, *found), Durability::kProcess);
    if (!kept.ok()) LogWarn("what was found is not kept", Field("error", std::string(MessageOf(kept))));
  }
  MutexLock lock(mutex_);
  known_[repo->repo] = {repo, !found->files.empty()};
  return true;
}

std::vector<UnsafeFile> Adoption::UnsafeOf(const RepoId& repo) {
  std::shared_ptr<const Repo> looked_at;
  {
    MutexLock lock(mutex_);
    const auto known = known_.find(repo);
    if (known == known_.end() || !known->second.has_unsafe) return {};
    looked_at = known->second.repo;
  }
  std::optional<Findings> found = Kept(repo, MarkOf(*looked_at));
  return found.has_value() ? std::move(found->files) : LookAt(*looked_at).files;
}

std::optional<Findings> Adoption::Kept(const RepoId& repo, const std::string& mark) const {
  const auto text = store_.Get(Table::kAdopted, repo.folder());
  if (!text.ok() || !text->has_value()) return std::nullopt;
  return Decode(**text, mark);
}

// And forgets those that are gone. Both are in the order of the ids.
std::shared_ptr<const Repo> Adoption::Next() {
  const inventory::Repos repos = inventory_.All();
  MutexLock lock(mutex_);
  std::shared_ptr<const Repo> next;
  auto known = known_.begin();
  for (const auto& repo : repos) {
    while (known != known_.end() && known->first < repo->repo) known = known_.erase(known);
    const bool is_known = known != known_.end() && known->first == repo->repo;
    if (next == nullptr && (!is_known || known->second.repo != repo)) next = repo;
    if (is_known) ++known;
  }
  known_.erase(known, known_.end());
  return next;
}

Findings Adoption::LookAt(const Repo& repo) {
  Findings found;
  std::set<std::pair<inventory::FileKey, std::string>> seen;  // a file under a class of names
  for (const inventory::Snapshot& snapshot : repo.snapshots) {
    for (const inventory::Selection& selection : snapshot.selections) {
      for (const inventory::File& file : selection.files) {
        if (found.files.size() == kMostOfARepo) return found;
        if (!seen.emplace(file.key, inspection_.NameClass(file.path)).second) continue;
        const absl::Status read = LookAtFile(repo.repo, snapshot.commit, file.path, found.files);
        if (read.ok()) continue;
        found.has_unread = true;
        found.files.push_back(Unread(snapshot.commit, file.path, read));
      }
    }
  }
  return found;
}

absl::Status Adoption::LookAtFile(const RepoId& repo, const CommitId& commit, const std::string& path,
                                  std::vector<UnsafeFile>& found) {
  const auto file = cache_.OpenPlace({.repo = repo, .blob = "", .commit = commit, .path = path});
  if (absl::IsNotFound(file.status())) return absl::OkStatus();  // gone meanwhile: the next survey tells
  RETURN_IF_ERROR(file.status());
  ASSIGN_OR_RETURN(const FileInfo info, (*file)->Info());
  safety::FileSource bytes(**file, info.size_bytes);
  const guard::Inspection::Outcome outcome = inspection_.Inspect(path, bytes);
  // What was found before reading failed counts.
  const safety::Finding* const worst = safety::Worst(outcome.verdict);
  if (worst == nullptr) return outcome.status;
  found.push_back({.commit = commit,
                   .path = path,
                   .verdict = std::string(safety::Judgement(outcome.verdict)),
                   .format = outcome.verdict.format,
                   .pickle = std::string(safety::PickleJudgement(outcome.verdict)),
                   .code = worst->code,
                   .reason = guard::Explanation(outcome.verdict)});
  return absl::OkStatus();
}

}  // namespace batuta::adoption
