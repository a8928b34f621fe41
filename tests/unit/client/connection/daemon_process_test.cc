#include "client/connection/daemon_process.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/io/unique_fd.h"
#include "tests/support/files/temp_folder.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::client {
namespace {

namespace fs = std::filesystem;

class DaemonProcessTest : public ::testing::Test {
 protected:
  // A program named batutad that runs `script`.
  fs::path MakeProgram(const fs::path& folder, const std::string& script) {
    fs::create_directories(folder);
    const fs::path path = folder / "batutad";
    std::ofstream(path) << "#!/bin/sh\n" << script;
    ::chmod(path.c_str(), 0700);
    return path;
  }

  Environment Variables(std::string path_variable = "") {
    return [this, path_variable](std::string_view name) -> std::optional<std::string> {
      if (name == "XDG_STATE_HOME") return (folder_ / "state").native();
      if (name == "HOME") return folder_.path().native();
      if (name == "PATH") return path_variable;
      return std::nullopt;
    };
  }

  DaemonProcess::Ending WaitForEnd(DaemonProcess& process) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (std::chrono::steady_clock::now() < deadline) {
      if (const auto ending = process.Ended()) return *ending;
      std::this_thread::yield();
    }
    return {"never ended", -2};
  }

  SocketAddress socket() { return *SocketAddress::Parse((folder_ / "d.sock").native()); }

  TempFolder folder_;
};

TEST_F(DaemonProcessTest, PrefersTheProgramBesideTheClient) {
  const fs::path beside = MakeProgram(folder_ / "bin", "");
  const fs::path elsewhere = MakeProgram(folder_ / "path", "");
  const Environment environment = Variables("relative:" + (folder_ / "path").native());

  EXPECT_THAT(FindDaemonProgram(environment, folder_ / "bin" / "batuta"), IsOkAndHolds(beside));
  EXPECT_THAT(FindDaemonProgram(environment, folder_ / "other" / "batuta"), IsOkAndHolds(elsewhere));
  EXPECT_THAT(FindDaemonProgram(environment, ""), IsOkAndHolds(elsewhere));
}

TEST_F(DaemonProcessTest, FindsWhatABuildHasMadeWithIt) {
  const fs::path built = MakeProgram(folder_ / "build/daemon/app", "");
  EXPECT_THAT(FindDaemonProgram(Variables("/nowhere"), folder_ / "build/client/batuta"), IsOkAndHolds(built));
}

TEST_F(DaemonProcessTest, SaysThatThereIsNoProgram) {
  fs::create_directories(folder_ / "path" / "batutad");  // a folder of that name is none

  EXPECT_THAT(FindDaemonProgram(Variables((folder_ / "path").native()), ""),
              HasReason(reason::kDaemonUnreachable));
}

TEST_F(DaemonProcessTest, GetsItsSocketAndNoTokenAndNoDescriptorOfOurs) {
  const UniqueFd inherited(::open("/dev/null", 0));  // without O_CLOEXEC, as a careless shell leaves it
  const fs::path program =
      MakeProgram(folder_ / "bin",
                  "echo \"args $*\"; echo \"token ${HF_TOKEN:-none}\"; ls /proc/self/fd | wc -w; "
                  "echo cwd $(pwd); exit 7\n");
  ::setenv("HF_TOKEN", "hf_secret", 1);
  ASSERT_OK_AND_ASSIGN(DaemonProcess process, DaemonProcess::Start(Variables(), program, socket()));
  ::unsetenv("HF_TOKEN");

  EXPECT_EQ(WaitForEnd(process).exit_code, 7);

  std::ifstream log(process.log_path());
  const std::string text((std::istreambuf_iterator<char>(log)), {});
  EXPECT_NE(text.find("args --foreground --socket " + socket().path()), std::string::npos) << text;
  EXPECT_NE(text.find("token none"), std::string::npos) << text;
  EXPECT_NE(text.find("\n4\n"), std::string::npos)
      << "stdin, stdout, stderr and the folder that ls reads: " << text;
  EXPECT_EQ(process.Last().line, "cwd /");
}

TEST_F(DaemonProcessTest, TellsTheLastWordsOfThisStartOnly) {
  const fs::path talks =
      MakeProgram(folder_ / "bin", "echo old; echo 'batutad: the port is taken'; echo '  take another'\n");
  ASSERT_OK_AND_ASSIGN(DaemonProcess first, DaemonProcess::Start(Variables(), talks, socket()));
  EXPECT_EQ(WaitForEnd(first).how, "exited with code 0");
  EXPECT_EQ(first.Last().line, "batutad: the port is taken");
  EXPECT_EQ(first.Last().hint, "take another");
  const fs::path silent = MakeProgram(folder_ / "bin", "kill -9 $$\n");
  ASSERT_OK_AND_ASSIGN(DaemonProcess second, DaemonProcess::Start(Variables(), silent, socket()));

  EXPECT_EQ(WaitForEnd(second).how, "was killed by signal 9");
  EXPECT_EQ(second.Last().line, "");
}

TEST_F(DaemonProcessTest, SaysThatAProgramCannotBeStarted) {
  const fs::path program = folder_ / "missing";

  EXPECT_THAT(DaemonProcess::Start(Variables(), program, socket()), HasReason(reason::kDaemonUnreachable));
}

}  // namespace
}  // namespace batuta::client
