// The simulator itself: its log, its end, folders, the admin endpoint, and the program.
#include "tests/hubsim/hub_sim.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/hubsim/hub_fixture.h"

namespace batuta::hubsim {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using std::chrono::seconds;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class TempFolder {
 public:
  TempFolder() {
    std::string name = (fs::temp_directory_path() / "hubsim-test-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }

  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  ~TempFolder() { fs::remove_all(path_); }

  void Write(const fs::path& name, const std::string& text) const {
    fs::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << text;
  }

  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

class HubSimTest : public HubTest {};

TEST_F(HubSimTest, LogHasBothPortsInOrderWithBytesAndHeaders) {
  MakeRepo("acme/otter", {{"model.bin", Generated{.size = 6'000'000, .seed = 1}}});

  GetFollowing(Url("/acme/otter/resolve/main/model.bin?x=1"),
               {{"Range", "bytes=0-99"}, {"Authorization", "Bearer hf_mira"}});

  const HubSim::Log log = sim_->requests();
  ASSERT_EQ(log.size(), 2U);
  EXPECT_EQ(log[0].listener, Listener::kHub);
  EXPECT_EQ(log[0].target, "/acme/otter/resolve/main/model.bin?x=1");
  EXPECT_EQ(log[0].path, "/acme/otter/resolve/main/model.bin");
  EXPECT_EQ(log[0].authorization, "Bearer hf_mira");
  EXPECT_EQ(log[0].bucket, "resolvers");
  EXPECT_EQ(log[0].status, 302);
  EXPECT_EQ(log[1].listener, Listener::kCdn);
  EXPECT_EQ(log[1].range, "bytes=0-99");
  EXPECT_EQ(log[1].status, 206);
  EXPECT_EQ(log[1].Header("RANGE"), "bytes=0-99");
  EXPECT_FALSE(log[1].authorization);
  EXPECT_TRUE(sim_->WaitFor([](const HubSim::Log& now) { return now[1].is_over; }, seconds(10)));
  EXPECT_EQ(sim_->requests()[1].body_bytes_sent, 100U);
  EXPECT_EQ(sim_->stats().cdn_bytes_sent, 100U);
  EXPECT_EQ(sim_->CountRequests([](const LoggedRequest& r) { return r.listener == Listener::kCdn; }), 1U);
  sim_->ClearLog();
  EXPECT_EQ(sim_->requests().size(), 0U);
}

TEST_F(HubSimTest, WaitForGivesUpAtItsLimit) {
  EXPECT_FALSE(
      sim_->WaitFor([](const HubSim::Log& log) { return !log.empty(); }, std::chrono::milliseconds(20)));
}

TEST_F(HubSimTest, KeepsAConnectionForSeveralRequests) {
  const std::string request = "GET /api/whoami-v2 HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string last = "HEAD /api/telemetry/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

  const std::string answers = Exchange(sim_->endpoint(), request + request + last);

  EXPECT_EQ(sim_->requests().size(), 3U);
  EXPECT_EQ(sim_->requests()[2].connection_id, sim_->requests()[0].connection_id);
  EXPECT_THAT(answers, HasSubstr("HTTP/1.1 200 OK"));
}

TEST_F(HubSimTest, MalformedAndOversizedRequestsAreRefused) {
  EXPECT_THAT(Exchange(sim_->endpoint(), "nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Exchange(sim_->endpoint(), "GET / HTTP/1.1\r\nX: " + std::string(70'000, 'x') + "\r\n\r\n"),
              StartsWith("HTTP/1.1 413"));
}

TEST_F(HubSimTest, ChunkedBodiesAndExpectAreUnderstood) {
  const std::string head =
      "POST /api/validate-yaml HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\n";

  const std::string answer =
      Exchange(sim_->endpoint(),
               head + "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"con\r\nd\r\ntent\":\"# hi\"}\r\n0\r\n\r\n");

  EXPECT_THAT(answer, HasSubstr("HTTP/1.1 200 OK"));
  EXPECT_THAT(answer, HasSubstr("empty or missing yaml metadata"));
}

TEST_F(HubSimTest, StopEndsManyStalledRequestsAtOnceAndIsIdempotent) {
  sim_->AddFault({.kind = FaultKind::kLatency, .count = kAlways, .duration = std::chrono::hours(1)});
  std::vector<std::thread> clients;
  for (int i = 0; i < 20; ++i) clients.emplace_back([this] { EXPECT_EQ(Get(Url("/api/models")).status, 0); });
  EXPECT_TRUE(sim_->WaitFor([](const HubSim::Log& log) { return log.size() == 20; }, seconds(10)));

  const auto start = std::chrono::steady_clock::now();
  sim_->Stop();
  sim_->Stop();

  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(5));
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(Get(Url("/api/models")).status, 0);
  EXPECT_EQ(sim_->requests().size(), 20U);
}

TEST_F(HubSimTest, ManyClientsReadAtOnceWhileContentIsAdded) {
  const RepoRef repo = MakeRepo("acme/otter", {{"model.bin", Generated{.size = 6'000'000, .seed = 1}}});
  const std::string bytes = GeneratedBytes("model.bin", {.size = 6'000'000, .seed = 1});
  std::vector<std::thread> clients;
  for (std::size_t i = 0; i < 8; ++i) {
    clients.emplace_back([this, i, &bytes] {
      const std::string range =
          "bytes=" + std::to_string(i * 700'000) + "-" + std::to_string(i * 700'000 + 699'999);
      EXPECT_EQ(GetFollowing(Url("/acme/otter/resolve/main/model.bin"), {{"Range", range}}).body,
                bytes.substr(i * 700'000, 700'000));
    });
  }
  for (int i = 0; i < 5; ++i) Commit(repo, {{"note.txt", std::to_string(i)}});
  for (std::thread& client : clients) client.join();
}

TEST_F(HubSimTest, LoadsReposUsersRefsAndSettingsFromAFolder) {
  const TempFolder folder;
  folder.Write("hub.json", R"({"users":[{"name":"noor","token":"hf_noor","orgs":["river"],"isPro":true}]})");
  folder.Write("models/river/otter/repo.json",
               R"({"gated":"auto","granted":["noor"],"downloads":7,"tags":["wet"],"renamedFrom":["river/old"],
                   "securityFileStatus":{"a.bin":{"status":"safe"}}})");
  folder.Write("models/river/otter/revisions/main/a.bin", std::string("\0bin", 4));
  folder.Write("models/river/otter/revisions/main/sub/b.txt", "text");
  folder.Write("models/river/otter/revisions/tags%2Fv1/b.txt", "old");
  folder.Write("models/river/otter/revisions/refs%2Fpr%2F1/c.txt", "new");
  folder.Write("datasets/river/fish/revisions/main/d.csv", "1,2");
  folder.Write("models/gpt2/revisions/main/config.json", "{}");

  ASSERT_EQ(sim_->LoadFolder(folder.path()), absl::OkStatus());

  const RepoRef otter{.kind = RepoKind::kModel, .id = "river/otter"};
  const json info = GetJson("/api/models/river/otter?securityStatus=true");
  EXPECT_EQ(info.at("downloads"), 7);
  EXPECT_EQ(info.at("gated"), "auto");
  EXPECT_EQ(Get(Url("/api/models/river/old")).status, 307);
  EXPECT_TRUE(sim_->Stat(otter, "main", "a.bin")->is_lfs);
  EXPECT_EQ(*sim_->ReadFile(otter, "v1", "b.txt"), "old");
  EXPECT_FALSE(sim_->Stat(otter, "v1", "a.bin").ok());
  EXPECT_EQ(*sim_->ReadFile(otter, "refs/pr/1", "c.txt"), "new");
  EXPECT_EQ(GetJson("/api/whoami-v2", {{"Authorization", "Bearer hf_noor"}}).at("isPro"), true);
  EXPECT_EQ(GetJson("/api/datasets/river/fish").at("id"), "river/fish");
  EXPECT_EQ(GetJson("/api/models/gpt2").at("id"), "gpt2");

  const auto other = StartOrDie({});
  ASSERT_EQ(other->LoadFolder(folder.path()), absl::OkStatus());
  EXPECT_EQ(*other->ResolveRevision(otter, "main"), *sim_->ResolveRevision(otter, "main"));
}

TEST_F(HubSimTest, RefusesFoldersThatAreWrong) {
  const TempFolder folder;
  EXPECT_EQ(sim_->LoadFolder(folder.path() / "none").code(), absl::StatusCode::kNotFound);
  folder.Write("hub.json", "{");
  EXPECT_THAT(std::string(sim_->LoadFolder(folder.path()).message()), HasSubstr("hub.json"));
  folder.Write("hub.json", "{}");
  folder.Write("models/a--b/c/revisions/main/f", "x");
  EXPECT_EQ(sim_->LoadFolder(folder.path()).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(HubSimTest, FileWhoseHashIsGivenHasThatHashAndIsServedAsItIs) {
  const TempFolder folder;
  const std::string hash(64, 'a');
  folder.Write("models/acme/otter/repo.json", R"({"sha256":{"model.gguf":")" + hash + R"("}})");
  folder.Write("models/acme/otter/revisions/main/model.gguf", "GGUF");
  ASSERT_EQ(sim_->LoadFolder(folder.path()), absl::OkStatus());

  const json tree = GetJson("/api/models/acme/otter/tree/main");
  EXPECT_EQ(tree.at(0).at("lfs").at("oid"), hash);
  EXPECT_EQ(GetFollowing(Url("/acme/otter/resolve/main/model.gguf")).body, "GGUF");

  const TempFolder wrong;
  wrong.Write("models/acme/seal/repo.json", R"({"sha256":{"model.gguf":"abc"}})");
  EXPECT_EQ(sim_->LoadFolder(wrong.path()).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(HubSimTest, AdminEndpointAddsContentAndFaultsAndIsNeverLogged) {
  const RawAnswer made =
      Post("/__hubsim/commit",
           R"({"repo":"acme/new","create":true,"files":{"a.txt":"1","b.bin":{"size":10,"seed":2},
                                  "c":{"base64":"aGk="}}})");
  EXPECT_EQ(made.status, 200) << made.body;
  EXPECT_EQ(Post("/__hubsim/commit", R"({"repo":"acme/none","files":{}})").status, 400);
  const RawAnswer added =
      Post("/__hubsim/faults", R"({"kind":"status","path":"/api/models/acme/new","status":418})");
  EXPECT_EQ(added.status, 200);
  const std::string rule = std::to_string(json::parse(added.body).at("ids").at(0).get<int>());
  EXPECT_EQ(GetJson("/__hubsim/faults").at("hits").at(rule), 0);
  EXPECT_EQ(Post("/__hubsim/faults", R"({"kind":"nope"})").status, 400);
  EXPECT_EQ(Get(Url("/__hubsim/nope")).status, 404);

  EXPECT_EQ(Get(Url("/api/models/acme/new")).status, 418);
  EXPECT_EQ(GetFollowing(Url("/acme/new/resolve/main/c")).body, "hi");
  EXPECT_EQ(GetJson("/__hubsim/faults").at("hits").at(rule), 1);
  EXPECT_THAT(GetJson("/__hubsim/faults").at("kinds").get<std::vector<std::string>>(), Contains("cut"));

  const json log = GetJson("/__hubsim/requests");
  ASSERT_EQ(log.size(), 3U);
  EXPECT_EQ(log[0].at("status"), 418);
  EXPECT_EQ(log[0].at("bucket"), "api");
  EXPECT_EQ(GetJson("/__hubsim/stats").at("requests"), 3);
  Send({.method = "DELETE", .url = Url("/__hubsim/requests"), .headers = {}, .body = ""});
  EXPECT_EQ(GetJson("/__hubsim/requests").size(), 0U);
}

TEST_F(HubSimTest, ContentOfDiskAndGeneratedFilesIsServed) {
  const TempFolder folder;
  folder.Write("file", std::string(100'000, 'd'));
  const RepoRef repo = MakeRepo("acme/otter", {{"disk.txt", FromDisk{.path = folder.path() / "file"}}});

  EXPECT_EQ(GetFollowing(Url("/acme/otter/resolve/main/disk.txt")).body, std::string(100'000, 'd'));
  EXPECT_EQ(
      sim_->CommitFiles(repo, "main", {{"x", FromDisk{.path = folder.path() / "none"}}}).status().code(),
      absl::StatusCode::kNotFound);
  EXPECT_EQ(
      sim_->CommitFiles({.kind = RepoKind::kModel, .id = "acme/none"}, "main", {{"x", "1"}}).status().code(),
      absl::StatusCode::kNotFound);
}

struct ProgramEnd {
  int code = -1;
  std::string output;
};

// Runs the program to its end with both outputs joined.
ProgramEnd RunProgram(const std::string& arguments) {
  FILE* const pipe = ::popen((std::string(HUBSIM_PROGRAM) + " " + arguments + " 2>&1").c_str(), "r");
  ProgramEnd end;
  std::array<char, 4096> piece{};
  while (std::fgets(piece.data(), static_cast<int>(piece.size()), pipe) != nullptr)
    end.output += piece.data();
  end.code = WEXITSTATUS(::pclose(pipe));
  return end;
}

TEST(HubSimProgramTest, HelpShowsExamplesFirst) {
  const ProgramEnd help = RunProgram("--help");

  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.output, StartsWith("Examples:"));
  EXPECT_THAT(help.output, HasSubstr("--port-file"));
}

TEST(HubSimProgramTest, BadInputEndsWith2AndSaysWhy) {
  EXPECT_EQ(RunProgram("--nonsense").code, 2);
  EXPECT_EQ(RunProgram("--window-ms 0").code, 2);
  const ProgramEnd end = RunProgram("--root /nonexistent/hub");
  EXPECT_EQ(end.code, 2);
  EXPECT_THAT(end.output, HasSubstr("/nonexistent/hub: no such folder"));
  EXPECT_EQ(RunProgram("--faults /nonexistent/faults").code, 2);
}

TEST(HubSimProgramTest, ServesUntilTerminated) {
  const TempFolder folder;
  folder.Write("root/models/acme/otter/revisions/main/a.txt", "1");
  const std::string root = (folder.path() / "root").string();
  const std::string ports = (folder.path() / "ports").string();
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl(HUBSIM_PROGRAM, "hubsim", "--root", root.c_str(), "--port-file", ports.c_str(), nullptr);
    ::_exit(127);
  }
  const auto deadline = std::chrono::steady_clock::now() + seconds(20);
  while (!fs::exists(ports) && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  std::ifstream file(ports);
  std::string word;
  std::string endpoint;
  file >> word >> endpoint;

  EXPECT_EQ(word, "hub");
  EXPECT_EQ(Get(endpoint + "/api/models/acme/otter").status, 200);
  ::kill(child, SIGTERM);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace batuta::hubsim
