#include "daemon/pull/refusals.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/status/status.h"

namespace batuta::pull {

absl::Status RefusedTogether(const std::vector<std::pair<std::string, absl::Status>>& refused) {
  constexpr size_t kMostNamed = 8;
  const auto unsafe = std::find_if(refused.begin(), refused.end(), [](const auto& file) {
    return ReasonOf(file.second) == reason::kUnsafeContent;
  });
  const absl::Status& worst = unsafe == refused.end() ? refused.front().second : unsafe->second;
  if (refused.size() == 1) return Annotate(worst, refused.front().first);
  std::string message = fmt::format("{} files", refused.size());
  for (size_t i = 0; i < std::min(refused.size(), kMostNamed); ++i) {
    message += fmt::format("{} {}: {}", i == 0 ? ":" : ";", refused[i].first, MessageOf(refused[i].second));
  }
  if (refused.size() > kMostNamed) message += fmt::format("; and {} more", refused.size() - kMostNamed);
  return MakeError(worst.code(), ReasonOf(worst), message, HintOf(worst), DetailsOf(worst).facts);
}

}  // namespace batuta::pull
