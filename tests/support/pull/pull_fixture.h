#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/io/file_system.h"
#include "daemon/cache/cache.h"
#include "daemon/cache/space_ledger.h"
#include "daemon/pull/pull_run.h"
#include "tests/support/clock/fake_clock.h"
#include "tests/support/files/temp_folder.h"
#include "tests/support/guard/fake_inspection.h"
#include "tests/support/hub/fake_hub_client.h"
#include "tests/support/metadata/fake_metadata_store.h"
#include "tests/support/runner/manual_task_runner.h"
#include "tests/support/runner/manual_worker_pool.h"
#include "tests/support/transfers/fake_transfers.h"

namespace batuta::pull {

// What a run told its observer.
class RecordingObserver final : public PullObserver {
 public:
  void OnPlanned(const PullPlan& plan) override { plan_files = plan.files.size(); }

  void OnFileCached(size_t index) override { cached.push_back(index); }

  void OnFileProgress(size_t index, uint64_t done_bytes, uint64_t received_bytes) override {
    static_cast<void>(index);
    done = done_bytes;
    received += received_bytes;
  }

  void OnFileDone(size_t index) override { files_done.push_back(index); }

  void OnFileWarned(size_t index, const std::string& warning) override { warnings[index] = warning; }

  void OnFileFailed(size_t index, const absl::Status& status) override {
    static_cast<void>(status);
    failed.push_back(index);
  }

  void OnWaiting(const transport::WaitInfo& info, const absl::Status& cause, int attempt) override {
    static_cast<void>(cause);
    waits.push_back(info.reason);
    attempts = attempt;
  }

  void OnFinished(const absl::Status& status) override { finished = status; }

  size_t plan_files = 0;
  std::vector<size_t> cached;
  std::vector<size_t> files_done;
  std::vector<size_t> failed;
  std::map<size_t, std::string> warnings;
  std::vector<std::string> waits;
  int attempts = 0;
  uint64_t done = 0;
  uint64_t received = 0;
  std::optional<absl::Status> finished;
};

// A planner and runs over a real cache in a temp folder, a fake hub, fake transfers, and time that moves when
// told.
class PullFixture : public testing::Test {
 protected:
  PullFixture();
  ~PullFixture() override;

  static RepoId Model(std::string_view id);
  static CommitId Commit(char digit);
  static Entry File(std::string_view path, std::string_view content, char blob_digit);

  // A tree with a config and two weight shards, served as main of acme/otter.
  void ServeOtter();

  static PullRequest RequestFor(const RepoId& repo);

  PullContext Context();

  // Plans at once.
  absl::StatusOr<PullPlan> Plan(const PullRequest& request);

  // Starts a run and lets everything settle that needs no delivery.
  std::unique_ptr<PullRun> StartRun(const PullRequest& request);

  // Delivers whatever is open, by blob, until nothing is.
  void DeliverAll();

  std::string SnapshotFile(const RepoId& repo, const CommitId& commit, std::string_view path) const;

  TempFolder folder_;
  FakeClock clock_;
  ManualTaskRunner core_{&clock_};
  ManualWorkerPool disk_{core_};
  metadata::FakeMetadataStore store_;
  std::unique_ptr<FileSystem> files_ = MakePosixFileSystem();
  std::unique_ptr<cache::Cache> cache_;
  cache::SpaceLedger space_{0};
  hub::FakeHubClient hub_{core_};
  std::unique_ptr<transfer::FakeTransfers> transfers_;
  guard::FakeInspection inspection_;
  guard::Verdicts verdicts_{store_, inspection_};
  guard::Consents consents_{store_};
  guard::GuardContext guard_{verdicts_, consents_, clock_};
  LookTurns turns_{core_};
  PlannerOptions planner_options_;
  std::unique_ptr<Planner> planner_;
  std::map<std::string, std::string> contents_;  // by blob
  RecordingObserver observer_;
};

}  // namespace batuta::pull
