#include "client/commands/cache_target.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "client/commands/usage_error.h"
#include "client/output/wire_text.h"
#include "common/status/status.h"
#include "common/text/human.h"
#include "common/types/revision.h"

namespace batuta::client {
namespace {

// The words of the command line: no plurals, which are namespaces as well as not.
std::optional<RepoType> TypeOf(std::string_view word) {
  for (const RepoType type : {RepoType::kModel, RepoType::kDataset, RepoType::kSpace}) {
    if (ToString(type) == word) return type;
  }
  return std::nullopt;
}

v1::RepoId WireRepo(v1::RepoType type, const std::string& id) {
  v1::RepoId repo;
  repo.set_type(type);
  repo.set_id(id);
  return repo;
}

absl::Status Ambiguous(const std::string& what, const std::vector<CacheTarget>& found) {
  std::string choices;
  for (const CacheTarget& target : found) {
    choices += fmt::format("{}{}/{}", choices.empty() ? "" : " or ", TypeWord(target.repo.type()),
                           Printable(target.repo.id()));
  }
  return UsageError(fmt::format("{} is cached more than once", Quoted(what)),
                    fmt::format("which one: {}?", choices));
}

}  // namespace

void CacheTargets::Define(Flags& flags, Count count) {
  count_ = count;
  flags.Rest(&words_, "TARGET", "TYPE REPO, TYPE/REPO, REPO alone, or a cached commit",
             count != Count::kOneOrNone);
  flags.Value(&revision_, "--revision", "R", "branch, tag, refs/pr/N or commit; all of the repo without it");
}

absl::Status CacheTargets::Parse() {
  for (size_t at = 0; at < words_.size(); ++at) {
    Typed typed;
    std::string id = words_[at];
    typed.type = TypeOf(id);
    if (typed.type) {
      if (++at == words_.size())
        return UsageError(fmt::format("missing REPO: which {}?", id), "batuta hf cache ls");
      id = words_[at];
    } else if (const size_t slash = id.find('/'); slash != std::string::npos) {
      typed.type = TypeOf(id.substr(0, slash));
      if (typed.type) id.erase(0, slash + 1);
    } else if (const absl::StatusOr<CommitId> commit = CommitId::Parse(id); commit.ok()) {
      typed.commit = commit->hex();
    }
    if (typed.commit.empty()) {
      RETURN_IF_ERROR(RepoId::Parse(typed.type.value_or(RepoType::kModel), id).status());
      typed.id = std::move(id);
    } else if (!revision_.empty()) {
      return UsageError("a commit as target and --revision exclude each other", "name the repo instead");
    }
    typed_.push_back(std::move(typed));
  }
  if (count_ != Count::kOneOrMore && typed_.size() > 1) {
    return UsageError(fmt::format("one TARGET only; {} are given", typed_.size()), "");
  }
  if (typed_.empty() && !revision_.empty()) return UsageError("--revision of which repo?", "name a TARGET");
  return revision_.empty() ? absl::OkStatus() : Revision::Parse(revision_).status();
}

absl::StatusOr<std::vector<CacheTarget>> CacheTargets::Find(DaemonClient& client) const {
  v1::ListReposResponse cache;
  if (!std::all_of(typed_.begin(), typed_.end(), [](const Typed& typed) { return typed.type.has_value(); })) {
    ASSIGN_OR_RETURN(cache, client.ListRepos());
  }
  std::vector<CacheTarget> targets;
  for (const Typed& typed : typed_) {
    ASSIGN_OR_RETURN(CacheTarget target, Look(typed, cache));
    if (!revision_.empty()) target.revision = revision_;
    targets.push_back(std::move(target));
  }
  return targets;
}

absl::StatusOr<CacheTarget> CacheTargets::Look(const Typed& typed, const v1::ListReposResponse& cache) {
  if (typed.type) return CacheTarget{WireRepo(WireType(*typed.type), typed.id), ""};
  std::vector<CacheTarget> found;
  for (const v1::CachedRepo& repo : cache.repos()) {
    const bool has_commit =
        std::any_of(repo.revisions().begin(), repo.revisions().end(),
                    [&](const v1::CachedRevision& revision) { return revision.commit() == typed.commit; });
    if (typed.commit.empty() ? repo.repo().id() == typed.id : has_commit) {
      found.push_back({repo.repo(), typed.commit});
    }
  }
  if (found.size() > 1) return Ambiguous(typed.commit.empty() ? typed.id : typed.commit, found);
  if (found.size() == 1) return found.front();
  if (typed.commit.empty()) return CacheTarget{WireRepo(v1::REPO_TYPE_MODEL, typed.id), ""};
  return MakeError(absl::StatusCode::kNotFound, reason::kOfflineMiss,
                   fmt::format("commit {} is not in the cache", typed.commit),
                   "batuta hf cache ls --selections");
}

}  // namespace batuta::client
