#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <fmt/core.h>

// Logging: one event, one line: a constant message and key=value fields.
//
//   LogInfo("transfer finished", Field("job", id), Field("bytes", size));
//   → … info transfer finished job=8f2 bytes=4976698672
//
// error: a person must act. warn: degraded, and recovered. info: life cycle of daemon and jobs. debug: per
// request. trace: per chunk. Values with blanks, quotes or control characters are quoted and escaped, so no
// outside string can forge a line. Secret has no formatter, so a token cannot be logged. Thread-safe.
namespace batuta {

enum class LogLevel { kTrace, kDebug, kInfo, kWarn, kError, kOff };

// "trace" … "off". False, and `level` untouched, when `text` is none of them.
bool ParseLogLevel(std::string_view text, LogLevel* level);
std::string_view ToString(LogLevel level);

// Where lines go until the process ends: stderr, with time, or (for_journal) with the <N> level prefix that
// systemd reads.
void InitLogging(LogLevel level, bool for_journal);
void SetLogLevel(LogLevel level);
LogLevel GetLogLevel();

class RecentEvents;

// Warnings and errors go there as well from now on, whatever the level; null = nowhere.
void KeepWarningsIn(std::shared_ptr<RecentEvents> events);

namespace log_internal {
bool Enabled(LogLevel level);
void Write(LogLevel level, std::string_view message, std::string_view fields);
void AppendValue(std::string& out, std::string_view value);
}  // namespace log_internal

template <typename Value>
struct LogField {
  std::string_view name;
  const Value& value;
};

template <typename Value>
LogField<Value> Field(std::string_view name, const Value& value) {
  return {name, value};
}

template <typename... Values>
void Log(LogLevel level, std::string_view message, const LogField<Values>&... fields) {
  if (!log_internal::Enabled(level)) return;
  std::string text;
  ((text += ' ', text += fields.name, text += '=',
    log_internal::AppendValue(text, fmt::format("{}", fields.value))),
   ...);
  log_internal::Write(level, message, text);
}

template <typename... Values>
void LogTrace(std::string_view message, const LogField<Values>&... fields) {
  Log(LogLevel::kTrace, message, fields...);
}

template <typename... Values>
void LogDebug(std::string_view message, const LogField<Values>&... fields) {
  Log(LogLevel::kDebug, message, fields...);
}

template <typename... Values>
void LogInfo(std::string_view message, const LogField<Values>&... fields) {
  Log(LogLevel::kInfo, message, fields...);
}

template <typename... Values>
void LogWarn(std::string_view message, const LogField<Values>&... fields) {
  Log(LogLevel::kWarn, message, fields...);
}

template <typename... Values>
void LogError(std::string_view message, const LogField<Values>&... fields) {
  Log(LogLevel::kError, message, fields...);
}

}  // namespace batuta
