#include "common/machine/machine.h"

#include <filesystem>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status/status_matchers.h"
#include "tests/unit/common/machine/fake_root.h"

namespace batuta {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint64_t kGiB = uint64_t{1} << 30;

auto Set(std::map<std::string, std::string> values) {
  return [values = std::move(values)](std::string_view name) -> std::optional<std::string> {
    const auto value = values.find(std::string(name));
    if (value == values.end()) return std::nullopt;
    return value->second;
  };
}

class MachineTest : public ::testing::Test {
 protected:
  MachineTest() {
    root_.Put("proc/meminfo", "MemTotal: 67108864 kB\nMemAvailable: 33554432 kB\n");
    sources_.root = root_.path();
  }

  void PutDisplay(const std::string& card, const std::string& vendor, const std::string& address) {
    root_.Put("sys/class/drm/" + card + "/device/vendor", vendor);
    root_.Put("sys/class/drm/" + card + "/device/uevent", "PCI_SLOT_NAME=" + address + "\n");
    root_.Put("sys/bus/pci/devices/" + address + "/vendor", vendor);
    root_.Put("sys/bus/pci/devices/" + address + "/class", "0x030000\n");
  }

  void PlayNvidia() {
    sources_.nvidia = [] {
      NvidiaReport report;
      report.has_library = true;
      NvidiaGpu gpu;
      gpu.name = "RTX 4070";
      gpu.uuid = "GPU-a";
      gpu.total_bytes = 12 * kGiB;
      gpu.free_bytes = 11 * kGiB;
      report.gpus = {gpu};
      return report;
    };
  }

  FakeRoot root_;
  MachineSources sources_;
};

TEST_F(MachineTest, WithoutGpusThereIsTheMemory) {
  const Machine machine = DetectMachine(sources_);
  EXPECT_EQ(machine.memory.total_bytes, 64 * kGiB);
  EXPECT_EQ(machine.memory.available_bytes, 32 * kGiB);
  EXPECT_EQ(machine.memory.limited_by, "");
  EXPECT_THAT(machine.devices, IsEmpty());
  EXPECT_THAT(machine.notes, IsEmpty());
}

TEST_F(MachineTest, TheLimitsOfTheProcessCount) {
  sources_.address_space_bytes = 8 * kGiB;
  const Machine machine = DetectMachine(sources_);
  EXPECT_EQ(machine.memory.total_bytes, 8 * kGiB);
  EXPECT_EQ(machine.memory.limited_by, "rlimit");
}

TEST_F(MachineTest, BesideACardTheGpuOfTheProcessorDoesNotCount) {
  PutDisplay("card0", "0x8086\n", "0000:00:02.0");
  EXPECT_THAT(DetectMachine(sources_).devices, SizeIs(1));
  PlayNvidia();
  const Machine machine = DetectMachine(sources_);
  ASSERT_THAT(machine.devices, SizeIs(1));
  EXPECT_EQ(machine.devices[0].kind, "nvidia");
  EXPECT_THAT(machine.notes, ElementsAre(HasSubstr("Intel GPU is not counted")));
}

TEST_F(MachineTest, AGpuWithoutItsDriversLibraryIsANote) {
  PutDisplay("card0", "0x10de\n", "0000:01:00.0");
  const Machine machine = DetectMachine(sources_);
  EXPECT_THAT(machine.devices, IsEmpty());
  EXPECT_THAT(machine.notes, ElementsAre(HasSubstr("libnvidia-ml.so.1")));
}

TEST_F(MachineTest, WhatWasAskedForReplacesWhatThereIs) {
  PlayNvidia();
  sources_.asked.memory_bytes = 5 * kGiB;
  sources_.asked.vram_bytes = std::vector<uint64_t>{8 * kGiB, 24 * kGiB};
  const Machine machine = DetectMachine(sources_);
  EXPECT_EQ(machine.memory.available_bytes, 5 * kGiB);
  EXPECT_EQ(machine.memory.limited_by, "asked for");
  ASSERT_THAT(machine.devices, SizeIs(2));
  EXPECT_EQ(machine.devices[1].kind, "asked for");
  EXPECT_EQ(machine.devices[1].free_bytes, 24 * kGiB);
  EXPECT_NE(machine.devices[0].id, machine.devices[1].id);

  sources_.asked.vram_bytes = std::vector<uint64_t>{};
  EXPECT_THAT(DetectMachine(sources_).devices, IsEmpty());
}

TEST_F(MachineTest, SaysThatTheMemoryCouldNotBeRead) {
  std::filesystem::remove(root_.path() / "proc/meminfo");
  const Machine machine = DetectMachine(sources_);
  EXPECT_EQ(machine.memory.total_bytes, 0U);
  EXPECT_THAT(machine.notes, Contains(HasSubstr("--memory")));
}

TEST(ProcessMachineSourcesTest, TakesVariablesWhereNothingWasAskedFor) {
  ASSERT_OK_AND_ASSIGN(
      const MachineSources sources,
      ProcessMachineSources(Set({{"BATUTA_FIT_MEMORY", "16GiB"}, {"BATUTA_FIT_VRAM", "8GiB, 24GiB"}})));
  EXPECT_EQ(sources.asked.memory_bytes, 16 * kGiB);
  EXPECT_EQ(sources.asked.vram_bytes, (std::vector<uint64_t>{8 * kGiB, 24 * kGiB}));

  ASSERT_OK_AND_ASSIGN(const MachineSources asked,
                       ProcessMachineSources(Set({{"BATUTA_FIT_MEMORY", "bad"}, {"BATUTA_FIT_VRAM", ""}}),
                                             {.memory_bytes = 5, .vram_bytes = {}}));
  EXPECT_EQ(asked.asked.memory_bytes, 5U);
  EXPECT_FALSE(asked.asked.vram_bytes);
}

TEST(ProcessMachineSourcesTest, NamesTheVariableThatIsMalformed) {
  for (const char* name : {"BATUTA_FIT_MEMORY", "BATUTA_FIT_VRAM", "BATUTA_FIT_ROOT"}) {
    const auto sources = ProcessMachineSources(Set({{name, "lots"}}));
    EXPECT_THAT(sources, AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasReason("CONFIG_INVALID")));
    EXPECT_THAT(sources, HasMessage(HasSubstr(name)));
  }
}

