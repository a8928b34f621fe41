#include "daemon/jobs/push_codec.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/status.h"
#include "daemon/jobs/job_codec.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::jobs {
namespace {

CommitId Commit(char digit) {
  return CommitId::Parse(std::string(40, digit)).value();
}

push::PushRequest Request() {
  push::PushRequest request{.repo = RepoId::Parse(RepoType::kDataset, "mira/otters").value(),
                            .path = "/data/otters"};
  request.branch = Revision::Parse("dev").value();
  request.message = "Better";
  request.delete_globs = {"old/*"};
  request.allow_secrets = {"a:b:1"};
  request.makes_card = false;
  request.plan_digest = "digest";
  request.endpoint = "https://hub.test";
  request.priority = Priority::kBackground;
  request.memory.is_agreed = true;
  request.memory.folder = "digest of the folder";
  request.memory.branch = Revision::Parse("refs/pr/3").value();
  request.memory.head = Commit('1');
  request.memory.intent = push::CommitIntent{.branch = Revision::Parse("refs/pr/3").value(),
                                             .parent = Commit('1'),
                                             .summary = "Better (part 1 of 2)",
                                             .files = {{"a", std::string(40, 'a')}, {"gone", ""}}};
  return request;
}

TEST(PushCodecTest, KeepsWhatMustNotBeForgotten) {
  ASSERT_OK_AND_ASSIGN(const push::PushRequest read, DecodePush(EncodePush(Request())));
  EXPECT_EQ(read.repo, Request().repo);
  EXPECT_EQ(read.path, "/data/otters");
  EXPECT_EQ(read.branch.text(), "dev");
  EXPECT_EQ(read.delete_globs, Request().delete_globs);
  EXPECT_EQ(read.allow_secrets, Request().allow_secrets);
  EXPECT_FALSE(read.makes_card);
  EXPECT_EQ(read.plan_digest, "digest");
  EXPECT_EQ(read.endpoint, "https://hub.test");
  EXPECT_EQ(read.priority, Priority::kBackground);
  EXPECT_EQ(read.memory, Request().memory);
}

TEST(PushCodecTest, APushIsToldFromAPull) {
  JobRecord job{.id = "0123456789ab",
                .owner = {.uid = 1'000, .tool = "trainer"},
                .request_id = "r",
                .request = Request(),
                .created = FromUnixMillis(1'000),
                .finished = std::nullopt,
                .commit = {},
                .snapshot_path = {},
                .error = absl::OkStatus()};
  job.uploaded_bytes = 12;
  job.card = "generated";
  ASSERT_OK_AND_ASSIGN(const JobRecord read, DecodeJob(EncodeJob(job)));
  ASSERT_TRUE(read.is_push());
  EXPECT_EQ(read.push().memory, Request().memory);
  EXPECT_EQ(read.uploaded_bytes, 12u);
  EXPECT_EQ(read.card, "generated");
}

TEST(PushCodecTest, ADamagedRecordIsNoPush) {
  nlohmann::json value = EncodePush(Request());
  value["memory"]["head"] = "nonsense";
  EXPECT_FALSE(DecodePush(value).ok());
  value = EncodePush(Request());
  value["priority"] = 17;
  EXPECT_EQ(ReasonOf(DecodePush(value).status()), reason::kCatalogDamaged);
}

}  // namespace
}  // namespace batuta::jobs
