#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "common/machine/nvidia.h"

// What memory this machine has for a model, as far as this process could use it. Client and daemon ask the
// same function; the machine of the *caller* is what counts, since a sandboxed daemon sees less.
namespace batuta {

struct Memory {
  uint64_t total_bytes = 0;      // not more than the limits of the process allow
  uint64_t available_bytes = 0;  // of that, what is free or can be freed at once; never swap
  std::string limited_by;        // "" (the machine itself), "cgroup", "rlimit" or "asked for"
};

// One accelerator, or one partition of it.
struct Device {
  std::string name;            // for a person; printable
  std::string id;              // stable: a UUID or an address on the bus; printable
  std::string kind;            // "nvidia", "amd", "intel" or "asked for"
  uint64_t total_bytes = 0;    // 0 = not known
  uint64_t free_bytes = 0;     // a snapshot: another process may be loading
  bool shares_memory = false;  // its memory is that of the machine: never to be counted twice
};

struct Machine {
  Memory memory;
  std::vector<Device> devices;     // those that may be used, in the order in which programs number them
  std::vector<std::string> notes;  // what was there and is not counted, and why; sentences for a person
};

// Sizes that a person gave instead of what there is.
struct AskedMachine {
  std::optional<uint64_t> memory_bytes;
  std::optional<std::vector<uint64_t>> vram_bytes;  // of each GPU; empty = no GPU
};

// Everything that DetectMachine() may look at.
struct MachineSources {
  std::filesystem::path root = "/";  // every file is read below it
  std::function<std::optional<std::string>(std::string_view name)> environment;  // none = nothing is set

  // RLIMIT_AS and RLIMIT_DATA; nothing = no limit.
  std::optional<uint64_t> address_space_bytes;
  std::optional<uint64_t> data_bytes;

  std::function<NvidiaReport()> nvidia;  // what NVML tells; none = there is no NVML
  AskedMachine asked;
};

// Never fails: what cannot be read is not there, and a note says so where a person would miss it. Every
// number and text is taken from outside and bounded. Blocks: it reads some small files, and the first call of
// NVML may take a second on a GPU that sleeps.
Machine DetectMachine(const MachineSources& sources);

// Those of this process: its files, limits, environment and NVML. `BATUTA_FIT_ROOT` is another root, below
// which then NVML too is looked for; `BATUTA_FIT_MEMORY` and `BATUTA_FIT_VRAM` (sizes as ParseVram() takes
// them) are what was asked for where `asked` is silent.
//   kInvalidArgument (CONFIG_INVALID)  a variable is malformed; it is named.
absl::StatusOr<MachineSources> ProcessMachineSources(
    std::function<std::optional<std::string>(std::string_view name)> environment, AskedMachine asked = {});

// `24GiB`, `24GB,24GB`: the size of each GPU, comma-separated; `0` = none.
//   kInvalidArgument (INVALID_ARGUMENT)
absl::StatusOr<std::vector<uint64_t>> ParseVram(std::string_view text);

}  // namespace batuta
