#include "daemon/transfer/hash_lane.h"

#include <algorithm>
#include <utility>

namespace batuta::transfer {
namespace {

// What is read back in one step, so that other blobs get their turn on the pool.
constexpr uint64_t kStepBytes = 1 << 20;

}  // namespace

HashLane::HashLane(BlobId::Kind kind, uint64_t size_bytes, std::shared_ptr<cache::Partial> partial,
                   std::shared_ptr<const PieceChecks> checks, WorkerPool& disk, Events events)
    : size_bytes_(size_bytes),
      events_(std::move(events)),
      partial_(std::move(partial)),
      checks_(std::move(checks)),
      front_(kind, size_bytes),
      strand_(disk) {}

template <typename Step>
void HashLane::Post(Step step) {
  strand_.Post([self = shared_from_this(), step = std::move(step)]() mutable { step(*self); });
}

void HashLane::Advance(uint64_t end) {
  told_.store(end, std::memory_order_relaxed);
  Post([end](HashLane& self) { self.AdvanceNow(end, {}); });
}

void HashLane::Advance(uint64_t end, Buffer buffer, size_t length) {
  told_.store(end, std::memory_order_relaxed);
  Post([end, buffer = std::move(buffer), length](HashLane& self) {
    self.AdvanceNow(end, buffer.memory().first(length));
  });
}

void HashLane::Resume(uint64_t end) {
  told_.store(end, std::memory_order_relaxed);
  Post([end](HashLane& self) {
    self.is_deaf_ = false;
    self.AdvanceNow(end, {});
  });
}

void HashLane::Stop(std::function<void()> then) {
  Post([then = std::move(then)](HashLane& self) {
    self.has_ended_ = true;
    self.partial_ = nullptr;
    if (then) then();
  });
}

void HashLane::AdvanceNow(uint64_t end, std::span<const std::byte> last_bytes) {
  if (has_ended_ || is_deaf_) return;
  end_ = std::max(end_, end);
  if (!last_bytes.empty()) front_.OnWritten(end - last_bytes.size(), last_bytes);
  Proceed();
}

void HashLane::Proceed() {
  if (has_ended_ || is_deaf_) return;
  if (front_.front() < end_) {
    absl::StatusOr<std::optional<Extent>> damaged = front_.CatchUp(*partial_, end_, *checks_, kStepBytes);
    if (!damaged.ok()) {
      End(damaged.status());
      return;
    }
    if (damaged->has_value()) {
      is_deaf_ = true;
      end_ = front_.front();
      events_.damaged(**damaged);
      return;
    }
  }
  hashed_.store(front_.front(), std::memory_order_relaxed);
  if (front_.front() == size_bytes_) {
    End(front_.Finish());
  } else if (front_.front() < end_ && !std::exchange(is_step_posted_, true)) {
    Post([](HashLane& self) {
      self.is_step_posted_ = false;
      self.Proceed();
    });
  }
}

void HashLane::End(absl::StatusOr<std::string> hash) {
  has_ended_ = true;
  partial_ = nullptr;
  events_.finished(std::move(hash));
}

}  // namespace batuta::transfer
