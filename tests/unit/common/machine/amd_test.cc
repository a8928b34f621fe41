#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/machine/devices.h"
#include "tests/unit/common/machine/fake_root.h"

namespace batuta {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint64_t kGiB = uint64_t{1} << 30;

const Memory& Ram() {
  static const Memory memory{.total_bytes = 64 * kGiB, .available_bytes = 20 * kGiB, .limited_by = ""};
  return memory;
}

DeviceEnvironment Set(std::map<std::string, std::string> values) {
  return [values = std::move(values)](std::string_view name) -> std::optional<std::string> {
    const auto value = values.find(std::string(name));
    if (value == values.end()) return std::nullopt;
    return value->second;
  };
}

AmdGpu Card(const std::string& id, std::optional<uint64_t> node, uint64_t vram_gib) {
  AmdGpu gpu;
  gpu.address = "0000:03:00.0";
  gpu.unique_id = id;
  gpu.rocm_node = node;
  gpu.vram_bytes = vram_gib * kGiB;
  gpu.vram_used_bytes = kGiB;
  gpu.gtt_bytes = 32 * kGiB;
  gpu.has_board = true;
  return gpu;
}

std::vector<std::string> Ids(const FoundDevices& found) {
  std::vector<std::string> ids;
  for (const Device& device : found.devices) ids.push_back(device.id);
  return ids;
}

void PutCard(const FakeRoot& root, const std::string& name, const std::map<std::string, std::string>& files) {
  for (const auto& [file, text] : files) root.Put("sys/class/drm/" + name + "/device/" + file, text);
}

TEST(AmdGpusTest, ReadsACardAndItsNodeOfRocm) {
  const FakeRoot root;
  PutCard(root, "card1",
          {{"vendor", "0x1002\n"},
           {"uevent", "DRIVER=amdgpu\nPCI_CLASS=30000\nPCI_SLOT_NAME=0000:03:00.0\n"},
           {"product_name", "Radeon RX 7900 XTX\n"},
           {"mem_info_vram_total", "25753026560\n"},
           {"mem_info_vram_used", "1073741824\n"},
           {"mem_info_gtt_total", "16777216000\n"},
           {"mem_info_gtt_used", "5\n"},
           {"mem_info_vram_vendor", "samsung\n"},
           {"drm/renderD128/dev", "226:128\n"}});
  PutCard(root, "card0", {{"vendor", "0x1a03\n"}});
  root.Put("sys/class/drm/card1-DP-1/status", "connected\n");
  root.Put("sys/class/kfd/kfd/topology/nodes/0/properties", "cpu_cores_count 16\ngfx_target_version 0\n");
  root.Put(
      "sys/class/kfd/kfd/topology/nodes/1/properties",
      "simd_count 192\ngfx_target_version 110000\nunique_id 1311768467463790320\ndrm_render_minor 128\n");
  const RootedFiles files(root.path());
  const std::vector<DrmCard> cards = ReadDrmCards(files);
  ASSERT_THAT(cards, SizeIs(2));
  const std::vector<AmdGpu> gpus = ReadAmdGpus(files, cards);
  ASSERT_THAT(gpus, SizeIs(1));
  EXPECT_EQ(gpus[0].address, "0000:03:00.0");
  EXPECT_EQ(gpus[0].name, "Radeon RX 7900 XTX");
  EXPECT_EQ(gpus[0].chip, "gfx1100");
  EXPECT_EQ(gpus[0].unique_id, "GPU-123456789abcdef0");
  EXPECT_EQ(gpus[0].rocm_node, 0U);
  EXPECT_EQ(gpus[0].gtt_bytes, 16777216000U);
  EXPECT_TRUE(gpus[0].has_board);

  const FoundDevices found = AmdDevices(gpus, Set({}), Ram());
  ASSERT_THAT(found.devices, SizeIs(1));
  EXPECT_EQ(found.devices[0].kind, "amd");
  EXPECT_EQ(found.devices[0].total_bytes, 25753026560U);
  EXPECT_EQ(found.devices[0].free_bytes, 25753026560U - kGiB);
  EXPECT_FALSE(found.devices[0].shares_memory);
  EXPECT_THAT(found.notes, IsEmpty());
}

TEST(AmdGpusTest, HostileFilesMakeNoDevice) {
  const FakeRoot root;
  PutCard(root, "card0",
          {{"vendor", "0x1002"}, {"mem_info_vram_total", "-1"}, {"mem_info_gtt_total", "ten"}});
  PutCard(root, "card1",
          {{"vendor", "0x1002"},
           {"mem_info_vram_total", "18446744073709551615"},
           {"mem_info_gtt_total", "18446744073709551615"},
           {"mem_info_vram_used", "18446744073709551616"}});
  const RootedFiles files(root.path());
  const FoundDevices found = AmdDevices(ReadAmdGpus(files, ReadDrmCards(files)), Set({}), Ram());
  ASSERT_THAT(found.devices, SizeIs(1));
  EXPECT_EQ(found.devices[0].total_bytes, ~uint64_t{0});
  EXPECT_THAT(found.notes, Contains(HasSubstr("does not tell its memory")));
}

TEST(AmdChipTest, WritesNamesAsTheCompilersDo) {
  EXPECT_EQ(AmdChip(110501), "gfx1151");
  EXPECT_EQ(AmdChip(90010), "gfx90a");
  EXPECT_EQ(AmdChip(100300), "gfx1030");
  EXPECT_EQ(AmdChip(0), "");
  EXPECT_EQ(AmdChip(~uint64_t{0}), "");
}

TEST(AmdDevicesTest, AGpuInTheProcessorBorrowsTheMemoryOfTheMachine) {
  AmdGpu gpu = Card("GPU-1", 0, 2);
  gpu.has_board = false;
  const FoundDevices found = AmdDevices({gpu}, Set({}), Ram());
  ASSERT_THAT(found.devices, SizeIs(1));
  EXPECT_TRUE(found.devices[0].shares_memory);
  EXPECT_EQ(found.devices[0].total_bytes, 34 * kGiB);
  EXPECT_EQ(found.devices[0].free_bytes, 21 * kGiB);  // not above what is available to the machine
}

TEST(AmdDevicesTest, WhatTheFirmwareSetAsideIsLikeACard) {
  AmdGpu gpu = Card("GPU-1", 0, 96);
  gpu.has_board = false;
  gpu.gtt_bytes = 16 * kGiB;
  const FoundDevices found = AmdDevices({gpu}, Set({}), Ram());
  ASSERT_THAT(found.devices, SizeIs(1));
  EXPECT_FALSE(found.devices[0].shares_memory);
  EXPECT_EQ(found.devices[0].free_bytes,
            95 * kGiB);  // above what is available to the machine, and rightly so
}

TEST(AmdDevicesTest, HonoursItsVariablesOneAfterTheOther) {
  const std::vector<AmdGpu> gpus = {Card("GPU-3", 2, 16), Card("GPU-1", 0, 16), Card("GPU-2", 1, 16)};

  const struct {
    std::map<std::string, std::string> variables;
    std::vector<std::string> ids;
  } kCases[] = {
      {{}, {"GPU-1", "GPU-2", "GPU-3"}},
      {{{"ROCR_VISIBLE_DEVICES", "2,0"}}, {"GPU-3", "GPU-1"}},
      {{{"ROCR_VISIBLE_DEVICES", "GPU-2"}}, {"GPU-2"}},
      {{{"ROCR_VISIBLE_DEVICES", "2,0"}, {"HIP_VISIBLE_DEVICES", "1"}}, {"GPU-1"}},
      {{{"HIP_VISIBLE_DEVICES", "0"}, {"GPU_DEVICE_ORDINAL", "1"}}, {"GPU-1"}},
      {{{"GPU_DEVICE_ORDINAL", "1"}}, {"GPU-2"}},
      {{{"HIP_VISIBLE_DEVICES", ""}}, {}},
      {{{"HIP_VISIBLE_DEVICES", "-1"}}, {}},
  };

  for (const auto& test : kCases) {
    const FoundDevices found = AmdDevices(gpus, Set(test.variables), Ram());
    EXPECT_EQ(Ids(found), test.ids);
    EXPECT_EQ(found.notes.empty(), test.variables.empty());
  }
}

TEST(AmdDevicesTest, SaysThatRocmDoesNotSeeACard) {
  const FoundDevices found = AmdDevices({Card("", std::nullopt, 16)}, Set({}), Ram());
  EXPECT_THAT(Ids(found), ElementsAre("0000:03:00.0"));
  EXPECT_THAT(found.notes, Contains(HasSubstr("Vulkan")));
}

}  // namespace
}  // namespace batuta
