// Finds out which repo a request is about, and whether the caller may see it.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tests/hubsim/api/site.h"

namespace batuta::hubsim {

// Where in the segments of a path the repo's id stands, and what follows it.
struct RepoRoute {
  RepoKind kind = RepoKind::kModel;
  std::string id = {};
  std::size_t id_at = 0;     // index of the id's first segment
  std::size_t id_count = 2;  // its segments: 1 for names without namespace
  std::vector<std::string> rest = {};
};

// For /api/{kind}s/… with the id from segment `id_at` on. A name without namespace is recognised when it is
// all there is, or when a known sub-resource follows and such a repo exists.
RepoRoute ApiRoute(RepoStore& store, RepoKind kind, const std::vector<std::string>& segments,
                   std::size_t id_at);

// For /{prefix}{id}/resolve|raw|…; nothing when the path has no repo in it.
std::optional<RepoRoute> PageRoute(const std::vector<std::string>& segments);

// The repo, or the answer that the caller gets instead: 401 or 404 by the hub's rules, or 307 to the present
// name.
std::variant<Repo*, Response> FindRepo(RepoStore& store, const Request& request, const RepoRoute& route,
                                       const Caller& caller);

}  // namespace batuta::hubsim
