#include "tests/support/metadata/fake_metadata_store.h"

#include "common/status/status.h"

namespace batuta::metadata {

void FakeMetadataStore::CutPower() {
  MutexLock lock(mutex_);
  while (!undo_.empty()) {
    const Undo undo = std::move(undo_.back());
    undo_.pop_back();
    Set(undo.key, undo.old_value);
  }
}

void FakeMetadataStore::FailWhile(std::function<bool()> is_down) {
  MutexLock lock(mutex_);
  is_down_ = std::move(is_down);
}

void FakeMetadataStore::BeforeWrite(uint64_t n, std::function<void()> act) {
  MutexLock lock(mutex_);
  writes_until_act_ = n;
  act_ = std::move(act);
}

void FakeMetadataStore::FailWrites(absl::Status error, uint64_t times) {
  MutexLock lock(mutex_);
  write_failure_ = {std::move(error), times};
}

void FakeMetadataStore::FailReads(absl::Status error, uint64_t times) {
  MutexLock lock(mutex_);
  read_failure_ = {std::move(error), times};
}

uint64_t FakeMetadataStore::writes(Durability durability) const {
  MutexLock lock(mutex_);
  return durability == Durability::kPower ? power_writes_ : process_writes_;
}

absl::StatusOr<std::optional<std::string>> FakeMetadataStore::Get(Table table, std::string_view key) {
  RETURN_IF_ERROR(Begin(&FakeMetadataStore::read_failure_));
  MutexLock lock(mutex_);
  const auto found = records_.find(Key(table, key));
  if (found == records_.end()) return std::nullopt;
  return found->second;
}

absl::Status FakeMetadataStore::Write(const WriteBatch& batch, Durability durability) {
  RETURN_IF_ERROR(CheckLimits(batch));
  CountDownToWrite();
  RETURN_IF_ERROR(Begin(&FakeMetadataStore::write_failure_));
  MutexLock lock(mutex_);
  for (const WriteBatch::Change& change : batch.changes()) {
    const Key key(change.table, change.key);
    const auto found = records_.find(key);
    undo_.push_back({key, found == records_.end() ? std::nullopt : std::optional(found->second)});
    Set(key, change.value);
  }
  if (durability == Durability::kPower) undo_.clear();
  ++(durability == Durability::kPower ? power_writes_ : process_writes_);
  return absl::OkStatus();
}

absl::Status FakeMetadataStore::Scan(
    Table table, std::string_view prefix,
    const std::function<bool(std::string_view key, std::string_view value)>& visit) {
  RETURN_IF_ERROR(Begin(&FakeMetadataStore::read_failure_));
  std::vector<std::pair<std::string, std::string>> rows;
  {
    MutexLock lock(mutex_);
    for (auto row = records_.lower_bound(Key(table, prefix)); row != records_.end(); ++row) {
      if (row->first.first != table || !row->first.second.starts_with(prefix)) break;
      rows.emplace_back(row->first.second, row->second);
    }
  }
  for (const auto& [key, value] : rows) {
    if (!visit(key, value)) break;
  }
  return absl::OkStatus();
}

// The error that the call must answer with, if any. Asks outside the lock: what it asks may be this very
// test's machine.
absl::Status FakeMetadataStore::Begin(Failure FakeMetadataStore::*injected) {
  std::function<bool()> is_down;
  {
    MutexLock lock(mutex_);
    Failure& failure = this->*injected;
    if (failure.times > 0) {
      --failure.times;
      return failure.error;
    }
    is_down = is_down_;
  }
  if (!is_down || !is_down()) return absl::OkStatus();
  return MakeError(absl::StatusCode::kUnavailable, reason::kStorageFailed, "the machine is down");
}

void FakeMetadataStore::CountDownToWrite() {
  std::function<void()> act;
  {
    MutexLock lock(mutex_);
    if (writes_until_act_ == 0 || --writes_until_act_ > 0) return;
    act = std::move(act_);
  }
  if (act) act();
}

void FakeMetadataStore::Set(const Key& key, const std::optional<std::string>& value) {
  if (value.has_value()) {
    records_[key] = *value;
  } else {
    records_.erase(key);
  }
}

}  // namespace batuta::metadata
