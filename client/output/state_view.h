#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "batuta/v1/budget_service.pb.h"
#include "batuta/v1/daemon_service.pb.h"

#include "client/output/output.h"
#include "common/time/clock.h"

// The daemon's own state: limits, status, configuration.
namespace batuta::client {

using Windows = google::protobuf::RepeatedPtrField<v1::Window>;

// {"windows":[{"endpoint","identity","kind","quota","remaining","resets_at","waiting","state","learned","window_seconds",
// "spent":[{"tool","uid","requests","waiting"}]}]}; quiet: `KIND REMAINING` a line.
void PrintLimits(Output& output, const Windows& windows, WallTime now, bool one_line);

// The table for people, line by line: for a redraw.
std::vector<std::string> LimitLines(const Windows& windows, size_t width, WallTime now);

// {"version","pid","started","endpoint","cache_path","state_path","socket_path","uid","mode","offline","active_jobs",
// "connections","resident_bytes","cache_free_bytes","limit_bytes_per_second","configured_limit_bytes_per_second",
// "notices"}; quiet: the pid.
void PrintDaemon(Output& output, const v1::GetStatusResponse& status, WallTime now);

// What `daemon status` shows.
struct StatusReport {
  v1::GetStatusResponse daemon;  // with details
  v1::GetLimitsResponse limits;  // of the caller
  std::string client_version;
};

// The same document with, after "notices": "client_version","api_version","catalog_schema","uptime_seconds",
// "cpu_seconds","open_files","open_files_limit","cache_bytes","cache_quota_bytes" (0 =
// none),"cache_min_free_bytes", "state_free_bytes","log_level","configured_log_level","metrics_address" (or
// null),"jobs":{"queued":…},"windows": as PrintLimits() has
// them,"last_errors":[{"time","level","message","fields"}],"last_errors_hidden"; quiet: the pid.
void PrintStatus(Output& output, const StatusReport& report, WallTime now);

// {"level","configured_level"}; quiet: the level.
void PrintLogLevel(Output& output, std::string_view level, std::string_view configured_level);

// {"limit_bytes_per_second","configured_limit_bytes_per_second"}, 0 = none; quiet: the number.
void PrintOverallLimit(Output& output, const v1::GetStatusResponse& status);

// {"values":[{"key","value","origin","help"}]}; quiet: `key = value` a line.
void PrintConfig(Output& output, const v1::GetConfigResponse& config);

}  // namespace batuta::client
