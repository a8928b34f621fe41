#include "daemon/pull/tree_finder.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"

namespace batuta::pull {
namespace {

constexpr std::string_view kAskOnline =
    "run it once without --offline (and without HF_HUB_OFFLINE), or copy the files into the cache";
constexpr std::string_view kDaemonIsOffline =
    "this daemon is offline, whoever calls: stop it with `batuta daemon stop` and call again without "
    "HF_HUB_OFFLINE (or without `offline` in config.toml), or copy the files into the cache";

// Disk pool. A cache that another tool filled without keeping the listing: what is there is all that is
// known.
absl::StatusOr<std::optional<FoundTree>> ReadKnown(cache::Cache& cache, const RepoId& repo,
                                                   const CommitId& commit, bool partial_will_do) {
  ASSIGN_OR_RETURN(std::optional<Tree> tree, cache.ReadTree(repo, commit));
  if (tree) return FoundTree{.tree = *std::move(tree)};
  if (!partial_will_do) return std::nullopt;
  ASSIGN_OR_RETURN(tree, cache.ReadSnapshot(repo, commit));
  if (!tree) return std::nullopt;
  return FoundTree{.tree = *std::move(tree), .is_partial = true};
}

}  // namespace

void TreeFinder::FindCommit(const RepoId& repo, const Revision& revision, bool offline,
                            const hub::Access& access, hub::Callback<CommitId> done) {
  if (const std::optional<CommitId> commit = revision.AsCommit()) {
    return core_.Post([commit = *commit, done = std::move(done)]() mutable { done(commit); });
  }
  if (!offline && !is_offline_) return hub_.ResolveRevision(repo, revision, access, std::move(done));
  disk_.Post([this, repo, revision, done = std::move(done)]() mutable {
    absl::StatusOr<std::optional<CommitId>> known = cache_.ReadRef(repo, revision);
    absl::StatusOr<CommitId> commit = Miss(repo, fmt::format("revision {}", revision.text()));
    if (!known.ok()) {
      commit = known.status();
    } else if (known->has_value()) {
      commit = **known;
    }
    core_.Post([done = std::move(done), commit = std::move(commit)]() mutable { done(std::move(commit)); });
  });
}

void TreeFinder::FindTree(const RepoId& repo, const CommitId& commit, bool offline, const hub::Access& access,
                          hub::Callback<FoundTree> done) {
  const bool asks_nobody = offline || is_offline_;
  disk_.Post([this, repo, commit, asks_nobody, access = access, done = std::move(done)]() mutable {
    auto known = ReadKnown(cache_, repo, commit, asks_nobody);
    core_.Post([this, repo, commit, asks_nobody, access = std::move(access), done = std::move(done),
                known = std::move(known)]() mutable {
      if (!known.ok()) return done(known.status());
      if (known->has_value()) return done(**std::move(known));
      if (asks_nobody) return done(Miss(repo, fmt::format("commit {}", commit.hex())));
      hub_.ListTree(repo, commit, access, [done = std::move(done)](absl::StatusOr<Tree> tree) mutable {
        if (!tree.ok()) return done(tree.status());
        done(FoundTree{.tree = *std::move(tree), .is_new = true});
      });
    });
  });
}

absl::Status TreeFinder::Miss(const RepoId& repo, std::string_view what) const {
  return MakeError(absl::StatusCode::kNotFound, reason::kOfflineMiss,
                   fmt::format("{} {}: {} is not in the cache, and the hub is not asked while offline",
                               ToString(repo.type()), repo.id(), what),
                   is_offline_ ? kDaemonIsOffline : kAskOnline);
}

}  // namespace batuta::pull
