#include "daemon/imports/commit_import.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/cache_world/cache_world.h"
#include "tests/support/sample_file/sample_file.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::imports {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Named {
  std::string path;
  std::string content;
  BlobId::Kind kind = BlobId::Kind::kSha256;
};

std::span<const std::byte> BytesOf(std::string_view text) {
  return std::as_bytes(std::span(text));
}

BlobId BlobOf(const Named& file) {
  transfer::ContentHash hash(file.kind, file.content.size());
  hash.Update(BytesOf(file.content));
  return *BlobId::Parse(*hash.Finish());
}

// A listing as the Python library writes it.
std::string ListingOf(const std::vector<Named>& files) {
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
    return CommitImport::Begin({*world_.cache, space_, *world_.inventory}, std::move(spec));
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
    EXPECT_THAT(world_.Faults(), IsEmpty());
  }

  void ExpectAllVisible() {
    for (const Named& file : files_) EXPECT_EQ(Visible(file.path), file.content) << file.path;
    EXPECT_EQ(Main(), CacheWorld::Commit('3').hex());
    EXPECT_THAT(world_.Faults(), IsEmpty());
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
  std::vector<Named> files_ = {{"config.json", "{}", BlobId::Kind::kGitSha1},
                               {"sub/empty.txt", "", BlobId::Kind::kGitSha1},
                               {"model.safetensors", SampleFile("model.safetensors", 300'000)}};
};

TEST_F(CommitImportTest, PutsUpACommitWithItsRefsAndListing) {
  ImportSpec spec = Spec();
  spec.tree = ListingOf(files_);

  const absl::StatusOr<ImportOutcome> outcome = ImportAll(spec);

  ASSERT_THAT(outcome, IsOk());
  EXPECT_EQ(outcome->imported_files, 3u);
  EXPECT_EQ(outcome->imported_bytes, 300'002u);
  ExpectAllVisible();
  EXPECT_THAT(world_.cache->ReadTree(spec.repo, spec.commit)->value().entries, SizeIs(3));
  const auto repo = world_.inventory->Find(spec.repo);
  ASSERT_NE(repo, nullptr);
  EXPECT_THAT(repo->snapshots.front().selections, SizeIs(1));
  EXPECT_THAT(Parts(), IsEmpty());
}

TEST_F(CommitImportTest, SizesThatNobodySaidAreThoseOfTheBlobs) {
  ImportSpec spec = Spec();
  for (Entry& file : spec.files) file.size_bytes = 0;
  ASSERT_THAT(ImportAll(spec), IsOk());
  ExpectAllVisible();

  spec.commit = CacheWorld::Commit('4');
  EXPECT_EQ((*Begin(spec))->Finish()->present_files, 3u) << "as they are here";

  world_.files.SetCapacity(400'000);
  files_ = {{"huge.bin", std::string(900'000, 'h')}};
  spec = Spec();
  spec.files.front().size_bytes = 0;
  EXPECT_THAT(ImportAll(spec), HasReason("DISK_FULL"));
}

TEST_F(CommitImportTest, ALabelNamesTheSelection) {
  ImportSpec spec = Spec();
  spec.label = "Q4_K_M";
  ASSERT_THAT(ImportAll(spec), IsOk());
  EXPECT_EQ(world_.inventory->Find(spec.repo)->snapshots.front().selections.front().label, "Q4_K_M");
}

TEST_F(CommitImportTest, BlobsThatAreHereMayBeLeftOut) {
  ASSERT_THAT(ImportAll(Spec()), IsOk());
  ImportSpec next = Spec();
  next.commit = CacheWorld::Commit('4');
  auto arrival = Begin(next);
  ASSERT_THAT(arrival, IsOk());
  ASSERT_THAT(Send(**arrival, files_[0]), IsOk());

  const absl::StatusOr<ImportOutcome> outcome = (*arrival)->Finish();

  ASSERT_THAT(outcome, IsOk());
  EXPECT_EQ(outcome->imported_bytes, 0u);
  EXPECT_EQ(outcome->present_files, 3u);
  EXPECT_EQ(Main(), CacheWorld::Commit('4').hex());
}

TEST_F(CommitImportTest, WhatAnotherRepoHasIsTheSameFile) {
  ImportSpec first = Spec();
  first.repo = CacheWorld::Model("acme/zebra");
  ASSERT_THAT(ImportAll(first), IsOk());

  const absl::StatusOr<ImportOutcome> outcome = ImportAll(Spec());

  ASSERT_THAT(outcome, IsOk());
  ExpectAllVisible();
  EXPECT_EQ(outcome->imported_bytes, 0u);
  const auto inode = [&](const std::string& repo) {
    const auto info = world_.files.Info("/hub/models--acme--" + repo + "/blobs/" + BlobOf(files_[2]).hex());
    return info.ok() ? info->inode : 0;
  };
  EXPECT_NE(inode("zebra"), 0u);
  EXPECT_EQ(inode("zebra"), inode("otter"));
}

TEST_F(CommitImportTest, WrongBytesAreRefusedAndNothingIsVisible) {
  for (const size_t wrong : {size_t{0}, size_t{2}}) {
    auto arrival = Begin(Spec());
    ASSERT_THAT(arrival, IsOk());
    Named changed = files_[wrong];
    changed.content.back() = '!';
    ASSERT_THAT((*arrival)->BeginBlob(BlobOf(files_[wrong]), changed.content.size()), IsOk());
    EXPECT_THAT((*arrival)->Append(BytesOf(changed.content)), HasReason("DIGEST_MISMATCH"));
    arrival->reset();
    ExpectNothingVisible();
    EXPECT_THAT(Parts(), IsEmpty());
  }
}

TEST_F(CommitImportTest, WrongBytesAreFoundEvenOfABlobThatIsHere) {
  ASSERT_THAT(ImportAll(Spec()), IsOk());
  auto arrival = Begin(Spec());
  ASSERT_THAT((*arrival)->BeginBlob(BlobOf(files_[2]), files_[2].content.size()), IsOk());
  EXPECT_THAT((*arrival)->Append(BytesOf(std::string(300'000, 'x'))), HasReason("DIGEST_MISMATCH"));
  arrival->reset();
  ExpectAllVisible();
}

TEST_F(CommitImportTest, WhatIsIncompleteIsRefused) {
  auto arrival = Begin(Spec());
  ASSERT_THAT(Send(**arrival, files_[0]), IsOk());
  ASSERT_THAT(Send(**arrival, files_[1]), IsOk());
  EXPECT_THAT((*arrival)->Finish(), HasReason("DIGEST_MISMATCH")) << "a blob is missing";

  arrival = Begin(Spec());
  ASSERT_THAT((*arrival)->BeginBlob(BlobOf(files_[2]), files_[2].content.size()), IsOk());
  ASSERT_THAT((*arrival)->Append(BytesOf("www")), IsOk());
  EXPECT_THAT((*arrival)->Finish(), HasReason("DIGEST_MISMATCH")) << "a blob is cut off";
  arrival->reset();
  ExpectNothingVisible();
  EXPECT_THAT(Parts(), IsEmpty());
}

TEST_F(CommitImportTest, PartsOutOfOrderAreRefused) {
  auto arrival = *Begin(Spec());
  EXPECT_THAT(arrival->Append(BytesOf("x")), HasReason("INVALID_ARGUMENT"));
  EXPECT_THAT(arrival->BeginBlob(*BlobId::Parse(std::string(64, 'f')), 1), HasReason("INVALID_ARGUMENT"));
  EXPECT_THAT(arrival->BeginBlob(BlobOf(files_[0]), 3), HasReason("DIGEST_MISMATCH"));

  arrival = *Begin(Spec());
  ASSERT_THAT(arrival->BeginBlob(BlobOf(files_[2]), files_[2].content.size()), IsOk());
  EXPECT_THAT(arrival->BeginBlob(BlobOf(files_[0]), 2), HasReason("INVALID_ARGUMENT"));

  arrival = *Begin(Spec());
  ASSERT_THAT(arrival->BeginBlob(BlobOf(files_[0]), 2), IsOk());
  EXPECT_THAT(arrival->Append(BytesOf("{}x")), HasReason("INVALID_ARGUMENT"));

  arrival = *Begin(Spec());
  ASSERT_THAT(Send(*arrival, files_[0]), IsOk());
  EXPECT_THAT(Send(*arrival, files_[0]), HasReason("INVALID_ARGUMENT"));
}

TEST_F(CommitImportTest, ADescriptionThatContradictsItselfIsRefused) {
  ImportSpec twice = Spec();
  twice.files.push_back(twice.files.front());
  EXPECT_THAT(Begin(twice), HasReason("INVALID_ARGUMENT"));

  ImportSpec sizes = Spec();
  sizes.files.push_back({*RepoPath::Parse("other"), 77, sizes.files.front().blob});
  EXPECT_THAT(Begin(sizes), HasReason("INVALID_ARGUMENT"));

  ImportSpec damaged = Spec();
  damaged.tree = ListingOf(files_).substr(3);
  EXPECT_THAT(Begin(damaged), HasReason("DIGEST_MISMATCH"));

  ImportSpec other = Spec();
  other.tree = ListingOf({files_[0], files_[1]});
  EXPECT_THAT(Begin(other), HasReason("DIGEST_MISMATCH")) << "a file that the listing does not have";
  ExpectNothingVisible();
}

TEST_F(CommitImportTest, WhatThisCacheKnowsOfTheCommitIsNotOverridden) {
  ImportSpec spec = Spec();
  spec.tree = ListingOf(files_);
  ASSERT_THAT(ImportAll(spec), IsOk());
  files_[0].content = "{\"x\": 1}";
  ImportSpec forged = Spec();

  EXPECT_THAT(Begin(forged), HasReason("DIGEST_MISMATCH"));
  forged.tree = ListingOf(files_);
  EXPECT_THAT(Begin(forged), HasReason("DIGEST_MISMATCH"));
}

TEST_F(CommitImportTest, APathThatCannotBeHadIsRefused) {
  files_.push_back({"config.json/deep", "x"});
  EXPECT_THAT(ImportAll(Spec()), HasReason("INVALID_PATH"));
  EXPECT_EQ(Main(), std::nullopt);
}

TEST_F(CommitImportTest, WhatDoesNotFitIsRefusedBeforeTheFirstByte) {
  world_.files.SetCapacity(100'000);
  EXPECT_THAT(Begin(Spec()), HasReason("DISK_FULL"));
}

TEST_F(CommitImportTest, WhatIsImportedIsHeldMeanwhile) {
  const auto arrival = *Begin(Spec());
  EXPECT_EQ(world_.inventory->leases().Count(CacheWorld::Model("acme/otter"), CacheWorld::Commit('3')), 1u);
}

// The power goes before any step: nothing wrong is to be seen after it, and the next import ends well.
TEST_F(CommitImportTest, APowerCutBeforeAnyStep) {
  uint64_t n = 1;
  for (;; ++n) {
    SCOPED_TRACE(n);
    CacheWorld world;
    cache::SpaceLedger space{0};
    const auto run = [&]() -> absl::Status {
      ImportSpec spec = Spec();
      spec.tree = ListingOf(files_);
      ASSIGN_OR_RETURN(const auto arrival,
                       CommitImport::Begin({*world.cache, space, *world.inventory}, spec));
      for (const Named& file : files_) RETURN_IF_ERROR(Send(*arrival, file));
      return arrival->Finish().status();
    };
    const auto visible = [&](const std::string& path) {
      return world.files.Get("/hub/models--acme--otter/snapshots/" + CacheWorld::Commit('3').hex() + "/" +
                             path);
    };
    world.files.CutPowerAtMutation(n);
    const absl::Status status = run();
    if (!world.files.is_down()) {
      EXPECT_THAT(status, IsOk());
      break;
    }
    world.Start();
    size_t whole = 0;
    for (const Named& file : files_) {
      if (!visible(file.path)) continue;
      EXPECT_EQ(visible(file.path), file.content) << file.path;
      ++whole;
    }
    const bool has_ref = world.files.Get("/hub/models--acme--otter/refs/main").value_or("") != "";
    EXPECT_TRUE(!has_ref || whole == files_.size()) << "a ref leads to a commit that is not all there";
    EXPECT_THAT(world.Faults(), IsEmpty());
    EXPECT_THAT(run(), IsOk());
    for (const Named& file : files_) EXPECT_EQ(visible(file.path), file.content) << file.path;
    if (HasFailure()) return;
  }
  EXPECT_GT(n, 20u) << "the import took fewer steps than it must have";
}

}  // namespace
}  // namespace batuta::imports
