#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "common/status/status.h"
#include "tests/unit/client/commands/client_test.h"

namespace batuta::client {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

using Change = v1::PushFile::Change;

v1::PushFile Changed(std::string path, uint64_t size_bytes, Change change) {
  v1::PushFile file;
  file.set_path(std::move(path));
  file.set_size_bytes(size_bytes);
  file.set_blob(std::string(64, 'a'));
  file.set_change(change);
  return file;
}

// A new public repo, one file added and one unchanged.
std::vector<v1::PlanPushResponse> Plan(const std::string& digest = "d1") {
  std::vector<v1::PlanPushResponse> parts(3);
  parts[0].mutable_progress()->set_phase("hashing");
  v1::PushPlan& plan = *parts[1].mutable_plan();
  plan.set_digest(digest);
  plan.set_head("c0ffee");
  plan.set_license("mit");
  plan.set_card("present");
  plan.set_commits(1);
  plan.set_unchanged(1);
  plan.set_bytes_to_send(5);
  *parts[2].add_files() = Changed("a.bin", 5, v1::PushFile::CHANGE_ADDED);
  *parts[2].add_files() = Changed("b.json", 2, v1::PushFile::CHANGE_UNCHANGED);
  return parts;
}

std::vector<v1::PlanPushResponse> NothingToDo() {
  std::vector<v1::PlanPushResponse> parts(1);
  parts[0].mutable_plan()->set_head("c0ffee");
  parts[0].mutable_plan()->set_unchanged(1);
  *parts[0].add_files() = Changed("b.json", 2, v1::PushFile::CHANGE_UNCHANGED);
  return parts;
}

std::vector<v1::PlanPushResponse> Refused(const std::vector<std::string>& reasons) {
  std::vector<v1::PlanPushResponse> parts = Plan();
  for (const std::string& reason : reasons) {
    v1::PushRefusal& refusal = *parts[1].mutable_plan()->add_refusals();
    refusal.set_path("odd.bin");
    refusal.set_reason(reason);
    refusal.set_text("why " + reason);
  }
  return parts;
}

std::vector<v1::PlanPushResponse> WithSecret() {
  std::vector<v1::PlanPushResponse> parts = Refused({"NOT_PUSHABLE", "SECRETS_FOUND"});
  v1::SecretFinding& finding = *parts[1].mutable_plan()->add_findings();
  finding.set_path("a b.py");
  finding.set_line(3);
  finding.set_kind("hf-token");
  finding.set_description("Hugging Face access token");
  finding.set_excerpt("hf_…9x (37 characters)");
  finding.set_fingerprint("a b.py:hf-token:3");
  return parts;
}

v1::WatchJobResponse Done() {
  v1::WatchJobResponse done = Update(v1::Job::STATE_DONE);
  v1::PushFile& file = *done.add_push_files();
  file = Changed("a.bin", 5, v1::PushFile::CHANGE_ADDED);
  file.set_status(v1::PushFile::STATUS_COMMITTED);
  done.mutable_job()->set_kind(v1::Job::KIND_PUSH);
  done.mutable_job()->set_commit("beef");
  done.mutable_job()->set_url("https://hub/acme/otter/commit/beef");
  done.mutable_job()->set_card("present");
  done.mutable_job()->set_uploaded_bytes(7);
  return done;
}

v1::WatchJobResponse Failed(const std::string& reason) {
  v1::WatchJobResponse failed = Update(v1::Job::STATE_FAILED);
  failed.mutable_job()->mutable_error()->set_code(9);
  failed.mutable_job()->mutable_error()->set_reason(reason);
  failed.mutable_job()->mutable_error()->set_message("somebody was faster");
  return failed;
}

class PushTest : public ClientTest {
 protected:
  PushTest() { std::filesystem::create_directory(work()); }

  std::string work() { return (folder_ / "work").native(); }

