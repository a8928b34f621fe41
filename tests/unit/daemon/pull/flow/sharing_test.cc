#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include "daemon/inventory/inventory.h"
#include "daemon/transfer/content_hash.h"
#include "tests/support/pull/pull_fixture.h"
#include "tests/support/sample_file/sample_file.h"
#include "tests/support/status/status_matchers.h"

// Blobs that other repos of the cache have.
namespace batuta::pull {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class PullSharingTest : public PullFixture {
 protected:
  void SetUp() override {
    auto pins = inventory::Pins::Load(folder_ / "pins.txt", *files_);
    ASSERT_THAT(pins, IsOk());
    pins_ = *std::move(pins);
    inventory_ = std::make_unique<inventory::Inventory>(*cache_, store_, *pins_, clock_);
    Serve("acme/otter", 'a', {{"config.json", "{}"}, {"model.safetensors", weights_}});
    Serve("acme/badger", 'b', {{"README.md", "badger"}, {"otter.safetensors", weights_}});
  }

  void Serve(std::string_view repo, char commit, const std::map<std::string, std::string>& files) {
    Tree tree{Commit(commit), {}};
    for (const auto& [path, content] : files) {
      transfer::ContentHash hash(BlobId::Kind::kSha256, content.size());
      hash.Update(std::as_bytes(std::span(content)));
      const std::string name = *hash.Finish();
      contents_[name] = content;
      tree.entries.push_back({.path = RepoPath::Parse(path).value(),
                              .size_bytes = content.size(),
                              .blob = BlobId::Parse(name).value(),
                              .git_oid = std::string(40, 'e')});
    }
    hub_.Serve(Model(repo), Revision::Main(), std::move(tree));
  }

  std::unique_ptr<PullRun> Start(std::string_view repo, PullObserver& observer,
                                 cache::SpaceLedger* space = nullptr) {
    const PullContext usual = Context();
    const PullContext context{.planner = usual.planner,
                              .hub = usual.hub,
                              .cache = usual.cache,
                              .space = space == nullptr ? usual.space : *space,
                              .transfers = usual.transfers,
                              .core = usual.core,
                              .disk = usual.disk,
                              .upkeep = usual.upkeep,
                              .clock = usual.clock,
                              .backoff = {},
                              .inventory = inventory_.get()};
    auto run = PullRun::Start(context, RequestFor(Model(repo)), hub::Access{}, observer);
    core_.RunUntilIdle();
    return run;
  }

  void PullWhole(std::string_view repo) {
    RecordingObserver observer;
    const auto run = Start(repo, observer);
    DeliverAll();
    ASSERT_TRUE(observer.finished.has_value());
    ASSERT_THAT(*observer.finished, IsOk());
  }

  std::filesystem::path Blob(std::string_view repo, const std::string& content) const {
    for (const auto& [name, text] : contents_) {
      if (text == content) return folder_ / "hub" / Model(repo).folder() / "blobs" / name;
    }
    return {};
  }

  bool IsOneFile() const {
    std::error_code error;
    return std::filesystem::equivalent(Blob("acme/otter", weights_), Blob("acme/badger", weights_), error);
  }

  const std::string weights_ = SampleFile("model.safetensors", 3 << 20);
  std::unique_ptr<inventory::Pins> pins_;
  std::unique_ptr<inventory::Inventory> inventory_;
};

TEST_F(PullSharingTest, WhatAnotherRepoHasIsLinkedAndCountsAsCached) {
  PullWhole("acme/otter");
  const size_t before = transfers_->wanted().size();

  const auto run = Start("acme/badger", observer_);

  EXPECT_EQ(transfers_->wanted().size(), before + 1) << "the card only";
  EXPECT_THAT(observer_.cached, ElementsAre(1));
  EXPECT_TRUE(IsOneFile());
  DeliverAll();
  EXPECT_THAT(*observer_.finished, IsOk());
  EXPECT_EQ(SnapshotFile(Model("acme/badger"), Commit('b'), "otter.safetensors"), weights_);
}

// Remembers what was asked for.
class RecordingMaker final : public cache::RoomMaker {
 public:
  absl::Status MakeRoom(const cache::Demand& demand) override {
    asked.push_back(demand.asked_bytes);
    return absl::OkStatus();
  }

