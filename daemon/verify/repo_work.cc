#include "daemon/verify/repo_work.h"

#include <set>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

namespace batuta::verify {
namespace {

// The blob that a file in blobs/ says to be by its name.
std::optional<BlobId> BlobOfName(std::string_view name) {
  auto blob = BlobId::Parse(name);
  if (!blob.ok() || blob->hex() != name) return std::nullopt;
  return *std::move(blob);
}

}  // namespace

void RepoWork::AddSnapshot(const cache::SurveyedSnapshot& snapshot, const std::optional<Tree>& listing,
                           const std::vector<inventory::PulledSelection>& pulled) {
  std::unordered_map<std::string_view, const Entry*> entries;
  if (listing) {
    for (const Entry& entry : listing->entries) entries.emplace(entry.path.text(), &entry);
  }
  const auto entry_of = [&entries](const std::string& path) {
    const auto found = entries.find(path);
    return found == entries.end() ? nullptr : found->second;
  };

  std::set<std::string_view> seen;
  for (const cache::SurveyedFile& file : snapshot.files) {
    seen.insert(file.path);
    AddFile(snapshot, file, entry_of(file.path));
  }
  for (const std::string& path : snapshot.broken_links) {
    seen.insert(path);
    AddAbsent(snapshot.commit, path, entry_of(path), Problem::kMissing, "the link leads to nothing");
  }
  for (const inventory::PulledSelection& selection : pulled) {
    for (const std::string& path : selection.paths) {
      if (!seen.insert(path).second) continue;
      AddAbsent(snapshot.commit, path, entry_of(path), Problem::kIncomplete,
                fmt::format("a pull brought it as part of {}", selection.label));
    }
  }
}

void RepoWork::AddLoose(const std::vector<cache::LooseFile>& loose) {
  for (const cache::LooseFile& file : loose) {
    if (file.is_unfinished) continue;
    std::optional<BlobId> blob = BlobOfName(file.name);
    if (!blob) {
      ++unchecked_files_;
      continue;
    }
    items_.push_back({{repo_, file.name}, *std::move(blob), file.size_bytes});
  }
}

void RepoWork::AddFile(const cache::SurveyedSnapshot& snapshot, const cache::SurveyedFile& file,
                       const Entry* entry) {
  const std::string commit = snapshot.commit.hex();
  if (file.blob.empty()) {
    // A file in the snapshot itself: only the listing knows what it should be.
    if (entry == nullptr) {
      ++unchecked_files_;
    } else {
      items_.push_back(
          {{repo_, "", snapshot.commit, file.path}, entry->blob, entry->size_bytes, commit, file.path});
    }
    return;
  }
  const std::optional<BlobId> named = BlobOfName(file.blob);
  if (!named) {
    ++unchecked_files_;
    return;
  }
  const auto [known, is_new] = by_blob_.emplace(file.blob, items_.size());
  if (is_new) items_.push_back({{repo_, file.blob}, *named, file.size_bytes, commit, file.path});
  Item& item = items_[known->second];
  if (entry == nullptr) return;
  if (entry->blob == *named) {
    item.size_bytes = entry->size_bytes;
  } else {
    item.listed_as = entry->blob;
  }
}

void RepoWork::AddAbsent(const CommitId& commit, const std::string& path, const Entry* entry, Problem problem,
                         std::string detail) {
  findings_.push_back({.repo = repo_,
                       .commit = commit.hex(),
                       .path = path,
                       .blob = entry == nullptr ? std::string() : entry->blob.hex(),
                       .size_bytes = entry == nullptr ? 0 : entry->size_bytes,
                       .problem = problem,
                       .detail = std::move(detail)});
}

}  // namespace batuta::verify
