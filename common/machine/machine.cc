#include "common/machine/machine.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <sys/resource.h>

#include "common/machine/memory.h"
#include "common/machine/rooted_files.h"
#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta {
namespace {

constexpr size_t kMaxAskedDevices = 64;

using Environment = std::function<std::optional<std::string>(std::string_view name)>;

std::optional<uint64_t> SoftLimit(int resource) {
  rlimit limit{};
  if (::getrlimit(static_cast<__rlimit_resource_t>(resource), &limit) != 0) return std::nullopt;
  if (limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return limit.rlim_cur;
}

// A variable that is set to the empty text counts as unset.
std::optional<std::string> Get(const Environment& environment, std::string_view name) {
  if (!environment) return std::nullopt;
  std::optional<std::string> value = environment(name);
  if (value && value->empty()) return std::nullopt;
  return value;
}

absl::Status BadVariable(std::string_view name, const absl::Status& status) {
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kConfigInvalid,
                   fmt::format("{}: {}", name, MessageOf(status)), HintOf(status));
}

Memory ReadMemory(const MachineSources& sources, const RootedFiles& files, std::vector<std::string>& notes) {
  if (sources.asked.memory_bytes) {
    return {.total_bytes = *sources.asked.memory_bytes,
            .available_bytes = *sources.asked.memory_bytes,
            .limited_by = "asked for"};
  }
  const std::optional<HostMemory> host = ParseMeminfo(files.Text("proc/meminfo").value_or(""));
  if (!host) {
    notes.emplace_back(
        "how much memory the machine has could not be read (/proc/meminfo); give it with --memory");
    return {};
  }
  if (host->huge_pages_bytes > 0) {
    notes.push_back(
        fmt::format("{} are reserved for huge pages and not counted", FormatBytes(host->huge_pages_bytes)));
  }
  return UsableMemory(*host, ReadCgroups(files), sources.address_space_bytes, sources.data_bytes);
}

std::vector<Device> AskedDevices(const std::vector<uint64_t>& sizes) {
  std::vector<Device> devices;
  for (const uint64_t size : sizes) {
    const std::string number = std::to_string(devices.size());
    devices.push_back({.name = "GPU " + number,
                       .id = "asked-for-" + number,
                       .kind = "asked for",
                       .total_bytes = size,
                       .free_bytes = size,
                       .shares_memory = false});
  }
  return devices;
}

}  // namespace

Machine DetectMachine(const MachineSources& sources) {
  const RootedFiles files(sources.root);
  Machine machine;
  machine.memory = ReadMemory(sources, files, machine.notes);
  if (sources.asked.vram_bytes) machine.devices = AskedDevices(*sources.asked.vram_bytes);
  return machine;
}

absl::StatusOr<MachineSources> ProcessMachineSources(Environment environment, AskedMachine asked) {
  MachineSources sources;
  if (const std::optional<std::string> root = Get(environment, "BATUTA_FIT_ROOT")) sources.root = *root;
  if (const std::optional<std::string> text = Get(environment, "BATUTA_FIT_MEMORY");
      text && !asked.memory_bytes) {
    const absl::StatusOr<uint64_t> memory = ParseBytes(*text);
    if (!memory.ok()) return BadVariable("BATUTA_FIT_MEMORY", memory.status());
    asked.memory_bytes = *memory;
  }
  if (const std::optional<std::string> text = Get(environment, "BATUTA_FIT_VRAM");
      text && !asked.vram_bytes) {
    absl::StatusOr<std::vector<uint64_t>> vram = ParseVram(*text);
    if (!vram.ok()) return BadVariable("BATUTA_FIT_VRAM", vram.status());
    asked.vram_bytes = *std::move(vram);
  }
  sources.environment = std::move(environment);
  sources.address_space_bytes = SoftLimit(RLIMIT_AS);
  sources.data_bytes = SoftLimit(RLIMIT_DATA);
  sources.asked = std::move(asked);
  return sources;
}

absl::StatusOr<std::vector<uint64_t>> ParseVram(std::string_view text) {
  std::vector<uint64_t> sizes;
  std::string_view rest = text;
  do {
    ASSIGN_OR_RETURN(const uint64_t size, ParseBytes(Trimmed(TakeUntil(rest, ','))));
    if (size > 0) sizes.push_back(size);
    if (sizes.size() > kMaxAskedDevices) {
      return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                       fmt::format("{} names more than {} GPUs", Quoted(text), kMaxAskedDevices),
                       "write one size for each GPU, like `24GiB,24GiB`, or `0` for none");
    }
  } while (!rest.empty());
  return sizes;
}

}  // namespace batuta
