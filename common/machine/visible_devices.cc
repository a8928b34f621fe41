#include "common/machine/visible_devices.h"

#include <algorithm>
#include <optional>

#include "common/machine/rooted_files.h"

namespace batuta {
namespace {

std::optional<size_t> Find(std::string_view entry, const std::vector<std::string>& ids, size_t numbered) {
  if (entry.empty()) return std::nullopt;
  if (entry.find_first_not_of("0123456789") == std::string_view::npos) {
    const std::optional<uint64_t> number = ParseWhole(entry);
    return number && *number < numbered ? std::optional<size_t>(*number) : std::nullopt;
  }
  std::optional<size_t> found;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (!ids[i].starts_with(entry)) continue;
    if (ids[i] == entry) return i;
    if (found) return std::nullopt;
    found = i;
  }
  return found;
}

}  // namespace

std::vector<size_t> VisibleDevices(std::string_view list, const std::vector<std::string>& ids,
                                   size_t numbered) {
  std::vector<size_t> visible;
  while (!list.empty()) {
    const std::optional<size_t> position = Find(Trimmed(TakeUntil(list, ',')), ids, numbered);
    if (!position || std::find(visible.begin(), visible.end(), *position) != visible.end()) break;
    visible.push_back(*position);
  }
  return visible;
}

}  // namespace batuta
