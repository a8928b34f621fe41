#include <algorithm>
#include <utility>

#include "daemon/fit/placement.h"
#include "daemon/fit/placing.h"

namespace batuta::fit {
namespace {

Verdict VerdictOf(bool least_fits, bool most_fits) {
  if (!least_fits) return Verdict::kNo;
  return most_fits ? Verdict::kYes : Verdict::kMaybe;
}

// No layer with its cache, and not the output, is larger.
uint64_t LargestUnit(const WeightBounds& bounds, const Load& load) {
  const auto& caches = load.cache.layer_bytes;
  const auto largest = std::max_element(caches.begin(), caches.end());
  return bounds.largest_unit + (largest == caches.end() ? 0 : *largest);
}

// What the GPUs hold at the least before a whole unit has no room on any of them; 0 also when the projector
// has none.
uint64_t SureOnGpus(const WeightBounds& bounds, const Load& load, const Budget& budget, uint64_t buffers) {
  if (ProjectorNeed(load) > budget.device_bytes[MainDevice(budget)]) return 0;
  const uint64_t unit = LargestUnit(bounds, load);
  uint64_t sure = 0;
  for (const uint64_t room : RoomOf(budget, buffers, load)) sure += Minus(room, unit);
  return sure;
}

// Weights and cache wherever they are, with a copy of the embedding on a GPU.
Range Everything(const WeightBounds& bounds, const Load& load) {
  const uint64_t cache = load.cache.total_bytes;
  return {bounds.total.least + bounds.tied.least + cache, bounds.total.most + bounds.tied.most + cache};
}

Verdict JudgeCpu(const WeightBounds& bounds, const Load& load, const Budget& budget) {
  return VerdictOf(OnCpu(bounds.total.least, load, budget, 0).fits,
                   OnCpu(bounds.total.most, load, budget, 0).fits);
}

Verdict JudgeGpu(const WeightBounds& bounds, const Load& load, const Budget& budget) {
  const uint64_t cache = load.cache.total_bytes;
  const size_t devices = UsableDevices(budget);
  const uint64_t memory_besides = load.compute.host_bytes + FixedMemory(load);
  const Range everything = Everything(bounds, load);
  const uint64_t gpu_besides = load.compute.gpu_bytes + ProjectorNeed(load);

  bool least_fits = bounds.on_gpu.least + cache + gpu_besides <= budget.devices_bytes() &&
                    bounds.embedding.least + memory_besides <= budget.memory_bytes;
  bool memory_holds = bounds.embedding.most + memory_besides <= budget.memory_bytes;
  if (budget.is_shared) {
    least_fits = least_fits && everything.least + gpu_besides + memory_besides <= budget.memory_bytes;
    const uint64_t all_besides = devices * PipelineBytes(load, devices) + ProjectorNeed(load);
    memory_holds = memory_holds && everything.most + all_besides + memory_besides <= budget.memory_bytes;
  }
  const uint64_t largest = budget.device_bytes[MainDevice(budget)];
  const uint64_t most = bounds.on_gpu.most + cache;
  const bool one_holds = most + gpu_besides <= largest;
  const bool all_hold = devices > 1 && most <= SureOnGpus(bounds, load, budget, PipelineBytes(load, devices));
  return VerdictOf(least_fits, memory_holds && (one_holds || all_hold));
}

Verdict JudgeHybrid(const WeightBounds& bounds, const Load& load, const Budget& budget) {
  const Range everything = Everything(bounds, load);
  const uint64_t memory_besides = load.compute.cpu_bytes + FixedMemory(load);
  const uint64_t least = everything.least + load.compute.gpu_bytes + memory_besides + ProjectorNeed(load);
  const uint64_t buffers = load.compute.gpu_bytes + bounds.staging;
  const uint64_t sure = SureOnGpus(bounds, load, budget, buffers);
  bool most_fits = false;
  if (budget.is_shared) {
    const uint64_t besides = UsableDevices(budget) * buffers + memory_besides + ProjectorNeed(load);
    most_fits = sure > 0 && everything.most + besides <= budget.memory_bytes;
  } else {
    const uint64_t in_memory = std::max(bounds.embedding.most, Minus(everything.most, sure));
    most_fits = sure > 0 && in_memory + memory_besides <= budget.memory_bytes;
  }
  return VerdictOf(least <= budget.total_bytes(), most_fits);
}

// As if weights could be divided anywhere, in proportion to what the devices have.
std::vector<uint64_t> Divided(uint64_t bytes, const std::vector<uint64_t>& among) {
  long double whole = 0;
  for (const uint64_t part : among) whole += static_cast<long double>(part);
  std::vector<uint64_t> parts;
  for (const uint64_t part : among) {
    const long double share = whole == 0 ? 0 : static_cast<long double>(part) / whole;
    parts.push_back(static_cast<uint64_t>(share * static_cast<long double>(bytes)));
  }
  return parts;
}

Placement OnGpus(const WeightBounds& bounds, const Load& load, const Budget& budget, size_t layers) {
  const uint64_t bytes = bounds.on_gpu.most + load.cache.total_bytes;
  std::vector<uint64_t> on_one(budget.device_bytes.size(), 0);
  if (!on_one.empty()) on_one[MainDevice(budget)] = bytes;
  if (UsableDevices(budget) == 0) {
    Placement placement = EmptyPlacement(Mode::kGpu, budget, layers);
    placement.memory_bytes = bounds.embedding.most + load.compute.host_bytes + FixedMemory(load);
    placement.compute_bytes = load.compute.gpu_bytes + load.compute.host_bytes + FixedMemory(load);
    placement.short_bytes = bytes + load.compute.gpu_bytes + ProjectorNeed(load);
    return placement;
  }
  Placement placement = AllOnGpus(on_one, bounds.embedding.most, load, budget, layers);
  if (placement.fits || UsableDevices(budget) == 1) return placement;
  return AllOnGpus(Divided(bytes, budget.device_bytes), bounds.embedding.most, load, budget, layers);
}

Placement InBoth(const WeightBounds& bounds, const Load& load, const Budget& budget, size_t layers) {
  Placement placement = EmptyPlacement(Mode::kHybrid, budget, layers);
  const uint64_t buffers = load.compute.gpu_bytes + bounds.staging;
  const uint64_t whole = bounds.on_gpu.most + load.cache.total_bytes;
  const uint64_t on_gpus = std::min(SureOnGpus(bounds, load, budget, buffers), whole);
  placement.compute_bytes = load.compute.cpu_bytes + FixedMemory(load) + ProjectorNeed(load);
  const std::vector<uint64_t> parts = Divided(on_gpus, RoomOf(budget, buffers, load));
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] == 0) continue;
    placement.device_bytes[i] = parts[i] + buffers;
    placement.compute_bytes += buffers;
  }
  if (!parts.empty()) placement.device_bytes[MainDevice(budget)] += ProjectorNeed(load);
  const uint64_t in_memory = std::max(bounds.embedding.most, Minus(Everything(bounds, load).most, on_gpus));
  placement.memory_bytes = in_memory + load.compute.cpu_bytes + FixedMemory(load);
  const long double share =
      whole == 0 ? 0 : static_cast<long double>(on_gpus) / static_cast<long double>(whole);
  placement.device_layers = static_cast<uint32_t>(share * static_cast<long double>(layers));
  return Settled(std::move(placement), budget);
}

}  // namespace

