#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "client/output/hub_view.h"
#include "client/output/job_view.h"
#include "client/output/state_view.h"
#include "tests/unit/client/output/string_sink.h"

namespace batuta::client {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const WallTime kNow = FromUnixMillis(1'793'000'000'000);

// What `print` writes to stdout in `format`.
template <typename Print>
std::string DataOf(OutputFormat format, Print print) {
  TestOutput test({.format = format});
  print(test.output);
  EXPECT_TRUE(test.output.Finish().ok());
  return test.data.text;
}

v1::GetLimitsResponse Limits() {
  v1::GetLimitsResponse limits;
  v1::Window& window = *limits.add_windows();
  window.set_endpoint("https://huggingface.co");
  window.set_identity("anonymous");
  window.set_kind("api");
  window.set_quota(500);
  window.set_remaining(480);
  window.mutable_resets_at()->set_seconds(1'793'000'100);
  window.set_waiting(2);
  window.set_window_seconds(300);
  v1::Spending& spending = *window.add_spending();
  spending.set_uid(1000);
  spending.set_tool("train");
  spending.set_requests(20);
  spending.set_waiting(2);
  return limits;
}

TEST(LimitsViewTest, DocumentIsTheContract) {
  const std::string text = DataOf(
      OutputFormat::kJson, [](Output& output) { PrintLimits(output, Limits().windows(), kNow, false); });

  EXPECT_EQ(json::parse(text),
            json::parse(R"({"windows":[{"endpoint":"https://huggingface.co","identity":"anonymous",
    "kind":"api","quota":500,"remaining":480,"resets_at":"2026-10-26T07:35:00.000Z","waiting":2,
    "state":"open","learned":false,"window_seconds":300,
    "spent":[{"tool":"train","uid":1000,"requests":20,"waiting":2}]}]})"));
}

TEST(LimitsViewTest, PeopleSeeWhatIsLeftAndWhenItReturns) {
  const std::string text = DataOf(
      OutputFormat::kHuman, [](Output& output) { PrintLimits(output, Limits().windows(), kNow, false); });

  EXPECT_THAT(text, HasSubstr("480 of 500 (assumed)"));
  EXPECT_THAT(text, HasSubstr("in 1 m 40 s"));
  EXPECT_THAT(text, HasSubstr("open   train 20 (2 waiting)"));
}

TEST(LimitsViewTest, AWindowOfWhichNothingWasUsedHasNoResetYet) {
  v1::GetLimitsResponse limits = Limits();
  limits.mutable_windows(0)->set_remaining(500);
  EXPECT_THAT(DataOf(OutputFormat::kHuman,
                     [&](Output& output) { PrintLimits(output, limits.windows(), kNow, false); }),
              testing::Not(HasSubstr("in 1 m 40 s")));
}

TEST(LimitsViewTest, SaysWhyRequestsMayWait) {
  const auto state_of = [](auto change) {
    v1::GetLimitsResponse limits = Limits();
    change(*limits.mutable_windows(0));
    const std::string text = DataOf(
        OutputFormat::kJson, [&](Output& output) { PrintLimits(output, limits.windows(), kNow, true); });
    return json::parse(text)["windows"][0]["state"].get<std::string>();
  };
  EXPECT_EQ(state_of([](v1::Window&) {}), "open");
  EXPECT_EQ(state_of([](v1::Window& window) { window.set_scarce(true); }), "paced");
  EXPECT_EQ(state_of([](v1::Window& window) { window.set_remaining(0); }), "spent");
  EXPECT_EQ(state_of([](v1::Window& window) {
              window.set_remaining(0);
              window.set_closed(true);
            }),
            "closed");
  EXPECT_EQ(state_of([](v1::Window& window) {
              window.set_quota(0);
              window.set_remaining(0);
            }),
            "open");
}

TEST(LimitsViewTest, NamesTheUserWhereTheToolIsHiddenOrNamesNone) {
  v1::GetLimitsResponse limits = Limits();
  limits.mutable_windows(0)->mutable_spending(0)->clear_tool();
  EXPECT_THAT(DataOf(OutputFormat::kHuman,
                     [&](Output& output) { PrintLimits(output, limits.windows(), kNow, false); }),
              HasSubstr("uid 1000 20"));
}

