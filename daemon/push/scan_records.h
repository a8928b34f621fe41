#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "common/time/clock.h"
#include "common/types/blob_id.h"
#include "daemon/metadata/metadata_store.h"
#include "daemon/secrets/finding.h"

namespace batuta::push {

// ScanRecords remembers, in Table::kScans, what was found in the bytes of a file, as it is told: redacted. A
// clean file takes less than a hundred bytes. What was found by other rules is not there.
//
// Thread-safe. Everything blocks.
class ScanRecords {
 public:
  // `rules` names the rules and settings (RulesName). `by_path`: what is found depends on all of the path,
  // not just on what the name promises. Both outlive it.
  ScanRecords(metadata::MetadataStore& store, const Clock& clock, std::string rules, bool by_path);

  // As if it had been found at this path.
  std::optional<secrets::ScanReport> Find(const BlobId& sha256, std::string_view path) const;

  // What cannot be kept is found anew next time.
  void Keep(const BlobId& sha256, std::string_view path, const secrets::ScanReport& report) const;

  // Once a day drops what is older than kKept, or nobody can read; how many.
  absl::StatusOr<uint64_t> ForgetOld() const;

  static constexpr std::chrono::days kKept{90};

 private:
  std::string KeyOf(const BlobId& sha256, std::string_view path) const;

  metadata::MetadataStore& store_;
  const Clock& clock_;
  const std::string rules_;
  const bool by_path_;
};

// Another one when the same bytes may give other findings: of our rules' version, of a user's rules and of
// what else decides; and in another realm (see Folder). Pure.
std::string RulesName(std::string_view gitleaks_toml, bool allows_comments, std::string_view realm = {});

}  // namespace batuta::push
