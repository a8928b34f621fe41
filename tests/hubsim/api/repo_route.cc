#include "tests/hubsim/api/repo_route.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "tests/hubsim/api/answers.h"

namespace batuta::hubsim {
namespace {

bool IsSubResource(std::string_view segment) {
  static const std::set<std::string, std::less<>> kNames = {
      "auth-check", "branch",    "commit",         "commits",         "compare",      "discussions",
      "lfs",        "lfs-files", "paths-info",     "preupload",       "raw",          "refs",
      "resolve",    "revision",  "scan",           "settings",        "super-squash", "tag",
      "tree",       "treesize",  "xet-read-token", "xet-write-token", "blob",         "user-access-request"};
  return kNames.contains(segment);
}

std::vector<std::string> Tail(const std::vector<std::string>& segments, std::size_t from) {
  if (from >= segments.size()) return {};
  return {segments.begin() + static_cast<std::ptrdiff_t>(from), segments.end()};
}

// The request's target with the id's segments replaced, everything else as it was sent.
std::string TargetWithId(const Request& request, const RepoRoute& route, const std::string& id) {
  const std::size_t question = request.target.find('?');
  std::string path;
  std::size_t index = 0;
  for (const std::string& piece : Split(std::string_view(request.target).substr(0, question), '/')) {
    if (piece.empty()) continue;
    if (index == route.id_at) path += "/" + EncodePath(id);
    if (index < route.id_at || index >= route.id_at + route.id_count) path += "/" + piece;
    ++index;
  }
  return question == std::string::npos ? path : path + request.target.substr(question);
}

// To an anonymous caller a private repo and a missing one look the same, and so they do to a stranger's
// token.
Response MissingRepo(const Caller& caller) {
  if (caller.is_anonymous()) return ErrorAnswer(401, "", "Invalid username or password.");
  return ErrorAnswer(404, "RepoNotFound", "Repository not found");
}

}  // namespace

RepoRoute ApiRoute(RepoStore& store, RepoKind kind, const std::vector<std::string>& segments,
                   std::size_t id_at) {
  RepoRoute route{.kind = kind, .id = segments.at(id_at), .id_at = id_at, .id_count = 1, .rest = {}};
  const bool is_all = segments.size() == id_at + 1;
  const bool is_known_bare_name = !is_all && IsSubResource(segments[id_at + 1]) &&
                                  (store.Find(kind, route.id) != nullptr || store.FindAlias(kind, route.id));
  if (!is_all && !is_known_bare_name) {
    route.id += "/" + segments[id_at + 1];
    route.id_count = 2;
  }
  route.rest = Tail(segments, id_at + route.id_count);
  return route;
}

std::optional<RepoRoute> PageRoute(const std::vector<std::string>& segments) {
  if (segments.empty()) return std::nullopt;
  RepoRoute route;
  const auto kind = KindFromPlural(segments[0]);
  if (kind && *kind != RepoKind::kModel) {
    route.kind = *kind;
    route.id_at = 1;
  }
  if (segments.size() < route.id_at + 2) return std::nullopt;
  route.id = segments[route.id_at];
  route.id_count = 1;
  if (!IsSubResource(segments[route.id_at + 1])) {
    route.id += "/" + segments[route.id_at + 1];
    route.id_count = 2;
  }
  route.rest = Tail(segments, route.id_at + route.id_count);
  return route;
}

std::variant<Repo*, Response> FindRepo(RepoStore& store, const Request& request, const RepoRoute& route,
                                       const Caller& caller) {
  if (Repo* repo = store.Find(route.kind, route.id)) {
    if (MayRead(*repo, caller)) return repo;
    return MissingRepo(caller);
  }
  if (const auto alias = store.FindAlias(route.kind, route.id)) {
    const Repo* target = store.Find(route.kind, *alias);
    if (target == nullptr || MayRead(*target, caller))
      return RedirectAnswer(307, TargetWithId(request, route, *alias));
  }
  return MissingRepo(caller);
}

}  // namespace batuta::hubsim
