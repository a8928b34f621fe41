// A stand-in for libnvidia-ml.so.1 with the functions that are asked of it.
#include "tests/unit/common/machine/fake_nvml.h"

#include <cstring>

namespace {

using Gpu = batuta::FakeNvml::Gpu;

batuta::FakeNvml* fake = nullptr;

struct Memory {
  unsigned long long total, free, used;
};

struct Memory2 {
  unsigned version;
  unsigned long long total, reserved, free, used;
};

int Copy(const std::string& text, char* buffer, unsigned size) {
  std::strncpy(buffer, text.c_str(), size);
  return 0;
}

}  // namespace

extern "C" {

void fake_nvml_play(batuta::FakeNvml* script) {
  fake = script;
}

int nvmlInit_v2() {
  if (fake == nullptr) return 9;
  if (fake->init_code == 0) ++fake->open;
  return fake->init_code;
}

int nvmlShutdown() {
  --fake->open;
  return 0;
}

int nvmlSystemGetDriverVersion(char* buffer, unsigned size) {
  return Copy("550.54", buffer, size);
}

int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = static_cast<unsigned>(fake->gpus.size());
  return fake->count_code;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, Gpu** gpu) {
  *gpu = &fake->gpus.at(index);
  return (*gpu)->handle_code;
}

int nvmlDeviceGetName(Gpu* gpu, char* buffer, unsigned size) {
  return Copy(gpu->name, buffer, size);
}

int nvmlDeviceGetUUID(Gpu* gpu, char* buffer, unsigned size) {
  return Copy(gpu->uuid, buffer, size);
}

int nvmlDeviceGetMemoryInfo(Gpu* gpu, Memory* memory) {
  *memory = {gpu->total, gpu->free, gpu->total - gpu->free};
  return gpu->memory_code;
}

int nvmlDeviceGetMemoryInfo_v2(Gpu* gpu, Memory2* memory) {
  if (memory->version != 0x02000028) return 25;
  if (gpu->memory2_code != 0) return gpu->memory2_code;
  *memory = {memory->version, gpu->total, 0, gpu->free, gpu->total - gpu->free};
  return gpu->memory_code;
}

int nvmlDeviceGetCudaComputeCapability(Gpu*, int* major, int* minor) {
  *major = 8;
  *minor = 9;
  return 0;
}

int nvmlDeviceGetMigMode(Gpu* gpu, unsigned* current, unsigned* pending) {
  *current = *pending = gpu->has_mig ? 1 : 0;
  return 0;
}

int nvmlDeviceGetMaxMigDeviceCount(Gpu* gpu, unsigned* count) {
  *count = static_cast<unsigned>(gpu->instances.size());
  return 0;
}

int nvmlDeviceGetMigDeviceHandleByIndex(Gpu* gpu, unsigned index, Gpu** instance) {
  *instance = &gpu->instances.at(index);
  return (*instance)->handle_code;
}
}
