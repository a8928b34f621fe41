#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include <dlfcn.h>
#include <fmt/format.h>

#include "common/machine/nvidia.h"

// The part of NVML's C interface that is asked, as its library has exported it since 2014; nothing of it is
// linked.
namespace batuta {
namespace {

constexpr unsigned kMaxGpus = 64;
constexpr unsigned kMaxInstances = 16;
constexpr size_t kTextBytes = 96;

constexpr int kOk = 0;
constexpr int kNotSupported = 3;
constexpr int kFunctionNotFound = 13;

struct NvmlDevice;

struct NvmlMemory {
  unsigned long long total = 0;
  unsigned long long free = 0;
  unsigned long long used = 0;
};

struct NvmlMemory2 {
  unsigned version = 0x02000028;  // of this struct: its size, and 2 << 24
  unsigned long long total = 0;
  unsigned long long reserved = 0;
  unsigned long long free = 0;
  unsigned long long used = 0;
};

static_assert(sizeof(NvmlMemory2) == 0x28);

struct Unload {
  void operator()(void* library) const { ::dlclose(library); }
};

using Library = std::unique_ptr<void, Unload>;

Library Load(const std::vector<std::filesystem::path>& libraries) {
  for (const std::filesystem::path& path : libraries) {
    if (void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL); library != nullptr) {
      return Library(library);
    }
  }
  return nullptr;
}

// Asks the library; functions that it lacks answer as NVML does for functions that the driver lacks.
class NvmlCalls {
 public:
  explicit NvmlCalls(void* library) : library_(library) {}

  int Init() const {
    const int code = Call("nvmlInit_v2");
    return code == kFunctionNotFound ? Call("nvmlInit") : code;
  }

  void Shutdown() const { Call("nvmlShutdown"); }

  int Count(unsigned& count) const {
    const int code = Call("nvmlDeviceGetCount_v2", &count);
    return code == kFunctionNotFound ? Call("nvmlDeviceGetCount", &count) : code;
  }

  int Gpu(unsigned index, NvmlDevice*& device) const {
    const int code = Call("nvmlDeviceGetHandleByIndex_v2", index, &device);
    return code == kFunctionNotFound ? Call("nvmlDeviceGetHandleByIndex", index, &device) : code;
  }

  int Instance(NvmlDevice* gpu, unsigned index, NvmlDevice*& device) const {
    return Call("nvmlDeviceGetMigDeviceHandleByIndex", gpu, index, &device);
  }

  unsigned InstanceCount(NvmlDevice* gpu) const {
    unsigned count = 0;
    return Call("nvmlDeviceGetMaxMigDeviceCount", gpu, &count) == kOk ? count : 0;
  }

  bool IsPartitioned(NvmlDevice* gpu) const {
    unsigned current = 0;
    unsigned pending = 0;
    return Call("nvmlDeviceGetMigMode", gpu, &current, &pending) == kOk && current == 1;
  }

  int Capability(NvmlDevice* device) const {
    int major = 0;
    int minor = 0;
    if (Call("nvmlDeviceGetCudaComputeCapability", device, &major, &minor) != kOk) return 0;
    return std::clamp(major, 0, 1000) * 100 + std::clamp(minor, 0, 99);
  }

  // Version 2 tells what the driver keeps for itself apart from what is used; what is free is the same.
  int MemoryOf(NvmlDevice* device, NvidiaGpu& gpu) const {
    NvmlMemory2 memory2;
    int code = Call("nvmlDeviceGetMemoryInfo_v2", device, &memory2);
    NvmlMemory memory{.total = memory2.total, .free = memory2.free, .used = memory2.used};
    if (code != kOk) code = Call("nvmlDeviceGetMemoryInfo", device, &memory);
    if (code != kOk) return code;
    if (memory.total == 0) return kNotSupported;
    gpu.total_bytes = memory.total;
    gpu.free_bytes = std::min(memory.free, memory.total);
    return kOk;
  }

  std::string Name(NvmlDevice* device) const { return Text("nvmlDeviceGetName", device); }