  void Set(std::vector<std::vector<v1::PlanPushResponse>> plans,
           std::vector<std::vector<v1::WatchJobResponse>> pushes = {}) {
    Answer([&](FakeDaemon::Answers& answers) {
      answers.push_plans = std::move(plans);
      answers.pushes = std::move(pushes);
    });
  }

  RunResult Push(const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {"hf", "push", "dataset", work(), "--repo", "acme/otter"};
    words.insert(words.end(), more.begin(), more.end());
    return Run(words);
  }
};

TEST_F(PushTest, ShowsThePlanAndPrintsWhereItCanBeLookedAt) {
  Set({Plan()}, {{Update(v1::Job::STATE_RUNNING), Done()}});

  const RunResult result = Push({"--yes"});

  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, "https://hub/acme/otter/commit/beef\n");
  EXPECT_THAT(result.err, AllOf(HasSubstr("dataset acme/otter@main: a public repo, at c0ffee\n"),
                                HasSubstr("added    5 B  a.bin\n"), HasSubstr("licence  mit\n"),
                                HasSubstr("to send  5 B at most, in 1 commit\n"),
                                HasSubstr("1 added (5 B), 1 unchanged; 7 B sent in")));
}

TEST_F(PushTest, TheJobIsThePlanThatWasShown) {
  Set({Plan("digest")}, {{Done()}});

  Push({"--yes",
        "--revision",
        "next",
        "--message",
        "M",
        "--description",
        "D",
        "--create-pr",
        "--private",
        "--delete",
        "old/*",
        "--delete",
        "*.tmp",
        "--allow-secret",
        "a.py:hf-token:1",
        "--no-card",
        "--no-wait",
        "--priority",
        "background",
        "--limit-rate",
        "5M"});

  ASSERT_EQ(daemon_.calls().pushes.size(), 1u);
  const v1::StartPushRequest request = daemon_.calls().pushes[0];
  EXPECT_EQ(request.plan_digest(), "digest");
  EXPECT_EQ(request.request_id().size(), 32u);
  const v1::PushSpec& spec = request.spec();
  EXPECT_EQ(spec.repo().type(), v1::REPO_TYPE_DATASET);
  EXPECT_EQ(spec.repo().id(), "acme/otter");
  EXPECT_EQ(spec.path(), std::filesystem::canonical(work()).native());
  EXPECT_EQ(spec.revision(), "next");
  EXPECT_EQ(spec.message(), "M");
  EXPECT_EQ(spec.description(), "D");
  EXPECT_TRUE(spec.create_pr() && spec.is_private() && spec.no_card() && spec.no_wait());
  EXPECT_THAT(spec.delete_globs(), ElementsAre("old/*", "*.tmp"));
  EXPECT_THAT(spec.allow_secrets(), ElementsAre("a.py:hf-token:1"));
  EXPECT_EQ(spec.priority(), v1::PRIORITY_BACKGROUND);
  EXPECT_EQ(spec.limit_bytes_per_second(), 5'000'000u);
}

TEST_F(PushTest, JsonIsOneDocument) {
  Set({Plan()}, {{Done()}});

  const RunResult result = Push({"--yes", "--format", "json"});
  const auto document = nlohmann::json::parse(result.out);

  EXPECT_EQ(result.err, "");
  EXPECT_EQ(document["repo"], "acme/otter");
  EXPECT_EQ(document["type"], "dataset");
  EXPECT_EQ(document["commit"], "beef");
  EXPECT_EQ(document["url"], "https://hub/acme/otter/commit/beef");
  EXPECT_EQ(document["changed"], nlohmann::json::parse(R"(["a.bin"])"));
  EXPECT_EQ(document["unchanged"], nlohmann::json::parse(R"(["b.json"])"));
  EXPECT_EQ(document["deleted"], nlohmann::json::array());
  EXPECT_EQ(document["card"], "present");
  EXPECT_EQ(document["bytes_uploaded"], 7);
  EXPECT_EQ(document["findings"], nlohmann::json::array());
  EXPECT_EQ(document["files"][0]["status"], "committed");
}

