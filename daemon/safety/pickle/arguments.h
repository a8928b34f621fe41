#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "daemon/safety/pickle/heap.h"
#include "daemon/safety/pickle/import.h"
#include "daemon/safety/pickle/known.h"
#include "daemon/safety/pickle/value.h"

namespace batuta::safety::pickle {

// Raw bytes that a torch loader makes tensors of.
struct Storage {
  uint64_t element_bytes = 1;
  uint64_t count = 0;  // of elements
};

// All that values can refer to.
struct Values {
  Heap heap;
  std::vector<Import> imports;
  std::vector<Storage> storages;

  // The class of an object, the import behind a global; null for anything else and for what is not listed.
  const Known* KnownOf(Value value) const;

  // Text of either Python; nothing when it is not kept.
  std::optional<std::string_view> TextOf(Value value) const;

  // Of a tuple or another container, where they are kept.
  std::span<const Value> ItemsOf(Value value) const {
    return value.is_node() && value.kind() != Kind::kObject ? heap.Items(value) : std::span<const Value>();
  }

  bool IsObjectOf(Value value, State state) const {
    const Known* known = value.kind() == Kind::kObject ? KnownOf(value) : nullptr;
    return known != nullptr && known->state == state;
  }

  // A tuple or list of whole numbers ≥ 0: their product, or nothing when it is something else or too large.
  std::optional<uint64_t> ProductOf(Value shape) const;
};

// Why something is not harmless; empty when it is.
struct Objection {
  std::string_view text;
  bool is_about_size = false;  // of a storage or a tensor, which may be no more than a damaged file

  bool empty() const { return text.empty(); }
};

// Of a call of something listed. `arguments` are the items of the tuple.
Objection WhyNotCall(Call call, std::span<const Value> arguments, const Values& values);

// Of building an object with `value` as its state.
Objection WhyNotState(State state, Value value, const Values& values);

// The bytes of one element of a numpy dtype, by its code ("f8", "<U2"); nothing when it is none.
struct DtypeCode {
  uint32_t element_bytes = 0;
  bool is_object = false;
  bool is_flexible = false;  // its size is that which the state says
};

std::optional<DtypeCode> ParseDtypeCode(std::string_view code);

}  // namespace batuta::safety::pickle