Verdict Judge(const WeightBounds& bounds, const Load& load, const Budget& budget, Mode mode) {
  if (mode == Mode::kCpu) return JudgeCpu(bounds, load, budget);
  if (UsableDevices(budget) == 0) return Verdict::kNo;
  return mode == Mode::kGpu ? JudgeGpu(bounds, load, budget) : JudgeHybrid(bounds, load, budget);
}

Placement PlaceBounds(const WeightBounds& bounds, const Load& load, const Budget& budget, Mode mode) {
  const size_t layers = load.shape == nullptr ? 0 : load.shape->layers.size();
  Placement placement;
  if (mode == Mode::kCpu) {
    placement = OnCpu(bounds.total.most, load, budget, layers);
  } else if (mode == Mode::kGpu || UsableDevices(budget) == 0) {
    placement = OnGpus(bounds, load, budget, layers);
  } else {
    placement = InBoth(bounds, load, budget, layers);
  }
  placement.fits = Judge(bounds, load, budget, mode) == Verdict::kYes;
  if (placement.fits) {
    placement.short_bytes = 0;
  } else if (placement.short_bytes == 0) {
    // It is short of room for a whole layer.
    placement.short_bytes = std::max<uint64_t>(LargestUnit(bounds, load), 1);
  }
  return placement;
}

}  // namespace batuta::fit
