#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "common/status/status.h"
#include "tests/unit/client/commands/client_test.h"

namespace batuta::client {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class PullTest : public ClientTest {
 protected:
  // A pull that downloads one file and finds another.
  v1::WatchJobResponse Done() {
    v1::WatchJobResponse done =
        Update(v1::Job::STATE_DONE, {File("a.bin", 5, v1::PullFile::STATUS_DOWNLOADED),
                                     File("b.json", 2, v1::PullFile::STATUS_CACHED),
                                     File("c.h5", 9, v1::PullFile::STATUS_SKIPPED, "other weights")});
    done.mutable_job()->set_commit("c0ffee");
    done.mutable_job()->set_snapshot_path((folder_ / "snapshot").native());
    done.mutable_job()->set_downloaded_bytes(5);
    return done;
  }

  v1::WatchJobResponse Failed(int code, const std::string& reason, const std::string& message = "why") {
    v1::WatchJobResponse failed = Update(v1::Job::STATE_FAILED);
    failed.mutable_job()->mutable_error()->set_code(code);
    failed.mutable_job()->mutable_error()->set_reason(reason);
    failed.mutable_job()->mutable_error()->set_message(message);
    failed.mutable_job()->mutable_error()->set_hint("try this");
    return failed;
  }

  // A refusal of a name, and what there is to say of the repo.
  v1::WatchJobResponse New(const std::string& reason) {
    v1::WatchJobResponse refused = Failed(3, reason, "nobody has agreed");
    refused.mutable_job()->mutable_repo()->set_id("a/b");
    refused.mutable_job()->set_files_total(2);
    refused.mutable_job()->set_total_bytes(4'900);
    v1::RepoReview& review = *refused.mutable_job()->mutable_review();
    review.set_is_new(true);
    review.set_author("Anna \x1b[2J");
    review.set_downloads(1);
    review.set_confusable_with("aa");
    review.set_why("it is one slip away");
    return refused;
  }

  void SetPulls(std::vector<std::vector<v1::WatchJobResponse>> pulls) {
    Answer([&](FakeDaemon::Answers& answers) { answers.pulls = std::move(pulls); });
  }
};

TEST_F(PullTest, PrintsThePathAndTellsTheRest) {
  SetPulls({{Update(v1::Job::STATE_RUNNING), Done()}});

  const RunResult result = Run({"hf", "pull", "model", "acme/otter"});

  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out, (folder_ / "snapshot").native() + "\n");
  EXPECT_THAT(result.err, HasSubstr("model acme/otter@main: 2 files, 7 B; 1 downloaded"));
  EXPECT_THAT(result.err, Not(HasSubstr("\x1b")));
}

TEST_F(PullTest, QuietSaysThePathAndNothingElse) {
  SetPulls({{Done()}});

  const RunResult result = Run({"hf", "pull", "model", "acme/otter", "--format", "quiet"});

  EXPECT_EQ(result.out, (folder_ / "snapshot").native() + "\n");
  EXPECT_EQ(result.err, "");
}

TEST_F(PullTest, JsonIsOneDocument) {
  SetPulls({{Update(v1::Job::STATE_RUNNING, {File("a.bin", 5, v1::PullFile::STATUS_RUNNING)}), Done()}});

  const RunResult result = Run({"hf", "pull", "model", "acme/otter", "--revision", "v1", "--format", "json"});
  const auto document = nlohmann::json::parse(result.out);

  EXPECT_EQ(document["repo"], "acme/otter");
  EXPECT_EQ(document["type"], "model");
  EXPECT_EQ(document["revision"], "v1");
  EXPECT_EQ(document["commit"], "c0ffee");
  EXPECT_EQ(document["files"].size(), 3u);
  EXPECT_EQ(document["files"][0]["status"], "downloaded");
  EXPECT_EQ(document["files"][2]["reason"], "other weights");
  EXPECT_EQ(document["bytes_downloaded"], 5);
  EXPECT_TRUE(document["elapsed_ms"].is_number());
  EXPECT_EQ(result.err, "");
}

TEST_F(PullTest, EventsAreJsonLinesThatEndWithTheResult) {
  SetPulls({{Update(v1::Job::STATE_RUNNING, {File("a.bin", 5, v1::PullFile::STATUS_RUNNING)}), Done()}});

  const RunResult result = Run({"hf", "pull", "model", "acme/otter", "--events"});

  std::vector<nlohmann::json> events;
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);) events.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(events.size(), 7u) << result.out;
  EXPECT_EQ(events[0]["event"], "file");
  EXPECT_EQ(events[1]["event"], "job");
  EXPECT_EQ(events[1]["state"], "running");
  EXPECT_EQ(events.back()["event"], "result");
  EXPECT_EQ(events.back()["commit"], "c0ffee");
}

