#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/machine/machine.h"
#include "common/machine/rooted_files.h"

// The memory of the machine and of the groups that this process is in. All texts are the kernel's, or what
// somebody put in their place.
namespace batuta {

struct HostMemory {
  uint64_t total_bytes = 0;
  uint64_t available_bytes = 0;
  uint64_t huge_pages_bytes = 0;  // reserved, so of no use for a model; part of the total
};

// /proc/meminfo. Nothing when it does not even tell the total.
std::optional<HostMemory> ParseMeminfo(std::string_view text);

// Where the process stands in a hierarchy of groups; "" = nowhere.
struct CgroupPaths {
  std::string unified;  // version 2
  std::string memory;   // version 1: of the controller "memory"
};

// /proc/self/cgroup.
CgroupPaths ParseCgroups(std::string_view text);

// Where a hierarchy of groups can be seen, and which group is the top of what can be seen.
struct CgroupMount {
  std::string group;
  std::string folder;
};

struct CgroupMounts {
  std::optional<CgroupMount> unified;
  std::optional<CgroupMount> memory;
};

// /proc/self/mountinfo.
CgroupMounts ParseCgroupMounts(std::string_view text);

// The folder of the group `path` and of each one above it, as far as the mount shows them; the innermost
// first, at most 64.
std::vector<std::filesystem::path> CgroupFolders(const CgroupMount& mount, const std::string& path);

// The value of a line `name value`, as in memory.stat; 0 when there is none.
uint64_t StatValue(std::string_view text, std::string_view name);

// What one group may use, and what of that is free.
struct CgroupRoom {
  uint64_t limit_bytes = 0;
  uint64_t free_bytes = 0;
};

// Nothing where no group has a limit.
std::optional<CgroupRoom> ReadCgroups(const RootedFiles& files);

// The memory of `host` within a group and within the limits of a process.
Memory UsableMemory(const HostMemory& host, const std::optional<CgroupRoom>& room,
                    std::optional<uint64_t> address_space_bytes, std::optional<uint64_t> data_bytes);

}  // namespace batuta
