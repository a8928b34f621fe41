#include "common/machine/memory.h"

#include <algorithm>
#include <array>
#include <map>

namespace batuta {
namespace {

constexpr uint64_t kNoLimit = uint64_t{1} << 62;  // version 1 says "none" with numbers from here on
constexpr size_t kMaxDepth = 64;

// `name: value kB` or, for what is counted and not measured, `name: value`.
uint64_t MeminfoBytes(std::string_view value) {
  value = Trimmed(value);
  const bool is_kilobytes = value.ends_with("kB");
  if (is_kilobytes) value.remove_suffix(2);
  return Times(ParseWhole(value).value_or(0), is_kilobytes ? 1024 : 1);
}

bool HasOption(std::string_view options, std::string_view name) {
  while (!options.empty()) {
    if (TakeUntil(options, ',') == name) return true;
  }
  return false;
}

// mountinfo writes blanks, tabs, line feeds and backslashes as `\040` and so on.
std::string Unescaped(std::string_view text) {
  const auto digit = [](char c, char most) { return c >= '0' && c <= most; };
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && digit(text[i + 1], '3') && digit(text[i + 2], '7') &&
        digit(text[i + 3], '7')) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

struct MountLine {
  std::string group;
  std::string folder;
  std::string_view kind;
  std::string_view options;  // of the file system
};

// `36 35 98:0 /group /folder rw,noatime shared:1 - cgroup2 cgroup rw,nsdelegate`
std::optional<MountLine> ParseMountLine(std::string_view line) {
  const size_t dash = line.find(" - ");
  if (dash == std::string_view::npos) return std::nullopt;
  std::string_view rest = line.substr(dash + 3);
  line = line.substr(0, dash);
  std::array<std::string_view, 5> fields;
  for (std::string_view& field : fields) {
    if (line.empty()) return std::nullopt;
    field = TakeUntil(line, ' ');
  }
  MountLine mount{.group = Unescaped(fields[3]), .folder = Unescaped(fields[4]), .kind = {}, .options = {}};
  if (!rest.empty()) mount.kind = TakeUntil(rest, ' ');
  if (!rest.empty()) TakeUntil(rest, ' ');
  mount.options = rest;
  return mount;
}

// Where a group that is `path` in the hierarchy lies below the mount; nothing when the mount does not show
// it.
std::optional<std::filesystem::path> BelowMount(const CgroupMount& mount, const std::filesystem::path& path) {
  const std::filesystem::path relative = path.lexically_relative(mount.group);
  if (relative.empty()) return std::nullopt;
  if (relative == ".") return std::filesystem::path();
  return *relative.begin() == ".." ? std::nullopt : std::optional(relative);
}

void Narrow(std::optional<CgroupRoom>& room, uint64_t limit, uint64_t used) {
  if (limit >= kNoLimit) return;
  if (!room) room = CgroupRoom{.limit_bytes = kNoLimit, .free_bytes = kNoLimit};
  room->limit_bytes = std::min(room->limit_bytes, limit);
  room->free_bytes = std::min(room->free_bytes, Less(limit, used));
}

// memory.max and memory.high say "max" for none.
uint64_t LimitIn(const RootedFiles& files, const std::filesystem::path& path) {
  return files.Number(path).value_or(kNoLimit);
}

// What the group uses less what it would give back: page cache that nobody used of late.
uint64_t UsedBy(const RootedFiles& files, const std::filesystem::path& folder, const char* usage,
                std::string_view reclaimable) {
  return Less(files.Number(folder / usage).value_or(0),
              StatValue(files.Text(folder / "memory.stat").value_or(""), reclaimable));
}

}  // namespace

std::optional<HostMemory> ParseMeminfo(std::string_view text) {
  std::map<std::string_view, uint64_t> values;
  while (!text.empty()) {
    std::string_view line = TakeUntil(text, '\n');
    const std::string_view name = TakeUntil(line, ':');
    values.emplace(name, MeminfoBytes(line));
  }
  const uint64_t total = values["MemTotal"];
  if (total == 0) return std::nullopt;
  HostMemory memory{.total_bytes = total, .available_bytes = 0, .huge_pages_bytes = values["Hugetlb"]};
  if (memory.huge_pages_bytes == 0) {
    memory.huge_pages_bytes = Times(values["HugePages_Total"], values["Hugepagesize"]);
  }
  if (values.contains("MemAvailable")) {
    memory.available_bytes = values["MemAvailable"];
  } else {
    // Kernels before 3.14. What is shared lies in the page cache and cannot go.
    memory.available_bytes =
        Less(Plus(values["MemFree"], Plus(values["Buffers"], values["Cached"])), values["Shmem"]);
  }
  memory.huge_pages_bytes = std::min(memory.huge_pages_bytes, total);
  memory.available_bytes = std::min(memory.available_bytes, total - memory.huge_pages_bytes);
  return memory;
}

CgroupPaths ParseCgroups(std::string_view text) {
  CgroupPaths paths;
  while (!text.empty()) {
    std::string_view line = TakeUntil(text, '\n');
    const std::string_view number = TakeUntil(line, ':');
    if (line.empty()) continue;
    const std::string_view controllers = TakeUntil(line, ':');
    if (!line.starts_with('/')) continue;
    if (number == "0" && controllers.empty()) paths.unified = line;
    if (HasOption(controllers, "memory")) paths.memory = line;
  }
  return paths;
}

CgroupMounts ParseCgroupMounts(std::string_view text) {
  CgroupMounts mounts;
  while (!text.empty()) {
    const std::optional<MountLine> line = ParseMountLine(TakeUntil(text, '\n'));
    if (!line || !line->folder.starts_with('/')) continue;
    const CgroupMount mount{.group = line->group, .folder = line->folder};
    if (line->kind == "cgroup2" && !mounts.unified) mounts.unified = mount;
    if (line->kind == "cgroup" && HasOption(line->options, "memory") && !mounts.memory) mounts.memory = mount;
  }
  return mounts;
}

std::vector<std::filesystem::path> CgroupFolders(const CgroupMount& mount, const std::string& path) {
  const std::filesystem::path top = mount.folder;
  // Inside a container the path may be "/", lead out of what is mounted, or be the host's: then the top is
  // all there is to see, and it is the own group.
  std::filesystem::path below =
      BelowMount(mount, std::filesystem::path(path).lexically_normal()).value_or("");
  std::vector<std::filesystem::path> folders;
  for (; !below.empty() && folders.size() + 1 < kMaxDepth; below = below.parent_path()) {
    folders.push_back(top / below);
  }
  folders.push_back(top);
  return folders;
}

uint64_t StatValue(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    std::string_view line = TakeUntil(text, '\n');
    if (TakeUntil(line, ' ') == name) return ParseWhole(line).value_or(0);
  }
  return 0;
}

