#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/sync/mutex.h"
#include "daemon/metadata/metadata_store.h"

namespace batuta::metadata {

// FakeMetadataStore is a MetadataStore in memory that breaks on purpose. Thread-safe.
class FakeMetadataStore final : public MetadataStore {
 public:
  // Forgets every write since the latest one with kPower, as a power cut may.
  void CutPower();

  // While `is_down` says so, every call fails (kUnavailable STORAGE_FAILED) and has no effect: ties this
  // store to the machine that a FakeFileSystem models.
  void FailWhile(std::function<bool()> is_down);

  // Just before the n-th (≥ 1) write from now, `act` is called: to take the machine down, for instance.
  void BeforeWrite(uint64_t n, std::function<void()> act);

  // The next `times` writes (or reads) fail with `error` and have no effect.
  void FailWrites(absl::Status error, uint64_t times = 1);
  void FailReads(absl::Status error, uint64_t times = 1);

  // Writes so far that took effect, of one kind of durability.
  uint64_t writes(Durability durability) const;

  // MetadataStore:
  absl::StatusOr<std::optional<std::string>> Get(Table table, std::string_view key) override;
  absl::Status Write(const WriteBatch& batch, Durability durability) override;
  absl::Status Scan(Table table, std::string_view prefix,
                    const std::function<bool(std::string_view key, std::string_view value)>& visit) override;

 private:
  using Key = std::pair<Table, std::string>;

  // What takes back one change that is not durable.
  struct Undo {
    Key key;
    std::optional<std::string> old_value;
  };

  struct Failure {
    absl::Status error;
    uint64_t times = 0;
  };

  absl::Status Begin(Failure FakeMetadataStore::*injected);
  void CountDownToWrite();
  void Set(const Key& key, const std::optional<std::string>& value) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  std::map<Key, std::string> records_ ABSL_GUARDED_BY(mutex_);
  std::vector<Undo> undo_ ABSL_GUARDED_BY(mutex_);
  std::function<bool()> is_down_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> act_ ABSL_GUARDED_BY(mutex_);
  uint64_t writes_until_act_ ABSL_GUARDED_BY(mutex_) = 0;
  Failure write_failure_ ABSL_GUARDED_BY(mutex_);
  Failure read_failure_ ABSL_GUARDED_BY(mutex_);
  uint64_t process_writes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t power_writes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace batuta::metadata