TEST_F(PushTest, QuietSaysTheCommitAndNothingElse) {
  Set({Plan()}, {{Done()}});

  const RunResult result = Push({"--yes", "--format", "quiet"});

  EXPECT_EQ(result.out, "beef\n");
  EXPECT_EQ(result.err, "");
}

TEST_F(PushTest, EventsBeginWithThePlanAndEndWithTheResult) {
  Set({Plan()}, {{Done()}});

  std::vector<std::string> kinds;
  std::istringstream lines(Push({"--yes", "--events"}).out);
  for (std::string line; std::getline(lines, line);) {
    kinds.push_back(nlohmann::json::parse(line)["event"]);
  }

  EXPECT_THAT(kinds, ElementsAre("plan", "file", "job", "result"));
}

TEST_F(PushTest, ADryRunStartsNothing) {
  Set({Plan()});

  const RunResult human = Push({"--dry-run"});
  const auto document = nlohmann::json::parse(Push({"--dry-run", "--format", "json"}).out);

  EXPECT_EQ(human.code, 0);
  EXPECT_THAT(human.out, AllOf(HasSubstr("added    5 B  a.bin\n"), HasSubstr("licence  mit\n")));
  EXPECT_TRUE(document["commit"].is_null());
  EXPECT_TRUE(document["url"].is_null());
  EXPECT_TRUE(document["files"][0]["status"].is_null());
  EXPECT_EQ(document["changed"][0], "a.bin");
  EXPECT_EQ(Push({"--dry-run", "--format", "quiet"}).out, "added a.bin\n");
  EXPECT_TRUE(daemon_.calls().pushes.empty());
}

TEST_F(PushTest, NothingToDoIsSaidAndNeedsNoConsent) {
  Set({NothingToDo()});

  const RunResult human = Push();
  const auto document = nlohmann::json::parse(Push({"--format", "json"}).out);

  EXPECT_EQ(human.code, 0);
  EXPECT_THAT(human.err, HasSubstr("nothing to do"));
  EXPECT_EQ(human.out, "https://huggingface.co/datasets/acme/otter/commit/c0ffee\n");
  EXPECT_EQ(document["commit"], "c0ffee");
  EXPECT_EQ(document["bytes_uploaded"], 0);
  EXPECT_TRUE(daemon_.calls().pushes.empty());
}

TEST_F(PushTest, WithoutATerminalConsentIsAFlag) {
  Set({Plan()});

  const RunResult result = Push({"--format", "json"});

  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(std::string(ErrorOf(result)["hint"]), AllOf(HasSubstr("--yes"), HasSubstr("--dry-run")));
  EXPECT_TRUE(daemon_.calls().pushes.empty());
}

TEST_F(PushTest, OnATerminalItIsAsked) {
  Set({Plan()}, {{Done()}});
  client_.console.is_terminal = true;

  client_.console.Type("n\n");
  const RunResult no = Push();
  EXPECT_EQ(no.code, 1);
  EXPECT_THAT(no.err, AllOf(HasSubstr("a.bin"), HasSubstr("Push it? [y/N]"), HasSubstr("nothing was sent")));
  EXPECT_TRUE(daemon_.calls().pushes.empty());

  client_.console.Type("y\n");
  EXPECT_EQ(Push().code, 0);
  EXPECT_EQ(daemon_.calls().pushes.size(), 1u);
}

