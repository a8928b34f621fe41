#include "daemon/cache/verified_files.h"

#include <charconv>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/status/status.h"

namespace batuta::cache {
namespace {

using metadata::Durability;
using metadata::Table;
using nlohmann::json;

std::string KeyOf(const FileInfo& file) {
  return fmt::format("{}/{}", file.device, file.inode);
}

std::optional<std::pair<uint64_t, uint64_t>> ParseKey(std::string_view key) {
  uint64_t device = 0;
  uint64_t inode = 0;
  const char* const end = key.data() + key.size();
  const auto first = std::from_chars(key.data(), end, device);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '/') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, inode);
  if (second.ec != std::errc() || second.ptr != end) return std::nullopt;
  return std::pair(device, inode);
}

int64_t NanosOf(WallTime time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

std::string Encode(const VerifiedFile& verified, WallTime now) {
  return json{{"v", 1},
              {"blob", verified.blob.hex()},
              {"size", verified.file.size_bytes},
              {"modified_ns", NanosOf(verified.file.modified)},
              {"at_ms", ToUnixMillis(now)}}
      .dump();
}

// When the record was made, if it is of this file as it is now.
std::optional<WallTime> TimeIn(std::string_view text, const FileInfo& file, const BlobId& blob) {
  const json record = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!record.is_object()) return std::nullopt;
  const bool is_this = record.value("blob", json()) == blob.hex() &&
                       record.value("size", json()) == file.size_bytes &&
                       record.value("modified_ns", json()) == NanosOf(file.modified);
  const json at = record.value("at_ms", json());
  if (!is_this || !at.is_number_integer()) return std::nullopt;
  return FromUnixMillis(at.get<int64_t>());
}

}  // namespace

absl::StatusOr<std::optional<WallTime>> VerifiedFiles::WhenFound(const FileInfo& file, const BlobId& blob) {
  ASSIGN_OR_RETURN(const std::optional<std::string> text, store_.Get(Table::kVerified, KeyOf(file)));
  if (!text.has_value()) return std::nullopt;
  return TimeIn(*text, file, blob);
}

absl::Status VerifiedFiles::Record(const std::vector<VerifiedFile>& files) {
  if (files.empty()) return absl::OkStatus();
  const WallTime now = clock_.wall();
  metadata::WriteBatch batch;
  for (const VerifiedFile& verified : files) {
    batch.Put(Table::kVerified, KeyOf(verified.file), Encode(verified, now));
  }
  return store_.Write(batch, Durability::kProcess);
}

absl::Status VerifiedFiles::Forget(const FileInfo& file) {
  return metadata::Delete(store_, Table::kVerified, KeyOf(file), Durability::kPower);
}

absl::Status VerifiedFiles::ForgetGone(absl::FunctionRef<bool(uint64_t device, uint64_t inode)> is_there) {
  metadata::WriteBatch batch;
  RETURN_IF_ERROR(store_.Scan(Table::kVerified, "", [&](std::string_view key, std::string_view /*value*/) {
    const auto file = ParseKey(key);
    if (!file || !is_there(file->first, file->second)) batch.Delete(Table::kVerified, std::string(key));
    return true;
  }));
  return batch.changes().empty() ? absl::OkStatus() : store_.Write(batch, Durability::kProcess);
}

}  // namespace batuta::cache
