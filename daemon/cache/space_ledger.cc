#include "daemon/cache/space_ledger.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/sync/mutex.h"
#include "common/text/human.h"

namespace batuta::cache {

struct SpaceLedger::Reservation::Account {
  Mutex mutex;
  uint64_t promised_bytes ABSL_GUARDED_BY(mutex) = 0;  // and not used yet
};

SpaceLedger::Reservation::Reservation(std::shared_ptr<Account> account, uint64_t bytes)
    : account_(std::move(account)), bytes_(bytes) {}

SpaceLedger::Reservation::Reservation(Reservation&& other) noexcept
    : account_(std::move(other.account_)), bytes_(std::exchange(other.bytes_, 0)) {}

SpaceLedger::Reservation& SpaceLedger::Reservation::operator=(Reservation&& other) noexcept {
  std::swap(account_, other.account_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

SpaceLedger::Reservation::~Reservation() {
  Use(bytes_);
}

void SpaceLedger::Reservation::Use(uint64_t bytes) {
  const uint64_t used = std::min(bytes, bytes_);
  if (used == 0) return;
  bytes_ -= used;
  MutexLock lock(account_->mutex);
  account_->promised_bytes -= used;
}

SpaceLedger::SpaceLedger(uint64_t spare_bytes, RoomMaker* maker)
    : spare_bytes_(spare_bytes), maker_(maker), account_(std::make_shared<Reservation::Account>()) {}

SpaceLedger::~SpaceLedger() = default;

absl::StatusOr<SpaceLedger::Reservation> SpaceLedger::Reserve(Cache& cache, uint64_t bytes) {
  // Promised first, so that two who ask at once see each other; given back with the reservation on an error.
  Demand demand{.asked_bytes = bytes};
  {
    MutexLock lock(account_->mutex);
    demand.unwritten_bytes = account_->promised_bytes += bytes;
  }
  Reservation reservation(account_, bytes);
  if (maker_ != nullptr) RETURN_IF_ERROR(maker_->MakeRoom(demand));
  ASSIGN_OR_RETURN(const SpaceInfo space, cache.Space());
  const uint64_t spare_bytes = spare_bytes_;
  if (space.free_bytes >= demand.unwritten_bytes + spare_bytes) return reservation;
  const uint64_t promised_bytes = demand.unwritten_bytes - bytes;
  const std::string promised =
      promised_bytes == 0 ? "" : fmt::format(", {} are promised to other pulls", FormatBytes(promised_bytes));
  return MakeError(
      absl::StatusCode::kResourceExhausted, reason::kDiskFull,
      fmt::format("the pull needs {}, but only {} are free below {} ({} are left free{})", FormatBytes(bytes),
                  FormatBytes(space.free_bytes), cache.root().string(), FormatBytes(spare_bytes), promised),
      "free some space, pull fewer files (--include, --quantization), or move the cache (HF_HUB_CACHE)",
      {{"needed_bytes", std::to_string(bytes)}, {"free_bytes", std::to_string(space.free_bytes)}});
}

absl::Status SpaceLedger::KeepRoom() {
  if (maker_ == nullptr) return absl::OkStatus();
  Demand demand;
  {
    MutexLock lock(account_->mutex);
    demand.unwritten_bytes = account_->promised_bytes;
  }
  return maker_->MakeRoom(demand);
}

}  // namespace batuta::cache
