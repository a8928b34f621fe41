#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "common/machine/devices.h"
#include "common/machine/memory.h"
#include "common/machine/visible_devices.h"

namespace batuta {
namespace {

constexpr uint64_t kAmd = 0x1002;
constexpr uint64_t kGiB = uint64_t{1} << 30;

// What ROCm's driver says of a GPU; found by the number of its render node.
struct RocmNode {
  uint64_t position = 0;
  std::string chip;
  std::string unique_id;
};

std::map<uint64_t, RocmNode> ReadRocmNodes(const RootedFiles& files) {
  const std::filesystem::path folder = "sys/class/kfd/kfd/topology/nodes";
  std::map<uint64_t, RocmNode> nodes;
  uint64_t position = 0;
  for (const std::string& name : files.Names(folder)) {
    const std::string properties = files.Text(folder / name / "properties").value_or("");
    const std::string chip = AmdChip(StatValue(properties, "gfx_target_version"));
    if (chip.empty()) continue;  // a CPU
    const uint64_t id = StatValue(properties, "unique_id");
    nodes.emplace(StatValue(properties, "drm_render_minor"),
                  RocmNode{.position = position++,
                           .chip = chip,
                           .unique_id = id == 0 ? "" : fmt::format("GPU-{:016x}", id)});
  }
  return nodes;
}

// A small part of the machine's memory set aside, the rest borrowed as it is needed: a GPU inside the
// processor. One with a large part set aside is like a card of its own, since the machine has already lost
// that memory.
bool IsIntegrated(const AmdGpu& gpu) {
  return !gpu.has_board && gpu.vram_bytes <= 4 * kGiB && gpu.gtt_bytes >= 8 * kGiB &&
         gpu.gtt_bytes / 4 >= gpu.vram_bytes;
}

Device ToDevice(const AmdGpu& gpu, const Memory& memory) {
  Device device{.name = !gpu.name.empty()   ? gpu.name
                        : !gpu.chip.empty() ? "AMD GPU " + gpu.chip
                                            : "AMD GPU",
                .id = gpu.unique_id.empty() ? gpu.address : gpu.unique_id,
                .kind = "amd",
                .total_bytes = gpu.vram_bytes,
                .free_bytes = Less(gpu.vram_bytes, gpu.vram_used_bytes),
                .shares_memory = IsIntegrated(gpu)};
  if (device.shares_memory) {
    device.total_bytes = Plus(device.total_bytes, std::min(gpu.gtt_bytes, memory.total_bytes));
    device.free_bytes =
        Plus(device.free_bytes, std::min(Less(gpu.gtt_bytes, gpu.gtt_used_bytes), memory.available_bytes));
  }
  return device;
}

void Filter(std::vector<AmdGpu>& gpus, const char* variable, const std::string& list,
            std::vector<std::string>& notes) {
  std::vector<std::string> ids;
  ids.reserve(gpus.size());
  for (const AmdGpu& gpu : gpus) ids.push_back(gpu.unique_id);
  std::vector<AmdGpu> shown;
  for (const size_t position : VisibleDevices(list, ids, gpus.size())) shown.push_back(gpus[position]);
  if (shown.size() < gpus.size()) {
    notes.push_back(fmt::format("{} shows {} of {} AMD GPUs", variable, shown.size(), gpus.size()));
  }
  gpus = std::move(shown);
}

}  // namespace

std::string AmdChip(uint64_t target_version) {
  if (target_version == 0 || target_version > 1'000'000) return "";
  return fmt::format("gfx{}{:x}{:x}", target_version / 10'000, target_version / 100 % 100,
                     target_version % 100);
}

std::vector<AmdGpu> ReadAmdGpus(const RootedFiles& files, const std::vector<DrmCard>& cards) {
  const std::map<uint64_t, RocmNode> nodes = ReadRocmNodes(files);
  std::vector<AmdGpu> gpus;
  for (const DrmCard& card : cards) {
    if (card.vendor != kAmd) continue;
    const auto number = [&](const char* name) { return files.Number(card.folder / name).value_or(0); };
    AmdGpu gpu;
    gpu.address = card.address;
    gpu.name = Trimmed(files.Text(card.folder / "product_name").value_or(""));
    gpu.vram_bytes = number("mem_info_vram_total");
    gpu.vram_used_bytes = number("mem_info_vram_used");
    gpu.gtt_bytes = number("mem_info_gtt_total");
    gpu.gtt_used_bytes = number("mem_info_gtt_used");
    gpu.has_board = files.Text(card.folder / "mem_info_vram_vendor").has_value() ||
                    files.Text(card.folder / "board_info").has_value();
    constexpr std::string_view kPrefix = "renderD";
    if (card.render_node.starts_with(kPrefix)) {
      const auto node = nodes.find(ParseWhole(card.render_node.substr(kPrefix.size())).value_or(0));
      if (node != nodes.end()) {
        gpu.rocm_node = node->second.position;
        gpu.chip = node->second.chip;
        gpu.unique_id = node->second.unique_id;
      }
    }
    gpus.push_back(std::move(gpu));
  }
  return gpus;
}

FoundDevices AmdDevices(std::vector<AmdGpu> gpus, const DeviceEnvironment& environment,
                        const Memory& memory) {
  FoundDevices found;
  // In ROCm's order; cards that it does not see come behind, for programs that use Vulkan.
  std::stable_sort(gpus.begin(), gpus.end(), [](const AmdGpu& one, const AmdGpu& other) {
    constexpr uint64_t kLast = std::numeric_limits<uint64_t>::max();
    return one.rocm_node.value_or(kLast) < other.rocm_node.value_or(kLast);
  });
  if (const std::optional<std::string> list = environment("ROCR_VISIBLE_DEVICES"); list && !gpus.empty()) {
    Filter(gpus, "ROCR_VISIBLE_DEVICES", *list, found.notes);
  }
  for (const char* variable : {"HIP_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL"}) {
    const std::optional<std::string> list = environment(variable);
    if (!list || gpus.empty()) continue;
    Filter(gpus, variable, *list, found.notes);
    break;
  }
  for (const AmdGpu& gpu : gpus) {
    if (gpu.vram_bytes == 0 && gpu.gtt_bytes == 0) {
      found.notes.push_back(
          fmt::format("an AMD GPU at {} is there, but its driver does not tell its memory", gpu.address));
      continue;
    }
    found.devices.push_back(ToDevice(gpu, memory));
    if (!gpu.rocm_node) {
      found.notes.push_back(fmt::format("{} is not seen by ROCm; programs that use Vulkan can use it",
                                        found.devices.back().name));
    }
  }
  return found;
}

}  // namespace batuta
