// What stands in the place of the kernel's files and answers, whatever it is: no crash, and no number that
// cannot be. The first byte says how it is read.
#include <cstdint>
#include <cstdlib>
#include <set>
#include <span>
#include <string_view>

#include "common/machine/devices.h"
#include "common/machine/memory.h"
#include "common/machine/visible_devices.h"

namespace {

void Expect(bool holds) {
  if (!holds) std::abort();
}

void ReadMeminfo(std::string_view text) {
  const std::optional<batuta::HostMemory> memory = batuta::ParseMeminfo(text);
  if (!memory) return;
  Expect(memory->available_bytes <= memory->total_bytes - memory->huge_pages_bytes);
  const batuta::Memory usable = batuta::UsableMemory(*memory, std::nullopt, std::nullopt, std::nullopt);
  Expect(usable.available_bytes <= usable.total_bytes);
}

void ReadGroups(std::string_view text) {
  const batuta::CgroupMounts mounts = batuta::ParseCgroupMounts(text);
  const batuta::CgroupPaths paths = batuta::ParseCgroups(text);
  for (const auto& mount : {mounts.unified, mounts.memory}) {
    if (!mount) continue;
    for (const std::string& path : {paths.unified, paths.memory}) {
      const auto folders = batuta::CgroupFolders(*mount, path);
      Expect(!folders.empty() && folders.size() <= 64);
    }
  }
}

void ReadList(std::string_view text) {
  const std::vector<std::string> ids = {"GPU-aa", "GPU-ab", "MIG-c"};
  const std::vector<size_t> visible = batuta::VisibleDevices(text, ids, 2);
  Expect(visible.size() <= ids.size() && std::set(visible.begin(), visible.end()).size() == visible.size());
}

void CheckRegions(const std::optional<batuta::DrmMemory>& memory) {
  if (!memory) return;
  Expect(memory->total_bytes > 0 && memory->free_bytes.value_or(0) <= memory->total_bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 7) {
    case 0:
      ReadMeminfo(text);
      break;
    case 1:
      ReadGroups(text);
      break;
    case 2:
      ReadList(text);
      break;
    case 3:
      CheckRegions(batuta::ParseXeRegions(std::as_bytes(std::span(text))));
      break;
    case 4:
      CheckRegions(batuta::ParseI915Regions(std::as_bytes(std::span(text))));
      break;
    case 5:
      batuta::PciRegionBytes(text, size % 7);
      break;
    default:
      if (const auto sizes = batuta::ParseVram(text); sizes.ok()) Expect(sizes->size() <= 64);
  }
  return 0;
}
