#include "daemon/service/push_codec.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/status.h"
#include "daemon/service/codec.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::service {
namespace {

using testing::ElementsAre;

v1::PushSpec Spec() {
  v1::PushSpec spec;
  spec.mutable_repo()->set_type(v1::REPO_TYPE_MODEL);
  spec.mutable_repo()->set_id("mira/otter");
  spec.set_path("/home/mira/otter");
  return spec;
}

constexpr uint32_t kUid = 1'000;  // of who asks

std::string ReasonFor(const v1::PushSpec& spec) {
  return ReasonOf(DecodePush(spec, kUid).status());
}

TEST(DecodePushTest, TakesAllThatIsAsked) {
  v1::PushSpec spec = Spec();
  spec.set_path("/home/mira/./x/../otter/");
  spec.set_revision("dev");
  spec.set_message("Better");
  spec.set_description("By far.\nReally.");
  spec.set_create_pr(true);
  spec.set_is_private(true);
  spec.add_delete_globs("old/*");
  spec.add_allow_secrets("a:b:1");
  spec.set_no_card(true);
  spec.set_no_wait(true);
  spec.set_limit_bytes_per_second(7);
  ASSERT_OK_AND_ASSIGN(const push::PushRequest request, DecodePush(spec, kUid));
  EXPECT_EQ(request.repo.id(), "mira/otter");
  EXPECT_EQ(request.path, "/home/mira/otter/");
  EXPECT_EQ(request.branch.text(), "dev");
  EXPECT_EQ(request.message, "Better");
  EXPECT_TRUE(request.create_pr);
  EXPECT_TRUE(request.is_private);
  EXPECT_THAT(request.delete_globs, ElementsAre("old/*"));
  EXPECT_THAT(request.allow_secrets, ElementsAre("a:b:1"));
  EXPECT_FALSE(request.makes_card);
  EXPECT_FALSE(request.may_wait);
  EXPECT_EQ(request.limit_bytes_per_second, 7u);
}

TEST(DecodePushTest, GoesToTheMainBranchAndMakesACardUnlessToldOtherwise) {
  ASSERT_OK_AND_ASSIGN(const push::PushRequest request, DecodePush(Spec(), kUid));
  EXPECT_EQ(request.branch, Revision::Main());
  EXPECT_TRUE(request.makes_card);
  EXPECT_TRUE(request.may_wait);
}

TEST(DecodePushTest, RefusesWhatCannotBe) {
  v1::PushSpec spec = Spec();
  spec.set_path("otter");
  EXPECT_EQ(ReasonFor(spec), reason::kInvalidArgument) << "a path that is not absolute";
  spec = Spec();
  spec.set_path("/");
  spec.mutable_path()->append(5'000, 'a');
  EXPECT_EQ(ReasonFor(spec), reason::kInvalidArgument) << "a path that is too long";
  spec = Spec();
  spec.set_revision(std::string(40, 'a'));
  EXPECT_EQ(ReasonFor(spec), reason::kInvalidRevision) << "a commit";
  spec = Spec();
  spec.set_message("one\ntwo");
  EXPECT_EQ(ReasonFor(spec), reason::kInvalidArgument) << "a title of two lines";
  spec = Spec();
  spec.mutable_repo()->set_id("mira//otter");
  EXPECT_EQ(ReasonFor(spec), reason::kInvalidRepoId);
}

TEST(EncodePushTest, APlanIsToldWhole) {
  push::PushPlan plan;
  plan.digest = "d";
  plan.head = CommitId::Parse(std::string(40, '1')).value();
  plan.creates_branch = true;
  plan.card = card::CardKind::kCompleted;
  secrets::Finding& finding = plan.findings.emplace_back();
  finding.path = "env";
  finding.kind = "hf-token";
  finding.fingerprint = "env:hf-token:3";
  plan.refusals = {{.path = "pipe", .reason = reason::kNotPushable, .text = "is a pipe"}};
  plan.files = {{.path = "a", .change = push::Change::kUnchanged},
                {.path = "b", .change = push::Change::kAdded}};
  plan.commits = 2;
  v1::PushPlan out;
  Encode(plan, &out);
  EXPECT_EQ(out.head(), std::string(40, '1'));
  EXPECT_TRUE(out.creates_branch());
  EXPECT_EQ(out.card(), "completed");
  EXPECT_EQ(out.findings(0).tier(), "certain");
  EXPECT_EQ(out.findings(0).fingerprint(), "env:hf-token:3");
  EXPECT_EQ(out.refusals(0).reason(), "NOT_PUSHABLE");
  EXPECT_EQ(out.unchanged(), 1u);
  EXPECT_EQ(out.commits(), 2u);
}

TEST(EncodePushTest, APushIsAJobOfItsOwnKind) {
  jobs::JobRecord record{.id = "0123456789ab",
                         .owner = {.uid = 1'000, .tool = "trainer"},
                         .request_id = "",
                         .request = *DecodePush(Spec(), kUid),
                         .created = WallTime(),
                         .finished = std::nullopt,
                         .commit = {},
                         .snapshot_path = {},
                         .error = absl::OkStatus()};
  record.uploaded_bytes = 5;
  record.url = "https://hub.test/commit/1";
  record.card = "generated";
  v1::Job job;
  Encode(jobs::JobView{.record = record,
                       .waiting_reason = {},
                       .waiting_until = std::nullopt,
                       .last_error = {},
                       .phase = "uploading"},
         &job);
  EXPECT_EQ(job.kind(), v1::Job::KIND_PUSH);
  EXPECT_EQ(job.repo().id(), "mira/otter");
  EXPECT_EQ(job.revision(), "main");
  EXPECT_EQ(job.local_path(), "/home/mira/otter");
  EXPECT_EQ(job.phase(), "uploading");
  EXPECT_EQ(job.uploaded_bytes(), 5u);
  EXPECT_EQ(job.card(), "generated");
}

}  // namespace
}  // namespace batuta::service
