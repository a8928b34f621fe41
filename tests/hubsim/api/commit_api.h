// POST …/commit/{rev}: newline-delimited JSON becomes one commit, on the branch or as a pull request.
#pragma once

#include "tests/hubsim/api/site.h"

namespace batuta::hubsim {

Response CommitAnswer(const RepoCall& call);

}  // namespace batuta::hubsim
