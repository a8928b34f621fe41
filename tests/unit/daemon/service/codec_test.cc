#include "daemon/service/codec.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include "common/rpc/status_codec.h"
#include "common/status/status.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::service {

namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kCommit(40, 'c');
const std::string kBlob(64, 'b');
const WallTime kTime = FromUnixMillis(1'793'607'330'250);

RepoId Otter(RepoType type = RepoType::kModel) {
  return RepoId::Parse(type, "acme/otter").value();
}

v1::RepoId OtterMessage() {
  v1::RepoId repo;
  repo.set_type(v1::REPO_TYPE_MODEL);
  repo.set_id("acme/otter");
  return repo;
}

Entry OtterFile() {
  return {.path = RepoPath::Parse("model.safetensors").value(),
          .size_bytes = 77,
          .blob = BlobId::Parse(kBlob).value()};
}

// ---- decoding ----

TEST(DecodeTypeTest, TakesTheThreeTypesAndNothingElse) {
  EXPECT_THAT(DecodeType(v1::REPO_TYPE_MODEL), IsOkAndHolds(RepoType::kModel));
  EXPECT_THAT(DecodeType(v1::REPO_TYPE_DATASET), IsOkAndHolds(RepoType::kDataset));
  EXPECT_THAT(DecodeType(v1::REPO_TYPE_SPACE), IsOkAndHolds(RepoType::kSpace));
  for (const int bad : {0, 4, -1, 99, INT32_MAX}) {
    EXPECT_THAT(DecodeType(static_cast<v1::RepoType>(bad)), HasReason(reason::kInvalidRepoId)) << bad;
  }
}

