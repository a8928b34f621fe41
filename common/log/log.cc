#include "common/log/log.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <utility>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "common/log/recent_events.h"
#include "common/sync/mutex.h"
#include "common/text/human.h"
#include "common/text/utf8.h"

namespace batuta {
namespace {

// A line longer than this helps nobody, and journald cuts at 48 KiB.
constexpr size_t kMaxValueBytes = 4'096;

struct Level {
  LogLevel level;
  std::string_view name;
  std::string_view padded;
  std::string_view journal_prefix;  // sd-daemon(3)
};

constexpr Level kLevels[] = {
    {LogLevel::kTrace, "trace", "trace ", "<7>"}, {LogLevel::kDebug, "debug", "debug ", "<7>"},
    {LogLevel::kInfo, "info", "info  ", "<6>"},   {LogLevel::kWarn, "warn", "warn  ", "<4>"},
    {LogLevel::kError, "error", "error ", "<3>"}, {LogLevel::kOff, "off", "off   ", "<7>"},
};

const Level& Describe(LogLevel level) {
  return kLevels[static_cast<size_t>(level)];
}

// The destination of this process: what stderr is to it, and so the one thing here that is global.
class Destination {
 public:
  Destination() { Configure(false); }

  void Configure(bool for_journal) {
    auto formatter = std::make_unique<spdlog::pattern_formatter>(
        for_journal ? "%v" : "%Y-%m-%dT%H:%M:%S.%eZ %v", spdlog::pattern_time_type::utc);
    auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    sink->set_formatter(std::move(formatter));
    MutexLock lock(mutex_);
    sink_ = std::move(sink);
    for_journal_ = for_journal;
  }

  void Write(LogLevel level, std::string_view message, std::string_view fields) {
    std::shared_ptr<spdlog::sinks::sink> sink;
    bool for_journal = false;
    {
      MutexLock lock(mutex_);
      sink = sink_;
      for_journal = for_journal_;
    }
    const Level& description = Describe(level);
    std::string line(for_journal ? description.journal_prefix : description.padded);
    line += Printable(message);
    line += fields;
    // spdlog throws when stderr is closed or full; a lost line must not take the daemon with it.
    try {
      sink->log(spdlog::details::log_msg(spdlog::string_view_t(), spdlog::level::info, line));
    } catch (const std::exception&) {
    }
  }

  void KeepIn(std::shared_ptr<RecentEvents> events) {
    MutexLock lock(mutex_);
    kept_ = std::move(events);
  }

  void Keep(LogLevel level, std::string_view message, std::string_view fields) {
    std::shared_ptr<RecentEvents> kept;
    {
      MutexLock lock(mutex_);
      kept = kept_;
    }
    if (kept == nullptr) return;
    fields.remove_prefix(fields.starts_with(' ') ? 1 : 0);
    kept->Add({.time = std::chrono::system_clock::now(),
               .level = level,
               .message = Printable(message),
               .fields = std::string(fields)});
  }

 private:
  Mutex mutex_;
  std::shared_ptr<RecentEvents> kept_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<spdlog::sinks::sink> sink_ ABSL_GUARDED_BY(mutex_);
  bool for_journal_ ABSL_GUARDED_BY(mutex_) = false;
};

// Never destroyed, so that a thread which outlives main() may still log.
Destination& TheDestination() {
  static Destination& destination = *new Destination;
  return destination;
}

std::atomic<LogLevel> current_level{LogLevel::kInfo};
std::atomic<bool> keeps_warnings{false};

bool IsWritten(LogLevel level) {
  return level != LogLevel::kOff && level >= GetLogLevel();
}

bool IsKept(LogLevel level) {
  return (level == LogLevel::kWarn || level == LogLevel::kError) &&
         keeps_warnings.load(std::memory_order_relaxed);
}

bool NeedsQuotes(std::string_view value) {
  if (value.empty()) return true;
  for (const char c : value) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '=' || c == '\\' || c == '\x7f') return true;
  }
  return false;
}

}  // namespace

bool ParseLogLevel(std::string_view text, LogLevel* level) {
  for (const Level& known : kLevels) {
    if (known.name != text) continue;
    *level = known.level;
    return true;
  }
  return false;
}

std::string_view ToString(LogLevel level) {
  return Describe(level).name;
}

void InitLogging(LogLevel level, bool for_journal) {
  TheDestination().Configure(for_journal);
  SetLogLevel(level);
}

void SetLogLevel(LogLevel level) {
  current_level.store(level, std::memory_order_relaxed);
}

LogLevel GetLogLevel() {
  return current_level.load(std::memory_order_relaxed);
}

void KeepWarningsIn(std::shared_ptr<RecentEvents> events) {
  keeps_warnings.store(events != nullptr, std::memory_order_relaxed);
  TheDestination().KeepIn(std::move(events));
}

namespace log_internal {

bool Enabled(LogLevel level) {
  return IsWritten(level) || IsKept(level);
}

void Write(LogLevel level, std::string_view message, std::string_view fields) {
  if (IsWritten(level)) TheDestination().Write(level, message, fields);
  if (IsKept(level)) TheDestination().Keep(level, message, fields);
}

void AppendValue(std::string& out, std::string_view value) {
  out +=
      NeedsQuotes(value) || value.size() > kMaxValueBytes ? Quoted(value, kMaxValueBytes) : Printable(value);
}

}  // namespace log_internal
}  // namespace batuta
