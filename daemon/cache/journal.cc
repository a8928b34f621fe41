#include "daemon/cache/journal.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/status/status.h"

namespace batuta::cache {
namespace {

using metadata::Durability;
using metadata::Table;
using nlohmann::json;

constexpr int kFormatVersion = 1;

std::string KeyOf(const RepoId& repo, const BlobId& blob) {
  return fmt::format("{}/{}", repo.folder(), blob.hex());
}

json ToJson(const std::vector<Extent>& extents) {
  json flat = json::array();
  for (const Extent& extent : extents) {
    flat.push_back(extent.begin);
    flat.push_back(extent.end);
  }
  return flat;
}

std::optional<std::vector<Extent>> ExtentsIn(const json& record, const char* name, uint64_t size_bytes) {
  const auto flat = record.find(name);
  if (flat == record.end() || !flat->is_array() || flat->size() % 2 != 0) return std::nullopt;
  const bool are_offsets =
      std::all_of(flat->begin(), flat->end(), [](const json& value) { return value.is_number_unsigned(); });
  if (!are_offsets) return std::nullopt;
  std::vector<Extent> extents;
  for (size_t i = 0; i < flat->size(); i += 2) {
    extents.push_back({(*flat)[i].get<uint64_t>(), (*flat)[i + 1].get<uint64_t>()});
  }
  if (!IsWellFormed(extents, size_bytes)) return std::nullopt;
  return extents;
}

json ToJson(const PieceSums& sums) {
  json flat = json::array();
  for (const auto& [piece, sum] : sums.by_piece) {
    flat.push_back(piece);
    flat.push_back(sum);
  }
  return {{"piece", sums.piece_bytes}, {"of", std::move(flat)}};
}

// None when they are missing or odd: then nothing is compared, and the hash of the whole decides.
PieceSums SumsIn(const json& record) {
  const json value = record.value("sums", json());
  if (!value.is_object()) return {};
  const json piece = value.value("piece", json());
  const json flat = value.value("of", json());
  if (!piece.is_number_unsigned() || !flat.is_array() || flat.size() % 2 != 0) return {};
  PieceSums sums{.piece_bytes = piece.get<uint64_t>(), .by_piece = {}};
  for (size_t i = 0; i < flat.size(); i += 2) {
    if (!flat[i].is_number_unsigned() || !flat[i + 1].is_number_unsigned()) return {};
    sums.by_piece.emplace(flat[i].get<uint64_t>(), flat[i + 1].get<uint64_t>());
  }
  return sums;
}

}  // namespace

std::string Encode(const PartialRecord& record) {
  const json value = {{"v", kFormatVersion},
                      {"size", record.size_bytes},
                      {"boot", record.boot_id},
                      {"written", ToJson(record.written)},
                      {"synced", ToJson(record.synced)},
                      {"sums", ToJson(record.sums)}};
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<PartialRecord> DecodePartialRecord(std::string_view text) {
  const json value = json::parse(text, nullptr, false);
  if (!value.is_object() || value.value("v", json()) != kFormatVersion) return std::nullopt;
  const json size = value.value("size", json());
  const json boot = value.value("boot", json());
  if (!size.is_number_unsigned() || !boot.is_string()) return std::nullopt;
  PartialRecord record;
  record.size_bytes = size.get<uint64_t>();
  record.boot_id = boot.get<std::string>();
  auto written = ExtentsIn(value, "written", record.size_bytes);
  auto synced = ExtentsIn(value, "synced", record.size_bytes);
  if (!written.has_value() || !synced.has_value()) return std::nullopt;
  record.written = *std::move(written);
  record.synced = *std::move(synced);
  record.sums = SumsIn(value);
  return record;
}

std::string Encode(const PieceSums& sums) {
  json value = {{"v", kFormatVersion}, {"sums", ToJson(sums)}};
  return value.dump();
}

PieceSums DecodePieceSums(std::string_view text) {
  const json value = json::parse(text, nullptr, false);
  return value.is_object() ? SumsIn(value) : PieceSums();
}

bool IsWellFormed(const std::vector<Extent>& extents, uint64_t size_bytes) {
  for (size_t i = 0; i < extents.size(); ++i) {
    if (extents[i].begin >= extents[i].end || extents[i].end > size_bytes) return false;
    if (i > 0 && extents[i - 1].end >= extents[i].begin) return false;
  }
  return true;
}

std::vector<Extent> ClippedTo(const std::vector<Extent>& extents, uint64_t size_bytes) {
  std::vector<Extent> clipped;
  for (const Extent& extent : extents) {
    if (extent.begin < size_bytes) clipped.push_back({extent.begin, std::min(extent.end, size_bytes)});
  }
  return clipped;
}

std::vector<Extent> CommonOf(const std::vector<Extent>& some, const std::vector<Extent>& others) {
  std::vector<Extent> common;
  auto i = some.begin();
  auto k = others.begin();
  while (i != some.end() && k != others.end()) {
    const Extent both{std::max(i->begin, k->begin), std::min(i->end, k->end)};
    if (both.begin < both.end) common.push_back(both);
    if (i->end < k->end) {
      ++i;
    } else {
      ++k;
    }
  }
  return common;
}

std::vector<Extent> BelievedOf(const PartialRecord& record, std::string_view boot_id, uint64_t file_bytes) {
  return ClippedTo(record.boot_id == boot_id ? record.written : record.synced, file_bytes);
}

absl::StatusOr<std::optional<PartialRecord>> PartialJournal::Load(const RepoId& repo, const BlobId& blob) {
  ASSIGN_OR_RETURN(const std::optional<std::string> text, store_.Get(Table::kPartials, KeyOf(repo, blob)));
  if (!text.has_value()) return std::nullopt;
  return DecodePartialRecord(*text);
}

absl::Status PartialJournal::Save(const RepoId& repo, const BlobId& blob, const PartialRecord& record,
                                  const std::optional<PartialRecord>& old) {
  const bool promise_changes = old.has_value() ? old->synced != record.synced : !record.synced.empty();
  return metadata::Put(store_, Table::kPartials, KeyOf(repo, blob), Encode(record),
                       promise_changes ? Durability::kPower : Durability::kProcess);
}

absl::Status PartialJournal::Drop(const RepoId& repo, const BlobId& blob,
                                  const std::optional<PartialRecord>& old) {
  const bool takes_back = old.has_value() && !old->synced.empty();
  return metadata::Delete(store_, Table::kPartials, KeyOf(repo, blob),
                          takes_back ? Durability::kPower : Durability::kProcess);
}

absl::Status PartialJournal::DropWhere(
    const std::function<bool(const RepoId& repo, const BlobId& blob)>& is_of_no_use) {
  metadata::WriteBatch changes;
  RETURN_IF_ERROR(store_.Scan(Table::kPartials, {}, [&](std::string_view key, std::string_view value) {
    const size_t slash = std::min(key.find('/'), key.size());
    const auto repo = RepoId::FromFolder(key.substr(0, slash));
    const auto blob = BlobId::Parse(key.substr(std::min(slash + 1, key.size())));
    const bool is_record = repo.ok() && blob.ok() && DecodePartialRecord(value).has_value();
    if (!is_record || is_of_no_use(*repo, *blob)) changes.Delete(Table::kPartials, std::string(key));
    return true;
  }));
  if (changes.changes().empty()) return absl::OkStatus();
  return store_.Write(changes, Durability::kPower);
}

}  // namespace batuta::cache
