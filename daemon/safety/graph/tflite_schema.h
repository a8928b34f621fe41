#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

// The tables of a TFLite model, as data.
namespace batuta::safety::tflite {

enum class Table : uint8_t {
  kModel,
  kOperatorCode,
  kSubGraph,
  kTensor,
  kQuantization,
  kSparsity,
  kDimension,
  kVariant,
  kOperator,
  kBuffer,
  kMetadata,
  kSignature,
  kTensorMap,
  kExternalGroup,
  kExternalBuffer,
  // Unions: which table it is says a number in the field before it.
  kOptions,
  kMoreOptions,
  kDetails,
  kIndexes,
};

// Its fields in their order, a letter each: b h w q a number of 1, 2, 4 or 8 bytes; B H W Q a vector of
// those; s a string; T a table, V a vector of tables, U one of a union, whose kinds stand in `inner`, in
// order.
struct Layout {
  std::string_view fields;
  std::array<Table, 7> inner = {};
};

// Of a table that is no union.
const Layout& LayoutOf(Table table);

// Of the table that `kind` of a union is; nothing when no such kind is known. Kinds begin at 1.
std::optional<Layout> LayoutOf(Table table, uint8_t kind);

// The number of a builtin operation that stands for a custom one, and the last that is known.
inline constexpr uint32_t kCustom = 32;
inline constexpr uint32_t kLastBuiltin = 209;

}  // namespace batuta::safety::tflite
