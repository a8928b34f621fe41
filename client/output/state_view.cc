#include "client/output/state_view.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "client/output/json_writer.h"
#include "client/output/wire_text.h"
#include "common/text/human.h"
#include "common/text/table.h"

namespace batuta::client {
namespace {

// Nothing for a window of which nothing was used: it begins with the first request.
std::string ResetText(const v1::Window& window, WallTime now) {
  const bool has_begun = window.closed() || window.remaining() < window.quota();
  if (!window.has_resets_at() || !has_begun) return "";
  return fmt::format("in {}", CountdownText(WallOf(window.resets_at()) - now));
}

std::string RemainingText(const v1::Window& window) {
  if (window.quota() == 0) return "not known";
  return fmt::format("{} of {}{}", window.remaining(), window.quota(), window.learned() ? "" : " (assumed)");
}

// Why a request may wait just now.
std::string_view StateText(const v1::Window& window) {
  if (window.closed()) return "closed";
  if (window.quota() != 0 && window.remaining() == 0) return "spent";
  return window.scarce() ? "paced" : "open";
}

// `train 120, batuta 3 (2 waiting)`
std::string SpendingText(const v1::Window& window) {
  std::string text;
  for (const v1::Spending& spending : window.spending()) {
    const std::string tool =
        spending.tool().empty() ? fmt::format("uid {}", spending.uid()) : spending.tool();
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", tool, spending.requests());
    if (spending.waiting() > 0) text += fmt::format(" ({} waiting)", spending.waiting());
  }
  return text;
}

// `10 MB/s`, and what is configured where that differs.
std::string OverallLimitText(const v1::GetStatusResponse& status) {
  std::string text = LimitText(status.limit_bytes_per_second());
  if (status.limit_bytes_per_second() != status.configured_limit_bytes_per_second()) {
    text += fmt::format(" (configured: {})", LimitText(status.configured_limit_bytes_per_second()));
  }
  return text;
}

uint64_t UptimeSeconds(const v1::GetStatusResponse& status, WallTime now) {
  if (!status.has_started()) return 0;
  const auto up = std::chrono::duration_cast<std::chrono::seconds>(now - WallOf(status.started()));
  return static_cast<uint64_t>(std::max<int64_t>(up.count(), 0));
}

// "windows":[…]
void AddWindows(const Windows& windows, JsonWriter& json) {
  json.Key("windows").BeginArray();
  for (const v1::Window& window : windows) {
    json.BeginObject().Field("endpoint", window.endpoint()).Field("identity", window.identity());
    json.Field("kind", window.kind()).Field("quota", window.quota()).Field("remaining", window.remaining());
    json.FieldOrNull("resets_at", TimeText(window.has_resets_at(), window.resets_at()));
    json.Field("waiting", window.waiting()).Field("state", StateText(window));
    json.Field("learned", window.learned()).Field("window_seconds", window.window_seconds());
    json.Key("spent").BeginArray();
    for (const v1::Spending& spending : window.spending()) {
      json.BeginObject().Field("tool", spending.tool()).Field("uid", spending.uid());
      json.Field("requests", spending.requests()).Field("waiting", spending.waiting()).EndObject();
    }
    json.EndArray().EndObject();
  }
  json.EndArray();
}

// Without the braces.
void AddDaemon(const v1::GetStatusResponse& status, JsonWriter& json) {
  json.Field("version", status.version());
  json.Field("pid", static_cast<uint64_t>(std::max<int64_t>(status.pid(), 0)));
  json.FieldOrNull("started", TimeText(status.has_started(), status.started()));
  json.Field("endpoint", status.endpoint()).Field("cache_path", status.cache_path());
  json.Field("state_path", status.state_path()).Field("socket_path", status.socket_path());
  json.Field("uid", status.uid()).Field("mode", status.mode()).Field("offline", status.offline());
  json.Field("active_jobs", status.active_jobs()).Field("connections", status.connections());
  json.Field("resident_bytes", status.resident_bytes()).Field("cache_free_bytes", status.cache_free_bytes());
  json.Field("limit_bytes_per_second", status.limit_bytes_per_second());
  json.Field("configured_limit_bytes_per_second", status.configured_limit_bytes_per_second());
  json.Key("notices").BeginArray();
  for (const std::string& notice : status.notices()) json.String(notice);
  json.EndArray();
}

// Without the braces.
void AddDetails(const StatusReport& report, WallTime now, JsonWriter& json) {
  const v1::GetStatusResponse& status = report.daemon;
  json.Field("client_version", report.client_version).Field("api_version", status.api_version());
  json.Field("catalog_schema", status.catalog_schema());
  json.Field("uptime_seconds", UptimeSeconds(status, now)).Field("cpu_seconds", status.cpu_seconds());
  json.Field("open_files", status.open_files()).Field("open_files_limit", status.open_files_limit());
  json.Field("cache_bytes", status.cache_bytes()).Field("cache_quota_bytes", status.cache_quota_bytes());
  json.Field("cache_min_free_bytes", status.cache_min_free_bytes());
  json.Field("state_free_bytes", status.state_free_bytes()).Field("log_level", status.log_level());
  json.Field("configured_log_level", status.configured_log_level());
  json.FieldOrNull("metrics_address", status.metrics_address());
  json.Key("jobs").BeginObject();
  for (const v1::JobCount& count : status.jobs()) json.Field(StateWord(count.state()), count.jobs());
  json.EndObject();
  AddWindows(report.limits.windows(), json);
  json.Key("last_errors").BeginArray();
  for (const v1::LogEvent& event : status.last_errors()) {
    json.BeginObject().FieldOrNull("time", TimeText(event.has_time(), event.time()));
    json.Field("level", event.level()).Field("message", event.message()).Field("fields", event.fields());
    json.EndObject();
  }
  json.EndArray().Field("last_errors_hidden", status.last_errors_hidden());
}

void AddLine(Output& output, std::string_view label, std::string_view value) {
  output.DataLine(fmt::format("{:<13}{}", label, Printable(value)));
}

void AddLines(Output& output, const v1::GetStatusResponse& status, WallTime now) {
  AddLine(output, "batutad",
          fmt::format("{}, pid {}, {} mode{}", status.version(), status.pid(), status.mode(),
                      status.offline() ? ", offline" : ""));
  AddLine(output, "started", AgeText(status.has_started(), status.started(), now));
  AddLine(output, "endpoint", status.endpoint());
  AddLine(output, "cache",
          fmt::format("{} ({} free)", status.cache_path(), FormatBytes(status.cache_free_bytes())));
  AddLine(output, "state", status.state_path());
  AddLine(output, "socket", status.socket_path());
  AddLine(output, "jobs", fmt::format("{} active", status.active_jobs()));
  AddLine(output, "connections", fmt::format("{}", status.connections()));
  AddLine(output, "limit", OverallLimitText(status));
  AddLine(output, "memory", FormatBytes(status.resident_bytes()));
  for (const std::string& notice : status.notices()) AddLine(output, "notice", notice);
}

// `3 running, 1 waiting`
std::string JobsText(const v1::GetStatusResponse& status) {
  std::string text;
  for (const v1::JobCount& count : status.jobs()) {
    if (count.jobs() == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count.jobs(), StateWord(count.state()));
  }
  return text.empty() ? "none" : text;
}

// `481 of 500, resets in 2 m 10 s, 3 waiting`
std::string WindowText(const v1::Window& window, WallTime now) {
  std::string text = RemainingText(window);
  if (const std::string reset = ResetText(window, now); !reset.empty()) text += ", resets " + reset;
  if (window.waiting() > 0) text += fmt::format(", {} waiting", window.waiting());
  if (const std::string_view state = StateText(window); state != "open") text += fmt::format(", {}", state);
  return text;
}

std::string CacheText(const v1::GetStatusResponse& status) {
  const std::string quota = status.cache_quota_bytes() == 0
                                ? std::string("no quota")
                                : fmt::format("quota {}", FormatBytes(status.cache_quota_bytes()));
  return fmt::format("{} held, {}, {} free", FormatBytes(status.cache_bytes()), quota,
                     FormatBytes(status.cache_free_bytes()));
}

void AddDetailLines(Output& output, const StatusReport& report, WallTime now) {
  const v1::GetStatusResponse& status = report.daemon;
  if (status.api_version().empty()) return;  // an older daemon
  AddLine(output, "versions",
          fmt::format("daemon {}, client {}, API {}, catalog schema {}", status.version(),
                      report.client_version, status.api_version(), status.catalog_schema()));
  AddLine(output, "uptime", FormatDuration(std::chrono::seconds(UptimeSeconds(status, now))));
  AddLine(output, "disk", CacheText(status));
  AddLine(output, "files",
          fmt::format("{} of {} descriptors", status.open_files(), status.open_files_limit()));
  AddLine(output, "processor", fmt::format("{:.1f} s", status.cpu_seconds()));
  AddLine(output, "all jobs", JobsText(status));
  for (const v1::Window& window : report.limits.windows()) {
    AddLine(output, "budget",
            fmt::format("{} of {}: {}", window.kind(), window.identity(), WindowText(window, now)));
  }
  std::string level = status.log_level();
  if (level != status.configured_log_level()) {
    level += fmt::format(" (configured: {})", status.configured_log_level());
  }
  AddLine(output, "log level", level);
  if (!status.metrics_address().empty()) {
    AddLine(output, "metrics", fmt::format("http://{}/metrics", status.metrics_address()));
  }
  if (status.last_errors_hidden()) AddLine(output, "last errors", "shown to administrators of the daemon");
  for (const v1::LogEvent& event : status.last_errors()) {
    AddLine(
        output, event.level(),
        fmt::format("{} {} {}", TimeText(event.has_time(), event.time()), event.message(), event.fields()));
  }
}

}  // namespace

std::vector<std::string> LimitLines(const Windows& windows, size_t width, WallTime now) {
  std::vector<std::vector<std::string>> rows;
  for (const v1::Window& window : windows) {
    rows.push_back({window.endpoint(), window.identity(), window.kind(), RemainingText(window),
                    ResetText(window, now), fmt::format("{}", window.waiting()),
                    std::string(StateText(window)), SpendingText(window)});
  }
  const std::string text = RenderTable({{"ENDPOINT", Align::kLeft, true},
                                        {"IDENTITY", Align::kLeft, true},
                                        {"KIND"},
                                        {"REMAINING", Align::kRight},
                                        {"RESETS", Align::kRight},
                                        {"WAITING", Align::kRight},
                                        {"STATE"},
                                        {"SPENT BY", Align::kLeft, true}},
                                       rows, {.width = width});
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

void PrintLimits(Output& output, const Windows& windows, WallTime now, bool one_line) {
  if (output.json()) {
    JsonWriter json(one_line ? JsonWriter::Style::kOneLine : JsonWriter::Style::kPretty);
    json.BeginObject();
    AddWindows(windows, json);
    json.EndObject();
    return output.Data(json.Take());
  }
  if (output.quiet()) {
    for (const v1::Window& window : windows) {
      output.DataLine(fmt::format("{} {}", Printable(window.kind()), window.remaining()));
    }
    return;
  }
  for (const std::string& line : LimitLines(windows, output.table_width(), now)) output.DataLine(line);
}

void PrintDaemon(Output& output, const v1::GetStatusResponse& status, WallTime now) {
  if (output.quiet()) return output.DataLine(fmt::format("{}", status.pid()));
  if (output.json()) {
    JsonWriter json;
    json.BeginObject();
    AddDaemon(status, json);
    json.EndObject();
    return output.Data(json.Take());
  }
  AddLines(output, status, now);
}

void PrintStatus(Output& output, const StatusReport& report, WallTime now) {
  const v1::GetStatusResponse& status = report.daemon;
  if (output.quiet()) return output.DataLine(fmt::format("{}", status.pid()));
  if (output.json()) {
    JsonWriter json;
    json.BeginObject();
    AddDaemon(status, json);
    AddDetails(report, now, json);
    json.EndObject();
    return output.Data(json.Take());
  }
  AddLines(output, status, now);
  AddDetailLines(output, report, now);
}

void PrintLogLevel(Output& output, std::string_view level, std::string_view configured_level) {
  if (output.json()) {
    JsonWriter json;
    json.BeginObject().Field("level", level).Field("configured_level", configured_level).EndObject();
    return output.Data(json.Take());
  }
  if (output.quiet() || level == configured_level) return output.DataLine(Printable(level));
  output.DataLine(fmt::format("{} (configured: {})", Printable(level), Printable(configured_level)));
}

void PrintOverallLimit(Output& output, const v1::GetStatusResponse& status) {
  if (output.quiet()) return output.DataLine(fmt::format("{}", status.limit_bytes_per_second()));
  if (!output.json()) return output.DataLine(OverallLimitText(status));
  JsonWriter json;
  json.BeginObject().Field("limit_bytes_per_second", status.limit_bytes_per_second());
  json.Field("configured_limit_bytes_per_second", status.configured_limit_bytes_per_second()).EndObject();
  output.Data(json.Take());
}

void PrintConfig(Output& output, const v1::GetConfigResponse& config) {
  if (output.json()) {
    JsonWriter json;
    json.BeginObject().Key("values").BeginArray();
    for (const v1::ConfigValue& value : config.values()) {
      json.BeginObject()
          .Field("key", value.key())
          .Field("value", value.value())
          .Field("origin", value.origin());
      json.Field("help", value.help()).EndObject();
    }
    json.EndArray().EndObject();
    return output.Data(json.Take());
  }
  if (output.quiet()) {
    for (const v1::ConfigValue& value : config.values()) {
      output.DataLine(fmt::format("{} = {}", Printable(value.key()), Printable(value.value())));
    }
    return;
  }
  std::vector<std::vector<std::string>> rows;
  for (const v1::ConfigValue& value : config.values())
    rows.push_back({value.key(), value.value(), value.origin()});
  output.Data(RenderTable({{"KEY"}, {"VALUE", Align::kLeft, true}, {"FROM", Align::kLeft, true}}, rows,
                          {.width = output.table_width()}));
}

}  // namespace batuta::client
