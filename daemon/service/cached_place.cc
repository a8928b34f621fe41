#include "daemon/service/cached_place.h"

#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"
#include "daemon/cache/cache_reader.h"
#include "daemon/cache/layout.h"

namespace batuta::service {

namespace {

absl::Status Miss(const RepoId& repo, std::string_view what) {
  return MakeError(absl::StatusCode::kNotFound, reason::kOfflineMiss,
                   fmt::format("{} {}: {} is not in the cache", ToString(repo.type()), repo.id(), what),
                   fmt::format("batuta hf pull {} {}", ToString(repo.type()), repo.id()));
}

}  // namespace

absl::Status NotCached(const RepoId& repo, const Revision& revision, const std::optional<RepoPath>& path) {
  const std::optional<CommitId> commit = revision.AsCommit();
  if (!commit) return Miss(repo, fmt::format("revision {}", revision.text()));
  return Miss(repo, path ? path->text() : fmt::format("commit {}", commit->hex()));
}

absl::StatusOr<CommitId> CachedCommit(cache::Cache& cache, const RepoId& repo, const Revision& revision) {
  if (const std::optional<CommitId> commit = revision.AsCommit()) return *commit;
  ASSIGN_OR_RETURN(const std::optional<CommitId> commit, cache.ReadRef(repo, revision));
  if (!commit) return Miss(repo, fmt::format("revision {}", revision.text()));
  return *commit;
}

absl::StatusOr<CachedPlace> FindCached(cache::Cache& cache, const RepoId& repo, const Revision& revision,
                                       const std::optional<RepoPath>& path) {
  ASSIGN_OR_RETURN(CommitId commit, CachedCommit(cache, repo, revision));
  std::filesystem::path place = cache.SnapshotPath(repo, commit);
  if (path) place /= path->text();
  std::error_code error;
  if (!std::filesystem::exists(place, error)) {
    return Miss(repo, path ? path->text() : fmt::format("commit {}", commit.hex()));
  }
  return CachedPlace{std::move(place), std::move(commit)};
}

std::optional<CachedPlace> FindCachedAtOnce(const AtOnce& at_once, const cache::Cache& cache,
                                            const RepoId& repo, const Revision& revision,
                                            const std::optional<RepoPath>& path) {
  const cache::Layout below("");  // the root
  std::optional<CommitId> commit = revision.AsCommit();
  if (!commit) {
    const std::optional<std::string> text = at_once.Read(below.Ref(repo, revision));
    if (text) commit = cache::ParseRefText(*text);
  }
  if (!commit) return std::nullopt;
  std::filesystem::path place = below.Snapshot(repo, *commit);
  if (path) place /= path->text();
  if (!at_once.Has(place)) return std::nullopt;
  return CachedPlace{cache.root() / place, *std::move(commit)};
}

}  // namespace batuta::service
