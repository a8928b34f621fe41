// A running hub with two users and a helper or two; each test has its own.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/hubsim/hub_sim.h"
#include "tests/unit/hubsim/raw_client.h"

namespace batuta::hubsim {

using Fields = std::vector<std::pair<std::string, std::string>>;

inline const Fields kMira = {{"Authorization", "Bearer hf_mira"}};          // member of acme, may write
inline const Fields kStranger = {{"Authorization", "Bearer hf_stranger"}};  // member of nothing, may read

class HubTest : public ::testing::Test {
 protected:
  explicit HubTest(const Options& options = {}) : sim_(StartOrDie(options)) {
    sim_->AddUser({.name = "mira", .token = "hf_mira", .orgs = {"acme"}, .fullname = "Mira K."});
    sim_->AddUser({.name = "stranger", .token = "hf_stranger", .orgs = {}, .role = "read", .fullname = ""});
  }

  static std::unique_ptr<HubSim> StartOrDie(const Options& options) {
    auto started = HubSim::Start(options);
    EXPECT_TRUE(started.ok()) << started.status();
    return *std::move(started);
  }

  RepoRef MakeRepo(const std::string& id, const FileSet& files, RepoSettings settings = {},
                   RepoKind kind = RepoKind::kModel) {
    const auto repo = sim_->CreateRepo(kind, id, std::move(settings));
    EXPECT_TRUE(repo.ok()) << repo.status();
    Commit(*repo, files);
    return *repo;
  }

  std::string Commit(const RepoRef& repo, const FileSet& files, const std::string& branch = "main") {
    const auto commit = sim_->CommitFiles(repo, branch, files);
    EXPECT_TRUE(commit.ok()) << commit.status();
    return commit.value_or("");
  }

  std::string Url(const std::string& target) const { return sim_->endpoint() + target; }

  nlohmann::json GetJson(const std::string& target, const Fields& headers = {}) const {
    return nlohmann::json::parse(Get(Url(target), headers).body, nullptr, false);
  }

  RawAnswer Post(const std::string& target, const std::string& body, Fields headers = kMira) const {
    headers.emplace_back("Content-Type", "application/json");
    return Send({.method = "POST", .url = Url(target), .headers = std::move(headers), .body = body});
  }

  std::unique_ptr<HubSim> sim_;
};

}  // namespace batuta::hubsim
