#pragma once

#include <vector>

#include "absl/functional/function_ref.h"

#include "common/types/entry.h"
#include "common/types/repo_id.h"
#include "daemon/cache/cache.h"
#include "daemon/cache/verified_files.h"

namespace batuta::pull {

// A blob that is wanted, and another repo that seems to have it.
struct HeldBlob {
  Entry entry;  // its path is for messages
  RepoId holder;
};

// Gives `repo` blobs that other repos hold: each is one file then, with a name in either. Their bytes are
// read and hashed first, since another tool may have brought them and a wrong one must not spread; unless
// `verified`, which may be null, knows that they were right. One answer each: false for what cannot be had
// so, and must be fetched.
//
// Runs on the disk pool; asks `is_wanted` now and then, and gives up when it says no.
std::vector<bool> ShareBlobs(cache::Cache& cache, cache::VerifiedFiles* verified, const RepoId& repo,
                             const std::vector<HeldBlob>& blobs, absl::FunctionRef<bool()> is_wanted);

// Were the file's bytes found to be that blob, and not changed since? False where nobody remembers
// (`verified` is null).
bool IsKnownToBeRight(cache::VerifiedFiles* verified, const FileInfo& file, const BlobId& blob);

}  // namespace batuta::pull
