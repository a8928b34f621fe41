#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/cache/cache.h"
#include "daemon/inventory/inventory.h"
#include "tests/support/clock/fake_clock.h"
#include "tests/support/files/fake_file_system.h"
#include "tests/support/metadata/fake_metadata_store.h"

namespace batuta {

// CacheWorld is a cache on a disk in memory, with its catalog and inventory, that other tools write to as
// well: what they do is given directly. Repos are models; a commit is a digit, 40 times.
class CacheWorld {
 public:
  CacheWorld();

  static RepoId Model(std::string_view id);
  static CommitId Commit(char digit);
  static std::string BlobName(std::string_view content);

  // As another tool does it: blob and link, and `refs/main` when `is_main`.
  void Bring(std::string_view id, char commit, const std::map<std::string, std::string>& files,
             bool is_main = true);

  // A hard link of the blob of that content, from one repo to another, linked as `path`.
  void Share(std::string_view from, std::string_view to, char commit, const std::string& path,
             const std::string& content);

  // Ends the process and starts the next, after a kill or a power cut when the disk is down.
  void Start();

  bool Has(std::string_view id, char commit, const std::string& path) const;

  // What is wrong with the tree: dangling links, refs to nothing.
  std::vector<std::string> Faults();

  FakeFileSystem files;
  metadata::FakeMetadataStore store;
  FakeClock clock;
  cache::VerifiedFiles verified{store, clock};
  std::unique_ptr<cache::Cache> cache;
  std::unique_ptr<inventory::Pins> pins;
  std::unique_ptr<inventory::Inventory> inventory;

  static constexpr std::string_view kRoot = "/hub";
  static constexpr std::string_view kPins = "/state/pins.txt";
};

}  // namespace batuta
