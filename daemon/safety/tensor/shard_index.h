#pragma once

#include <cstddef>
#include <string_view>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "daemon/safety/base/byte_source.h"
#include "daemon/safety/base/subject.h"

namespace batuta::safety {

// The names of the tensors in one file, at nine bytes each.
class TensorNames {
 public:
  void Add(std::string_view name);

  bool Contains(std::string_view name) const;

  size_t size() const { return names_.size(); }

 private:
  absl::flat_hash_set<size_t> names_;  // hashes
};

// Those of a safetensors file, from its header.
//   kDataLoss  it is none. Else those of reading.
absl::StatusOr<TensorNames> ReadTensorNames(ByteSource& bytes);

// A file that an index names.
struct Shard {
  enum class State : uint8_t {
    kMissing,      // not in the snapshot
    kOther,        // there, and no safetensors file
    kSafetensors,  // `names` are its tensors
    kUnread,       // there, but not to be looked into: says nothing
  };

  State state = State::kMissing;
  const TensorNames* names = nullptr;  // lives as long as the inspection
};

// A *.safetensors.index.json against the files beside it, which `find` is asked for, each once: every tensor
// is in the file that the index says. What the index may say at all is for the rules of configuration.
absl::Status InspectShardIndex(Subject& subject, absl::FunctionRef<Shard(std::string_view file)> find);

}  // namespace batuta::safety