  std::string Uuid(NvmlDevice* device) const { return Text("nvmlDeviceGetUUID", device); }

  std::string Driver() const { return Text("nvmlSystemGetDriverVersion"); }

 private:
  template <typename... Arguments>
  int Call(const char* name, Arguments... arguments) const {
    void* symbol = ::dlsym(library_, name);
    if (symbol == nullptr) return kFunctionNotFound;
    return reinterpret_cast<int (*)(Arguments...)>(symbol)(arguments...);
  }

  // A text that the library writes into a buffer; empty when it does not.
  template <typename... Arguments>
  std::string Text(const char* name, Arguments... arguments) const {
    std::array<char, kTextBytes> buffer{};
    const auto size = static_cast<unsigned>(buffer.size());
    if (Call(name, arguments..., buffer.data(), size) != kOk) return "";
    const std::string_view text(buffer.data(), buffer.size());
    return std::string(text.substr(0, text.find('\0')));
  }

  void* library_;
};

NvidiaGpu Describe(const NvmlCalls& nvml, NvmlDevice* device) {
  NvidiaGpu gpu;
  gpu.name = nvml.Name(device);
  gpu.uuid = nvml.Uuid(device);
  gpu.memory_error = nvml.MemoryOf(device, gpu);
  gpu.capability = nvml.Capability(device);
  return gpu;
}

void AddInstances(const NvmlCalls& nvml, NvmlDevice* device, NvidiaGpu& gpu) {
  gpu.is_partitioned = nvml.IsPartitioned(device);
  if (!gpu.is_partitioned) return;
  const unsigned count = std::min(nvml.InstanceCount(device), kMaxInstances);
  for (unsigned i = 0; i < count; ++i) {
    NvmlDevice* instance = nullptr;
    // The numbers have gaps where no instance was made.
    if (nvml.Instance(device, i, instance) != kOk) continue;
    gpu.instances.push_back(Describe(nvml, instance));
    gpu.instances.back().is_instance = true;
  }
}

void AddGpus(const NvmlCalls& nvml, NvidiaReport& report) {
  unsigned count = 0;
  if (const int code = nvml.Count(count); code != kOk) {
    report.error = NvmlErrorText(code);
    return;
  }
  for (unsigned i = 0; i < std::min(count, kMaxGpus); ++i) {
    NvmlDevice* device = nullptr;
    if (const int code = nvml.Gpu(i, device); code != kOk) {
      report.error = fmt::format("GPU {}: {}", i, NvmlErrorText(code));
      continue;
    }
    report.gpus.push_back(Describe(nvml, device));
    AddInstances(nvml, device, report.gpus.back());
  }
}

}  // namespace

NvidiaReport ReadNvml(const std::vector<std::filesystem::path>& libraries) {
  NvidiaReport report;
  const Library library = Load(libraries);
  if (library == nullptr) return report;
  report.has_library = true;
  const NvmlCalls nvml(library.get());
  if (const int code = nvml.Init(); code != kOk) {
    report.error = NvmlErrorText(code);
    return report;
  }
  report.driver = nvml.Driver();
  AddGpus(nvml, report);
  nvml.Shutdown();
  return report;
}

std::string NvmlErrorText(int code) {
  switch (code) {
    case 1:
      return "NVML is not initialised";
    case 2:
      return "NVML refused an argument";
    case kNotSupported:
      return "not supported";
    case 4:
      return "this user may not use it";
    case 6:
      return "not found";
    case 9:
      return "the driver is not loaded";
    case 12:
      return "a library of the driver is missing";
    case kFunctionNotFound:
      return "the driver is too old to tell";
    case 15:
      return "the GPU has fallen off the bus";
    case 17:
      return "the operating system or a cgroup blocks it";
    case 18:
      return "driver and library are of different versions (a restart of the machine helps after an update)";
    case 999:
      return "an error that NVML does not name";
    default:
      return fmt::format("error {} of NVML", code);
  }
}

}  // namespace batuta
