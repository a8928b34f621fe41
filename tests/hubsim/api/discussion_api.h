// Discussions and pull requests, as far as somebody who pushes needs them.
#pragma once

#include <string>

#include "tests/hubsim/api/site.h"

namespace batuta::hubsim {

// GET …/discussions and …/discussions/{n}
Response DiscussionsAnswer(const RepoCall& call);

// POST …/discussions, …/discussions/{n}/comment, /title, /status and /merge
Response DiscussionActionAnswer(const RepoCall& call);

// Opens a pull request whose ref stands at `base`.
Discussion& OpenPullRequest(Repo& repo, const std::string& base, const std::string& title,
                            const std::string& author);

// The ref of a pull request: "refs/pr/7".
std::string PullRequestRef(const Discussion& discussion);

// The refusal for a caller who may not commit to `revision`; nothing for one who may: who writes to the repo,
// and on the ref of a pull request who opened it.
std::optional<Response> RefuseCommitting(const RepoCall& call, const std::string& revision);

}  // namespace batuta::hubsim