TEST(ProcessMachineSourcesTest, BelowAnotherRootNvmlIsLookedForThere) {
  const FakeRoot root;
  ASSERT_OK_AND_ASSIGN(const MachineSources sources,
                       ProcessMachineSources(Set({{"BATUTA_FIT_ROOT", root.path().native()}})));
  EXPECT_EQ(sources.root, root.path());
  EXPECT_FALSE(sources.nvidia().has_library);
  std::filesystem::create_directories(root.path() / "usr/lib/wsl/lib");
  std::filesystem::copy_file(FAKE_NVML, root.path() / "usr/lib/wsl/lib/libnvidia-ml.so.1");
  EXPECT_TRUE(sources.nvidia().has_library);
  EXPECT_EQ(sources.nvidia().error, NvmlErrorText(9));
}

TEST(ParseVramTest, TakesASizeForEachGpu) {
  const struct {
    const char* text;
    std::vector<uint64_t> sizes;
  } kCases[] = {{"24GiB", {24 * kGiB}},
                {"8GiB,24 GiB", {8 * kGiB, 24 * kGiB}},
                {"0", {}},
                {"0,8GiB,0", {8 * kGiB}},
                {"1k,", {1000}}};

  for (const auto& test : kCases) EXPECT_THAT(ParseVram(test.text), IsOkAndHolds(test.sizes)) << test.text;
  std::string many = "1GiB";
  for (int i = 0; i < 64; ++i) many += ",1GiB";
  for (const std::string& text :
       {std::string(), std::string(","), std::string("8GiB;8GiB"), std::string("-1"), many}) {
    EXPECT_THAT(ParseVram(text), HasReason("INVALID_ARGUMENT")) << text;
  }
}

}  // namespace
}  // namespace batuta
