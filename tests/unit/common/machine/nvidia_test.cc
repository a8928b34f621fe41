#include "common/machine/nvidia.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/machine/devices.h"

namespace batuta {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint64_t kGiB = uint64_t{1} << 30;

DeviceEnvironment Set(std::map<std::string, std::string> values) {
  return [values = std::move(values)](std::string_view name) -> std::optional<std::string> {
    const auto value = values.find(std::string(name));
    if (value == values.end()) return std::nullopt;
    return value->second;
  };
}

NvidiaGpu Gpu(std::string name, std::string uuid, uint64_t gib, int capability = 809) {
  NvidiaGpu gpu;
  gpu.name = std::move(name);
  gpu.uuid = std::move(uuid);
  gpu.total_bytes = gib * kGiB;
  gpu.free_bytes = gpu.total_bytes - kGiB;
  gpu.capability = capability;
  return gpu;
}

NvidiaGpu Instance(std::string uuid, uint64_t gib) {
  NvidiaGpu gpu = Gpu("A100 MIG", std::move(uuid), gib);
  gpu.is_instance = true;
  return gpu;
}

NvidiaReport Report(std::vector<NvidiaGpu> gpus) {
  NvidiaReport report;
  report.has_library = true;
  report.gpus = std::move(gpus);
  return report;
}

const Memory& Ram() {
  static const Memory memory{.total_bytes = 64 * kGiB, .available_bytes = 40 * kGiB, .limited_by = ""};
  return memory;
}

std::vector<std::string> Ids(const FoundDevices& found) {
  std::vector<std::string> ids;
  for (const Device& device : found.devices) ids.push_back(device.id);
  return ids;
}

TEST(NvidiaDevicesTest, CountsWhatIsFree) {
  const FoundDevices found = NvidiaDevices(Report({Gpu("RTX 4070", "GPU-a", 12)}), Set({}), Ram());
  ASSERT_THAT(found.devices, SizeIs(1));
  EXPECT_EQ(found.devices[0].name, "RTX 4070");
  EXPECT_EQ(found.devices[0].kind, "nvidia");
  EXPECT_EQ(found.devices[0].total_bytes, 12 * kGiB);
  EXPECT_EQ(found.devices[0].free_bytes, 11 * kGiB);
  EXPECT_FALSE(found.devices[0].shares_memory);
  EXPECT_THAT(found.notes, IsEmpty());
}

TEST(NvidiaDevicesTest, HonoursTheListOfCuda) {
  const NvidiaReport report = Report({Gpu("A", "GPU-a", 24), Gpu("A", "GPU-b", 24), Gpu("A", "GPU-c", 24)});

  const struct {
    const char* list;
    std::vector<std::string> ids;
  } kCases[] = {
      {"2,0", {"GPU-c", "GPU-a"}}, {"GPU-b", {"GPU-b"}}, {"", {}}, {"-1", {}}, {"0,9,1", {"GPU-a"}}};

  for (const auto& test : kCases) {
    const FoundDevices found = NvidiaDevices(report, Set({{"CUDA_VISIBLE_DEVICES", test.list}}), Ram());
    EXPECT_EQ(Ids(found), test.ids) << test.list;
    EXPECT_THAT(found.notes, Contains(HasSubstr("CUDA_VISIBLE_DEVICES shows"))) << test.list;
  }
}

TEST(NvidiaDevicesTest, NumbersDifferentGpusFromFastToSlowUnlessToldOtherwise) {
  const NvidiaReport report =
      Report({Gpu("GTX 1080", "GPU-slow", 8, 601), Gpu("RTX 4090", "GPU-fast", 24, 809)});
  FoundDevices found = NvidiaDevices(report, Set({{"CUDA_VISIBLE_DEVICES", "0"}}), Ram());
  EXPECT_THAT(Ids(found), ElementsAre("GPU-fast"));
  EXPECT_THAT(found.notes, Contains(HasSubstr("CUDA_DEVICE_ORDER=PCI_BUS_ID")));

  found =
      NvidiaDevices(report, Set({{"CUDA_VISIBLE_DEVICES", "0"}, {"CUDA_DEVICE_ORDER", "PCI_BUS_ID"}}), Ram());
  EXPECT_THAT(Ids(found), ElementsAre("GPU-slow"));

  // Without a list nothing depends on the guess.
  EXPECT_THAT(NvidiaDevices(report, Set({}), Ram()).notes, IsEmpty());
}

TEST(NvidiaDevicesTest, AContainerWithoutGpusHasNone) {
  for (const char* value : {"void", "none"}) {
    const FoundDevices found =
        NvidiaDevices(Report({Gpu("A", "GPU-a", 24)}), Set({{"NVIDIA_VISIBLE_DEVICES", value}}), Ram());
    EXPECT_THAT(found.devices, IsEmpty());
    EXPECT_THAT(found.notes, SizeIs(1));
  }
  EXPECT_THAT(
      NvidiaDevices(Report({Gpu("A", "GPU-a", 24)}), Set({{"NVIDIA_VISIBLE_DEVICES", "all"}}), Ram()).devices,
      SizeIs(1));
}

TEST(NvidiaDevicesTest, OfPartitionedGpusOneInstanceCountsAndNothingElse) {
  NvidiaGpu parent = Gpu("A100", "GPU-a", 80);
  parent.is_partitioned = true;
  parent.instances = {Instance("MIG-1", 10), Instance("MIG-2", 40)};
  const NvidiaReport report = Report({parent, Gpu("A100", "GPU-b", 80)});

  FoundDevices found = NvidiaDevices(report, Set({}), Ram());
  EXPECT_THAT(Ids(found), ElementsAre("MIG-1"));
  EXPECT_THAT(found.notes, Contains(HasSubstr("one instance")));
  EXPECT_THAT(Ids(NvidiaDevices(report, Set({{"CUDA_VISIBLE_DEVICES", "MIG-2"}}), Ram())),
              ElementsAre("MIG-2"));
  EXPECT_THAT(Ids(NvidiaDevices(report, Set({{"CUDA_VISIBLE_DEVICES", "0"}}), Ram())), ElementsAre("MIG-1"));
  EXPECT_THAT(Ids(NvidiaDevices(report, Set({{"CUDA_VISIBLE_DEVICES", "1"}}), Ram())), ElementsAre("GPU-b"));

  parent.instances.clear();
  found = NvidiaDevices(Report({parent}), Set({}), Ram());
  EXPECT_THAT(found.devices, IsEmpty());
  EXPECT_THAT(found.notes, Contains(HasSubstr("no instance")));
}

TEST(NvidiaDevicesTest, AChipThatSharesTheMemoryOfTheMachineHasNoneOfItsOwn) {
  NvidiaGpu silent = Gpu("NVIDIA something new", "GPU-a", 0);
  silent.memory_error = 3;
  NvidiaGpu small = Gpu("NVIDIA GB10", "GPU-a", 8);
  for (const NvidiaGpu& gpu : {silent, small}) {
    const FoundDevices found = NvidiaDevices(Report({gpu}), Set({}), Ram());
    ASSERT_THAT(found.devices, SizeIs(1));
    EXPECT_TRUE(found.devices[0].shares_memory);
    EXPECT_EQ(found.devices[0].total_bytes, 64 * kGiB);
    EXPECT_EQ(found.devices[0].free_bytes, 40 * kGiB);
  }
  // Grace-Hopper has HBM, and names that only look alike are not integrated.
  for (const char* name : {"NVIDIA GH200 480GB", "NVIDIA GB100", "NVIDIA GB102"}) {
    EXPECT_FALSE(NvidiaDevices(Report({Gpu(name, "GPU-a", 96)}), Set({}), Ram()).devices[0].shares_memory)
        << name;
  }
}

TEST(NvidiaDevicesTest, WhatCannotBeUsedIsANote) {
  NvidiaGpu blocked = Gpu("A10", "GPU-a", 24);
  blocked.memory_error = 17;
  NvidiaReport report = Report({blocked});
  report.error = NvmlErrorText(15);
  const FoundDevices found = NvidiaDevices(report, Set({}), Ram());
  EXPECT_THAT(found.devices, IsEmpty());
  EXPECT_THAT(found.notes, ElementsAre(HasSubstr("fallen off the bus"), HasSubstr("a cgroup blocks it")));
}

}  // namespace
}  // namespace batuta
