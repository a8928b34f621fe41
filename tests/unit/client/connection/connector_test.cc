#include "client/connection/connector.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include <grpc/support/log.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "tests/support/files/temp_folder.h"
#include "tests/support/status/status_matchers.h"
#include "tests/unit/client/support/fake_daemon.h"

namespace batuta::client {
namespace {

using ::testing::HasSubstr;

class ConnectorTest : public ::testing::Test {
 protected:
  ConnectorTest() {
    variables_ = {
        {"HOME", folder_.path().native()}, {"BATUTA_SOCKET", socket_path()}, {"BATUTA_NO_SPAWN", "1"}};
  }

  std::string socket_path() { return (folder_ / "d.sock").native(); }

  Environment environment() {
    return [this](std::string_view name) -> std::optional<std::string> {
      const auto found = variables_.find(name);
      if (found == variables_.end()) return std::nullopt;
      return found->second;
    };
  }

  Connector connector() {
    return Connector({.environment = environment(), .socket_flag = "", .this_program = ""});
  }

  void MakeDaemonProgram(const std::string& script) {
    const std::filesystem::path path = folder_ / "batutad";
    std::ofstream(path) << "#!/bin/sh\n" << script;
    ::chmod(path.c_str(), 0700);
    variables_["PATH"] = folder_.path().native();
    variables_.erase("BATUTA_NO_SPAWN");
  }

  TempFolder folder_;
  std::map<std::string, std::string, std::less<>> variables_;
};

TEST_F(ConnectorTest, FindsTheRunningDaemon) {
  const FakeDaemon daemon(socket_path());

  ASSERT_OK_AND_ASSIGN(const Connection connection, connector().Open({}));

  EXPECT_EQ(connection.status.pid(), 4711);
}

TEST_F(ConnectorTest, SendsTheTokenOfTheCallersFile) {
  const FakeDaemon daemon(socket_path());
  std::ofstream(folder_ / "token") << "hf_file\n";
  variables_["HF_TOKEN_PATH"] = (folder_ / "token").native();

  ASSERT_OK_AND_ASSIGN(const Connection connection, connector().Open({}));
  EXPECT_EQ(daemon.calls().token, "hf_file");
  ASSERT_OK_AND_ASSIGN(const Connection without, connector().Open({.send_token = false}));
  EXPECT_EQ(daemon.calls().token, "");
}

TEST_F(ConnectorTest, WhatGrpcSaysOfItselfStandsNotBetweenTheLines) {
  const FakeDaemon daemon(socket_path());
  ASSERT_OK_AND_ASSIGN(const Connection connection, connector().Open({}));

  testing::internal::CaptureStderr();
  gpr_log(GPR_ERROR, "Waiting for thread pool to idle before shutting down");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_F(ConnectorTest, SaysHowToStartOneWhenItMayNot) {
  const auto connection = connector().Open({});

  EXPECT_THAT(connection, HasReason(reason::kDaemonUnreachable));
  EXPECT_THAT(connection, HasMessage(HasSubstr(socket_path())));
  EXPECT_THAT(HintOf(connection.status()), HasSubstr("batuta daemon start"));
}

TEST_F(ConnectorTest, TellsTheLastWordsOfADaemonThatDied) {
  MakeDaemonProgram("echo 'batutad: state folder is damaged' >&2; exit 1\n");

  const auto connection = connector().Open({});

  EXPECT_THAT(connection, HasReason(reason::kDaemonUnreachable));
  EXPECT_THAT(connection, HasMessage(HasSubstr("exited with code 1: batutad: state folder is damaged")));
  EXPECT_THAT(HintOf(connection.status()), HasSubstr("batutad.log"));
}

TEST_F(ConnectorTest, ReachesTheDaemonThatWonTheRace) {
  // What this client starts finds the folder taken and leaves; the winner listens a moment later.
  MakeDaemonProgram("touch \"$HOME/started\"; exit 3\n");
  ::setenv("HOME", folder_.path().c_str(), 1);
  std::thread winner;
  std::unique_ptr<FakeDaemon> daemon;
  winner = std::thread([&] {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!std::filesystem::exists(folder_ / "started") && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    daemon = std::make_unique<FakeDaemon>(socket_path());
  });

  const auto connection = connector().Open({});
  winner.join();

  ASSERT_THAT(connection, IsOk());
  EXPECT_EQ(connection->status.pid(), 4711);
}

TEST_F(ConnectorTest, NeverStartsOneWhenAskedNotTo) {
  MakeDaemonProgram("touch \"$HOME/started\"\n");

  EXPECT_THAT(connector().Open({.may_spawn = false}), HasReason(reason::kDaemonUnreachable));

  EXPECT_FALSE(std::filesystem::exists(folder_ / "started"));
}

TEST_F(ConnectorTest, RefusesADaemonOfAnotherEndpoint) {
  const FakeDaemon daemon(socket_path());
  variables_["HF_ENDPOINT"] = "http://127.0.0.1:9";

  const auto connection = connector().Open({});

  EXPECT_THAT(connection, HasReason(reason::kDaemonMismatch));
  EXPECT_THAT(HintOf(connection.status()), HasSubstr("BATUTA_SOCKET"));
  EXPECT_THAT(connector().Open({.check_identity = false}), IsOk());
}

struct IdentityRow {
  std::map<std::string, std::string, std::less<>> variables;
  bool fits;
};

TEST(CheckIdentityTest, OnlyWhatTheEnvironmentNamesCounts) {
  v1::GetStatusResponse daemon;
  daemon.set_endpoint("https://hub.example");
  daemon.set_cache_path("/data/hf/hub");
  const IdentityRow rows[] = {
      {{{"HOME", "/home/mira"}}, true},
      {{{"HF_ENDPOINT", "https://hub.example/"}}, true},
      {{{"HF_ENDPOINT", "https://HUB.example:443"}}, true},
      {{{"HF_ENDPOINT", "https://huggingface.co"}}, false},
      {{{"HF_ENDPOINT", ""}}, true},
      {{{"HF_HOME", "/data/hf"}}, true},
      {{{"HF_HOME", "/data/hf/"}}, true},
      {{{"HF_HOME", "/data/other"}}, false},
      {{{"HF_HUB_CACHE", "/data/hf/hub"}, {"HF_HOME", "/elsewhere"}}, true},
      {{{"HF_HUB_CACHE", "/data/hf/../hf/hub/"}}, true},
      {{{"HUGGINGFACE_HUB_CACHE", "/other"}}, false},
  };
  for (const IdentityRow& row : rows) {
    const Environment environment = [&row](std::string_view name) -> std::optional<std::string> {
      const auto found = row.variables.find(name);
      if (found == row.variables.end()) return std::nullopt;
      return found->second;
    };
    EXPECT_EQ(CheckIdentity(environment, daemon).ok(), row.fits)
        << row.variables.begin()->first << "=" << row.variables.begin()->second;
  }
}

TEST(CheckIdentityTest, ACacheBehindASymlinkIsTheSameCache) {
  const TempFolder folder;
  std::filesystem::create_directories(folder / "real");
  std::filesystem::create_directory_symlink(folder / "real", folder / "link");
  v1::GetStatusResponse daemon;
  daemon.set_cache_path((folder / "real").native());
  const Environment environment = [&](std::string_view name) -> std::optional<std::string> {
    if (name == "HF_HUB_CACHE") return (folder / "link").native();
    return std::nullopt;
  };

  EXPECT_THAT(CheckIdentity(environment, daemon), IsOk());
}

}  // namespace
}  // namespace batuta::client
