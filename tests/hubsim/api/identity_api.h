// Who a token belongs to, what it may do, and what is known about accounts.
#pragma once

#include "tests/hubsim/api/site.h"

namespace batuta::hubsim {

// GET /api/whoami-v2
Response WhoAmIAnswer(const Caller& caller);

// GET …/auth-check[/write]
Response AuthCheckAnswer(const RepoCall& call);

// GET /api/users/{name}/overview, /api/organizations/{name}/overview
Response UserOverview(const Site& site, const std::string& name);
Response OrganizationOverview(const Site& site, const std::string& name);

}  // namespace batuta::hubsim
