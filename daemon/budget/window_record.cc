#include "daemon/budget/window_record.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace batuta::budget {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;

// Years 2000 to 2200: differences of such times fit the clock.
bool IsPlausible(int64_t unix_millis) {
  return unix_millis > 946'684'800'000 && unix_millis < 7'258'118'400'000;
}

}  // namespace

std::string RecordKey(std::string_view endpoint, const WindowKey& window) {
  return fmt::format("{}\n{}\n{}", endpoint, window.identity, ToString(window.kind));
}

std::optional<WindowKey> ParseRecordKey(std::string_view endpoint, std::string_view key) {
  if (!key.starts_with(endpoint)) return std::nullopt;
  key.remove_prefix(endpoint.size());
  if (!key.starts_with('\n')) return std::nullopt;
  key.remove_prefix(1);
  const size_t line_end = key.find('\n');
  if (line_end == std::string_view::npos || line_end == 0) return std::nullopt;
  const std::optional<WindowKind> kind = ParseWindowKind(key.substr(line_end + 1));
  if (!kind) return std::nullopt;
  return WindowKey{std::string(key.substr(0, line_end)), *kind};
}

std::string EncodeRecord(const WindowRecord& record) {
  const WindowState& state = record.state;
  json spent = json::array();
  for (const Spending& one : record.spending) {
    spent.push_back({one.principal.uid, one.principal.tool, one.requests});
  }
  return json{{"v", kVersion},
              {"quota", state.quota},
              {"remaining", state.remaining},
              {"resets_at_ms", ToUnixMillis(state.resets_at)},
              {"window_s", state.length.count()},
              {"closed", state.closed},
              {"learned", state.learned},
              {"saved_at_ms", ToUnixMillis(record.saved_at)},
              {"spent", std::move(spent)}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<WindowRecord> DecodeRecord(std::string_view text) {
  try {
    const json row = json::parse(text);
    if (row.at("v").get<int>() != kVersion) return std::nullopt;
    WindowRecord record;
    record.state.quota = row.at("quota").get<uint64_t>();
    record.state.remaining = row.at("remaining").get<uint64_t>();
    const int64_t resets_at = row.at("resets_at_ms").get<int64_t>();
    const int64_t saved_at = row.at("saved_at_ms").get<int64_t>();
    if (!IsPlausible(resets_at) || !IsPlausible(saved_at)) return std::nullopt;
    record.state.resets_at = FromUnixMillis(resets_at);
    record.saved_at = FromUnixMillis(saved_at);
    record.state.length = std::chrono::seconds(row.at("window_s").get<int64_t>());
    record.state.closed = row.at("closed").get<bool>();
    record.state.learned = row.at("learned").get<bool>();
    for (const json& one : row.value("spent", json::array())) {
      record.spending.push_back({.principal = {one.at(0).get<uint32_t>(), one.at(1).get<std::string>()},
                                 .requests = one.at(2).get<uint64_t>()});
    }
    return record;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

Duration ResetIn(const WindowRecord& record, WallTime now) {
  const Duration had = record.state.resets_at - record.saved_at;
  const Duration longest = std::min<Duration>(had, WindowLedger::kLongestWait);
  return std::min<Duration>(record.state.resets_at - now, longest);
}

}  // namespace batuta::budget
