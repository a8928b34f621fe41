#include "tests/hubsim/api/tree_api.h"

#include <algorithm>
#include <optional>
#include <variant>

#include <fmt/format.h>

#include "tests/hubsim/api/answers.h"

namespace batuta::hubsim {
namespace {

using nlohmann::json;

constexpr std::size_t kMostPaths = 2000;

// The answer when the revision is unknown, else the commit.
std::variant<const Commit*, Response> CommitOf(const RepoCall& call, const std::string& revision) {
  if (const Commit* commit = call.repo.Resolve(revision)) return commit;
  return ErrorAnswer(404, "RevisionNotFound", "Invalid rev id: " + revision);
}

// What the settings say of the file, and of each scanner that they do not name that it has not looked.
json SecurityStatus(const Repo& repo, const std::string& path) {
  json status = {{"status", "unscanned"},
                 {"avScan", {{"status", "unscanned"}}},
                 {"pickleImportScan", {{"status", "unscanned"}}},
                 {"jFrogScan", {{"status", "unscanned"}}},
                 {"protectAiScan", {{"status", "unscanned"}}},
                 {"virusTotalScan", {{"status", "unscanned"}}}};
  const auto verdict = repo.settings.security_file_status.find(path);
  if (verdict == repo.settings.security_file_status.end()) return status;
  const json told = json::parse(verdict->second, nullptr, false);
  if (told.is_object()) status.update(told);
  return status;
}

json EntryJson(const Repo& repo, const std::string& path, const Node& node, bool is_expanded) {
  json entry = {{"type", node.is_directory ? "directory" : "file"},
                {"oid", Hex(node.oid)},
                {"size", node.size},
                {"path", path}};
  if (node.is_lfs()) {
    entry["lfs"] = {{"oid", Hex(*node.sha256)}, {"size", node.size}, {"pointerSize", node.pointer_size}};
  }
  if (!is_expanded) return entry;
  const Commit& last = repo.commits[node.last_commit];
  entry["lastCommit"] = {{"id", last.id}, {"title", last.title}, {"date", last.date}};
  if (!node.is_directory) entry["securityFileStatus"] = SecurityStatus(repo, path);
  return entry;
}

struct Page {
  json entries = json::array();
  std::optional<std::string> last;  // path of the last entry when others follow
};

// Walks `folder` from after `position` on; jumps over what lies in subfolders unless recursive.
Page ListFolder(const Repo& repo, const Tree& tree, const std::string& folder, const std::string& position,
                bool is_recursive, bool is_expanded, std::size_t limit) {
  Page page;
  const std::string prefix = folder.empty() ? std::string() : folder + "/";
  auto at = position.empty() ? tree.lower_bound(prefix) : tree.upper_bound(position);
  std::string last;
  while (at != tree.end() && at->first.starts_with(prefix)) {
    const std::size_t slash = at->first.find('/', prefix.size());
    if (!is_recursive && slash != std::string::npos) {
      // '0' follows '/' in ASCII: the first name after everything in that subfolder.
      at = tree.lower_bound(at->first.substr(0, slash) + "0");
      continue;
    }
    if (page.entries.size() == limit) {
      page.last = last;
      return page;
    }
    page.entries.push_back(EntryJson(repo, at->first, at->second, is_expanded));
    last = at->first;
    ++at;
  }
  return page;
}

struct PathsRequest {
  std::vector<std::string> paths;
  bool is_expanded = false;
};

std::optional<PathsRequest> ParsePathsRequest(const Request& request) {
  const std::string type = request.headers.Find("Content-Type").value_or("");
  if (type.starts_with("application/x-www-form-urlencoded")) {
    const QueryParams form = ParseQuery(ReadAll(*request.body));
    return PathsRequest{.paths = QueryValues(form, "paths"), .is_expanded = QueryFlag(form, "expand")};
  }
  const json body = JsonBody(request);
  if (!body.is_object() || !body.contains("paths")) return std::nullopt;
  std::vector<std::string> paths = JsonStrings(body, "paths");
  if (const std::string one = JsonString(body, "paths"); !one.empty()) paths.push_back(one);
  return PathsRequest{.paths = std::move(paths), .is_expanded = JsonBool(body, "expand")};
}

}  // namespace

Response TreeAnswer(const RepoCall& call) {
  const RevisionPath where = SplitRevision(call.rest, 1);
  auto resolved = CommitOf(call, where.revision);
  if (auto* refusal = std::get_if<Response>(&resolved)) return std::move(*refusal);
  const Commit& commit = *std::get<const Commit*>(resolved);

  if (!where.path.empty()) {
    const auto folder = commit.tree->find(where.path);
    if (folder == commit.tree->end() || !folder->second.is_directory) {
      return ErrorAnswer(404, "EntryNotFound",
                         fmt::format("{} does not exist on \"{}\"", where.path, where.revision));
    }
  }
  const QueryParams& query = call.request.query;
  const bool is_expanded = QueryFlag(query, "expand");
  const std::size_t most =
      is_expanded ? call.site.options.expanded_tree_page_size : call.site.options.tree_page_size;
  const auto asked = ParseNumber(QueryValue(query, "limit").value_or(""));
  const std::size_t limit = std::clamp<std::size_t>(asked.value_or(most), 1, most);
  std::string position;
  if (const auto cursor = QueryValue(query, "cursor")) {
    position = Base64Decode(*cursor).value_or("");
    if (!commit.tree->contains(position)) return ErrorAnswer(400, "", "Invalid cursor");
  }

  Page page = ListFolder(call.repo, *commit.tree, where.path, position, QueryFlag(query, "recursive"),
                         is_expanded, limit);
  Response response = JsonAnswer(page.entries);
  response.headers.Set("X-Repo-Commit", commit.id);
  if (page.last) response.headers.Set("Link", NextPageLink(call.site, call.request, *page.last));
  return response;
}

Response PathsInfoAnswer(const RepoCall& call) {
  const RevisionPath where = SplitRevision(call.rest, 1);
  auto resolved = CommitOf(call, where.revision);
  if (auto* refusal = std::get_if<Response>(&resolved)) return std::move(*refusal);
  const Commit& commit = *std::get<const Commit*>(resolved);

  const std::optional<PathsRequest> asked = ParsePathsRequest(call.request);
  if (!asked) return ErrorAnswer(400, "", "\"paths\" is required");
  if (asked->paths.size() > kMostPaths) return ErrorAnswer(413, "", "too many paths");
  json list = json::array();
  for (const std::string& path : asked->paths) {
    const auto entry = commit.tree->find(path);
    if (entry == commit.tree->end()) continue;
    list.push_back(EntryJson(call.repo, path, entry->second, asked->is_expanded));
  }
  Response response = JsonAnswer(list);
  response.headers.Set("X-Repo-Commit", commit.id);
  return response;
}

Response TreeSizeAnswer(const RepoCall& call) {
  const RevisionPath where = SplitRevision(call.rest, 1);
  auto resolved = CommitOf(call, where.revision);
  if (auto* refusal = std::get_if<Response>(&resolved)) return std::move(*refusal);
  const Commit& commit = *std::get<const Commit*>(resolved);
  if (!where.path.empty() && !commit.tree->contains(where.path)) {
    return ErrorAnswer(404, "EntryNotFound",
                       fmt::format("{} does not exist on \"{}\"", where.path, where.revision));
  }
  std::uint64_t total = 0;
  for (const auto& [path, node] : *commit.tree) {
    if (where.path.empty() || path == where.path || path.starts_with(where.path + "/")) total += node.size;
  }
  return JsonAnswer({{"path", where.path.empty() ? "/" : where.path}, {"size", total}});
}

}  // namespace batuta::hubsim
