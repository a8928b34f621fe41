#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace batuta {

// One NVIDIA GPU, or one MIG instance of it, as NVML tells.
struct NvidiaGpu {
  std::string name;
  std::string uuid;          // "GPU-…" or "MIG-…"; "" = not told
  uint64_t total_bytes = 0;  // with free_bytes: nothing when `memory_error` is not 0
  uint64_t free_bytes = 0;
  int memory_error = 0;         // of NVML, when it does not tell the memory
  int capability = 0;           // major · 100 + minor of the CUDA compute capability; 0 = not told
  bool is_instance = false;     // of a GPU with MIG
  bool is_partitioned = false;  // MIG: only its instances can be used
  std::vector<NvidiaGpu> instances;
};

// All that NVML tells at one moment, in its order (by bus address).
struct NvidiaReport {
  bool has_library = false;
  std::string driver;  // its version; "" = not told
  std::string error;   // why there are no GPUs, or not all; a clause for a person, "" = none
  std::vector<NvidiaGpu> gpus;
};

// Loads the first of `libraries` that there is (a name is searched where the loader looks, a path is taken as
// it is), asks it and lets it go again. Never fails: what went wrong is part of the report. At most 64 GPUs
// of 16 instances.
NvidiaReport ReadNvml(const std::vector<std::filesystem::path>& libraries);

// Text of an NVML error code, for a person.
std::string NvmlErrorText(int code);

}  // namespace batuta
