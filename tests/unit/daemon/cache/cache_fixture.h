#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "common/io/file_system.h"
#include "common/types/entry.h"
#include "daemon/cache/cache.h"
#include "tests/support/files/fake_file_system.h"
#include "tests/support/files/temp_folder.h"
#include "tests/support/metadata/fake_metadata_store.h"

namespace batuta::cache {

RepoId Model(std::string_view id);
CommitId Commit(char digit);  // that digit, 40 times
BlobId Sha256(char digit);    // that digit, 64 times
BlobId GitSha1(char digit);   // that digit, 40 times
Entry MakeEntry(std::string_view path, const BlobId& blob, uint64_t size_bytes);
std::span<const std::byte> BytesOf(std::string_view text);

// The whole way of one blob: partial file, all bytes, publish.
absl::Status PutBlob(Cache& cache, const RepoId& repo, const BlobId& blob, std::string_view content);

// A cache on the real disk, opened anew at will, with a catalog that lives as long as the test.
class CacheTest : public ::testing::Test {
 protected:
  void SetUp() override { Reopen(); }

  // Ends the cache's process, so to speak, and starts the next. `boot`: another one = the machine restarted
  // meanwhile.
  void Reopen(std::string boot = "boot-1");

  // Writes a file below the root, with its folders.
  void Given(const std::filesystem::path& path, std::string_view content);
  void GivenLink(const std::filesystem::path& path, const std::string& target);
  std::string Read(const std::filesystem::path& path) const;

  // Everything below `folder` of the root, sorted; folders end in `/`.
  std::vector<std::string> Tree(const std::filesystem::path& folder) const;

  std::filesystem::path root() const { return folder_ / "hub"; }

  std::string instance();

  TempFolder folder_;
  std::unique_ptr<FileSystem> files_ = MakePosixFileSystem();
  metadata::FakeMetadataStore store_;
  std::unique_ptr<Cache> cache_;
  const RepoId repo_ = Model("acme/otter");
  const CommitId commit_ = Commit('3');
};

// A cache of two repos on a disk in memory, opened anew at will.
class MemoryCacheTest : public ::testing::Test {
 protected:
  void SetUp() override { Open(); }

  void Open();

  FakeFileSystem files_;
  metadata::FakeMetadataStore store_;
  std::unique_ptr<Cache> cache_;
  const RepoId otter_ = Model("acme/otter");
  const RepoId badger_ = Model("acme/badger");
};

}  // namespace batuta::cache
