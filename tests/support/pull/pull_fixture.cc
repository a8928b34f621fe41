#include "tests/support/pull/pull_fixture.h"

#include <fstream>
#include <sstream>
#include <utility>

#include "tests/support/sample_file/sample_file.h"

namespace batuta::pull {

PullFixture::PullFixture() {
  absl::StatusOr<std::unique_ptr<cache::Cache>> cache =
      cache::Cache::Open({.root = folder_ / "hub"}, *files_, store_);
  cache_ = std::move(cache).value();
  transfers_ = std::make_unique<transfer::FakeTransfers>(*cache_);
  planner_ = std::make_unique<Planner>(planner_options_, hub_, *cache_, core_, disk_);
}

// What is under way ends while everything it uses is there.
PullFixture::~PullFixture() {
  core_.RunUntilIdle();
}

RepoId PullFixture::Model(std::string_view id) {
  return RepoId::Parse(RepoType::kModel, id).value();
}

CommitId PullFixture::Commit(char digit) {
  return CommitId::Parse(std::string(40, digit)).value();
}

Entry PullFixture::File(std::string_view path, std::string_view content, char blob_digit) {
  return Entry{.path = RepoPath::Parse(path).value(),
               .size_bytes = content.size(),
               .blob = BlobId::Parse(std::string(64, blob_digit)).value(),
               .git_oid = std::string(40, blob_digit)};
}

void PullFixture::ServeOtter() {
  const std::string first = SampleFile("1.safetensors", 100, 1);
  const std::string second = SampleFile("2.safetensors", 101, 2);
  contents_[std::string(64, '1')] = "{}";
  contents_[std::string(64, '2')] = first;
  contents_[std::string(64, '3')] = second;
  hub_.Serve(Model("acme/otter"), Revision::Main(),
             Tree{Commit('a'),
                  {File("config.json", "{}", '1'), File("model-00001-of-00002.safetensors", first, '2'),
                   File("model-00002-of-00002.safetensors", second, '3')}});
}

PullRequest PullFixture::RequestFor(const RepoId& repo) {
  PullRequest request{.repo = repo, .selection = {}};
  request.selection.repo_type = repo.type();
  return request;
}

PullContext PullFixture::Context() {
  return {.planner = *planner_,
          .hub = hub_,
          .cache = *cache_,
          .space = space_,
          .transfers = *transfers_,
          .core = core_,
          .disk = disk_,
          .upkeep = disk_,
          .clock = clock_,
          .backoff = {},
          .guard = &guard_,
          .turns = &turns_};
}

absl::StatusOr<PullPlan> PullFixture::Plan(const PullRequest& request) {
  absl::StatusOr<PullPlan> result = absl::UnknownError("the planner did not call back");
  planner_->Plan(request, hub::Access{},
                 [&result](absl::StatusOr<PullPlan> plan) { result = std::move(plan); });
  core_.RunUntilIdle();
  return result;
}

std::unique_ptr<PullRun> PullFixture::StartRun(const PullRequest& request) {
  std::unique_ptr<PullRun> run = PullRun::Start(Context(), request, hub::Access{}, observer_);
  core_.RunUntilIdle();
  return run;
}

void PullFixture::DeliverAll() {
  for (std::vector<size_t> open = transfers_->open(); !open.empty(); open = transfers_->open()) {
    for (const size_t index : open) {
      transfers_->Deliver(index, contents_.at(transfers_->wanted()[index].spec.entry.blob.hex()));
    }
    core_.RunUntilIdle();
  }
}

std::string PullFixture::SnapshotFile(const RepoId& repo, const CommitId& commit,
                                      std::string_view path) const {
  std::ifstream stream(cache_->SnapshotPath(repo, commit) / path);
  std::ostringstream content;
  content << stream.rdbuf();
  return content.str();
}

}  // namespace batuta::pull
