#include "common/machine/visible_devices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta {
namespace {

using ::testing::ElementsAreArray;

TEST(VisibleDevicesTest, ReadsListsAsTheRuntimesDo) {
  // Two GPUs that have numbers, and an instance that has none.
  const std::vector<std::string> ids = {"GPU-aa11", "GPU-ab22", "MIG-cc"};

  const struct {
    const char* list;
    std::vector<size_t> visible;
  } kCases[] = {
      {"", {}},
      {"0", {0}},
      {"1,0", {1, 0}},
      {" 1 , 0 ", {1, 0}},
      {"0,0,1", {0}},
      {"-1", {}},
      {"0,-1,1", {0}},
      {"2", {}},
      {"0,7,1", {0}},
      {"99999999999999999999999", {}},
      {"GPU-ab", {1}},
      {"GPU-aa11,GPU-ab22", {0, 1}},
      {"GPU-a", {}},
      {"GPU-", {}},
      {"MIG-cc,0", {2, 0}},
      {"MIG-dd", {}},
      {"NoDevFiles", {}},
      {"all", {}},
      {"0,,1", {0}},
      {",", {}},
      {"0x1", {}},
  };

  for (const auto& test : kCases) {
    EXPECT_THAT(VisibleDevices(test.list, ids, 2), ElementsAreArray(test.visible)) << test.list;
  }
}

TEST(VisibleDevicesTest, AWholeIdIsThatDeviceAlsoWhereAnotherBeginsSo) {
  EXPECT_THAT(VisibleDevices("GPU-a", {"GPU-ab", "GPU-a"}, 2), ElementsAreArray({1}));
}

}  // namespace
}  // namespace batuta
