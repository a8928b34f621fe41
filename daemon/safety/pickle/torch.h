#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "daemon/safety/pickle/arguments.h"
#include "daemon/safety/pickle/pickle.h"

namespace batuta::safety::pickle {

// Why a tensor with these arguments would reach beyond its storage, or is none: storage, offset, sizes,
// strides first. `element_bytes` of the storage itself unless a dtype says otherwise. Empty when it is sound.
Objection WhyNotTensor(std::span<const Value> arguments, const Values& values,
                       std::optional<uint64_t> element_bytes = std::nullopt);

// The bytes of one element of `torch.NAME`, a dtype.
std::optional<uint64_t> ElementBytesOfDtype(std::string_view name);

// Which storages a torch loader would give for the persistent ids of a pickle.
class StorageResolver {
 public:
  // Of an archive that holds `storages`.
  explicit StorageResolver(TorchStorages& storages) : archive_(&storages) {}

  // Of a stream that has them behind its pickles.
  StorageResolver() = default;

  // The storage of a persistent id; otherwise why there is none.
  struct Resolved {
    std::optional<Storage> storage;
    Objection why_not;
  };

  Resolved Resolve(Value id, const Values& values);

  // All that were resolved, by key.
  const std::map<std::string, Storage, std::less<>>& seen() const { return seen_; }

 private:
  TorchStorages* archive_ = nullptr;
  std::map<std::string, Storage, std::less<>> seen_;
};

}  // namespace batuta::safety::pickle
