// The steps of a push before its commit: preupload, the LFS batch, completion and verification.
#pragma once

#include "tests/hubsim/api/site.h"

namespace batuta::hubsim {

// POST …/preupload/{rev}
Response PreuploadAnswer(const RepoCall& call);

// POST /{prefix}{id}.git/info/lfs/objects/batch
Response LfsBatchAnswer(const RepoCall& call);

// POST …/lfs/verify {"oid","size"}
Response LfsVerifyAnswer(const RepoCall& call);

// POST /api/complete_multipart/{oid}/{upload id} {"oid","parts":[{"partNumber","etag"}]}, by signed URL,
// without token
Response CompleteMultipartAnswer(const Site& site, const Request& request);

}  // namespace batuta::hubsim
