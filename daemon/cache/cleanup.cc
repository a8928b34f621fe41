#include "daemon/cache/cleanup.h"

#include <optional>
#include <vector>

#include "common/status/status.h"

namespace batuta::cache {
namespace {

using Path = std::filesystem::path;
using metadata::Durability;
using metadata::Table;

}  // namespace

absl::Status Cleanup::Run(std::string_view instance, const std::string& boot_id) {
  const std::string key = "cache_cleaned_in_boot:" + layout_.root().native();
  ASSIGN_OR_RETURN(const std::optional<std::string> cleaned_in, store_.Get(Table::kMeta, key));
  const bool is_first_in_boot = cleaned_in != boot_id;
  RETURN_IF_ERROR(DropRecordsWithoutFile(instance));
  ASSIGN_OR_RETURN(const std::vector<std::string> names, files_.List(layout_.root()));
  for (const std::string& name : names) {
    const auto repo = RepoId::FromFolder(name);
    if (!repo.ok()) continue;
    RemoveTempFiles(*repo);
    if (is_first_in_boot) RemoveForgottenParts(*repo, instance);
  }
  if (!is_first_in_boot) return absl::OkStatus();
  return metadata::Put(store_, Table::kMeta, key, boot_id, Durability::kProcess);
}

absl::Status Cleanup::DropRecordsWithoutFile(std::string_view instance) {
  return journal_.DropWhere([&](const RepoId& repo, const BlobId& blob) {
    return absl::IsNotFound(files_.Info(layout_.Blobs(repo) / PartName(blob, instance)).status());
  });
}

void Cleanup::RemoveTempFiles(const RepoId& repo) {
  const auto names = files_.List(layout_.Repo(repo));
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    if (temp_names_.IsOurs(name)) files_.Remove(layout_.Repo(repo) / name).IgnoreError();
    const std::optional<std::string> blob = temp_names_.BlobOfAside(name);
    if (blob.has_value()) PutBack(layout_.Repo(repo) / name, layout_.Blobs(repo) / *blob);
  }
}

// A removal was interrupted before it had seen whether another tool has linked to the blob meanwhile. Nothing
// but that tool's link may lead to it, so it is not missed when it goes the next time.
void Cleanup::PutBack(const Path& aside, const Path& place) {
  if (files_.Info(place).ok()) {
    files_.Remove(aside).IgnoreError();
  } else if (files_.Rename(aside, place).ok()) {
    files_.SyncFolder(place.parent_path()).IgnoreError();
  }
}

void Cleanup::RemoveForgottenParts(const RepoId& repo, std::string_view instance) {
  const auto names = files_.List(layout_.Blobs(repo));
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    const std::optional<BlobId> blob = BlobOfPartName(name, instance);
    if (!blob.has_value()) continue;
    const auto record = journal_.Load(repo, *blob);
    if (record.ok() && !record->has_value()) files_.Remove(layout_.Blobs(repo) / name).IgnoreError();
  }
}

}  // namespace batuta::cache
