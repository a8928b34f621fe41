#include "common/machine/memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/common/machine/fake_root.h"

namespace batuta {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kGiB = uint64_t{1} << 30;
constexpr const char* kUnifiedMount =
    "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
constexpr const char* kMemoryMount =
    "36 32 0:31 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n";

TEST(MeminfoTest, ReadsWhatKernelsWrite) {
  const struct {
    const char* text;
    uint64_t total_kib;
    uint64_t available_kib;
    uint64_t huge_kib;
  } kCases[] = {
      {"MemTotal:       16000 kB\nMemFree:  1000 kB\nMemAvailable:   9000 kB\n", 16000, 9000, 0},
      {"MemTotal: 16000 kB\nMemFree: 1000 kB\nBuffers: 200 kB\nCached: 3000 kB\nShmem: 500 kB\n", 16000, 3700,
       0},
      {"MemTotal: 16000 kB\nMemFree: 100 kB\nCached: 10 kB\nShmem: 500 kB\n", 16000, 0, 0},
      {"MemTotal: 16000 kB\nMemAvailable: 99000 kB\n", 16000, 16000, 0},
      {"MemTotal: 16000 kB\nMemAvailable: 9000 kB\nHugePages_Total: 3\nHugepagesize: 2048 kB\n", 16000, 9000,
       6144},
      {"MemTotal: 16000 kB\nMemAvailable: 9000 kB\nHugePages_Total: 1\nHugepagesize: 2048 kB\nHugetlb: 10240 "
       "kB\n",
       16000, 5760, 10240},
      {"MemTotal: 16000 kB\nMemAvailable: 9000 kB\nHugetlb: 99999999999 kB", 16000, 0, 16000},
  };

  for (const auto& test : kCases) {
    const std::optional<HostMemory> memory = ParseMeminfo(test.text);
    ASSERT_TRUE(memory) << test.text;
    EXPECT_EQ(memory->total_bytes, test.total_kib * 1024) << test.text;
    EXPECT_EQ(memory->available_bytes, test.available_kib * 1024) << test.text;
    EXPECT_EQ(memory->huge_pages_bytes, test.huge_kib * 1024) << test.text;
  }
}

TEST(MeminfoTest, NumbersThatNoMachineHasAreNone) {
  for (const char* text : {"", "MemTotal:", "MemTotal: -5 kB", "MemTotal: 99999999999999999999999 kB",
                           "MemTotal: x", "memtotal: 5 kB", ":::\n:\n"}) {
    EXPECT_FALSE(ParseMeminfo(text)) << text;
  }
  // A number that would overflow as bytes is the largest there is.
  EXPECT_EQ(ParseMeminfo("MemTotal: 18446744073709551615 kB\n")->total_bytes, ~uint64_t{0});
}

TEST(CgroupTest, FindsTheOwnGroupsAndTheirMounts) {
  const CgroupPaths paths =
      ParseCgroups("11:cpu,cpuacct:/x\n4:memory:/user.slice/a\n1:name=memory:/no\n0::/b:c\n");
  EXPECT_EQ(paths.memory, "/user.slice/a");
  EXPECT_EQ(paths.unified, "/b:c");
  EXPECT_EQ(ParseCgroups("garbage\n0::relative\n::\n\n7:memory\n").unified, "");

  const CgroupMounts mounts = ParseCgroupMounts(
      "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
      "33 32 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
      "36 32 0:31 /docker/ab /sys/fs/c\\040g/memory rw shared:9 - cgroup cgroup rw,memory\n"
      "30 24 0:26 / /sys/fs/cgroup rw shared:4 master:1 - cgroup2 cgroup2 rw\n"
      "31 24 0:26 / /mnt/again rw - cgroup2 cgroup2 rw\n"
      "30 24 - cgroup2\n");
  ASSERT_TRUE(mounts.memory && mounts.unified);
  EXPECT_EQ(mounts.memory->group, "/docker/ab");
  EXPECT_EQ(mounts.memory->folder, "/sys/fs/c g/memory");
  EXPECT_EQ(mounts.unified->folder, "/sys/fs/cgroup");
}

TEST(CgroupTest, WalksFromTheGroupUpToTheMount) {
  const struct {
    const char* group;
    const char* path;
    std::vector<std::filesystem::path> folders;
  } kCases[] = {
      {"/", "/a/b", {"/m/a/b", "/m/a", "/m"}},
      {"/", "/", {"/m"}},
      {"/docker/x", "/docker/x", {"/m"}},
      {"/docker/x", "/docker/x/y", {"/m/y", "/m"}},
      // A namespace of its own: what is mounted is the own group, whatever the path says.
      {"/docker/x", "/", {"/m"}},
      {"/docker/x", "/docker/xy", {"/m"}},
      {"/", "/../../other", {"/m/other", "/m"}},
  };

  for (const auto& test : kCases) {
    EXPECT_EQ(CgroupFolders({.group = test.group, .folder = "/m"}, test.path), test.folders)
        << test.group << " " << test.path;
  }
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "/x";
  EXPECT_THAT(CgroupFolders({.group = "/", .folder = "/m"}, deep), SizeIs(64));
}

TEST(CgroupTest, TheTightestGroupUpTheTreeCounts) {
  const FakeRoot root;
  root.Put("proc/self/cgroup", "0::/slice/unit\n");
  root.Put("proc/self/mountinfo", kUnifiedMount);
  root.Put("sys/fs/cgroup/slice/unit/memory.max", "max\n");
  root.Put("sys/fs/cgroup/slice/memory.max", std::to_string(8 * kGiB) + "\n");
  root.Put("sys/fs/cgroup/slice/memory.high", std::to_string(6 * kGiB) + "\n");
  root.Put("sys/fs/cgroup/slice/memory.current", std::to_string(5 * kGiB) + "\n");
  root.Put("sys/fs/cgroup/slice/memory.stat", "anon 5\ninactive_file " + std::to_string(3 * kGiB) + "\n");
  const std::optional<CgroupRoom> room = ReadCgroups(RootedFiles(root.path()));
  ASSERT_TRUE(room);
  EXPECT_EQ(room->limit_bytes, 6 * kGiB);
  EXPECT_EQ(room->free_bytes, 4 * kGiB);
}

TEST(CgroupTest, AFullGroupHasNoRoomAndNeverLess) {
  const FakeRoot root;
  root.Put("proc/self/cgroup", "0::/\n");
  root.Put("proc/self/mountinfo", kUnifiedMount);
  root.Put("sys/fs/cgroup/memory.max", std::to_string(kGiB));
  root.Put("sys/fs/cgroup/memory.current", std::to_string(2 * kGiB));
  EXPECT_EQ(ReadCgroups(RootedFiles(root.path()))->free_bytes, 0U);
}

TEST(CgroupTest, VersionOneCoversItsParentsByTheirHierarchicalLimit) {
  const FakeRoot root;
  root.Put("proc/self/cgroup", "4:memory:/docker/ab\n0::/\n");
  root.Put("proc/self/mountinfo",
           "36 32 0:31 /docker/ab /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n" +
               std::string(kUnifiedMount));
  const std::string folder = "sys/fs/cgroup/memory/";
  root.Put(folder + "memory.limit_in_bytes", "9223372036854771712\n");
  root.Put(folder + "memory.usage_in_bytes", std::to_string(3 * kGiB));
  root.Put(folder + "memory.stat", "cache 1\nhierarchical_memory_limit " + std::to_string(4 * kGiB) +
                                       "\ntotal_inactive_file " + std::to_string(kGiB) + "\n");
  const std::optional<CgroupRoom> room = ReadCgroups(RootedFiles(root.path()));
  ASSERT_TRUE(room);
  EXPECT_EQ(room->limit_bytes, 4 * kGiB);
  EXPECT_EQ(room->free_bytes, 2 * kGiB);
}

TEST(CgroupTest, NoLimitIsNoRoom) {
  const FakeRoot root;
  EXPECT_FALSE(ReadCgroups(RootedFiles(root.path())));
  root.Put("proc/self/cgroup", "4:memory:/\n0::/a\n");
  root.Put("proc/self/mountinfo", kMemoryMount + std::string(kUnifiedMount));
  root.Put("sys/fs/cgroup/a/memory.max", "max\n");
  root.Put("sys/fs/cgroup/a/memory.high", "99999999999999999999999\n");
  root.Put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_FALSE(ReadCgroups(RootedFiles(root.path())));
}

TEST(UsableMemoryTest, SaysWhatLimitsIt) {
  const HostMemory host{.total_bytes = 64 * kGiB, .available_bytes = 40 * kGiB, .huge_pages_bytes = 0};

  const struct {
    std::optional<CgroupRoom> room;
    std::optional<uint64_t> address_space;
    std::optional<uint64_t> data;
    uint64_t total;
    uint64_t available;
    const char* by;
  } kCases[] = {
      {std::nullopt, std::nullopt, std::nullopt, 64 * kGiB, 40 * kGiB, ""},
      {CgroupRoom{32 * kGiB, 30 * kGiB}, std::nullopt, std::nullopt, 32 * kGiB, 30 * kGiB, "cgroup"},
      {CgroupRoom{50 * kGiB, 45 * kGiB}, std::nullopt, std::nullopt, 50 * kGiB, 40 * kGiB, "cgroup"},
      {CgroupRoom{100 * kGiB, 90 * kGiB}, std::nullopt, std::nullopt, 64 * kGiB, 40 * kGiB, ""},
      {CgroupRoom{32 * kGiB, 30 * kGiB}, 8 * kGiB, std::nullopt, 8 * kGiB, 8 * kGiB, "rlimit"},
      {std::nullopt, 80 * kGiB, 2 * kGiB, 2 * kGiB, 2 * kGiB, "rlimit"},
  };

  for (const auto& test : kCases) {
    const Memory memory = UsableMemory(host, test.room, test.address_space, test.data);
    EXPECT_EQ(memory.total_bytes, test.total);
    EXPECT_EQ(memory.available_bytes, test.available);
    EXPECT_EQ(memory.limited_by, test.by);
  }
}

TEST(UsableMemoryTest, HugePagesAreNotPartOfTheTotal) {
  const HostMemory host{
      .total_bytes = 64 * kGiB, .available_bytes = 40 * kGiB, .huge_pages_bytes = 16 * kGiB};
  const Memory memory = UsableMemory(host, std::nullopt, std::nullopt, std::nullopt);
  EXPECT_EQ(memory.total_bytes, 48 * kGiB);
  EXPECT_EQ(memory.available_bytes, 40 * kGiB);
}

TEST(RootedFilesTest, AnEnormousFileIsNone) {
  const FakeRoot root;
  root.Put("proc/meminfo", std::string(2 * kMiB, 'x'));
  EXPECT_FALSE(RootedFiles(root.path()).Text("proc/meminfo"));
  EXPECT_FALSE(RootedFiles(root.path()).Text("proc"));
}

TEST(RootedFilesTest, NamesAreInTheOrderOfTheirNumbers) {
  const FakeRoot root;
  for (const char* name : {"card10", "card2", "card0"}) root.Put(std::string("d/") + name, "");
  EXPECT_THAT(RootedFiles(root.path()).Names("d"), ElementsAre("card0", "card2", "card10"));
}

}  // namespace
}  // namespace batuta
