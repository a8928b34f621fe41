#include "daemon/metadata/metadata_store.h"

#include <fmt/format.h>

#include "common/status/status.h"

namespace batuta::metadata {
namespace {

constexpr size_t kLongestKey = 4 << 10;
constexpr size_t kLongestValue = 16 << 20;

}  // namespace

std::string_view ToString(Table table) {
  switch (table) {
    case Table::kMeta:
      return "meta";
    case Table::kJobs:
      return "jobs";
    case Table::kPartials:
      return "partials";
    case Table::kSelections:
      return "selections";
    case Table::kAccesses:
      return "accesses";
    case Table::kSurveys:
      return "surveys";
    case Table::kHubFacts:
      return "hub facts";
    case Table::kAnswers:
      return "answers";
    case Table::kWindows:
      return "windows";
    case Table::kVerdicts:
      return "verdicts";
    case Table::kAdopted:
      return "adopted";
    case Table::kConsents:
      return "consents";
    case Table::kVerified:
      return "verified";
    case Table::kPieces:
      return "pieces";
    case Table::kNames:
      return "names";
    case Table::kHeaders:
      return "headers";
    case Table::kContents:
      return "contents";
    case Table::kScans:
      return "scans";
    case Table::kGrants:
      return "grants";
    case Table::kUploads:
      return "uploads";
  }
  return "unknown";
}

absl::Status CheckLimits(const WriteBatch& batch) {
  for (const WriteBatch::Change& change : batch.changes()) {
    const size_t value_size = change.value.has_value() ? change.value->size() : 0;
    if (change.key.size() <= kLongestKey && value_size <= kLongestValue) continue;
    return MakeError(
        absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
        fmt::format("a record of {} + {} bytes does not fit the {} table (limits: {} + {})",
                    change.key.size(), value_size, ToString(change.table), kLongestKey, kLongestValue));
  }
  return absl::OkStatus();
}

absl::Status Put(MetadataStore& store, Table table, std::string_view key, std::string_view value,
                 Durability durability) {
  WriteBatch batch;
  batch.Put(table, std::string(key), std::string(value));
  return store.Write(batch, durability);
}

absl::Status Delete(MetadataStore& store, Table table, std::string_view key, Durability durability) {
  WriteBatch batch;
  batch.Delete(table, std::string(key));
  return store.Write(batch, durability);
}

}  // namespace batuta::metadata
