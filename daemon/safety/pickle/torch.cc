#include "daemon/safety/pickle/torch.h"

#include <algorithm>
#include <array>
#include <utility>

namespace batuta::safety::pickle {
namespace {

using Sizes = std::pair<std::string_view, uint64_t>;

constexpr std::array<Sizes, 18> kStorageTypes = {{
    {"ByteStorage", 1},
    {"CharStorage", 1},
    {"BoolStorage", 1},
    {"QInt8Storage", 1},
    {"QUInt8Storage", 1},
    {"QUInt4x2Storage", 1},
    {"QUInt2x4Storage", 1},
    {"UntypedStorage", 1},
    {"ShortStorage", 2},
    {"HalfStorage", 2},
    {"BFloat16Storage", 2},
    {"IntStorage", 4},
    {"FloatStorage", 4},
    {"QInt32Storage", 4},
    {"LongStorage", 8},
    {"DoubleStorage", 8},
    {"ComplexFloatStorage", 8},
    {"ComplexDoubleStorage", 16},
}};

constexpr std::array<Sizes, 20> kDtypes = {{
    {"bool", 1},
    {"int8", 1},
    {"uint8", 1},
    {"float8_e4m3fn", 1},
    {"float8_e5m2", 1},
    {"float8_e4m3fnuz", 1},
    {"float8_e5m2fnuz", 1},
    {"float8_e8m0fnu", 1},
    {"int16", 2},
    {"uint16", 2},
    {"float16", 2},
    {"bfloat16", 2},
    {"int32", 4},
    {"uint32", 4},
    {"float32", 4},
    {"int64", 8},
    {"uint64", 8},
    {"float64", 8},
    {"complex64", 8},
    {"complex128", 16},
}};

template <size_t kCount>
std::optional<uint64_t> Find(const std::array<Sizes, kCount>& sizes, std::string_view name) {
  const auto* found = std::ranges::find(sizes, name, &Sizes::first);
  if (found == sizes.end()) return std::nullopt;
  return found->second;
}

// Keys are names of files beside the pickle.
bool IsKey(std::string_view key) {
  return !key.empty() && key != "." && key != ".." && std::ranges::all_of(key, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '.' || c == '-';
  });
}

bool IsCount(Value value) {
  return value.kind() == Kind::kInt && value.number() >= 0;
}

// (view key, offset, count), of a view on a storage; None of the storage itself.
bool IsViewOf(Value view, uint64_t count, const Values& values) {
  if (view.kind() == Kind::kNone) return true;
  if (view.kind() != Kind::kTuple) return false;
  const std::span<const Value> items = values.heap.Items(view);
  return items.size() == 3 && values.TextOf(items[0]) && IsCount(items[1]) && IsCount(items[2]) &&
         static_cast<uint64_t>(items[1].number()) <= count &&
         static_cast<uint64_t>(items[2].number()) <= count - static_cast<uint64_t>(items[1].number());
}

}  // namespace

std::optional<uint64_t> ElementBytesOfDtype(std::string_view name) {
  return Find(kDtypes, name);
}

Objection WhyNotTensor(std::span<const Value> arguments, const Values& values,
                       std::optional<uint64_t> element_bytes) {
  if (arguments.size() < 4 || arguments[0].kind() != Kind::kStorage) return {"no storage"};
  const Storage& storage = values.storages[arguments[0].index()];
  if (!IsCount(arguments[1]) || arguments[2].kind() != Kind::kTuple || arguments[3].kind() != Kind::kTuple ||
      !values.heap.at(arguments[2]).is_kept || !values.heap.at(arguments[3]).is_kept) {
    return {"no plain offset, sizes and strides"};
  }
  const std::span<const Value> sizes = values.heap.Items(arguments[2]);
  const std::span<const Value> strides = values.heap.Items(arguments[3]);
  if (sizes.size() != strides.size()) return {"more or fewer strides than sizes"};
  if (!std::ranges::all_of(sizes, IsCount) || !std::ranges::all_of(strides, IsCount)) {
    return {"sizes and strides that are no counts"};
  }
  const uint64_t unit = element_bytes.value_or(storage.element_bytes);
  uint64_t room = 0;  // in elements; a storage of 2^63 bytes does not exist
  if (__builtin_mul_overflow(storage.count, storage.element_bytes, &room))
    return {"a storage beyond any size", true};
  room /= unit;
  const auto offset = static_cast<uint64_t>(arguments[1].number());
  if (offset > room) return {"an offset beyond its storage", true};
  if (std::ranges::any_of(sizes, [](Value size) { return size.number() == 0; })) return {};
  uint64_t last = offset;
  for (size_t i = 0; i < sizes.size(); ++i) {
    uint64_t reach = 0;
    if (__builtin_mul_overflow(static_cast<uint64_t>(sizes[i].number() - 1),
                               static_cast<uint64_t>(strides[i].number()), &reach) ||
        __builtin_add_overflow(last, reach, &last)) {
      return {"elements beyond its storage", true};
    }
  }
  if (last >= room) return {"elements beyond its storage", true};
  return {};
}

StorageResolver::Resolved StorageResolver::Resolve(Value id, const Values& values) {
  if (id.kind() != Kind::kTuple) return {.storage = {}, .why_not = {"a persistent id that is no storage"}};
  const std::span<const Value> items = values.heap.Items(id);
  const bool has_view = archive_ == nullptr;
  if (items.size() != (has_view ? 6U : 5U) || values.TextOf(items[0]) != "storage") {
    return {.storage = {}, .why_not = {"a persistent id that is no storage"}};
  }
  const Known* type = items[1].kind() == Kind::kGlobal ? values.KnownOf(items[1]) : nullptr;
  const std::optional<uint64_t> element_bytes =
      type != nullptr && type->module.starts_with("torch") ? Find(kStorageTypes, type->name) : std::nullopt;
  const std::optional<std::string_view> key = values.TextOf(items[2]);
  if (!element_bytes || !key || !IsKey(*key) || !values.TextOf(items[3]) || !IsCount(items[4])) {
    return {.storage = {}, .why_not = {"a storage without a plain type, key, place and size"}};
  }
  const Storage storage{.element_bytes = *element_bytes, .count = static_cast<uint64_t>(items[4].number())};
  if (archive_ != nullptr) {
    const auto record = archive_->find(*key);
    if (record == archive_->end()) return {.storage = {}, .why_not = {"a storage that the archive has not"}};
    record->second.is_referenced = true;
    uint64_t bytes = 0;
    if (__builtin_mul_overflow(storage.count, storage.element_bytes, &bytes) ||
        bytes != record->second.size_bytes) {
      return {.storage = {}, .why_not = {"a storage of another size than its record has", true}};
    }
    return {.storage = storage, .why_not = {}};
  }
  const auto [seen, is_new] = seen_.try_emplace(std::string(*key), storage);
  if (!is_new &&
      (seen->second.count != storage.count || seen->second.element_bytes != storage.element_bytes)) {
    return {.storage = {}, .why_not = {"one storage with two sizes", true}};
  }
  if (!IsViewOf(items[5], storage.count, values)) {
    return {.storage = {}, .why_not = {"a view beyond its storage", true}};
  }
  Storage view = storage;
  if (items[5].kind() == Kind::kTuple)
    view.count = static_cast<uint64_t>(values.heap.Items(items[5])[2].number());
  return {.storage = view, .why_not = {}};
}

}  // namespace batuta::safety::pickle
