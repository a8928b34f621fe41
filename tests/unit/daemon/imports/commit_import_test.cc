#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/daemon/imports/import_fixture.h"

namespace batuta::imports {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

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
