#include "common/machine/machine.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>
#include <sys/resource.h>

#include "common/machine/devices.h"
#include "common/machine/memory.h"
#include "common/machine/rooted_files.h"
#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta {
namespace {

constexpr size_t kMaxAskedDevices = 64;

using Environment = DeviceEnvironment;

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

FoundDevices FindNvidia(const MachineSources& sources, const Environment& environment,
                        const RootedFiles& files, const Memory& memory) {
  const NvidiaReport report = sources.nvidia ? sources.nvidia() : NvidiaReport{};
  FoundDevices found = NvidiaDevices(report, environment, memory);
  if (!report.has_library && HasNvidiaHardware(files)) {
    found.notes.emplace_back(
        "an NVIDIA GPU is there, but its driver's library (libnvidia-ml.so.1) cannot be loaded");
  }
  return found;
}

void Append(FoundDevices found, Machine& machine) {
  std::move(found.devices.begin(), found.devices.end(), std::back_inserter(machine.devices));
  std::move(found.notes.begin(), found.notes.end(), std::back_inserter(machine.notes));
}

// Beside a card with memory of its own, a GPU inside the processor adds nothing that the processor does not
// have.
void LeaveOutIntegrated(Machine& machine) {
  const auto has_own = [](const Device& device) { return !device.shares_memory; };
  if (std::none_of(machine.devices.begin(), machine.devices.end(), has_own)) return;
  std::vector<Device> kept;
  for (Device& device : machine.devices) {
    if (has_own(device)) {
      kept.push_back(std::move(device));
    } else {
      machine.notes.push_back(fmt::format("{} is not counted: its memory is the machine's", device.name));
    }
  }
  machine.devices = std::move(kept);
}

// Names come from drivers and from files that somebody may have put in their place.
void MakePrintable(Machine& machine) {
  constexpr size_t kMaxTextBytes = 200;
  const auto clean = [](std::string& text) { text = Printable(text.substr(0, kMaxTextBytes)); };
  for (Device& device : machine.devices) {
    clean(device.name);
    clean(device.id);
  }
  for (std::string& note : machine.notes) note = Printable(note.substr(0, 2 * kMaxTextBytes));
}

}  // namespace

Machine DetectMachine(const MachineSources& sources) {
  const Environment environment = [&sources](std::string_view name) {
    return sources.environment ? sources.environment(name) : std::nullopt;
  };
  const RootedFiles files(sources.root);
  Machine machine;
  machine.memory = ReadMemory(sources, files, machine.notes);
  if (sources.asked.vram_bytes) {
    machine.devices = AskedDevices(*sources.asked.vram_bytes);
    return machine;
  }
  const std::vector<DrmCard> cards = ReadDrmCards(files);
  Append(FindNvidia(sources, environment, files, machine.memory), machine);
  Append(AmdDevices(ReadAmdGpus(files, cards), environment, machine.memory), machine);
  Append(IntelDevices(ReadIntelGpus(files, cards), machine.memory), machine);
  LeaveOutIntegrated(machine);
  MakePrintable(machine);
  return machine;
}

absl::StatusOr<MachineSources> ProcessMachineSources(Environment environment, AskedMachine asked) {
  MachineSources sources;
  constexpr const char* kWsl = "usr/lib/wsl/lib/libnvidia-ml.so.1";
  std::vector<std::filesystem::path> nvml = {"libnvidia-ml.so.1", std::filesystem::path("/") / kWsl};
  if (const std::optional<std::string> root = Get(environment, "BATUTA_FIT_ROOT")) {
    if (!root->starts_with('/')) {
      return MakeError(absl::StatusCode::kInvalidArgument, reason::kConfigInvalid,
                       fmt::format("BATUTA_FIT_ROOT: {} is not an absolute path", Quoted(*root)),
                       "give a full path");
    }
    sources.root = *root;
    nvml = {sources.root / kWsl};
  }
  sources.nvidia = [nvml] { return ReadNvml(nvml); };
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
