#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/io/file_system.h"
#include "common/types/repo_id.h"
#include "common/types/revision.h"
#include "daemon/cache/layout.h"
#include "daemon/cache/probe.h"
#include "daemon/cache/removal.h"
#include "daemon/cache/repo_gate.h"
#include "daemon/cache/survey.h"
#include "daemon/cache/temp_names.h"

namespace batuta::cache {

// Remover takes files out of a repo so that no moment, and no crash, leaves a link to nothing or a ref to no
// snapshot: refs first, then links, made durable, then blobs. Thread-safe.
class Remover {
 public:
  Remover(const Layout& layout, FileSystem& files, RepoGate& gate, TempNames& temp_names, const Probe& probe)
      : layout_(layout), files_(files), gate_(gate), temp_names_(temp_names), probe_(probe) {}

  // As Cache::Remove().
  absl::StatusOr<Removal> Remove(const RepoId& repo, const CommitId& commit,
                                 const std::vector<std::string>& paths, absl::FunctionRef<bool()> may_go);

  // As Cache::RemoveLoose().
  absl::StatusOr<Removal> RemoveLoose(const RepoId& repo, const std::vector<std::string>& names);

 private:
  using Path = std::filesystem::path;

  // A blob under a temporary name, until nothing turns out to have linked to it meanwhile.
  struct Aside {
    std::string name;
    Path temp;
  };

  absl::Status RemoveRefs(const RepoId& repo, const std::vector<std::string>& refs);
  absl::Status RemoveSnapshotFolder(const RepoId& repo, const CommitId& commit);
  absl::Status RemoveBlobs(const RepoId& repo, const std::set<std::string>& names, Removal* removal);
  absl::StatusOr<std::vector<Aside>> SetAside(const RepoId& repo, const std::set<std::string>& names);
  absl::StatusOr<bool> IsOpen(const Path& path);
  absl::Status RemoveTree(const Path& folder);
  void RemoveEmptyRepo(const RepoId& repo);

  const Layout& layout_;
  FileSystem& files_;
  RepoGate& gate_;
  TempNames& temp_names_;
  const Probe& probe_;
};

}  // namespace batuta::cache
