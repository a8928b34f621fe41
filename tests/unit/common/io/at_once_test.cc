#include "common/io/at_once.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tests/support/files/followed_link.h"
#include "tests/support/files/temp_folder.h"

namespace batuta {
namespace {

using ::testing::Eq;
using ::testing::Optional;

// From here on openat2(2) fails with `error_number` in this process, as under a kernel that does not know it.
bool ForbidOpenAt2(int error_number) {
  std::array<sock_filter, 4> steps = {{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<uint32_t>(error_number)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog program{static_cast<uint16_t>(steps.size()), steps.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

class AtOnceTest : public testing::Test {
 protected:
  AtOnceTest() {
    Write("ref", "hello");
    std::filesystem::create_symlink("ref", folder_ / "link");
    std::filesystem::create_symlink("nowhere", folder_ / "dangling");
    std::filesystem::create_directories(folder_ / "folder");
  }

  void Write(const std::string& name, const std::string& text) { std::ofstream(folder_ / name) << text; }

  TempFolder folder_;
};

TEST_F(AtOnceTest, AnswersWhatWasJustWritten) {
  const AtOnce at_once(folder_ / "");
  if (!at_once.Has("ref")) GTEST_SKIP() << "this kernel, or what it runs in, has no RESOLVE_CACHED";
  ASSERT_TRUE(MarkFollowed(folder_ / "link"));
  EXPECT_TRUE(at_once.Has("link"));
  EXPECT_TRUE(at_once.Has("folder"));
  if (!at_once.Read("ref").has_value()) GTEST_SKIP() << "this file system cannot tell whether a read waits";
  EXPECT_THAT(at_once.Read("ref"), Optional(Eq("hello")));
  EXPECT_THAT(at_once.Read("link"), Optional(Eq("hello")));
  Write("ref", "");
  EXPECT_THAT(at_once.Read("ref"), Optional(Eq("")));
  Write("ref", std::string(4'095, 'x'));
  EXPECT_THAT(at_once.Read("ref"), Optional(Eq(std::string(4'095, 'x'))));
}

TEST_F(AtOnceTest, HasNoAnswerForAnythingElse) {
  Write("large", std::string(4'096, 'x'));
  ASSERT_EQ(mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  std::filesystem::create_symlink("/proc/version", folder_ / "elsewhere");
  const AtOnce at_once(folder_ / "");
  for (const char* name : {"none", "none/ref", "dangling", "ref/below"})
    EXPECT_FALSE(at_once.Has(name)) << name;
  for (const char* name : {"none", "dangling", "folder", "large", "fifo", "elsewhere"}) {
    EXPECT_EQ(at_once.Read(name), std::nullopt) << name;
  }
}

TEST_F(AtOnceTest, AFolderThatIsNotThereOrMadeByTheKernelHasNoAnswers) {
  EXPECT_EQ(AtOnce(folder_ / "none").Read("ref"), std::nullopt);
  EXPECT_FALSE(AtOnce(folder_ / "none").Has("ref"));
  EXPECT_EQ(AtOnce("/proc").Read("version"), std::nullopt);
}

TEST_F(AtOnceTest, AKernelThatDoesNotKnowTheQuestionHasNoAnswers) {
  for (const int error_number : {ENOSYS, EPERM, EINVAL}) {
    EXPECT_EXIT(
        {
          if (!ForbidOpenAt2(error_number)) std::_Exit(2);
          const AtOnce at_once(folder_ / "");
          std::_Exit(at_once.Has("ref") || at_once.Read("ref").has_value() ? 1 : 0);
        },
        testing::ExitedWithCode(0), "");
  }
}

}  // namespace
}  // namespace batuta
