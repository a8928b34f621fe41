#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/machine/machine.h"
#include "daemon/fit/cache_need.h"
#include "daemon/fit/compute_need.h"
#include "daemon/fit/model_shape.h"
#include "daemon/fit/weights.h"

namespace batuta::fit {

enum class Mode {
  kGpu,     // all layers and the output on GPUs
  kHybrid,  // the output and some layers on GPUs, or all but experts
  kCpu,
};

// "gpu", "hybrid", "cpu".
std::string_view NameOf(Mode mode);

// What a model may use of a machine, after margins.
struct Budget {
  uint64_t memory_bytes = 0;
  std::vector<uint64_t> device_bytes;  // of each device of the machine; 0 = not to be used
  bool is_shared = false;              // the devices' memory is that of the machine: what they take, it loses

  uint64_t devices_bytes() const;  // all of them
  uint64_t total_bytes() const;    // memory and devices together, what is shared once
};

// Kept free: 1 GiB of each GPU; of the memory 5 %, at least 1 GiB. A GPU that shares the memory is left out
// where there is one that does not.
Budget BudgetOf(const Machine& machine);

// The same for servers of safetensors, which take 90 % of a GPU and leave 1 GiB of that.
Budget ServerBudgetOf(const Machine& machine);

// What a model needs besides its weights.
struct Load {
  const ModelShape* shape = nullptr;
  CacheNeed cache;
  ComputeNeed compute;
  uint64_t projector_bytes = 0;  // of a file that is loaded beside; 0 = none
};

// One way to run a model.
struct Placement {
  Mode mode = Mode::kCpu;
  bool fits = false;
  uint64_t memory_bytes = 0;           // in the memory of the machine
  std::vector<uint64_t> device_bytes;  // on each device
  uint64_t short_bytes = 0;            // by how much it fails
  uint64_t compute_bytes = 0;          // of all of these: buffers, and what is fixed
  uint32_t device_layers = 0;          // on the GPUs, of
  uint32_t layers = 0;                 // these, the output being one more
  bool has_experts_in_memory = false;  // the layers on the GPUs leave their experts in the memory
};

// The best way in that mode to place weights that are known; where none fits, the one that fails by least.
Placement Place(const Weights& weights, const Load& load, const Budget& budget, Mode mode);

// Can it be placed in that mode, as far as bounds tell? Agrees with Place() for all weights within them;
// kMaybe: some fit and others do not.
enum class Verdict { kNo, kMaybe, kYes };
Verdict Judge(const WeightBounds& bounds, const Load& load, const Budget& budget, Mode mode);

// The most that it takes in that mode; what is on which device is an estimate.
Placement PlaceBounds(const WeightBounds& bounds, const Load& load, const Budget& budget, Mode mode);

}  // namespace batuta::fit
