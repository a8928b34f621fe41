#include "client/output/state_view.h"

#include <algorithm>

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

void AddLine(Output& output, std::string_view label, std::string_view value) {
  output.DataLine(fmt::format("{:<13}{}", label, Printable(value)));
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
    json.BeginObject().Key("windows").BeginArray();
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
    json.EndArray().EndObject();
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
    json.BeginObject().Field("version", status.version());
    json.Field("pid", static_cast<uint64_t>(std::max<int64_t>(status.pid(), 0)));
    json.FieldOrNull("started", TimeText(status.has_started(), status.started()));
    json.Field("endpoint", status.endpoint()).Field("cache_path", status.cache_path());
    json.Field("state_path", status.state_path()).Field("socket_path", status.socket_path());
    json.Field("uid", status.uid()).Field("mode", status.mode()).Field("offline", status.offline());
    json.Field("active_jobs", status.active_jobs()).Field("connections", status.connections());
    json.Field("resident_bytes", status.resident_bytes())
        .Field("cache_free_bytes", status.cache_free_bytes());
    json.Field("limit_bytes_per_second", status.limit_bytes_per_second());
    json.Field("configured_limit_bytes_per_second", status.configured_limit_bytes_per_second());
    json.Key("notices").BeginArray();
    for (const std::string& notice : status.notices()) json.String(notice);
    json.EndArray().EndObject();
    return output.Data(json.Take());
  }
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