v1::Job Failed() {
  v1::Job job;
  job.set_id("3fa2");
  job.mutable_repo()->set_type(v1::REPO_TYPE_MODEL);
  job.mutable_repo()->set_id("acme/otter");
  job.set_revision("v1.0");
  job.set_state(v1::Job::STATE_FAILED);
  job.mutable_error()->set_code(5);
  job.mutable_error()->set_reason("REPO_NOT_FOUND");
  job.mutable_error()->set_message("no such repo");
  return job;
}

TEST(JobViewTest, DocumentNamesEveryFieldAndItsError) {
  const std::string text =
      DataOf(OutputFormat::kJson, [](Output& output) { PrintJobs(output, {Failed()}, kNow); });

  const json job = json::parse(text)["jobs"][0];
  EXPECT_EQ(job["id"], "3fa2");
  EXPECT_EQ(job["state"], "failed");
  EXPECT_EQ(job["error"]["code"], "NOT_FOUND");
  EXPECT_EQ(job["error"]["reason"], "REPO_NOT_FOUND");
  EXPECT_TRUE(job["waiting_until"].is_null());
  EXPECT_TRUE(job["path"].is_null());
}

TEST(JobViewTest, PeopleGetATableAndScriptsIds) {
  const std::string text =
      DataOf(OutputFormat::kHuman, [](Output& output) { PrintJobs(output, {Failed()}, kNow); });

  EXPECT_THAT(text, HasSubstr("3fa2"));
  EXPECT_THAT(text, HasSubstr("acme/otter@v1.0"));
  EXPECT_THAT(text, HasSubstr("no such repo"));
  EXPECT_EQ(DataOf(OutputFormat::kQuiet, [](Output& output) { PrintJobs(output, {Failed()}, kNow); }),
            "3fa2\n");
}

TEST(JobViewTest, AWaitTellsItsReasonTryAndTime) {
  v1::Job job;
  job.set_state(v1::Job::STATE_WAITING);
  job.set_priority(v1::PRIORITY_BACKGROUND);
  job.set_waiting_reason("network");
  job.set_attempts(3);
  job.mutable_waiting_until()->set_seconds(std::chrono::system_clock::to_time_t(kNow) + 12);
  job.set_last_error("connection refused");

  const std::string text =
      DataOf(OutputFormat::kHuman, [&](Output& output) { PrintJobs(output, {job}, kNow); });
  EXPECT_THAT(text, HasSubstr("background"));
  EXPECT_THAT(text, HasSubstr("network (try 3), resumes in 12 s"));
  const json document =
      json::parse(DataOf(OutputFormat::kJson, [&](Output& output) { PrintJobs(output, {job}, kNow); }));
  EXPECT_EQ(document["jobs"][0]["attempts"], 3);
  EXPECT_EQ(document["jobs"][0]["last_error"], "connection refused");
  EXPECT_FALSE(document["jobs"][0]["waiting_until"].is_null());
}

TEST(JobViewTest, ALimitIsShownBesideTheSpeed) {
  v1::Job job;
  job.set_state(v1::Job::STATE_RUNNING);
  job.set_bytes_per_second(9'900'000);
  job.set_limit_bytes_per_second(10'000'000);
  const std::string text =
      DataOf(OutputFormat::kHuman, [&](Output& output) { PrintJobs(output, {job}, kNow); });
  EXPECT_THAT(text, HasSubstr("9.9 MB/s, limit 10 MB/s"));
}

TEST(JobViewTest, EventsAreOneLineEach) {
  v1::WatchJobResponse update;
  *update.mutable_job() = Failed();
  update.set_sequence(9);
  v1::PullFile file;
  file.set_path("a.bin");
  file.set_status(v1::PullFile::STATUS_RUNNING);
  file.set_done_bytes(5);

  EXPECT_EQ(json::parse(JobEvent(update))["event"], "job");
  EXPECT_EQ(json::parse(JobEvent(update))["sequence"], 9);
  EXPECT_EQ(FileEvent(file),
            "{\"event\":\"file\",\"path\":\"a.bin\",\"size_bytes\":0,\"blob\":\"\",\"status\":\"running\","
            "\"reason\":null,"
            "\"done_bytes\":5}\n");
}

v1::SearchResponse Found() {
  v1::SearchResponse response;
  v1::RepoSummary& repo = *response.add_repos();
  repo.mutable_repo()->set_type(v1::REPO_TYPE_MODEL);
  repo.mutable_repo()->set_id("acme/otter");
  repo.set_downloads(1'234'567);
  repo.set_gated("manual");
  repo.add_tags("rivers");
  return response;
}

