#include "daemon/app/listener.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/rpc/socket_address.h"
#include "common/sync/mutex.h"
#include "tests/support/files/temp_folder.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::app {

namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

constexpr auto kPatience = 30s;
constexpr int kPatienceMs = 30'000;

int NewSocket() {
  return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

// 0, or the errno of connect().
int ConnectTo(int socket, const std::filesystem::path& path) {
  const sockaddr_un native = SocketAddress::Parse(path.string()).value().native();
  return connect(socket, reinterpret_cast<const sockaddr*>(&native), sizeof(native)) == 0 ? 0 : errno;
}

bool Say(const UniqueFd& socket, std::string_view text) {
  return send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

// A client's end; connected when `error` is 0, and then it has said `first`.
struct Client {
  explicit Client(const std::filesystem::path& path, std::string_view first = kHttp2Greeting)
      : socket(NewSocket()) {
    error = ConnectTo(socket.get(), path);
    if (error == 0 && !Say(socket, first)) error = errno;
  }

  UniqueFd socket;
  int error = 0;
};

// The peer hung up, before any byte came and before the test's patience ended.
bool IsClosed(const UniqueFd& socket) {
  pollfd entry{socket.get(), POLLIN, 0};
  char byte = 0;
  if (poll(&entry, 1, kPatienceMs) != 1) return false;
  const ssize_t count = read(socket.get(), &byte, 1);
  return count == 0 || (count < 0 && errno == ECONNRESET);  // what was said is lost
}

// What the listener admitted, kept open. Waits are bounded by the test's patience.
class Door {
 public:
  Listener::Admit admit() {
    return [this](UniqueFd connection, uint32_t uid) {
      const MutexLock lock(mutex_);
      connections_.push_back(std::move(connection));
      uids_.push_back(uid);
      changed_.NotifyAll();
    };
  }

  bool WaitFor(size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    const MutexLock lock(mutex_);
    while (connections_.size() < count) {
      if (!changed_.WaitUntil(mutex_, deadline)) return false;
    }
    return true;
  }

  std::vector<uint32_t> uids() {
    const MutexLock lock(mutex_);
    return uids_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<UniqueFd> connections_ ABSL_GUARDED_BY(mutex_);
  std::vector<uint32_t> uids_ ABSL_GUARDED_BY(mutex_);
};

bool WaitUntil(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    poll(nullptr, 0, 1);
  }
  return true;
}

TEST(PeerPolicyTest, OnlyASystemDaemonServesStrangers) {
  constexpr uint32_t kOwn = 1000;
  constexpr uint32_t kStranger = 1001;
  EXPECT_TRUE(PeerPolicy(kOwn).Admits(kOwn));
  EXPECT_TRUE(PeerPolicy(kOwn).Admits(0));
  EXPECT_FALSE(PeerPolicy(kOwn).Admits(kStranger));
  EXPECT_TRUE(PeerPolicy(kOwn, Mode::kSystem).Admits(kStranger));
}

TEST(PeerPolicyTest, AdmitsTheOwnUserAndRoot) {
  const PeerPolicy policy(1'000);
  EXPECT_TRUE(policy.Admits(1'000));
  EXPECT_TRUE(policy.Admits(0));
  EXPECT_FALSE(policy.Admits(1'001));
  EXPECT_FALSE(policy.Admits(UINT32_MAX));
  EXPECT_FALSE(PeerPolicy(0).Admits(1'000));
}

class ListenerTest : public testing::Test {
 protected:
  TempFolder folder_;
  const std::filesystem::path path_ = folder_ / "run" / "batutad.sock";
  Door door_;
};

TEST_F(ListenerTest, AdmitsItsOwnUserAndNamesHim) {
  ASSERT_OK_AND_ASSIGN(const auto listener, Listener::Bind(path_));
  listener->Start(PeerPolicy(getuid()), door_.admit());
  const Client client(path_);
  EXPECT_EQ(client.error, 0);
  ASSERT_TRUE(door_.WaitFor(1));
  EXPECT_THAT(door_.uids(), ElementsAre(getuid()));
  EXPECT_EQ(listener->open_connections(), 1);
}

TEST_F(ListenerTest, ClientThatCameBeforeStartIsServed) {
  ASSERT_OK_AND_ASSIGN(const auto listener, Listener::Bind(path_));
  const Client client(path_);
  EXPECT_EQ(client.error, 0);
  listener->Start(PeerPolicy(getuid()), door_.admit());
  EXPECT_TRUE(door_.WaitFor(1));
}

TEST_F(ListenerTest, SocketAndFolderAreClosedToOthersWhateverTheUmask) {
  const mode_t mask = umask(0);
  const auto listener = Listener::Bind(path_);
  umask(mask);
  ASSERT_THAT(listener, IsOk());

  struct stat info {};

  ASSERT_EQ(lstat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  ASSERT_EQ(lstat(path_.parent_path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
}

TEST_F(ListenerTest, SocketOfADeadDaemonIsReplaced) {
  std::filesystem::create_directories(path_.parent_path());
  {
    const UniqueFd dead(NewSocket());
    const sockaddr_un native = SocketAddress::Parse(path_.string()).value().native();
    ASSERT_EQ(bind(dead.get(), reinterpret_cast<const sockaddr*>(&native), sizeof(native)), 0);
    ASSERT_EQ(listen(dead.get(), 1), 0);
  }
  ASSERT_EQ(Client(path_).error, ECONNREFUSED);
  ASSERT_OK_AND_ASSIGN(const auto listener, Listener::Bind(path_));
  EXPECT_EQ(Client(path_).error, 0);
}

TEST_F(ListenerTest, SocketOnWhichSomeoneAnswersIsLeftAlone) {
  ASSERT_OK_AND_ASSIGN(const auto first, Listener::Bind(path_));
  EXPECT_THAT(Listener::Bind(path_),
              AllOf(StatusIs(absl::StatusCode::kFailedPrecondition), HasReason(reason::kDaemonBusy),
                    HasMessage(HasSubstr(path_.string()))));
  EXPECT_EQ(Client(path_).error, 0);
}

TEST_F(ListenerTest, SocketOfADaemonTooBusyToAnswerIsLeftAlone) {
  ASSERT_OK_AND_ASSIGN(const auto first, Listener::Bind(path_));
  std::vector<Client> queue;
  while (queue.empty() || queue.back().error == 0) {
    queue.emplace_back(path_);
    ASSERT_LT(queue.size(), 10'000);
  }
  EXPECT_EQ(queue.back().error, EAGAIN);
  EXPECT_THAT(Listener::Bind(path_), HasReason(reason::kDaemonBusy));
}

TEST_F(ListenerTest, SocketOfAnotherKindIsLeftAlone) {
  std::filesystem::create_directories(path_.parent_path());
  const UniqueFd datagrams(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const sockaddr_un native = SocketAddress::Parse(path_.string()).value().native();
  ASSERT_EQ(bind(datagrams.get(), reinterpret_cast<const sockaddr*>(&native), sizeof(native)), 0);
  EXPECT_THAT(Listener::Bind(path_), HasReason(reason::kDaemonBusy));
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(ListenerTest, FileThatIsNoSocketIsLeftAlone) {
  std::filesystem::create_directories(path_.parent_path());
  std::ofstream(path_) << "precious";
  EXPECT_THAT(Listener::Bind(path_),
              AllOf(HasReason(reason::kDaemonBusy), HasMessage(HasSubstr(path_.string()))));
  EXPECT_EQ(std::filesystem::file_size(path_), 8);
  std::filesystem::remove(path_);
  std::filesystem::create_symlink("/nowhere", path_);
  EXPECT_THAT(Listener::Bind(path_), HasReason(reason::kDaemonBusy));
  EXPECT_TRUE(std::filesystem::is_symlink(path_));
}

TEST_F(ListenerTest, PathThatDoesNotFitIsRefused) {
  EXPECT_THAT(Listener::Bind(folder_ / std::string(110, 's')), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(ListenerTest, FolderThatCannotBeMadeIsAnErrorThatNamesIt) {
  std::ofstream(folder_ / "file") << "text";
  EXPECT_THAT(Listener::Bind(folder_ / "file" / "batutad.sock"), HasMessage(HasSubstr("file")));
}

TEST_F(ListenerTest, ASystemSocketLetsItsGroupIn) {
  ASSERT_OK_AND_ASSIGN(const auto listener, Listener::Bind(path_, Mode::kSystem));
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(path_).permissions(),
            perms::owner_read | perms::owner_write | perms::group_read | perms::group_write);
}

TEST_F(ListenerTest, ConnectionsAboveTheLimitAreClosedUntilOneLeaves) {
  ASSERT_OK_AND_ASSIGN(const auto listener, Listener::Bind(path_, Mode::kUser, {.connections = 4}));
  listener->Start(PeerPolicy(getuid()), door_.admit());
  auto first = std::make_optional<Client>(path_);
  const Client second(path_);
  ASSERT_TRUE(door_.WaitFor(2));

  const Client third(path_);
  EXPECT_TRUE(IsClosed(third.socket));
  EXPECT_EQ(listener->open_connections(), 2);

  first.reset();
  EXPECT_TRUE(WaitUntil([&] { return listener->open_connections() == 1; }));
  const Client fourth(path_);
  EXPECT_TRUE(door_.WaitFor(3));
}

// ---- clients that mean no good ----

TEST(HasRoomTest, OneUserGetsHalfAndTheNextAlwaysFindsRoom) {
  const ConnectionLimits limits{.connections = 100, .reserve = 10};
  uint32_t hog = 0;
  while (HasRoom(limits, hog, hog, false)) ++hog;
  EXPECT_EQ(hog, 45);
  uint32_t second = 0;
  while (HasRoom(limits, hog + second, second, false)) ++second;
  EXPECT_EQ(second, 23);
  EXPECT_TRUE(HasRoom(limits, hog + second, 0, false));
}

TEST(HasRoomTest, TheReserveIsForTheMastersHoweverManyUsersThereAre) {
  const ConnectionLimits limits{.connections = 100, .reserve = 10};
  EXPECT_TRUE(HasRoom(limits, 89, 0, false));
  EXPECT_FALSE(HasRoom(limits, 90, 0, false));
  EXPECT_TRUE(HasRoom(limits, 99, 0, true));
  EXPECT_FALSE(HasRoom(limits, 100, 0, true));
  EXPECT_FALSE(HasRoom({.connections = 5, .reserve = 10}, 0, 0, false));
}

TEST(ConnectionLimitsTest, FollowTheDescriptors) {
  EXPECT_EQ(ConnectionLimits::For(65'536).connections, 4'096);
  EXPECT_EQ(ConnectionLimits::For(1'024).connections, 256);
  EXPECT_EQ(ConnectionLimits::For(10).connections, 32);
}

TEST(GreetingTest, IsHttp2OrNonsenseByItsFirstWrongByte) {
  EXPECT_EQ(GreetingOf(""), Greeting::kUnfinished);
  EXPECT_EQ(GreetingOf("PRI * HTTP/2.0\r\n"), Greeting::kUnfinished);
  EXPECT_EQ(GreetingOf(kHttp2Greeting), Greeting::kHttp2);
  EXPECT_EQ(GreetingOf("GET / HTTP/1.1\r\n"), Greeting::kNonsense);
  EXPECT_EQ(GreetingOf(std::string(24, '\0')), Greeting::kNonsense);
}

TEST_F(ListenerTest, WhoSaysNothingIsClosedAndNeverAdmitted) {
  ASSERT_OK_AND_ASSIGN(const auto listener, Listener::Bind(path_, Mode::kUser, {.greeting = 50ms}));
  listener->Start(PeerPolicy(getuid()), door_.admit());
  const Client silent(path_, "");
  const Client stuck(path_, "PRI * HT");
  EXPECT_TRUE(IsClosed(silent.socket));
  EXPECT_TRUE(IsClosed(stuck.socket));
  EXPECT_EQ(listener->open_connections(), 0);
  EXPECT_THAT(door_.uids(), SizeIs(0));
}

TEST_F(ListenerTest, WhoSpeaksSomethingElseIsClosedAtOnce) {
  ASSERT_OK_AND_ASSIGN(const auto listener, Listener::Bind(path_, Mode::kUser, {.greeting = 1h}));
  listener->Start(PeerPolicy(getuid()), door_.admit());
  const Client browser(path_, "GET /");
  EXPECT_TRUE(IsClosed(browser.socket));
  EXPECT_THAT(door_.uids(), SizeIs(0));
}

TEST_F(ListenerTest, AGreetingMayComeByteByByteAndIsLeftForWhoServes) {
  ASSERT_OK_AND_ASSIGN(const auto listener, Listener::Bind(path_));
  listener->Start(PeerPolicy(getuid()), [this](UniqueFd connection, uint32_t uid) {
    std::string text(100, '\0');
    text.resize(static_cast<size_t>(std::max<ssize_t>(read(connection.get(), text.data(), text.size()), 0)));
    EXPECT_EQ(text, kHttp2Greeting);
    door_.admit()(std::move(connection), uid);
  });
  const Client slow(path_, "");
  for (const char byte : kHttp2Greeting) ASSERT_TRUE(Say(slow.socket, {&byte, 1}));
  EXPECT_TRUE(door_.WaitFor(1));
}

TEST_F(ListenerTest, StopEndsWithClientsConnectedAndRemovesTheFile) {
  ASSERT_OK_AND_ASSIGN(const auto listener, Listener::Bind(path_));
  listener->Start(PeerPolicy(getuid()), door_.admit());
  const Client client(path_);
  ASSERT_TRUE(door_.WaitFor(1));

  listener->Stop();
  listener->Stop();

  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_EQ(Client(path_).error, ENOENT);
  EXPECT_EQ(listener->open_connections(), 0);
}

TEST_F(ListenerTest, ListenerThatWasNeverStartedRemovesItsFile) {
  ASSERT_OK_AND_ASSIGN(auto listener, Listener::Bind(path_));
  listener.reset();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ListenerTest, AdoptedSocketStaysAndWhoConnectsWaitsForTheNextDaemon) {
  const UniqueFd theirs(NewSocket());
  std::filesystem::create_directories(path_.parent_path());
  const sockaddr_un native = SocketAddress::Parse(path_.string()).value().native();
  ASSERT_EQ(bind(theirs.get(), reinterpret_cast<const sockaddr*>(&native), sizeof(native)), 0);
  ASSERT_EQ(listen(theirs.get(), 8), 0);
  {
    ASSERT_OK_AND_ASSIGN(const auto listener, Listener::Adopt(UniqueFd(dup(theirs.get()))));
    listener->Start(PeerPolicy(getuid()), door_.admit());
    const Client client(path_);
    ASSERT_TRUE(door_.WaitFor(1));
    listener->Stop();
  }
  EXPECT_TRUE(std::filesystem::exists(path_));
  const Client between(path_);
  EXPECT_EQ(between.error, 0);

  ASSERT_OK_AND_ASSIGN(const auto next, Listener::Adopt(UniqueFd(dup(theirs.get()))));
  next->Start(PeerPolicy(getuid()), door_.admit());
  EXPECT_TRUE(door_.WaitFor(2));
}

TEST_F(ListenerTest, StopLeavesTheSocketOfASuccessorAlone) {
  ASSERT_OK_AND_ASSIGN(const auto first, Listener::Bind(path_));
  std::filesystem::rename(path_, folder_ / "moved.sock");
  ASSERT_OK_AND_ASSIGN(const auto second, Listener::Bind(path_));
  first->Stop();
  EXPECT_EQ(Client(path_).error, 0);
}

TEST_F(ListenerTest, RebindsManyTimes) {
  for (int i = 0; i < 50; ++i) {
    ASSERT_OK_AND_ASSIGN(const auto listener, Listener::Bind(path_));
    listener->Start(PeerPolicy(getuid()), [](UniqueFd, uint32_t) {});
    ASSERT_EQ(Client(path_).error, 0);
  }
}

// ---- what needs a process of its own ----

// Runs `body` in a child process, which ends with its result; returns the exit status.
int InChild(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    _exit(body());
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1'000 + WTERMSIG(status);
}

TEST_F(ListenerTest, StrangerIsClosedBeforeAByteIsRead) {
  constexpr uid_t kStranger = 65'534;
  const bool is_root = getuid() == 0;
  ASSERT_OK_AND_ASSIGN(const auto listener, Listener::Bind(path_));
  // The doors of the file system stand open: only the listener is left to refuse.
  std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
  std::filesystem::permissions(path_.parent_path(), std::filesystem::perms(0755));
  std::filesystem::permissions(path_, std::filesystem::perms(0666));
  listener->Start(PeerPolicy(is_root ? getuid() : kStranger), door_.admit());

  const int status = InChild([&] {
    if (is_root && setuid(kStranger) != 0) return 10;
    const UniqueFd socket(NewSocket());
    if (ConnectTo(socket.get(), path_) != 0) return 11;
    return IsClosed(socket) ? 0 : 12;
  });

  EXPECT_EQ(status, 0);
  EXPECT_THAT(door_.uids(), SizeIs(0));
}

std::chrono::nanoseconds CpuTime() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

TEST_F(ListenerTest, RunningOutOfDescriptorsNeitherSpinsNorForgetsWhoWaits) {
  const int status = InChild([&] {
    const auto listener = Listener::Bind(path_);
    if (!listener.ok()) return 10;
    (*listener)->Start(PeerPolicy(getuid()), door_.admit());
    // The first one goes through before the descriptors are gone: a sanitizer needs some of them to look at a
    // path of the code for the first time.
    const Client first(path_);
    if (!door_.WaitFor(1)) return 15;
    std::vector<UniqueFd> waiting;
    for (int i = 0; i < 4; ++i) waiting.emplace_back(NewSocket());
    // Not one more descriptor than there are.
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = static_cast<rlim_t>(waiting.back().get()) + 8;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0) return 11;
    std::vector<UniqueFd> fillers;
    do fillers.emplace_back(dup(waiting.back().get()));
    while (fillers.back());
    for (const UniqueFd& socket : waiting) {
      if (ConnectTo(socket.get(), path_) != 0 || !Say(socket, kHttp2Greeting)) return 16;
    }

    // A loop that spins takes all the processor it can get while this lasts.
    const std::chrono::nanoseconds cpu = CpuTime();
    poll(nullptr, 0, 300);
    if (CpuTime() - cpu > 50ms) return 12;
    if (door_.uids().size() != 1) return 13;

    fillers.clear();
    files.rlim_cur += 16;
    setrlimit(RLIMIT_NOFILE, &files);
    if (!door_.WaitFor(5)) return 14;
    (*listener)->Stop();
    return 0;
  });
  EXPECT_EQ(status, 0);
}

}  // namespace

}  // namespace batuta::app
