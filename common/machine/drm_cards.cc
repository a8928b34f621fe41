#include <algorithm>

#include "common/machine/devices.h"

namespace batuta {
namespace {

constexpr uint64_t kNvidia = 0x10de;
constexpr uint64_t kDisplayClass = 0x03;  // the first byte of a PCI class

// "card0", and not a connector of it like "card0-DP-1".
bool IsNumbered(std::string_view name, std::string_view prefix) {
  return name.starts_with(prefix) && name.size() > prefix.size() &&
         name.find_first_not_of("0123456789", prefix.size()) == std::string_view::npos;
}

// The value of a line `name=value`.
std::string Property(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    std::string_view line = TakeUntil(text, '\n');
    if (!line.empty() && TakeUntil(line, '=') == name) return std::string(Trimmed(line));
  }
  return "";
}

}  // namespace

std::vector<DrmCard> ReadDrmCards(const RootedFiles& files) {
  const std::filesystem::path folder = "sys/class/drm";
  std::vector<DrmCard> cards;
  for (const std::string& name : files.Names(folder)) {
    if (!IsNumbered(name, "card")) continue;
    DrmCard card;
    card.folder = folder / name / "device";
    card.vendor = files.Number(card.folder / "vendor").value_or(0);
    const std::string properties = files.Text(card.folder / "uevent").value_or("");
    card.address = Property(properties, "PCI_SLOT_NAME");
    if (card.address.empty()) card.address = name;
    card.driver = Property(properties, "DRIVER");
    for (const std::string& node : files.Names(card.folder / "drm")) {
      if (IsNumbered(node, "renderD")) card.render_node = node;
    }
    cards.push_back(std::move(card));
  }
  return cards;
}

bool HasNvidiaHardware(const RootedFiles& files) {
  const std::filesystem::path folder = "sys/bus/pci/devices";
  const std::vector<std::string> names = files.Names(folder);
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return files.Number(folder / name / "vendor") == kNvidia &&
           files.Number(folder / name / "class").value_or(0) >> 16 == kDisplayClass;
  });
}

}  // namespace batuta