TEST(HubViewTest, SearchInEveryFormat) {
  const json document =
      json::parse(DataOf(OutputFormat::kJson, [](Output& output) { PrintSearch(output, Found(), kNow); }));
  EXPECT_EQ(document["repos"][0]["repo"], "acme/otter");
  EXPECT_EQ(document["repos"][0]["downloads"], 1'234'567);
  EXPECT_EQ(document["repos"][0]["tags"], json::array({"rivers"}));
  EXPECT_TRUE(document["repos"][0]["task"].is_null());
  EXPECT_THAT(DataOf(OutputFormat::kHuman, [](Output& output) { PrintSearch(output, Found(), kNow); }),
              ::testing::AllOf(HasSubstr("1.2M"), HasSubstr("gated: manual")));
  EXPECT_EQ(DataOf(OutputFormat::kQuiet, [](Output& output) { PrintSearch(output, Found(), kNow); }),
            "acme/otter\n");
}

TEST(HubViewTest, ListingStreamsItsPartsIntoOneDocument) {
  const std::string text = DataOf(OutputFormat::kJson, [](Output& output) {
    v1::RepoId repo;
    repo.set_type(v1::REPO_TYPE_MODEL);
    repo.set_id("acme/otter");
    FileListing listing(output, repo, "main", kNow);
    for (int part = 0; part < 3; ++part) {
      v1::ListFilesResponse response;
      if (part == 0) response.set_commit("c0ffee");
      response.add_entries()->set_path("f" + std::to_string(part));
      response.mutable_entries(0)->set_size_bytes(10);
      listing.Add(response);
    }
    listing.End();
  });

  const json document = json::parse(text);
  EXPECT_EQ(document["commit"], "c0ffee");
  EXPECT_EQ(document["files"].size(), 3u);
  EXPECT_EQ(document["total_bytes"], 30);
}

TEST(HubViewTest, ListingOfAnEmptyRepoIsADocumentToo) {
  const std::string text =
      DataOf(OutputFormat::kJson, [](Output& output) { FileListing(output, {}, "main", kNow).End(); });

  EXPECT_EQ(json::parse(text)["files"].size(), 0u);
}

TEST(HubViewTest, NamesOfTheHubCannotMoveTheTerminal) {
  v1::GetRepoResponse repo;
  repo.set_author("evil\x1b[2J");
  repo.set_license("x\ry");

  const std::string text =
      DataOf(OutputFormat::kHuman, [&](Output& output) { PrintRepo(output, repo, "main", kNow); });

  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\r'), std::string::npos);
}

TEST(HubViewTest, IdentityTellsWhereTheTokenCameFrom) {
  v1::WhoAmIResponse who;
  who.set_name("mira");
  const auto print = [&](Output& output) { PrintIdentity(output, who, {"file", "/home/mira/token"}); };

  EXPECT_EQ(json::parse(DataOf(OutputFormat::kJson, print))["token"]["location"], "/home/mira/token");
  EXPECT_THAT(DataOf(OutputFormat::kHuman, print), HasSubstr("from /home/mira/token"));
  EXPECT_EQ(DataOf(OutputFormat::kQuiet, print), "mira\n");
}

TEST(DaemonViewTest, StatusInEveryFormat) {
  v1::GetStatusResponse status;
  status.set_pid(42);
  status.set_version("0.1.0");
  status.add_notices("the catalog was rebuilt");
  const auto print = [&](Output& output) { PrintDaemon(output, status, kNow); };

  EXPECT_EQ(json::parse(DataOf(OutputFormat::kJson, print))["pid"], 42);
  EXPECT_THAT(DataOf(OutputFormat::kHuman, print), HasSubstr("the catalog was rebuilt"));
  EXPECT_EQ(DataOf(OutputFormat::kQuiet, print), "42\n");
}

