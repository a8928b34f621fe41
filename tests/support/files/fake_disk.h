#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "common/io/file_system.h"

namespace batuta {

// FakeDisk is the tree behind FakeFileSystem: what is visible now, and what would be left after a power cut.
// Its calls return 0 or an errno, as the kernel would. Not thread-safe.
class FakeDisk {
 public:
  struct Node {
    FileInfo::Kind kind = FileInfo::Kind::kFile;
    uint64_t inode = 0;
    uint64_t links = 0;
    std::string content;                                                // of a file; the target of a symlink
    std::string durable_content;                                        // as of the latest sync
    std::map<std::string, std::shared_ptr<Node>, std::less<>> entries;  // of a folder
    std::map<std::string, std::shared_ptr<Node>, std::less<>> durable_entries;
    WallTime modified;
    WallTime durable_modified;  // as of the latest sync
    WallTime accessed;
    const void* lock_holder = nullptr;
    int open_files = 0;
  };

  // Where a path leads. `node` is null when the last component is not there; `folder` is null for the root.
  struct Place {
    std::shared_ptr<Node> folder;
    std::string name;
    std::shared_ptr<Node> node;
  };

  FakeDisk();

  int Find(const std::filesystem::path& path, bool follow_last, Place* place) const;
  int Rename(const std::filesystem::path& from, const std::filesystem::path& to);
  int Link(const std::filesystem::path& existing, const std::filesystem::path& path);
  int Remove(const std::filesystem::path& path);

  // Puts a new node at `place`, whose node must be null.
  std::shared_ptr<Node> Make(Place& place, FileInfo::Kind kind, std::string content);

  static void SyncContent(Node& node) {
    node.durable_content = node.content;
    node.durable_modified = node.modified;
  }

  static void SyncEntries(Node& node) {
    node.durable_entries = node.entries;
    node.durable_modified = node.modified;
  }

  // Makes the whole tree durable.
  void SyncAll();

  // Drops everything that was not synced.
  void LoseUnsynced();

  // Drops all locks, as the end of every process does.
  void DropLocks();

  // Bytes of all files that have a name.
  uint64_t UsedBytes() const;

  // Every path, sorted; folders end in `/`, symlinks read `path -> target`.
  std::vector<std::string> Paths() const;

  static FileInfo InfoOf(const Node& node);

  // A later moment at each call.
  WallTime Tick();

  void SetTime(WallTime time) { time_ = time; }

 private:
  std::shared_ptr<Node> root_;
  uint64_t next_inode_ = 2;
  WallTime time_ = FromUnixMillis(1'793'607'330'000);
};

}  // namespace batuta
