#include "daemon/service/metrics_report.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/metrics/process.h"
#include "daemon/metrics/text_form.h"
#include "daemon/service/status_report.h"

namespace batuta::service {
namespace {

using metrics::FamilyReading;
using metrics::Kind;
using metrics::Labels;
using metrics::Sample;

Sample SampleOf(double value, Labels labels = {}) {
  return {.labels = std::move(labels), .value = value};
}

Sample SampleOf(uint64_t value, Labels labels = {}) {
  return SampleOf(static_cast<double>(value), std::move(labels));
}

double SecondsOf(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

// What many tokens have is told as that of the one that has least: who they are is nobody's business.
struct WindowSum {
  uint64_t quota = UINT64_MAX;
  uint64_t remaining = UINT64_MAX;
  uint64_t waiting = 0;
  bool is_closed = false;
  WallTime resets_at;
};

void AddWindows(const ServiceContext& services, std::vector<FamilyReading>& families) {
  const std::string anonymous = services.budget.IdentityOf(Secret());
  std::map<std::pair<std::string, std::string>, WindowSum> sums;
  for (const budget::WindowView& window : services.budget.Windows()) {
    const std::string identity = window.identity == anonymous ? "anonymous" : "token";
    WindowSum& sum = sums[{std::string(ToString(window.kind)), identity}];
    // Of single actions no quota is known.
    if (!IsOfOneAction(window.kind) && window.state.remaining <= sum.remaining) {
      sum.remaining = window.state.remaining;
      sum.quota = window.state.quota;
    }
    sum.waiting += window.waiting;
    sum.is_closed = sum.is_closed || window.state.closed;
    sum.resets_at = std::max(sum.resets_at, window.state.resets_at);
  }
  FamilyReading remaining{.name = "batuta_window_remaining_requests",
                          .help =
                              "Requests left of a rate-limit window of the hub; of all tokens, the one "
                              "that has least."};
  FamilyReading quota{.name = "batuta_window_quota_requests", .help = "Requests that window began with."};
  FamilyReading waiting{.name = "batuta_window_waiting_requests",
                        .help = "Requests that are held back at this moment."};
  FamilyReading closed{.name = "batuta_window_closed",
                       .help = "Whether the hub has said 429 and nothing is sent before the reset."};
  FamilyReading reset{.name = "batuta_window_reset_seconds",
                      .help = "Time until the last of these windows begins anew."};
  const WallTime now = services.clock.wall();
  for (const auto& [key, sum] : sums) {
    const Labels labels{{"kind", key.first}, {"identity", key.second}};
    if (sum.remaining != UINT64_MAX) {
      remaining.samples.push_back(SampleOf(sum.remaining, labels));
      quota.samples.push_back(SampleOf(sum.quota, labels));
    }
    waiting.samples.push_back(SampleOf(sum.waiting, labels));
    closed.samples.push_back(SampleOf(uint64_t{sum.is_closed}, labels));
    reset.samples.push_back(SampleOf(std::max(0.0, SecondsOf(sum.resets_at - now)), labels));
  }
  for (FamilyReading* family : {&remaining, &quota, &waiting, &closed, &reset}) {
    families.push_back(std::move(*family));
  }
}

void AddDaemon(const ServiceContext& services, std::vector<FamilyReading>& families) {
  families.push_back({.name = "batuta_build_info",
                      .help = "One, labelled with what runs.",
                      .samples = {SampleOf(uint64_t{1}, {{"version", services.facts.version},
                                                         {"mode", services.facts.mode}})}});
  FamilyReading jobs{.name = "batuta_jobs", .help = "Jobs that are listed, by state.", .samples = {}};
  for (const auto& [state, count] : services.jobs.CountByState()) {
    jobs.samples.push_back(SampleOf(uint64_t{count}, {{"state", std::string(ToString(state))}}));
  }
  families.push_back(std::move(jobs));
  families.push_back({.name = "batuta_connections",
                      .help = "Connections of clients.",
                      .samples = {SampleOf(uint64_t{services.open_connections()})}});
  families.push_back({.name = "batuta_bandwidth_limit_bytes",
                      .help = "Bytes a second that all jobs together may move; 0: no limit.",
                      .samples = {SampleOf(services.overall_limit.bytes_per_second())}});
  FamilyReading events{.name = "batuta_log_events_total",
                       .help = "Warnings and errors of the log.",
                       .kind = Kind::kCounter,
                       .samples = {}};
  for (const LogLevel level : {LogLevel::kWarn, LogLevel::kError}) {
    events.samples.push_back(
        SampleOf(services.operations.warnings.Count(level), {{"level", std::string(ToString(level))}}));
  }
  families.push_back(std::move(events));
}

void AddDisk(const DiskReading& disk, std::vector<FamilyReading>& families) {
  const auto add = [&families](std::string_view name, std::string_view help, uint64_t value) {
    families.push_back({.name = std::string(name), .help = std::string(help), .samples = {SampleOf(value)}});
  };
  add("batuta_cache_bytes", "What the cache holds on the disk.", disk.cache_bytes);
  add("batuta_cache_free_bytes", "What is free on the file system of the cache.", disk.cache_free_bytes);
  add("batuta_cache_quota_bytes", "What the cache may hold; 0: no limit.", disk.quota.max_bytes);
  add("batuta_state_free_bytes", "What is free on the file system of the state folder.",
      disk.state_free_bytes);
}

// By the names that all programs of Prometheus use.
void AddProcess(const ServiceContext& services, std::vector<FamilyReading>& families) {
  const metrics::ProcessReading process = metrics::ReadProcess();
  const auto add = [&families](std::string_view name, std::string_view help, double value,
                               Kind kind = Kind::kGauge) {
    families.push_back(
        {.name = std::string(name), .help = std::string(help), .kind = kind, .samples = {SampleOf(value)}});
  };
  add("process_cpu_seconds_total", "Time of the processors that the daemon has used.", process.cpu_seconds,
      Kind::kCounter);
  add("process_resident_memory_bytes", "Memory that the daemon holds.",
      static_cast<double>(process.resident_bytes));
  add("process_virtual_memory_bytes", "Addresses that the daemon has mapped.",
      static_cast<double>(process.virtual_bytes));
  add("process_threads", "Threads of the daemon.", static_cast<double>(process.threads));
  add("process_open_fds", "File descriptors in use.", static_cast<double>(process.open_files));
  add("process_max_fds", "File descriptors that may be in use.",
      static_cast<double>(process.open_files_limit));
  add("process_start_time_seconds", "When the daemon began, in seconds since 1970.",
      static_cast<double>(ToUnixMillis(services.facts.started)) / 1e3);
}

}  // namespace

void ReportMetrics(const ServiceContext& services, absl::AnyInvocable<void(std::string)> done) {
  services.disk.Post([&services, done = std::move(done)]() mutable {
    const DiskReading disk = ReadDisk(services, /*details=*/true);
    services.core.Post([&services, disk, done = std::move(done)]() mutable {
      std::vector<FamilyReading> families = services.operations.registry.Read();
      AddWindows(services, families);
      AddDaemon(services, families);
      AddDisk(disk, families);
      AddProcess(services, families);
      done(metrics::TextForm(std::move(families)));
    });
  });
}

}  // namespace batuta::service
