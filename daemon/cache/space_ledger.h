#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"

#include "daemon/cache/cache.h"
#include "daemon/cache/room_maker.h"

namespace batuta::cache {

// SpaceLedger keeps account of the disk space that is promised to pulls and not used yet, so that two of them
// do not count on the same bytes. Other programs may take what is free all the same. Thread-safe.
class SpaceLedger {
 public:
  // A promise of space, given back as it is used and when it is destroyed. One thread at a time; may outlive
  // the ledger.
  class Reservation {
   public:
    Reservation() = default;
    Reservation(Reservation&& other) noexcept;
    Reservation& operator=(Reservation&& other) noexcept;
    Reservation(const Reservation&) = delete;
    Reservation& operator=(const Reservation&) = delete;
    ~Reservation();

    // So many bytes of it are on the disk now, or not needed any more.
    void Use(uint64_t bytes);

    uint64_t bytes() const { return bytes_; }

   private:
    friend class SpaceLedger;
    struct Account;

    Reservation(std::shared_ptr<Account> account, uint64_t bytes);

    std::shared_ptr<Account> account_;
    uint64_t bytes_ = 0;  // not used yet
  };

  // `spare_bytes` are left free, whatever is reserved. `maker`, which outlives the ledger, is asked to make
  // room for each reservation; null: there is what there is.
  explicit SpaceLedger(uint64_t spare_bytes, RoomMaker* maker = nullptr);
  ~SpaceLedger();

  // Looks at the disk, and may remove from it: run it where the RoomMaker runs.
  //   kResourceExhausted (DISK_FULL)  it does not fit beside what is promised to others; says the numbers.
  //   Else those of the RoomMaker.
  absl::StatusOr<Reservation> Reserve(Cache& cache, uint64_t bytes);

  // Left free from the next reservation on.
  void SetSpare(uint64_t spare_bytes) { spare_bytes_ = spare_bytes; }

  // Makes room for what is promised already: other tools fill the cache, too.   Errors: the RoomMaker's.
  absl::Status KeepRoom();

 private:
  std::atomic<uint64_t> spare_bytes_;
  RoomMaker* const maker_;
  const std::shared_ptr<Reservation::Account> account_;
};

}  // namespace batuta::cache
