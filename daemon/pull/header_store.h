#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"

#include "common/sync/mutex.h"
#include "common/time/clock.h"
#include "common/types/blob_id.h"
#include "daemon/gguf/header.h"
#include "daemon/metadata/metadata_store.h"

namespace batuta::pull {

// What is known of a file from its beginning.
struct KnownHeader {
  // Without its tensors the parameters alone are known.
  std::optional<gguf::Header> header = {};
  bool has_tensors = false;

  std::string config = {};      // the text of a `config.json`
  std::string unreadable = {};  // why nothing can be made of it, a clause for a person; "" = something can
};

// HeaderStore keeps what was read of files that tell of a model, by blob and never by name: what a blob says
// cannot change. What is damaged counts as not known. Thread-safe; both methods block for the catalog.
class HeaderStore {
 public:
  // Everything borrowed outlives it.
  HeaderStore(metadata::MetadataStore& store, const Clock& clock) : store_(store), clock_(clock) {}

  std::optional<KnownHeader> Find(const BlobId& blob);

  // What the catalog cannot keep will be read again.
  void Keep(const BlobId& blob, const KnownHeader& known);

 private:
  bool IsTimeToCount();
  void ForgetOld();

  metadata::MetadataStore& store_;
  const Clock& clock_;
  Mutex mutex_;
  uint64_t kept_ ABSL_GUARDED_BY(mutex_) = 0;  // since the last look at how many there are
  bool was_counted_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace batuta::pull
