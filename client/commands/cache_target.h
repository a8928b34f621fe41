#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "batuta/v1/cache_service.pb.h"

#include "client/commands/flags.h"
#include "client/connection/daemon_client.h"
#include "common/types/repo_id.h"

namespace batuta::client {

// What of the cache a command is about.
struct CacheTarget {
  v1::RepoId repo;
  std::string revision;  // empty = all of it, or what the RPC takes it for
};

// CacheTargets are the arguments TARGET… and the flag --revision. A target is `TYPE REPO`, `TYPE/REPO`, or a
// bare `REPO`: then of the type that is cached. The 40 digits of a cached commit stand for that commit alone.
class CacheTargets {
 public:
  // How many there are.
  enum class Count { kOne, kOneOrMore, kOneOrNone };

  void Define(Flags& flags, Count count);

  // Before the daemon is asked.
  //   kInvalidArgument (INVALID_REPO_ID, INVALID_REVISION, INVALID_ARGUMENT)
  absl::Status Parse();

  // What was typed, in its order; asks the daemon where that does not say the type.
  //   kInvalidArgument (INVALID_ARGUMENT)  several cached repos are called so; names them.
  //   kNotFound (OFFLINE_MISS)             no such commit is cached.
  absl::StatusOr<std::vector<CacheTarget>> Find(DaemonClient& client) const;

 private:
  // Either a repo, or a commit of whichever repo has it.
  struct Typed {
    std::optional<RepoType> type;
    std::string id;
    std::string commit;
  };

  static absl::StatusOr<CacheTarget> Look(const Typed& typed, const v1::ListReposResponse& cache);

  Count count_ = Count::kOneOrMore;
  std::vector<std::string> words_;
  std::string revision_;
  std::vector<Typed> typed_;
};

}  // namespace batuta::client
