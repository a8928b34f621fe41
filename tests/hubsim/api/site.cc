#include "tests/hubsim/api/site.h"

#include <algorithm>

namespace batuta::hubsim {
namespace {

constexpr std::string_view kBearer = "bearer ";

bool IsGranted(const Repo& repo, const Caller& caller) {
  if (caller.is_anonymous()) return false;
  const std::vector<std::string>& granted = repo.settings.granted;
  return caller.user->IsMemberOf(repo.Namespace()) ||
         std::ranges::find(granted, caller.user->name) != granted.end();
}

}  // namespace

Caller IdentifyCaller(const RepoStore& store, const Request& request) {
  const auto header = request.headers.Find("Authorization");
  if (!header) return {};
  if (!ToLower(*header).starts_with(kBearer)) return {.has_bad_token = true};
  const User* user = store.FindUserByToken(header->substr(kBearer.size()));
  return {.user = user, .has_bad_token = user == nullptr};
}

RevisionPath SplitRevision(const std::vector<std::string>& rest, std::size_t from) {
  RevisionPath split;
  if (from >= rest.size()) return split;
  split.revision = rest[from++];
  if (split.revision == "refs" && from + 1 < rest.size()) {
    split.revision += "/" + rest[from] + "/" + rest[from + 1];
    from += 2;
  }
  for (; from < rest.size(); ++from) split.path += (split.path.empty() ? "" : "/") + rest[from];
  return split;
}

std::string NextPageLink(const Site& site, const Request& request, const std::string& position) {
  std::string query;
  for (const auto& [key, value] : request.query) {
    if (key != "cursor") query += PercentEncode(key, "[]") + "=" + PercentEncode(value) + "&";
  }
  const std::string_view raw_path = std::string_view(request.target).substr(0, request.target.find('?'));
  return "<" + site.endpoint + std::string(raw_path) + "?" + query +
         "cursor=" + PercentEncode(Base64Encode(position)) + ">; rel=\"next\"";
}

bool MayRead(const Repo& repo, const Caller& caller) {
  return !repo.settings.is_private || IsGranted(repo, caller);
}

bool MayWrite(const Repo& repo, const Caller& caller) {
  return !caller.is_anonymous() && caller.user->role != "read" && caller.user->IsMemberOf(repo.Namespace());
}

bool MayReadFiles(const Repo& repo, const Caller& caller) {
  return repo.settings.gated.empty() || IsGranted(repo, caller);
}

}  // namespace batuta::hubsim