  std::vector<uint64_t> asked;
};

TEST_F(PullSharingTest, NoSpaceIsReservedForIt) {
  PullWhole("acme/otter");
  RecordingMaker maker;
  cache::SpaceLedger space(0, &maker);

  const auto run = Start("acme/badger", observer_, &space);
  DeliverAll();

  EXPECT_THAT(*observer_.finished, IsOk());
  EXPECT_THAT(maker.asked, ElementsAre(std::string("badger").size())) << "the card only";
}

TEST_F(PullSharingTest, AWrongFileUnderThatNameDoesNotSpread) {
  PullWhole("acme/otter");
  std::string damaged = weights_;
  char& byte = damaged[weights_.size() / 2];
  byte = static_cast<char>(~byte);
  std::ofstream(Blob("acme/otter", weights_)) << damaged;

  const auto run = Start("acme/badger", observer_);

  EXPECT_THAT(observer_.cached, IsEmpty());
  DeliverAll();
  EXPECT_THAT(*observer_.finished, IsOk());
  EXPECT_EQ(SnapshotFile(Model("acme/badger"), Commit('b'), "otter.safetensors"), weights_);
  EXPECT_FALSE(IsOneFile());
}

TEST_F(PullSharingTest, WhatVanishesMeanwhileIsFetched) {
  PullWhole("acme/otter");
  std::filesystem::remove(Blob("acme/otter", weights_));

  const auto run = Start("acme/badger", observer_);
  DeliverAll();

  EXPECT_THAT(*observer_.finished, IsOk());
  EXPECT_EQ(SnapshotFile(Model("acme/badger"), Commit('b'), "otter.safetensors"), weights_);
}

TEST_F(PullSharingTest, WhatAnEarlierTryHasLeftOfItIsDropped) {
  PullWhole("acme/otter");
  const BlobId blob = BlobId::Parse(Blob("acme/otter", weights_).filename().native()).value();
  {
    ASSERT_OK_AND_ASSIGN(const auto partial,
                         cache_->OpenPartial(Model("acme/badger"), blob, weights_.size()));
    ASSERT_THAT(partial->WriteAt(0, std::as_bytes(std::span("www"))), IsOk());
    ASSERT_THAT(partial->Journal({{0, 4}}, {}), IsOk());
  }

  const auto run = Start("acme/badger", observer_);

  EXPECT_TRUE(IsOneFile());
  EXPECT_THAT(cache_->PartialBytes(Model("acme/badger"), blob), IsOkAndHolds(0U));
}

TEST_F(PullSharingTest, WhatComesForAnotherRepoMeanwhileIsLinkedWhenItIsThere) {
  const auto run = Start("acme/badger", observer_);
  ASSERT_THAT(transfers_->wanted(), SizeIs(2));
  ASSERT_TRUE(transfers_->wanted()[1].spec.elsewhere_will_do);

  transfers_->DeliverElsewhere(1, Model("acme/otter"), weights_);
  DeliverAll();

  EXPECT_THAT(*observer_.finished, IsOk());
  EXPECT_TRUE(IsOneFile());
  EXPECT_THAT(transfers_->wanted(), SizeIs(2)) << "nothing was moved again";
}

TEST_F(PullSharingTest, WhatCameForAnotherRepoAndIsGoneAgainIsMovedHere) {
  const auto run = Start("acme/badger", observer_);
  ASSERT_THAT(transfers_->wanted(), SizeIs(2));

  transfers_->DeliverElsewhere(1, Model("acme/otter"), weights_);
  std::filesystem::remove(Blob("acme/otter", weights_));
  core_.RunUntilIdle();
  ASSERT_THAT(transfers_->wanted(), SizeIs(3));
  EXPECT_FALSE(transfers_->wanted()[2].spec.elsewhere_will_do);
  DeliverAll();

  EXPECT_THAT(*observer_.finished, IsOk());
  EXPECT_EQ(SnapshotFile(Model("acme/badger"), Commit('b'), "otter.safetensors"), weights_);
}

}  // namespace

}  // namespace batuta::pull
