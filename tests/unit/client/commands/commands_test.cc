#include <string>

#include "common/status/status.h"
#include "tests/unit/client/commands/client_test.h"

namespace batuta::client {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

using CommandsTest = ClientTest;

TEST_F(CommandsTest, SearchSendsWhatWasAsked) {
  EXPECT_EQ(Run({"hf", "search", "datasets", "notes", "--author", "acme", "--tag", "a", "--tag", "b",
                 "--task", "t", "--library", "l", "--sort", "likes", "--limit", "5"})
                .code,
            0);

  ASSERT_EQ(daemon_.calls().searches.size(), 1u);
  const v1::SearchRequest request = daemon_.calls().searches[0];
  EXPECT_EQ(request.type(), v1::REPO_TYPE_DATASET);
  EXPECT_EQ(request.query(), "notes");
  EXPECT_EQ(request.author(), "acme");
  EXPECT_THAT(request.tags(), ::testing::ElementsAre("a", "b"));
  EXPECT_EQ(request.task(), "t");
  EXPECT_EQ(request.library(), "l");
  EXPECT_EQ(request.sort(), "likes");
  EXPECT_EQ(request.limit(), 5u);
}

TEST_F(CommandsTest, SearchSaysWhetherWhatIsRememberedWillDo) {
  const auto last = [this] { return daemon_.calls().searches.back(); };
  Run({"hf", "search", "models", "x"});
  EXPECT_FALSE(last().refresh());
  EXPECT_FALSE(last().offline());
  Run({"hf", "search", "models", "x", "--refresh"});
  EXPECT_TRUE(last().refresh());
  Run({"hf", "search", "models", "x", "--offline"});
  EXPECT_TRUE(last().offline());
  client_.variables["HF_HUB_OFFLINE"] = "1";
  Run({"hf", "search", "models", "x"});
  EXPECT_TRUE(last().offline());
}

TEST_F(CommandsTest, RefreshAndOfflineExcludeEachOther) {
  const std::vector<std::vector<std::string>> commands = {{"hf", "search", "models", "x", "--refresh"},
                                                          {"hf", "info", "model", "a/b", "--refresh"},
                                                          {"hf", "files", "model", "a/b", "--refresh"},
                                                          {"hf", "pull", "model", "a/b", "--refresh"}};
  for (std::vector<std::string> words : commands) {
    words.emplace_back("--offline");
    EXPECT_EQ(Run(words).code, 2) << words[1];
  }
  client_.variables["HF_HUB_OFFLINE"] = "1";
  for (const std::vector<std::string>& words : commands) {
    const RunResult result = Run(words);
    EXPECT_EQ(result.code, 2) << words[1];
    EXPECT_THAT(result.err, HasSubstr("HF_HUB_OFFLINE"));
  }
  EXPECT_THAT(daemon_.calls().methods, IsEmpty());
}

TEST_F(CommandsTest, AnAnswerThatIsRememberedSaysHowOldItIs) {
  Answer([](FakeDaemon::Answers& answers) {
    constexpr int64_t as_of = 1'700'000'000;
    answers.repo.mutable_as_of()->set_seconds(as_of);
    answers.search.mutable_as_of()->set_seconds(as_of);
    answers.files.emplace_back().mutable_as_of()->set_seconds(as_of);
    answers.plan.emplace_back().mutable_as_of()->set_seconds(as_of);
  });
  const std::vector<std::vector<std::string>> commands = {{"hf", "search", "models", "x"},
                                                          {"hf", "info", "model", "a/b"},
                                                          {"hf", "files", "model", "a/b"},
                                                          {"hf", "pull", "model", "a/b", "--dry-run"}};
  for (std::vector<std::string> words : commands) {
    const RunResult human = Run(words);
    EXPECT_THAT(human.err, HasSubstr(" ago; --refresh asks again")) << words[1];
    EXPECT_THAT(human.out, ::testing::Not(HasSubstr("ago; "))) << words[1];
    words.insert(words.end(), {"--format", "json"});
    EXPECT_THAT(Run(words).out, HasSubstr("\"as_of\": \"2023-11-14T22:13:20")) << words[1];
  }
}

TEST_F(CommandsTest, AnAnswerJustGivenHasNoAge) {
  EXPECT_THAT(Run({"hf", "info", "model", "a/b"}).err, ::testing::Not(HasSubstr("as of")));
  EXPECT_THAT(Run({"hf", "info", "model", "a/b", "--format", "json"}).out, HasSubstr("\"as_of\": null"));
}

TEST_F(CommandsTest, SearchTakesTypesInBothNumbersAndRefusesOthers) {
  EXPECT_EQ(Run({"hf", "search", "models"}).code, 0);
  EXPECT_EQ(Run({"hf", "search", "model", "x"}).code, 0);
  EXPECT_EQ(Run({"hf", "search", "gadgets", "x"}).code, 2);
  EXPECT_EQ(Run({"hf", "search", "models", "x", "--sort", "size"}).code, 2);
}

TEST_F(CommandsTest, InfoPrintsTheCommitWhenQuiet) {
  Answer([](FakeDaemon::Answers& answers) { answers.repo.set_commit("c0ffee"); });

  EXPECT_EQ(Run({"hf", "info", "model", "a/b", "--format", "quiet"}).out, "c0ffee\n");
}

TEST_F(CommandsTest, FilesListsThemAll) {
  Answer([](FakeDaemon::Answers& answers) {
    for (int i = 0; i < 3; ++i) answers.files.emplace_back().add_entries()->set_path("f" + std::to_string(i));
  });

  EXPECT_EQ(Run({"hf", "files", "model", "a/b", "--format", "quiet"}).out, "f0\nf1\nf2\n");
}

TEST_F(CommandsTest, FilesOfAListingThatBreaksOffIsAnError) {
  Answer([](FakeDaemon::Answers& answers) {
    answers.files.emplace_back().add_entries()->set_path("f0");
    answers.errors["ListFiles"] = MakeError(absl::StatusCode::kUnavailable, reason::kHubUnreachable, "cut");
  });

  EXPECT_EQ(Run({"hf", "files", "model", "a/b", "--format", "json"}).code, 6);
}

TEST_F(CommandsTest, MalformedIdsAreRefusedBeforeTheDaemonIsAsked) {
  for (const char* command : {"info", "files", "pull"}) {
    EXPECT_EQ(Run({"hf", command, "model", "a//b"}).code, 2);
    EXPECT_EQ(Run({"hf", command, "model", "a/b", "--revision", "../x"}).code, 2);
  }
  EXPECT_TRUE(daemon_.calls().methods.empty());
}

TEST_F(CommandsTest, ErrorsOfTheHubBecomeExitCodes) {
  const struct {
    absl::StatusCode code;
    std::string_view reason;
    int exit_code;
  } rows[] = {{absl::StatusCode::kNotFound, reason::kRepoNotFound, 4},
              {absl::StatusCode::kPermissionDenied, reason::kRepoGated, 5},
              {absl::StatusCode::kResourceExhausted, reason::kHubRateLimited, 6}};

  for (const auto& row : rows) {
    Answer([&](FakeDaemon::Answers& answers) {
      answers.errors["GetRepo"] = MakeError(row.code, row.reason, "why", "hint");
    });
    const RunResult result = Run({"hf", "info", "model", "a/b"});
    EXPECT_EQ(result.code, row.exit_code);
    EXPECT_EQ(result.err, "batuta: why\n  hint\n");
    EXPECT_EQ(result.out, "");
  }
}

TEST_F(CommandsTest, CacheLsAndPath) {
  Answer([](FakeDaemon::Answers& answers) {
    answers.cache.set_total_bytes(7);
    answers.resolve.set_path("/cache/hub/models--a--b/snapshots/c");
    answers.resolve.set_commit("c");
  });

  EXPECT_EQ(nlohmann::json::parse(Run({"hf", "cache", "ls", "--format", "json"}).out)["total_bytes"], 7);
  EXPECT_EQ(Run({"hf", "cache", "path"}).out, "/cache/hub\n");
  EXPECT_EQ(Run({"hf", "cache", "path", "model", "a/b"}).out, "/cache/hub/models--a--b/snapshots/c\n");
  EXPECT_EQ(
      nlohmann::json::parse(Run({"hf", "cache", "path", "model", "a/b", "--format", "json"}).out)["commit"],
      "c");
  EXPECT_EQ(Run({"hf", "cache", "path", "model"}).code, 2);
}

TEST_F(CommandsTest, LimitsOnceAndWatched) {
  Answer([](FakeDaemon::Answers& answers) {
    v1::Window& window = *answers.limits.add_windows();
    window.set_kind("api");
    window.set_remaining(480);
  });

  EXPECT_EQ(Run({"hf", "limits", "--format", "quiet"}).out, "api 480\n");
  const std::string watched = Run({"hf", "limits", "--watch", "--format", "json"}).out;
  EXPECT_EQ(std::count(watched.begin(), watched.end(), '\n'), 2) << "a document a line: " << watched;
}

TEST_F(CommandsTest, JobsAreListedChangedAndMissed) {
  Answer([](FakeDaemon::Answers& answers) { answers.pulls = {{Update(v1::Job::STATE_RUNNING)}}; });
  EXPECT_EQ(Run({"hf", "pull", "model", "a/b", "--detach", "--format", "quiet"}).out, "job0\n");

  EXPECT_EQ(Run({"hf", "jobs", "ls", "--format", "quiet"}).out, "job0\n");
  EXPECT_EQ(Run({"hf", "jobs", "pause", "job0"}).code, 0);
  EXPECT_EQ(Run({"hf", "jobs", "resume", "job0"}).code, 0);
  const RunResult cancel = Run({"hf", "jobs", "cancel", "nope", "job0", "--format", "json"});
  EXPECT_EQ(cancel.code, 4) << "one of them was not there";
  EXPECT_EQ(nlohmann::json::parse(cancel.out)["jobs"][0]["state"], "cancelled");
  EXPECT_EQ(Run({"hf", "jobs", "ls", "--active", "--format", "quiet"}).out, "");
  EXPECT_EQ(Run({"hf", "jobs", "watch", "nope"}).code, 4);
  EXPECT_EQ(Run({"hf", "jobs", "watch"}).code, 4) << "none is active";
  EXPECT_EQ(Run({"hf", "jobs", "cancel"}).code, 2);
}

TEST_F(CommandsTest, PriorityAndLimitOfJobsReachTheDaemon) {
  Answer([](FakeDaemon::Answers& answers) {
    answers.pulls = {{Update(v1::Job::STATE_RUNNING)}, {Update(v1::Job::STATE_RUNNING)}};
  });
  Run({"hf", "pull", "model", "a/b", "--detach"});
  Run({"hf", "pull", "model", "a/c", "--detach"});

  const RunResult calmed = Run({"hf", "jobs", "priority", "background", "job0", "job1", "--format", "json"});
  EXPECT_EQ(calmed.code, 0);
  EXPECT_EQ(nlohmann::json::parse(calmed.out)["jobs"][1]["priority"], "background");
  EXPECT_EQ(daemon_.calls().priorities.at(1).priority(), v1::PRIORITY_BACKGROUND);
  EXPECT_THAT(Run({"hf", "jobs", "limit-rate", "1.5MB/s", "job0"}).err, HasSubstr("1.5 MB/s"));
  EXPECT_EQ(daemon_.calls().limits.at(0).limit_bytes_per_second(), 1'500'000u);
  EXPECT_THAT(Run({"hf", "jobs", "limit-rate", "0", "job0"}).err, HasSubstr("no limit"));

  EXPECT_EQ(Run({"hf", "jobs", "priority", "urgent", "job0"}).code, 2);
  const RunResult nonsense = Run({"hf", "jobs", "limit-rate", "fast", "job0"});
  EXPECT_EQ(nonsense.code, 2);
  EXPECT_THAT(nonsense.err, HasSubstr("\"fast\" is not a rate"));
  EXPECT_EQ(Run({"hf", "jobs", "priority", "background"}).code, 2);
}

TEST_F(CommandsTest, AllMeansThoseForWhichItMakesSense) {
  Answer([](FakeDaemon::Answers& answers) {
    answers.pulls = {{Update(v1::Job::STATE_RUNNING)},
                     {Update(v1::Job::STATE_PAUSED)},
                     {Update(v1::Job::STATE_WAITING)},
                     {Update(v1::Job::STATE_DONE)}};
  });
  for (const char* repo : {"a/b", "a/c", "a/d", "a/e"}) Run({"hf", "pull", "model", repo, "--detach"});

  EXPECT_EQ(Run({"hf", "jobs", "pause", "--all", "--format", "quiet"}).out, "job2\njob0\n");
  EXPECT_EQ(Run({"hf", "jobs", "resume", "--all", "--format", "quiet"}).out, "job2\njob1\n");
  EXPECT_EQ(Run({"hf", "jobs", "limit-rate", "10k", "--all", "--format", "quiet"}).out, "job2\njob1\njob0\n");
  EXPECT_EQ(Run({"hf", "jobs", "pause", "--all", "job0"}).code, 2);
  EXPECT_EQ(Run({"hf", "jobs", "cancel", "--all", "--format", "quiet"}).out, "job2\njob1\njob0\n");
  const RunResult nothing_left = Run({"hf", "jobs", "cancel", "--all"});
  EXPECT_EQ(nothing_left.code, 0);
  EXPECT_THAT(nothing_left.err, HasSubstr("no such job"));
}

TEST_F(CommandsTest, DaemonLimitRateShowsAndSets) {
  Answer([](FakeDaemon::Answers& answers) {
    answers.status.set_limit_bytes_per_second(5'000'000);
    answers.status.set_configured_limit_bytes_per_second(5'000'000);
  });

  EXPECT_EQ(Run({"daemon", "limit-rate"}).out, "5 MB/s\n");
  EXPECT_EQ(Run({"daemon", "limit-rate", "--format", "quiet"}).out, "5000000\n");
  EXPECT_THAT(daemon_.calls().overall_limits, IsEmpty()) << "showing changes nothing";
  EXPECT_EQ(Run({"daemon", "limit-rate", "500K"}).out, "500 kB/s (configured: 5 MB/s)\n");
  EXPECT_EQ(nlohmann::json::parse(
                Run({"daemon", "limit-rate", "0", "--format", "json"}).out)["limit_bytes_per_second"],
            0);
  Run({"daemon", "limit-rate", "default"});
  const auto asked = daemon_.calls().overall_limits;
  ASSERT_EQ(asked.size(), 3u);
  EXPECT_EQ(asked[0].limit_bytes_per_second(), 500'000u);
  EXPECT_TRUE(asked[1].has_limit_bytes_per_second());
  EXPECT_FALSE(asked[2].has_limit_bytes_per_second());
  EXPECT_EQ(Run({"daemon", "limit-rate", "5 apples"}).code, 2);
  EXPECT_THAT(Run({"daemon", "status"}).out, HasSubstr("limit        5 MB/s"));
}

TEST_F(CommandsTest, WatchingAJobEndsAsTheJobDoes) {
  v1::WatchJobResponse done = Update(v1::Job::STATE_DONE, {File("a", 1, v1::PullFile::STATUS_DOWNLOADED)});
  done.mutable_job()->set_snapshot_path("/s");
  v1::WatchJobResponse failed = Update(v1::Job::STATE_FAILED);
  failed.mutable_job()->mutable_error()->set_code(5);
  failed.mutable_job()->mutable_error()->set_reason("REPO_NOT_FOUND");
  Answer([&](FakeDaemon::Answers& answers) { answers.pulls = {{done}, {failed}}; });
  Run({"hf", "pull", "model", "a/b", "--detach"});
  Run({"hf", "pull", "model", "a/c", "--detach"});

  EXPECT_EQ(Run({"hf", "jobs", "watch", "job0"}).out, "/s\n");
  EXPECT_EQ(Run({"hf", "jobs", "watch", "job1"}).code, 4);
}

TEST_F(CommandsTest, DaemonStatusConfigAndStop) {
  Answer([](FakeDaemon::Answers& answers) { answers.config.add_values()->set_key("transfer.connections"); });

  EXPECT_EQ(nlohmann::json::parse(Run({"daemon", "status", "--format", "json"}).out)["pid"], 4711);
  EXPECT_THAT(Run({"daemon", "config"}).out, HasSubstr("transfer.connections"));
  EXPECT_THAT(Run({"daemon", "start"}).err, HasSubstr("runs already: pid 4711"));
  EXPECT_THAT(Run({"daemon", "stop"}).err, HasSubstr("stopped (pid 4711)"));
}

TEST_F(CommandsTest, DaemonLogLevelShowsAndSets) {
  Answer([](FakeDaemon::Answers& answers) {
    answers.status.set_log_level("debug");
    answers.status.set_configured_log_level("info");
  });

  EXPECT_EQ(Run({"daemon", "log-level"}).out, "debug (configured: info)\n");
  EXPECT_THAT(daemon_.calls().log_levels, IsEmpty()) << "showing changes nothing";
  EXPECT_EQ(Run({"daemon", "log-level", "trace", "--format", "quiet"}).out, "trace\n");
  EXPECT_EQ(nlohmann::json::parse(Run({"daemon", "log-level", "default", "--format", "json"}).out),
            nlohmann::json::parse(R"({"level":"info","configured_level":"info"})"));
  EXPECT_THAT(daemon_.calls().log_levels, ::testing::ElementsAre("trace", ""));
}

TEST_F(CommandsTest, DaemonMetricsPrintsWhatTheDaemonSays) {
  Answer([](FakeDaemon::Answers& answers) { answers.metrics = "# TYPE a gauge\na 1\n"; });

  EXPECT_EQ(Run({"daemon", "metrics"}).out, "# TYPE a gauge\na 1\n");
  EXPECT_EQ(nlohmann::json::parse(Run({"daemon", "metrics", "--format", "json"}).out)["text"],
            "# TYPE a gauge\na 1\n");
}

TEST_F(CommandsTest, DaemonStatusShowsTheWindowsOfTheCaller) {
  Answer([](FakeDaemon::Answers& answers) {
    answers.status.set_api_version("v1");
    v1::Window& window = *answers.limits.add_windows();
    window.set_kind("api");
    window.set_identity("anonymous");
    window.set_quota(500);
    window.set_remaining(480);
  });

  EXPECT_THAT(Run({"daemon", "status"}).out, HasSubstr("api of anonymous: 480 of 500"));
  const nlohmann::json status = nlohmann::json::parse(Run({"daemon", "status", "--format", "json"}).out);
  EXPECT_EQ(status["windows"][0]["remaining"], 480);
}

TEST_F(CommandsTest, DoctorJoinsBothSidesAndFailsWhenOneCheckDoes) {
  const auto add = [](FakeDaemon::Answers& answers, const char* name, v1::CheckStatus status) {
    v1::Check& check = *answers.diagnosis.add_checks();
    check.set_name(name);
    check.set_status(status);
    check.set_detail("found");
    check.set_hint(status == v1::CHECK_STATUS_OK ? "" : "do something");
  };
  Answer([&](FakeDaemon::Answers& answers) {
    add(answers, "cache.space", v1::CHECK_STATUS_OK);
    add(answers, "cache.locks", v1::CHECK_STATUS_WARN);
  });
  const RunResult warned = Run({"doctor", "--format", "json", "--offline"});
  EXPECT_EQ(warned.code, 0) << warned.err;
  const nlohmann::json document = nlohmann::json::parse(warned.out);
  EXPECT_EQ(document["ok"], true);
  EXPECT_EQ(document["checks"].front()["name"], "daemon.running");
  EXPECT_EQ(document["checks"].back(),
            nlohmann::json::parse(
                R"({"name":"cache.locks","status":"warn","detail":"found","hint":"do something"})"));
  EXPECT_TRUE(daemon_.calls().diagnoses.back().without_network());

  Answer([&](FakeDaemon::Answers& answers) { add(answers, "cache.rename", v1::CHECK_STATUS_FAIL); });
  const RunResult failed = Run({"doctor"});
  EXPECT_EQ(failed.code, 1);
  EXPECT_THAT(failed.out, HasSubstr("fail  cache.rename"));
  EXPECT_THAT(failed.out, HasSubstr("do something"));
  EXPECT_THAT(failed.err, HasSubstr("1 of "));
  EXPECT_FALSE(daemon_.calls().diagnoses.back().without_network());
  EXPECT_THAT(Run({"doctor", "--format", "quiet"}).out, HasSubstr("warn cache.locks\nfail cache.rename\n"));
}

TEST_F(CommandsTest, WithoutADaemonStatusIsThreeAndStopIsFine) {
  daemon_.Stop();

  EXPECT_EQ(Run({"daemon", "status"}).code, 3);
  EXPECT_EQ(Run({"daemon", "config"}).code, 3);
  EXPECT_EQ(Run({"daemon", "stop"}).code, 0);
  const RunResult pull = Run({"hf", "pull", "model", "a/b"});
  EXPECT_EQ(pull.code, 3);
  EXPECT_THAT(pull.err, HasSubstr("start it: batuta daemon start"));
}

TEST_F(CommandsTest, AnotherEndpointIsToldAndNotServed) {
  client_.variables["HF_ENDPOINT"] = "http://127.0.0.1:1";

  const RunResult result = Run({"hf", "cache", "ls", "--format", "json"});

  EXPECT_EQ(result.code, 3);
  EXPECT_EQ(ErrorOf(result)["reason"], "DAEMON_MISMATCH");
  EXPECT_EQ(Run({"daemon", "status"}).code, 0) << "questions about the daemon itself are answered";
}

}  // namespace
}  // namespace batuta::client
