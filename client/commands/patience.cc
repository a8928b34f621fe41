#include "client/commands/patience.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include <fmt/format.h>
#include <poll.h>

#include "client/output/json_writer.h"
#include "client/output/wire_text.h"
#include "common/status/status.h"

namespace batuta::client {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTick{1'000};

// Back to the beginning of the line, which is emptied.
constexpr std::string_view kEmptyLine = "\r\x1b[K";

std::string Countdown(Duration left) {
  return fmt::format("waiting: rate limit, resumes in {}", CountdownText(left));
}

}  // namespace

void Patience::Define(Flags& flags) {
  flags.Switch(&no_wait_, "--no-wait", "fail where the hub's rate limit would have to be waited for");
}

bool Patience::WaitOut(Context& context, const absl::Status& status, const CallStop* stop) const {
  const std::optional<milliseconds> delay = RetryAfterOf(status);
  if (ReasonOf(status) != reason::kHubRateLimited || !delay || no_wait_) return false;
  Output& output = context.output;
  const OutputOptions& options = output.options();
  const bool counts_down = output.human() && options.bars && options.progress;
  if (options.events) {
    const WallTime until = context.clock.wall() + *delay;
    JsonWriter json(JsonWriter::Style::kOneLine);
    json.BeginObject().Field("event", "waiting").Field("reason", "rate limit");
    json.Field("until", FormatRfc3339(until)).EndObject();
    output.Data(json.Take());
  } else if (!counts_down) {
    output.Talk(Countdown(*delay));
  }
  const SteadyTime until = context.clock.steady() + *delay;
  const auto is_stopped = [stop] { return stop != nullptr && stop->is_stopped(); };
  for (SteadyTime now = context.clock.steady(); now < until && !is_stopped(); now = context.clock.steady()) {
    if (counts_down) output.TalkRaw(fmt::format("{}{}", kEmptyLine, Countdown(until - now)));
    const auto left = std::chrono::ceil<milliseconds>(until - now);
    ::poll(nullptr, 0, static_cast<int>(std::min(left, kTick).count()));
  }
  if (counts_down) output.TalkRaw(kEmptyLine);
  return !is_stopped();
}

}  // namespace batuta::client
