#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/machine/machine.h"
#include "common/machine/nvidia.h"
#include "common/machine/rooted_files.h"

// From what drivers tell to the devices that a program could use. The functions that take what was told
// decide and touch nothing; the ones that take files read it below /sys, /proc and /dev.
namespace batuta {

struct FoundDevices {
  std::vector<Device> devices;
  std::vector<std::string> notes;
};

using DeviceEnvironment = std::function<std::optional<std::string>(std::string_view name)>;

// Honours CUDA_VISIBLE_DEVICES, CUDA_DEVICE_ORDER and NVIDIA_VISIBLE_DEVICES. `memory` is that of the
// machine.
FoundDevices NvidiaDevices(const NvidiaReport& report, const DeviceEnvironment& environment,
                           const Memory& memory);

// One graphics card as the kernel shows it, of whatever maker.
struct DrmCard {
  std::filesystem::path folder;  // sys/class/drm/card0/device
  uint64_t vendor = 0;           // of PCI
  std::string address;           // on the bus, "0000:03:00.0"
  std::string driver;            // "amdgpu", "i915", "xe", …; "" = not told
  std::string render_node;       // "renderD128"; "" = none
};

std::vector<DrmCard> ReadDrmCards(const RootedFiles& files);

// Is a display adapter of NVIDIA on the bus, with a driver or without?
bool HasNvidiaHardware(const RootedFiles& files);

struct AmdGpu {
  std::string address;
  std::string name;                   // of the product; "" = not told
  std::string unique_id;              // "GPU-…" as ROCm writes it; "" = not told
  std::string chip;                   // "gfx1151"; "" = not told
  std::optional<uint64_t> rocm_node;  // its place in ROCm's order; nothing = ROCm does not see it
  uint64_t vram_bytes = 0;
  uint64_t vram_used_bytes = 0;
  uint64_t gtt_bytes = 0;  // memory of the machine that it may use
  uint64_t gtt_used_bytes = 0;
  bool has_board = false;  // memory chips or a board of its own
};

std::vector<AmdGpu> ReadAmdGpus(const RootedFiles& files, const std::vector<DrmCard>& cards);

// Honours ROCR_VISIBLE_DEVICES, then HIP_VISIBLE_DEVICES (else GPU_DEVICE_ORDINAL).
FoundDevices AmdDevices(std::vector<AmdGpu> gpus, const DeviceEnvironment& environment, const Memory& memory);

// `gfx_target_version` of ROCm as the compilers write it: 110501 → "gfx1151"; "" for 0.
std::string AmdChip(uint64_t target_version);

// Memory of its own that a driver tells of.
struct DrmMemory {
  uint64_t total_bytes = 0;
  std::optional<uint64_t> free_bytes;  // nothing = not told to this user
};

// The answers of the drivers xe and i915 to a query for their memory regions. Nothing where they tell of no
// memory of its own.
std::optional<DrmMemory> ParseXeRegions(std::span<const std::byte> answer);
std::optional<DrmMemory> ParseI915Regions(std::span<const std::byte> answer);

// Asks the driver by ioctl(2). Nothing where it cannot be asked.
std::optional<DrmMemory> QueryDrmMemory(const std::filesystem::path& render_node, std::string_view driver);

struct IntelGpu {
  std::string address;
  std::string driver;
  std::optional<DrmMemory> memory;  // its own
};

std::vector<IntelGpu> ReadIntelGpus(const RootedFiles& files, const std::vector<DrmCard>& cards);

FoundDevices IntelDevices(const std::vector<IntelGpu>& gpus, const Memory& memory);

// Bytes of the region `index` of a PCI device's file `resource`; 0 when there is none.
uint64_t PciRegionBytes(std::string_view resource, size_t index);

}  // namespace batuta
