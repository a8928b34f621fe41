#include "daemon/pull/header_store.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "common/log/log.h"
#include "common/status/status.h"
#include "daemon/pull/header_codec.h"

namespace batuta::pull {
namespace {

using metadata::Table;

// Of some 10 to 70 KB each, half as many stay when they are too many.
constexpr size_t kMost = 4'000;
constexpr uint64_t kCountEvery = 200;

// A record is `<unix seconds> <kind>`, a newline, and what the kind says.
enum class Kind : char { kParameters = 'p', kTensors = 't', kConfig = 'c', kUnreadable = 'x' };

std::string Encode(const KnownHeader& known, WallTime now) {
  const auto with = [&](Kind kind, std::string_view rest) {
    return fmt::format("{} {}\n{}", ToUnixMillis(now) / 1'000, static_cast<char>(kind), rest);
  };
  if (!known.unreadable.empty()) return with(Kind::kUnreadable, known.unreadable);
  if (!known.header.has_value()) return with(Kind::kConfig, known.config);
  return with(known.has_tensors ? Kind::kTensors : Kind::kParameters, EncodeHeader(*known.header));
}

int64_t SecondsOf(std::string_view record) {
  int64_t seconds = 0;
  std::from_chars(record.data(), record.data() + record.size(), seconds);
  return seconds;
}

std::optional<KnownHeader> Decode(std::string_view record) {
  const size_t end = record.find('\n');
  if (end == std::string_view::npos || end < 2) return std::nullopt;
  const auto kind = static_cast<Kind>(record[end - 1]);
  const std::string_view rest = record.substr(end + 1);
  KnownHeader known;
  switch (kind) {
    case Kind::kUnreadable:
      known.unreadable = rest;
      return known;
    case Kind::kConfig:
      known.config = rest;
      return known;
    case Kind::kParameters:
    case Kind::kTensors: {
      absl::StatusOr<gguf::Header> header = DecodeHeader(rest);
      if (!header.ok()) return std::nullopt;
      known.header = *std::move(header);
      known.has_tensors = kind == Kind::kTensors;
      return known;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<KnownHeader> HeaderStore::Find(const BlobId& blob) {
  const absl::StatusOr<std::optional<std::string>> record = store_.Get(Table::kHeaders, blob.hex());
  if (!record.ok() || !record->has_value()) return std::nullopt;
  return Decode(**record);
}

void HeaderStore::Keep(const BlobId& blob, const KnownHeader& known) {
  const absl::Status kept = metadata::Put(store_, Table::kHeaders, blob.hex(), Encode(known, clock_.wall()),
                                          metadata::Durability::kProcess);
  if (!kept.ok()) return LogWarn("header not kept", Field("error", std::string(MessageOf(kept))));
  if (IsTimeToCount()) ForgetOld();
}

bool HeaderStore::IsTimeToCount() {
  MutexLock lock(mutex_);
  if (was_counted_ && ++kept_ < kCountEvery) return false;
  was_counted_ = true;
  kept_ = 0;
  return true;
}

void HeaderStore::ForgetOld() {
  std::vector<std::pair<int64_t, std::string>> records;
  const absl::Status scanned =
      store_.Scan(Table::kHeaders, {}, [&](std::string_view key, std::string_view value) {
        records.emplace_back(SecondsOf(value), std::string(key));
        return true;
      });
  if (!scanned.ok() || records.size() <= kMost) return;
  std::sort(records.begin(), records.end());
  metadata::WriteBatch batch;
  for (size_t i = 0; i < records.size() - kMost / 2; ++i) batch.Delete(Table::kHeaders, records[i].second);
  const absl::Status forgotten = store_.Write(batch, metadata::Durability::kProcess);
  if (!forgotten.ok())
    LogWarn("old headers not forgotten", Field("error", std::string(MessageOf(forgotten))));
}

}  // namespace batuta::pull
