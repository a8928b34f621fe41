#include "common/machine/nvidia.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "common/machine/devices.h"
#include "common/machine/visible_devices.h"

namespace batuta {
namespace {

constexpr int kNotSupported = 3;

// Chips whose GPU has no memory of its own. Some of them tell a small figure nevertheless.
bool IsIntegrated(const NvidiaGpu& gpu) {
  if (gpu.memory_error == kNotSupported) return true;
  constexpr std::array<std::string_view, 6> kChips = {"GB10", "Jetson", "Orin", "Tegra", "Thor", "Xavier"};
  std::string_view name = gpu.name;
  while (!name.empty()) {
    if (std::find(kChips.begin(), kChips.end(), TakeUntil(name, ' ')) != kChips.end()) return true;
  }
  return false;
}

std::string NameOf(const NvidiaGpu& gpu) {
  return gpu.name.empty() ? "NVIDIA GPU" : gpu.name;
}

bool AreAlike(const std::vector<NvidiaGpu>& gpus) {
  return std::all_of(gpus.begin(), gpus.end(),
                     [&](const NvidiaGpu& gpu) { return gpu.name == gpus.front().name; });
}

// CUDA numbers GPUs from fast to slow unless it is told to go by the bus, as NVML does. How fast one is it
// does not tell; the generation and then the size come near.
void SortBySpeed(std::vector<NvidiaGpu>& gpus) {
  std::stable_sort(gpus.begin(), gpus.end(), [](const NvidiaGpu& one, const NvidiaGpu& other) {
    return std::pair(one.capability, one.total_bytes) > std::pair(other.capability, other.total_bytes);
  });
}

// Those that the environment shows, in its order; the instances of a GPU stand behind all GPUs, since only
// GPUs have numbers.
std::vector<NvidiaGpu> Shown(const std::vector<NvidiaGpu>& gpus, const std::optional<std::string>& list) {
  if (!list) return gpus;
  std::vector<NvidiaGpu> all = gpus;
  for (const NvidiaGpu& gpu : gpus) all.insert(all.end(), gpu.instances.begin(), gpu.instances.end());
  std::vector<std::string> ids;
  ids.reserve(all.size());
  for (const NvidiaGpu& gpu : all) ids.push_back(gpu.uuid);
  std::vector<NvidiaGpu> shown;
  for (const size_t position : VisibleDevices(*list, ids, gpus.size())) shown.push_back(all[position]);
  return shown;
}

// A process of CUDA sees one instance of one partitioned GPU and then nothing else.
void KeepOneInstance(std::vector<NvidiaGpu>& shown, std::vector<std::string>& notes) {
  std::vector<NvidiaGpu> usable;
  std::optional<NvidiaGpu> instance;
  size_t instances = 0;
  for (const NvidiaGpu& gpu : shown) {
    if (gpu.is_instance) {
      ++instances;
      if (!instance) instance = gpu;
    } else if (gpu.is_partitioned) {
      if (gpu.instances.empty())
        notes.push_back(fmt::format("{} is partitioned (MIG) and has no instance", NameOf(gpu)));
      instances += gpu.instances.size();
      if (!instance && !gpu.instances.empty()) instance = gpu.instances.front();
    } else {
      usable.push_back(gpu);
    }
  }
  if (instance) {
    if (instances > 1 || !usable.empty()) {
      notes.push_back(fmt::format(
          "of partitioned GPUs (MIG) a program sees one instance and no other GPU: {} ({}) is counted; "
          "choose another one with CUDA_VISIBLE_DEVICES",
          NameOf(*instance), instance->uuid));
    }
    usable = {*instance};
  }
  shown = std::move(usable);
}

void AddDevice(const NvidiaGpu& gpu, const Memory& memory, FoundDevices& found) {
  Device device{.name = NameOf(gpu),
                .id = gpu.uuid,
                .kind = "nvidia",
                .total_bytes = gpu.total_bytes,
                .free_bytes = gpu.free_bytes,
                .shares_memory = false};
  if (IsIntegrated(gpu)) {
    device.total_bytes = memory.total_bytes;
    device.free_bytes = memory.available_bytes;
    device.shares_memory = true;
  } else if (gpu.memory_error != 0) {
    found.notes.push_back(fmt::format("{} is there, but its memory is not told: {}", NameOf(gpu),
                                      NvmlErrorText(gpu.memory_error)));
    return;
  }
  found.devices.push_back(std::move(device));
}

}  // namespace

FoundDevices NvidiaDevices(const NvidiaReport& report, const DeviceEnvironment& environment,
                           const Memory& memory) {
  FoundDevices found;
  if (!report.error.empty()) {
    found.notes.push_back(fmt::format("NVIDIA's driver is there, but: {}", report.error));
  }
  if (report.gpus.empty()) return found;
  const std::string container = environment("NVIDIA_VISIBLE_DEVICES").value_or("");
  if (container == "void" || container == "none") {
    found.notes.push_back(fmt::format("NVIDIA_VISIBLE_DEVICES is {}: no NVIDIA GPU is counted", container));
    return found;
  }
  const std::optional<std::string> list = environment("CUDA_VISIBLE_DEVICES");
  std::vector<NvidiaGpu> gpus = report.gpus;
  if (!AreAlike(gpus) && environment("CUDA_DEVICE_ORDER").value_or("") != "PCI_BUS_ID") {
    SortBySpeed(gpus);
    if (list && list->find_first_of("0123456789") == 0) {
      found.notes.emplace_back(
          "CUDA_VISIBLE_DEVICES has numbers, and CUDA numbers GPUs by speed, which can only be guessed; "
          "CUDA_DEVICE_ORDER=PCI_BUS_ID or UUIDs make it certain");
    }
  }
  std::vector<NvidiaGpu> shown = Shown(gpus, list);
  if (shown.size() < gpus.size()) {
    found.notes.push_back(
        fmt::format("CUDA_VISIBLE_DEVICES shows {} of {} NVIDIA GPUs", shown.size(), gpus.size()));
  }
  KeepOneInstance(shown, found.notes);
  for (const NvidiaGpu& gpu : shown) AddDevice(gpu, memory, found);
  return found;
}

}  // namespace batuta
