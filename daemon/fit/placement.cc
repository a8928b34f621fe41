#include "daemon/fit/placement.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "daemon/fit/placing.h"

namespace batuta::fit {
namespace {

// What goes to a device as a whole: a layer with its cache, and last the output.
struct Unit {
  uint64_t bytes = 0;
  uint64_t expert_bytes = 0;  // of that
};

std::vector<Unit> UnitsOf(const Weights& weights, const Load& load) {
  std::vector<Unit> units(std::max(weights.layers.size(), load.cache.layer_bytes.size()) + 1);
  for (size_t i = 0; i < weights.layers.size(); ++i) {
    units[i].bytes = weights.layers[i].bytes;
    units[i].expert_bytes = weights.layers[i].expert_bytes;
  }
  for (size_t i = 0; i < load.cache.layer_bytes.size(); ++i) units[i].bytes += load.cache.layer_bytes[i];
  units.front().bytes += weights.other_bytes;
  units.back().bytes += weights.output_bytes + weights.tied_bytes;
  return units;
}

uint64_t BytesOf(const std::vector<Unit>& units) {
  return std::accumulate(units.begin(), units.end(), uint64_t{0},
                         [](uint64_t sum, const Unit& unit) { return sum + unit.bytes; });
}

Placement Better(Placement one, Placement other) {
  const bool takes_other = other.fits != one.fits ? other.fits : other.short_bytes < one.short_bytes;
  return takes_other ? std::move(other) : std::move(one);
}

// As programs do it when nobody tells them otherwise: shares in proportion to the free memory.
std::vector<uint64_t> InProportion(const std::vector<Unit>& units, const Budget& budget) {
  std::vector<uint64_t> of_device(budget.device_bytes.size(), 0);
  const auto whole = static_cast<double>(std::max<uint64_t>(budget.devices_bytes(), 1));
  for (size_t unit = 0; unit < units.size(); ++unit) {
    const double share = static_cast<double>(unit) / static_cast<double>(units.size());
    double reached = 0;
    size_t device = MainDevice(budget);
    for (size_t i = 0; i < of_device.size(); ++i) {
      reached += static_cast<double>(budget.device_bytes[i]) / whole;
      if (budget.device_bytes[i] == 0 || reached <= share) continue;
      device = i;
      break;
    }
    of_device[device] += units[unit].bytes;
  }
  return of_device;
}

// Which device each unit is on; those before the first of them are in the memory.
struct Filling {
  std::vector<std::optional<size_t>> device_of;  // by unit

