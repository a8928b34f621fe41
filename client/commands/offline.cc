#include "client/commands/offline.h"

#include <fmt/format.h>

#include "common/status/status.h"

namespace batuta::client {

absl::Status RefuseWhenOffline(const Environment& environment, std::string_view what) {
  if (!IsOffline(environment)) return absl::OkStatus();
  return MakeError(absl::StatusCode::kNotFound, reason::kOfflineMiss,
                   fmt::format("{} can only be asked of the hub, and HF_HUB_OFFLINE forbids that", what),
                   "unset HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE; `batuta hf cache ls` shows what is here");
}

}  // namespace batuta::client
