#include "tests/hubsim/api/discussion_api.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "tests/hubsim/api/answers.h"
#include "tests/hubsim/api/manage_api.h"
#include "tests/hubsim/store/history.h"

namespace batuta::hubsim {
namespace {

using nlohmann::json;

constexpr std::size_t kShortestTitle = 3;
constexpr std::size_t kLongestTitle = 200;
constexpr std::string_view kPrPrefix = "refs/pr/";

json BriefOf(const Discussion& discussion) {
  return {{"num", discussion.number},
          {"title", discussion.title},
          {"author", {{"name", discussion.author}, {"type", "user"}}},
          {"status", discussion.status},
          {"isPullRequest", discussion.is_pull_request}};
}

json DetailsOf(const Discussion& discussion) {
  json events = json::array();
  for (const std::string& comment : discussion.comments) {
    events.push_back({{"type", "comment"}, {"data", {{"latest", {{"raw", comment}}}}}});
  }
  json details = BriefOf(discussion);
  details["events"] = std::move(events);
  if (!discussion.is_pull_request) return details;
  details["filesWithConflicts"] = json::array();
  details["changes"] = {{"base", "refs/heads/main"}};
  if (!discussion.merge_commit.empty()) details["changes"]["mergeCommitId"] = discussion.merge_commit;
  return details;
}

Discussion& OpenDiscussion(Repo& repo, const std::string& title, const std::string& author) {
  repo.discussions.push_back(
      {.number = repo.discussions.size() + 1, .title = title, .author = author, .status = "open"});
  return repo.discussions.back();
}

Response OpenAnswer(const RepoCall& call) {
  const json body = JsonBody(call.request);
  const std::string title = JsonString(body, "title");
  if (title.size() < kShortestTitle || title.size() > kLongestTitle) {
    return ErrorAnswer(400, "", "\"title\" must have 3 to 200 characters");
  }
  const std::string& author = call.caller.user->name;
  const bool is_pull_request = JsonBool(body, "pullRequest");
  const Commit* head = call.repo.Head("refs/heads/main");
  if (is_pull_request && head == nullptr) return ErrorAnswer(400, "", "there is nothing to change yet");
  Discussion& opened = is_pull_request ? OpenPullRequest(call.repo, head->id, title, author)
                                       : OpenDiscussion(call.repo, title, author);
  // Until the first commit is there.
  if (is_pull_request) opened.status = "draft";
  opened.description = JsonString(body, "description");
  json answer = BriefOf(opened);
  answer["pullRequest"] = is_pull_request;
  answer["url"] = fmt::format("{}/{}{}/discussions/{}", call.site.endpoint, PagePrefix(call.repo.kind),
                              call.repo.id, opened.number);
  return JsonAnswer(answer);
}

// What the pull request changes, against where it began.
TreeChange ChangeOf(const Tree& base, const Tree& head) {
  TreeChange change;
  for (const auto& [path, node] : head) {
    const auto before = base.find(path);
    const bool is_same = before != base.end() && before->second.oid == node.oid;
    if (!node.is_directory && !is_same) change.files.emplace(path, node);
  }
  for (const auto& [path, node] : base) {
    if (!node.is_directory && !head.contains(path)) change.deleted_files.insert(path);
  }
  return change;
}

Response MergeAnswer(const RepoCall& call, Discussion& discussion) {
  if (auto refusal = RefuseWriting(call)) return *std::move(refusal);
  if (!discussion.is_pull_request || discussion.status == "merged" || discussion.status == "closed") {
    return ErrorAnswer(400, "", "this cannot be merged");
  }
  const Commit* base = call.repo.FindCommit(discussion.base);
  const Commit* head = call.repo.Head(PullRequestRef(discussion));
  if (base == nullptr || head == nullptr) return ErrorAnswer(404, "RevisionNotFound", "Invalid rev id");
  const CommitText text{.title = fmt::format("{} (#{})", discussion.title, discussion.number),
                        .message = "",
                        .author = call.caller.user->name};
  const auto merged = CommitToRef(call.repo, "refs/heads/main", text, ChangeOf(*base->tree, *head->tree));
  if (!merged.ok()) return ErrorAnswer(409, "", std::string(merged.status().message()));
  discussion.status = "merged";
  discussion.merge_commit = *merged;
  return JsonAnswer({{"newStatus", {{"type", "status-change"}, {"data", {{"status", "merged"}}}}}});
}

Response StatusAnswer(const RepoCall& call, Discussion& discussion) {
  const std::string status = JsonString(JsonBody(call.request), "status");
  constexpr std::array<std::string_view, 3> kSettable = {"draft", "open", "closed"};
  if (std::ranges::find(kSettable, status) == kSettable.end() || discussion.status == "merged") {
    return ErrorAnswer(400, "", "the status cannot become \"" + status + "\"");
  }
  discussion.status = status;
  return JsonAnswer({{"newStatus", {{"type", "status-change"}, {"data", {{"status", status}}}}}});
}

}  // namespace

std::string PullRequestRef(const Discussion& discussion) {
  return fmt::format("{}{}", kPrPrefix, discussion.number);
}

Discussion& OpenPullRequest(Repo& repo, const std::string& base, const std::string& title,
                            const std::string& author) {
  Discussion& opened = OpenDiscussion(repo, title, author);
  opened.is_pull_request = true;
  opened.base = base;
  repo.refs[PullRequestRef(opened)] = base;
  return opened;
}

std::optional<Response> RefuseCommitting(const RepoCall& call, const std::string& revision) {
  if (revision.starts_with(kPrPrefix) && !call.caller.is_anonymous()) {
    const auto number = ParseNumber(std::string_view(revision).substr(kPrPrefix.size()));
    const Discussion* discussion = number ? call.repo.FindDiscussion(*number) : nullptr;
    if (discussion != nullptr && discussion->author == call.caller.user->name) return std::nullopt;
  }
  return RefuseWriting(call);
}

Response DiscussionsAnswer(const RepoCall& call) {
  if (call.rest.size() > 1) {
    const auto number = ParseNumber(call.rest[1]);
    const Discussion* discussion = number ? call.repo.FindDiscussion(*number) : nullptr;
    if (discussion == nullptr) return ErrorAnswer(404, "", "no such discussion");
    return JsonAnswer(DetailsOf(*discussion));
  }
  const QueryParams& query = call.request.query;
  const std::string type = QueryValue(query, "type").value_or("all");
  const std::string status = QueryValue(query, "status").value_or("all");
  json list = json::array();
  for (const Discussion& discussion : call.repo.discussions) {
    if (type != "all" && (type == "pull_request") != discussion.is_pull_request) continue;
    const bool is_open = discussion.status == "open" || discussion.status == "draft";
    if (status != "all" && (status == "open") != is_open) continue;
    list.push_back(BriefOf(discussion));
  }
  const std::size_t count = list.size();
  return JsonAnswer({{"discussions", std::move(list)}, {"count", count}, {"start", 0}});
}

Response DiscussionActionAnswer(const RepoCall& call) {
  if (call.caller.is_anonymous()) return ErrorAnswer(401, "", "Invalid username or password.");
  if (call.rest.size() == 1) return OpenAnswer(call);
  const auto number = ParseNumber(call.rest[1]);
  Discussion* discussion = number ? call.repo.FindDiscussion(*number) : nullptr;
  if (discussion == nullptr || call.rest.size() != 3) return ErrorAnswer(404, "", "no such discussion");
  const std::string& action = call.rest[2];
  if (action == "comment") {
    discussion->comments.push_back(JsonString(JsonBody(call.request), "comment"));
    return JsonAnswer({{"newMessage", {{"type", "comment"}}}});
  }
  const bool is_own = discussion->author == call.caller.user->name;
  if (!is_own) {
    if (auto refusal = RefuseWriting(call)) return *std::move(refusal);
  }
  if (action == "status") return StatusAnswer(call, *discussion);
  if (action == "merge") return MergeAnswer(call, *discussion);
  if (action == "title") {
    discussion->title = JsonString(JsonBody(call.request), "title");
    return JsonAnswer({{"newTitle", {{"type", "title-change"}}}});
  }
  return ErrorAnswer(404, "", "no such action");
}

}  // namespace batuta::hubsim
