#pragma once

#include <string>
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

// {"limit_bytes_per_second","configured_limit_bytes_per_second"}, 0 = none; quiet: the number.
void PrintOverallLimit(Output& output, const v1::GetStatusResponse& status);

// {"values":[{"key","value","origin","help"}]}; quiet: `key = value` a line.
void PrintConfig(Output& output, const v1::GetConfigResponse& config);

}  // namespace batuta::client
