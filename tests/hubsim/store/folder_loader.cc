#include "tests/hubsim/store/folder_loader.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include <nlohmann/json.hpp>

#include "tests/hubsim/json_fields.h"
#include "tests/hubsim/net/url.h"
#include "tests/hubsim/store/history.h"

namespace batuta::hubsim {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// An empty object when the file does not exist.
absl::StatusOr<json> ReadJson(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return json::object();
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  json parsed = json::parse(text, nullptr, false);
  if (!parsed.is_object()) return absl::InvalidArgumentError(path.string() + ": not a JSON object");
  return parsed;
}

std::vector<fs::path> SortedChildren(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> children;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error))
    children.push_back(entry.path());
  std::ranges::sort(children);
  return children;
}

void LoadUsers(const json& hub, RepoStore& store) {
  if (!hub.contains("users") || !hub.at("users").is_array()) return;
  for (const json& user : hub.at("users")) {
    store.AddUser({.name = JsonString(user, "name"),
                   .token = JsonString(user, "token"),
                   .orgs = JsonStrings(user, "orgs"),
                   .is_pro = JsonBool(user, "isPro"),
                   .role = JsonString(user, "role", "write"),
                   .fullname = JsonString(user, "fullname")});
  }
}

RepoSettings SettingsFrom(const json& described) {
  RepoSettings settings;
  settings.is_private = JsonBool(described, "private");
  settings.gated = JsonString(described, "gated");
  settings.granted = JsonStrings(described, "granted");
  settings.is_disabled = JsonBool(described, "disabled");
  settings.downloads = JsonInteger(described, "downloads");
  settings.likes = JsonInteger(described, "likes");
  settings.created_at = JsonString(described, "createdAt", settings.created_at);
  settings.tags = JsonStrings(described, "tags");
  settings.pipeline_tag = JsonString(described, "pipeline_tag");
  settings.library_name = JsonString(described, "library_name");
  if (described.contains("securityFileStatus") && described.at("securityFileStatus").is_object()) {
    for (const auto& [path, status] : described.at("securityFileStatus").items()) {
      settings.security_file_status[path] = status.dump();
    }
  }
  return settings;
}

std::string RefFromFolderName(const std::string& name) {
  const std::string decoded = PercentDecode(name);
  return decoded.starts_with("tags/") ? "refs/" + decoded : FullRefName(decoded);
}

std::string AttributesIn(const fs::path& folder) {
  const absl::StatusOr<ContentPtr> content = DiskContent(folder / ".gitattributes");
  return content.ok() ? ReadAll(**content) : std::string();
}

using DigestsByPath = std::map<std::string, Sha256Digest>;

absl::StatusOr<DigestsByPath> GivenDigests(const json& described) {
  DigestsByPath digests;
  if (!described.contains("sha256") || !described.at("sha256").is_object()) return digests;
  for (const auto& [path, text] : described.at("sha256").items()) {
    const std::optional<Sha256Digest> digest =
        text.is_string() ? ParseSha256(text.get<std::string>()) : std::nullopt;
    if (!digest) return absl::InvalidArgumentError("the sha256 of " + path + " is none");
    digests[path] = *digest;
  }
  return digests;
}

// All files below `folder` as additions.
absl::StatusOr<TreeChange> FilesBelow(const fs::path& folder, const DigestsByPath& digests,
                                      std::uint64_t lfs_threshold) {
  const LfsRule rule(AttributesIn(folder), lfs_threshold);
  TreeChange change;
  std::error_code error;
  fs::recursive_directory_iterator walk(folder, fs::directory_options::follow_directory_symlink, error);
  for (; !error && walk != fs::recursive_directory_iterator(); walk.increment(error)) {
    if (walk->is_directory()) continue;
    absl::StatusOr<ContentPtr> content = DiskContent(walk->path());
    if (!content.ok()) return content.status();
    const std::string path = walk->path().lexically_relative(folder).generic_string();
    const auto given = digests.find(path);
    change.files[path] = given == digests.end() ? NodeFor(path, *std::move(content), rule)
                                                : LfsNode(*std::move(content), given->second);
  }
  if (error) return absl::InvalidArgumentError(folder.string() + ": " + error.message());
  return change;
}

absl::Status CommitFolder(Repo& repo, const std::string& ref, const fs::path& folder,
                          const DigestsByPath& digests, std::uint64_t lfs_threshold) {
  absl::StatusOr<TreeChange> change = FilesBelow(folder, digests, lfs_threshold);
  if (!change.ok()) return change.status();
  if (const Commit* main = repo.Head("refs/heads/main"); main != nullptr && ref != "refs/heads/main") {
    repo.refs[ref] = main->id;
    for (const auto& [path, node] : *main->tree) {
      if (!node.is_directory && !change->files.contains(path)) change->deleted_files.insert(path);
    }
  }
  const CommitText text{.title = "Add files", .message = "", .author = "hubsim"};
  return CommitToRef(repo, ref, text, *std::move(change)).status();
}

absl::Status LoadRepo(RepoKind kind, const std::string& id, const fs::path& folder,
                      std::uint64_t lfs_threshold, RepoStore& store) {
  const absl::StatusOr<json> described = ReadJson(folder / "repo.json");
  if (!described.ok()) return described.status();
  const absl::StatusOr<DigestsByPath> digests = GivenDigests(*described);
  if (!digests.ok()) return digests.status();
  const absl::StatusOr<Repo*> repo = store.Create(kind, id, SettingsFrom(*described));
  if (!repo.ok()) return repo.status();
  for (const std::string& old_name : JsonStrings(*described, "renamedFrom"))
    store.AddAlias(kind, old_name, id);

  std::vector<fs::path> revisions = SortedChildren(folder / "revisions");
  std::stable_partition(revisions.begin(), revisions.end(),
                        [](const fs::path& path) { return path.filename() == "main"; });
  for (const fs::path& revision : revisions) {
    if (!fs::is_directory(revision)) continue;
    const std::string ref = RefFromFolderName(revision.filename().string());
    if (absl::Status status = CommitFolder(**repo, ref, revision, *digests, lfs_threshold); !status.ok()) {
      return absl::Status(status.code(), revision.string() + ": " + std::string(status.message()));
    }
  }
  return absl::OkStatus();
}

absl::Status LoadKind(RepoKind kind, const fs::path& folder, std::uint64_t lfs_threshold, RepoStore& store) {
  for (const fs::path& outer : SortedChildren(folder)) {
    const std::string name = outer.filename().string();
    if (fs::is_directory(outer / "revisions")) {
      if (absl::Status status = LoadRepo(kind, name, outer, lfs_threshold, store); !status.ok())
        return status;
      continue;
    }
    for (const fs::path& inner : SortedChildren(outer)) {
      if (!fs::is_directory(inner)) continue;
      const std::string id = name + "/" + inner.filename().string();
      if (absl::Status status = LoadRepo(kind, id, inner, lfs_threshold, store); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status LoadHubFolder(const fs::path& folder, std::uint64_t lfs_threshold, RepoStore& store) {
  if (!fs::is_directory(folder)) return absl::NotFoundError(folder.string() + ": no such folder");
  const absl::StatusOr<json> hub = ReadJson(folder / "hub.json");
  if (!hub.ok()) return hub.status();
  LoadUsers(*hub, store);
  for (const RepoKind kind : {RepoKind::kModel, RepoKind::kDataset, RepoKind::kSpace}) {
    if (absl::Status status = LoadKind(kind, folder / KindPlural(kind), lfs_threshold, store); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace batuta::hubsim
