#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/status.h"
#include "daemon/imports/commit_import.h"
#include "tests/support/cache_world/cache_world.h"
#include "tests/support/sample_file/sample_file.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::imports {

struct Named {
  std::string path;
  std::string content;
  BlobId::Kind kind = BlobId::Kind::kSha256;
};

inline std::span<const std::byte> BytesOf(std::string_view text) {
  return std::as_bytes(std::span(text));
}

inline BlobId BlobOf(const Named& file) {
  transfer::ContentHash hash(file.kind, file.content.size());
  hash.Update(BytesOf(file.content));
  return *BlobId::Parse(*hash.Finish());
}

// A listing as the Python library writes it.
inline std::string ListingOf(const std::vector<Named>& files) {
  std::string text = R"({"format_version": 1, "files": {)";
  for (const Named& file : files) {
    const BlobId blob = BlobOf(file);
    const bool is_lfs = file.kind == BlobId::Kind::kSha256;
    text += (text.ends_with('{') ? "\"" : ", \"") + file.path + R"(": {"size": )" +
            std::to_string(file.content.size()) + R"(, "blob_id": ")" + (is_lfs ? "" : blob.hex()) +
            R"(", "lfs_sha256": )" + (is_lfs ? "\"" + blob.hex() + "\"" : "null") + "}";
  }
  return text + "}}";
}

// Imports of acme/otter, commit 333…, into a cache on a disk in memory.
class CommitImportTest : public ::testing::Test {
 protected:
  ImportSpec Spec() const {
    ImportSpec spec{.repo = CacheWorld::Model("acme/otter"),
                    .commit = CacheWorld::Commit('3'),
                    .refs = {Revision::Main()},
                    .label = "",
                    .files = {},
                    .tree = ""};
    for (const Named& file : files_) {
      spec.files.push_back({*RepoPath::Parse(file.path), file.content.size(), BlobOf(file)});
    }
    return spec;
  }

  absl::StatusOr<std::unique_ptr<CommitImport>> Begin(ImportSpec spec) {
    return CommitImport::Begin({*world_.cache, space_, *world_.inventory, guard_, &world_.verified},
                               std::move(spec));
  }

  // In pieces, since they come so.
  static absl::Status Send(CommitImport& arrival, const Named& file) {
    RETURN_IF_ERROR(arrival.BeginBlob(BlobOf(file), file.content.size()));
    const auto bytes = BytesOf(file.content);
    for (size_t at = 0; at < bytes.size(); at += 100'000) {
      RETURN_IF_ERROR(arrival.Append(bytes.subspan(at, std::min<size_t>(100'000, bytes.size() - at))));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<ImportOutcome> ImportAll(const ImportSpec& spec) {
    ASSIGN_OR_RETURN(const std::unique_ptr<CommitImport> arrival, Begin(spec));
    for (const Named& file : files_) RETURN_IF_ERROR(Send(*arrival, file));
    return arrival->Finish();
  }

  std::optional<std::string> Visible(const std::string& path) const {
    return world_.files.Get("/hub/models--acme--otter/snapshots/" + CacheWorld::Commit('3').hex() + "/" +
                            path);
  }

  std::optional<std::string> Main() const { return world_.files.Get("/hub/models--acme--otter/refs/main"); }

  void ExpectNothingVisible() {
    for (const Named& file : files_) EXPECT_EQ(Visible(file.path), std::nullopt) << file.path;
    EXPECT_EQ(Main(), std::nullopt);
    EXPECT_THAT(world_.Faults(), ::testing::IsEmpty());
  }

  void ExpectAllVisible() {
    for (const Named& file : files_) EXPECT_EQ(Visible(file.path), file.content) << file.path;
    EXPECT_EQ(Main(), CacheWorld::Commit('3').hex());
    EXPECT_THAT(world_.Faults(), ::testing::IsEmpty());
  }

  // Files on their way in.
  std::vector<std::string> Parts() const {
    std::vector<std::string> parts;
    for (const std::string& path : world_.files.Paths()) {
      if (path.find("batuta") != std::string::npos) parts.push_back(path);
    }
    return parts;
  }

  CacheWorld world_;
  cache::SpaceLedger space_{0};
  const guard::GuardContext* guard_ = nullptr;
  std::vector<Named> files_ = {{"config.json", "{}", BlobId::Kind::kGitSha1},
                               {"sub/empty.txt", "", BlobId::Kind::kGitSha1},
                               {"model.safetensors", SampleFile("model.safetensors", 300'000)}};
};

}  // namespace batuta::imports