TEST_F(PushTest, ASecretEndsItAndIsShownRedactedWithTheWayToAllowIt) {
  Set({WithSecret()});

  const RunResult human = Push({"--yes"});
  const RunResult json = Push({"--yes", "--format", "json"});
  const auto document = nlohmann::json::parse(json.out);

  EXPECT_EQ(human.code, 8);
  EXPECT_THAT(human.err,
              AllOf(HasSubstr("a b.py:3:0  hf-token: Hugging Face access token, hf_…9x (37 characters)"),
                    HasSubstr("--allow-secret 'a b.py:hf-token:3'"), HasSubstr("odd.bin: why NOT_PUSHABLE")));
  EXPECT_EQ(json.code, 8);
  EXPECT_TRUE(document["commit"].is_null());
  EXPECT_EQ(document["findings"][0]["path"], "a b.py");
  EXPECT_EQ(document["findings"][0]["line"], 3);
  EXPECT_EQ(document["findings"][0]["kind"], "hf-token");
  EXPECT_EQ(document["findings"][0]["fingerprint"], "a b.py:hf-token:3");
  EXPECT_EQ(ErrorOf(json)["reason"], "SECRETS_FOUND");
  EXPECT_TRUE(daemon_.calls().pushes.empty());
}

TEST_F(PushTest, TheGravestRefusalDecidesTheExitCode) {
  const struct {
    std::vector<std::string> reasons;
    int code;
  } rows[] = {{{"NOT_PUSHABLE"}, 1},
              {{"NOT_PUSHABLE", "INVALID_CONTENT"}, 9},
              {{"INVALID_CONTENT", "UNSAFE_CONTENT", "NOT_PUSHABLE"}, 8},
              {{"INVALID_CONTENT", "SECRETS_FOUND"}, 8}};

  for (const auto& row : rows) {
    Set({Refused(row.reasons)});
    const RunResult result = Push({"--yes", "--format", "json"});
    EXPECT_EQ(result.code, row.code) << row.reasons[0];
    EXPECT_EQ(nlohmann::json::parse(result.out)["refusals"].size(), row.reasons.size());
    EXPECT_EQ(Push({"--dry-run"}).code, row.code);
  }
}

TEST_F(PushTest, WhatChangedMeanwhileIsPlannedAnewAndAskedAgain) {
  std::vector<v1::PlanPushResponse> later = Plan("d2");
  later[1].mutable_plan()->set_head("facade");
  *later[2].add_files() = Changed("new.bin", 9, v1::PushFile::CHANGE_ADDED);
  Set({Plan("d1"), later}, {{Failed("REVISION_MOVED")}, {Done()}});
  client_.console.is_terminal = true;
  client_.console.Type("y\ny\n");

  const RunResult result = Push();

  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("somebody was faster; planning anew"),
                                HasSubstr("the repo is at facade now"), HasSubstr("also added: new.bin")));
  ASSERT_EQ(daemon_.calls().pushes.size(), 2u);
  EXPECT_EQ(daemon_.calls().pushes[1].plan_digest(), "d2");
}

TEST_F(PushTest, YesAgreesToAFewPlansAndNoMore) {
  Set({Plan()}, {{Failed("PLAN_CHANGED")}, {Failed("REVISION_MOVED")}, {Failed("PLAN_CHANGED")}, {Done()}});

  const RunResult result = Push({"--yes", "--format", "json"});

  EXPECT_EQ(result.code, 1);
  EXPECT_EQ(ErrorOf(result)["reason"], "PLAN_CHANGED");
  EXPECT_EQ(daemon_.calls().pushes.size(), 3u);
}

TEST_F(PushTest, DetachPrintsTheJobAndDoesNotWait) {
  Set({Plan()}, {{Update(v1::Job::STATE_RUNNING)}});

  EXPECT_EQ(nlohmann::json::parse(Push({"--yes", "--detach", "--format", "json"}).out),
            nlohmann::json::parse(R"({"job_id":"job0"})"));
  EXPECT_TRUE(daemon_.calls().watches.empty());
}

TEST_F(PushTest, AWatchedPushIsToldAsOne) {
  Set({Plan()}, {{Done()}});
  Push({"--yes", "--detach"});

  const RunResult watched = Run({"hf", "jobs", "watch", "job0"});
  const auto document = nlohmann::json::parse(Run({"hf", "jobs", "watch", "job0", "--format", "json"}).out);
  const auto listed = nlohmann::json::parse(Run({"hf", "jobs", "ls", "--format", "json"}).out)["jobs"][0];

  EXPECT_EQ(watched.out, "https://hub/acme/otter/commit/beef\n");
  EXPECT_EQ(document["changed"][0], "a.bin");
  EXPECT_EQ(document["commit"], "beef");
  EXPECT_EQ(listed["kind"], "push");
  EXPECT_EQ(listed["uploaded_bytes"], 7);
  EXPECT_THAT(Run({"hf", "jobs", "ls"}).out, AllOf(HasSubstr("push"), HasSubstr("7 B")));
}

