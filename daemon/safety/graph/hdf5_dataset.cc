#include "daemon/safety/graph/hdf5_dataset.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/text/human.h"
#include "daemon/safety/graph/rules.h"

namespace batuta::safety::hdf5 {
namespace {

constexpr uint16_t kShuffle = 2;
constexpr uint16_t kChecksum = 3;
constexpr uint16_t kLastBuiltIn = 6;

// The best that deflate does, and no other filter does better.
constexpr uint64_t kMostExpansion = 1032;

bool Expands(uint16_t filter) {
  return filter != kShuffle && filter != kChecksum;
}

}  // namespace

std::optional<Chunks> Datasets::Judge(const Object& object, uint64_t address) {
  const Layout& layout = *object.layout;
  if (layout.kind == Layout::Kind::kVirtual) {
    file_.Add(rules::kHdf5ExternalData, address, "a dataset that is put together from other files");
    return std::nullopt;
  }
  if (layout.kind == Layout::Kind::kUnsupported) {
    file_.Unsupported(address, "chunks with an index of a newer kind");
    return std::nullopt;
  }
  if (!object.space || !object.type) {
    file_.Broken(address, "a dataset without a type or a shape");
    return std::nullopt;
  }
  if (object.type->is_new_reference())
    file_.Unsupported(address, "references that may lead into another file");
  if (!JudgeFilters(object, address)) return std::nullopt;
  const std::vector<uint64_t>& dimensions = object.space->dimensions;
  const uint64_t value_bytes = object.type->size_bytes;
  if (layout.kind != Layout::Kind::kChunked) {
    uint64_t declared_bytes = object.space->is_null ? 0 : value_bytes;
    for (const uint64_t dimension : dimensions) declared_bytes = CappedProduct(declared_bytes, dimension);
    JudgeWhole(layout, declared_bytes, address);
    return std::nullopt;
  }
  if (layout.chunk.size() != dimensions.size() || layout.element_bytes != value_bytes) {
    file_.Broken(address, "chunks that do not fit the shape");
    return std::nullopt;
  }
  // A chunk at the edge is as large as every other.
  uint64_t declared_bytes = value_bytes;
  uint64_t chunk_bytes = value_bytes;
  for (size_t i = 0; i < dimensions.size(); ++i) {
    const uint64_t count = dimensions[i] / layout.chunk[i] + (dimensions[i] % layout.chunk[i] != 0 ? 1 : 0);
    declared_bytes = CappedProduct(declared_bytes, CappedProduct(count, layout.chunk[i]));
    chunk_bytes = CappedProduct(chunk_bytes, layout.chunk[i]);
  }
  JudgeSize(declared_bytes, chunk_bytes, std::any_of(object.filters.begin(), object.filters.end(), Expands),
            address);
  if (layout.address == kNowhere) return std::nullopt;
  return Chunks{.tree = layout.address,
                .bytes = chunk_bytes,
                .key_bytes = 8 + 8 * (dimensions.size() + 1),
                .filtered = !object.filters.empty()};
}

bool Datasets::JudgeFilters(const Object& object, uint64_t address) {
  std::vector<uint16_t> seen;
  for (const uint16_t id : object.filters) {
    if (id == 0 || id > kLastBuiltIn) {
      file_.Add(rules::kHdf5Filter, address, fmt::format("needs filter {}, a plug-in of native code", id));
    } else if (std::find(seen.begin(), seen.end(), id) != seen.end()) {
      return file_.Broken(address, "a filter that is used twice");
    } else {
      seen.push_back(id);
    }
  }
  if (object.filters.empty() || object.layout->kind == Layout::Kind::kChunked) return true;
  return file_.Broken(address, "filters without chunks");
}

void Datasets::JudgeWhole(const Layout& layout, uint64_t declared_bytes, uint64_t address) {
  // Old versions do not say the size.
  const bool fits =
      layout.size_bytes == declared_bytes || (layout.size_bytes == 0 && layout.address != kNowhere);
  if (!fits || (layout.address != kNowhere && !file_.IsInside(layout.address, declared_bytes))) {
    file_.Broken(address, "values of another size than the shape, or outside the file");
  }
  JudgeSize(declared_bytes, 0, false, address);
}

void Datasets::JudgeSize(uint64_t declared_bytes, uint64_t chunk_bytes, bool expands, uint64_t address) {
  uint64_t& sum_bytes = expands ? expanded_bytes_ : plain_bytes_;
  sum_bytes = CappedSum(sum_bytes, declared_bytes);
  const uint64_t most_bytes = CappedProduct(file_.size_bytes(), expands ? kMostExpansion : 1);
  if (sum_bytes <= most_bytes && chunk_bytes <= std::max(most_bytes, File::kMostPieceBytes)) return;
  file_.Add(rules::kHdf5Bomb, address,
            fmt::format("declares {} of values, more than {} can hold",
                        FormatBytes(std::max(sum_bytes, chunk_bytes)), FormatBytes(file_.size_bytes())));
  file_.Stop();
}

}  // namespace batuta::safety::hdf5
