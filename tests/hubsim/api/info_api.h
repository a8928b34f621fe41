// Repo info, lists and search, and tag catalogues.
#pragma once

#include "tests/hubsim/api/site.h"

namespace batuta::hubsim {

// GET /api/{kind}s/{id} and /api/{kind}s/{id}/revision/{rev}. An empty revision means main.
Response InfoAnswer(const RepoCall& call, const std::string& revision);

// GET /api/{kind}s
Response ListAnswer(const Site& site, const Request& request, const Caller& caller, RepoKind kind);

// GET /api/{kind}s-tags-by-type
Response TagCatalogue(const Site& site, const Request& request, RepoKind kind);

// GET /api/models/{id}/scan
Response ScanAnswer(const RepoCall& call);

}  // namespace batuta::hubsim
