// Site is what all parts of the hub's API share: the data, the options, and the links between the two ports.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/hubsim/api/link_signer.h"
#include "tests/hubsim/api/upload_area.h"
#include "tests/hubsim/net/fault_board.h"
#include "tests/hubsim/net/http_message.h"
#include "tests/hubsim/options.h"
#include "tests/hubsim/store/repo_store.h"

namespace batuta::hubsim {

struct Site {
  const Options& options;
  RepoStore& store;
  UploadArea& uploads;
  const LinkSigner& signer;
  std::string endpoint;  // "http://127.0.0.1:PORT", without trailing slash
  std::string cdn_endpoint;
};

// Who asks. `user` is null for an anonymous caller.
struct Caller {
  const User* user = nullptr;
  bool has_bad_token = false;

  bool is_anonymous() const { return user == nullptr; }
};

// By the Authorization header; the store's mutex must be held.
Caller IdentifyCaller(const RepoStore& store, const Request& request);

// One request about one repo that exists and that the caller may see.
struct RepoCall {
  const Site& site;
  const Request& request;
  const FaultPlan& plan;
  const Caller& caller;
  Repo& repo;
  std::vector<std::string> rest;  // decoded segments after the repo's id
};

// A revision and what follows it in a path. Accepts refs/pr/1 in one encoded segment or in three.
struct RevisionPath {
  std::string revision = {};
  std::string path = {};  // may be empty
};

// `rest` from the segment after the sub-resource's name on; an empty revision when there is none.
RevisionPath SplitRevision(const std::vector<std::string>& rest, std::size_t from);

bool MayRead(const Repo& repo, const Caller& caller);
bool MayWrite(const Repo& repo, const Caller& caller);

// The `Link` of a page that is followed by another: this request's URL, absolute, with `cursor` (encoded
// here).
std::string NextPageLink(const Site& site, const Request& request, const std::string& position);

// Whether file content is open to the caller: not gated, or granted.
bool MayReadFiles(const Repo& repo, const Caller& caller);

}  // namespace batuta::hubsim
