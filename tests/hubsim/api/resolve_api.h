// File download: the resolver, its cache hop, and raw files.
#pragma once

#include "tests/hubsim/api/site.h"

namespace batuta::hubsim {

// HEAD or GET /{prefix}{id}/resolve/{rev}/{path}
Response ResolveAnswer(const RepoCall& call);

// HEAD or GET /api/resolve-cache/{kind}s/{id}/{commit}/{path}: only full commits
Response ResolveCacheAnswer(const RepoCall& call);

// HEAD or GET /{prefix}{id}/raw/{rev}/{path}: as git has it, so the pointer of an LFS file
Response RawAnswer(const RepoCall& call);

// The path on the CDN under which an LFS object of a repo is served.
std::string CdnObjectPath(const Repo& repo, const std::string& path, const Node& node);

}  // namespace batuta::hubsim
