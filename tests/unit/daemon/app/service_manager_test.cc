#include "daemon/app/service_manager.h"

#include <array>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/rpc/socket_address.h"
#include "tests/support/files/temp_folder.h"
#include "tests/support/runner/manual_task_runner.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::app {

namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

// A variable of the environment for as long as the object lives.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) { setenv(name, value.c_str(), 1); }

  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

  ~Variable() { unsetenv(name_); }

 private:
  const char* const name_;
};

// The manager's end.
class Mailbox {
 public:
  explicit Mailbox(const std::filesystem::path& path)
      : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)),
        variable_("NOTIFY_SOCKET", path.string()) {
    const sockaddr_un native = SocketAddress::Parse(path.string()).value().native();
    EXPECT_EQ(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&native), sizeof(native)), 0);
  }

  // What came since the last time. A datagram is there when its sender returns.
  std::vector<std::string> Take() {
    std::vector<std::string> messages;
    std::array<char, 4'096> buffer{};
    while (true) {
      const ssize_t size = read(socket_.get(), buffer.data(), buffer.size());
      if (size < 0) return messages;
      messages.emplace_back(buffer.data(), static_cast<size_t>(size));
    }
  }

 private:
  UniqueFd socket_;
  Variable variable_;
};

class ServiceManagerTest : public testing::Test {
 protected:
  TempFolder folder_;
};

TEST_F(ServiceManagerTest, NobodyIsThereUnlessTheEnvironmentSaysSo) {
  ServiceManager manager;
  ManualTaskRunner core;
  KeepInTouch(manager, core, [] { return std::string("no jobs"); });
  EXPECT_FALSE(manager.is_there());
  EXPECT_EQ(manager.watchdog(), 0us);
  EXPECT_EQ(core.RunUntilIdle(), 0u);
  manager.Ready();
}

TEST_F(ServiceManagerTest, HearsTheLifeOfTheDaemonInTheWordsOfTheProtocol) {
  Mailbox mailbox(folder_ / "notify");
  ServiceManager manager;
  manager.Starting("opening the catalog", 90s);
  manager.Ready();
  manager.Reloading();
  manager.Stopping();
  EXPECT_THAT(mailbox.Take(),
              ElementsAre("STATUS=starting: opening the catalog\nEXTEND_TIMEOUT_USEC=90000000", "READY=1",
                          StartsWith("RELOADING=1\nMONOTONIC_USEC="), StartsWith("STOPPING=1\n")));
}

TEST_F(ServiceManagerTest, IsToldWhatIsGoingOnWhenItChanges) {
  Mailbox mailbox(folder_ / "notify");
  ServiceManager manager;
  ManualTaskRunner core;
  std::string doing = "no jobs";
  KeepInTouch(manager, core, [&doing] { return doing; });

  core.AdvanceAndRunUntilIdle(5s);
  EXPECT_THAT(mailbox.Take(), ElementsAre("STATUS=no jobs"));
  doing = "jobs: 1 running";
  core.AdvanceAndRunUntilIdle(1s);
  EXPECT_THAT(mailbox.Take(), ElementsAre("STATUS=jobs: 1 running"));
}

TEST_F(ServiceManagerTest, PingsComeFromTheCoreAtHalfTheWatchdogsTime) {
  const Variable usec("WATCHDOG_USEC", "10000000");
  const Variable pid("WATCHDOG_PID", std::to_string(getpid()));
  Mailbox mailbox(folder_ / "notify");
  ServiceManager manager;
  ManualTaskRunner core;
  KeepInTouch(manager, core, [] { return std::string("no jobs"); });
  EXPECT_EQ(manager.watchdog(), 10s);

  core.RunUntilIdle();
  EXPECT_THAT(mailbox.Take(), ElementsAre("WATCHDOG=1", "STATUS=no jobs"));
  core.AdvanceAndRunUntilIdle(4'999ms);
  EXPECT_THAT(mailbox.Take(), IsEmpty());
  core.AdvanceAndRunUntilIdle(1ms);
  EXPECT_THAT(mailbox.Take(), ElementsAre("WATCHDOG=1"));
  core.AdvanceAndRunUntilIdle(50s);
  EXPECT_EQ(mailbox.Take().size(), 10u);

  // Nothing but the core sends one: while it runs nothing, time alone changes nothing.
  core.clock().Advance(1h);
  EXPECT_THAT(mailbox.Take(), IsEmpty());
}

TEST_F(ServiceManagerTest, WatchdogOfAnotherProcessIsNotOurs) {
  const Variable usec("WATCHDOG_USEC", "10000000");
  const Variable pid("WATCHDOG_PID", "1");
  const Mailbox mailbox(folder_ / "notify");
  EXPECT_EQ(ServiceManager().watchdog(), 0us);
}

// ---- descriptors: number 3 belongs to the test's own process, so each case has a child ----

// What TakeSocket() says in a process that was started with `socket` as descriptor 3.
int InProcessWith(int socket, int count, const std::function<int(ServiceManager&)>& body) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    dup2(socket, 3);
    setenv("LISTEN_FDS", std::to_string(count).c_str(), 1);
    setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
    ServiceManager manager;
    _exit(body(manager));
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1'000 + WTERMSIG(status);
}

