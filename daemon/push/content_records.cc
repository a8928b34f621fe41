#include "daemon/push/content_records.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <concepts>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "common/status/status.h"
#include "daemon/push/content_reading.h"

namespace batuta::push {
namespace {

using metadata::Durability;
using metadata::Table;

constexpr char kVersion = 1;
constexpr size_t kForgottenAtOnce = 10'000;  // bounds the size of a write

template <std::unsigned_integral Number>
void Append(std::string& out, Number number) {
  for (int shift = 8 * (static_cast<int>(sizeof(Number)) - 1); shift >= 0; shift -= 8) {
    out += static_cast<char>((number >> shift) & 0xff);
  }
}

// False when there is not enough of `text`.
template <std::unsigned_integral Number>
bool Take(std::string_view& text, Number& number) {
  if (text.size() < sizeof(Number)) return false;
  number = 0;
  for (size_t i = 0; i < sizeof(Number); ++i) {
    number = static_cast<Number>((number << 8) | static_cast<unsigned char>(text[i]));
  }
  text.remove_prefix(sizeof(Number));
  return true;
}

int HexDigit(char c) {
  return c <= '9' ? c - '0' : c - 'a' + 10;
}

void AppendBlob(std::string& out, const BlobId& blob) {
  const std::string& hex = blob.hex();
  for (size_t i = 0; i < hex.size(); i += 2) {
    out += static_cast<char>(HexDigit(hex[i]) << 4 | HexDigit(hex[i + 1]));
  }
}

std::optional<BlobId> TakeBlob(std::string_view& text, size_t bytes) {
  if (text.size() < bytes) return std::nullopt;
  std::array<unsigned char, 32> digest;
  std::copy_n(text.begin(), bytes, digest.begin());
  text.remove_prefix(bytes);
  const absl::StatusOr<BlobId> blob = BlobIdOf(std::span(digest).first(bytes));
  return blob.ok() ? std::optional(*blob) : std::nullopt;
}

// Those of the empty realm have always been 16 bytes long.
std::string KeyOf(const std::string& realm, const FileStamp& stamp) {
  std::string key = realm.empty() ? std::string() : realm + '/';
  Append(key, stamp.device);
  Append(key, stamp.inode);
  return key;
}

uint32_t DayOf(WallTime now) {
  return static_cast<uint32_t>(std::chrono::floor<std::chrono::days>(now).time_since_epoch().count());
}

// Version, day, size, both times, sha256, and the git sha1 where it is known.
std::string Encode(const ContentRecord& record, uint32_t day) {
  std::string value(1, kVersion);
  Append(value, day);
  Append(value, record.stamp.size_bytes);
  Append(value, static_cast<uint64_t>(record.stamp.modified_ns));
  Append(value, static_cast<uint64_t>(record.stamp.changed_ns));
  AppendBlob(value, record.id.sha256);
  if (record.id.git_sha1.has_value()) AppendBlob(value, *record.id.git_sha1);
  return value;
}

std::optional<uint32_t> DayIn(std::string_view value) {
  uint32_t day = 0;
  if (!value.starts_with(kVersion)) return std::nullopt;
  value.remove_prefix(1);
  return Take(value, day) ? std::optional(day) : std::nullopt;
}

// What the record says of a file with this stamp.
std::optional<ContentId> IdIn(std::string_view value, const FileStamp& stamp) {
  if (!DayIn(value).has_value()) return std::nullopt;
  value.remove_prefix(1 + sizeof(uint32_t));
  uint64_t size_bytes = 0;
  uint64_t modified = 0;
  uint64_t changed = 0;
  if (!Take(value, size_bytes) || !Take(value, modified) || !Take(value, changed)) return std::nullopt;
  if (size_bytes != stamp.size_bytes || modified != static_cast<uint64_t>(stamp.modified_ns) ||
      changed != static_cast<uint64_t>(stamp.changed_ns)) {
    return std::nullopt;
  }
  std::optional<BlobId> sha256 = TakeBlob(value, 32);
  if (!sha256.has_value()) return std::nullopt;
  ContentId id{.sha256 = *std::move(sha256)};
  if (value.empty()) return id;
  id.git_sha1 = TakeBlob(value, 20);
  if (!id.git_sha1.has_value() || !value.empty()) return std::nullopt;
  return id;
}

}  // namespace

absl::StatusOr<std::vector<std::optional<ContentId>>> ContentRecords::Find(
    const std::string& realm, const std::vector<FileStamp>& stamps) {
  const uint32_t today = DayOf(clock_.wall());
  std::vector<std::optional<ContentId>> found;
  found.reserve(stamps.size());
  metadata::WriteBatch used;
  for (const FileStamp& stamp : stamps) {
    std::string key = KeyOf(realm, stamp);
    ASSIGN_OR_RETURN(const std::optional<std::string> value, store_.Get(Table::kContents, key));
    found.push_back(value.has_value() ? IdIn(*value, stamp) : std::nullopt);
    if (!found.back().has_value() || DayIn(*value) == today) continue;
    used.Put(Table::kContents, std::move(key), Encode({.stamp = stamp, .id = *found.back()}, today));
  }
  // What was used today goes last, unless that cannot be noted.
  if (!used.changes().empty()) store_.Write(used, Durability::kProcess).IgnoreError();
  return found;
}

absl::Status ContentRecords::Keep(const std::string& realm, const std::vector<ContentRecord>& records) {
  if (records.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(CountIfUnknown());
  const uint32_t today = DayOf(clock_.wall());
  metadata::WriteBatch batch;
  for (const ContentRecord& record : records) {
    batch.Put(Table::kContents, KeyOf(realm, record.stamp), Encode(record, today));
  }
  RETURN_IF_ERROR(store_.Write(batch, Durability::kProcess));
  bool is_full = false;
  {
    const MutexLock lock(mutex_);
    count_ = count_.value_or(0) + records.size();
    is_full = *count_ > most_records_;
  }
  return is_full ? ForgetOldest() : absl::OkStatus();
}

absl::Status ContentRecords::CountIfUnknown() {
  {
    const MutexLock lock(mutex_);
    if (count_.has_value()) return absl::OkStatus();
  }
  uint64_t count = 0;
  RETURN_IF_ERROR(
      store_.Scan(Table::kContents, "", [&count](std::string_view /*key*/, std::string_view /*value*/) {
        ++count;
        return true;
      }));
  const MutexLock lock(mutex_);
  if (!count_.has_value()) count_ = count;
  return absl::OkStatus();
}

absl::Status ContentRecords::ForgetOldest() {
  std::vector<std::pair<uint32_t, std::string>> records;  // by day; what cannot be read counts as oldest
  RETURN_IF_ERROR(store_.Scan(Table::kContents, "", [&](std::string_view key, std::string_view value) {
    records.emplace_back(DayIn(value).value_or(0), key);
    return true;
  }));
  size_t kept = records.size();
  if (records.size() > most_records_) {
    kept = most_records_ - most_records_ / 10;
    const size_t gone = records.size() - kept;
    std::nth_element(records.begin(), records.begin() + static_cast<std::ptrdiff_t>(gone), records.end());
    for (size_t begin = 0; begin < gone; begin += kForgottenAtOnce) {
      metadata::WriteBatch batch;
      for (size_t i = begin; i < std::min(gone, begin + kForgottenAtOnce); ++i) {
        batch.Delete(Table::kContents, std::move(records[i].second));
      }
      RETURN_IF_ERROR(store_.Write(batch, Durability::kProcess));
    }
  }
  const MutexLock lock(mutex_);
  count_ = kept;
  return absl::OkStatus();
}

}  // namespace batuta::push
