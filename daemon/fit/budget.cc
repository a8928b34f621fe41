#include <algorithm>
#include <numeric>

#include "daemon/fit/placement.h"

namespace batuta::fit {
namespace {

constexpr uint64_t kGiB = uint64_t{1} << 30;

uint64_t Minus(uint64_t from, uint64_t what) {
  return from > what ? from - what : 0;
}

// The devices that are used: those with memory of their own, or else all of them.
bool IsShared(const Machine& machine) {
  return std::all_of(machine.devices.begin(), machine.devices.end(),
                     [](const Device& device) { return device.shares_memory; });
}

uint64_t MemoryBudget(const Machine& machine) {
  const uint64_t available = machine.memory.available_bytes;
  return Minus(available, std::max(kGiB, available / 20));
}

}  // namespace

uint64_t Budget::devices_bytes() const {
  return std::accumulate(device_bytes.begin(), device_bytes.end(), uint64_t{0});
}

uint64_t Budget::total_bytes() const {
  return is_shared ? memory_bytes : memory_bytes + devices_bytes();
}

Budget BudgetOf(const Machine& machine) {
  Budget budget;
  budget.memory_bytes = MemoryBudget(machine);
  budget.is_shared = IsShared(machine);
  for (const Device& device : machine.devices) {
    uint64_t bytes = 0;
    if (budget.is_shared) {
      // The margin of the memory is the margin of what shares it.
      bytes = std::min(device.free_bytes, budget.memory_bytes);
    } else if (!device.shares_memory) {
      bytes = Minus(device.free_bytes, kGiB);
    }
    budget.device_bytes.push_back(bytes);
  }
  return budget;
}

Budget ServerBudgetOf(const Machine& machine) {
  Budget budget = BudgetOf(machine);
  for (size_t i = 0; i < budget.device_bytes.size(); ++i) {
    const Device& device = machine.devices[i];
    if (budget.is_shared || device.total_bytes == 0) continue;
    const uint64_t claimed = device.total_bytes / 10 * 9;
    budget.device_bytes[i] = std::min(budget.device_bytes[i], Minus(claimed, kGiB));
  }
  return budget;
}

}  // namespace batuta::fit
