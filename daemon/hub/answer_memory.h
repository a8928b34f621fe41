#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/sync/mutex.h"
#include "common/time/clock.h"
#include "daemon/metadata/metadata_store.h"

namespace batuta::hub {

// An answer of the hub as it is remembered.
struct KeptAnswer {
  std::string body;
  std::string url;   // that answered, after redirects
  std::string link;  // its `Link` header; empty when it had none
  std::string etag;  // likewise
  WallTime at;       // when the hub last said so
};

// AnswerMemory keeps the newest answers in the catalog (Table::kAnswers), at most `max_bytes` of them: they
// are written into the younger of two generations; when that holds half of `max_bytes`, the older one is
// forgotten and a new one begins. So nothing is counted at start, and reading writes nothing.
//
// Best effort: what the catalog cannot give or take (a full disk) counts as not remembered, and is logged.
// Thread-safe. Blocks on disk I/O: for the disk pool.
class AnswerMemory {
 public:
  // A larger body is not remembered.
  static constexpr uint64_t kMaxBodyBytes = uint64_t{8} << 20;

  // Clears away what an interrupted forgetting left, and whatever is laid out in another way. `store`
  // outlives the memory. max_bytes = 0: nothing is remembered.
  AnswerMemory(metadata::MetadataStore& store, uint64_t max_bytes);

  std::optional<KeptAnswer> Find(std::string_view key);

  // Survives kill -9 once it has returned.
  void Keep(std::string_view key, const KeptAnswer& answer);
  void Forget(std::string_view key);

 private:
  struct Generation {
    uint64_t number = 1;
    uint64_t bytes = 0;  // of its keys and records
  };

  static std::string Encode(const Generation& youngest);
  static std::optional<Generation> Decode(std::string_view text);

  uint64_t youngest();
  Generation MakeRoomFor(uint64_t added_bytes, uint64_t replaced_bytes, bool* begins_generation);
  void ForgetBefore(std::string_view end_key);

  metadata::MetadataStore& store_;
  const uint64_t max_bytes_;
  Mutex mutex_;
  Generation youngest_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace batuta::hub
