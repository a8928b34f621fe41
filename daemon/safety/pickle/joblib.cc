// What joblib puts between the opcodes: behind the state of a NumpyArrayWrapper stand the bytes of its array.
#include <algorithm>

#include "daemon/safety/pickle/machine.h"
#include "daemon/safety/pickle/plain_reading.h"
#include "daemon/safety/pickle/rules.h"

namespace batuta::safety::pickle {
namespace {

// What a wrapper's state says of its array.
struct Array {
  bool is_plain = false;  // of the class that numpy itself has
  std::optional<uint64_t> count;
  bool has_order = false;
  Value dtype;
  bool has_dtype = false;
  bool is_aligned = false;
};

Array ArrayOf(std::span<const Value> state, const Values& values) {
  Array array;
  for (size_t i = 0; i + 1 < state.size(); i += 2) {
    const std::optional<std::string_view> key = values.TextOf(state[i]);
    const Value value = state[i + 1];
    if (key == "subclass") {
      const Known* known = value.kind() == Kind::kGlobal ? values.KnownOf(value) : nullptr;
      array.is_plain = known != nullptr && known->state == State::kArray;
    } else if (key == "shape") {
      array.count = values.ProductOf(value);
    } else if (key == "order") {
      array.has_order = values.TextOf(value) == "C" || values.TextOf(value) == "F";
    } else if (key == "dtype") {
      array.dtype = value;
      array.has_dtype = values.IsObjectOf(value, State::kDtype);
    } else if (key == "numpy_array_alignment_bytes") {
      array.is_aligned = value.kind() == Kind::kInt;
    }
  }
  return array;
}

}  // namespace

// Where the size of the array cannot be told the walk ends, though joblib may go on; everything else is
// found, and the walk goes on behind the array.
bool Machine::ReadArray(Value state) {
  const uint64_t at = code_.offset();
  if (!dialect_.has_arrays) {
    Find(rules::kJoblibArray, at, "an array of joblib in what joblib does not write");
    return true;
  }
  if (!code_.LeaveFrame()) {
    Find(rules::kPickleFrame, at, "an array inside a frame");
    return false;
  }
  has_arrays_ = true;
  const Array array = ArrayOf(values_.ItemsOf(state), values_);
  uint64_t bytes = 0;
  if (!array.count || !array.has_dtype ||
      __builtin_mul_overflow(*array.count, uint64_t{values_.heap.at(array.dtype).count}, &bytes)) {
    Find(rules::kJoblibHiddenCode, at, "an array whose shape and type are not both plain");
    return false;
  }
  if (!array.is_plain || !array.has_order)
    Find(rules::kJoblibArray, at, "an array of another class or order");
  if (values_.heap.at(array.dtype).holds_object_dtype) {
    Machine inner(subject_, code_, {.is_inside_array = true});
    const End end = inner.Walk();
    inner.ReportImports();
    refused_ = refused_ || inner.is_refused();
    if (end != End::kStop) return false;
  } else if (!SkipArray(bytes, array.is_aligned)) {
    return Truncated();
  }
  // In place of the wrapper stands the array, which takes no state.
  stack_.back() = Value::Float();
  return true;
}

bool Machine::SkipArray(uint64_t bytes, bool is_aligned) {
  const uint64_t at = code_.offset();
  if (is_aligned) {
    // One byte says how many follow. It is no opcode, so that a plain unpickler goes no further.
    constexpr uint8_t kMostPadding = 32;
    if (!code_.Need(1)) return false;
    const uint8_t count = code_.Byte();
    if (!code_.Need(count)) return false;
    const std::string_view padding = code_.Take(count);
    if (count > kMostPadding || padding.find_first_not_of('\xff') != std::string_view::npos) {
      Find(rules::kJoblibArray, at, "padding that joblib does not write");
    }
  } else {
    // Before joblib 1.2 the bytes begin where a plain unpickler would look for opcodes.
    constexpr size_t kLooked = 4 << 10;
    const std::string_view ahead = code_.Ahead(static_cast<size_t>(std::min<uint64_t>(bytes, kLooked)));
    if (CouldImport(ahead, bytes))
      Find(rules::kJoblibArray, at, "bytes of an array that could be run as a pickle");
  }
  return code_.Skip(bytes);
}

}  // namespace batuta::safety::pickle