TEST_F(PushTest, APathIsMadeAbsoluteAndMustExist) {
  Set({NothingToDo()});
  std::ofstream(folder_ / "blob") << "x";
  std::filesystem::create_symlink(folder_ / "blob", folder_ / "work/model.bin");
  std::filesystem::create_symlink(work(), folder_ / "link");
  const std::string real = std::filesystem::canonical(work()).native();

  Run({"hf", "push", "model", (folder_ / "link").native() + "/", "--repo", "a/b"});
  EXPECT_EQ(daemon_.calls().push_plans.back().spec().path(), real);
  Run({"hf", "push", "model", (folder_ / "link/model.bin").native(), "--repo", "a/b"});
  EXPECT_EQ(daemon_.calls().push_plans.back().spec().path(), real + "/model.bin");

  const RunResult missing =
      Run({"hf", "push", "model", (folder_ / "gone").native(), "--repo", "a/b", "--format", "json"});
  EXPECT_EQ(missing.code, 4);
  EXPECT_EQ(ErrorOf(missing)["reason"], "ENTRY_NOT_FOUND");
}

TEST_F(PushTest, SlipsAreNamedBeforeAnythingIsAsked) {
  const struct {
    std::vector<std::string> words;
    std::string text;
  } rows[] = {
      {{"hf", "push", "model", "acme/otter"}, "did you mean `batuta hf push model . --repo acme/otter`?"},
      {{"hf", "push", "model", work()}, "--repo [NAMESPACE/]NAME"},
      {{"hf", "push", "model", work(), "--repo", "../../etc"}, "etc"},
      {{"hf", "push", "model", work(), "--repo", "a/b", "--dry-run", "--detach"}, "exclude each other"},
      {{"hf", "push", "model", work(), "--repo", "a/b", "--space-sdk", "gradio"}, "goes with spaces"},
      {{"hf", "push", "model", work(), "--repo", "a/b", "--allow-secret", "*"}, "no fingerprint"},
      {{"hf", "push", "model", work(), "--repo", "a/b", "--allow-secrets"}, "--allow-secret"},
  };

  for (const auto& row : rows) {
    const RunResult result = Run(row.words);
    EXPECT_EQ(result.code, 2) << result.err;
    EXPECT_THAT(result.err, HasSubstr(row.text));
  }
  EXPECT_TRUE(daemon_.calls().methods.empty());
}

TEST_F(PushTest, AnErrorOfThePlanIsTheError) {
  Answer([](FakeDaemon::Answers& answers) {
    answers.errors["PlanPush"] =
        MakeError(absl::StatusCode::kPermissionDenied, reason::kNotPermitted, "not yours");
  });

  EXPECT_EQ(Push({"--yes"}).code, 5);
}

TEST_F(PushTest, NothingThatComesFromTheHubReachesTheTerminalRaw) {
  std::vector<v1::PlanPushResponse> plan = Plan();
  plan[1].mutable_plan()->set_license("mit\x1b[2J");
  plan[1].mutable_plan()->add_warnings("odd \x1b[2J");
  plan[1].mutable_plan()->set_card_diff("+a\x1b[2J\n");
  *plan[2].add_files() = Changed("c\x1b[2J", 1, v1::PushFile::CHANGE_DELETED);
  Set({plan}, {{Done()}});

  EXPECT_THAT(Push({"--yes"}).err, Not(HasSubstr("\x1b")));
  EXPECT_THAT(Push({"--dry-run"}).out, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace batuta::client
