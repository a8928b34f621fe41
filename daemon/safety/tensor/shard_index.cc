#include "daemon/safety/tensor/shard_index.h"

#include <cstdint>
#include <cstring>
#include <map>
#include <string>

#include "absl/hash/hash.h"
#include <fmt/format.h>

#include "common/text/human.h"
#include "daemon/safety/base/rules.h"
#include "daemon/safety/tensor/rules.h"
#include "daemon/safety/tensor/safetensors.h"
#include "daemon/safety/text/json.h"

namespace batuta::safety {
namespace {

constexpr size_t kMostShards = 100'000;

class Inspection {
 public:
  Inspection(Subject& subject, absl::FunctionRef<Shard(std::string_view)> find)
      : subject_(subject), json_(subject.bytes()), find_(find) {}

  absl::Status Run() {
    bool has_map = false;
    if (json_.Next() == JsonToken::kBeginObject) {
      while (json_.Next() == JsonToken::kKey) {
        if (json_.text() != "weight_map") {
          json_.SkipRest();
        } else if (json_.Next() == JsonToken::kBeginObject) {
          has_map = true;
          if (!ReadMap()) break;
        }
      }
    }
    if (json_.token() == JsonToken::kEndObject && json_.depth() == 0) json_.Next();
    if (!json_.status().ok()) return json_.status();
    if (json_.token() == JsonToken::kFault) {
      subject_.Add(rules::kIndexBroken, json_.fault().offset, json_.fault().text);
    } else if (!has_map) {
      subject_.Add(rules::kIndexBroken, 0, "it has no weight_map");
    }
    return absl::OkStatus();
  }

 private:
  // To the end of the map; false when what follows cannot be read.
  bool ReadMap() {
    while (json_.Next() == JsonToken::kKey) {
      const std::string tensor(json_.text());
      if (json_.Next() == JsonToken::kString) {
        Check(tensor, json_.text());
      } else if (json_.token() != JsonToken::kFault) {
        subject_.Add(rules::kIndexBroken, json_.token_offset(),
                     fmt::format("the file of tensor {} is no text", Quoted(tensor)));
        if (!json_.SkipRest()) return false;
      }
    }
    return json_.token() == JsonToken::kEndObject;
  }

  void Check(std::string_view tensor, std::string_view file) {
    auto found = shards_.find(file);
    if (found == shards_.end()) {
      if (shards_.size() >= kMostShards) return Add(rules::kTooComplex, "it names too many files");
      found = shards_.emplace(std::string(file), find_(file)).first;
      if (found->second.state == Shard::State::kMissing) {
        Add(rules::kIndexMissingFile, fmt::format("{} is missing", Quoted(file)));
      } else if (found->second.state == Shard::State::kOther) {
        Add(rules::kIndexOtherFormat, fmt::format("{} is no safetensors file", Quoted(file)));
      }
    }
    const Shard& shard = found->second;
    if (shard.state == Shard::State::kSafetensors && !shard.names->Contains(tensor)) {
      Add(rules::kIndexMissingTensor, fmt::format("tensor {} is not in {}", Quoted(tensor), Quoted(file)));
    }
  }

  void Add(const Rule& rule, std::string_view text) { subject_.Add(rule, json_.token_offset(), text); }

  Subject& subject_;
  JsonReader json_;
  absl::FunctionRef<Shard(std::string_view)> find_;
  std::map<std::string, Shard, std::less<>> shards_;
};

}  // namespace

void TensorNames::Add(std::string_view name) {
  names_.insert(absl::HashOf(name));
}

bool TensorNames::Contains(std::string_view name) const {
  return names_.contains(absl::HashOf(name));
}

absl::StatusOr<TensorNames> ReadTensorNames(ByteSource& bytes) {
  const auto none = [] { return absl::DataLossError("no safetensors header"); };
  uint64_t length = 0;
  char first[sizeof length];
  if (bytes.size_bytes() < sizeof first) return none();
  if (absl::Status status = bytes.Read(0, first); !status.ok()) return status;
  std::memcpy(&length, first, sizeof length);
  if (length > kMostSafetensorsHeader || length > bytes.size_bytes() - sizeof first) return none();
  PartSource header(bytes, sizeof first, length);
  JsonReader json(header);
  TensorNames names;
  if (json.Next() == JsonToken::kBeginObject) {
    while (json.Next() == JsonToken::kKey) {
      if (json.text() != "__metadata__") names.Add(json.text());
      if (!json.SkipRest()) break;
    }
  }
  if (!json.status().ok()) return json.status();
  if (json.token() != JsonToken::kEndObject || json.depth() != 0) return none();
  return names;
}

absl::Status InspectShardIndex(Subject& subject, absl::FunctionRef<Shard(std::string_view file)> find) {
  return Inspection(subject, find).Run();
}

}  // namespace batuta::safety
