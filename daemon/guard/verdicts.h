#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

#include "common/types/blob_id.h"
#include "daemon/guard/inspection.h"
#include "daemon/metadata/metadata_store.h"
#include "daemon/safety/base/verdict.h"

namespace batuta::guard {

// Verdicts keeps, in Table::kVerdicts, what the inspection said of each blob under each class of names, and
// makes what is not there. A verdict of an older inspector (safety::kInspectorVersion) is not there.
//
// Thread-safe. Everything blocks: run it on the disk pool.
class Verdicts {
 public:
  // Both outlive it.
  Verdicts(metadata::MetadataStore& store, Inspection& inspection) : store_(store), inspection_(inspection) {}

  // Nothing when it was not inspected yet under such a name, or by an older inspector.
  std::optional<safety::Verdict> Find(const BlobId& blob, std::string_view path);

  // The verdict on a blob of which `bytes` are all that there is, each of them right. Errors: those of
  // reading; one that the catalog cannot keep is made anew next time.
  absl::StatusOr<safety::Verdict> Of(const BlobId& blob, std::string_view path, safety::ByteSource& bytes);

  // The same of bytes that others may change meanwhile: `confirm` is asked, before the verdict counts,
  // whether they still were those of the blob; its error is the answer.
  absl::StatusOr<safety::Verdict> Of(const BlobId& blob, std::string_view path, safety::ByteSource& bytes,
                                     absl::FunctionRef<absl::Status()> confirm);

  // What can be said when only some of the bytes are here.
  struct Glimpse {
    safety::Verdict verdict;
    absl::Status status;  // kOutOfRange: other bytes are needed to say more
  };

  Glimpse Look(std::string_view path, safety::ByteSource& bytes);

  // On one of the files, for what it says of the others. Never kept: it is no matter of one blob.
  absl::StatusOr<safety::Verdict> AmongOthers(std::string_view path, safety::Snapshot& files);

  // Forgets those on blobs that the cache does not have any more, and keys that nobody can read. How many.
  absl::StatusOr<uint64_t> ForgetGone(absl::FunctionRef<bool(const BlobId& blob)> is_there);

 private:
  std::string KeyOf(const BlobId& blob, std::string_view path);

  metadata::MetadataStore& store_;
  Inspection& inspection_;
};

}  // namespace batuta::guard
