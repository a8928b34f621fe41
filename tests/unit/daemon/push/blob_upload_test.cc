#include "daemon/push/blob_upload.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/push/folder_talk.h"
#include "daemon/push/upload_journal.h"
#include "tests/support/metadata/fake_metadata_store.h"
#include "tests/support/runner/manual_task_runner.h"
#include "tests/support/runner/manual_worker_pool.h"
#include "tests/support/status/status_matchers.h"
#include "tests/support/transport/fake_transport.h"
#include "tests/unit/daemon/push/fake_store.h"

namespace batuta::push {
namespace {

using ::testing::AnyOf;
using ::testing::Each;
using ::testing::Ge;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr char kHub[] = "https://hub.test";
const RepoId kRepo = *RepoId::Parse(RepoType::kDataset, "acme/data");

absl::Status Unreachable() {
  return MakeError(absl::StatusCode::kUnavailable, reason::kHubUnreachable, "the line is cut");
}

FakeAnswer Held() {
  return {.is_held = true};
}

FakeAnswer Cut() {
  return {.failure = Unreachable()};
}

std::string Bytes(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>('a' + i % 26);
  return bytes;
}

struct Observer final : UploadObserver {
  void OnProgress(uint64_t done, uint64_t sent) override {
    done_bytes = done;
    sent_bytes += sent;
  }

  void OnWaiting(const transport::WaitInfo&, const absl::Status& cause, int attempt) override {
    waits.emplace_back(cause, attempt);
  }

  void OnFinished(const absl::Status& status) override {
    EXPECT_FALSE(end.has_value());
    end = status;
  }

  uint64_t done_bytes = 0;
  uint64_t sent_bytes = 0;
  std::vector<std::pair<absl::Status, int>> waits;
  std::optional<absl::Status> end;
};

// One life of a daemon, as far as uploads see it; the store and the catalog outlive it.
struct Life {
  Life(FakeStore& hub, metadata::MetadataStore& catalog, size_t connections)
      : writer(hub, runner), slots(connections), store(catalog) {
    http.Otherwise([&hub](const transport::HttpRequest& request) { return hub.Answer(request); });
  }

  UploadContext context() {
    return {.writer = writer,
            .http = http,
            .store = store,
            .core = runner,
            .disk = pool,
            .clock = runner.clock(),
            .backoff = {}};
  }

  void Run() { runner.RunUntilIdle(); }

  // For as long as something is waited for.
  void RunToTheEnd() {
    Run();
    for (int i = 0; i < 1'000 && runner.next_delay(); ++i)
      runner.AdvanceAndRunUntilIdle(*runner.next_delay());
  }

  ManualTaskRunner runner;
  ManualWorkerPool pool{runner};
  FakeTransport http{&runner};
  FakeUploadWriter writer;
  UploadSlots slots;
  metadata::MetadataStore& store;
};

class BlobUploadTest : public ::testing::Test {
 protected:
  struct Running {
    Observer observer;
    std::unique_ptr<BlobUpload> upload;
  };

  void Restart() {
    running_.reset();
    life_ = std::make_unique<Life>(store_, catalog_, connections_);
  }

  UploadRequest Request(const std::string& bytes, hub::LfsUpload place) {
    return {
        .endpoint = kHub,
        .repo = kRepo,
        .branch = Revision::Main(),
        .access = {},
        .upload = std::move(place),
        .open = [this, bytes] {
          return absl::StatusOr<UploadSource>(UploadSource{.bytes = std::make_shared<Source>(bytes),
                                                           .check_unchanged = [this] { return unchanged_; }});
        }};
  }

  // Begins an upload as a push does: with a new place, or with none where the journal has one.
  Observer& Start(const std::string& bytes, bool may_wait = true) {
    hub::LfsObject object{id_, bytes.size()};
    hub::LfsUpload place{.object = object};
    if (!UploadJournal(catalog_, kHub, kRepo).Find(object)) place = store_.Place(object);
    UploadRequest request = Request(bytes, std::move(place));
    request.may_wait = may_wait;
    running_ = std::make_unique<Running>();
    running_->upload =
        BlobUpload::Start(life_->context(), std::move(request), life_->slots, running_->observer);
    return running_->observer;
  }

