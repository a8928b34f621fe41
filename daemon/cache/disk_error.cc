#include "daemon/cache/disk_error.h"

#include <cerrno>
#include <charconv>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::cache {

int ErrnoOf(const absl::Status& status) {
  if (status.ok()) return 0;
  const ErrorDetails details = DetailsOf(status);
  const auto fact = details.facts.find("errno");
  if (fact == details.facts.end()) return 0;
  int number = 0;
  std::from_chars(fact->second.data(), fact->second.data() + fact->second.size(), number);
  return number;
}

bool SaysAbsent(const absl::Status& status) {
  if (absl::IsNotFound(status)) return true;
  const int number = ErrnoOf(status);
  return number == ENOTDIR || number == EISDIR || number == ELOOP;
}

absl::Status InTheWay(const std::filesystem::path& path, std::string_view what) {
  const std::string shown = Printable(path.native());
  return MakeError(absl::StatusCode::kDataLoss, reason::kInvalidPath, fmt::format("{} {}", shown, what),
                   fmt::format("look at {} and remove what does not belong there, then try again", shown));
}

}  // namespace batuta::cache
