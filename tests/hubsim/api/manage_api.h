// Management of repos: create, delete, move, settings, branches, tags, and the check of a README's YAML.
#pragma once

#include "tests/hubsim/api/site.h"

namespace batuta::hubsim {

// POST /api/repos/create and /move, DELETE /api/repos/delete
Response ReposAnswer(const Site& site, const Request& request, const Caller& caller,
                     const std::string& action);

// PUT …/settings
Response SettingsAnswer(const RepoCall& call);

// POST and DELETE …/branch/{name}
Response CreateBranchAnswer(const RepoCall& call);
Response DeleteBranchAnswer(const RepoCall& call);

// POST …/tag/{rev}, DELETE …/tag/{name}
Response CreateTagAnswer(const RepoCall& call);
Response DeleteTagAnswer(const RepoCall& call);

// POST …/super-squash/{branch}: the branch becomes one commit without parent; older commits are no longer
// reachable
Response SuperSquashAnswer(const RepoCall& call);

// POST /api/validate-yaml
Response ValidateYamlAnswer(const Request& request);

// The refusal for a caller who may not write to the repo; nothing for one who may.
std::optional<Response> RefuseWriting(const RepoCall& call);

}  // namespace batuta::hubsim