StatusReport Report() {
  StatusReport report{.daemon = {}, .limits = Limits(), .client_version = "0.1.1"};
  v1::GetStatusResponse& status = report.daemon;
  status.set_pid(42);
  status.set_version("0.1.0");
  status.mutable_started()->set_seconds(1'793'000'000 - 3'600);
  status.set_endpoint("https://huggingface.co");
  status.set_cache_path("/c");
  status.set_state_path("/s");
  status.set_socket_path("/r/batutad.sock");
  status.set_mode("user");
  status.set_api_version("v1");
  status.set_catalog_schema(7);
  status.set_cache_bytes(5'000'000'000);
  status.set_cache_quota_bytes(10'000'000'000);
  status.set_open_files(40);
  status.set_open_files_limit(1'024);
  status.set_log_level("debug");
  status.set_configured_log_level("info");
  status.set_metrics_address("127.0.0.1:9469");
  status.set_cpu_seconds(1.5);
  v1::JobCount& jobs = *status.add_jobs();
  jobs.set_state(v1::Job::STATE_RUNNING);
  jobs.set_jobs(2);
  status.add_jobs()->set_state(v1::Job::STATE_DONE);
  v1::LogEvent& event = *status.add_last_errors();
  event.mutable_time()->set_seconds(1'793'000'000);
  event.set_level("warn");
  event.set_message("cache beyond its quota");
  event.set_fields("error=\"x y\"");
  return report;
}

TEST(DaemonViewTest, StatusDocumentIsTheContract) {
  const json document =
      json::parse(DataOf(OutputFormat::kJson, [](Output& output) { PrintStatus(output, Report(), kNow); }));

  json expected = json::parse(R"({"version":"0.1.0","pid":42,"started":"2026-10-26T06:33:20.000Z",
    "endpoint":"https://huggingface.co","cache_path":"/c","state_path":"/s","socket_path":"/r/batutad.sock",
    "uid":0,"mode":"user","offline":false,"active_jobs":0,"connections":0,"resident_bytes":0,
    "cache_free_bytes":0,"limit_bytes_per_second":0,"configured_limit_bytes_per_second":0,"notices":[],
    "client_version":"0.1.1","api_version":"v1","catalog_schema":7,"uptime_seconds":3600,"cpu_seconds":1.5,
    "open_files":40,"open_files_limit":1024,"cache_bytes":5000000000,"cache_quota_bytes":10000000000,
    "cache_min_free_bytes":0,"state_free_bytes":0,"log_level":"debug","configured_log_level":"info",
    "metrics_address":"127.0.0.1:9469","jobs":{"running":2,"done":0},
    "last_errors":[{"time":"2026-10-26T07:33:20.000Z","level":"warn","message":"cache beyond its quota",
                    "fields":"error=\"x y\""}],"last_errors_hidden":false})");
  expected["windows"] = document["windows"];  // as `hf limits` has them
  EXPECT_EQ(document, expected);
  EXPECT_EQ(document["windows"][0]["remaining"], 480);
}

TEST(DaemonViewTest, PeopleSeeVersionsDiskBudgetJobsAndTheLastErrors) {
  const std::string text =
      DataOf(OutputFormat::kHuman, [](Output& output) { PrintStatus(output, Report(), kNow); });

  EXPECT_THAT(text, HasSubstr("daemon 0.1.0, client 0.1.1, API v1, catalog schema 7"));
  EXPECT_THAT(text, HasSubstr("5 GB held, quota 10 GB"));
  EXPECT_THAT(text, HasSubstr("40 of 1024 descriptors"));
  EXPECT_THAT(text, HasSubstr("all jobs     2 running\n"));
  EXPECT_THAT(text, HasSubstr("api of anonymous: 480 of 500 (assumed), resets in 1 m 40 s, 2 waiting"));
  EXPECT_THAT(text, HasSubstr("debug (configured: info)"));
  EXPECT_THAT(text, HasSubstr("http://127.0.0.1:9469/metrics"));
  EXPECT_THAT(text, HasSubstr("warn         2026-10-26T07:33:20.000Z cache beyond its quota error=\"x y\""));
}

TEST(DaemonViewTest, AnOlderDaemonIsShownByWhatItSays) {
  StatusReport report = Report();
  report.daemon.clear_api_version();
  EXPECT_THAT(DataOf(OutputFormat::kHuman, [&](Output& output) { PrintStatus(output, report, kNow); }),
              testing::Not(HasSubstr("descriptors")));
}

TEST(DaemonViewTest, ConfigInEveryFormat) {
  v1::GetConfigResponse config;
  config.add_values()->set_key("transfer.connections");
  config.mutable_values(0)->set_value("16");
  config.mutable_values(0)->set_origin("default");
  const auto print = [&](Output& output) { PrintConfig(output, config); };

  EXPECT_EQ(json::parse(DataOf(OutputFormat::kJson, print))["values"][0]["origin"], "default");
  EXPECT_THAT(DataOf(OutputFormat::kHuman, print), HasSubstr("transfer.connections  16     default"));
  EXPECT_EQ(DataOf(OutputFormat::kQuiet, print), "transfer.connections = 16\n");
}

}  // namespace
}  // namespace batuta::client
