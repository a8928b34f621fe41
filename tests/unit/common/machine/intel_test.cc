#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/machine/devices.h"
#include "tests/unit/common/machine/fake_root.h"

namespace batuta {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint64_t kGiB = uint64_t{1} << 30;

const Memory& Ram() {
  static const Memory memory{.total_bytes = 64 * kGiB, .available_bytes = 20 * kGiB, .limited_by = ""};
  return memory;
}

struct Region {
  uint16_t kind;
  uint64_t size;
  uint64_t told;
};

// An answer of a driver: a count in a header, then regions of 88 bytes.
std::vector<std::byte> Answer(size_t header_bytes, uint32_t count, const std::vector<Region>& regions) {
  std::vector<std::byte> bytes(header_bytes + regions.size() * 88);
  std::memcpy(bytes.data(), &count, sizeof(count));
  for (size_t i = 0; i < regions.size(); ++i) {
    std::byte* region = bytes.data() + header_bytes + i * 88;
    std::memcpy(region, &regions[i].kind, sizeof(regions[i].kind));
    std::memcpy(region + 8, &regions[i].size, sizeof(regions[i].size));
    std::memcpy(region + 16, &regions[i].told, sizeof(regions[i].told));
  }
  return bytes;
}

TEST(DrmRegionsTest, AddsTheRegionsOfTheDeviceAlone) {
  const std::optional<DrmMemory> xe =
      ParseXeRegions(Answer(8, 3, {{0, 64 * kGiB, 9 * kGiB}, {1, 12 * kGiB, 2 * kGiB}, {1, 4 * kGiB, kGiB}}));
  ASSERT_TRUE(xe);
  EXPECT_EQ(xe->total_bytes, 16 * kGiB);
  EXPECT_EQ(xe->free_bytes, 13 * kGiB);
  const std::optional<DrmMemory> i915 =
      ParseI915Regions(Answer(16, 2, {{0, 64 * kGiB, 9 * kGiB}, {1, 16 * kGiB, 10 * kGiB}}));
  ASSERT_TRUE(i915);
  EXPECT_EQ(i915->total_bytes, 16 * kGiB);
  EXPECT_EQ(i915->free_bytes, 10 * kGiB);
}

TEST(DrmRegionsTest, AllFreeMeansNotTold) {
  EXPECT_EQ(ParseXeRegions(Answer(8, 1, {{1, 16 * kGiB, 0}}))->free_bytes, std::nullopt);
  EXPECT_EQ(ParseI915Regions(Answer(16, 1, {{1, 16 * kGiB, 16 * kGiB}}))->free_bytes, std::nullopt);
}

TEST(DrmRegionsTest, SurvivesAnswersThatDoNotHangTogether) {
  EXPECT_FALSE(ParseXeRegions({}));
  EXPECT_FALSE(ParseI915Regions(std::vector<std::byte>(15)));
  EXPECT_FALSE(ParseXeRegions(Answer(8, 1, {{0, 64 * kGiB, 0}})));
  // More regions than there are bytes for.
  EXPECT_EQ(ParseXeRegions(Answer(8, ~0U, {{1, kGiB, 1}}))->total_bytes, kGiB);
  // Sizes that overflow when they are added, more used than there is.
  EXPECT_EQ(ParseXeRegions(Answer(8, 2, {{1, ~uint64_t{0}, ~uint64_t{0}}, {1, kGiB, 2 * kGiB}}))->total_bytes,
            ~uint64_t{0});
}

TEST(PciRegionTest, ReadsTheSizeOfARegion) {
  const char* resource =
      "0x00000000a1000000 0x00000000a1ffffff 0x0000000000140204\n"
      "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
      "0x0000004000000000 0x00000043ffffffff 0x000000000014220c\n";
  EXPECT_EQ(PciRegionBytes(resource, 0), 16U << 20);
  EXPECT_EQ(PciRegionBytes(resource, 1), 0U);
  EXPECT_EQ(PciRegionBytes(resource, 2), 16 * kGiB);
  EXPECT_EQ(PciRegionBytes(resource, 3), 0U);
  for (const char* text : {"", "\n\n\n", "0x5 0x4 0x0\n", "0x 0x 0x\n", "5", "0x0 0xfffffffffffffffff\n"}) {
    EXPECT_EQ(PciRegionBytes(text, 0), 0U) << text;
  }
  EXPECT_EQ(PciRegionBytes("0x0 0xffffffffffffffff\n", 0), ~uint64_t{0});
}

TEST(IntelGpusTest, TheGpuOfTheProcessorSharesItsMemory) {
  const FakeRoot root;
  root.Put("sys/class/drm/card0/device/vendor", "0x8086\n");
  root.Put("sys/class/drm/card0/device/uevent", "DRIVER=i915\nPCI_SLOT_NAME=0000:00:02.0\n");
  root.Put("sys/class/drm/card0/device/resource",
           "0x0 0xffffffff 0x0\n0x0 0x0 0x0\n0x100000000 0x1ffffffff 0x0\n");
  const RootedFiles files(root.path());
  const FoundDevices found = IntelDevices(ReadIntelGpus(files, ReadDrmCards(files)), Ram());
  ASSERT_THAT(found.devices, SizeIs(1));
  EXPECT_EQ(found.devices[0].kind, "intel");
  EXPECT_TRUE(found.devices[0].shares_memory);
  EXPECT_EQ(found.devices[0].free_bytes, 20 * kGiB);
  EXPECT_THAT(found.notes, IsEmpty());
}

TEST(IntelGpusTest, ACardIsMeasuredByWhatItsDriverShows) {
  const struct {
    const char* file;
    std::string text;
  } kCases[] = {
      {"device/tile0/physical_vram_size_bytes", "17179869184\n"},
      {"lmem_total_bytes", "17179869184\n"},
      {"device/resource", "0x0 0x0 0x0\n0x0 0x0 0x0\n0x4000000000 0x43ffffffff 0x0\n"},
  };

  for (const auto& test : kCases) {
    const FakeRoot root;
    root.Put("sys/class/drm/card1/device/vendor", "0x8086\n");
    root.Put("sys/class/drm/card1/device/uevent", "DRIVER=xe\nPCI_SLOT_NAME=0000:03:00.0\n");
    root.Put("sys/class/drm/card1/device/drm/renderD129/dev", "");
    root.Put("dev/dri/renderD129", "not a device");
    root.Put(std::string("sys/class/drm/card1/") + test.file, test.text);
    const RootedFiles files(root.path());
    const FoundDevices found = IntelDevices(ReadIntelGpus(files, ReadDrmCards(files)), Ram());
    ASSERT_THAT(found.devices, SizeIs(1)) << test.file;
    EXPECT_FALSE(found.devices[0].shares_memory);
    EXPECT_EQ(found.devices[0].total_bytes, 16 * kGiB);
    EXPECT_EQ(found.devices[0].free_bytes, 16 * kGiB / 10 * 9);
    EXPECT_THAT(found.notes, Contains(HasSubstr("90 %")));
  }
}

TEST(IntelGpusTest, ACardThatShowsOnlyASmallWindowIsNotCounted) {
  const FakeRoot root;
  root.Put("sys/class/drm/card1/device/vendor", "0x8086\n");
  root.Put("sys/class/drm/card1/device/uevent", "DRIVER=i915\nPCI_SLOT_NAME=0000:03:00.0\n");
  root.Put("sys/class/drm/card1/device/resource", "0x0 0x0 0x0\n0x0 0x0 0x0\n0x40000000 0x4fffffff 0x0\n");
  const RootedFiles files(root.path());
  const FoundDevices found = IntelDevices(ReadIntelGpus(files, ReadDrmCards(files)), Ram());
  EXPECT_THAT(found.devices, IsEmpty());
  EXPECT_THAT(found.notes, Contains(HasSubstr("0000:03:00.0")));
}

}  // namespace
}  // namespace batuta
