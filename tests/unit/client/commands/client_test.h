#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/files/temp_folder.h"
#include "tests/unit/client/support/client_run.h"
#include "tests/unit/client/support/fake_daemon.h"

namespace batuta::client {

// A home of its own, the program, and a daemon in this process that it reaches.
class ClientTest : public ::testing::Test {
 protected:
  ClientTest() : client_(folder_.path().native()), daemon_(client_.socket_path()) {}

  RunResult Run(const std::vector<std::string>& words) { return client_.Run(words); }

  // Changes what the daemon answers.
  template <typename Change>
  void Answer(Change change) {
    FakeDaemon::Answers answers = daemon_.answers();
    change(answers);
    daemon_.Set(answers);
  }

  TempFolder folder_;
  ClientRun client_;
  FakeDaemon daemon_;
};

inline nlohmann::json ErrorOf(const RunResult& result) {
  return nlohmann::json::parse(result.err)["error"];
}

}  // namespace batuta::client
