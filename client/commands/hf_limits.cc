#include "client/commands/hf_limits.h"

#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "client/output/state_view.h"
#include "common/status/status.h"
#include "common/sync/mutex.h"
#include "common/text/table.h"
#include "common/time/clock.h"

namespace batuta::client {
namespace {

constexpr std::chrono::seconds kRedraw{1};

// What the daemon said last, on its way from the thread that listens to the one that draws.
class Newest {
 public:
  void Put(const v1::WatchLimitsResponse& limits) {
    const MutexLock lock(mutex_);
    limits_ = limits;
    has_news_ = true;
    changed_.NotifyAll();
  }

  void End(absl::Status outcome) {
    const MutexLock lock(mutex_);
    outcome_ = std::move(outcome);
    has_ended_ = true;
    changed_.NotifyAll();
  }

  // Until there is news, or for so long once there was any. False when none will come any more.
  bool WaitFor(std::chrono::seconds time) {
    const MutexLock lock(mutex_);
    const SteadyTime deadline = std::chrono::steady_clock::now() + time;
    while (!has_news_ && !has_ended_) {
      if (!limits_) {
        changed_.Wait(mutex_);
      } else if (!changed_.WaitUntil(mutex_, deadline)) {
        break;
      }
    }
    has_news_ = false;
    return !has_ended_;
  }

  v1::WatchLimitsResponse Get() {
    const MutexLock lock(mutex_);
    return limits_.value_or(v1::WatchLimitsResponse());
  }

  absl::Status outcome() {
    const MutexLock lock(mutex_);
    return outcome_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::optional<v1::WatchLimitsResponse> limits_ ABSL_GUARDED_BY(mutex_);
  absl::Status outcome_ ABSL_GUARDED_BY(mutex_);
  bool has_news_ ABSL_GUARDED_BY(mutex_) = false;
  bool has_ended_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

std::string_view HfLimits::examples() const {
  return "batuta hf limits\n"
         "batuta hf limits --watch  until Ctrl-C\n";
}

void HfLimits::DefineFlags(Flags& flags) {
  flags.Switch(&watch_, "--watch", "show every change until interrupted");
}

absl::Status HfLimits::Run(Context& context) {
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({}));
  if (watch_) return Watch(context, *connection.client);
  ASSIGN_OR_RETURN(const v1::GetLimitsResponse limits, connection.client->GetLimits());
  PrintLimits(context.output, limits.windows(), context.clock.wall(), context.output.options().events);
  return absl::OkStatus();
}

absl::Status HfLimits::Watch(Context& context, DaemonClient& client) {
  Output& output = context.output;
  if (output.human() && output.options().data_is_terminal && output.options().bars) {
    return WatchInPlace(context, client);
  }
  CallStop stop;
  return client.WatchLimits(stop, [&](const v1::WatchLimitsResponse& limits) {
    PrintLimits(output, limits.windows(), context.clock.wall(), true);
    output.Flush();
    return !output.reader_left();
  });
}

// Times count down between the news as well.
absl::Status HfLimits::WatchInPlace(Context& context, DaemonClient& client) {
  Output& output = context.output;
  Newest newest;
  CallStop stop;
  std::thread listener([&] {
    newest.End(client.WatchLimits(stop, [&](const v1::WatchLimitsResponse& limits) {
      newest.Put(limits);
      return true;
    }));
  });
  size_t standing = 0;
  while (newest.WaitFor(kRedraw)) {
    const v1::WatchLimitsResponse limits = newest.Get();
    if (standing > 0) output.Data(fmt::format("\x1b[{}A\x1b[J", standing));
    const size_t columns = output.size().columns;
    standing = 0;
    for (const std::string& line : LimitLines(limits.windows(), columns, context.clock.wall())) {
      output.DataLine(FitToWidth(line, columns));
      ++standing;
    }
    output.Flush();
    if (output.reader_left()) stop.Stop();
  }
  listener.join();
  return newest.outcome();
}

}  // namespace batuta::client