  size_t in_memory() const {
    return static_cast<size_t>(std::count(device_of.begin(), device_of.end(), std::nullopt));
  }
};

// From the last unit and the last device on, each as full as whole units make it.
Filling Fill(const std::vector<Unit>& units, std::vector<uint64_t> room) {
  Filling filling{std::vector<std::optional<size_t>>(units.size())};
  size_t device = room.size();
  for (size_t unit = units.size(); unit > 0; --unit) {
    const uint64_t bytes = units[unit - 1].bytes;
    while (device > 0 && (room[device - 1] < bytes || room[device - 1] == 0)) --device;
    if (device == 0) break;
    room[device - 1] -= bytes;
    filling.device_of[unit - 1] = device - 1;
  }
  return filling;
}

// On one GPU, in proportion, or as full as they get: the first of these that fits.
Placement OnGpus(const Weights& weights, const Load& load, const Budget& budget) {
  const std::vector<Unit> units = UnitsOf(weights, load);
  if (UsableDevices(budget) == 0) {
    Placement placement = EmptyPlacement(Mode::kGpu, budget, units.size() - 1);
    placement.compute_bytes = load.compute.gpu_bytes + load.compute.host_bytes + FixedMemory(load);
    placement.memory_bytes = weights.embedding_bytes + load.compute.host_bytes + FixedMemory(load);
    placement.short_bytes = BytesOf(units) + load.compute.gpu_bytes + ProjectorNeed(load);
    return placement;
  }
  std::vector<uint64_t> on_one(budget.device_bytes.size(), 0);
  on_one[MainDevice(budget)] = BytesOf(units);
  Placement best = AllOnGpus(on_one, weights.embedding_bytes, load, budget, units.size() - 1);
  if (best.fits || UsableDevices(budget) == 1) return best;
  best =
      Better(AllOnGpus(InProportion(units, budget), weights.embedding_bytes, load, budget, units.size() - 1),
             std::move(best));
  if (best.fits) return best;
  const Filling filling = Fill(units, RoomOf(budget, PipelineBytes(load, 2), load));
  if (filling.in_memory() > 0) return best;
  std::vector<uint64_t> of_device(budget.device_bytes.size(), 0);
  for (size_t i = 0; i < units.size(); ++i) of_device[*filling.device_of[i]] += units[i].bytes;
  return Better(AllOnGpus(of_device, weights.embedding_bytes, load, budget, units.size() - 1),
                std::move(best));
}

// A filling as a placement; `keeps_experts` says of each unit whether its experts are in the memory.
Placement Divided(const std::vector<Unit>& units, const Filling& filling,
                  const std::vector<bool>& keeps_experts, const Weights& weights, const Load& load,
                  const Budget& budget) {
  Placement placement = EmptyPlacement(Mode::kHybrid, budget, units.size() - 1);
  std::vector<uint64_t> of_device(budget.device_bytes.size(), 0);
  placement.memory_bytes = weights.embedding_bytes + load.compute.cpu_bytes + FixedMemory(load);
  for (size_t i = 0; i < units.size(); ++i) {
    const std::optional<size_t> device = filling.device_of[i];
    const uint64_t experts = keeps_experts[i] ? units[i].expert_bytes : 0;
    if (!device.has_value()) {
      placement.memory_bytes += units[i].bytes;
      continue;
    }
    of_device[*device] += units[i].bytes - experts;
    placement.memory_bytes += experts;
    if (experts > 0) placement.has_experts_in_memory = true;
    if (i + 1 < units.size()) ++placement.device_layers;
  }
  placement.compute_bytes = load.compute.cpu_bytes + FixedMemory(load) + ProjectorNeed(load);
  const uint64_t buffers = load.compute.gpu_bytes + StagingBytes(weights);
  for (size_t i = 0; i < of_device.size(); ++i) {
    if (of_device[i] == 0) continue;
    placement.device_bytes[i] = of_device[i] + buffers;
    placement.compute_bytes += buffers;
  }
  placement.device_bytes[MainDevice(budget)] += ProjectorNeed(load);
  return Settled(std::move(placement), budget);
}

// Attention of all layers on the GPUs, and the experts of as many of the last ones as there is room for.
std::optional<Placement> WithExpertsInMemory(const std::vector<Unit>& units,
                                             const std::vector<uint64_t>& room, const Weights& weights,
                                             const Load& load, const Budget& budget) {
  std::vector<Unit> on_gpus = units;
  std::vector<bool> keeps_experts(units.size(), false);
  for (size_t i = 0; i < units.size(); ++i) {
    on_gpus[i].bytes -= units[i].expert_bytes;
    keeps_experts[i] = true;
    if (units[i].expert_bytes == 0) continue;
    const Filling filling = Fill(on_gpus, room);
    if (filling.in_memory() == 0) return Divided(units, filling, keeps_experts, weights, load, budget);
  }
  return std::nullopt;
}

// Between the GPUs and the memory.
Placement InBoth(const Weights& weights, const Load& load, const Budget& budget) {
  const std::vector<Unit> units = UnitsOf(weights, load);
  const std::vector<uint64_t> room = RoomOf(budget, load.compute.gpu_bytes + StagingBytes(weights), load);
  const bool has_experts =
      std::any_of(units.begin(), units.end(), [](const Unit& unit) { return unit.expert_bytes > 0; });
  if (has_experts) {
    const auto placement = WithExpertsInMemory(units, room, weights, load, budget);
    if (placement.has_value() && placement->fits) return *placement;
  }
  const Filling filling = Fill(units, room);
  Placement placement =
      Divided(units, filling, std::vector<bool>(units.size(), false), weights, load, budget);
  if (filling.in_memory() == units.size()) {
    // Not even the output has room on a GPU.
    placement.fits = false;
    placement.short_bytes = std::max<uint64_t>(placement.short_bytes, units.back().bytes);
  }
  return placement;
}

}  // namespace

std::string_view NameOf(Mode mode) {
  switch (mode) {
    case Mode::kGpu:
      return "gpu";
    case Mode::kHybrid:
      return "hybrid";
    case Mode::kCpu:
      return "cpu";
  }
  return "cpu";
}

Placement Place(const Weights& weights, const Load& load, const Budget& budget, Mode mode) {
  const size_t layers = std::max(weights.layers.size(), load.cache.layer_bytes.size());
  if (mode == Mode::kCpu) return OnCpu(weights.total_bytes, load, budget, layers);
  if (mode == Mode::kGpu || UsableDevices(budget) == 0) return OnGpus(weights, load, budget);
  return InBoth(weights, load, budget);
}

}  // namespace batuta::fit
