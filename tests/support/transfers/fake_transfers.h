#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/cache/cache.h"
#include "daemon/transfer/transfer.h"

namespace batuta::transfer {

// FakeTransfers records what is wanted and does what the test says with it. Core sequence, like the real one.
class FakeTransfers final : public Transfers {
 public:
  struct Wanted {
    TransferSpec spec;
    std::shared_ptr<TransferObserver> observer;  // null: it left, or it ended
  };

  explicit FakeTransfers(cache::Cache& cache) : cache_(cache) {}

  // Everything that was joined, in order.
  const std::vector<Wanted>& wanted() const { return wanted_; }

  // Those that neither ended nor left.
  std::vector<size_t> open() const;

  // Tells the observer of number `index`.
  void Progress(size_t index, uint64_t done_bytes, uint64_t received_bytes);
  void Wait(size_t index, const transport::WaitInfo& info, const absl::Status& cause, int attempt);

  // Puts `content` into the cache as the blob's bytes and ends the transfer well; if its guard admits them.
  void Deliver(size_t index, std::string_view content);

  // The same, but into another repo than was asked for.
  void DeliverElsewhere(size_t index, const RepoId& repo, std::string_view content);

  void Fail(size_t index, const absl::Status& status);

  TransferId Join(TransferSpec spec, std::shared_ptr<TransferObserver> observer) override;
  void SetPriority(TransferId id, Priority priority) override;
  void Leave(TransferId id) override;

  void Drain(absl::AnyInvocable<void()> done) override { done(); }

 private:
  void Put(const RepoId& repo, const Entry& entry, std::string_view content);

  cache::Cache& cache_;
  std::vector<Wanted> wanted_;
};

}  // namespace batuta::transfer
