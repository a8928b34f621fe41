#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "daemon/fit/placement.h"

// What placing known weights and placing bounds have in common.
namespace batuta::fit {

// Never below 0.
uint64_t Minus(uint64_t from, uint64_t what);

// Of the projector, with what it computes.
uint64_t ProjectorNeed(const Load& load);

// What the memory holds whatever is on the GPUs, besides the embedding and the buffers.
uint64_t FixedMemory(const Load& load);

// The device that holds what is not divided, like a projector: the one with the most room.
size_t MainDevice(const Budget& budget);
size_t UsableDevices(const Budget& budget);

// Buffers of each of `devices` GPUs that have all layers: of several, each holds its inputs up to four times.
uint64_t PipelineBytes(const Load& load, size_t devices);

// What of each device is left for layers beside `buffers`.
std::vector<uint64_t> RoomOf(const Budget& budget, uint64_t buffers, const Load& load);

// Placements with their fields computed. `layers` is without the output.
Placement EmptyPlacement(Mode mode, const Budget& budget, size_t layers);
Placement OnCpu(uint64_t weights_bytes, const Load& load, const Budget& budget, size_t layers);

// `of_device[i]` bytes of weights and cache on each device, all there are.
Placement AllOnGpus(const std::vector<uint64_t>& of_device, uint64_t embedding_bytes, const Load& load,
                    const Budget& budget, size_t layers);

// Says whether it fits, and by how much not.
Placement Settled(Placement placement, const Budget& budget);

}  // namespace batuta::fit
