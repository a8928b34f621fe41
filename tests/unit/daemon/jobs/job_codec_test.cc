#include "daemon/jobs/job_codec.h"

#include <gmock/gmock.h>

#include "tests/support/status/status_matchers.h"

namespace batuta::jobs {

namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

JobRecord Sample() {
  pull::PullRequest request{.repo = RepoId::Parse(RepoType::kDataset, "acme/reviews").value(),
                            .revision = Revision::Parse("refs/pr/7").value(),
                            .selection = {}};
  request.selection.repo_type = RepoType::kDataset;
  request.selection.include = {"*.jsonl"};
  request.priority = Priority::kBackground;
  request.limit_bytes_per_second = 500'000;
  request.may_wait = false;
  return {.id = "0123456789ab",
          .owner = {.uid = 1'000, .tool = "trainer"},
          .request_id = "r-1",
          .request = std::move(request),
          .had_token = true,
          .state = JobState::kFailed,
          .created = FromUnixMillis(1'790'000'000'123),
          .finished = FromUnixMillis(1'790'000'001'456),
          .commit = std::string(40, 'a'),
          .snapshot_path = "/cache/snap",
          .downloaded_bytes = 77,
          .elapsed_ms = 88,
          .error = MakeError(absl::StatusCode::kDataLoss, reason::kDigestMismatch, "wrong bytes", "try again",
                             {{"k", "v"}})};
}

TEST(JobCodecTest, RecordComesBackAsItWas) {
  ASSERT_OK_AND_ASSIGN(const JobRecord job, DecodeJob(EncodeJob(Sample())));

  EXPECT_EQ(job.id, "0123456789ab");
  EXPECT_EQ(job.owner, Sample().owner);
  EXPECT_EQ(job.request_id, "r-1");
  EXPECT_EQ(job.pull().repo, Sample().pull().repo);
  EXPECT_EQ(job.pull().revision.text(), "refs/pr/7");
  EXPECT_THAT(job.pull().selection.include, ElementsAre("*.jsonl"));
  EXPECT_EQ(job.pull().priority, Priority::kBackground);
  EXPECT_EQ(job.pull().limit_bytes_per_second, 500'000u);
  EXPECT_FALSE(job.pull().may_wait);
  EXPECT_TRUE(job.had_token);
  EXPECT_EQ(job.state, JobState::kFailed);
  EXPECT_EQ(job.created, Sample().created);
  EXPECT_EQ(job.finished, Sample().finished);
  EXPECT_EQ(job.downloaded_bytes, 77);
  EXPECT_THAT(job.error, HasReason(reason::kDigestMismatch));
  EXPECT_EQ(HintOf(job.error), "try again");
  EXPECT_EQ(DetailsOf(job.error).facts.at("k"), "v");
}

TEST(JobCodecTest, KeepsWhatHasToFitAndWhatWasChosen) {
  JobRecord sample = Sample();
  pull::FitWish wish;
  wish.wish = {.context = 16'384,
               .cache_type = fit::CacheType::kQ80,
               .target = fit::Target::kHybrid,
               .allow_unknown = true};
  wish.machine = Machine{.memory = {64'000, 32'000, "cgroup"},
                         .devices = {{"A card", "GPU-1", "nvidia", 24'000, 23'000, true}},
                         .notes = {"One is not counted."}};
  sample.pull().fit = wish;
  sample.pull().choice = pull::VariantChoice{"Q4_K_M", "Q4_K_M", "It fits."};

  ASSERT_OK_AND_ASSIGN(const JobRecord job, DecodeJob(EncodeJob(sample)));

  ASSERT_TRUE(job.pull().fit);
  EXPECT_EQ(job.pull().fit->wish.context, 16'384u);
  EXPECT_EQ(job.pull().fit->wish.cache_type, fit::CacheType::kQ80);
  EXPECT_EQ(job.pull().fit->wish.target, fit::Target::kHybrid);
  EXPECT_TRUE(job.pull().fit->wish.allow_unknown);
  ASSERT_TRUE(job.pull().fit->machine);
  const Machine& machine = *job.pull().fit->machine;
  EXPECT_EQ(machine.memory.available_bytes, 32'000u);
  EXPECT_EQ(machine.memory.limited_by, "cgroup");
  ASSERT_EQ(machine.devices.size(), 1u);
  EXPECT_EQ(machine.devices[0].id, "GPU-1");
  EXPECT_EQ(machine.devices[0].free_bytes, 23'000u);
  EXPECT_TRUE(machine.devices[0].shares_memory);
  EXPECT_THAT(machine.notes, ElementsAre("One is not counted."));
  EXPECT_EQ(job.pull().choice, sample.pull().choice);
}

TEST(JobCodecTest, ARecordFromBeforeWasNotToFit) {
  ASSERT_OK_AND_ASSIGN(const JobRecord job, DecodeJob(EncodeJob(Sample())));
  EXPECT_FALSE(job.pull().fit);
  EXPECT_FALSE(job.pull().choice);
  std::string text = EncodeJob(Sample());
  for (const std::string key : {"\"fit\":null,", "\"choice\":null,"}) {
    ASSERT_NE(text.find(key), std::string::npos);
    text.erase(text.find(key), key.size());
  }
  EXPECT_THAT(DecodeJob(text), IsOk());
}

TEST(JobCodecTest, ARecordFromBeforeLimitsHasNone) {
  std::string text = EncodeJob(Sample());
  const std::string key = "\"limit_bytes_per_second\":500000,";
  ASSERT_NE(text.find(key), std::string::npos);
  text.erase(text.find(key), key.size());

  ASSERT_OK_AND_ASSIGN(const JobRecord job, DecodeJob(text));
  EXPECT_EQ(job.pull().limit_bytes_per_second, 0u);
}

TEST(JobCodecTest, KeepsTheLockAcrossARestart) {
  JobRecord sample = Sample();
  sample.pull().selection.locked = {{.path = RepoPath::Parse("a/b.json").value(),
                                     .size_bytes = 7,
                                     .blob = BlobId::Parse(std::string(64, 'b')).value()}};
  const std::string text = EncodeJob(sample);
  ASSERT_OK_AND_ASSIGN(const JobRecord job, DecodeJob(text));
  EXPECT_EQ(job.pull().selection.locked, sample.pull().selection.locked);

  std::string older = EncodeJob(Sample());
  const std::string key = "\"locked\":[],";
  ASSERT_NE(older.find(key), std::string::npos);
  older.erase(older.find(key), key.size());
  ASSERT_OK_AND_ASSIGN(const JobRecord old_job, DecodeJob(older));
  EXPECT_TRUE(old_job.pull().selection.locked.empty());
}

TEST(JobCodecTest, EveryStateHasANameThatIsRead) {
  for (const JobState state : {JobState::kQueued, JobState::kRunning, JobState::kWaiting, JobState::kPaused,
                               JobState::kDone, JobState::kFailed, JobState::kCancelled}) {
    JobRecord job = Sample();
    job.state = state;
    ASSERT_OK_AND_ASSIGN(const JobRecord decoded, DecodeJob(EncodeJob(job)));
    EXPECT_EQ(decoded.state, state);
  }
}

TEST(JobCodecTest, MessageThatIsNotUtf8IsStillWritable) {
  JobRecord job = Sample();
  job.error = absl::InternalError("\xff\xfe");

  EXPECT_THAT(DecodeJob(EncodeJob(job)), IsOk());
}

TEST(JobCodecTest, DamagedRecordSaysWhatIsWrong) {
  const std::string good = EncodeJob(Sample());
  std::string unknown_state = good;
  unknown_state.replace(unknown_state.find("\"failed\""), 8, "\"broken\"");
  std::string bad_repo = good;
  bad_repo.replace(bad_repo.find("acme/reviews"), 12, "acme/../view");
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("{}"), std::string("{\"v\":1}"),
        std::string("{\"v\":99}"), good.substr(0, good.size() / 2), unknown_state}) {
    EXPECT_THAT(DecodeJob(text), HasReason(reason::kCatalogDamaged)) << text;
  }
  EXPECT_THAT(DecodeJob(bad_repo), HasReason(reason::kInvalidRepoId));
  EXPECT_THAT(DecodeJob("{\"v\":99}"), HasMessage(HasSubstr("version")));
}

}  // namespace

}  // namespace batuta::jobs