std::optional<CgroupRoom> ReadCgroups(const RootedFiles& files) {
  const CgroupPaths paths = ParseCgroups(files.Text("proc/self/cgroup").value_or(""));
  const CgroupMounts mounts = ParseCgroupMounts(files.Text("proc/self/mountinfo").value_or(""));
  std::optional<CgroupRoom> room;
  if (mounts.unified && !paths.unified.empty()) {
    for (const std::filesystem::path& folder : CgroupFolders(*mounts.unified, paths.unified)) {
      const uint64_t limit =
          std::min(LimitIn(files, folder / "memory.max"), LimitIn(files, folder / "memory.high"));
      Narrow(room, limit, UsedBy(files, folder, "memory.current", "inactive_file"));
    }
  }
  if (mounts.memory && !paths.memory.empty()) {
    for (const std::filesystem::path& folder : CgroupFolders(*mounts.memory, paths.memory)) {
      const uint64_t used = UsedBy(files, folder, "memory.usage_in_bytes", "total_inactive_file");
      Narrow(room, LimitIn(files, folder / "memory.limit_in_bytes"), used);
      // Of the groups above, also of those that the mount does not show.
      const uint64_t above =
          StatValue(files.Text(folder / "memory.stat").value_or(""), "hierarchical_memory_limit");
      if (above > 0) Narrow(room, above, used);
    }
  }
  return room;
}

Memory UsableMemory(const HostMemory& host, const std::optional<CgroupRoom>& room,
                    std::optional<uint64_t> address_space_bytes, std::optional<uint64_t> data_bytes) {
  Memory memory{.total_bytes = host.total_bytes - host.huge_pages_bytes,
                .available_bytes = host.available_bytes,
                .limited_by = ""};
  const auto narrow = [&memory](uint64_t total, uint64_t available, const char* by) {
    if (total < memory.total_bytes || available < memory.available_bytes) memory.limited_by = by;
    memory.total_bytes = std::min(memory.total_bytes, total);
    memory.available_bytes = std::min({memory.available_bytes, available, memory.total_bytes});
  };
  if (room) narrow(room->limit_bytes, room->free_bytes, "cgroup");
  for (const std::optional<uint64_t>& limit : {address_space_bytes, data_bytes}) {
    if (limit) narrow(*limit, *limit, "rlimit");
  }
  return memory;
}

}  // namespace batuta
