#include "daemon/jobs/push_codec.h"

#include <optional>
#include <string>
#include <utility>

#include "common/status/status.h"

namespace batuta::jobs {

using nlohmann::json;

namespace {

json EncodeIntent(const std::optional<push::CommitIntent>& intent) {
  if (!intent) return nullptr;
  json files = json::array();
  for (const push::IntendedFile& file : intent->files) files.push_back({file.path, file.blob});
  return {{"branch", intent->branch.text()},
          {"parent", intent->parent ? json(intent->parent->hex()) : json(nullptr)},
          {"summary", intent->summary},
          {"files", std::move(files)}};
}

absl::StatusOr<std::optional<CommitId>> DecodeCommitId(const json& value) {
  if (value.is_null()) return std::nullopt;
  ASSIGN_OR_RETURN(CommitId commit, CommitId::Parse(value.get<std::string>()));
  return commit;
}

absl::StatusOr<std::optional<push::CommitIntent>> DecodeIntent(const json& value) {
  if (value.is_null()) return std::nullopt;
  push::CommitIntent intent;
  ASSIGN_OR_RETURN(intent.branch, Revision::Parse(value.at("branch").get<std::string>()));
  ASSIGN_OR_RETURN(intent.parent, DecodeCommitId(value.at("parent")));
  intent.summary = value.at("summary").get<std::string>();
  for (const json& file : value.at("files"))
    intent.files.push_back({file.at(0).get<std::string>(), file.at(1).get<std::string>()});
  return intent;
}

json EncodeMemory(const push::PushMemory& memory) {
  return {{"is_agreed", memory.is_agreed},
          {"folder", memory.folder},
          {"pull_request_url", memory.pull_request_url},
          {"branch", memory.branch ? json(memory.branch->text()) : json(nullptr)},
          {"head", memory.head ? json(memory.head->hex()) : json(nullptr)},
          {"commit_url", memory.commit_url},
          {"intent", EncodeIntent(memory.intent)}};
}

absl::StatusOr<push::PushMemory> DecodeMemory(const json& value) {
  push::PushMemory memory;
  memory.is_agreed = value.at("is_agreed").get<bool>();
  memory.folder = value.at("folder").get<std::string>();
  memory.pull_request_url = value.at("pull_request_url").get<std::string>();
  if (const json& branch = value.at("branch"); !branch.is_null()) {
    ASSIGN_OR_RETURN(memory.branch, Revision::Parse(branch.get<std::string>()));
  }
  ASSIGN_OR_RETURN(memory.head, DecodeCommitId(value.at("head")));
  memory.commit_url = value.at("commit_url").get<std::string>();
  ASSIGN_OR_RETURN(memory.intent, DecodeIntent(value.at("intent")));
  return memory;
}

}  // namespace

json EncodePush(const push::PushRequest& request) {
  return {{"type", ToString(request.repo.type())},
          {"repo", request.repo.id()},
          {"endpoint", request.endpoint},
          {"path", request.path.string()},
          {"served_uid", request.served ? json(request.served->uid) : json(nullptr)},
          {"branch", request.branch.text()},
          {"message", request.message},
          {"description", request.description},
          {"create_pr", request.create_pr},
          {"is_private", request.is_private},
          {"delete_globs", request.delete_globs},
          {"allow_secrets", request.allow_secrets},
          {"makes_card", request.makes_card},
          {"space_sdk", request.space_sdk},
          {"plan_digest", request.plan_digest},
          {"priority", static_cast<int>(request.priority)},
          {"limit_bytes_per_second", request.limit_bytes_per_second},
          {"may_wait", request.may_wait},
          {"memory", EncodeMemory(request.memory)}};
}

absl::StatusOr<push::PushRequest> DecodePush(const json& value) {
  ASSIGN_OR_RETURN(const RepoType type, ParseRepoType(value.at("type").get<std::string>()));
  ASSIGN_OR_RETURN(RepoId repo, RepoId::Parse(type, value.at("repo").get<std::string>()));
  push::PushRequest request{.repo = std::move(repo), .path = value.at("path").get<std::string>()};
  request.endpoint = value.at("endpoint").get<std::string>();
  // Records of before there were any have none. Its stream ended with the daemon that knew it.
  if (const auto uid = value.find("served_uid"); uid != value.end() && !uid->is_null())
    request.served = push::ServedBy{.uid = uid->get<uint32_t>()};
  ASSIGN_OR_RETURN(request.branch, Revision::Parse(value.at("branch").get<std::string>()));
  request.message = value.at("message").get<std::string>();
  request.description = value.at("description").get<std::string>();
  request.create_pr = value.at("create_pr").get<bool>();
  request.is_private = value.at("is_private").get<bool>();
  request.delete_globs = value.at("delete_globs").get<std::vector<std::string>>();
  request.allow_secrets = value.at("allow_secrets").get<std::vector<std::string>>();
  request.makes_card = value.at("makes_card").get<bool>();
  request.space_sdk = value.at("space_sdk").get<std::string>();
  request.plan_digest = value.at("plan_digest").get<std::string>();
  const int priority = value.at("priority").get<int>();
  if (priority < 0 || priority > static_cast<int>(Priority::kBackground)) {
    return MakeError(absl::StatusCode::kDataLoss, reason::kCatalogDamaged, "job record: unknown priority");
  }
  request.priority = static_cast<Priority>(priority);
  request.limit_bytes_per_second = value.at("limit_bytes_per_second").get<uint64_t>();
  request.may_wait = value.at("may_wait").get<bool>();
  ASSIGN_OR_RETURN(request.memory, DecodeMemory(value.at("memory")));
  return request;
}

}  // namespace batuta::jobs
