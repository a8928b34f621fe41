#include "tests/support/transfers/fake_transfers.h"

#include <cstddef>
#include <cstdlib>
#include <span>
#include <utility>

namespace batuta::transfer {

namespace {

// The fake is given content that fits its blob; anything else is a mistake of the test.
void Require(const absl::Status& status) {
  if (!status.ok()) std::abort();
}

}  // namespace

std::vector<size_t> FakeTransfers::open() const {
  std::vector<size_t> indices;
  for (size_t index = 0; index < wanted_.size(); ++index) {
    if (wanted_[index].observer != nullptr) indices.push_back(index);
  }
  return indices;
}

void FakeTransfers::Progress(size_t index, uint64_t done_bytes, uint64_t received_bytes) {
  wanted_[index].observer->OnProgress(done_bytes, received_bytes);
}

void FakeTransfers::Wait(size_t index, const transport::WaitInfo& info, const absl::Status& cause,
                         int attempt) {
  wanted_[index].observer->OnWaiting(info, cause, attempt);
}

void FakeTransfers::Deliver(size_t index, std::string_view content) {
  if (const auto& guard = wanted_[index].spec.guard; guard != nullptr) {
    safety::MemorySource bytes(content);
    const absl::Status answer = guard->Check(bytes, Arrived::kWhole);
    if (!answer.ok()) return Fail(index, answer);
  }
  Put(wanted_[index].spec.repo, wanted_[index].spec.entry, content);
  const auto observer = std::exchange(wanted_[index].observer, nullptr);
  observer->OnProgress(content.size(), content.size());
  observer->OnFinished(absl::OkStatus());
}

void FakeTransfers::DeliverElsewhere(size_t index, const RepoId& repo, std::string_view content) {
  Put(repo, wanted_[index].spec.entry, content);
  const auto observer = std::exchange(wanted_[index].observer, nullptr);
  observer->OnElsewhere(repo);
  observer->OnFinished(absl::OkStatus());
}

void FakeTransfers::Put(const RepoId& repo, const Entry& entry, std::string_view content) {
  auto partial = cache_.OpenPartial(repo, entry.blob, entry.size_bytes);
  Require(partial.status());
  Require((*partial)->WriteAt(0, std::as_bytes(std::span(content))));
  Require((*partial)->Publish({}));
}

void FakeTransfers::Fail(size_t index, const absl::Status& status) {
  std::exchange(wanted_[index].observer, nullptr)->OnFinished(status);
}

TransferId FakeTransfers::Join(TransferSpec spec, std::shared_ptr<TransferObserver> observer) {
  wanted_.push_back({std::move(spec), std::move(observer)});
  return wanted_.size();  // the id is the index plus one
}

void FakeTransfers::SetPriority(TransferId id, Priority priority) {
  wanted_[id - 1].spec.priority = priority;
}

void FakeTransfers::Leave(TransferId id) {
  wanted_[id - 1].observer.reset();
}

}  // namespace batuta::transfer
