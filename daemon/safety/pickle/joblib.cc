// What joblib puts between the opcodes: behind the state of a NumpyArrayWrapper stand the bytes of its array.
#include "daemon/safety/pickle/machine.h"
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

bool Machine::ReadArray(Value state) {
  const uint64_t at = code_.offset();
  const auto refuse = [&](std::string_view why) {
    Find(rules::kJoblibArray, at, why);
    return false;
  };
  if (!dialect_.has_arrays) return refuse("an array of joblib in what joblib does not write");
  if (!code_.LeaveFrame()) return refuse("an array inside a frame");
  const Array array = ArrayOf(values_.ItemsOf(state), values_);
  if (!array.is_plain || !array.count || !array.has_order || !array.has_dtype) {
    return refuse("an array whose class, shape, order and type are not all plain");
  }
  has_arrays_ = true;
  const Node& dtype = values_.heap.at(array.dtype);
  if (dtype.holds_object_dtype) {
    Machine inner(subject_, code_, {.is_inside_array = true});
    const End end = inner.Walk();
    inner.ReportImports();
    refused_ = refused_ || inner.is_refused();
    if (end != End::kStop) return false;
  } else {
    uint64_t bytes = 0;
    if (__builtin_mul_overflow(*array.count, uint64_t{dtype.count}, &bytes))
      return refuse("an array beyond any size");
    if (!array.is_aligned)
      return refuse("an array that begins where the opcodes of a plain pickle would go on");
    if (!SkipPadding()) return code_.status().ok() ? refuse("an array without its padding") : false;
    if (!code_.Skip(bytes)) return Truncated();
  }
  // In place of the wrapper stands the array.
  stack_.back() = Value::Float();
  return true;
}

// One byte says how many follow. It is no opcode, so that a plain unpickler goes no further.
bool Machine::SkipPadding() {
  constexpr uint8_t kMost = 32;
  if (!code_.Need(1)) return false;
  const uint8_t count = code_.Byte();
  if (count > kMost || !code_.Need(count)) return false;
  return code_.Take(count).find_first_not_of('\xff') == std::string_view::npos;
}

}  // namespace batuta::safety::pickle
