#pragma once

#include <optional>

#include "common/types/entry.h"
#include "common/types/repo_id.h"
#include "common/types/revision.h"
#include "daemon/cache/cache.h"
#include "daemon/cache/verified_files.h"
#include "daemon/pull/header_store.h"

namespace batuta::pull {

// A file of a commit, which the cache may have.
struct CachedFile {
  cache::Cache& cache;
  cache::VerifiedFiles* verified;  // may be null: then no file is known to be right
  const RepoId& repo;
  const CommitId& commit;
  const Entry& entry;
};

// What the beginning of a GGUF file says, and the text of a `config.json`, from the cache. Nothing where the
// cache does not have the file, or it is not known that its bytes are right, or nothing can be made of them.
// Blocks on the disk.
std::optional<KnownHeader> ReadCachedHeader(const CachedFile& place);
std::optional<KnownHeader> ReadCachedConfig(const CachedFile& place);

}  // namespace batuta::pull
