#include "client/commands/hf_limits.h"

#include <fmt/format.h>

#include "client/output/state_view.h"
#include "common/status/status.h"

namespace batuta::client {

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
  CallStop stop;
  Output& output = context.output;
  const bool in_place = output.human() && output.options().data_is_terminal && output.options().bars;
  size_t standing = 0;
  return client.WatchLimits(stop, [&](const v1::WatchLimitsResponse& limits) {
    if (in_place && standing > 0) output.Data(fmt::format("\x1b[{}A\x1b[J", standing));
    standing = static_cast<size_t>(limits.windows_size()) + 1;
    PrintLimits(output, limits.windows(), context.clock.wall(), true);
    output.Flush();
    return !output.reader_left();
  });
}

}  // namespace batuta::client