TEST_F(PullTest, ErrorOfTheJobIsTheErrorOfThePull) {
  const struct {
    int code;
    std::string reason;
    int exit_code;
  } rows[] = {{5, "REPO_NOT_FOUND", 4}, {7, "REPO_GATED", 5},     {8, "HUB_RATE_LIMITED", 6},
              {8, "DISK_FULL", 7},      {9, "UNSAFE_CONTENT", 8}, {15, "DIGEST_MISMATCH", 9},
              {5, "OFFLINE_MISS", 10},  {13, "INTERNAL", 1}};

  std::vector<std::vector<v1::WatchJobResponse>> pulls;
  for (const auto& row : rows) pulls.push_back({Failed(row.code, row.reason)});
  SetPulls(pulls);
  for (const auto& row : rows) {
    const RunResult result = Run({"hf", "pull", "model", "a/b", "--format", "json"});
    EXPECT_EQ(result.code, row.exit_code) << row.reason;
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(ErrorOf(result)["reason"], row.reason);
    EXPECT_EQ(ErrorOf(result)["hint"], "try this");
  }
}

TEST_F(PullTest, AJobThatSomebodyElseCancelledFails) {
  SetPulls({{Update(v1::Job::STATE_RUNNING), Update(v1::Job::STATE_CANCELLED)}});

  EXPECT_EQ(Run({"hf", "pull", "model", "a/b"}).code, 1);
}

TEST_F(PullTest, DryRunPrintsThePlan) {
  Answer([](FakeDaemon::Answers& answers) {
    v1::PlanPullResponse& first = answers.plan.emplace_back();
    first.set_commit("c0ffee");
    first.set_snapshot_path("/cache/s");
    *first.add_files() = File("a.bin", 5, v1::PullFile::STATUS_PENDING);
    *answers.plan.emplace_back().add_files() = File("b.json", 2, v1::PullFile::STATUS_CACHED);
  });

  const auto document =
      nlohmann::json::parse(Run({"hf", "pull", "model", "a/b", "--dry-run", "--format", "json"}).out);

  EXPECT_EQ(document["commit"], "c0ffee");
  EXPECT_EQ(document["path"], "/cache/s");
  EXPECT_EQ(document["files"][0]["status"], "would_download");
  EXPECT_EQ(document["files"][1]["status"], "cached");
  EXPECT_EQ(document["bytes_downloaded"], 0);
  EXPECT_TRUE(daemon_.calls().pulls.empty());
  EXPECT_EQ(Run({"hf", "pull", "model", "a/b", "--dry-run", "--format", "quiet"}).out, "/cache/s\n");
}

TEST_F(PullTest, DetachPrintsTheJobAndDoesNotWait) {
  SetPulls({{Update(v1::Job::STATE_RUNNING)}, {Update(v1::Job::STATE_RUNNING)}});

  EXPECT_EQ(nlohmann::json::parse(Run({"hf", "pull", "model", "a/b", "--detach", "--format", "json"}).out),
            nlohmann::json::parse(R"({"job_id":"job0"})"));
  EXPECT_EQ(Run({"hf", "pull", "model", "a/b", "--detach"}).out, "job1\n");
  EXPECT_TRUE(daemon_.calls().watches.empty());
}

TEST_F(PullTest, SurvivesABrokenStream) {
  Answer([&](FakeDaemon::Answers& answers) {
    answers.pulls = {
        {Update(v1::Job::STATE_RUNNING, {File("a.bin", 5, v1::PullFile::STATUS_RUNNING)}), Done()}};
    answers.break_first_watch_after = 1;
  });

  const RunResult result = Run({"hf", "pull", "model", "a/b", "--format", "json"});

  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(nlohmann::json::parse(result.out)["files"].size(), 3u);
}