TEST(DecodeRepoTest, IdFollowsTheRulesOfTheHub) {
  v1::RepoId repo = OtterMessage();
  EXPECT_THAT(DecodeRepo(repo), IsOkAndHolds(Otter()));
  for (const std::string bad : {"", "/", "a/b/c", "../x", "a/..", "a--b", "a b", "a/b\n", "a/b\x1b[2J", "é/x",
                                "-a/b", "a/b.git", "https://huggingface.co/a/b"}) {
    repo.set_id(bad);
    EXPECT_THAT(DecodeRepo(repo), HasReason(reason::kInvalidRepoId)) << testing::PrintToString(bad);
  }
  repo.set_id(std::string(1 << 20, 'a'));
  const absl::StatusOr<RepoId> huge = DecodeRepo(repo);
  EXPECT_THAT(huge, HasReason(reason::kInvalidRepoId));
  EXPECT_LT(MessageOf(huge.status()).size(), 1'000);
}

TEST(DecodeRevisionTest, EmptyIsMainAndNothingEscapes) {
  EXPECT_THAT(DecodeRevision(""), IsOkAndHolds(Revision::Main()));
  EXPECT_THAT(DecodeRevision("refs/pr/3"), IsOk());
  EXPECT_THAT(DecodeRevision(kCommit), IsOk());
  for (const std::string& bad : {std::string("../main"), std::string("a//b"), std::string("/a"),
                                 std::string("a\nb"), std::string(256, 'r'), std::string("a\0b", 3)}) {
    EXPECT_THAT(DecodeRevision(bad), HasReason(reason::kInvalidRevision)) << testing::PrintToString(bad);
  }
}

v1::SearchRequest Search() {
  v1::SearchRequest request;
  request.set_type(v1::REPO_TYPE_DATASET);
  return request;
}

TEST(DecodeSearchTest, EveryFieldArrives) {
  v1::SearchRequest request = Search();
  request.set_query("otter");
  request.set_author("acme");
  request.set_task("text-generation");
  request.set_library("transformers");
  request.add_tags("en");
  request.add_tags("license:mit");
  request.set_sort("likes");
  request.set_limit(1'000);
  ASSERT_OK_AND_ASSIGN(const hub::SearchQuery query, DecodeSearch(request));
  EXPECT_EQ(query.type, RepoType::kDataset);
  EXPECT_EQ(query.text, "otter");
  EXPECT_EQ(query.author, "acme");
  EXPECT_EQ(query.task, "text-generation");
  EXPECT_EQ(query.library, "transformers");
  EXPECT_THAT(query.tags, ElementsAre("en", "license:mit"));
  EXPECT_EQ(query.sort, "likes");
  EXPECT_EQ(query.limit, 1'000);
}

TEST(DecodeSearchTest, DefaultsAreTheHubsOrderAndTwentyResults) {
  ASSERT_OK_AND_ASSIGN(const hub::SearchQuery query, DecodeSearch(Search()));
  EXPECT_EQ(query.sort, "");
  EXPECT_EQ(query.limit, 20);
}

TEST(DecodeSearchTest, HostileTextIsRefusedWithTheFieldsName) {
  const std::vector<std::string> bad = {"a\nb", std::string("a\0b", 3), "a\x7f", "\x1b[2J",
                                        std::string(4'097, 'x')};
  using Set = void (*)(v1::SearchRequest&, const std::string&);
  const std::pair<const char*, Set> fields[] = {
      {"query", [](v1::SearchRequest& request, const std::string& text) { request.set_query(text); }},
      {"author", [](v1::SearchRequest& request, const std::string& text) { request.set_author(text); }},
      {"task", [](v1::SearchRequest& request, const std::string& text) { request.set_task(text); }},
      {"library", [](v1::SearchRequest& request, const std::string& text) { request.set_library(text); }},
      {"tags", [](v1::SearchRequest& request, const std::string& text) { request.add_tags(text); }},
  };
  for (const auto& [name, set] : fields) {
    for (const std::string& text : bad) {
      v1::SearchRequest request = Search();
      set(request, text);
      const auto query = DecodeSearch(request);
      EXPECT_THAT(query, HasReason(reason::kInvalidArgument)) << name;
      EXPECT_THAT(query, HasMessage(HasSubstr(name)));
    }
    v1::SearchRequest request = Search();
    set(request, std::string(4'096, 'x'));
    EXPECT_THAT(DecodeSearch(request), IsOk()) << name;
  }
}

TEST(DecodeSearchTest, BoundsAreKept) {
  v1::SearchRequest request;
  EXPECT_THAT(DecodeSearch(request), HasReason(reason::kInvalidRepoId));
  request = Search();
  request.set_limit(1'001);
  EXPECT_THAT(DecodeSearch(request), HasReason(reason::kInvalidArgument));
  request.set_limit(UINT32_MAX);
  EXPECT_THAT(DecodeSearch(request), HasReason(reason::kInvalidArgument));
  request = Search();
  request.set_sort("likes&limit=1");
  EXPECT_THAT(DecodeSearch(request), HasReason(reason::kInvalidArgument));
  request = Search();
  for (int i = 0; i <= 10'000; ++i) request.add_tags("t");
  EXPECT_THAT(DecodeSearch(request), HasReason(reason::kInvalidArgument));
}

v1::PullSpec Pull() {
  v1::PullSpec spec;
  *spec.mutable_repo() = OtterMessage();
  return spec;
}

TEST(DecodePullTest, EveryFieldArrives) {
  v1::PullSpec spec = Pull();
  spec.set_revision("v1");
  spec.add_paths("config.json");
  spec.add_include("*.json");
  spec.add_exclude("*.md");
  spec.set_format("gguf");
  spec.set_quantization("Q4_K_M");
  spec.add_allow_unsafe("pickle");
  spec.set_priority(v1::PRIORITY_BACKGROUND);
  spec.set_offline(true);
  spec.set_no_wait(true);
  ASSERT_OK_AND_ASSIGN(const pull::PullRequest request, DecodePull(spec));
  EXPECT_EQ(request.repo, Otter());
  EXPECT_EQ(request.revision.text(), "v1");
  EXPECT_EQ(request.selection.repo_type, RepoType::kModel);
  EXPECT_THAT(request.selection.paths, ElementsAre("config.json"));
  EXPECT_THAT(request.selection.include, ElementsAre("*.json"));
  EXPECT_THAT(request.selection.exclude, ElementsAre("*.md"));
  EXPECT_EQ(request.selection.format, "gguf");
  EXPECT_EQ(request.selection.quantization, "Q4_K_M");
  EXPECT_THAT(request.selection.allow_unsafe, ElementsAre("pickle"));
  EXPECT_EQ(request.priority, Priority::kBackground);
  EXPECT_TRUE(request.offline);
  EXPECT_FALSE(request.may_wait);
}

TEST(DecodePullTest, LockedFilesArriveWhole) {
  v1::PullSpec spec = Pull();
  v1::Entry* const entry = spec.add_locked();
  entry->set_path("a/config.json");
  entry->set_size_bytes(7);
  entry->set_blob(std::string(64, 'b'));
  ASSERT_OK_AND_ASSIGN(const pull::PullRequest request, DecodePull(spec));
  ASSERT_EQ(request.selection.locked.size(), 1u);
  EXPECT_EQ(request.selection.locked[0].path.text(), "a/config.json");
  EXPECT_EQ(request.selection.locked[0].size_bytes, 7u);
  EXPECT_EQ(request.selection.locked[0].blob.hex(), std::string(64, 'b'));
  entry->set_path("../config.json");
  EXPECT_THAT(DecodePull(spec), HasReason("INVALID_PATH"));
  entry->set_path("config.json");
  entry->set_blob("short");
  EXPECT_THAT(DecodePull(spec), HasReason("INVALID_ETAG"));
}

TEST(DecodePullTest, RefreshAndOfflineExcludeEachOther) {
  v1::PullSpec spec = Pull();
  spec.set_refresh(true);
  ASSERT_OK_AND_ASSIGN(const pull::PullRequest request, DecodePull(spec));
  EXPECT_TRUE(request.refresh);
  spec.set_offline(true);
  EXPECT_THAT(DecodePull(spec), HasReason(reason::kInvalidArgument));
}

TEST(DecodePullTest, DefaultsAreMainNormalAndWaiting) {
  ASSERT_OK_AND_ASSIGN(const pull::PullRequest request, DecodePull(Pull()));
  EXPECT_EQ(request.revision, Revision::Main());
  EXPECT_EQ(request.priority, Priority::kNormal);
  EXPECT_FALSE(request.offline);
  EXPECT_FALSE(request.refresh);
  EXPECT_TRUE(request.may_wait);
}

TEST(DecodePullTest, PrioritiesAreThoseOfTheApi) {
  const std::pair<v1::Priority, Priority> cases[] = {{v1::PRIORITY_INTERACTIVE, Priority::kInteractive},
                                                     {v1::PRIORITY_NORMAL, Priority::kNormal},
                                                     {v1::PRIORITY_BACKGROUND, Priority::kBackground}};
  for (const auto& [message, priority] : cases) {
    v1::PullSpec spec = Pull();
    spec.set_priority(message);
    EXPECT_EQ(DecodePull(spec).value().priority, priority);
  }
  for (const int bad : {-1, 77}) {
    v1::PullSpec spec = Pull();
    spec.set_priority(static_cast<v1::Priority>(bad));
    EXPECT_THAT(DecodePull(spec), HasReason(reason::kInvalidArgument));
  }
}

TEST(DecodePullTest, HostileTextIsRefused) {
  using Set = void (*)(v1::PullSpec&, const std::string&);
  const Set fields[] = {
      [](v1::PullSpec& spec, const std::string& text) { spec.add_paths(text); },
      [](v1::PullSpec& spec, const std::string& text) { spec.add_include(text); },
      [](v1::PullSpec& spec, const std::string& text) { spec.add_exclude(text); },
      [](v1::PullSpec& spec, const std::string& text) { spec.add_allow_unsafe(text); },
      [](v1::PullSpec& spec, const std::string& text) { spec.set_format(text); },
      [](v1::PullSpec& spec, const std::string& text) { spec.set_quantization(text); },
  };
  for (const Set set : fields) {
    for (const std::string& text : {std::string("a\nb"), std::string("a\0b", 3), std::string(4'097, 'x')}) {
      v1::PullSpec spec = Pull();
      set(spec, text);
      EXPECT_THAT(DecodePull(spec), HasReason(reason::kInvalidArgument));
    }
  }
  v1::PullSpec many = Pull();
  for (int i = 0; i <= 10'000; ++i) many.add_paths("p");
  EXPECT_THAT(DecodePull(many), HasReason(reason::kInvalidArgument));
  EXPECT_THAT(DecodePull({}), HasReason(reason::kInvalidRepoId));
}

// ---- encoding ----

TEST(EncodeTest, TimeKeepsItsFractionAlsoBefore1970) {
  google::protobuf::Timestamp message;
  Encode(kTime, &message);
  EXPECT_EQ(message.seconds(), 1'793'607'330);
  EXPECT_EQ(message.nanos(), 250'000'000);
  Encode(FromUnixMillis(-250), &message);
  EXPECT_EQ(message.seconds(), -1);
  EXPECT_EQ(message.nanos(), 750'000'000);
}

TEST(EncodeTest, RepoOfEachTypeIsDecodedToItself) {
  for (const RepoType type : {RepoType::kModel, RepoType::kDataset, RepoType::kSpace}) {
    v1::RepoId message;
    Encode(Otter(type), &message);
    EXPECT_THAT(DecodeRepo(message), IsOkAndHolds(Otter(type)));
  }
}

TEST(EncodeTest, EntryAndPlannedFile) {
  v1::Entry entry;
  Encode(OtterFile(), &entry);
  EXPECT_EQ(entry.path(), "model.safetensors");
  EXPECT_EQ(entry.size_bytes(), 77);
  EXPECT_EQ(entry.blob(), kBlob);

  using Action = pull::PlannedFile::Action;
  const std::pair<Action, v1::PullFile::Status> cases[] = {{Action::kDownload, v1::PullFile::STATUS_PENDING},
                                                           {Action::kCached, v1::PullFile::STATUS_CACHED},
                                                           {Action::kSkip, v1::PullFile::STATUS_SKIPPED}};
  for (const auto& [action, status] : cases) {
    v1::PullFile file;
    Encode(pull::PlannedFile{.entry = OtterFile(), .action = action, .reason = "why"}, &file);
    EXPECT_EQ(file.path(), "model.safetensors");
    EXPECT_EQ(file.status(), status);
    EXPECT_EQ(file.reason(), "why");
  }
}

TEST(EncodeTest, JobFileInEachStatus) {
  using Status = jobs::JobFile::Status;
  const std::pair<Status, v1::PullFile::Status> cases[] = {
      {Status::kPending, v1::PullFile::STATUS_PENDING},
      {Status::kRunning, v1::PullFile::STATUS_RUNNING},
      {Status::kDownloaded, v1::PullFile::STATUS_DOWNLOADED},
      {Status::kCached, v1::PullFile::STATUS_CACHED},
      {Status::kSkipped, v1::PullFile::STATUS_SKIPPED},
      {Status::kFailed, v1::PullFile::STATUS_FAILED}};
  for (const auto& [status, message] : cases) {
    v1::PullFile file;
    Encode(jobs::JobFile{.path = "a",
                         .size_bytes = 9,
                         .blob = kBlob,
                         .status = status,
                         .reason = "r",
                         .warning = "w",
                         .done_bytes = 4},
           &file);
    EXPECT_EQ(file.status(), message);
    EXPECT_EQ(file.warning(), "w");
    EXPECT_EQ(file.size_bytes(), 9);
    EXPECT_EQ(file.done_bytes(), 4);
    EXPECT_EQ(file.blob(), kBlob);
  }
}

hub::RepoSummary Summary() {
  return {.repo = Otter(),
          .downloads = UINT64_MAX,
          .likes = 5,
          .is_private = true,
          .gated = "auto",
          .task = "t",
          .library = "l",
          .tags = {"a", "b"},
          .created = kTime,
          .last_modified = std::nullopt};
}

TEST(EncodeTest, SummaryLeavesOutTimesThatTheHubDoesNotTell) {
  v1::RepoSummary message;
  Encode(Summary(), &message);
  EXPECT_EQ(message.downloads(), UINT64_MAX);
  EXPECT_EQ(message.likes(), 5);
  EXPECT_TRUE(message.is_private());
  EXPECT_EQ(message.gated(), "auto");
  EXPECT_THAT(message.tags(), ElementsAre("a", "b"));
  EXPECT_TRUE(message.has_created());
  EXPECT_FALSE(message.has_last_modified());
}

TEST(EncodeTest, RepoInfo) {
  const hub::RepoInfo info{.summary = Summary(),
                           .commit = CommitId::Parse(kCommit).value(),
                           .hub_id = "1f",
                           .author = "acme",
                           .license = "mit",
                           .base_models = {"acme/base"},
                           .parameters = 7'000'000'000,
                           .disabled = true,
                           .file_count = 3,
                           .used_storage_bytes = 99};
  v1::GetRepoResponse message;
  Encode(info, &message);
  EXPECT_EQ(message.summary().repo().id(), "acme/otter");
  EXPECT_EQ(message.commit(), kCommit);
  EXPECT_EQ(message.license(), "mit");
  EXPECT_THAT(message.base_models(), ElementsAre("acme/base"));
  EXPECT_EQ(message.parameters(), 7'000'000'000U);
  EXPECT_TRUE(message.disabled());
  EXPECT_EQ(message.file_count(), 3);
  EXPECT_EQ(message.used_storage_bytes(), 99);
}

TEST(EncodeTest, Identity) {
  v1::WhoAmIResponse message;
  Encode(hub::Identity{.name = "mira",
                       .full_name = "Mira M",
                       .email = "m@x.org",
                       .kind = "user",
                       .organizations = {"acme"},
                       .token_name = "laptop",
                       .token_role = "read"},
         &message);
  EXPECT_EQ(message.name(), "mira");
  EXPECT_EQ(message.full_name(), "Mira M");
  EXPECT_EQ(message.email(), "m@x.org");
  EXPECT_EQ(message.kind(), "user");
  EXPECT_THAT(message.organizations(), ElementsAre("acme"));
  EXPECT_EQ(message.token_name(), "laptop");
  EXPECT_EQ(message.token_role(), "read");
}

jobs::JobView Job(jobs::JobState state) {
  jobs::JobRecord record{
      .id = "0123456789ab",
      .owner = {.uid = 1'000, .tool = "trainer"},
      .request_id = "r",
      .request = pull::PullRequest{.repo = Otter(), .selection = {}},
      .had_token = true,
      .state = state,
      .created = kTime,
      .finished = std::nullopt,
      .commit = kCommit,
      .snapshot_path = "/cache/snap",
      .downloaded_bytes = 5,
      .elapsed_ms = 6,
      .error = MakeError(absl::StatusCode::kNotFound, reason::kRepoNotFound, "no such repo")};
  return {.record = std::move(record),
          .waiting_reason = "rate limit",
          .waiting_until = kTime,
          .last_error = "cut",
          .attempts = 2,
          .total_bytes = 10,
          .done_bytes = 7,
          .bytes_per_second = 3,
          .files_total = 4,
          .files_done = 1};
}

TEST(EncodeTest, JobInEachState) {
  using jobs::JobState;
  const std::pair<JobState, v1::Job::State> cases[] = {
      {JobState::kQueued, v1::Job::STATE_QUEUED},      {JobState::kRunning, v1::Job::STATE_RUNNING},
      {JobState::kWaiting, v1::Job::STATE_WAITING},    {JobState::kPaused, v1::Job::STATE_PAUSED},
      {JobState::kDone, v1::Job::STATE_DONE},          {JobState::kFailed, v1::Job::STATE_FAILED},
      {JobState::kCancelled, v1::Job::STATE_CANCELLED}};
  for (const auto& [state, message] : cases) {
    v1::Job job;
    Encode(Job(state), &job);
    EXPECT_EQ(job.state(), message);
    // A snapshot is promised only when it is whole, an error only when that is how it ended.
    EXPECT_EQ(job.snapshot_path(), state == JobState::kDone ? "/cache/snap" : "");
    EXPECT_EQ(job.has_error(), state == JobState::kFailed);
  }
}

TEST(EncodeTest, JobWithItsNumbersAndItsError) {
  v1::Job job;
  Encode(Job(jobs::JobState::kFailed), &job);
  EXPECT_EQ(job.id(), "0123456789ab");
  EXPECT_EQ(job.repo().id(), "acme/otter");
  EXPECT_EQ(job.revision(), "main");
  EXPECT_EQ(job.commit(), kCommit);
  EXPECT_EQ(job.waiting_reason(), "rate limit");
  EXPECT_TRUE(job.has_waiting_until());
  EXPECT_EQ(job.total_bytes(), 10);
  EXPECT_EQ(job.done_bytes(), 7);
  EXPECT_EQ(job.downloaded_bytes(), 5);
  EXPECT_EQ(job.bytes_per_second(), 3);
  EXPECT_EQ(job.files_total(), 4);
  EXPECT_EQ(job.files_done(), 1);
  EXPECT_EQ(job.attempts(), 2);
  EXPECT_EQ(job.elapsed_ms(), 6);
  EXPECT_EQ(job.tool(), "trainer");
  EXPECT_EQ(job.uid(), 1'000);
  EXPECT_EQ(job.last_error(), "cut");
  EXPECT_FALSE(job.has_finished());
  EXPECT_THAT(FromErrorText(job.error()), HasReason(reason::kRepoNotFound));
}

TEST(EncodeTest, Window) {
  const budget::WindowView window{
      .endpoint = "https://hub.test",
      .identity = "anonymous",
      .kind = budget::WindowKind::kResolvers,
      .state =
          {.quota = 500, .remaining = 3, .resets_at = kTime, .length = 300s, .closed = true, .learned = true},
      .waiting = 9};
  v1::Window message;
  Encode(window, &message);
  EXPECT_EQ(message.endpoint(), "https://hub.test");
  EXPECT_EQ(message.identity(), "anonymous");
  EXPECT_EQ(message.kind(), "resolvers");
  EXPECT_EQ(message.quota(), 500);
  EXPECT_EQ(message.remaining(), 3);
  EXPECT_TRUE(message.closed());
  EXPECT_TRUE(message.learned());
  EXPECT_EQ(message.waiting(), 9);
  EXPECT_EQ(message.window_seconds(), 300);
}

}  // namespace

}  // namespace batuta::service
