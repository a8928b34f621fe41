#include "daemon/adoption/adoption.h"

#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <xxhash.h>

#include "common/log/log.h"
#include "common/status/status.h"
#include "daemon/guard/consent.h"
#include "daemon/safety/base/byte_source.h"
#include "daemon/safety/base/verdict.h"

namespace batuta::adoption {
namespace {

using inventory::Repo;
using metadata::Durability;
using metadata::Table;
using nlohmann::json;

// Which files the repo has, as a number: another one when any of them is another.
std::string MarkOf(const Repo& repo) {
  std::string text;
  for (const inventory::Snapshot& snapshot : repo.snapshots) {
    text += snapshot.commit.hex();
    for (const inventory::Selection& selection : snapshot.selections) {
      for (const inventory::File& file : selection.files) {
        text += fmt::format("\n{}:{}:{}:{}", file.key.device, file.key.inode, file.size_bytes, file.path);
      }
    }
  }
  return fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
}

std::string Encode(const std::string& mark, const std::vector<UnsafeFile>& found) {
  json files = json::array();
  for (const UnsafeFile& file : found) {
    files.push_back({{"commit", file.commit.hex()},
                     {"path", file.path},
                     {"verdict", file.verdict},
                     {"format", file.format},
                     {"pickle", file.pickle},
                     {"code", file.code},
                     {"reason", file.reason}});
  }
  const json record = {
      {"v", 1}, {"inspector", safety::kInspectorVersion}, {"mark", mark}, {"unsafe", std::move(files)}};
  return record.dump(-1, ' ', false, json::error_handler_t::replace);
}

// Nothing when it is of other files, or of another inspector.
std::optional<std::vector<UnsafeFile>> Decode(std::string_view text, const std::string& mark) {
  try {
    const json record = json::parse(text);
    if (record.at("v") != 1 || record.at("inspector") != safety::kInspectorVersion ||
        record.at("mark") != mark) {
      return std::nullopt;
    }
    std::vector<UnsafeFile> found;
    for (const json& file : record.at("unsafe")) {
      auto commit = CommitId::Parse(file.at("commit").get<std::string>());
      if (!commit.ok()) return std::nullopt;
      found.push_back({.commit = *std::move(commit),
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

}  // namespace

bool Adoption::LookAtNext() {
  MutexLock looking(looking_);
  const std::shared_ptr<const Repo> repo = Next();
  if (repo == nullptr) return false;
  const std::string mark = MarkOf(*repo);
  std::optional<std::vector<UnsafeFile>> found = Kept(repo->repo, mark);
  if (!found.has_value()) {
    found = LookAt(*repo);
    const absl::Status kept = metadata::Put(store_, Table::kAdopted, repo->repo.folder(),
                                            Encode(mark, *found), Durability::kProcess);
    if (!kept.ok()) LogWarn("what was found is not kept", Field("error", std::string(MessageOf(kept))));
  }
  MutexLock lock(mutex_);
  known_[repo->repo] = {repo, !found->empty()};
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
  std::optional<std::vector<UnsafeFile>> found = Kept(repo, MarkOf(*looked_at));
  return found.has_value() ? *std::move(found) : LookAt(*looked_at);
}

std::optional<std::vector<UnsafeFile>> Adoption::Kept(const RepoId& repo, const std::string& mark) const {
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

std::vector<UnsafeFile> Adoption::LookAt(const Repo& repo) {
  std::vector<UnsafeFile> found;
  std::set<std::pair<uint64_t, std::string>> seen;  // a file under a class of names
  for (const inventory::Snapshot& snapshot : repo.snapshots) {
    for (const inventory::Selection& selection : snapshot.selections) {
      for (const inventory::File& file : selection.files) {
        if (found.size() == kMostOfARepo) return found;
        if (!seen.emplace(file.key.inode, inspection_.NameClass(file.path)).second) continue;
        if (std::optional<UnsafeFile> one = LookAtFile(repo.repo, snapshot.commit, file.path)) {
          found.push_back(*std::move(one));
        }
      }
    }
  }
  return found;
}

std::optional<UnsafeFile> Adoption::LookAtFile(const RepoId& repo, const CommitId& commit,
                                               const std::string& path) {
  const auto file = cache_.OpenPlace({.repo = repo, .blob = "", .commit = commit, .path = path});
  if (!file.ok()) return std::nullopt;  // gone meanwhile: the next survey tells
  const auto info = (*file)->Info();
  if (!info.ok()) return std::nullopt;
  safety::FileSource bytes(**file, info->size_bytes);
  const guard::Inspection::Outcome outcome = inspection_.Inspect(path, bytes);
  const safety::Finding* const worst = safety::Worst(outcome.verdict);
  if (!outcome.status.ok() || worst == nullptr) return std::nullopt;
  return UnsafeFile{.commit = commit,
                    .path = path,
                    .verdict = std::string(safety::Judgement(outcome.verdict)),
                    .format = outcome.verdict.format,
                    .pickle = std::string(safety::PickleJudgement(outcome.verdict)),
                    .code = worst->code,
                    .reason = guard::Explanation(outcome.verdict)};
}

}  // namespace batuta::adoption