TEST_F(PullTest, OutputFolderGetsTheFilesThatWerePulled) {
  std::filesystem::create_directories(folder_ / "snapshot");
  std::ofstream(folder_ / "snapshot/a.bin") << "aaaaa";
  std::ofstream(folder_ / "snapshot/b.json") << "{}";
  SetPulls({{Done()}, {Done()}});

  const RunResult result = Run({"hf", "pull", "model", "a/b", "-o", (folder_ / "out").native()});
  const RunResult again = Run({"hf", "pull", "model", "a/b", "-o", (folder_ / "out").native()});

  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, (folder_ / "snapshot").native() + "\n");
  EXPECT_THAT(result.err, HasSubstr("2 written, 0 were there already"));
  EXPECT_THAT(again.err, HasSubstr("0 written, 2 were there already"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out/c.h5"));
}

TEST_F(PullTest, AChoiceIsAnErrorWithoutATerminalAndAMenuOnOne) {
  v1::WatchJobResponse choice = Failed(3, "CHOICE_NEEDED", "several variants");
  (*choice.mutable_job()->mutable_error()->mutable_facts())["quantization.Q4_K_M"] = "4900000000";
  (*choice.mutable_job()->mutable_error()->mutable_facts())["quantization.Q8_0"] = "8500000000";
  SetPulls({{choice}, {choice}, {Done()}});

  EXPECT_EQ(Run({"hf", "pull", "model", "a/b"}).code, 2);
  client_.console.is_terminal = true;
  client_.console.Type("7\nabc\n2\n");
  const RunResult asked = Run({"hf", "pull", "model", "a/b"});

  EXPECT_EQ(asked.code, 0) << asked.err;
  EXPECT_THAT(asked.err, HasSubstr(" 1) Q4_K_M     4.9 GB"));
  EXPECT_EQ(daemon_.calls().pulls.back().spec().quantization(), "Q8_0");
}

TEST_F(PullTest, TheMenuOffersTheBestThatFits) {
  v1::WatchJobResponse choice = Failed(3, "CHOICE_NEEDED", "several variants");
  (*choice.mutable_job()->mutable_error()->mutable_facts())["quantization.Q4_K_M"] = "4900000000";
  SetPulls({{choice}, {Done()}});
  client_.variables["BATUTA_FIT_MEMORY"] = "16GiB";
  client_.variables["BATUTA_FIT_VRAM"] = "0";
  client_.console.is_terminal = true;
  client_.console.Type("2\n");

  const RunResult asked = Run({"hf", "pull", "model", "a/b"});

  EXPECT_EQ(asked.code, 0) << asked.err;
  EXPECT_THAT(asked.err, HasSubstr(" 2) the best one that fits this machine (--auto-quantize)"));
  const v1::PullSpec spec = daemon_.calls().pulls.back().spec();
  EXPECT_EQ(spec.quantization(), "");
  EXPECT_EQ(spec.auto_quantize().machine().memory().available_bytes(), uint64_t{16} << 30);
  EXPECT_EQ(spec.auto_quantize().machine().devices_size(), 0);
}

TEST_F(PullTest, TellsWhatWasChosenAndWhy) {
  v1::WatchJobResponse done = Done();
  done.mutable_job()->set_chosen("Q8_0");
  done.mutable_job()->set_choice("it fits the GPU with 1.9 GB to spare \x1b[2J");
  SetPulls({{done}, {done}, {Done()}});
  const std::vector<std::string> words = {"hf",       "pull", "model",  "a/b", "--auto-quantize",
                                          "--memory", "1GiB", "--vram", "0"};

  const RunResult result = Run(words);
  EXPECT_EQ(result.out, (folder_ / "snapshot").native() + "\n");
  EXPECT_THAT(result.err, HasSubstr("chosen: it fits the GPU with 1.9 GB to spare \\x1b[2J\n"));

  std::vector<std::string> json = words;
  json.insert(json.end(), {"--format", "json"});
  const auto document = nlohmann::json::parse(Run(json).out);
  EXPECT_EQ(document["chosen"], "Q8_0");
  EXPECT_EQ(document["choice"], "it fits the GPU with 1.9 GB to spare \x1b[2J");
  EXPECT_FALSE(
      nlohmann::json::parse(Run({"hf", "pull", "model", "a/b", "--format", "json"}).out).contains("chosen"));
}

TEST_F(PullTest, APlanShowsWhatItChoseBy) {
  Answer([](FakeDaemon::Answers& answers) {
    v1::PlanPullResponse& first = answers.plan.emplace_back();
    first.set_commit("c0ffee");
    *first.add_files() = File("a-Q8_0.gguf", 5, v1::PullFile::STATUS_PENDING);
    first.mutable_fit()->set_commit("c0ffee");
    first.mutable_fit()->set_chosen("Q8_0");
    first.mutable_fit()->set_explanation("the best that fits");
    first.mutable_fit()->add_candidates()->set_label("Q8_0");
  });
  const std::vector<std::string> words = {"hf",        "pull",     "model", "a/b",    "--auto-quantize",
                                          "--dry-run", "--memory", "1GiB",  "--vram", "0"};

  EXPECT_THAT(Run(words).out,
              AllOf(HasSubstr("machine   memory"), HasSubstr("chosen    the best that fits\n"),
                    HasSubstr("would download")));
  std::vector<std::string> json = words;
  json.insert(json.end(), {"--format", "json"});
  const auto document = nlohmann::json::parse(Run(json).out);
  EXPECT_EQ(document["chosen"], "Q8_0");
  EXPECT_EQ(document["choice"], "the best that fits");
  EXPECT_EQ(document["fit"]["chosen"], "Q8_0");
  EXPECT_EQ(document["fit"]["candidates"][0]["label"], "Q8_0");
}

TEST_F(PullTest, WhoeverAgreesOnATerminalPullsFromANewNamespace) {
  SetPulls({{New("NAMESPACE_NEW")}, {Done()}, {New("NAME_CONFUSABLE")}, {Done()}});
  client_.console.is_terminal = true;
  for (const size_t pulls : {size_t{2}, size_t{4}}) {
    client_.console.Type("y\n");

    const RunResult asked = Run({"hf", "pull", "model", "a/b"});

    EXPECT_EQ(asked.code, 0) << asked.err;
    EXPECT_THAT(asked.err, HasSubstr("a/b: nothing was pulled from a before\n"));
    EXPECT_THAT(asked.err,
                HasSubstr("  by Anna \\x1b[2J, 1 download in 30 days, 0 likes, no licence stated\n"));
    EXPECT_THAT(asked.err, HasSubstr("  to fetch: 2 files, 4.9 kB\n"));
    EXPECT_THAT(asked.err,
                HasSubstr("WARNING: may be mistaken for aa, which is well known: it is one slip away"));
    ASSERT_EQ(daemon_.calls().pulls.size(), pulls);
    EXPECT_EQ(daemon_.calls().pulls[pulls - 2].spec().name_review(), v1::NAME_REVIEW_ASK);
    EXPECT_EQ(daemon_.calls().pulls[pulls - 1].spec().name_review(), v1::NAME_REVIEW_ACCEPTED);
  }
}

TEST_F(PullTest, AnythingButAYesIsANo) {
  SetPulls({{New("NAMESPACE_NEW")}, {New("NAMESPACE_NEW")}, {New("NAMESPACE_NEW")}});
  client_.console.is_terminal = true;
  for (const char* const answer : {"n\n", "\n", "yup\n"}) {
    client_.console.Type(answer);

    EXPECT_EQ(Run({"hf", "pull", "model", "a/b"}).code, 8) << answer;
  }
  EXPECT_EQ(daemon_.calls().pulls.size(), 3u);
}

TEST_F(PullTest, WithoutATerminalNobodyIsAskedAndTheFactsAreTold) {
  v1::WatchJobResponse done = Done();
  *done.mutable_job()->mutable_review() = New("").job().review();
  SetPulls({{done}, {done}});

  const RunResult human = Run({"hf", "pull", "model", "a/b"});
  const RunResult json = Run({"hf", "pull", "model", "a/b", "--format", "json"});

  EXPECT_EQ(human.code, 0);
  EXPECT_THAT(human.err, HasSubstr("nothing was pulled from"));
  EXPECT_THAT(json.out, HasSubstr("\"review\": {"));
  EXPECT_EQ(daemon_.calls().pulls.back().spec().name_review(), v1::NAME_REVIEW_UNSPECIFIED);
}

TEST_F(PullTest, YesAgreesBeforehandAndAnotherRepoNeedsItsOwnFlag) {
  SetPulls({{Done()}, {Done()}});

  Run({"hf", "pull", "model", "a/b", "--yes"});
  EXPECT_EQ(daemon_.calls().pulls.back().spec().name_review(), v1::NAME_REVIEW_ACCEPTED);
  EXPECT_FALSE(daemon_.calls().pulls.back().spec().accept_replaced());

  Run({"hf", "pull", "model", "a/b", "--accept-replaced"});
  EXPECT_TRUE(daemon_.calls().pulls.back().spec().accept_replaced());
}

}  // namespace
}  // namespace batuta::client
