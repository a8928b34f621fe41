#include "tests/hubsim/api/refs_api.h"

#include <algorithm>

#include <fmt/format.h>

#include "tests/hubsim/api/answers.h"

namespace batuta::hubsim {
namespace {

using nlohmann::json;

constexpr std::size_t kDefaultCommits = 50;
constexpr std::size_t kMostCommits = 1000;

std::vector<const Commit*> HistoryOf(const Repo& repo, const Commit* head) {
  std::vector<const Commit*> history;
  for (const Commit* at = head; at != nullptr; at = repo.FindCommit(at->parent)) history.push_back(at);
  return history;
}

json RefJson(std::string_view name, const std::string& ref, const std::string& commit) {
  return {{"name", name}, {"ref", ref}, {"targetCommit", commit}};
}

}  // namespace

Response RefsAnswer(const RepoCall& call) {
  json refs = {{"branches", json::array()}, {"tags", json::array()}, {"converts", json::array()}};
  const bool with_prs =
      QueryFlag(call.request.query, "include_prs") || QueryFlag(call.request.query, "include_pull_requests");
  if (with_prs) refs["pullRequests"] = json::array();

  struct Group {
    std::string_view prefix;
    const char* key;
  };

  constexpr std::array kGroups = {Group{"refs/heads/", "branches"}, Group{"refs/tags/", "tags"},
                                  Group{"refs/convert/", "converts"}, Group{"refs/pr/", "pullRequests"}};
  for (const auto& [ref, commit] : call.repo.refs) {
    for (const Group& group : kGroups) {
      if (!ref.starts_with(group.prefix) || !refs.contains(group.key)) continue;
      refs[group.key].push_back(RefJson(std::string_view(ref).substr(group.prefix.size()), ref, commit));
    }
  }
  return JsonAnswer(refs);
}

Response CommitsAnswer(const RepoCall& call) {
  if (!MayReadFiles(call.repo, call.caller)) {
    return ErrorAnswer(
        call.caller.is_anonymous() ? 401 : 403, "GatedRepo",
        "Access to " + call.repo.id + " is restricted. You must be authenticated to access it.");
  }
  const RevisionPath where = SplitRevision(call.rest, 1);
  const Commit* head = call.repo.Resolve(where.revision);
  if (head == nullptr) return ErrorAnswer(404, "RevisionNotFound", "Invalid rev id: " + where.revision);
  const std::vector<const Commit*> history = HistoryOf(call.repo, head);

  const QueryParams& query = call.request.query;
  const auto asked = ParseNumber(QueryValue(query, "limit").value_or(""));
  const std::size_t limit = std::clamp<std::size_t>(asked.value_or(kDefaultCommits), 1, kMostCommits);
  const std::size_t page = ParseNumber(QueryValue(query, "p").value_or("")).value_or(0);
  const std::vector<std::string> expand = QueryValues(query, "expand");
  const bool is_formatted = std::ranges::find(expand, "formatted") != expand.end();

  json list = json::array();
  for (std::size_t i = page * limit; i < history.size() && list.size() < limit; ++i) {
    const Commit& commit = *history[i];
    json item = {{"id", commit.id},
                 {"title", commit.title},
                 {"message", commit.message},
                 {"date", commit.date},
                 {"authors", json::array({{{"user", commit.author}, {"avatar", ""}}})}};
    if (is_formatted) item["formatted"] = {{"title", commit.title}, {"message", commit.message}};
    list.push_back(std::move(item));
  }
  Response response = JsonAnswer(list);
  response.headers.Set("X-Total-Count", std::to_string(history.size()));
  if ((page + 1) * limit < history.size()) {
    const std::string_view raw_path =
        std::string_view(call.request.target).substr(0, call.request.target.find('?'));
    std::string url = fmt::format("{}{}?limit={}&p={}", call.site.endpoint, raw_path, limit, page + 1);
    if (is_formatted) url += "&expand[]=formatted";
    response.headers.Set("Link", "<" + url + ">; rel=\"next\"");
  }
  return response;
}

Response CompareAnswer(const RepoCall& call) {
  std::string range;
  for (std::size_t i = 1; i < call.rest.size(); ++i) range += (i == 1 ? "" : "/") + call.rest[i];
  const std::size_t dots = range.find("..");
  if (dots == std::string::npos) return ErrorAnswer(400, "", "expected {a}..{b}");
  const Commit* from = call.repo.Resolve(range.substr(0, dots));
  const Commit* to = call.repo.Resolve(range.substr(range.find_first_not_of('.', dots)));
  if (from == nullptr || to == nullptr)
    return ErrorAnswer(404, "RevisionNotFound", "Invalid rev id: " + range);
  std::string text;
  for (const auto& [path, node] : *to->tree) {
    if (node.is_directory) continue;
    const auto before = from->tree->find(path);
    const bool is_new = before == from->tree->end();
    if (!is_new && before->second.oid == node.oid) continue;
    text += fmt::format(":{} 100644 {} {} {}\t{}\n", is_new ? "000000" : "100644",
                        is_new ? std::string(40, '0') : Hex(before->second.oid), Hex(node.oid),
                        is_new ? "A" : "M", path);
  }
  for (const auto& [path, node] : *from->tree) {
    if (node.is_directory || to->tree->contains(path)) continue;
    text += fmt::format(":100644 000000 {} {} D\t{}\n", Hex(node.oid), std::string(40, '0'), path);
  }
  return TextAnswer(text);
}

}  // namespace batuta::hubsim
