#include <array>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>

#include "common/io/unique_fd.h"
#include "common/machine/devices.h"

namespace batuta {
namespace {

constexpr uint64_t kIntel = 0x8086;
constexpr std::string_view kIntegratedAddress = "0000:00:02.0";  // where all of Intel's processors have it
constexpr uint64_t kGiB = uint64_t{1} << 30;
constexpr size_t kMaxAnswerBytes = 64 * 1024;
constexpr size_t kRegionBytes = 88;
constexpr uint16_t kDeviceClass = 1;

// Both drivers answer with a count, then regions of the same size: class, …, at 8 the size, at 16 what is
// used (xe) or free (i915).
struct RegionLayout {
  size_t header_bytes;
  bool tells_used;
};

template <typename T>
T At(std::span<const std::byte> bytes, size_t offset) {
  T value{};
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

std::optional<DrmMemory> ParseRegions(std::span<const std::byte> answer, const RegionLayout& layout) {
  if (answer.size() < layout.header_bytes) return std::nullopt;
  const auto count = At<uint32_t>(answer, 0);
  uint64_t total = 0;
  uint64_t free = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t offset = layout.header_bytes + i * kRegionBytes;
    if (offset + kRegionBytes > answer.size()) break;
    const std::span<const std::byte> region = answer.subspan(offset, kRegionBytes);
    if (At<uint16_t>(region, 0) != kDeviceClass) continue;
    const auto size = At<uint64_t>(region, 8);
    const auto told = At<uint64_t>(region, 16);
    total = Plus(total, size);
    free = Plus(free, layout.tells_used ? Less(size, told) : std::min(told, size));
  }
  if (total == 0) return std::nullopt;
  // Somebody always uses some of it: all free is what a user hears who may not know.
  return DrmMemory{.total_bytes = total, .free_bytes = free < total ? std::optional(free) : std::nullopt};
}

// As in the kernel's drm/xe_drm.h and drm/i915_drm.h, which never change.
struct XeQuery {
  uint64_t extensions = 0;
  uint32_t query = 1;  // memory regions
  uint32_t size = 0;
  uint64_t data = 0;
  std::array<uint64_t, 2> reserved{};
};

struct I915Item {
  uint64_t query = 4;  // memory regions
  int32_t length = 0;
  uint32_t flags = 0;
  uint64_t data = 0;
};

struct I915Query {
  uint32_t items = 1;
  uint32_t flags = 0;
  uint64_t items_address = 0;
};

static_assert(sizeof(XeQuery) == 40 && sizeof(I915Item) == 24 && sizeof(I915Query) == 16);

constexpr unsigned long kXeDeviceQuery = _IOWR('d', 0x40, XeQuery);
constexpr unsigned long kI915QueryIoctl = _IOWR('d', 0x40 + 0x39, I915Query);

uint64_t AddressOf(void* memory) {
  return reinterpret_cast<uintptr_t>(memory);
}

// Each driver is asked twice: how long the answer is, then for the answer.
std::optional<DrmMemory> QueryXe(int fd) {
  XeQuery query;
  if (::ioctl(fd, kXeDeviceQuery, &query) != 0 || query.size == 0 || query.size > kMaxAnswerBytes)
    return std::nullopt;
  std::vector<std::byte> answer(query.size);
  query.data = AddressOf(answer.data());
  if (::ioctl(fd, kXeDeviceQuery, &query) != 0) return std::nullopt;
  return ParseXeRegions(answer);
}

std::optional<DrmMemory> QueryI915(int fd) {
  I915Item item;
  I915Query query{.items = 1, .flags = 0, .items_address = AddressOf(&item)};
  if (::ioctl(fd, kI915QueryIoctl, &query) != 0 || item.length <= 0 ||
      static_cast<size_t>(item.length) > kMaxAnswerBytes) {
    return std::nullopt;
  }
  std::vector<std::byte> answer(static_cast<size_t>(item.length));
  item.data = AddressOf(answer.data());
  if (::ioctl(fd, kI915QueryIoctl, &query) != 0 || item.length <= 0) return std::nullopt;
  return ParseI915Regions(answer);
}

// Where the driver cannot be asked: files that some versions have, then the window through which the
// processor sees the memory; it is as large as the memory where the firmware allows that.
std::optional<DrmMemory> ReadFiles(const RootedFiles& files, const DrmCard& card) {
  for (const std::filesystem::path& path :
       {card.folder / "tile0/physical_vram_size_bytes", card.folder.parent_path() / "lmem_total_bytes"}) {
    if (const uint64_t total = files.Number(path).value_or(0); total > 0) {
      return DrmMemory{.total_bytes = total, .free_bytes = std::nullopt};
    }
  }
  const uint64_t window = PciRegionBytes(files.Text(card.folder / "resource").value_or(""), 2);
  if (window < 2 * kGiB) return std::nullopt;
  return DrmMemory{.total_bytes = window, .free_bytes = std::nullopt};
}

}  // namespace

std::optional<DrmMemory> ParseXeRegions(std::span<const std::byte> answer) {
  return ParseRegions(answer, {.header_bytes = 8, .tells_used = true});
}

std::optional<DrmMemory> ParseI915Regions(std::span<const std::byte> answer) {
  return ParseRegions(answer, {.header_bytes = 16, .tells_used = false});
}

std::optional<DrmMemory> QueryDrmMemory(const std::filesystem::path& render_node, std::string_view driver) {
  if (driver != "xe" && driver != "i915") return std::nullopt;
  const UniqueFd fd(::open(render_node.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return std::nullopt;
  return driver == "xe" ? QueryXe(fd.get()) : QueryI915(fd.get());
}

uint64_t PciRegionBytes(std::string_view resource, size_t index) {
  for (; !resource.empty(); --index) {
    std::string_view line = TakeUntil(resource, '\n');
    if (index > 0) continue;
    const std::optional<uint64_t> first = line.empty() ? std::nullopt : ParseWhole(TakeUntil(line, ' '));
    const std::optional<uint64_t> last = line.empty() ? std::nullopt : ParseWhole(TakeUntil(line, ' '));
    if (!first || !last || *last <= *first) return 0;
    return Plus(*last - *first, 1);
  }
  return 0;
}

std::vector<IntelGpu> ReadIntelGpus(const RootedFiles& files, const std::vector<DrmCard>& cards) {
  std::vector<IntelGpu> gpus;
  for (const DrmCard& card : cards) {
    if (card.vendor != kIntel) continue;
    IntelGpu gpu{.address = card.address, .driver = card.driver, .memory = std::nullopt};
    if (gpu.address != kIntegratedAddress) {
      if (!card.render_node.empty()) {
        gpu.memory =
            QueryDrmMemory(files.At(std::filesystem::path("dev/dri") / card.render_node), card.driver);
      }
      if (!gpu.memory) gpu.memory = ReadFiles(files, card);
    }
    gpus.push_back(std::move(gpu));
  }
  return gpus;
}

FoundDevices IntelDevices(const std::vector<IntelGpu>& gpus, const Memory& memory) {
  FoundDevices found;
  for (const IntelGpu& gpu : gpus) {
    Device device{.name = "Intel GPU",
                  .id = gpu.address,
                  .kind = "intel",
                  .total_bytes = memory.total_bytes,
                  .free_bytes = memory.available_bytes,
                  .shares_memory = true};
    if (gpu.memory) {
      device.total_bytes = gpu.memory->total_bytes;
      device.free_bytes = gpu.memory->free_bytes.value_or(device.total_bytes / 10 * 9);
      device.shares_memory = false;
      if (!gpu.memory->free_bytes) {
        found.notes.push_back(fmt::format(
            "how much of the memory of the Intel GPU at {} is free is not told to this user; 90 % is assumed",
            gpu.address));
      }
    } else if (gpu.address != kIntegratedAddress) {
      found.notes.push_back(
          fmt::format("an Intel GPU at {} is there, but its driver does not tell its memory", gpu.address));
      continue;
    }
    found.devices.push_back(std::move(device));
  }
  return found;
}

}  // namespace batuta
