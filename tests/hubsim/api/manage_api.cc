#include "tests/hubsim/api/manage_api.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

#include "tests/hubsim/api/answers.h"
#include "tests/hubsim/store/card_check.h"
#include "tests/hubsim/store/history.h"

namespace batuta::hubsim {
namespace {

using nlohmann::json;

std::string JoinFrom(const std::vector<std::string>& rest, std::size_t from) {
  std::string joined;
  for (std::size_t i = from; i < rest.size(); ++i) joined += (i == from ? "" : "/") + rest[i];
  return joined;
}

// A node of a file given as base64 or text inside JSON; nothing when it cannot be decoded.
std::optional<Node> InlineNode(const json& file) {
  const std::string content = JsonString(file, "content");
  const auto bytes = JsonString(file, "encoding", "utf-8") == "base64" ? Base64Decode(content) : content;
  if (!bytes) return std::nullopt;
  ContentPtr held = MemoryContent(*bytes);
  const Sha1Digest blob = DigestsOf(*held).git_blob;
  return RegularNode(std::move(held), blob);
}

TreeChange FirstFiles(const json& body) {
  TreeChange change;
  const auto add = [&change](const std::string& path, const std::string& text) {
    change.files[path] = *InlineNode({{"content", text}});
  };
  add(".gitattributes", DefaultAttributes());
  if (const std::string license = JsonString(body, "license"); !license.empty()) {
    add("README.md", "---\nlicense: " + license + "\n---\n");
  }
  if (!body.contains("files") || !body.at("files").is_array()) return change;
  for (const json& file : body.at("files")) {
    if (auto node = InlineNode(file)) change.files[JsonString(file, "path")] = *std::move(node);
  }
  return change;
}

struct RepoName {
  RepoKind kind = RepoKind::kModel;
  std::string id;
};

// {"name","organization"?,"type"?}; the namespace defaults to the caller's own.
std::optional<RepoName> NameFrom(const json& body, const Caller& caller) {
  const auto kind = KindFromName(JsonString(body, "type", "model"));
  const std::string name = JsonString(body, "name");
  if (!kind || name.empty()) return std::nullopt;
  if (name.find('/') != std::string::npos) return RepoName{.kind = *kind, .id = name};
  return RepoName{.kind = *kind, .id = JsonString(body, "organization", caller.user->name) + "/" + name};
}

bool MayCreateIn(const Caller& caller, const std::string& id) {
  return caller.user->role != "read" && caller.user->IsMemberOf(id.substr(0, id.find('/')));
}

Response CreateRepoAnswer(const Site& site, const json& body, const Caller& caller) {
  const auto name = NameFrom(body, caller);
  if (!name) return ErrorAnswer(400, "", "\"name\" is required and \"type\" must be model, dataset or space");
  if (!MayCreateIn(caller, name->id)) {
    return ErrorAnswer(403, "", "You don't have the rights to create " + name->id);
  }
  if (name->kind == RepoKind::kSpace && JsonString(body, "sdk").empty()) {
    return ErrorAnswer(400, "", "\"sdk\" is required for spaces");
  }
  const std::string url = fmt::format("{}/{}{}", site.endpoint, PagePrefix(name->kind), name->id);
  RepoSettings settings;
  settings.is_private = JsonString(body, "visibility") == "private" || JsonBool(body, "private");
  absl::StatusOr<Repo*> repo = site.store.Create(name->kind, name->id, std::move(settings));
  if (absl::IsAlreadyExists(repo.status())) {
    Response response = JsonAnswer(
        {{"error", fmt::format("You already created this {} repo", KindName(name->kind))}, {"url", url}},
        409);
    return response;
  }
  if (!repo.ok()) return ErrorAnswer(400, "", std::string(repo.status().message()));
  const CommitText text{.title = "initial commit", .message = "", .author = caller.user->name};
  const auto commit = CommitToRef(**repo, "refs/heads/main", text, FirstFiles(body));
  if (!commit.ok()) return ErrorAnswer(400, "", std::string(commit.status().message()));
  return JsonAnswer({{"url", url}, {"name", name->id}, {"id", (*repo)->object_id}});
}

Response DeleteRepoAnswer(const Site& site, const json& body, const Caller& caller) {
  const auto name = NameFrom(body, caller);
  if (!name) return ErrorAnswer(400, "", "\"name\" is required");
  const Repo* repo = site.store.Find(name->kind, name->id);
  if (repo == nullptr || !MayRead(*repo, caller))
    return ErrorAnswer(404, "RepoNotFound", "Repository not found");
  if (!MayWrite(*repo, caller))
    return ErrorAnswer(403, "", "You don't have the rights to delete " + name->id);
  if (absl::Status status = site.store.Delete(name->kind, name->id); !status.ok()) {
    return ErrorAnswer(404, "RepoNotFound", std::string(status.message()));
  }
  return TextAnswer("OK");
}

Response MoveRepoAnswer(const Site& site, const json& body, const Caller& caller) {
  const auto kind = KindFromName(JsonString(body, "type", "model"));
  const std::string from = JsonString(body, "fromRepo");
  const std::string to = JsonString(body, "toRepo");
  if (!kind || from.empty() || to.empty())
    return ErrorAnswer(400, "", "\"fromRepo\" and \"toRepo\" are required");
  const Repo* repo = site.store.Find(*kind, from);
  if (repo == nullptr || !MayRead(*repo, caller))
    return ErrorAnswer(404, "RepoNotFound", "Repository not found");
  if (!MayWrite(*repo, caller) || !MayCreateIn(caller, to)) {
    return ErrorAnswer(403, "", "You don't have the rights to move " + from);
  }
  const absl::Status moved = site.store.Rename(*kind, from, to);
  if (absl::IsAlreadyExists(moved)) return ErrorAnswer(409, "", std::string(moved.message()));
  if (!moved.ok()) return ErrorAnswer(400, "", std::string(moved.message()));
  return TextAnswer("OK");
}

}  // namespace

Response ReposAnswer(const Site& site, const Request& request, const Caller& caller,
                     const std::string& action) {
  if (caller.is_anonymous()) return ErrorAnswer(401, "", "Invalid username or password.");
  const json body = JsonBody(request);
  if (!body.is_object()) return ErrorAnswer(400, "", "expected a JSON object");
  if (action == "create" && request.method == "POST") return CreateRepoAnswer(site, body, caller);
  if (action == "delete" && request.method == "DELETE") return DeleteRepoAnswer(site, body, caller);
  if (action == "move" && request.method == "POST") return MoveRepoAnswer(site, body, caller);
  return ErrorAnswer(404, "", "no such action");
}

std::optional<Response> RefuseWriting(const RepoCall& call) {
  if (MayWrite(call.repo, call.caller)) return std::nullopt;
  if (call.caller.is_anonymous()) return ErrorAnswer(401, "", "Invalid username or password.");
  return ErrorAnswer(403, "",
                     fmt::format("Forbidden: you don't have the rights to write to {}", call.repo.id));
}

Response SettingsAnswer(const RepoCall& call) {
  if (auto refusal = RefuseWriting(call)) return *std::move(refusal);
  const json body = JsonBody(call.request);
  if (!body.is_object()) return ErrorAnswer(400, "", "expected a JSON object");
  if (body.contains("gated")) call.repo.settings.gated = JsonString(body, "gated");
  if (body.contains("visibility"))
    call.repo.settings.is_private = JsonString(body, "visibility") == "private";
  if (body.contains("private")) call.repo.settings.is_private = JsonBool(body, "private");
  return JsonAnswer(
      {{"private", call.repo.settings.is_private},
       {"gated", call.repo.settings.gated.empty() ? json(false) : json(call.repo.settings.gated)}});
}

Response CreateBranchAnswer(const RepoCall& call) {
  if (auto refusal = RefuseWriting(call)) return *std::move(refusal);
  const json body = JsonBody(call.request);
  const std::string name = JoinFrom(call.rest, 1);
  const std::string ref = FullRefName(name);
  if (name.empty()) return ErrorAnswer(400, "", "a branch needs a name");
  if (call.repo.Head(ref) != nullptr && !JsonBool(body, "overwrite")) {
    return ErrorAnswer(409, "", "Reference already exists: " + name);
  }
  if (JsonBool(body, "emptyBranch")) {
    call.repo.refs.erase(ref);
    const CommitText text{.title = "Create branch " + name, .message = "", .author = call.caller.user->name};
    const auto made = CommitToRef(call.repo, ref, text, {});
    return made.ok() ? TextAnswer("OK") : ErrorAnswer(400, "", std::string(made.status().message()));
  }
  const std::string start = JsonString(body, "startingPoint", "main");
  const Commit* commit = call.repo.Resolve(start);
  if (commit == nullptr) return ErrorAnswer(404, "RevisionNotFound", "Invalid rev id: " + start);
  call.repo.refs[ref] = commit->id;
  return TextAnswer("OK");
}

Response DeleteBranchAnswer(const RepoCall& call) {
  if (auto refusal = RefuseWriting(call)) return *std::move(refusal);
  const std::string name = JoinFrom(call.rest, 1);
  if (name == "main") return ErrorAnswer(403, "", "The default branch cannot be deleted");
  if (call.repo.refs.erase(FullRefName(name)) == 0) {
    return ErrorAnswer(404, "RevisionNotFound", "Reference does not exist: " + name);
  }
  return TextAnswer("OK");
}

Response CreateTagAnswer(const RepoCall& call) {
  if (auto refusal = RefuseWriting(call)) return *std::move(refusal);
  const json body = JsonBody(call.request);
  const std::string tag = JsonString(body, "tag");
  if (tag.empty()) return ErrorAnswer(400, "", "\"tag\" is required");
  const std::string revision = SplitRevision(call.rest, 1).revision;
  const Commit* commit = call.repo.Resolve(revision);
  if (commit == nullptr) return ErrorAnswer(404, "RevisionNotFound", "Invalid rev id: " + revision);
  if (!call.repo.refs.emplace("refs/tags/" + tag, commit->id).second) {
    return ErrorAnswer(409, "", "Tag reference exists already: " + tag);
  }
  return TextAnswer("OK");
}

Response DeleteTagAnswer(const RepoCall& call) {
  if (auto refusal = RefuseWriting(call)) return *std::move(refusal);
  const std::string name = JoinFrom(call.rest, 1);
  if (call.repo.refs.erase("refs/tags/" + name) == 0) {
    return ErrorAnswer(404, "RevisionNotFound", "Tag does not exist: " + name);
  }
  return TextAnswer("OK");
}

Response SuperSquashAnswer(const RepoCall& call) {
  if (auto refusal = RefuseWriting(call)) return *std::move(refusal);
  const std::string name = JoinFrom(call.rest, 1);
  const std::string ref = FullRefName(name);
  const Commit* head = call.repo.Head(ref);
  if (head == nullptr) return ErrorAnswer(404, "RevisionNotFound", "Invalid rev id: " + name);
  TreeChange whole;
  for (const auto& [path, node] : *head->tree) {
    if (!node.is_directory) whole.files.emplace(path, node);
  }
  call.repo.refs.erase(ref);
  const CommitText text{
      .title = JsonString(JsonBody(call.request), "message", "Super-squash branch '" + name + "'"),
      .message = "",
      .author = call.caller.user->name};
  const auto made = CommitToRef(call.repo, ref, text, std::move(whole));
  return made.ok() ? TextAnswer("OK") : ErrorAnswer(400, "", std::string(made.status().message()));
}

Response ValidateYamlAnswer(const Request& request) {
  const json body = JsonBody(request);
  if (!body.is_object() || !body.contains("content")) return ErrorAnswer(400, "", "\"content\" is required");
  const CardRemarks remarks = CheckCard(JsonString(body, "content"));
  json answer = {{"errors", json::array()}, {"warnings", json::array()}};
  for (const std::string& error : remarks.errors) answer["errors"].push_back({{"message", error}});
  for (const std::string& warning : remarks.warnings) answer["warnings"].push_back({{"message", warning}});
  return JsonAnswer(answer, remarks.errors.empty() ? 200 : 400);
}

}  // namespace batuta::hubsim
