// The tree of a commit: listing with pages, single paths, folder sizes.
#pragma once

#include "tests/hubsim/api/site.h"

namespace batuta::hubsim {

// GET …/tree/{rev}[/{path}]?recursive&expand&limit&cursor
Response TreeAnswer(const RepoCall& call);

// POST …/paths-info/{rev}, a form or JSON
Response PathsInfoAnswer(const RepoCall& call);

// GET …/treesize/{rev}[/{path}]
Response TreeSizeAnswer(const RepoCall& call);

}  // namespace batuta::hubsim
