#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/budget/budgeted_transport.h"
#include "tests/support/metadata/fake_metadata_store.h"
#include "tests/support/runner/manual_task_runner.h"
#include "tests/support/status/status_matchers.h"
#include "tests/support/transport/fake_transport.h"
#include "tests/support/transport/recording_handler.h"
#include "tests/unit/daemon/budget/simulated_hub.h"

namespace batuta::budget {

using HandlerPtr = std::shared_ptr<RecordingHandler>;

inline constexpr char kHub[] = "https://hub.test";
inline constexpr char kApi[] = "https://hub.test/api/models/a/b";
inline constexpr char kFile[] = "https://cdn.test/weights";

// A BudgetedTransport over scripted answers and a catalog in memory; the test turns the core sequence and the
// clock.
class BudgetedTransportTest : public ::testing::Test {
 protected:
  BudgetedTransportTest() { Restart(); }

  ~BudgetedTransportTest() override {
    budget_.reset();
    core_.RunUntilIdle();
  }

  void Restart() {
    budget_.reset();
    core_.RunUntilIdle();
    BudgetOptions options;
    options.endpoint = kHub;
    options.salt = "salt";
    options.max_waiting = max_waiting_;
    options.random = [] { return 0.5; };
    budget_ = BudgetedTransport::Create(options, inner_, core_, core_.clock(), store_);
  }

  void Simulate(SimulatedHub::Options options) {
    hub_ = std::make_unique<SimulatedHub>(std::move(options), core_.clock());
    inner_.Otherwise([this](const transport::HttpRequest& request) { return hub_->Answer(request); });
  }

  static transport::HttpRequest Get(std::string url) {
    transport::HttpRequest request;
    request.url = std::move(url);
    return request;
  }

  HandlerPtr Start(transport::HttpRequest request) {
    auto handler = std::make_shared<RecordingHandler>();
    last_ = budget_->Start(std::move(request), handler);
    return handler;
  }

  HandlerPtr Start(std::string url = kApi) { return Start(Get(std::move(url))); }

  std::vector<HandlerPtr> StartMany(int count, const Principal& principal = {},
                                    Priority priority = Priority::kNormal) {
    std::vector<HandlerPtr> handlers;
    for (int i = 0; i < count; ++i) {
      transport::HttpRequest request = Get(kApi);
      request.principal = principal;
      request.priority = priority;
      handlers.push_back(Start(request));
    }
    return handlers;
  }

  static size_t CountDone(const std::vector<HandlerPtr>& handlers) {
    return static_cast<size_t>(
        std::count_if(handlers.begin(), handlers.end(), [](const auto& h) { return h->is_done(); }));
  }

  WindowView View(WindowKind kind, const std::string& identity = "anonymous") {
    for (const WindowView& view : budget_->Windows()) {
      if (view.kind == kind && view.identity == identity) return view;
    }
    ADD_FAILURE() << "no such window";
    return {};
  }

  // Everything in the catalog, keys and values.
  std::string Catalog() {
    std::string all;
    EXPECT_THAT(store_.Scan(metadata::Table::kWindows, "",
                            [&](std::string_view key, std::string_view value) {
                              all.append(key).append("=").append(value).append("\n");
                              return true;
                            }),
                IsOk());
    return all;
  }

  size_t max_waiting_ = 10'000;
  ManualTaskRunner core_;
  FakeTransport inner_{&core_};
  metadata::FakeMetadataStore store_;
  std::unique_ptr<SimulatedHub> hub_;
  std::unique_ptr<BudgetedTransport> budget_;
  transport::CallId last_ = 0;
};

}  // namespace batuta::budget
