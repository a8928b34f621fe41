#include "tests/fault/cache/small_pull.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/status.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::cache {
namespace {

using ::testing::AnyOf;
using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr uint64_t kOtterSize = 60;
constexpr const char* kConfigBytes = "{}";

template <typename Value>
Value Must(absl::StatusOr<Value> value) {
  if (!value.ok()) std::abort();
  return *std::move(value);
}

BlobId ConfigBlob() {
  return Must(BlobId::Parse(std::string(40, 'c')));
}

std::string BytesOfBlob(const BlobId& blob) {
  return blob == OtterBlob() ? OtterBytes() : kConfigBytes;
}

// Fills what is not believed, twenty bytes at a time; every second piece is made durable.
absl::Status Fill(Partial& partial, const std::string& bytes) {
  constexpr uint64_t kPiece = 20;
  std::vector<Extent> written = partial.believed();
  for (const Extent& extent : written) {
    ASSIGN_OR_RETURN(const std::string text, ReadText(partial, extent));
    EXPECT_EQ(text, bytes.substr(extent.begin, extent.end - extent.begin)) << "believed, and wrong";
  }
  uint64_t front = written.empty() || written.front().begin > 0 ? 0 : written.front().end;
  for (int piece = 0; front < bytes.size(); ++piece) {
    const uint64_t end = std::min<uint64_t>(front + kPiece, bytes.size());
    RETURN_IF_ERROR(WriteText(partial, front, std::string_view(bytes).substr(front, end - front)));
    front = end;
    RETURN_IF_ERROR(piece % 2 == 0 ? partial.Journal({{0, front}}, {})
                                   : partial.Checkpoint({{0, front}}, {}));
  }
  return absl::OkStatus();
}

absl::Status Fetch(Cache& cache, const Entry& entry) {
  const auto partial = cache.OpenPartial(Otter(), entry.blob, entry.size_bytes);
  if (absl::IsAlreadyExists(partial.status())) return absl::OkStatus();
  if (!partial.ok()) return partial.status();
  RETURN_IF_ERROR(Fill(**partial, BytesOfBlob(entry.blob)));
  return (*partial)->Publish({});
}

}  // namespace

RepoId Otter() {
  return Must(RepoId::Parse(RepoType::kModel, "acme/otter"));
}

CommitId OtterCommit() {
  return Must(CommitId::Parse(std::string(40, '3')));
}

BlobId OtterBlob() {
  return Must(BlobId::Parse(std::string(64, 'a')));
}

std::string OtterBytes() {
  std::string bytes;
  for (uint64_t i = 0; i < kOtterSize; ++i) bytes += static_cast<char>('A' + i);
  return bytes;
}

std::vector<Entry> OtterEntries() {
  const std::string pointer(40, 'e');
  return {{Must(RepoPath::Parse("config.json")), 2, ConfigBlob(), ConfigBlob().hex()},
          {Must(RepoPath::Parse("onnx/model.onnx")), kOtterSize, OtterBlob(), pointer},
          {Must(RepoPath::Parse("onnx/twin.onnx")), kOtterSize, OtterBlob(), pointer}};
}

absl::Status WriteText(Partial& partial, uint64_t offset, std::string_view text) {
  return partial.WriteAt(offset, std::as_bytes(std::span(text)));
}

absl::StatusOr<std::string> ReadText(Partial& partial, const Extent& extent) {
  std::string text(extent.end - extent.begin, '\0');
  ASSIGN_OR_RETURN(const size_t count, partial.ReadAt(extent.begin, std::as_writable_bytes(std::span(text))));
  text.resize(count);
  return text;
}

absl::Status PullOtter(Cache& cache) {
  RETURN_IF_ERROR(cache.WriteTree(Otter(), {OtterCommit(), OtterEntries()}));
  for (const Entry& entry : OtterEntries()) {
    ASSIGN_OR_RETURN(bool is_linked, cache.LinkExisting(Otter(), OtterCommit(), entry));
    if (is_linked) continue;
    RETURN_IF_ERROR(Fetch(cache, entry));
    ASSIGN_OR_RETURN(is_linked, cache.LinkExisting(Otter(), OtterCommit(), entry));
    EXPECT_TRUE(is_linked);
  }
  return cache.WriteRef(Otter(), Revision::Main(), OtterCommit());
}

Machine::Machine() {
  store.FailWhile([this] { return is_down(); });
}

absl::StatusOr<std::unique_ptr<Cache>> Machine::OpenCache() {
  return Cache::Open({kRoot, fmt::format("boot-{}", boot_)}, files, store);
}

absl::Status Machine::Pull() {
  ASSIGN_OR_RETURN(const std::unique_ptr<Cache> cache, OpenCache());
  return PullOtter(*cache);
}

void Machine::CutPowerAtCatalogWrite(uint64_t n) {
  store.BeforeWrite(n, [this] {
    is_down_ = true;
    files.CutPowerAtMutation(1);
  });
}

void Machine::StartAfterPowerCut() {
  if (files.is_down()) {
    files.Restart();
  } else {
    files.CutPower();
  }
  store.CutPower();
  is_down_ = false;
  ++boot_;
}

void Machine::StartAfterKill() {
  files.Restart();
  is_down_ = false;
}

void ExpectNothingWrongIsVisible(const FakeFileSystem& files) {
  const std::string repo(kRepoFolder);
  const std::string snapshot = repo + "/snapshots/" + OtterCommit().hex();
  for (const BlobId& blob : {OtterBlob(), ConfigBlob()}) {
    EXPECT_THAT(files.Get(repo + "/blobs/" + blob.hex()), AnyOf(Eq(std::nullopt), Eq(BytesOfBlob(blob))));
  }
  for (const std::string& path : files.Paths()) {
    const std::string name = path.substr(0, path.find(" -> "));
    const bool is_folder = path.ends_with("/");
    if (path.starts_with(snapshot + "/") && !is_folder) {
      const std::string bytes = name.ends_with("config.json") ? kConfigBytes : OtterBytes();
      EXPECT_EQ(files.Get(name), bytes) << path;
    }
    if (path.starts_with(repo + "/snapshots/") && !is_folder) {
      EXPECT_THAT(path, StartsWith(snapshot + "/"));
    }
    if (path.starts_with(repo + "/refs/") && !is_folder) {
      EXPECT_EQ(name, repo + "/refs/main");
      EXPECT_EQ(files.Get(name), OtterCommit().hex());
      for (const Entry& entry : OtterEntries()) {
        EXPECT_NE(files.Get(snapshot + "/" + entry.path.text()), std::nullopt)
            << "a ref without " << entry.path.text();
      }
    }
    const std::string first = path.substr(0, path.find('/', std::string(kRoot).size() + 1));
    EXPECT_THAT(first, AnyOf("/hub/", "/hub", "/hub/.locks", "/hub/CACHEDIR.TAG", kRepoFolder));
  }
}

void ExpectWholePull(const FakeFileSystem& files) {
  const std::string snapshot = std::string(kRepoFolder) + "/snapshots/" + OtterCommit().hex();
  for (const Entry& entry : OtterEntries()) {
    EXPECT_EQ(files.Get(snapshot + "/" + entry.path.text()), BytesOfBlob(entry.blob));
  }
  EXPECT_EQ(files.Get(std::string(kRepoFolder) + "/refs/main"), OtterCommit().hex());
  for (const std::string& path : files.Paths()) {
    EXPECT_THAT(path, Not(HasSubstr("batuta"))) << "left over";
  }
}

}  // namespace batuta::cache
