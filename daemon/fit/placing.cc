#include "daemon/fit/placing.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace batuta::fit {

uint64_t Minus(uint64_t from, uint64_t what) {
  return from > what ? from - what : 0;
}

uint64_t ProjectorNeed(const Load& load) {
  return load.projector_bytes == 0 ? 0 : load.projector_bytes + kProjectorBytes;
}

uint64_t FixedMemory(const Load& load) {
  return load.compute.output_bytes + kProcessBytes;
}

size_t MainDevice(const Budget& budget) {
  const auto most = std::max_element(budget.device_bytes.begin(), budget.device_bytes.end());
  return static_cast<size_t>(most - budget.device_bytes.begin());
}

size_t UsableDevices(const Budget& budget) {
  return static_cast<size_t>(std::count_if(budget.device_bytes.begin(), budget.device_bytes.end(),
                                           [](uint64_t bytes) { return bytes > 0; }));
}

uint64_t PipelineBytes(const Load& load, size_t devices) {
  return load.compute.gpu_bytes + (devices > 1 ? 3 * load.compute.host_bytes : 0);
}

std::vector<uint64_t> RoomOf(const Budget& budget, uint64_t buffers, const Load& load) {
  std::vector<uint64_t> room;
  const size_t main = MainDevice(budget);
  for (size_t i = 0; i < budget.device_bytes.size(); ++i) {
    const uint64_t besides = buffers + (i == main ? ProjectorNeed(load) : 0);
    room.push_back(Minus(budget.device_bytes[i], besides));
  }
  return room;
}

Placement EmptyPlacement(Mode mode, const Budget& budget, size_t layers) {
  Placement placement;
  placement.mode = mode;
  placement.device_bytes.assign(budget.device_bytes.size(), 0);
  placement.layers = static_cast<uint32_t>(layers);
  return placement;
}

Placement OnCpu(uint64_t weights_bytes, const Load& load, const Budget& budget, size_t layers) {
  Placement placement = EmptyPlacement(Mode::kCpu, budget, layers);
  placement.compute_bytes = load.compute.cpu_bytes + FixedMemory(load) + ProjectorNeed(load);
  placement.memory_bytes = weights_bytes + load.cache.total_bytes + placement.compute_bytes;
  return Settled(std::move(placement), budget);
}

Placement AllOnGpus(const std::vector<uint64_t>& of_device, uint64_t embedding_bytes, const Load& load,
                    const Budget& budget, size_t layers) {
  Placement placement = EmptyPlacement(Mode::kGpu, budget, layers);
  placement.device_layers = placement.layers;
  const auto used = static_cast<size_t>(
      std::count_if(of_device.begin(), of_device.end(), [](uint64_t bytes) { return bytes > 0; }));
  placement.compute_bytes = load.compute.host_bytes + FixedMemory(load) + ProjectorNeed(load);
  for (size_t i = 0; i < of_device.size(); ++i) {
    if (of_device[i] == 0) continue;
    placement.device_bytes[i] = of_device[i] + PipelineBytes(load, used);
    placement.compute_bytes += PipelineBytes(load, used);
  }
  placement.device_bytes[MainDevice(budget)] += ProjectorNeed(load);
  placement.memory_bytes = embedding_bytes + load.compute.host_bytes + FixedMemory(load);
  return Settled(std::move(placement), budget);
}

Placement Settled(Placement placement, const Budget& budget) {
  uint64_t devices_over = 0;
  uint64_t on_devices = 0;
  for (size_t i = 0; i < placement.device_bytes.size(); ++i) {
    devices_over += Minus(placement.device_bytes[i], budget.device_bytes[i]);
    on_devices += placement.device_bytes[i];
  }
  const uint64_t in_memory = placement.memory_bytes + (budget.is_shared ? on_devices : 0);
  const uint64_t memory_over = Minus(in_memory, budget.memory_bytes);
  placement.short_bytes = budget.is_shared ? std::max(devices_over, memory_over) : devices_over + memory_over;
  placement.fits = placement.short_bytes == 0;
  return placement;
}

}  // namespace batuta::fit
