// Refs and history.
#pragma once

#include "tests/hubsim/api/site.h"

namespace batuta::hubsim {

// GET …/refs[?include_prs=1]
Response RefsAnswer(const RepoCall& call);

// GET …/commits/{rev}?p&limit&expand[]=formatted
Response CommitsAnswer(const RepoCall& call);

// GET …/compare/{a}..{b}[?raw=true]
Response CompareAnswer(const RepoCall& call);

}  // namespace batuta::hubsim
