#include "daemon/hub/answers.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <fmt/core.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/hub/json_reader.h"

namespace batuta::hub {
namespace {

using nlohmann::json;

constexpr size_t kMaxTags = 2'000;

absl::Status ProtocolError(std::string_view message) {
  return MakeError(absl::StatusCode::kInternal, reason::kHubProtocol, message);
}

// `gated` is false, "auto" or "manual".
std::string GatedOf(const json& object) {
  const json& value = Member(object, "gated");
  if (value.is_boolean()) return value.get<bool>() ? "manual" : "";
  return StringMember(object, "gated");
}

std::string FirstTagValue(const std::vector<std::string>& tags, std::string_view prefix) {
  const auto found = std::find_if(tags.begin(), tags.end(),
                                  [prefix](const std::string& tag) { return tag.starts_with(prefix); });
  return found == tags.end() ? std::string() : found->substr(prefix.size());
}

std::string TaskOf(RepoType type, const json& object, const std::vector<std::string>& tags) {
  if (type == RepoType::kSpace) return {};
  const std::string task = StringMember(object, "pipeline_tag");
  return task.empty() && type == RepoType::kDataset ? FirstTagValue(tags, "task_categories:") : task;
}

absl::StatusOr<RepoSummary> SummaryOf(RepoType type, const json& object) {
  ASSIGN_OR_RETURN(RepoId repo, RepoId::Parse(type, StringMember(object, "id")));
  std::vector<std::string> tags = StringsMember(object, "tags", kMaxTags);
  return RepoSummary{.repo = std::move(repo),
                     .downloads = UnsignedMember(object, "downloads").value_or(0),
                     .likes = UnsignedMember(object, "likes").value_or(0),
                     .is_private = BoolMember(object, "private"),
                     .gated = GatedOf(object),
                     .task = TaskOf(type, object, tags),
                     .library = StringMember(object, type == RepoType::kSpace ? "sdk" : "library_name"),
                     .tags = std::move(tags),
                     .created = TimeMember(object, "createdAt"),
                     .last_modified = TimeMember(object, "lastModified")};
}

std::string LicenseOf(const json& object, const std::vector<std::string>& tags) {
  const std::vector<std::string> stated = StringsMember(Member(object, "cardData"), "license", 8);
  return stated.empty() ? FirstTagValue(tags, "license:") : stated.front();
}

// What people wrote in the card wins over what the hub derived from it.
std::vector<std::string> BaseModelsOf(const json& object, const std::vector<std::string>& tags) {
  constexpr size_t kMaxBases = 64;
  std::vector<std::string> bases = StringsMember(Member(object, "cardData"), "base_model", kMaxBases);
  if (!bases.empty()) return bases;
  constexpr std::string_view kPrefix = "base_model:";
  for (const std::string& tag : tags) {
    if (bases.size() >= kMaxBases) break;
    // `base_model:adapter:org/name` repeats `base_model:org/name` with the relation.
    if (tag.starts_with(kPrefix) && tag.find(':', kPrefix.size()) == std::string::npos) {
      bases.push_back(tag.substr(kPrefix.size()));
    }
  }
  return bases;
}

uint64_t ParametersOf(const json& object) {
  if (const auto total = UnsignedMember(Member(object, "safetensors"), "total")) return *total;
  return UnsignedMember(Member(object, "gguf"), "total").value_or(0);
}

// Only what the hub itself calls good, or has not looked at, is no issue: a level that is new is one.
std::optional<ScanLevel> ScanLevelOf(std::string_view status) {
  constexpr std::array<std::string_view, 5> kNone = {"", "safe", "unscanned", "queued", "error"};
  if (std::ranges::find(kNone, status) != kNone.end()) return std::nullopt;
  if (status == "caution") return ScanLevel::kCaution;
  return status == "unsafe" ? ScanLevel::kUnsafe : ScanLevel::kSuspicious;
}

void AddScanIssue(const json& file, std::string_view status, std::vector<ScanIssue>& issues) {
  const std::optional<ScanLevel> level = ScanLevelOf(status);
  if (level) issues.push_back({.path = StringMember(file, "path"), .level = *level});
}

std::vector<ScanIssue> ScanIssuesOf(const json& object) {
  std::vector<ScanIssue> issues;
  const json& files = Member(Member(object, "securityRepoStatus"), "filesWithIssues");
  if (!files.is_array()) return issues;
  for (const json& file : files) AddScanIssue(file, StringMember(file, "level"), issues);
  return issues;
}

absl::StatusOr<CommitId> CommitOf(const json& object) {
  absl::StatusOr<CommitId> commit = CommitId::Parse(StringMember(object, "sha"));
  if (!commit.ok()) return ProtocolError("the answer names no commit");
  return commit;
}

}  // namespace

std::string_view ToString(ScanLevel level) {
  switch (level) {
    case ScanLevel::kCaution:
      return "caution";
    case ScanLevel::kSuspicious:
      return "suspicious";
    case ScanLevel::kUnsafe:
      return "unsafe";
  }
  return "unsafe";
}

absl::StatusOr<RepoInfo> DecodeRepoInfo(RepoType type, std::string_view text) {
  // Of the files only their number matters here, and there may be very many.
  ASSIGN_OR_RETURN(const json object, ReadObject(text, JsonBounds{.count_only = "siblings"}));
  absl::StatusOr<RepoSummary> summary = SummaryOf(type, object);
  if (!summary.ok()) return ProtocolError("the answer names no repo");
  ASSIGN_OR_RETURN(CommitId commit, CommitOf(object));

  std::string author = StringMember(object, "author");
  if (author.empty()) author = summary->repo.repo_namespace();
  std::string license = LicenseOf(object, summary->tags);
  std::vector<std::string> base_models = BaseModelsOf(object, summary->tags);
  const uint64_t files = UnsignedMember(object, "siblings").value_or(0);
  return RepoInfo{.summary = *std::move(summary),
                  .commit = std::move(commit),
                  .hub_id = StringMember(object, "_id"),
                  .author = std::move(author),
                  .license = std::move(license),
                  .base_models = std::move(base_models),
                  .parameters = ParametersOf(object),
                  .disabled = BoolMember(object, "disabled"),
                  .file_count = static_cast<uint32_t>(std::min<uint64_t>(files, UINT32_MAX)),
                  .used_storage_bytes = UnsignedMember(object, "usedStorage").value_or(0),
                  .scan_issues = ScanIssuesOf(object)};
}

std::string EncodePathsQuestion(const std::vector<std::string>& paths) {
  json question = {{"paths", json::array()}, {"expand", true}};
  for (size_t i = 0; i < std::min(paths.size(), kMostScanPaths); ++i) question["paths"].push_back(paths[i]);
  return question.dump(-1, ' ', false, json::error_handler_t::replace);
}

absl::StatusOr<std::vector<ScanIssue>> DecodePathsAnswer(std::string_view text) {
  std::vector<ScanIssue> issues;
  RETURN_IF_ERROR(ReadRecords(text, JsonBounds{}, [&issues](const json& entry) {
    AddScanIssue(entry, StringMember(Member(entry, "securityFileStatus"), "status"), issues);
    return absl::OkStatus();
  }));
  return issues;
}

absl::StatusOr<BriefInfo> DecodeBriefInfo(RepoType type, std::string_view text) {
  ASSIGN_OR_RETURN(const json object, ReadObject(text, JsonBounds{.count_only = "siblings"}));
  ASSIGN_OR_RETURN(CommitId commit, CommitOf(object));
  BriefInfo info{std::move(commit)};
  if (auto repo = RepoId::Parse(type, StringMember(object, "id")); repo.ok()) info.repo = *std::move(repo);
  info.tags = StringsMember(object, "tags", kMaxTags);
  info.hub_id = StringMember(object, "_id");
  info.created = TimeMember(object, "createdAt");
  return info;
}

absl::StatusOr<std::vector<RepoSummary>> DecodeSearchPage(RepoType type, std::string_view text,
                                                          size_t limit) {
  std::vector<RepoSummary> found;
  const absl::Status status = ReadRecords(text, JsonBounds{}, [&](const json& record) {
    if (found.size() >= limit) return absl::OkStatus();
    absl::StatusOr<RepoSummary> summary = SummaryOf(type, record);
    if (summary.ok()) found.push_back(*std::move(summary));
    return absl::OkStatus();
  });
  RETURN_IF_ERROR(status);
  return found;
}

absl::StatusOr<Identity> DecodeIdentity(std::string_view text) {
  ASSIGN_OR_RETURN(const json object, ReadObject(text, JsonBounds{}));
  Identity identity;
  identity.name = StringMember(object, "name");
  if (identity.name.empty()) return ProtocolError("the answer names no account");
  identity.full_name = StringMember(object, "fullname");
  identity.email = StringMember(object, "email");
  identity.kind = StringMember(object, "type");
  const json& organizations = Member(object, "orgs");
  if (organizations.is_array()) {
    for (const json& organization : organizations) {
      std::string name = StringMember(organization, "name");
      if (!name.empty()) identity.organizations.push_back(std::move(name));
    }
  }
  const json& token = Member(Member(object, "auth"), "accessToken");
  identity.token_name = StringMember(token, "displayName");
  identity.token_role = StringMember(token, "role");
  return identity;
}

}  // namespace batuta::hub