  Observer& Upload(const std::string& bytes, bool may_wait = true) {
    Observer& observer = Start(bytes, may_wait);
    life_->RunToTheEnd();
    return observer;
  }

  const std::string& stored() { return store_.objects[id_.hex()]; }

  size_t Journalled() {
    size_t count = 0;
    EXPECT_THAT(catalog_.Scan(metadata::Table::kUploads, "",
                              [&count](std::string_view, std::string_view) { return ++count > 0; }),
                IsOk());
    return count;
  }

  class Source final : public SentBytes {
   public:
    explicit Source(std::string bytes) : bytes_(std::move(bytes)) {}

    uint64_t size_bytes() const override { return bytes_.size(); }

    absl::Status Read(uint64_t offset, std::span<char> out) override {
      std::copy_n(bytes_.begin() + static_cast<ptrdiff_t>(offset), out.size(), out.begin());
      return absl::OkStatus();
    }

   private:
    const std::string bytes_;
  };

  const BlobId id_ = *BlobId::Parse(std::string(64, 'a'));
  FakeStore store_;
  metadata::FakeMetadataStore catalog_;
  size_t connections_ = 3;
  absl::Status unchanged_;
  std::unique_ptr<Life> life_ = std::make_unique<Life>(store_, catalog_, connections_);
  std::unique_ptr<Running> running_;
};

TEST_F(BlobUploadTest, SendsAnObjectOfAnySizeInOneRequest) {
  store_.part_bytes = 0;
  for (const size_t size : {size_t{0}, size_t{1}, size_t{3'000'000}}) {
    store_.objects.clear();
    const Observer& observer = Upload(Bytes(size));
    ASSERT_TRUE(observer.end.has_value());
    EXPECT_THAT(*observer.end, IsOk());
    EXPECT_TRUE(stored() == Bytes(size));
    EXPECT_EQ(observer.done_bytes, size);
    EXPECT_EQ(observer.sent_bytes, size);
  }
  EXPECT_EQ(store_.verifications, 3);
  EXPECT_EQ(store_.joins, 0);
  EXPECT_EQ(Journalled(), 0u);
}

TEST_F(BlobUploadTest, SendsEveryPartOnceAndJoinsThemInOrder) {
  for (const size_t size : {size_t{1}, size_t{10}, size_t{11}, size_t{40}, size_t{47}}) {
    store_.objects.clear();
    store_.taken.clear();
    const Observer& observer = Upload(Bytes(size));
    ASSERT_TRUE(observer.end.has_value());
    EXPECT_THAT(*observer.end, IsOk());
    EXPECT_EQ(stored(), Bytes(size));
    EXPECT_THAT(store_.taken, SizeIs((size + 9) / 10));
    EXPECT_THAT(store_.taken, Each(Pair(Ge(1u), 1)));
    EXPECT_EQ(observer.done_bytes, size);
  }
  EXPECT_EQ(Journalled(), 0u);
}

TEST_F(BlobUploadTest, SendsNoMorePartsAtOnceThanThereAreSlots) {
  store_.on_put = [](uint64_t, uint32_t) { return std::optional(Held()); };
  Start(Bytes(100));
  life_->Run();
  EXPECT_EQ(life_->http.RunningCount(), 3u);
}

TEST_F(BlobUploadTest, SendsAPartAgainThatFailed) {
  for (const FakeAnswer& failure :
       {Cut(), FakeAnswer{.status = 500}, FakeAnswer{.status = 503, .headers = {{"Retry-After", "7"}}},
        FakeAnswer{.status = 400}, FakeAnswer{.status = 429}, FakeAnswer{.status = 200}}) {
    store_.objects.clear();
    store_.taken.clear();
    const int batches = store_.batches;
    int failures = 2;
    store_.on_put = [&failures, &failure](uint64_t, uint32_t part) {
      return part == 2 && failures-- > 0 ? std::optional(failure) : std::nullopt;
    };
    const Observer& observer = Upload(Bytes(35));
    ASSERT_TRUE(observer.end.has_value()) << failure.status;
    EXPECT_THAT(*observer.end, IsOk()) << failure.status;
    EXPECT_EQ(stored(), Bytes(35));
    EXPECT_THAT(store_.taken, Each(Pair(Ge(1u), 1)));
    EXPECT_THAT(observer.waits, SizeIs(2));
    EXPECT_EQ(observer.waits.back().second, 2);
    EXPECT_EQ(store_.batches, batches + 1);
  }
}

TEST_F(BlobUploadTest, WaitsAsLongAsTheStoreAsks) {
  store_.on_put = [](uint64_t put, uint32_t) {
    return put == 1 ? std::optional(FakeAnswer{.status = 503, .headers = {{"Retry-After", "7"}}})
                    : std::nullopt;
  };
  Start(Bytes(5));
  life_->Run();
  ASSERT_TRUE(life_->runner.next_delay().has_value());
  EXPECT_THAT(*life_->runner.next_delay(), Ge(Duration(std::chrono::seconds(7))));
}

TEST_F(BlobUploadTest, FailsAtOnceWhenNobodyWaits) {
  store_.on_put = [](uint64_t, uint32_t) { return std::optional(Cut()); };
  const Observer& observer = Upload(Bytes(35), /*may_wait=*/false);
  ASSERT_TRUE(observer.end.has_value());
  EXPECT_THAT(*observer.end, HasReason(reason::kHubUnreachable));
}

TEST_F(BlobUploadTest, AsksForNewLinksWhenThoseRanOutAndKeepsThePartsOfTheSameUpload) {
  store_.gives_the_same_upload = true;
  connections_ = 1;
  Restart();
  store_.on_put = [this](uint64_t put, uint32_t) {
    if (put == 3) store_.ExpireLinks();
    return put == 3 ? std::optional(FakeAnswer{.status = 403}) : std::nullopt;
  };
  const Observer& observer = Upload(Bytes(45));
  ASSERT_TRUE(observer.end.has_value());
  EXPECT_THAT(*observer.end, IsOk());
  EXPECT_EQ(stored(), Bytes(45));
  EXPECT_EQ(store_.batches, 2);
  EXPECT_THAT(store_.taken, Each(Pair(Ge(1u), 1)));
}

TEST_F(BlobUploadTest, SendsAllOfItToANewUpload) {
  store_.on_put = [this](uint64_t put, uint32_t) {
    if (put == 3) store_.ExpireLinks();
    return put == 3 ? std::optional(FakeAnswer{.status = 403}) : std::nullopt;
  };
  const Observer& observer = Upload(Bytes(45));
  ASSERT_TRUE(observer.end.has_value());
  EXPECT_THAT(*observer.end, IsOk());
  EXPECT_EQ(stored(), Bytes(45));
  EXPECT_EQ(store_.batches, 2);
}

TEST_F(BlobUploadTest, EndsWhenTheStoreRefusesAgainAndAgain) {
  // Also where each new upload takes the first parts: it never gets further.
  for (const uint32_t refused : {1u, 3u}) {
    store_.puts = 0;
    store_.on_put = [refused](uint64_t, uint32_t part) {
      return part == refused ? std::optional(FakeAnswer{.status = 403}) : std::nullopt;
    };
    const Observer& observer = Upload(Bytes(45));
    ASSERT_TRUE(observer.end.has_value());
    EXPECT_THAT(*observer.end, StatusIs(absl::StatusCode::kPermissionDenied));
    EXPECT_THAT(store_.puts, Le(45u));
  }
}

TEST_F(BlobUploadTest, EndsWhenTheStoreNeverSaysUnderWhichTagItHasAPart) {
  for (const std::string& tag : {std::string(), std::string(5'000, 'x')}) {
    store_.puts = 0;
    store_.on_put = [&tag](uint64_t, uint32_t part) {
      return part == 2 ? std::optional(FakeAnswer{.headers = {{"ETag", tag}}}) : std::nullopt;
    };
    const Observer& observer = Upload(Bytes(25));
    ASSERT_TRUE(observer.end.has_value());
    EXPECT_THAT(*observer.end, HasReason(reason::kHubProtocol));
    EXPECT_THAT(store_.puts, Le(10u));
  }
}

TEST_F(BlobUploadTest, EndsWhenTheStoreWantsNone) {
  store_.on_put = [](uint64_t, uint32_t) { return std::optional(FakeAnswer{.status = 413}); };
  const Observer& observer = Upload(Bytes(45));
  ASSERT_TRUE(observer.end.has_value());
  EXPECT_FALSE(observer.end->ok());
  EXPECT_EQ(life_->http.RunningCount(), 0u);
}

TEST_F(BlobUploadTest, EndsWithTheRefusalOfANewPlace) {
  store_.on_put = [this](uint64_t, uint32_t) {
    store_.refusal = MakeError(absl::StatusCode::kInvalidArgument, reason::kHubError, "too large");
    return std::optional(FakeAnswer{.status = 403});
  };
  const Observer& observer = Upload(Bytes(45));
  ASSERT_TRUE(observer.end.has_value());
  EXPECT_THAT(*observer.end, HasMessage(::testing::HasSubstr("too large")));
}

TEST_F(BlobUploadTest, FindsAnObjectStoredWhoseJoiningHadNoAnswer) {
  store_.on_join_done = [] { return Unreachable(); };
  const Observer& observer = Upload(Bytes(45));
  ASSERT_TRUE(observer.end.has_value());
  EXPECT_THAT(*observer.end, IsOk());
  EXPECT_EQ(store_.joins, 1);
  EXPECT_THAT(store_.taken, Each(Pair(Ge(1u), 1)));
  EXPECT_EQ(Journalled(), 0u);
}

TEST_F(BlobUploadTest, JoinsAgainWithoutSendingAgainWhenItWasNotDone) {
  store_.on_join = [this] { return store_.joins <= 3 ? Unreachable() : absl::OkStatus(); };
  const Observer& observer = Upload(Bytes(45));
  ASSERT_TRUE(observer.end.has_value());
  EXPECT_THAT(*observer.end, IsOk());
  EXPECT_EQ(stored(), Bytes(45));
  EXPECT_EQ(store_.joins, 4);
  EXPECT_THAT(store_.taken, Each(Pair(Ge(1u), 1)));
}

TEST_F(BlobUploadTest, SendsAgainWhatTheStoreLost) {
  store_.on_join = [this] {
    return store_.joins == 1 ? MakeError(absl::StatusCode::kInvalidArgument, reason::kHubError, "InvalidPart")
                             : absl::OkStatus();
  };
  const Observer& observer = Upload(Bytes(45));
  ASSERT_TRUE(observer.end.has_value());
  EXPECT_THAT(*observer.end, IsOk());
  EXPECT_EQ(stored(), Bytes(45));
}

TEST_F(BlobUploadTest, EndsWhenThePartsAreNeverJoined) {
  store_.on_join = [] {
    return MakeError(absl::StatusCode::kInvalidArgument, reason::kHubError, "InvalidPart");
  };
  const Observer& observer = Upload(Bytes(25));
  ASSERT_TRUE(observer.end.has_value());
  EXPECT_THAT(*observer.end, HasReason(reason::kHubError));
  EXPECT_THAT(store_.joins, Le(10));
}

TEST_F(BlobUploadTest, TellsTheHubAgainWhenThatHadNoAnswer) {
  store_.on_verify = [this] { return store_.verifications == 1 ? Unreachable() : absl::OkStatus(); };
  const Observer& observer = Upload(Bytes(45));
  ASSERT_TRUE(observer.end.has_value());
  EXPECT_THAT(*observer.end, IsOk());
  EXPECT_EQ(store_.verifications, 2);
  EXPECT_EQ(store_.joins, 1);
}

TEST_F(BlobUploadTest, EndsWhenTheFileIsNoLongerWhatItWas) {
  unchanged_ = MakeError(absl::StatusCode::kAborted, reason::kFileChanged, "a.bin was written to");
  const Observer& observer = Upload(Bytes(45));
  ASSERT_TRUE(observer.end.has_value());
  EXPECT_THAT(*observer.end, HasReason(reason::kFileChanged));
  EXPECT_EQ(store_.joins, 0);
  EXPECT_EQ(Journalled(), 0u);
}

TEST_F(BlobUploadTest, SendsNothingAgainWhenNobodyCouldTellWhetherTheFileChanged) {
  unchanged_ = ClientGoneError("whoever serves the folder left");
  EXPECT_TRUE(IsClientGone(Upload(Bytes(45)).end.value()));
  ASSERT_THAT(store_.taken, SizeIs(5));
  unchanged_ = absl::OkStatus();
  EXPECT_THAT(Upload(Bytes(45)).end.value(), IsOk());
  EXPECT_EQ(stored(), Bytes(45));
  EXPECT_THAT(store_.taken, Each(Pair(Ge(1u), 1)));
}

TEST_F(BlobUploadTest, PartsThatHaveAllTheirBytesAreNotSentAgainWhenTheClientLeft) {
  store_.on_put = [](uint64_t put, uint32_t) {
    return put == 1 ? std::optional(FakeAnswer{.failure = ClientGoneError("whoever serves the folder left")})
                    : std::nullopt;
  };
  EXPECT_TRUE(IsClientGone(Upload(Bytes(45)).end.value()));
  const size_t before = store_.taken.size();
  EXPECT_GT(before, 0u);
  store_.on_put = {};
  EXPECT_THAT(Upload(Bytes(45)).end.value(), IsOk());
  EXPECT_EQ(stored(), Bytes(45));
  EXPECT_THAT(store_.taken, Each(Pair(Ge(1u), 1)));
}

TEST_F(BlobUploadTest, StopsWhenItIsDropped) {
  store_.on_put = [](uint64_t, uint32_t) { return std::optional(Held()); };
  Start(Bytes(100));
  life_->Run();
  running_->upload.reset();
  life_->Run();
  EXPECT_EQ(life_->http.RunningCount(), 0u);
  EXPECT_FALSE(running_->observer.end.has_value());

  // Its slots serve whoever comes next.
  store_.on_put = {};
  EXPECT_TRUE(Upload(Bytes(100)).end.has_value());
}

TEST_F(BlobUploadTest, SharesTheSlotsWithOthersInTurn) {
  connections_ = 1;
  Restart();
  const BlobId other = *BlobId::Parse(std::string(64, 'b'));
  Observer observer;
  UploadRequest request = Request(Bytes(15), store_.Place({other, 15}));
  const auto upload = BlobUpload::Start(life_->context(), std::move(request), life_->slots, observer);
  EXPECT_TRUE(Upload(Bytes(200'000)).end.has_value());
  ASSERT_TRUE(observer.end.has_value());
  EXPECT_THAT(*observer.end, IsOk());
}

// However many parts are stored when the daemon is killed, and with others under way: none of them is sent
// again.
TEST_F(BlobUploadTest, SendsNoStoredPartAgainAfterAKill) {
  for (const bool same : {false, true}) {
    store_.gives_the_same_upload = same;
    for (uint64_t kill_at = 0; kill_at <= 5; ++kill_at) {
      store_.objects.clear();
      store_.taken.clear();
      store_.puts = 0;
      store_.on_put = [kill_at](uint64_t put, uint32_t) {
        return put > kill_at ? std::optional(Held()) : std::nullopt;
      };
      Start(Bytes(45));
      life_->Run();
      const auto before = store_.taken;
      ASSERT_THAT(before, SizeIs(kill_at));
      Restart();
      store_.on_put = {};

      const Observer& observer = Upload(Bytes(45));

      ASSERT_TRUE(observer.end.has_value());
      EXPECT_THAT(*observer.end, IsOk()) << kill_at;
      EXPECT_EQ(stored(), Bytes(45));
      EXPECT_THAT(store_.taken, SizeIs(5));
      EXPECT_THAT(store_.taken, Each(Pair(Ge(1u), 1)));
      EXPECT_EQ(Journalled(), 0u);
    }
  }
}

TEST_F(BlobUploadTest, SendsNothingAgainAfterAKillWhileItJoinsOrTells) {
  for (const bool is_joined : {false, true}) {
    store_.objects.clear();
    store_.taken.clear();
    store_.holds_join = !is_joined;
    store_.holds_verify = is_joined;
    Start(Bytes(45));
    life_->Run();
    ASSERT_THAT(store_.taken, SizeIs(5));
    Restart();
    store_.holds_join = store_.holds_verify = false;

    const Observer& observer = Upload(Bytes(45));

    ASSERT_TRUE(observer.end.has_value());
    EXPECT_THAT(*observer.end, IsOk());
    EXPECT_EQ(stored(), Bytes(45));
    EXPECT_THAT(store_.taken, Each(Pair(Ge(1u), 1))) << is_joined;
    EXPECT_EQ(Journalled(), 0u);
  }
}

TEST_F(BlobUploadTest, KeepsWhatIsStoredAcrossNewLinksAndAKill) {
  store_.gives_the_same_upload = true;
  connections_ = 1;
  Restart();
  // Two parts, then new links, then one more, then the end of the daemon.
  store_.on_put = [this](uint64_t put, uint32_t) -> std::optional<FakeAnswer> {
    if (put == 3) store_.ExpireLinks();
    if (put == 3) return FakeAnswer{.status = 403};
    if (put == 5) return Held();
    return std::nullopt;
  };
  Start(Bytes(45));
  life_->Run();
  ASSERT_THAT(store_.taken, SizeIs(3));
  Restart();
  store_.on_put = {};

  EXPECT_TRUE(Upload(Bytes(45)).end.has_value());

  EXPECT_EQ(stored(), Bytes(45));
  EXPECT_THAT(store_.taken, Each(Pair(Ge(1u), 1)));
}

TEST_F(BlobUploadTest, GetsThroughWithLinksThatRanOutWhileTheDaemonWasAway) {
  for (const bool same : {false, true}) {
    store_.gives_the_same_upload = same;
    store_.objects.clear();
    store_.taken.clear();
    store_.puts = 0;
    store_.on_put = [](uint64_t put, uint32_t) { return put > 2 ? std::optional(Held()) : std::nullopt; };
    Start(Bytes(45));
    life_->Run();
    Restart();
    store_.on_put = {};
    store_.ExpireLinks();

    const Observer& observer = Upload(Bytes(45));

    ASSERT_TRUE(observer.end.has_value());
    EXPECT_THAT(*observer.end, IsOk());
    EXPECT_EQ(stored(), Bytes(45));
    if (same) {
      EXPECT_THAT(store_.taken, Each(Pair(Ge(1u), 1)));
    }
  }
}

TEST_F(BlobUploadTest, NeedsNoCatalog) {
  catalog_.FailReads(absl::UnavailableError("down"), 1'000'000);
  catalog_.FailWrites(absl::UnavailableError("down"), 1'000'000);
  const Observer& observer = Upload(Bytes(45));
  ASSERT_TRUE(observer.end.has_value());
  EXPECT_THAT(*observer.end, IsOk());
  EXPECT_EQ(stored(), Bytes(45));
}

TEST(UploadSlotsTest, GivesBackAnyNumberThatNobodyWantsAnyMore) {
  UploadSlots slots(1);
  int taken = 0;
  slots.Take([&taken] { ++taken; });
  for (int i = 0; i < 200'000; ++i) {
    slots.Take([&] {
      ++taken;
      slots.GiveBack();
    });
  }
  EXPECT_EQ(taken, 1);
  slots.GiveBack();
  EXPECT_EQ(taken, 200'001);
}

}  // namespace
}  // namespace batuta::push