int IsRefused(ServiceManager& manager) {
  return ReasonOf(manager.TakeSocket().status()) == reason::kConfigInvalid ? 0 : 1;
}

UniqueFd BoundUnixSocket(int type, const std::filesystem::path& path) {
  UniqueFd socket(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  const sockaddr_un native = SocketAddress::Parse(path.string()).value().native();
  EXPECT_EQ(bind(socket.get(), reinterpret_cast<const sockaddr*>(&native), sizeof(native)), 0);
  return socket;
}

TEST_F(ServiceManagerTest, ListeningSocketIsTakenWithItsPathAndMadeNonBlocking) {
  const std::filesystem::path path = folder_ / "batutad.sock";
  const UniqueFd socket = BoundUnixSocket(SOCK_STREAM, path);
  ASSERT_EQ(listen(socket.get(), 1), 0);
  EXPECT_EQ(InProcessWith(socket.get(), 1,
                          [&path](ServiceManager& manager) {
                            const auto handed_over = manager.TakeSocket();
                            if (!handed_over.ok() || handed_over->socket.get() != 3) return 1;
                            if (handed_over->path != path) return 2;
                            if ((fcntl(3, F_GETFL) & O_NONBLOCK) == 0) return 3;
                            if ((fcntl(3, F_GETFD) & FD_CLOEXEC) == 0) return 4;
                            if (getenv("LISTEN_FDS") != nullptr) return 5;
                            return manager.TakeSocket()->socket ? 6 : 0;
                          }),
            0);
}

TEST_F(ServiceManagerTest, WhatIsNoListeningUnixStreamSocketWithAPathIsRefused) {
  const UniqueFd silent = BoundUnixSocket(SOCK_STREAM, folder_ / "silent");
  EXPECT_EQ(InProcessWith(silent.get(), 1, IsRefused), 0);
  const UniqueFd datagrams = BoundUnixSocket(SOCK_DGRAM, folder_ / "datagrams");
  EXPECT_EQ(InProcessWith(datagrams.get(), 1, IsRefused), 0);
  const UniqueFd file(open((folder_ / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  EXPECT_EQ(InProcessWith(file.get(), 1, IsRefused), 0);

  const UniqueFd internet(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(listen(internet.get(), 1), 0);
  EXPECT_EQ(InProcessWith(internet.get(), 1, IsRefused), 0);

  // Linux names it by a NUL and five characters.
  const UniqueFd abstract(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un unnamed{};
  unnamed.sun_family = AF_UNIX;
  ASSERT_EQ(bind(abstract.get(), reinterpret_cast<const sockaddr*>(&unnamed), sizeof(sa_family_t)), 0);
  ASSERT_EQ(listen(abstract.get(), 1), 0);
  EXPECT_EQ(InProcessWith(abstract.get(), 1, IsRefused), 0);
}

TEST_F(ServiceManagerTest, TwoDescriptorsAreOneTooMany) {
  const UniqueFd socket = BoundUnixSocket(SOCK_STREAM, folder_ / "batutad.sock");
  ASSERT_EQ(listen(socket.get(), 1), 0);
  EXPECT_EQ(InProcessWith(socket.get(), 2, IsRefused), 0);
}

TEST_F(ServiceManagerTest, DescriptorsOfAnotherProcessAreNotOurs) {
  const Variable count("LISTEN_FDS", "1");
  const Variable pid("LISTEN_PID", "1");
  ServiceManager manager;
  ASSERT_OK_AND_ASSIGN(const auto handed_over, manager.TakeSocket());
  EXPECT_FALSE(handed_over.socket);
}

}  // namespace

}  // namespace batuta::app
