#include "daemon/service/status_report.h"

#include <algorithm>
#include <filesystem>
#include <string>

#include <unistd.h>

#include "daemon/metrics/process.h"
#include "daemon/service/codec.h"

namespace batuta::service {

LogLevel ConfiguredLogLevel(const ServiceContext& services) {
  LogLevel level = LogLevel::kInfo;
  for (const ConfigEntry& entry : services.config()) {
    if (entry.key == "log.level") ParseLogLevel(entry.value, &level);
  }
  return level;
}

DiskReading ReadDisk(const ServiceContext& services, bool details) {
  DiskReading reading;
  if (const absl::StatusOr<SpaceInfo> space = services.cache.Space(); space.ok()) {
    reading.cache_free_bytes = space->free_bytes;
  }
  if (!details) return reading;
  if (const auto usage = services.evictor.Measure(); usage.ok()) {
    reading.cache_bytes = usage->used_bytes;
    reading.quota = usage->quota;
  }
  std::error_code error;
  const std::filesystem::space_info state = std::filesystem::space(services.facts.state_path, error);
  if (!error) reading.state_free_bytes = state.available;
  return reading;
}

void FillStatus(const ServiceContext& services, const DiskReading& disk, v1::GetStatusResponse* response) {
  const DaemonFacts& facts = services.facts;
  response->set_version(facts.version);
  response->set_pid(getpid());
  Encode(facts.started, response->mutable_started());
  response->set_endpoint(facts.endpoint);
  response->set_cache_path(facts.cache_path);
  response->set_state_path(facts.state_path);
  response->set_socket_path(facts.socket_path);
  response->set_uid(facts.uid);
  response->set_active_jobs(static_cast<uint32_t>(services.jobs.active()));
  response->set_connections(services.open_connections());
  response->set_resident_bytes(metrics::ReadResidentBytes());
  response->set_cache_free_bytes(disk.cache_free_bytes);
  response->set_offline(facts.offline);
  response->set_mode(facts.mode);
  response->set_limit_bytes_per_second(services.overall_limit.bytes_per_second());
  response->set_configured_limit_bytes_per_second(services.overall_limit.configured());
  for (const std::string& notice : facts.notices) response->add_notices(notice);
}

void FillDetails(const ServiceContext& services, const DiskReading& disk, bool may_see_warnings,
                 v1::GetStatusResponse* response) {
  const Operations& operations = services.operations;
  const metrics::ProcessReading process = metrics::ReadProcess();
  const auto small = [](uint64_t count) {
    return static_cast<uint32_t>(std::min<uint64_t>(count, UINT32_MAX));
  };
  response->set_api_version("v1");
  response->set_catalog_schema(operations.catalog_schema);
  response->set_cache_bytes(disk.cache_bytes);
  response->set_cache_quota_bytes(disk.quota.max_bytes);
  response->set_cache_min_free_bytes(disk.quota.min_free_bytes);
  response->set_state_free_bytes(disk.state_free_bytes);
  response->set_open_files(small(process.open_files));
  response->set_open_files_limit(small(process.open_files_limit));
  response->set_cpu_seconds(process.cpu_seconds);
  for (const auto& [state, jobs] : services.jobs.CountByState()) {
    v1::JobCount* const count = response->add_jobs();
    count->set_state(EncodeState(state));
    count->set_jobs(small(jobs));
  }
  response->set_log_level(std::string(ToString(GetLogLevel())));
  response->set_configured_log_level(std::string(ToString(ConfiguredLogLevel(services))));
  response->set_metrics_address(operations.metrics_address);
  response->set_last_errors_hidden(!may_see_warnings);
  if (!may_see_warnings) return;
  for (const LogEvent& event : operations.warnings.Newest()) {
    v1::LogEvent* const out = response->add_last_errors();
    Encode(event.time, out->mutable_time());
    out->set_level(std::string(ToString(event.level)));
    out->set_message(Sendable(event.message));
    out->set_fields(Sendable(event.fields));
  }
}

}  // namespace batuta::service
