#include "tests/unit/daemon/cache/cache_fixture.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "common/status/status.h"
#include "daemon/metadata/identity.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::cache {
namespace {

namespace fs = std::filesystem;

// A test that cannot make its givens is broken: stop it there.
template <typename Value>
Value Must(absl::StatusOr<Value> value) {
  EXPECT_THAT(value, IsOk());
  if (!value.ok()) std::abort();
  return *std::move(value);
}

}  // namespace

RepoId Model(std::string_view id) {
  return Must(RepoId::Parse(RepoType::kModel, id));
}

CommitId Commit(char digit) {
  return Must(CommitId::Parse(std::string(40, digit)));
}

BlobId Sha256(char digit) {
  return Must(BlobId::Parse(std::string(64, digit)));
}

BlobId GitSha1(char digit) {
  return Must(BlobId::Parse(std::string(40, digit)));
}

Entry MakeEntry(std::string_view path, const BlobId& blob, uint64_t size_bytes) {
  return {Must(RepoPath::Parse(path)), size_bytes, blob,
          blob.kind() == BlobId::Kind::kGitSha1 ? blob.hex() : std::string(40, 'e')};
}

std::span<const std::byte> BytesOf(std::string_view text) {
  return std::as_bytes(std::span(text));
}

absl::Status PutBlob(Cache& cache, const RepoId& repo, const BlobId& blob, std::string_view content) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Partial> partial, cache.OpenPartial(repo, blob, content.size()));
  RETURN_IF_ERROR(partial->WriteAt(0, BytesOf(content)));
  return partial->Publish({});
}

void CacheTest::Reopen(std::string boot) {
  cache_.reset();
  auto cache = Cache::Open({root(), std::move(boot)}, *files_, store_);
  ASSERT_THAT(cache, IsOk());
  cache_ = *std::move(cache);
}

void CacheTest::Given(const fs::path& path, std::string_view content) {
  fs::create_directories((root() / path).parent_path());
  std::ofstream(root() / path, std::ios::binary) << content;
}

void CacheTest::GivenLink(const fs::path& path, const std::string& target) {
  fs::create_directories((root() / path).parent_path());
  fs::create_symlink(target, root() / path);
}

std::string CacheTest::Read(const fs::path& path) const {
  std::ifstream file(root() / path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return file.is_open() ? content.str() : "(no file)";
}

std::vector<std::string> CacheTest::Tree(const fs::path& folder) const {
  std::vector<std::string> paths;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root() / folder)) {
    const bool is_folder = entry.is_directory() && !entry.is_symlink();
    paths.push_back(entry.path().lexically_relative(root() / folder).native() + (is_folder ? "/" : ""));
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string CacheTest::instance() {
  return Must(metadata::InstanceId(store_)).substr(0, 8);
}

void MemoryCacheTest::Open() {
  cache_.reset();
  auto cache = Cache::Open({"/hub", "boot-1"}, files_, store_);
  ASSERT_THAT(cache, IsOk());
  cache_ = *std::move(cache);
}

}  // namespace batuta::cache
