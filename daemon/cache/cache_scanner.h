#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"

#include "common/io/file_system.h"
#include "common/types/repo_id.h"
#include "daemon/cache/cache.h"
#include "daemon/cache/layout.h"

namespace batuta::cache {

// CacheScanner makes the listing of a cache, whoever filled it. It takes what it can read and says the rest
// as warnings, where the Python library would drop a whole repo: other tools leave refs without snapshots,
// broken links and files of all kinds. Used once.
class CacheScanner {
 public:
  CacheScanner(const Layout& layout, FileSystem& files) : layout_(layout), files_(files) {}

  // `only` empty = all.   Errors: those of listing the root.
  absl::StatusOr<CacheListing> Scan(const std::vector<RepoId>& only);

 private:
  using Path = std::filesystem::path;

  struct FileKey {
    uint64_t device = 0;
    uint64_t inode = 0;

    friend bool operator==(const FileKey&, const FileKey&) = default;
  };

  struct FileKeyHash {
    size_t operator()(const FileKey& key) const { return std::hash<uint64_t>()(key.inode * 31 + key.device); }
  };

  // Where a file was counted last, as numbers of the repo and the revision; repos and revisions come one
  // after another.
  struct Counted {
    uint64_t repo = 0;
    uint64_t revision = 0;
  };

  // The files of the revision under way.
  struct Walk {
    CachedRepo& repo;
    CachedRevision& revision;
    std::vector<Path> pending;  // folders
  };

  void ScanRepo(const RepoId& repo);
  bool HasOnlyBegun(const RepoId& repo);
  void ScanRevision(const CommitId& commit, CachedRepo* repo);
  void ScanFolder(const Path& folder, Walk* walk);
  void ScanEntry(const Path& path, Walk* walk);
  void Count(const FileInfo& file, Walk* walk);
  std::map<std::string, std::vector<std::string>> ReadRefs(const Path& refs);
  absl::StatusOr<FileInfo> Follow(const Path& path);
  void Warn(const Path& path, std::string_view what);
  void WarnError(const Path& path, const absl::Status& status);

  const Layout& layout_;
  FileSystem& files_;
  CacheListing listing_;
  uint64_t unsaid_warnings_ = 0;
  uint64_t repo_number_ = 0;
  uint64_t revision_number_ = 0;
  std::unordered_map<FileKey, Counted, FileKeyHash> counted_;
};

}  // namespace batuta::cache
