#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/machine/nvidia.h"
#include "tests/unit/common/machine/fake_nvml.h"

namespace batuta {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint64_t kGiB = uint64_t{1} << 30;

// The fake library, loaded beforehand so that what it plays outlives each ReadNvml().
class NvmlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    library_ = ::dlopen(FAKE_NVML, RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(library_, nullptr) << ::dlerror();
    auto* play = reinterpret_cast<void (*)(FakeNvml*)>(::dlsym(library_, "fake_nvml_play"));
    ASSERT_NE(play, nullptr);
    play(&nvml_);
  }

  void TearDown() override { ::dlclose(library_); }

  NvidiaReport Read() { return ReadNvml({"/nowhere/libnvidia-ml.so.1", FAKE_NVML}); }

  FakeNvml nvml_;
  void* library_ = nullptr;
};

TEST_F(NvmlTest, TellsEachGpuAndLetsTheLibraryGo) {
  nvml_.gpus = {{.name = "RTX 4070", .uuid = "GPU-a", .total = 12 * kGiB, .free = 11 * kGiB},
                {.name = "RTX 4090", .uuid = "GPU-b", .total = 24 * kGiB, .free = 1 * kGiB}};
  const NvidiaReport report = Read();
  EXPECT_TRUE(report.has_library);
  EXPECT_EQ(report.error, "");
  EXPECT_EQ(report.driver, "550.54");
  ASSERT_THAT(report.gpus, SizeIs(2));
  EXPECT_EQ(report.gpus[0].name, "RTX 4070");
  EXPECT_EQ(report.gpus[1].uuid, "GPU-b");
  EXPECT_EQ(report.gpus[1].total_bytes, 24 * kGiB);
  EXPECT_EQ(report.gpus[1].free_bytes, 1 * kGiB);
  EXPECT_EQ(report.gpus[1].capability, 809);
  EXPECT_EQ(nvml_.open, 0);
}

TEST_F(NvmlTest, FallsBackToTheFirstVersionOfTheMemoryInfo) {
  for (const int code : {13, 25, 3}) {
    nvml_.gpus = {
        {.name = "old", .uuid = "GPU-a", .total = 8 * kGiB, .free = 7 * kGiB, .memory2_code = code}};
    const NvidiaReport report = Read();
    ASSERT_THAT(report.gpus, SizeIs(1));
    EXPECT_EQ(report.gpus[0].memory_error, 0);
    EXPECT_EQ(report.gpus[0].free_bytes, 7 * kGiB);
  }
}

TEST_F(NvmlTest, SaysWhyAGpuDoesNotTellItsMemory) {
  nvml_.gpus = {{.name = "NVIDIA GB10", .uuid = "GPU-a", .memory_code = 3},
                {.name = "zero", .uuid = "GPU-b"},
                {.name = "liar", .uuid = "GPU-c", .total = 5, .free = 9}};
  const NvidiaReport report = Read();
  ASSERT_THAT(report.gpus, SizeIs(3));
  EXPECT_EQ(report.gpus[0].memory_error, 3);
  EXPECT_EQ(report.gpus[1].memory_error, 3);
  EXPECT_EQ(report.gpus[2].free_bytes, 5U);
}

TEST_F(NvmlTest, ListsTheInstancesOfAPartitionedGpuAcrossGaps) {
  FakeNvml::Gpu gpu{.name = "A100", .uuid = "GPU-a", .total = 80 * kGiB, .free = 80 * kGiB, .has_mig = true};
  gpu.instances = {{.name = "A100 MIG 1g", .uuid = "MIG-1", .total = 10 * kGiB, .free = 9 * kGiB},
                   {.handle_code = 6},
                   {.name = "A100 MIG 3g", .uuid = "MIG-3", .total = 40 * kGiB, .free = 39 * kGiB}};
  nvml_.gpus = {gpu};
  const NvidiaReport report = Read();
  ASSERT_THAT(report.gpus, SizeIs(1));
  EXPECT_TRUE(report.gpus[0].is_partitioned);
  ASSERT_THAT(report.gpus[0].instances, SizeIs(2));
  EXPECT_EQ(report.gpus[0].instances[1].uuid, "MIG-3");
  EXPECT_EQ(report.gpus[0].instances[1].free_bytes, 39 * kGiB);
  EXPECT_TRUE(report.gpus[0].instances[1].is_instance);
}

TEST_F(NvmlTest, GoesOnAfterAGpuThatCannotBeReached) {
  nvml_.gpus = {{.name = "lost", .handle_code = 15},
                {.name = "good", .uuid = "GPU-b", .total = 8 * kGiB, .free = 8 * kGiB}};
  const NvidiaReport report = Read();
  EXPECT_THAT(report.error, HasSubstr("fallen off the bus"));
  ASSERT_THAT(report.gpus, SizeIs(1));
  EXPECT_EQ(report.gpus[0].name, "good");
}

TEST_F(NvmlTest, NamesWhatTheDriverRefuses) {
  nvml_.init_code = 18;
  EXPECT_THAT(Read().error, HasSubstr("different versions"));
  EXPECT_EQ(nvml_.open, 0);
  nvml_.init_code = 0;
  nvml_.count_code = 4;
  EXPECT_THAT(Read().error, HasSubstr("may not use it"));
  EXPECT_EQ(nvml_.open, 0);
}

TEST_F(NvmlTest, AsksForNoMoreGpusThanAMachineCouldHave) {
  nvml_.gpus.assign(1000, {.name = "x", .uuid = "GPU-x", .total = kGiB, .free = kGiB});
  EXPECT_THAT(Read().gpus, SizeIs(64));
}

TEST(NvmlLibraryTest, WithoutALibraryThereIsNothing) {
  const NvidiaReport report = ReadNvml({"/nowhere/libnvidia-ml.so.1"});
  EXPECT_FALSE(report.has_library);
  EXPECT_EQ(report.error, "");
  EXPECT_THAT(report.gpus, IsEmpty());
}

TEST(NvmlLibraryTest, ALibraryThatLacksTheFunctionsIsTooOld) {
  const NvidiaReport report = ReadNvml({"libm.so.6"});
  EXPECT_TRUE(report.has_library);
  EXPECT_THAT(report.error, HasSubstr("too old"));
}

}  // namespace
}  // namespace batuta
