#include "daemon/verify/verification.h"

#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/transfer/content_hash.h"
#include "tests/support/files/fake_file_system.h"
#include "tests/support/metadata/fake_metadata_store.h"
#include "tests/support/runner/manual_task_runner.h"
#include "tests/support/runner/manual_worker_pool.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::verify {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Call = FakeFileSystem::Call;

BlobId NameOf(std::string_view content) {
  transfer::ContentHash hash(BlobId::Kind::kSha256, content.size());
  hash.Update(std::as_bytes(std::span(content)));
  return *BlobId::Parse(*hash.Finish());
}

RepoId Model(std::string_view id) {
  return *RepoId::Parse(RepoType::kModel, id);
}

CommitId Commit(char digit) {
  return *CommitId::Parse(std::string(40, digit));
}

class VerificationTest : public ::testing::Test {
 protected:
  void SetUp() override {
    files_.Put("/state/x", "");
    cache_ = std::move(cache::Cache::Open({"/hub", "boot", &verified_, &pieces_}, files_, store_)).value();
    pins_ = std::move(inventory::Pins::Load("/state/pins.txt", files_)).value();
    inventory_ = std::make_unique<inventory::Inventory>(*cache_, store_, *pins_, clock());
    files_.SetTime(clock().wall() - std::chrono::hours(1));
  }

  FakeClock& clock() { return core_.clock(); }

  std::string BlobPath(const RepoId& repo, const BlobId& blob) {
    return "/hub/" + repo.folder() + "/blobs/" + blob.hex();
  }

  // As another tool does it.
  void Bring(const RepoId& repo, char commit, const std::map<std::string, std::string>& contents) {
    const std::string folder = "/hub/" + repo.folder();
    for (const auto& [path, content] : contents) {
      const BlobId blob = NameOf(content);
      if (!files_.Get(BlobPath(repo, blob))) files_.Put(BlobPath(repo, blob), content);
      const std::string snapshot = folder + "/snapshots/" + Commit(commit).hex();
      ASSERT_THAT(files_.MakeFolders(snapshot), IsOk());
      ASSERT_THAT(files_.Symlink("../../blobs/" + blob.hex(), snapshot + "/" + path), IsOk());
    }
    files_.Put(folder + "/refs/main", Commit(commit).hex());
    files_.SyncAll();
  }

  // As a disk does it: nothing else about the file changes.
  void Overwrite(const RepoId& repo, std::string_view was, std::string_view is) {
    files_.Put(BlobPath(repo, NameOf(was)), is);
  }

  VerifyContext Context() {
    return {.cache = *cache_,
            .inventory = *inventory_,
            .verified = verified_,
            .pieces = pieces_,
            .core = core_,
            .disk = disk_,
            .clock = clock()};
  }

