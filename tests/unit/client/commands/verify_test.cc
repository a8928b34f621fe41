#include <string>
#include <vector>

#include "common/status/status.h"
#include "tests/unit/client/commands/client_test.h"

namespace batuta::client {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

const std::string kCommit(40, 'a');

v1::VerifyFinding Damage(std::string path, v1::VerifyFinding::Problem problem) {
  v1::VerifyFinding finding;
  *finding.mutable_repo() = Repo("acme/otter");
  finding.set_commit(kCommit);
  finding.set_path(std::move(path));
  finding.set_blob(std::string(64, 'b'));
  finding.set_size_bytes(100);
  finding.set_damaged_bytes(40);
  finding.set_problem(problem);
  finding.set_detail("its bytes are others");
  return finding;
}

class VerifyTest : public ClientTest {
 protected:
  void Found(const std::vector<v1::VerifyFinding>& findings, const std::vector<std::string>& jobs = {}) {
    Answer([&](FakeDaemon::Answers& answers) {
      v1::VerifyResponse first;
      first.set_total_files(2);
      v1::VerifyResponse last;
      last.set_checked_files(2);
      last.set_checked_bytes(200);
      last.set_total_files(2);
      for (const v1::VerifyFinding& finding : findings) *first.add_findings() = finding;
      for (const std::string& job : jobs) last.add_job_ids(job);
      answers.verification = {first, last};
    });
  }

  nlohmann::json Json(std::vector<std::string> words, int code) {
    words.insert(words.begin(), {"hf", "cache", "verify"});
    words.insert(words.end(), {"--format", "json"});
    const RunResult result = Run(words);
    EXPECT_EQ(result.code, code) << result.err;
    return nlohmann::json::parse(result.out);
  }

  // A job of the daemon, of that commit, that has ended.
  void HadPulled(v1::Job::State state) {
    Answer([&](FakeDaemon::Answers& answers) { answers.pulls = {{Update(state)}}; });
    EXPECT_EQ(Run({"hf", "pull", "model", "acme/otter", "--revision", kCommit, "--detach"}).code, 0);
  }
};

TEST_F(VerifyTest, AllRightIsZero) {
  Found({});
  const nlohmann::json document = Json({}, 0);
  EXPECT_EQ(document["checked_files"], 2);
  EXPECT_EQ(document["checked_bytes"], 200);
  EXPECT_THAT(document["findings"], SizeIs(0));
  EXPECT_THAT(Run({"hf", "cache", "verify"}).out, HasSubstr("checked 2 files, 200 B: all right"));
}

TEST_F(VerifyTest, DamageIsNineWhatCannotBeReadSeventeenBothTwentyFive) {
  Found({Damage("model.gguf", v1::VerifyFinding::PROBLEM_DAMAGED)});
  const nlohmann::json finding = Json({}, 9)["findings"][0];
  EXPECT_EQ(finding["path"], "model.gguf");
  EXPECT_EQ(finding["problem"], "damaged");
  EXPECT_EQ(finding["damaged_bytes"], 40);
  EXPECT_EQ(finding["repaired"], false);

  Found({Damage("a", v1::VerifyFinding::PROBLEM_UNREADABLE)});
  Json({}, 17);
  Found(
      {Damage("a", v1::VerifyFinding::PROBLEM_UNREADABLE), Damage("b", v1::VerifyFinding::PROBLEM_MISSING)});
  Json({}, 25);
  const RunResult human = Run({"hf", "cache", "verify"});
  EXPECT_THAT(human.out, HasSubstr("unreadable model acme/otter aaaaaaaaaaaa a: its bytes are others"));
  EXPECT_EQ(Run({"hf", "cache", "verify", "--format", "quiet"}).out,
            "model acme/otter " + kCommit + " a\nmodel acme/otter " + kCommit + " b\n");
}

TEST_F(VerifyTest, AsksForWhatWasNamed) {
  Found({});
  EXPECT_EQ(Run({"hf", "cache", "verify", "dataset", "acme/notes", "--revision", "v1", "--since",
                 "2026-11-27T18:00:00Z", "--limit-rate", "5M", "--repair"})
                .code,
            0);
  ASSERT_THAT(daemon_.calls().verifications, SizeIs(1));
  const v1::VerifyRequest request = daemon_.calls().verifications.front();
  ASSERT_EQ(request.repos_size(), 1);
  EXPECT_EQ(request.repos(0).type(), v1::REPO_TYPE_DATASET);
  EXPECT_EQ(request.repos(0).id(), "acme/notes");
  EXPECT_EQ(request.revision(), "v1");
  EXPECT_EQ(request.since().seconds(), 1'795'802'400);
  EXPECT_EQ(request.limit_bytes_per_second(), 5'000'000u);
  EXPECT_TRUE(request.repair());
  EXPECT_EQ(Run({"hf", "cache", "verify", "--since", "yesterday"}).code, 2);
}

TEST_F(VerifyTest, WhatARepairBroughtBackIsZero) {
  HadPulled(v1::Job::STATE_DONE);
  Found({Damage("model.gguf", v1::VerifyFinding::PROBLEM_DAMAGED)}, {"job0"});
  const nlohmann::json document = Json({"--repair"}, 0);
  EXPECT_EQ(document["findings"][0]["repaired"], true);
  EXPECT_EQ(document["repairs"][0]["job_id"], "job0");
  EXPECT_EQ(document["repairs"][0]["state"], "done");
}

TEST_F(VerifyTest, ARepairThatFailsLeavesTheDamage) {
  HadPulled(v1::Job::STATE_FAILED);
  Found({Damage("model.gguf", v1::VerifyFinding::PROBLEM_DAMAGED)}, {"job0"});
  const nlohmann::json document = Json({"--repair"}, 9);
  EXPECT_EQ(document["findings"][0]["repaired"], false);
  EXPECT_EQ(document["repairs"][0]["state"], "failed");
}

TEST_F(VerifyTest, FindingsAreEventsAsTheyAreMade) {
  Found({Damage("model.gguf", v1::VerifyFinding::PROBLEM_DAMAGED)});
  const RunResult result = Run({"hf", "cache", "verify", "--events"});
  EXPECT_EQ(result.code, 9);
  const std::string first = result.out.substr(0, result.out.find('\n'));
  EXPECT_EQ(nlohmann::json::parse(first)["finding"]["path"], "model.gguf");
}

TEST_F(VerifyTest, AnErrorOfTheDaemonDecides) {
  Answer([](FakeDaemon::Answers& answers) {
    answers.errors["Verify"] = MakeError(absl::StatusCode::kNotFound, reason::kOfflineMiss, "not cached");
  });
  const RunResult result = Run({"hf", "cache", "verify", "model", "acme/none"});
  EXPECT_EQ(result.code, 10);
  EXPECT_EQ(result.out, "") << "nothing was checked, so nothing is all right";
}

}  // namespace
}  // namespace batuta::client