  // A whole run; what it found.
  News Verify(VerifyRequest request = {}) {
    clock().Advance(std::chrono::seconds(1));
    run_ = Verification::Start(Context(), std::move(request), [this] { ++told_; });
    core_.RunUntilIdle();
    return run_->Take(1'000);
  }

  bool Has(const RepoId& repo, char commit, const std::string& path) {
    return files_.Get("/hub/" + repo.folder() + "/snapshots/" + Commit(commit).hex() + "/" + path)
        .has_value();
  }

  ManualTaskRunner core_;
  ManualWorkerPool disk_{core_};
  FakeFileSystem files_;
  metadata::FakeMetadataStore store_;
  cache::VerifiedFiles verified_{store_, core_.clock()};
  cache::KnownPieces pieces_{store_};
  std::unique_ptr<cache::Cache> cache_;
  std::unique_ptr<inventory::Pins> pins_;
  std::unique_ptr<inventory::Inventory> inventory_;
  std::unique_ptr<Verification> run_;
  int told_ = 0;
  const RepoId otter_ = Model("acme/otter");
  const RepoId badger_ = Model("acme/badger");
};

TEST_F(VerificationTest, AHealthyCacheIsReadOnceAndRemembered) {
  Bring(otter_, '1', {{"config.json", "{}"}, {"model.gguf", "weights"}});
  const News news = Verify();
  EXPECT_TRUE(news.has_ended);
  EXPECT_THAT(news.status, IsOk());
  EXPECT_THAT(news.findings, IsEmpty());
  EXPECT_EQ(news.progress.checked_files, 2U);
  EXPECT_EQ(news.progress.total_files, 2U);
  EXPECT_EQ(news.progress.checked_bytes, 9U);
  EXPECT_EQ(news.progress.total_bytes, 9U);
  EXPECT_GE(told_, 1);
  EXPECT_THAT(run_->Repairs(), IsEmpty());

  clock().Advance(std::chrono::hours(2));
  const News again = Verify({.since = clock().wall() - std::chrono::hours(3)});
  EXPECT_EQ(again.progress.checked_files, 0U);
  EXPECT_EQ(again.progress.total_files, 0U);
  const News anew = Verify({.since = clock().wall() - std::chrono::hours(1)});
  EXPECT_EQ(anew.progress.checked_files, 2U);
}

TEST_F(VerificationTest, ADamagedFileLeavesTheViewAndIsToBePulledAgain) {
  Bring(otter_, '1', {{"config.json", "{}"}, {"model.gguf", "weights"}});
  Overwrite(otter_, "weights", "wEights");
  const News news = Verify();
  ASSERT_THAT(news.findings, SizeIs(1));
  EXPECT_EQ(news.findings[0].repo, otter_);
  EXPECT_EQ(news.findings[0].commit, Commit('1').hex());
  EXPECT_EQ(news.findings[0].path, "model.gguf");
  EXPECT_EQ(news.findings[0].problem, Problem::kDamaged);
  EXPECT_FALSE(Has(otter_, '1', "model.gguf"));
  EXPECT_TRUE(Has(otter_, '1', "config.json"));
  EXPECT_EQ(files_.Get(BlobPath(otter_, NameOf("weights"))), std::nullopt);
  EXPECT_THAT(run_->Repairs(), ElementsAre(Repair{otter_, Commit('1'), {"model.gguf"}}));
  const auto known = inventory_->Find(otter_);
  ASSERT_NE(known, nullptr);
  EXPECT_EQ(known->snapshots.at(0).selections.at(0).files.size(), 1U) << "the inventory knows";
}

TEST_F(VerificationTest, WhatItTakesOutIsNoWriteOfOthers) {
  Bring(otter_, '1', {{"config.json", "{}"}, {"model.gguf", "weights"}});
  ASSERT_THAT(inventory_->RefreshChanged(), IsOk());
  const WallTime brought = inventory_->Find(otter_)->written;
  Overwrite(otter_, "weights", "wEights");
  files_.SetTime(clock().wall() - std::chrono::minutes(1));
  ASSERT_THAT(Verify().findings, SizeIs(1));

  const WallTime written = inventory_->Find(otter_)->written;
  EXPECT_GT(written, brought);
  EXPECT_EQ(inventory_->LastWriteByOthers(otter_, written), brought);
}

TEST_F(VerificationTest, OneFileOfTwoReposIsReadOnceAndReportedInBoth) {
  Bring(otter_, '1', {{"a.gguf", "weights"}});
  ASSERT_THAT(files_.MakeFolders("/hub/" + badger_.folder() + "/blobs"), IsOk());
  ASSERT_THAT(files_.Link(BlobPath(otter_, NameOf("weights")), BlobPath(badger_, NameOf("weights"))), IsOk());
  Bring(badger_, '2', {{"b.gguf", "weights"}});
  EXPECT_EQ(Verify().progress.checked_files, 1U);

  Overwrite(otter_, "weights", "wEights");
  const News news = Verify();
  EXPECT_THAT(news.findings, SizeIs(2));
  EXPECT_FALSE(Has(otter_, '1', "a.gguf"));
  EXPECT_FALSE(Has(badger_, '2', "b.gguf"));
  EXPECT_THAT(run_->Repairs(),
              ElementsAre(Repair{badger_, Commit('2'), {"b.gguf"}}, Repair{otter_, Commit('1'), {"a.gguf"}}));
}

TEST_F(VerificationTest, OnlyTheNamedRepoAndCommitAreRead) {
  Bring(otter_, '1', {{"a", "alpha"}});
  Bring(otter_, '2', {{"b", "beta"}});
  Bring(badger_, '1', {{"c", "gamma"}});
  EXPECT_EQ(Verify({.repos = {otter_}}).progress.checked_files, 2U);
  clock().Advance(std::chrono::seconds(1));
  const News one = Verify({.repos = {otter_}, .commit = Commit('2')});
  EXPECT_EQ(one.progress.checked_files, 1U);
  EXPECT_EQ(one.progress.total_files, 1U);
}

TEST_F(VerificationTest, WhatTheDiskRefusesIsToldAndLeftWhereItIs) {
  Bring(otter_, '1', {{"a", "alpha"}, {"b", "beta"}});
  files_.Inject({EIO, Call::kRead, NameOf("alpha").hex()});
  const News news = Verify();
  ASSERT_THAT(news.findings, SizeIs(1));
  EXPECT_EQ(news.findings[0].problem, Problem::kUnreadable);
  EXPECT_EQ(news.findings[0].path, "a");
  EXPECT_TRUE(Has(otter_, '1', "a"));
  EXPECT_EQ(news.progress.checked_files, 1U) << "the other one";
  EXPECT_THAT(run_->Repairs(), IsEmpty());
}

TEST_F(VerificationTest, WhatVanishesOrChangesMeanwhileIsNoFinding) {
  Bring(otter_, '1', {{"a", std::string(3 << 20, 'x')}});
  const std::string blob = BlobPath(otter_, NameOf(std::string(3 << 20, 'x')));
  run_ = Verification::Start(Context(), {}, [] {});
  while (run_->Take(10).progress.checked_bytes == 0) ASSERT_TRUE(disk_.RunOne());
  {
    ASSERT_OK_AND_ASSIGN(const auto file, files_.Open(blob, OpenMode::kReadWrite));
    const std::string other(3 << 20, 'y');
    ASSERT_THAT(file->WriteAt(0, std::as_bytes(std::span(other))), IsOk());
  }
  core_.RunUntilIdle();
  EXPECT_THAT(run_->Take(10).findings, IsEmpty()) << "somebody writes there; the next run will see";

  run_ = Verification::Start(Context(), {}, [] {});
  while (run_->Take(10).progress.checked_bytes == 0) ASSERT_TRUE(disk_.RunOne());
  ASSERT_THAT(files_.Remove("/hub/" + otter_.folder() + "/snapshots/" + Commit('1').hex() + "/a"), IsOk());
  ASSERT_THAT(files_.Remove(blob), IsOk());
  core_.RunUntilIdle();
  const News news = run_->Take(10);
  EXPECT_TRUE(news.has_ended);
  EXPECT_THAT(news.findings, IsEmpty());
}

TEST_F(VerificationTest, ReadsNoFasterThanAsked) {
  Bring(otter_, '1', {{"a", std::string(4 << 20, 'x')}});
  run_ = Verification::Start(Context(), {.bytes_per_second = 1 << 20}, [this] { ++told_; });
  core_.RunUntilIdle();
  int seconds = 0;
  while (!run_->Take(10).has_ended && seconds < 100) {
    core_.AdvanceAndRunUntilIdle(std::chrono::seconds(1));
    ++seconds;
  }
  EXPECT_GE(seconds, 4);
  EXPECT_LE(seconds, 5);
  EXPECT_GE(told_, 3) << "about once a second";
}

TEST_F(VerificationTest, WhatWasCancelledGoesOnWhereItStood) {
  const WallTime begin = clock().wall();
  for (char c = 'a'; c <= 'e'; ++c) Bring(otter_, '1', {{std::string(1, c), std::string(1 << 20, c)}});
  run_ = Verification::Start(Context(), {}, [] {});
  while (run_->Take(10).progress.checked_files < 2) ASSERT_TRUE(disk_.RunOne());
  run_->Cancel();
  core_.RunUntilIdle();
  EXPECT_FALSE(run_->Take(10).has_ended);
  EXPECT_LT(run_->Take(10).progress.checked_bytes, 4U << 20);
  clock().Advance(std::chrono::minutes(1));
  EXPECT_EQ(Verify({.since = begin}).progress.checked_files, 3U);
}

TEST_F(VerificationTest, WaitsWhenNobodyTakesItsFindings) {
  Bring(otter_, '1', {{"here", "content"}});
  std::vector<std::string> paths;
  for (int i = 0; i < 1'200; ++i) paths.push_back("gone-" + std::to_string(i));
  ASSERT_THAT(inventory_->RecordPull(otter_, Commit('1'), "default", paths), IsOk());
  const News first = Verify();
  EXPECT_FALSE(first.has_ended);
  EXPECT_THAT(first.findings, SizeIs(1'000));
  core_.RunUntilIdle();
  const News second = run_->Take(1'000);
  EXPECT_TRUE(second.has_ended);
  EXPECT_THAT(second.findings, SizeIs(200));
}

TEST_F(VerificationTest, PiecesOfLargeFilesAreLearntAndUsed) {
  std::string content(12 << 20, 'x');
  for (size_t i = 0; i < content.size(); i += 4'096) content[i] = static_cast<char>(i >> 12);
  Bring(otter_, '1', {{"model.gguf", content}});
  ASSERT_THAT(Verify().findings, IsEmpty());
  std::string damaged = content;
  damaged[5 << 20] ^= 1;
  Overwrite(otter_, content, damaged);
  const News news = Verify();
  ASSERT_THAT(news.findings, SizeIs(1));
  EXPECT_EQ(news.findings[0].damaged_bytes, 4U << 20);
  ASSERT_OK_AND_ASSIGN(const auto partial, cache_->OpenPartial(otter_, NameOf(content), content.size()));
  EXPECT_THAT(partial->believed(), ElementsAre(cache::Extent{0, 4 << 20}, cache::Extent{8 << 20, 12 << 20}));
}

TEST_F(VerificationTest, RecordsOfFilesThatAreGoneAreForgotten) {
  Bring(otter_, '1', {{"a", "alpha"}});
  Bring(badger_, '1', {{"b", "beta"}});
  ASSERT_THAT(Verify().findings, IsEmpty());
  ASSERT_OK_AND_ASSIGN(const FileInfo gone, files_.Info(BlobPath(badger_, NameOf("beta"))));
  const std::string folder = "/hub/" + badger_.folder();
  ASSERT_THAT(files_.Remove(folder + "/snapshots/" + Commit('1').hex() + "/b"), IsOk());
  ASSERT_THAT(files_.Remove(BlobPath(badger_, NameOf("beta"))), IsOk());
  clock().Advance(std::chrono::seconds(1));
  Verify();
  EXPECT_THAT(verified_.WhenFound(gone, NameOf("beta")), IsOkAndHolds(::testing::Eq(std::nullopt)));
  ASSERT_OK_AND_ASSIGN(const FileInfo kept, files_.Info(BlobPath(otter_, NameOf("alpha"))));
  EXPECT_THAT(verified_.WhenFound(kept, NameOf("alpha")), IsOkAndHolds(::testing::Ne(std::nullopt)));
}

}  // namespace
}  // namespace batuta::verify
